"""A program of known shares: three functions burn 60, 30 and 10 % of the CPU time in four threads. The profile must show these
shares within three standard deviations, its total within 2 % of getrusage, and whole stacks with nothing of Pando's in them.

Usage: shares_test.py PANDO LIBPANDO SHARES
"""
import math
import subprocess
import sys

from pando_testing import Receiver, check, environment, paths, share

RATE_HZ = 100
EXPECTED = {"burn_sixty": 0.6, "burn_thirty": 0.3, "burn_ten": 0.1}


def measure(receiver, library, shares, group, seconds):
    """One run: the report, and what is wrong with its numbers (empty: nothing)."""
    done = subprocess.run([shares, "4", str(seconds)], env=environment(library, receiver.url, group, rate_hz=RATE_HZ),
                          capture_output=True, text=True, timeout=300)
    check(done.returncode == 0 and done.stderr == "", f"status {done.returncode}, stderr {done.stderr!r}")
    used_s = float(done.stdout)
    report = receiver.report(group)
    check(report, "no profile came")
    total_s = report["totalNs"] / 1e9
    print(f"CPU time: getrusage {used_s:.3f} s, profile {total_s:.3f} s ({(total_s / used_s - 1) * 100:+.2f} %)")
    wrong = [] if abs(total_s / used_s - 1) < 0.02 else ["the totals differ by more than 2 %"]
    in_three = sum(share(report, name, "totalPercent") for name in EXPECTED)
    for name, expected in EXPECTED.items():
        found = share(report, name, "totalPercent") / in_three
        # Independent are the signals, not the intervals that each stands for.
        sigma = math.sqrt(expected * (1 - expected) / report["samples"])
        print(f"{name}: {found * 100:.2f} % of the three ({(found - expected) / sigma:+.2f} sigma)")
        if abs(found - expected) > 3 * sigma:
            wrong.append(f"{name} is more than three sigma off")
    return report, wrong


def main():
    pando, library, shares = sys.argv[1:4]
    with Receiver(pando) as receiver:
        # One in a hundred honest runs is beyond three sigma somewhere. A longer run has a smaller sigma: what is really wrong
        # fails all three.
        for seconds in (4, 8, 16):
            report, wrong = measure(receiver, library, shares, f"shares-{seconds}", seconds)
            if not wrong:
                break
            print("; ".join(wrong))
        check(not wrong, "three runs, each longer than the one before: " + "; ".join(wrong))
    whole = 0
    for path, self_ns in paths(report).items():
        check(not any("pando" in name for name in path), f"Pando is in the profile: {path}")
        if "work" in path:
            # start_thread and clone3 are nameless where libc has no .symtab.
            caller = path[path.index("work") - 1]
            check(caller == "start_thread" or caller.startswith("[libc.so.6+"), f"who called work? {path}")
            whole += self_ns
    check(whole > 0.97 * report["totalNs"], f"only {whole / report['totalNs'] * 100:.1f} % of the time is under the threads' function")


main()
