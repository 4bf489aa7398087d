"""Wall time of a program whose threads wait in every way there is, at a high rate: no call returns early or with EINTR, each thread's
time is all there, in the right state and under the function that waits, and nobody was interrupted for it.

Usage: wall_clock_test.py PANDO LIBPANDO SLEEPER SLEEPER_WITH_FRAME_POINTERS
"""
import json
import subprocess
import sys
import urllib.request

from pando_testing import Receiver, check, environment, is_conserved, paths, plain_environment

SECONDS = 4
SLEEP_MS = 30  # what the program's calls with a timeout ask for
RATE_HZ = 100
STATES = ["RUNNABLE", "BLOCKED", "NATIVE", "WAITING", "TIMED_WAITING"]
EXPECTED = {
    "in_nanosleep": "TIMED_WAITING", "in_poll": "TIMED_WAITING", "in_epoll": "TIMED_WAITING", "in_select": "TIMED_WAITING",
    "in_sem_timedwait": "TIMED_WAITING", "in_recv_timeout": "WAITING", "in_read": "WAITING", "in_poll_forever": "WAITING",
    "in_mutex": "BLOCKED", "in_cond": "WAITING", "burning": "RUNNABLE",
}
FRAMES = {  # the innermost function, where libc tells its name to everybody
    "in_nanosleep": "clock_nanosleep", "in_poll": "poll", "in_epoll": "epoll_wait", "in_select": "select", "in_recv_timeout": "recv",
    "in_read": "read", "in_poll_forever": "poll", "burning": "burning",
}


def run(sleeper, variables):
    """(seconds, {function: (calls, with EINTR, early, late in milliseconds)})"""
    done = subprocess.run([sleeper, str(SECONDS)], env=variables, capture_output=True, text=True, timeout=120)
    check(done.returncode == 0 and done.stderr == "", f"status {done.returncode}, stderr {done.stderr!r}")
    lines = [line.split() for line in done.stdout.splitlines()]
    return float(lines[0][1]), {line[0]: (*map(int, line[1:4]), float(line[4])) for line in lines[1:]}


def report_of(pando, receiver, state):
    done = subprocess.run([pando, "report", "--url", receiver.url, "--group", "sleeper", "--state", state, "--format", "json"],
                          capture_output=True, text=True)
    check(done.returncode == 0, f"report --state {state}: {done.stderr}")
    return json.loads(done.stdout)


def check_calls(mode, calls):
    for name, (count, interrupted, early, _) in calls.items():
        check(count > 0, f"{mode}: {name} did nothing")
        check(interrupted == 0, f"{mode}: {name} saw EINTR {interrupted} times in {count}")
        check(early == 0, f"{mode}: {name} returned early {early} times in {count}")


def check_time(mode, seconds, reports, tolerance, calls):
    """Each thread's wall time is all there, and in its state, and nothing is of Pando."""
    # Where others have the processors, a thread is ready for as long as its calls come back late, in libc or in a thread's first steps.
    late_ms = max(late for _, _, _, late in calls.values())
    tolerance += late_ms / (SLEEP_MS + late_ms)
    check(not any("pando" in name for found in reports.values() for path in found for name in path), f"{mode}: Pando is in the profile")
    for name, expected in EXPECTED.items():
        by_state = {state: sum(ns for path, ns in found.items() if name in path) / 1e9 for state, found in reports.items()}
        total, right = sum(by_state.values()), by_state[expected]
        print(f"{mode}: {name}: {total / seconds * 100:.1f} % of {seconds:.2f} s, {expected} {right / seconds * 100:.1f} %")
        check(abs(total / seconds - 1) < tolerance, f"{mode}: {name} has {total:.2f} s of {seconds:.2f}: {by_state}")
        check(right > 0.93 * total, f"{mode}: {name} should be {expected}: {by_state}")
        # The first looks at a thread may come before its program's rows are published: kept as far as they could be walked.
        cut_ns = sum(ns for path, ns in reports[expected].items() if path[:2] == ("<Incomplete>", name))
        check(cut_ns < 0.05 * total * 1e9, f"{mode}: {name} is cut in {cut_ns / 1e9:.2f} s of {total:.2f}")
        for path, ns in reports[expected].items():
            if name in path:
                check(path[path.index(name) - 1] == "work" or path[:2] == ("<Incomplete>", name),
                      f"{mode}: {name} is not called by work: {path}")
                if ns > 0.02e9 and name in FRAMES:
                    check(path[-1] == FRAMES[name], f"{mode}: {name} waits in {path[-1]}")


def check_counters(mode, counters, cpu_s):
    get = lambda name: counters.get(name, 0)
    check(is_conserved(counters), f"{mode}: samples do not add up: {counters}")
    # A thread's timer runs on its CPU time, and there is nothing else that could interrupt: sleeps cost none.
    expiries, due = get("signals") + get("overruns"), cpu_s * RATE_HZ
    print(f"{mode}: {expiries} expiries for {cpu_s:.2f} s of CPU time; {get('wallSamples')} wall samples, {get('wallMoved')} moved")
    check(expiries <= due * 1.01 + len(EXPECTED) + 1, f"{mode}: {expiries} interruptions, {due:.0f} are due")


def test_mode(pando, library, sleeper, mode, wall_rate_hz, tolerance, budget_percent):
    with Receiver(pando) as receiver:
        variables = environment(library, receiver.url, "sleeper", mode=mode, rate_hz=RATE_HZ, wall_rate_hz=wall_rate_hz,
                                budget_percent=budget_percent)
        seconds, calls = run(sleeper, variables)
        check_calls(mode, calls)
        reports = {state: report_of(pando, receiver, state) for state in STATES}
        whole = report_of(pando, receiver, "all")
        cpu = report_of(pando, receiver, "CPU")
        check_time(mode, seconds, {state: paths(found) for state, found in reports.items()}, tolerance, calls)
        threads = len(EXPECTED) + 1
        check(abs(whole["totalNs"] / 1e9 / threads / seconds - 1) < 0.03,
              f"{mode}: {whole['totalNs'] / 1e9:.2f} s of {threads} threads in {seconds:.2f} s")
        check(sum(found["totalNs"] for found in reports.values()) == whole["totalNs"], f"{mode}: the states are not all")
        check(set(whole["states"]) <= set(STATES) | {"CPU"}, f"{mode}: states {whole['states']}")
        check((cpu["totalNs"] != 0) == (mode == "both"), f"{mode}: {cpu['totalNs']} ns of CPU time")
        check(receiver.report("sleeper")["totalNs"] == (cpu if mode == "both" else whole)["totalNs"], f"{mode}: what is shown first")
        late = whole["counters"].get("wallLate", 0)
        check((late > 0) == (budget_percent < 100), f"{mode}: {late} turns late with a budget of {budget_percent} %")
        with urllib.request.urlopen(receiver.url + "/api/v1/groups/sleeper/tree") as answer:
            check_counters(mode, whole["counters"], json.load(answer)["cpuTimeNs"] / 1e9)
        return calls


def main():
    pando, library, sleeper, with_frame_pointers = sys.argv[1:5]
    _, plain = run(sleeper, plain_environment())
    check_calls("plain", plain)
    # At 20 Hz a look is worth 50 ms, and one in some hundred finds a thread that is just awake: RUNNABLE, without a stack until
    # its CPU timer expires. On the whole nothing is missing.
    for program, mode, rate_hz, tolerance, budget_percent in (
            (sleeper, "wall", 1000, 0.05, 100), (sleeper, "both", 1000, 0.05, 100), (sleeper, "both", 1000, 0.25, 1),
            (sleeper, "wall", 20, 0.25, 100), (with_frame_pointers, "wall", 200, 0.1, 100)):
        calls = test_mode(pando, library, program, mode, rate_hz, tolerance, budget_percent)
        print(f"{mode} at {rate_hz} Hz, late by (plain by) ms: " +
              ", ".join(f"{name} {late:.2f} ({plain[name][3]:.2f})" for name, (_, _, _, late) in calls.items() if late))


main()
