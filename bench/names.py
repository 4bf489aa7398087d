#!/usr/bin/env python3
"""What names and lines cost: a program runs under Pando with PANDO_LINES=off and =agent, in turns; for the first profile: when it came,
how much CPU time Pando had used by then, the peak of the program's memory, and how much of the profile has lines. Then the same program
under perf, and how long `perf report` takes and how much memory.

Usage: bench/names.py [--rounds N] [--seconds N] LIBPANDO NAME COMMAND...     (the command runs for longer than two intervals)
docs/symbols.md has the results."""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "integration"))
from pando_testing import Service, ServiceHandler, environment  # noqa: E402

INTERVAL_S = 3


class Handler(ServiceHandler):
    def do_POST(self):
        self.server.came.append((time.monotonic(), self.body()))
        self.answer(204)


def count(node, keys):
    found = {key: 1 if key in node else 0 for key in keys}
    found["nodes"] = 1
    for child in node.get("children", {}).values():
        for key, number in count(child, keys).items():
            found[key] = found.get(key, 0) + number
    return found


def peak_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next((int(line.split()[1]) for line in file if line.startswith("VmHWM")), 0)


def under_pando(options, lines):
    with Service(Handler) as service:
        service.came = []
        variables = environment(options.library, service.url, "bench", interval_s=INTERVAL_S, lines=lines, rate_hz=100)
        start = time.monotonic()
        process = subprocess.Popen(options.command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not service.came and process.poll() is None and time.monotonic() - start < 60:
            time.sleep(0.02)
        peak = peak_kib(process.pid) if process.poll() is None else 0
        process.terminate()
        process.wait(30)
        if not service.came:
            sys.exit("no profile came")
        came, body = service.came[0]
        body = json.loads(body)
        sys.setrecursionlimit(20000)
        nodes = count(body["callgraph"], ("line", "file"))
        return {"came_s": came - start, "cpu_ms": body["agentMetadata"]["agentOverhead"].get("timeInMs", 0), "peak_mib": peak / 1024,
                "bytes": len(json.dumps(body)), "with_lines": nodes["line"] / nodes["nodes"], "nodes": nodes["nodes"],
                "left_out": body["debugInfo"].get("genericMetrics", {}).get("framesWithoutLines", 0)}


def under_perf(options):
    if shutil.which("perf") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "perf.data")
        process = subprocess.Popen(["perf", "record", "-q", "-F", "100", "-g", "-o", data, "--"] + options.command,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(INTERVAL_S + 1)
        process.terminate()
        process.wait(30)
        start = time.monotonic()
        process = subprocess.Popen(["perf", "report", "-i", data, "--stdio", "-G"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        return {"report_s": time.monotonic() - start, "peak_mib": usage.ru_maxrss / 1024, "status": status}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-perf", action="store_true")
    parser.add_argument("library")
    parser.add_argument("name")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    results = {"off": [], "agent": []}
    for _ in range(options.rounds):
        for lines in results:
            results[lines].append(under_pando(options, lines))
    for lines, rows in results.items():
        middle = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
        print(f"{options.name} {lines}: " + ", ".join(f"{key} {value:.2f}" if isinstance(value, float) else f"{key} {value}"
                                                      for key, value in middle.items()))
    if not options.no_perf:
        print(f"{options.name} perf: {under_perf(options)}")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
