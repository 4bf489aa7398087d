"""What profiling costs, each against a yardstick of the same run, in turn, again and again. Numbers of one machine; compare rows of a
table, not machines.

samples  what one sample takes from the thread that it interrupts, 25 frames deep, over an empty handler (bench/sample_bench.c): Pando,
         Pando with unw_step in the handler, gperftools; one thread and many, warm and cold; and what Pando's own threads use a sample
whole    the same work bare, with an empty handler, under each profiler, at 100, 1000 and 4000 Hz: CPU time (Pando's threads included)
starts   /bin/true, and a program of 0.2 s: what a process pays once, in time and memory
idle     how often Pando's thread wakes in a process that sleeps

Medians of rounds, and the 95 % confidence interval of the median (by order statistics).
Usage: overhead.py BUILD_FOLDER [ROUNDS [PART...]]
"""
import contextlib
import math
import os
import re
import subprocess
import sys
import time

PROFILER = next((p for p in ("/usr/lib/x86_64-linux-gnu/libprofiler.so.0", "/usr/lib/x86_64-linux-gnu/libprofiler.so")
                 if os.path.exists(p)), None)
WORK, SHORT_WORK = "120000", "10000"    # about two and a half seconds, and 0.2


def median(values):
    """The median and the interval in which it is with 95 % confidence, whatever the distribution."""
    ordered, n = sorted(values), len(values)
    off = math.ceil(0.98 * math.sqrt(n))
    middle = ordered[n // 2] if n % 2 else (ordered[n // 2 - 1] + ordered[n // 2]) / 2
    return middle, ordered[max(0, n // 2 - off)], ordered[min(n - 1, (n - 1) // 2 + off)]


def shown(values, form="{:.0f}"):
    middle, low, high = (form.format(v) for v in median(values))
    return f"{middle} ({low} .. {high})"


def spawn(command, env):
    """Wall and CPU seconds."""
    begin = time.perf_counter()
    # (gperftools writes a line at its end.)
    pid = os.posix_spawn(command[0], command, env, file_actions=[(os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        sys.exit(f"{command} ended with status {status}")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime


class Bench:
    def __init__(self, build, url, rounds):
        self.build, self.rounds = build, rounds
        self.base = {"PATH": os.environ["PATH"]}
        # The budget would lower the rates that are to be compared.
        self.pando = {**self.base, "LD_PRELOAD": f"{build}/agent/libpando.so", "PANDO_URL": url, "PANDO_GROUP": "bench",
                      "PANDO_BUDGET_PERCENT": "100"}
        self.gperftools = {**self.base, "LD_PRELOAD": PROFILER, "CPUPROFILE": "/dev/null"} if PROFILER else None

    def in_turn(self, ways, run):
        """Calls run(name, env) for each way, forwards and backwards, and gives the results by name."""
        results = {name: [] for name in ways}
        for number in range(self.rounds):
            for name, env in (list(ways.items()) if number % 2 == 0 else list(ways.items())[::-1]):
                results[name].append(run(name, env))
        return results

    def samples(self):
        ways = {"nothing (error of the measurement)": self.base, "Pando": {**self.pando, "PANDO_RATE_HZ": "1"},
                "Pando, unw_step": {**self.pando, "PANDO_RATE_HZ": "1", "PANDO_UNWIND": "libunwind"}}
        if self.gperftools:
            ways["gperftools"] = {**self.gperftools, "CPUPROFILE_FREQUENCY": "1"}
        print(f"\nOne sample of 25 frames, ns: median of {self.rounds} (95 % confidence)\n"
              f"{'':48} {'empty handler':>22} {'added to it':>26} {'ratio':>6} {'own threads':>20}")
        for what, arguments in (("1 thread", ["1", "20"]), ("4 threads", ["4", "20"]), ("16 threads", ["16", "20"]),
                                ("64 threads", ["64", "20"]), ("1 thread, cold caches", ["1", "20", "cold"])):
            def run(_, env, arguments=arguments):
                done = subprocess.run([f"{self.build}/bench/sample_bench", *arguments], env=env, capture_output=True, text=True, check=True)
                return [float(word) for word in done.stdout.split()]
            for name, results in self.in_turn(ways, run).items():
                empty, added = [r[0] for r in results], [r[1] - r[0] for r in results]
                own = "" if "cold" in what or not name.startswith("Pando") else shown([r[2] for r in results])
                print(f"{what + ', ' + name:48} {shown(empty):>22} {shown(added):>26} {median(added)[0] / median(empty)[0]:6.2f} {own:>20}")

    def whole(self):
        empty = {**self.base, "LD_PRELOAD": f"{self.build}/bench/libbench_empty_handler.so"}
        ways = {"bare": self.base}
        for rate in ("100", "1000", "4000"):
            ways[f"empty handler, {rate} Hz"] = {**empty, "BENCH_RATE_HZ": rate}
            ways[f"Pando, {rate} Hz"] = {**self.pando, "PANDO_RATE_HZ": rate}
            ways[f"Pando, unw_step, {rate} Hz"] = {**self.pando, "PANDO_RATE_HZ": rate, "PANDO_UNWIND": "libunwind"}
            if self.gperftools:
                ways[f"gperftools, real time, {rate} Hz"] = {**self.gperftools, "CPUPROFILE_REALTIME": "1", "CPUPROFILE_FREQUENCY": rate}
        command = [f"{self.build}/bench/bench_workload", WORK]
        results = self.in_turn(ways, lambda _, env: spawn(command, env))
        print(f"\nThe same work, 25 frames deep, added to the bare run of the same round, %: median of {self.rounds} (95 % confidence)\n"
              f"{'':36} {'CPU time':>26} {'wall time':>26}")
        for name in list(ways)[1:]:
            cpu, wall = ([(r[k] / bare[k] - 1) * 100 for r, bare in zip(results[name], results["bare"])] for k in (1, 0))
            print(f"{name:36} {shown(cpu, '{:+.1f}'):>26} {shown(wall, '{:+.1f}'):>26}")

    def starts(self):
        ways = {"bare": self.base, "preloaded, nothing set": {**self.base, "LD_PRELOAD": self.pando["LD_PRELOAD"]},
                "preloaded and on": self.pando}
        if self.gperftools:
            ways["gperftools"] = self.gperftools
        rounds, self.rounds = self.rounds, max(self.rounds * 10, 100)
        times = self.in_turn(ways, lambda _, env: spawn(["/bin/true"], env))
        def memory(_, env):
            text = subprocess.run(["/bin/grep", "VmHWM", "/proc/self/status"], env=env, capture_output=True, text=True).stdout
            return float(text.split()[1])
        kib = self.in_turn(ways, memory)
        self.rounds = rounds
        short = self.in_turn(ways, lambda _, env: spawn([f"{self.build}/bench/bench_workload", SHORT_WORK], env))
        print(f"\nOnce a process: medians (95 % confidence)\n{'':24} {'/bin/true, ms':>26} {'memory, KiB':>26} "
              f"{'0.2 s of work, CPU ms':>26} {'wall ms':>26}")
        for name in ways:
            print(f"{name:24} {shown([t[0] * 1000 for t in times[name]], '{:.3f}'):>26} {shown(kib[name]):>26} "
                  f"{shown([t[1] * 1000 for t in short[name]], '{:.1f}'):>26} {shown([t[0] * 1000 for t in short[name]], '{:.1f}'):>26}")

    def idle(self):
        process = subprocess.Popen(["/bin/sleep", "40"], env=self.pando)
        time.sleep(2)
        def wakes():
            total = 0
            for task in os.listdir(f"/proc/{process.pid}/task"):
                with open(f"/proc/{process.pid}/task/{task}/status", encoding="utf-8") as file:
                    total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.M).group(1))
            return total
        before = wakes()
        time.sleep(30)
        print(f"\nA process that sleeps: {wakes() - before} wake-ups of all its threads in 30 s")
        process.kill()
        process.wait()


@contextlib.contextmanager
def receiver(build):
    with subprocess.Popen([f"{build}/cli/pando", "serve", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as server:
        yield re.search(r"http://[^ \n/]+", server.stdout.readline()).group(0)
        server.terminate()


def main():
    build, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 15
    with receiver(build) as url:
        bench = Bench(build, url, rounds)
        for part in sys.argv[3:] or ("samples", "whole", "starts", "idle"):
            getattr(bench, part)()
            sys.stdout.flush()


main()
