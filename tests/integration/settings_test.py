"""Bad settings: for each one clear sentence in the log, nothing anywhere else, and a host that runs as if Pando were not there. And the
example program that links libpando, with good and bad options.

Usage: settings_test.py PANDO LIBPANDO EXAMPLE
"""
import os
import subprocess
import sys
import tempfile

from pando_testing import Receiver, check, environment, plain_environment

HOST = ["/bin/sh", "-c", "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; echo out; echo err >&2; exit 6"]
# Variable, value, what the sentence must say, and whether Pando stays off.
CASES = [
    ("PANDO_RATE_HZ", "0", "from 1 to 4000", True),
    ("PANDO_RATE_HZ", "4001", "from 1 to 4000", True),
    ("PANDO_RATE_HZ", "99x", "\"99x\"", True),
    ("PANDO_RATE_HZ", "-1", "whole number", True),
    ("PANDO_RATE_HZ", "9" * 400, "whole number", True),
    ("PANDO_INTERVAL_S", "0", "from 1 to 3600", True),
    ("PANDO_GROUP", "a b", "PANDO_GROUP", True),
    ("PANDO_GROUP", "x" * 256, "1 to 255", True),
    ("PANDO_GROUP", "caf\u00e9", "PANDO_GROUP", True),
    ("PANDO_URL", "ftp://127.0.0.1/", "http:// or https://", True),
    ("PANDO_URL", "127.0.0.1:8080", "http:// or https://", True),
    ("PANDO_URL", "http://", "http:// or https://", True),
    ("PANDO_FOLLOW", "maybe", "true or false", True),
    ("PANDO_UNWIND", "guess", "rows", True),
    ("PANDO_RING_KIB", "100", "power of two", True),
    ("PANDO_DEPTH", "1", "from 2", True),
    ("PANDO_TREE_MIB", "0", "from 1", True),
    ("PANDO_LOG_LEVEL", "loud", "error, warning, info or debug", True),
    ("PANDO_EXIT_TIMEOUT_MS", "x", "whole number", True),
    ("PANDO_RATEHZ", "100", "PANDO_RATEHZ is no variable of Pando's", False),
]


def run(command, env):
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def main():
    pando, library, example = sys.argv[1:4]
    plain = run(HOST, plain_environment())
    with tempfile.TemporaryDirectory() as folder, Receiver(pando) as receiver:
        for number, (name, value, words, is_off) in enumerate(CASES):
            log = os.path.join(folder, f"log-{number}")
            env = environment(library, receiver.url, f"case-{number}", log=log, rate_hz=500)
            env[name] = value
            check(run(HOST, env) == plain, f"{name}={value:.40}: the host is another one")
            lines = open(log).read().splitlines() if os.path.exists(log) else []
            mine = [line for line in lines if words in line]
            check(len(mine) >= 1, f"{name}={value:.40}: no sentence with {words!r} in {lines}")
            check(len(set(line.split(": ", 1)[1] for line in lines)) == 1, f"{name}={value:.40}: more than one sentence: {lines}")
            check(all(len(line) < 700 for line in lines), f"{name}: a sentence of {max(map(len, lines))} bytes")
            check(("stays off" in mine[0]) == is_off, f"{name}={value:.40}: {mine[0]}")
            check(not is_off or not receiver.report(f"case-{number}"), f"{name}={value:.40}: a profile came all the same")
        print(f"{len(CASES)} bad settings: one sentence each, the host unharmed")

        # Nobody there: the host ends with its own status, soon; the log says so.
        log = os.path.join(folder, "nobody")
        env = environment(library, "http://127.0.0.1:9", "nobody", log=log, rate_hz=1000)
        command = ["/usr/bin/python3", "-c", "print(sum(i * i for i in range(4000000)))"]
        check(run(command, env) == run(command, plain_environment()), "an unreachable receiver changes the host")
        check("cannot be delivered" in open(log).read(), f"nothing is said of it: {open(log).read()}")
        # A log that cannot be written changes nothing either.
        env = environment(library, receiver.url, "nolog", log="/proc/nonsense/log", rate_hz="x")
        check(run(HOST, env) == plain, "a log that cannot be written changes the host")
        print("an unreachable receiver and an unwritable log: the host unharmed")

        # The linked library, and what it says.
        status, out, err = run([example, receiver.url, "linked"], plain_environment())
        check(status == 0 and "samplesKept" in out and err == "", f"the example: {status} {out} {err}")
        report = receiver.report("linked")
        check(report and any(row["name"] == "collatz_steps" for row in report["top"]), f"the example's profile: {report and report['top'][:3]}")
        status, out, err = run([example, receiver.url, "not a group"], plain_environment())
        check(status == 0 and "not profiled: the group is" in err and "longest chain" in out, f"a bad group: {status} {out} {err}")
        status, out, err = run([example, "http://127.0.0.1:9"], plain_environment())
        check(status == 0 and "not delivered" in err and "longest chain" in out, f"nobody there: {status} {out} {err}")
        print("the linked example: a profile, and a sentence for each mistake")


main()
