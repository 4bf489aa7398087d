"""Whether the numbers are true: programs whose shares of CPU time are known (tests/programs/known_shares.c), profiled, compared.

- splits of 50, 30, 15 and 5 %, recursion, tail calls, code that lives in system calls, a delay added to one function: within three
  standard deviations of a sample of that size;
- 2 and 8 equal threads: chi-square below the one in a thousand that chance alone would exceed;
- 400 threads of 1 ms each: their share of the time, though most of them live between two ticks of the kernel's;
- each total within 1 % of the process's CPU clock, give or take an interval for each thread;
- a budget that is too small for a deep recursion: fewer samples, the same total.

A result outside is tried once more with four times the time, never with a wider limit. Two programs run at a time.

Usage: accuracy_test.py PANDO LIBPANDO KNOWN_SHARES
"""
import concurrent.futures
import math
import os
import subprocess
import sys

from pando_testing import Receiver, check, environment, is_conserved, share

RATE_HZ = 500
# Chi-square that chance exceeds once in a thousand, by degrees of freedom.
CHI_SQUARE = {1: 10.83, 7: 24.32}


class Run:
    """One run of a mode: what the program said, and the report."""

    def __init__(self, world, mode, *numbers, **settings):
        receiver, library, program, group = world
        settings = {"rate_hz": RATE_HZ, "budget_percent": 100, **settings}
        done = subprocess.run([program, mode, *[str(n) for n in numbers]], capture_output=True, text=True, timeout=120,
                              env=environment(library, receiver.url, group, **settings))
        check(done.returncode == 0 and done.stderr == "", f"{mode}: status {done.returncode}, stderr {done.stderr!r}")
        self.said = [float(word) for word in done.stdout.split()]
        self.used_s = self.said[-1]
        self.report = receiver.report(group)
        check(self.report, f"{mode}: no profile came")
        self.counters = self.report["counters"]
        self.total_s = self.report["totalNs"] / 1e9
        self.samples = self.counters["samplesFolded"]
        check(is_conserved(self.counters), f"{mode}: samples are not accounted for: {self.counters}")

    def of(self, *functions):
        """Seconds in and below these functions (none of which calls another)."""
        return sum(share(self.report, function, "totalPercent") for function in functions) / 100 * self.total_s

    def total_is_off(self, threads):
        """In units of what is allowed: 1 %, and the rounding of each thread's time to intervals (three sigma of its sum)."""
        allowed_s = 0.01 * self.used_s + 3 * math.sqrt(threads / 6) / RATE_HZ
        return [("total", abs(self.total_s - self.used_s) / allowed_s, f"{self.total_s:.3f} s of {self.used_s:.3f}")]


def sigmas(name, found, expected, samples):
    sigma = math.sqrt(expected * (1 - expected) / samples)
    return (name, abs(found - expected) / (3 * sigma), f"{found * 100:.2f} % for {expected * 100:.2f} ({(found - expected) / sigma:+.2f} sigma)")


def shares(run, expected):
    """Those of the named functions among themselves."""
    found = {name: run.of(name) for name in expected}
    whole, of_all = sum(found.values()), sum(expected.values())
    return [sigmas(name, found[name] / whole, expected[name] / of_all, run.samples) for name in expected]


def split(world, times):
    run = Run(world, "split", 4 * times)
    return shares(run, {"burn_50": 0.5, "burn_30": 0.3, "burn_15": 0.15, "burn_5": 0.05}) + run.total_is_off(1)


def equal(world, times, threads):
    run = Run(world, "equal", threads, 4 * times / threads)
    found = [run.of(f"thread_{i}") * run.samples / run.total_s for i in range(threads)]
    mean = sum(found) / threads
    chi_square = sum((x - mean) ** 2 / mean for x in found)
    return [("chi-square", chi_square / CHI_SQUARE[threads - 1], f"{chi_square:.1f}, {min(found) / mean:.3f} to {max(found) / mean:.3f} of the mean")
            ] + run.total_is_off(threads + 1)


def brief(world, times):
    """At 100 Hz: a thread lives a tenth of an interval, and the kernel looks at every fourth or tenth of them."""
    count = 400 * times
    run = Run(world, "brief", count, 1000, rate_hz=100)
    expected = run.said[0] / run.used_s
    intervals = run.total_s * 100 # each thread's is one with probability 0.1
    return [sigmas("brief threads", run.of("brief_thread") / run.total_s, expected, intervals)]


def recursion(world, times):
    run = Run(world, "recursion", 2 * times)
    # In and below: once, however often it is in the stack.
    return [("recursion", abs(run.of("recursion") / run.total_s - 1) / 0.03, f"{run.of('recursion') / run.total_s * 100:.2f} %")
            ] + run.total_is_off(1)


def tail(world, times):
    run = Run(world, "tail", 3 * times)
    seen = run.of("tail_caller") / run.total_s
    return shares(run, {"tail_target": 0.7, "burn_other": 0.3}) + [("tail_caller", seen / 0.01, f"{seen * 100:.2f} %")]


def kernel(world, times):
    run = Run(world, "kernel", 4 * times)
    return shares(run, {"in_kernel": 0.4, "in_user": 0.6}) + run.total_is_off(1)


def delay(world, times):
    """Of 100 parts 20 are the function's; 40 more, and it has 60 of 140."""
    before, after = (Run((*world[:3], f"{world[3]}-{percent}"), "delay", 3 * times, percent) for percent in (0, 40))
    added = after.of("burn_delayed") / after.of("burn_other") - before.of("burn_delayed") / before.of("burn_other")
    sigma = math.sqrt(sum((s / o) ** 2 * (1 / s + 1 / o) for run in (before, after)
                          for s, o in [(run.of("burn_delayed") * RATE_HZ / 2, run.of("burn_other") * RATE_HZ / 2)]))
    return (shares(before, {"burn_delayed": 0.2, "burn_other": 0.8}) + shares(after, {"burn_delayed": 0.6, "burn_other": 0.8}) +
            [("added", abs(added - 0.5) / (3 * sigma), f"{added:.4f} of the other function's time for 0.5")])


def budget(world, times):
    run = Run(world, "deep", 3 * times, rate_hz=4000, budget_percent=1)
    lowered = run.counters.get("rateLowered", 0)
    check(lowered > 0, f"a stack of 50,000 frames at 4000 Hz did not lower the rate: {run.counters}")
    # Pando's own time before the rate is lowered is the process's, too.
    return [("total at a lowered rate", abs(run.total_s - run.used_s) / (0.02 * run.used_s), f"{run.total_s:.3f} s of {run.used_s:.3f}, {run.samples} samples")]


CASES = {
    "split": split, "recursion": recursion, "tail": tail, "kernel": kernel, "delay": delay, "brief": brief, "budget": budget,
    "two threads": lambda world, times: equal(world, times, 2), "eight threads": lambda world, times: equal(world, times, 8),
}


def main():
    pando, library, program = sys.argv[1:4]
    chosen = sys.argv[4:] or list(CASES)
    with Receiver(pando) as receiver:
        def measure(name):
            lines = []
            for times in (1, 4):
                results = CASES[name]((receiver, library, program, f"{name.replace(' ', '-')}-times-{times}"), times)
                lines += [f"{name}: {what}: {text}" for what, _, text in results]
                if all(part <= 1 for _, part, _ in results):
                    return True, lines
                lines.append(f"{name}: outside of the limit")
            return False, lines

        with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
            results = [(name, *result) for name, result in zip(chosen, pool.map(measure, chosen))]
    for _, _, lines in results:
        print("\n".join(lines))
    check(all(good for _, good, _ in results), "outside of the limits twice: " + ", ".join(name for name, good, _ in results if not good))


main()
