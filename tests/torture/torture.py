"""Runs the host of torture.cc again and again with random seeds, without and with Pando, for as long as it is told to: the same
words and the same end, no hang (a watchdog shows where, with gdb), samples accounted for. Each round prints its seed; a round is
replayed with --seed.

Usage: torture.py PANDO LIBPANDO TORTURE [--seconds N] [--seed N] [--round-seconds N] [ACTOR...]
"""
import argparse
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from pando_testing import Receiver, check, environment, fail, is_conserved, plain_environment, wait_for  # noqa: E402

RATES_HZ = (1000, 2000, 4000)
MODES = ("cpu", "both", "wall", "cpu")  # four and three: each rate meets each mode
WALL_RATE_HZ = 200
HANG_S = 90
TRIES_PLAIN = 2


def show_threads(process):
    """Where everybody stands, of the process and its children, before they are killed."""
    listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True).stdout.split()
    for pid in [str(process.pid)] + listing:
        done = subprocess.run(["gdb", "-q", "-batch", "-p", pid, "-ex", "thread apply all bt 12"], capture_output=True, text=True)
        print(f"--- process {pid}\n{done.stdout[-20000:]}", flush=True)


def run(command, env):
    """(status, stdout, stderr), or None after a hang."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        out, err = process.communicate(timeout=HANG_S)
        return process.returncode, out, err
    except subprocess.TimeoutExpired:
        show_threads(process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None


def one_round(options, receiver, seed, seconds):
    rate, mode = RATES_HZ[seed % len(RATES_HZ)], MODES[seed // 2 % len(MODES)]
    command = [options.torture, str(seed), str(seconds)] + options.actors
    group = f"torture-{seed}"
    # The host's own chances are against it too (libc's locks after a fork): what it cannot do alone says nothing.
    for _ in range(TRIES_PLAIN):
        plain = run(command, plain_environment())
        if plain is not None and plain[0] == 0:
            break
    else:
        fail(f"seed {seed}: without Pando it ended so {TRIES_PLAIN} times: {plain}")
    under = run(command, environment(options.library, receiver.url, group, rate_hz=rate, interval_s=1, mode=mode,
                                     wall_rate_hz=WALL_RATE_HZ))
    check(under is not None, f"seed {seed}: under Pando at {rate} Hz, {mode}, it hung")
    check(plain == under, f"seed {seed}: at {rate} Hz, {mode}\nwithout Pando {plain}\nwith Pando {under}")
    report = wait_for(f"seed {seed}: a profile", lambda: receiver.report(group), 20)
    counters = report["counters"]
    check(is_conserved(counters, ends_whole=False), f"seed {seed}: samples are not accounted for: {counters}")
    check(counters["samplesKept"] > 0, f"seed {seed}: no samples: {counters}")
    print(f"seed {seed}: {rate} Hz, {mode}, {counters['samplesKept']} samples kept of {counters['signals']}, "
          f"{report['totalNs'] / 1e9:.1f} s of CPU time, {counters.get('threadsSeen', 0)} threads, the same words", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pando")
    parser.add_argument("library")
    parser.add_argument("torture")
    parser.add_argument("actors", nargs="*")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--round-seconds", type=float, default=5)
    parser.add_argument("--seed", type=int)
    options = parser.parse_intermixed_args()
    end = time.monotonic() + options.seconds
    rounds = 0
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    with Receiver(options.pando) as receiver:
        while True:
            one_round(options, receiver, seed + rounds, options.round_seconds)
            rounds += 1
            if options.seed is not None or time.monotonic() + 2 * options.round_seconds > end:
                break
    print(f"{rounds} rounds, nothing broke")


main()
