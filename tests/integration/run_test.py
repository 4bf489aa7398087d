#!/usr/bin/env python3
"""`pando run` must not be noticed by what it runs: descriptors, signals, streams and exit status are the program's own.

Each check runs a program without and with `pando run` and compares. The receiver is a small one in this file, so that the test
needs nothing but the command (and some libpando.so: the built one, or what PANDO_LIBRARY names).
"""
import http.server
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

PANDO = os.path.join(os.environ["PANDO_BUILD"], "cli", "pando")
DEADLINE_S = 60
TREE = {"group": "g", "startMs": 1, "endMs": 2, "profiles": 3, "samples": 100, "unit": "nanoseconds", "totalNs": 10**9,
        "cpuTimeNs": 11 * 10**8, "overheadNs": 5 * 10**6, "counters": {"samplesDropped": 3},
        "frames": [{"name": "", "object": ""}, {"name": "ma\x1bin", "object": "a.out"}],
        "nodes": {"parent": [0, 0], "frame": [0, 1], "selfNs": [0, 10**9]}}


class Receiver(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path.startswith("/api/v1/groups/full/tree"):
            self.answer(200, json.dumps(TREE).encode())
        elif self.path == "/api/v1/groups":
            self.answer(200, b'{"groups":[{"name":"full"},{"name":"other"}]}')
        else:
            self.answer(404)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(204)

    def log_message(self, *_):
        pass


failures = []


def check(what, good, detail=""):
    print(("ok   " if good else "FAIL ") + what + ("" if good else f": {detail}"), flush=True)
    if not good:
        failures.append(what)


def both(command, run_options=(), **keywords):
    """The results of command without and with pando run."""
    keywords.setdefault("stdin", subprocess.DEVNULL)
    keywords.setdefault("timeout", DEADLINE_S)
    plain = subprocess.run(command, capture_output=True, **keywords)
    under = subprocess.run([PANDO, "run", "--url", URL, *run_options, "--", *command], capture_output=True, **keywords)
    return plain, under


def compare(what, command, **keywords):
    plain, under = both(command, **keywords)
    check(what, (plain.returncode, plain.stdout) == (under.returncode, under.stdout),
          f"{(plain.returncode, plain.stdout)} became {(under.returncode, under.stdout)}, {under.stderr}")


def exit_statuses():
    for status in (0, 1, 77, 255):
        compare(f"exit status {status}", ["sh", "-c", f"exit {status}"])
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE):
        _, under = both(["sh", "-c", f"ulimit -c 0; kill -{int(number)} $$"])
        check(f"ended by {number.name}", under.returncode == 128 + number, under.returncode)
    for command, status, text in ((["pando-no-such-program"], 127, b"command not found"),
                                  (["/pando/no/such"], 127, b"No such file"), (["/etc/passwd"], 126, b"Permission denied"),
                                  (["/"], 126, b"Permission denied")):
        under = subprocess.run([PANDO, "run", "--url", URL, *command], capture_output=True, timeout=DEADLINE_S)
        check(f"{command[0]} gives {status}", under.returncode == status and text in under.stderr, under)


def streams():
    text = os.urandom(300000)
    with tempfile.TemporaryFile() as file:
        file.write(text)
        for what in ("plain", "under"):
            file.seek(0)
            command = ["cat"] if what == "plain" else [PANDO, "run", "--url", URL, "cat"]
            result = subprocess.run(command, stdin=file, capture_output=True, timeout=DEADLINE_S)
            check(f"bytes pass through cat ({what})", result.stdout == text and result.returncode == 0, result.stderr)
    compare("arguments", ["printf", "<%s>", "a b", "", "--group", "-x", "*", "\n"])
    compare("working directory", ["pwd"], cwd="/usr")


LIST = r"""
import os, fcntl, signal
fds = []
for fd in range(0, 400):
    try:
        fcntl.fcntl(fd, fcntl.F_GETFD)
        fds.append(fd)
    except OSError:
        pass
status = [l for l in open("/proc/self/status") if l.startswith(("SigIgn", "SigBlk", "SigPnd"))]
print(fds, status)
"""


def inheritance():
    # -S and -I: nothing of Python's own start may differ. Its SIGPIPE handling is the same in both.
    probe = [sys.executable, "-I", "-S", "-c", LIST]
    compare("descriptors and signal masks", probe)
    reading, writing = os.pipe()
    compare("descriptors that were passed", probe, pass_fds=(reading, writing))
    os.close(reading)
    os.close(writing)
    for number in (signal.SIGHUP, signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE):
        compare(f"{number.name} ignored stays ignored", probe,
                preexec_fn=lambda number=number: signal.signal(number, signal.SIG_IGN))
    compare("a blocked signal stays blocked", probe,
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGWINCH}))

    def close_input():
        os.close(0)

    compare("a closed stdin stays closed", probe, preexec_fn=close_input, stdin=None)


def wait_for(condition, what):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{what} did not happen in {DEADLINE_S} s")
        time.sleep(0.02)


# Says when it is ready, and counts what comes: a signal that is passed on must come once.
COUNTER = r"""
import signal, sys, time
got = []
for s in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(s, lambda n, f: (print(signal.Signals(n).name, flush=True), got.append(n)))
signal.signal(signal.SIGUSR2, lambda n, f: sys.exit(9))
print("ready", flush=True)
while True:
    time.sleep(0.02) # (a signal that comes just before signal.pause would wait for the next one)
"""


def signals():
    child = subprocess.Popen([PANDO, "run", "--url", URL, sys.executable, "-c", COUNTER], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
    check("the program runs", child.stdout.readline() == "ready\n")
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT, signal.SIGQUIT):
        child.send_signal(number)
        check(f"{number.name} is passed on", child.stdout.readline() == number.name + "\n")
    child.send_signal(signal.SIGUSR2)
    rest = child.stdout.read()
    status = child.wait(DEADLINE_S)
    check("each came once, and the status is the program's", (rest, status) == ("", 9), (rest, status))


def terminal_interrupt():
    """Ctrl-C in a terminal reaches the program once, from the terminal, and pando waits for it."""
    master, slave = os.openpty()

    def own_terminal():
        os.setsid()
        import fcntl
        import termios
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    child = subprocess.Popen([PANDO, "run", "--url", URL, sys.executable, "-c", COUNTER], stdin=slave, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, preexec_fn=own_terminal)
    os.close(slave)
    check("the program runs in a terminal", child.stdout.readline() == "ready\n")
    os.write(master, b"\x03")
    check("Ctrl-C reaches it", child.stdout.readline() == "SIGINT\n")
    child.send_signal(signal.SIGUSR2)
    rest = child.stdout.read()
    status = child.wait(DEADLINE_S)
    check("once", (rest, status) == ("", 9), (rest, status))
    os.close(master)


def environment():
    _, under = both(["env"], run_options=("--rate", "99", "--interval", "2", "--log", "/dev/null"),
                    env={**os.environ, "LD_PRELOAD": "/lib/x86_64-linux-gnu/libm.so.6", "KEPT": "x"})
    values = dict(line.split("=", 1) for line in under.stdout.decode().splitlines() if "=" in line)
    check("LD_PRELOAD has ours first", "/libpando.so" in values.get("LD_PRELOAD", "").split(":")[0] and
          values["LD_PRELOAD"].split(":")[1:] == ["/lib/x86_64-linux-gnu/libm.so.6"], values)
    expected = {"PANDO_URL": URL, "PANDO_GROUP": "env", "PANDO_RATE_HZ": "99", "PANDO_INTERVAL_S": "2",
                "PANDO_LOG": "/dev/null", "KEPT": "x"}
    check("settings", all(values.get(k) == v for k, v in expected.items()), values)
    under = subprocess.run([PANDO, "run", "--url", URL, "sh", "-c", "exit 3"], capture_output=True, timeout=DEADLINE_S,
                           env={**os.environ, "PANDO_LIBRARY": "/nonexistent/libpando.so"})
    check("a missing library is one sentence", under.returncode == 1 and under.stderr.count(b"\n") == 1, under)


def messages():
    under = subprocess.run([PANDO, "run", "--url", URL, "--group", "full", "true"], capture_output=True, timeout=DEADLINE_S)
    check("the table", b"100.0    100.0         1.00 s  ma?in  (a.out)" in under.stderr, under.stderr)
    check("the losses", b"samplesDropped: 3" in under.stderr, under.stderr)
    check("stdout is the program's", under.stdout == b"", under.stdout)
    _, under = both(["true"])
    check("no profile, and why", b"no profile came" in under.stderr, under.stderr)
    report = subprocess.run([PANDO, "report", "--url", URL], capture_output=True, timeout=DEADLINE_S)
    check("several groups", report.returncode == 1 and b"full, other" in report.stderr, report)
    report = subprocess.run([PANDO, "report", "--url", URL, "--group", "full", "--format", "json"], capture_output=True,
                            timeout=DEADLINE_S)
    top = json.loads(report.stdout)["top"]
    check("JSON", top == [{"name": "ma\x1bin", "object": "a.out", "selfNs": 10**9, "totalNs": 10**9, "selfPercent": 100.0,
                           "totalPercent": 100.0}], top)
    for wrong in (["--nonsense"], ["run"], ["run", "--rate", "x", "true"], ["run", "--nonsense", "true"], ["nonsense"],
                  ["report"], ["serve", "operand"], ["serve", "--listen"], ["run", "--url", URL, "--keep", "true"]):
        result = subprocess.run([PANDO, *wrong], capture_output=True, timeout=DEADLINE_S)
        check(f"pando {' '.join(wrong)}", result.returncode == 2 and result.stderr.count(b"\n") == 1, result)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
URL = f"http://127.0.0.1:{server.server_port}"
threading.Thread(target=server.serve_forever, daemon=True).start()
for scenario in (exit_statuses, streams, inheritance, signals, terminal_interrupt, environment, messages):
    scenario()
print(f"{len(failures)} failed")
sys.exit(1 if failures else 0)
