"""Work that takes a while says so on the terminal, after half a second, and wipes it out; never in a pipe, with --json, NO_COLOR or a dumb
terminal. The slow work is real: standard input that comes late, a server that is slow to answer, a process without a safe moment, a store
that another holds.

Usage: progress_test.py PANDO
"""
import atexit
import os
import pty
import re
import select
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

from pando_testing import Receiver, check, plain_environment, wait_for

FOLDED = b"main;work 600\nmain;rest 400\n"


class OnTerminal:
    """A command whose stderr (and nothing else) is a terminal."""

    def __init__(self, *words, stdin=subprocess.DEVNULL, **variables):
        self.main, other = pty.openpty()
        env = {**plain_environment(), "TERM": "xterm", **variables}
        self.process = subprocess.Popen(words, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=other)
        atexit.register(lambda: self.process.poll() is None and self.process.kill())
        os.close(other)
        self.text = ""

    def read(self):
        """What is there by now; False at the end."""
        if not select.select([self.main], [], [], 0.1)[0]:
            return True
        try:
            self.text += os.read(self.main, 65536).decode()
            return True
        except OSError:  # nobody has the other end any more
            return False

    def shows(self, what):
        wait_for(what, lambda: self.read() and re.search(what, self.text))

    def end(self):
        while self.read():
            pass
        os.close(self.main)
        return self.process.wait(60), self.process.stdout.read().decode()


def screen(text):
    """The lines as they stand on the terminal in the end."""
    lines = []
    for line in text.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part[3:] if part.startswith("\033[K") else part if part else shown
        lines.append(shown.replace("\033[K", ""))
    return "\n".join(lines)


def test_file(pando):
    slow = OnTerminal(pando, "report", "-", "--unit", "ns", stdin=subprocess.PIPE)
    slow.process.stdin.write(FOLDED[:10])
    slow.process.stdin.flush()
    slow.shows(r"\rpando: reading the standard input.* s \.\.\.")
    slow.process.stdin.write(FOLDED[10:])
    slow.process.stdin.close()
    status, out = slow.end()
    check(status == 0 and "work" in out and "\r" not in out, f"report: {status}, {out}")
    check(screen(slow.text).strip() == "", f"the line stays: {slow.text!r}")
    # Where nothing may be shown it is waited for much longer than it takes to show something.
    for words, variables in (((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"}), (("--json",), {}), (("--format", "json"), {}), ((), {"PANDO_JSON": "1"})):
        quiet = OnTerminal(pando, "report", "-", "--unit", "ns", *words, stdin=subprocess.PIPE, **variables)
        time.sleep(1)
        quiet.process.stdin.write(FOLDED)
        quiet.process.stdin.close()
        status, out = quiet.end()
        check(status == 0 and quiet.text == "", f"{words} {variables}: {status}, {quiet.text!r}")
    piped = subprocess.Popen([pando, "report", "-", "--unit", "ns"], env={**plain_environment(), "TERM": "xterm"}, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1)
    _, err = piped.communicate(FOLDED)
    check(piped.returncode == 0 and err == b"", f"in a pipe: {err}")


def test_pipe_as_file(pando):
    """A pipe has each byte once: the look at what a file is must not eat them."""
    done = subprocess.run(["bash", "-c", f'"{pando}" report --unit ns <(printf "main;work 600\\nmain;rest 400\\n")'], capture_output=True, text=True)
    check(done.returncode == 0 and "work" in done.stdout and "60.0" in done.stdout, f"a pipe as FILE: {done}")


def test_server(pando):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        slow = OnTerminal(pando, "ls", "--url", f"http://user:secret@127.0.0.1:{port}")
        connection, _ = server.accept()
        slow.shows(rf"pando: asking 127\.0\.0\.1:{port}")
        check("secret" not in slow.text, f"a password on the terminal: {slow.text}")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{\"groups\":[]}")
        connection.close()
        status, _ = slow.end()
        check(status == 0 and screen(slow.text).strip() == "", f"ls: {status}, {slow.text!r}")


def test_attach(pando):
    """A thread in a signal handler that never ends is at no safe point."""
    with tempfile.TemporaryDirectory() as folder, Receiver(pando) as receiver:
        with open(f"{folder}/one.c", "w") as file:
            file.write("#include <signal.h>\n#include <stdio.h>\n#include <unistd.h>\n"
                       "static void on(int n) { (void)n; puts(\"ready\"); fflush(stdout); for (;;) pause(); }\n"
                       "int main(void) { signal(SIGUSR1, on); raise(SIGUSR1); return 0; }\n")
        subprocess.run(["gcc", "-o", f"{folder}/one", f"{folder}/one.c"], check=True)
        host = subprocess.Popen([f"{folder}/one"], stdout=subprocess.PIPE)
        atexit.register(host.kill)
        host.stdout.readline()
        slow = OnTerminal(pando, "attach", "--timeout", "2", "--url", receiver.url, str(host.pid))
        slow.shows(rf"pando: waiting for a safe moment in process {host.pid}")
        status, _ = slow.end()
        left = screen(slow.text).strip()
        check(status == 1 and left.startswith(f"pando: no thread of process {host.pid} was") and "\n" not in left, f"attach: {status}, {left!r}")
        host.kill()


def test_serve(pando):
    """A store that somebody else is writing to."""
    with tempfile.TemporaryDirectory() as folder:
        store = f"{folder}/a.sqlite"
        with Receiver(pando, "--store", store):
            pass
        holder = sqlite3.connect(store, isolation_level=None)
        holder.execute("PRAGMA journal_mode = delete")
        holder.execute("BEGIN EXCLUSIVE")
        slow = OnTerminal(pando, "serve", "--listen", "127.0.0.1:0", "--store", store)
        slow.shows("pando: opening .*a.sqlite")
        holder.execute("ROLLBACK")
        holder.close()
        check(b"http://" in slow.process.stdout.readline(), f"serve: {slow.text!r}")
        slow.process.terminate()
        status, _ = slow.end()
        check(status == 0 and screen(slow.text).strip() == "", f"serve: {status}, {slow.text!r}")


def main():
    pando = os.path.abspath(sys.argv[1])
    test_file(pando)
    test_pipe_as_file(pando)
    test_server(pando)
    test_attach(pando)
    test_serve(pando)
    print("progress is shown where it should be, and only there")


main()
