"""What hosts do to a guest, and what a guest must not do to hosts: each mode of tests/programs/host.c without and with Pando at a
high rate, on CPU time alone and with wall time, on each exit path, around fork, exec, descriptors, signals, threads and the
loader. What the host says and how it ends must be the same; every sample must be accounted for; and where the way out allows a
last flush, a profile must come.

Usage: agent_test.py PANDO LIBPANDO HOST [MODE...]
"""
import subprocess
import sys
import time

from pando_testing import Receiver, check, environment, is_conserved, paths, plain_environment, share

RATE_HZ = 1000
# No last flush on these ways out: what the interval had is lost, as documented.
WITHOUT_FLUSH = {"_exit", "quick_exit", "abort", "segv", "sigterm", "sigprof"}
# In these at least this many CPU seconds must be in the profiles.
SECONDS = {"fork": 0.25, "daemon": 0.1, "threads": 0.2, "loader": 0.5, "deep": 0.08, "main_leaves": 0.1, "spawn": 0.05, "exec_chain": 0.003}
TIMEOUT_S = 120
# The kernel looks at CPU timers on its tick, and only at the thread that runs: on a machine with many more runnable threads than
# cores the last tens of milliseconds of a short program, or all of it, can pass without a signal. So: several tries.
TRIES = 4


def run(host, mode, env):
    begin = time.monotonic()
    done = subprocess.run([host, mode], env=env, capture_output=True, text=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)
    return (done.returncode, done.stdout, done.stderr), time.monotonic() - begin


def came(mode, clocks, report):
    # (threads: how much the first thread burns besides the bare one depends on who else wants the processors)
    least = 0.05 if (mode, clocks) == ("threads", "both") else SECONDS.get(mode, 0.04)
    return report is not None and report["totalNs"] / 1e9 >= least


def look_at(mode, report):
    seconds = report["totalNs"] / 1e9
    check(is_conserved(report["counters"]), f"{mode}: samples are not accounted for: {report['counters']}")
    # Some hosts end without a last turn (a child that leaves by _exit): those samples are in no profile, and in no counter.
    whole = {path: ns for path, ns in paths(report).items() if path[0] != "<Incomplete>"}
    check(sum(whole.values()) > (0.9 if mode in ("alternate_stack", "deep") else 0.95) * report["totalNs"], f"{mode}: stacks are cut: {report['counters']}")
    if mode == "deep":
        deepest = max(len(path) for path in whole)
        check(deepest >= 1000, f"deep: the deepest stack has {deepest} frames")
        check(any("<Truncated>" in path for path in whole) and all("main" in path for path in whole if len(path) > 500),
              "deep: the outermost frames are not kept, or the mark is missing")
    if mode == "alternate_stack":
        through = sum(ns for path, ns in whole.items()
                      if "on_usr1" in path and "main" in path and path.index("main") < path.index("on_usr1"))
        check(through > 200e6, f"alternate_stack: {through / 1e6:.0f} ms of 300 are in stacks through the signal")
    if mode in ("main_leaves", "fork"):
        check(share(report, "burn_thread", "totalPercent") > 10, f"{mode}: the thread's function is missing")
    return seconds


def main():
    pando, library, host, chosen = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    modes = subprocess.run([host], capture_output=True, text=True).stdout.split()
    with Receiver(pando) as receiver:
        for mode, clocks in [(mode, clocks) for mode in chosen or modes for clocks in ("cpu", "both")]:
            if clocks == "cpu":
                plain, plain_s = run(host, mode, plain_environment())
            for attempt in range(TRIES):
                group = f"mode-{mode}-{clocks}-{attempt}"
                under, under_s = run(host, mode, environment(library, receiver.url, group, rate_hz=RATE_HZ, interval_s=1,
                                                             mode=clocks, wall_rate_hz=RATE_HZ))
                for _ in range(5 if plain != under else 0): # on a busy machine a host may say another thing each time
                    plain, _ = run(host, mode, plain_environment())
                    if plain == under:
                        break
                check(plain == under, f"{mode} ({clocks}): without Pando {plain}, with it {under}")
                # Daemons outlive their parents by a moment; all others have delivered when they are gone.
                deadline = time.monotonic() + 5
                while mode == "daemon" and not came(mode, clocks, receiver.report(group)) and time.monotonic() < deadline:
                    time.sleep(0.05)
                report = receiver.report(group)
                if mode in WITHOUT_FLUSH or came(mode, clocks, report):
                    break
            line = f"{mode} ({clocks}): status {plain[0]}, the same words; {plain_s:.2f} s without, {under_s:.2f} s with Pando"
            if mode not in WITHOUT_FLUSH:
                check(came(mode, clocks, report), f"{mode} ({clocks}): too little came, {TRIES} times: {report and report['counters']}")
                line += f"; {look_at(mode, report):.2f} s of CPU time in {report['profiles']} profiles"
            print(line, flush=True)

        # Preloaded without a word: nothing happens.
        env = environment(library, receiver.url, "silent")
        del env["PANDO_URL"], env["PANDO_GROUP"]
        done = subprocess.run(["strace", "-f", "-qq", "-e", "trace=timer_create,rt_sigaction,clone,clone3", "-o", "/dev/stdout",
                               "true"], env={**env, "LD_PRELOAD": ""}, capture_output=True, text=True)
        preloaded = subprocess.run(["strace", "-f", "-qq", "-e", "trace=timer_create,rt_sigaction,clone,clone3", "-o", "/dev/stdout",
                                    "-E", f"LD_PRELOAD={library}", "true"], env={**env, "LD_PRELOAD": ""}, capture_output=True, text=True)
        check(done.stdout == preloaded.stdout, f"preloaded alone it does something: {preloaded.stdout}")
        print("preloaded alone: no timer, no handler, no thread")


main()
