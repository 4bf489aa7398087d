"""`pando ctl`: orders to an agent in a process that runs, in each mode: what is measured stays right, a pause costs nothing, and neither
bad orders nor a hostile writer harm the host.

Usage: control_test.py PANDO LIBPANDO CONTROLLED
"""
import atexit
import json
import mmap
import os
import re
import signal
import struct
import subprocess
import sys
import time

from pando_testing import Receiver, check, environment, paths, wait_for


class Host:
    def __init__(self, pando, library, receiver, program, group, **settings):
        self.pando = pando
        self.process = subprocess.Popen([program], env=environment(library, receiver.url, group, interval_s=60, **settings),
                                        stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        atexit.register(self.process.kill) # also after a failed check
        check(self.process.stdout.readline() == "ready\n", "the host did not begin")
        # As long as the first thread of the agent has not left the host's descriptors there is nothing to talk to.
        wait_for("the first sample", lambda: self.status().get("counters", {}).get("samplesKept", 0) > 0)

    def ctl(self, *words, expect=0, **more):
        done = subprocess.run([self.pando, "ctl", str(self.pid), *words], capture_output=True, text=True, timeout=60, **more)
        check(done.returncode == expect, f"ctl {words}: status {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout if expect == 0 else done.stderr

    def status(self):
        return json.loads(self.ctl("status", "--json"))

    def threads(self):
        """Name and voluntary switches of each thread."""
        found = {}
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            try:
                text = open(f"/proc/{self.pid}/task/{tid}/status").read()
            except (FileNotFoundError, ProcessLookupError):  # it has ended since
                continue
            found[tid] = (re.search(r"Name:\t(.*)", text)[1], int(re.search(r"\nvoluntary_ctxt_switches:\t(\d+)", text)[1]))
        return found

    def timers(self):
        return len(re.findall(r"^ID:", open(f"/proc/{self.pid}/timers").read(), re.MULTILINE))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        out = self.process.communicate(timeout=60)[0]
        check(self.process.returncode == 0, f"the host ended with {self.process.returncode}")
        check(out.endswith("disturbed 0\n"), f"the host was disturbed: {out!r}")


def page_of(pid):
    """The file of the page in the agent's own descriptors."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        folder = f"/proc/{pid}/task/{tid}/fd"
        try:
            for fd in os.listdir(folder):
                if "pando-control" in os.readlink(f"{folder}/{fd}") and open(f"/proc/{pid}/task/{tid}/comm").read() == "pando\n":
                    return f"{folder}/{fd}"
        except OSError:  # a thread or a descriptor that has gone meanwhile
            pass
    return None


def self_seconds(report, function):
    return sum(ns for path, ns in paths(report).items() if function in path) / 1e9


def test_wall_rate(host, mode):
    """How often the wall clock's thread looks: in its wake-ups, and in what the agent tells. What is measured (test_orders) stays right."""
    if mode == "cpu":
        check("wall time has to be asked for" in host.ctl("wall-rate", "50", expect=1), "a wall rate without wall time")
        return

    def wake_ups_of(rate_hz):
        host.ctl("wall-rate", str(rate_hz))
        status = host.status()
        check(status["wallRateHz"] == rate_hz and status["config"]["PANDO_WALL_RATE_HZ"] == {"from": "option", "value": rate_hz}, status)
        tid, before = next((tid, switches) for tid, (name, switches) in host.threads().items() if name == "pando-wall")
        begin = time.monotonic()
        time.sleep(1.5)
        return (host.threads()[tid][1] - before) / (time.monotonic() - begin)

    slow, fast, again = wake_ups_of(2), wake_ups_of(200), wake_ups_of(2)
    print(f"{mode}: {slow:.0f}, {fast:.0f}, {again:.0f} looks a second at 2, 200, 2 Hz")
    check(max(slow, again) < 8 and fast > 4 * max(slow, again, 1), f"{mode}: {slow}, {fast}, {again} looks a second at 2, 200, 2 Hz")
    host.ctl("wall-rate", "100")


def test_orders(pando, library, program, mode):
    with Receiver(pando) as receiver:
        host = Host(pando, library, receiver, program, "controlled", mode=mode, rate_hz=100, wall_rate_hz=100)
        begin = time.monotonic()
        status = host.status()
        check((status["state"], status["mode"], status["rateHz"], status["group"]) == ("running", mode, 100, "controlled"), status)
        config = status["config"]
        check(config["PANDO_RATE_HZ"] == {"from": "variable", "value": 100}, config)
        check(config["PANDO_BUDGET_PERCENT"]["from"] == "default", config)
        # Nothing of the page is in the host's own table, which children inherit.
        check(page_of(host.pid), "there is no page")
        check(not any("pando" in os.readlink(f"/proc/{host.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{host.pid}/fd")), "a descriptor in the host")

        host.ctl("rate", "500")
        check(host.status()["rateHz"] == 500, "the rate did not change")
        check(host.status()["config"]["PANDO_RATE_HZ"]["from"] == "option", "the rate has no origin")
        test_wall_rate(host, mode)
        time.sleep(1)
        host.ctl("pause")
        measured_s = time.monotonic() - begin
        before = host.status()
        check(before["state"] == "paused" and before["deliveries"] >= 1, before)
        check(host.timers() == 0, "a paused host has timers")
        names = {name for name, _ in host.threads().values()}
        check("pando-wall" not in names and "pando" in names, f"threads of a paused host: {names}")
        first = host.threads()
        time.sleep(2)
        later = host.threads()
        for tid, (name, switches) in first.items():
            if name.startswith("pando"):
                check(later[tid][1] - switches <= 1, f"{name} woke up {later[tid][1] - switches} times in a pause of 2 s")
        check(host.status()["counters"]["signals"] == before["counters"]["signals"], "a paused host was sampled")

        # Children of a paused process are paused, too.
        host.process.send_signal(signal.SIGUSR1)
        child = int(host.process.stdout.readline())
        check(open(f"/proc/{child}/timers").read() == "", "the child of a paused host has timers")
        os.kill(child, signal.SIGKILL)

        host.ctl("resume")
        begin = time.monotonic()
        check(host.status()["state"] == "running", "it does not go on")
        check(host.timers() == 3, f"{host.timers()} timers after the pause, 3 threads")
        time.sleep(1)
        host.ctl("flush")
        measured_s += time.monotonic() - begin
        status = host.status()
        check(status["lastDeliveryMs"] > 0 and status["counters"]["samplesDelivered"] > 0, status)
        host.ctl("stop")
        measured_s_at_most = measured_s + (time.monotonic() - begin)
        check(host.timers() == 0, "a host whose agent has stopped has timers")
        wait_for("the end of the agent's thread", lambda: not any(name.startswith("pando") for name, _ in host.threads().values()))
        check("does not run" in host.ctl("status", expect=1), "a stopped agent answers")
        host.end()

        report = receiver.report("controlled")
        counters = report["counters"]
        check(counters.get("samplesNotWanted", 0) == 0, counters)
        if mode != "cpu":
            state = json.loads(subprocess.run([pando, "report", "--url", receiver.url, "--group", "controlled", "--state", "all",
                                               "--format", "json"], capture_output=True, text=True, check=True).stdout)
            found = self_seconds(state, "napping")
            print(f"{mode}: the sleeper has {found:.2f} s of about {measured_s:.2f}")
            check(0.75 * measured_s - 0.3 < found < measured_s_at_most + 0.3, f"{mode}: {found:.2f} s asleep of {measured_s:.2f}: the pause counts, or the time of the old rate")
        if mode != "wall":
            found, used = self_seconds(report, "computing"), report["totalNs"] / 1e9
            print(f"{mode}: computing has {found:.2f} s of {used:.2f} s")
            check(0.05 < found < measured_s_at_most * 1.1, f"{mode}: {found:.2f} s of CPU time in {measured_s:.2f}")


def test_bad_orders(pando, library, program):
    with Receiver(pando) as receiver:
        host = Host(pando, library, receiver, program, "hostile", rate_hz=100)
        for words in (["rate", "0"], ["rate", "4001"], ["rate"], ["wall-rate", "0"], ["wall-rate", "1001"], ["wall-rate"], ["dance"], []):
            host.ctl(*words, expect=2)
        check("there is no process" in subprocess.run([pando, "ctl", "4194303", "status"], capture_output=True, text=True).stderr, "no process")
        check("does not run" in subprocess.run([pando, "ctl", str(os.getpid()), "status"], capture_output=True, text=True).stderr, "no Pando")
        # Whoever can open the page can write anything into it.
        with open(page_of(host.pid), "r+b", buffering=0) as file:
            for size in (0, 1 << 20):
                try:
                    os.ftruncate(file.fileno(), size)
                    check(False, "the page can be cut or grown: the next look into it would end the host")
                except OSError:
                    pass
            page = mmap.mmap(file.fileno(), 16384)
            for verb, number in ((4, 0), (4, 0xffffffff), (99, 1), (0, 0), (7, 0xffffffff)):
                asked, = struct.unpack_from("<I", page, 12)
                struct.pack_into("<III", page, 24, verb, number, 0xffffffff)
                struct.pack_into("<I", page, 12, (asked + 7) & 0xffffffff)
                wait_for("an answer", lambda: struct.unpack_from("<I", page, 16) == struct.unpack_from("<I", page, 12))
                check(struct.unpack_from("<i", page, 36)[0] == -3, f"{verb}, {number} was obeyed")
            struct.pack_into("<I", page, 40 + 512, 0xffffffff)
            check(host.status()["rateHz"] == 100, "it does not answer any more")
            page[:16384] = b"\xff" * 16384
            page.close()
        check("another version" in host.ctl("status", expect=1), "a broken page")
        if os.geteuid() == 0:
            done = host.ctl("status", expect=1, user=65534, group=65534, extra_groups=[])
            check("belongs to user 0" in done, f"another user: {done}")
        host.end()
        check(receiver.report("hostile"), "no profile came")


def test_end(pando, library, program):
    """Profiling that ends by itself, and a command with a lease that is gone."""
    with Receiver(pando) as receiver:
        host = Host(pando, library, receiver, program, "ends", end_ms=int((time.time() + 2) * 1000))
        wait_for("the end by itself", lambda: host.timers() == 0 and not any(name == "pando" for name, _ in host.threads().values()))
        host.end()
        check(receiver.report("ends"), "what was gathered until the end did not come")
        host = Host(pando, library, receiver, program, "leased")
        with open(page_of(host.pid), "r+b", buffering=0) as file:
            page = mmap.mmap(file.fileno(), 16384)
            asked, = struct.unpack_from("<I", page, 12)
            struct.pack_into("<II", page, 24, 7, 1)
            struct.pack_into("<I", page, 12, asked + 1)
            wait_for("the lease", lambda: struct.unpack_from("<I", page, 16)[0] == asked + 1)
            for beat in range(15):
                struct.pack_into("<I", page, 20, beat + 1)
                time.sleep(0.1)
            check(host.timers() > 0, "it ended although its command lives")
            page.close()
        wait_for("the end of the lease", lambda: host.timers() == 0)
        host.end()
        check(receiver.report("leased"), "what was gathered until the end of the lease did not come")


def main():
    pando, library, program = sys.argv[1:4]
    for mode in ("cpu", "wall", "both"):
        test_orders(pando, library, program, mode)
    test_bad_orders(pando, library, program)
    test_end(pando, library, program)
    print("orders are obeyed, pauses cost nothing, bad orders do no harm")


main()
