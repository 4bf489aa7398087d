"""Programs that nobody here wrote, each without and with Pando: the same output, the same exit status, and hottest functions that
agree with what perf record says of the same run. (Of a run of its own it says something else: how the loader laid out python3 moves
ten points between two functions, with perf alone too.)

Usage: hosts_test.py PANDO LIBPANDO [NAME...]     (77: perf may not record here, then only the outputs were compared)
"""
import bisect
import collections
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

from pando_testing import Receiver, check, environment, fail, is_conserved, plain_environment, wait_for

RATE_HZ = 499
# Functions below the first are not compared; the second is for what the two clocks see differently (perf's runs on in system calls),
# on top of four standard deviations of both samplings: there are twenty comparisons in each run of this test.
COMPARED_PERCENT, TOLERANCE_POINTS, SIGMAS = 8.0, 3.0, 4
SQL = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<8000000) "
       "SELECT sum(x), max(x%7), count(DISTINCT x%1000) FROM c;")
PYTHON = "s = 0\nfor i in range(25000000):\n    s += i * i % 7\nprint(s)\n"
CPP = """#include <algorithm>
#include <map>
#include <regex>
#include <string>
template <int N> int f(const std::string &t) {
    std::map<int, std::string> m; std::regex r("(a+)(b+)"); std::smatch s; int v[N];
    std::sort(v, v + N, [](int a, int b) { return a % N < b % N; });
    if (std::regex_match(t, s, r)) m[N] = s[1];
    return (int)m.size() + v[0] + f<N - 1>(t);
}
template <> int f<0>(const std::string &) { return 0; }
int main(int, char **a) { return f<12>(a[0]); }
"""


class Host:
    """How one program is run: `run(wrap, env)` returns what must be the same, with `wrap` put before its command. `is_in_kernel`: most of
    its time passes in system calls. The two clocks do not charge that alike (perf's runs on while the machine's owner has the
    processor, and it saw a fifth more time than the process has used), so only the hottest function is compared."""

    def __init__(self, name, run, is_in_kernel=False):
        self.name, self.run, self.group, self.is_in_kernel = name, run, name, is_in_kernel


def simple(command, stdin=None, produced=None):
    def run(wrap, env):
        if produced and os.path.exists(produced):
            os.remove(produced)
        with open(stdin or os.devnull, "rb") as source:
            done = subprocess.run(wrap + command, stdin=source, capture_output=True, env=env, timeout=300)
        made = open(produced, "rb").read() if produced else b""
        return done.returncode, done.stdout, done.stderr if not wrap else b"", made
    return run


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def redis(wrap, env):
    port = str(free_port())
    client = ["redis-cli", "-p", port]
    with tempfile.TemporaryDirectory() as folder:
        command = ["redis-server", "--port", port, "--save", "", "--dir", folder, "--daemonize", "no"]
        server = subprocess.Popen(wrap + command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_for("redis-server's answer", lambda: subprocess.run(client + ["ping"], capture_output=True).stdout == b"PONG\n")
        benchmark = subprocess.run(["redis-benchmark", "-p", port, "-q", "-n", "120000", "-c", "20", "-P", "8", "-t",
                                    "set,get,lpush,sadd"], capture_output=True, timeout=300)
        check(benchmark.returncode == 0 and b"rror" not in benchmark.stderr, f"redis-benchmark: {benchmark}")
        script = "set a 1\nincr a\nlpush l x y z\nsort l alpha\nlrange l 0 -1\neval 'return 6*7' 0\nobject encoding l\n"
        replies = subprocess.run(client, input=script.encode(), capture_output=True).stdout
        subprocess.run(client + ["shutdown", "nosave"], capture_output=True)
        errors = server.communicate(timeout=60)[1]
        return server.returncode, replies, errors if not wrap else b""


def hosts(folder):
    data = os.path.join(folder, "data.txt")
    with open(data, "wb") as out:
        seed = b"Pando is one tree that looks like a forest.\n"
        for i in range(120000):
            out.write(b"%d %s %x\n" % (i * 7919 % 104729, seed[i % 20:i % 44], i * i))
    source, made = os.path.join(folder, "demo.cpp"), os.path.join(folder, "demo.o")
    with open(source, "w") as out:
        out.write(CPP)
    return [
        Host("xz", simple(["xz", "-c", "-6"], stdin=data)),
        Host("sqlite3", simple(["sqlite3", ":memory:", SQL])),
        Host("python3", simple(["/usr/bin/python3", "-c", PYTHON])),
        Host("redis-server", redis, is_in_kernel=True),
        Host("gcc", simple(["g++", "-O2", "-c", source, "-o", made], produced=made)),
    ]


SUFFIX = re.compile(r"@.*|\.(lto_priv|part|cold|constprop|isra)\b.*")  # versions, and what gcc appends


def debug_file(path):
    """Where Debian's -dbg packages keep the names of a stripped file, if one is installed."""
    notes = subprocess.run(["readelf", "-nW", path], capture_output=True, text=True).stdout
    build_id = re.search(r"Build ID: ([0-9a-f]+)", notes)
    debug = f"/usr/lib/debug/.build-id/{build_id[1][:2]}/{build_id[1][2:]}.debug" if build_id else ""
    return [debug] if os.path.exists(debug) else []


class Object:
    """The functions of one ELF file, as binutils read it: names from nm, the others from the unwind information (readelf)."""
    known = {}

    def __init__(self, path):
        headers = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True).stdout
        self.name = os.path.basename(path)
        self.loads = [tuple(int(x, 16) for x in line.split()[1:5]) for line in headers.splitlines() if line.split()[:1] == ["LOAD"]]
        frames = subprocess.run(["readelf", "-wF", path], capture_output=True, text=True).stdout
        self.starts = sorted(self.offset(int(start, 16)) for start in re.findall(r"FDE.*pc=([0-9a-f]+)\.\.", frames))
        names = collections.defaultdict(list)
        for option, file in [("-D", path), ("-a", path)] + [("-a", file) for file in debug_file(path)]:
            listing = subprocess.run(["nm", option, "-S", "--defined-only", file], capture_output=True, text=True).stdout
            for line in listing.splitlines():
                parts = line.split()
                if len(parts) == 4 and parts[2] in "TtWwi":
                    names[(self.offset(int(parts[0], 16)), int(parts[1], 16))].append((parts[2] == "t", SUFFIX.sub("", parts[3])))
        # Of several names at one address the one that Pando shows: seen by others, fewest underscores in front, shortest, first.
        self.symbols = sorted((start, size, min(many, key=lambda one: (one[0], len(one[1]) - len(one[1].lstrip("_")), len(one[1]), one[1]))[1])
                              for (start, size), many in names.items())

    def offset(self, address):
        for offset, vaddr, _, size in self.loads:
            if vaddr <= address < vaddr + size:
                return address - vaddr + offset
        return address

    def function(self, place):
        at = bisect.bisect_right(self.symbols, (place, 1 << 62, "")) - 1
        if at >= 0 and self.symbols[at][0] <= place < self.symbols[at][0] + self.symbols[at][1]:
            return self.symbols[at][2]
        at = bisect.bisect_right(self.starts, place) - 1
        return f"[{self.name}+{hex(self.starts[at] if at >= 0 else place)}]"

    @classmethod
    def of(cls, path):
        if path not in cls.known:
            cls.known[path] = cls(path)
        return cls.known[path]


def user_frame(lines):
    """(address, symbol, path) of the innermost frame that is not the kernel's: system calls count for who makes them, as here."""
    for line in lines:
        frame = re.match(r"\s*([0-9a-f]+)\s+(.*?)(?:\+0x[0-9a-f]+)?\s+\((.*)\)\s*$", line)
        if frame and not frame[3].startswith("[kernel") and "kallsyms" not in frame[3] and int(frame[1], 16) < 1 << 63:
            return int(frame[1], 16), frame[2], frame[3]
    return None


def perf_counts(run, env):
    """Samples by function, or by [object+0xstart] where there is no name, as perf record sees a run under `env`; Pando's own code left
    out."""
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "perf.data")
        # perf itself is not to be profiled.
        under = ["env"] + [f"{name}={value}" for name, value in env.items() if name.startswith(("PANDO_", "LD_PRELOAD"))]
        run(["perf", "record", "-q", "-g", "-e", "cpu-clock", "-F", str(RATE_HZ), "-o", data, "--"] + under, plain_environment())
        text = subprocess.run(["perf", "script", "-i", data, "-F", "comm,tid,event,ip,sym,dso,symoff"],
                              capture_output=True, text=True).stdout
    counts = collections.Counter()
    for block in text.split("\n\n"):
        if not block.strip():
            continue
        address, symbol, path = user_frame(block.splitlines()) or (0, "[kernel only]", "")
        if os.path.basename(path).startswith("libpando"):
            continue
        # perf prints an address in a file as its offset there.
        counts[Object.of(path).function(address) if path.startswith("/") else symbol] += 1
    return counts


def compare_hottest(host, report, counts):
    total = sum(counts.values())
    check(total, f"{host.name}: perf saw nothing")
    theirs = collections.Counter({name: 100 * count / total for name, count in counts.items()})
    ours = collections.Counter()
    for row in report["top"]:
        ours[row["name"]] += row["selfPercent"]
    big = [name for name in set(ours) | set(theirs) if max(ours[name], theirs[name]) >= COMPARED_PERCENT]
    check(not host.is_in_kernel or max(ours, key=ours.get) == max(theirs, key=theirs.get), f"{host.name}: perf has another hottest function")
    for name in sorted(big, key=lambda one: -ours[one]):
        print(f"    {name[:50]:50} {ours[name]:5.1f} % Pando, {theirs[name]:5.1f} % perf")
        share = max(ours[name], theirs[name]) / 100
        sigma = 100 * math.sqrt(max(0, share * (1 - share)) * (1 / report["samples"] + 1 / total))
        check(host.is_in_kernel or abs(ours[name] - theirs[name]) < TOLERANCE_POINTS + SIGMAS * sigma,
              f"{host.name}: {name} differs by more than {TOLERANCE_POINTS + SIGMAS * sigma:.1f} points")


def main():
    pando, library, chosen = sys.argv[1], sys.argv[2], sys.argv[3:]
    has_perf = shutil.which("perf") and subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-o", "/dev/null", "true"],
                                                       capture_output=True).returncode == 0
    with tempfile.TemporaryDirectory() as folder, Receiver(pando) as receiver:
        for host in hosts(folder):
            if chosen and host.name not in chosen:
                continue
            if not shutil.which(host.name):
                fail(f"{host.name} is not installed (script/install test)")
            plain = host.run([], plain_environment())
            under = host.run([], environment(library, receiver.url, host.group, rate_hz=RATE_HZ, interval_s=1, lines="off"))
            check(plain == under, f"{host.name}: without and with Pando differ: {plain!r:.300} {under!r:.300}")
            report = wait_for(f"{host.name}'s profile", lambda: receiver.report(host.group))
            counters = report["counters"]
            print(f"{host.name}: status {plain[0]}, {len(plain[1])} bytes of output are the same; {report['samples']} samples, "
                  f"{report['totalNs'] / 1e9:.2f} s of CPU time; whole stacks "
                  f"{100 * counters.get('stacksWhole', 0) / max(1, counters.get('samplesFolded', 1)):.1f} %")
            check(is_conserved(counters), f"{host.name}: samples are not accounted for: {counters}")
            if has_perf:
                group = host.group + "-perf"
                counts = perf_counts(host.run, environment(library, receiver.url, group, rate_hz=RATE_HZ, interval_s=1, lines="off"))
                compare_hottest(host, wait_for(f"{host.name}'s profile beside perf", lambda: receiver.report(group)), counts)
    if not has_perf:
        print("perf record is not permitted here: the hottest functions were not compared")
        sys.exit(77)


main()
