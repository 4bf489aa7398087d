"""The command's options at work: `pando run` with --duration, -o, --save, variables and --show-config, `pando top` in a terminal and outside
of one. (options_test.py is about the tables that options come from.)

Usage: command_test.py PANDO LIBPANDO CONTROLLED
"""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

from pando_testing import Receiver, check, environment, plain_environment, wait_for


def run(pando, *words, expect=0, folder=None, **variables):
    env = plain_environment()
    env.update({name.upper(): value for name, value in variables.items()})
    done = subprocess.run([pando, *words], env=env, cwd=folder, capture_output=True, text=True, timeout=120)
    check(done.returncode == expect, f"{words}: status {done.returncode}: {done.stderr}")
    return done


def test_config(pando):
    config = {one["option"]: one for one in json.loads(run(pando, "run", "--rate", "7", "--show-config", "--json", pando_top="4").stdout)}
    check((config["rate"]["value"], config["rate"]["from"]) == ("7", "option"), config["rate"])
    check((config["top"]["value"], config["top"]["from"]) == ("4", "variable"), config["top"])
    check(config["interval"]["from"] == "default", config["interval"])
    check("PANDO_RATE_HZ must be" in run(pando, "run", "true", pando_rate_hz="x", expect=2).stderr, "a bad variable")
    check("does not tell the format" in run(pando, "run", "-o", "x.what", "true", expect=2).stderr, "a bad suffix")
    check("--url sends to another" in run(pando, "run", "--url", "http://127.0.0.1:9", "--save", "true", expect=2).stderr, "--url with --save")


def test_run(pando):
    loop = "x = sum(i * i for i in range(3000000)); raise SystemExit(5)"
    with tempfile.TemporaryDirectory() as folder:
        done = run(pando, "run", "-o", "out.folded", "--save", "--", "python3", "-c", loop, expect=5, folder=folder, pando_url="http://127.0.0.1:9", pando_top="0")
        check("self %" not in done.stderr, "PANDO_TOP=0 is not obeyed")
        check(re.search(r" \d+$", open(f"{folder}/out.folded").read().splitlines()[0]), "no folded stacks")
        store, = [name for name in os.listdir(folder) if name.endswith(".sqlite")]
        check(store.startswith("python3-"), store)
        report = json.loads(run(pando, "report", "--store", f"{folder}/{store}", "--format", "json").stdout)
        check(report["totalNs"] > 0, "the saved profiles are empty")


def test_duration(pando, controlled):
    """Profiling ends, the program runs on, and its status is passed on."""
    process = subprocess.Popen([pando, "run", "--duration", "2", "--", controlled], env=plain_environment(), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    process.stdout.readline()
    child, = open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()
    wait_for("a timer", lambda: open(f"/proc/{child}/timers").read() != "")
    wait_for("the end of profiling", lambda: open(f"/proc/{child}/timers").read() == "")
    check(process.poll() is None, "the program ended, too")
    os.kill(int(child), signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    check(process.returncode == 0 and out == "disturbed 0\n", f"{process.returncode}, {out!r}")
    check("computing" in err, f"no table: {err}")


def read_until(fd, condition, what):
    seen, deadline = "", time.monotonic() + 30
    while time.monotonic() < deadline and not condition(seen):
        if select.select([fd], [], [], 0.2)[0]:
            try:
                seen += os.read(fd, 65536).decode(errors="replace")
            except OSError:
                break
    check(condition(seen), f"top: {what} is not in {seen[-600:]!r}")
    return seen


def test_top(pando, library, controlled):
    with Receiver(pando) as receiver:
        host = subprocess.Popen([controlled], env=environment(library, receiver.url, "topped", interval_s=1), stdout=subprocess.PIPE, text=True)
        try:
            host.stdout.readline()
            wait_for("a profile", lambda: receiver.report("topped"))
            once = run(pando, "top", "--url", receiver.url).stdout
            check("computing" in once and "\033" not in once, once)
            check("computing" in run(pando, "top", str(host.pid), "--sort", "total").stdout, "top PID")
            for no_color, expected in (("", True), ("1", False)):
                main, other = pty.openpty()
                fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 40, 0, 0))
                before = termios.tcgetattr(other)
                env = dict(plain_environment(), TERM="xterm", NO_COLOR=no_color)
                top = subprocess.Popen([pando, "top", "--url", receiver.url, "--interval", "1"], env=env, stdin=other, stdout=other, stderr=other)
                text = read_until(main, lambda seen: "computin" in seen and "\033[J" in seen, "a table")
                check(("\033[31m" in text) == expected, f"NO_COLOR={no_color}: colours are {not expected}")
                lines = re.sub(r"\033\[[0-9;?]*[a-zA-Z]", "", text).splitlines()
                check(all(len(line) <= 40 for line in lines), f"a line is longer than the terminal: {max(lines, key=len)!r}")
                fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 200, 0, 0))
                top.send_signal(signal.SIGWINCH)
                os.write(main, b"n")
                read_until(main, lambda seen: any(len(line) > 60 for line in seen.splitlines()), "a wider table")
                os.write(main, b"q")
                check(top.wait(20) == 0, "top did not end at q")
                check(termios.tcgetattr(other) == before, "the terminal is left in another mode")
                read_until(main, lambda seen: "\033[?1049l" in seen, "the end of its screen")
                os.close(main), os.close(other)
        finally:
            host.kill()


def main():
    pando, library, controlled = map(os.path.abspath, sys.argv[1:4])
    test_config(pando)
    test_run(pando)
    test_duration(pando, controlled)
    test_top(pando, library, controlled)
    print("options, variables and the live table are as they should be")


main()
