"""What profiling adds to a program of fixed work: the same command bare, with an empty SIGPROF handler, under Pando, under Pando with
libunwind in the handler, and under gperftools' libprofiler, in turn, again and again. Prints ratios to the bare run of the same
round (median, and the quartiles), of CPU time (all threads of the process, Pando's own too) and of wall time; and what starting
costs. Numbers of one machine; compare columns, not machines.

Usage: overhead.py BUILD_FOLDER [ROUNDS]
"""
import os
import re
import statistics
import subprocess
import sys
import time

WORK = "120000"    # about two and a half seconds
RATES = (100, 1000, 4000)
STARTS = 200


def spawn(command, env):
    begin = time.perf_counter()
    pid = os.posix_spawn(command[0], command, env)
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        sys.exit(f"{command} ended with status {status}")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime


def quartiles(values):
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{(middle - 1) * 100:+6.1f} % ({(low - 1) * 100:+.1f} .. {(high - 1) * 100:+.1f})"


def main():
    build, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 15
    pando, library = f"{build}/cli/pando", f"{build}/agent/libpando.so"
    workload, empty = f"{build}/bench/bench_workload", f"{build}/bench/libbench_empty_handler.so"
    server = subprocess.Popen([pando, "serve", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    url = re.search(r"http://[^ \n/]+", server.stdout.readline()).group(0)
    base = {"PATH": os.environ["PATH"]}
    under = {**base, "LD_PRELOAD": library, "PANDO_URL": url, "PANDO_GROUP": "bench", "PANDO_INTERVAL_S": "60"}
    profiler = next((p for p in ("/usr/lib/x86_64-linux-gnu/libprofiler.so.0", "/usr/lib/x86_64-linux-gnu/libprofiler.so")
                     if os.path.exists(p)), None)
    ways = {}
    for rate in RATES:
        ways[f"empty handler, {rate} Hz"] = {**base, "LD_PRELOAD": empty, "BENCH_RATE_HZ": str(rate)}
        ways[f"Pando, {rate} Hz"] = {**under, "PANDO_RATE_HZ": str(rate)}
        ways[f"Pando, unw_step, {rate} Hz"] = {**under, "PANDO_RATE_HZ": str(rate), "PANDO_UNWIND": "libunwind"}
        if profiler:
            ways[f"gperftools, real time, {rate} Hz"] = {**base, "LD_PRELOAD": profiler, "CPUPROFILE": "/dev/null",
                                                         "CPUPROFILE_REALTIME": "1", "CPUPROFILE_FREQUENCY": str(rate)}
    wall, cpu = {name: [] for name in ways}, {name: [] for name in ways}
    command = [workload, WORK]
    spawn(command, base)
    for number in range(rounds):
        bare_wall, bare_cpu = spawn(command, base)
        for name, env in (list(ways.items()) if number % 2 == 0 else list(ways.items())[::-1]):
            took_wall, took_cpu = spawn(command, env)
            wall[name].append(took_wall / bare_wall)
            cpu[name].append(took_cpu / bare_cpu)
    print(f"Added to a bare run, {rounds} rounds in turn: median (quartiles)\n{'':38} {'CPU time':28} wall time")
    for name in ways:
        print(f"{name:38} {quartiles(cpu[name]):28} {quartiles(wall[name])}")

    starts = {"/bin/true": base, "preloaded, nothing set": {**base, "LD_PRELOAD": library}, "preloaded and on": under}
    took = {name: [] for name in starts}
    for _ in range(STARTS):
        for name, env in starts.items():
            took[name].append(spawn(["/bin/true"], env)[0] * 1000)
    print(f"\nStarting and ending /bin/true, {STARTS} times in turn: median ms")
    for name, values in took.items():
        print(f"{name:38} {statistics.median(values):.3f}")
    server.terminate()
    server.wait()


main()
