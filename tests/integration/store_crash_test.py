#!/usr/bin/env python3
"""Receivers on one store are killed with -9 at random points while they take posts and roll them up. Each profile has a function of
its own, so the sum tells of each: what was answered with 204 is there exactly once, everything else at most once; and what is sent
again under its token changes nothing.

Usage: store_crash_test.py PATH-OF-pando [KILLS [SEED]]     (script/store-torture does hundreds)
"""
import contextlib
import http.client
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

PANDO = sys.argv[1]
KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 8
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 30)
DEADLINE_S = 120
CLIENTS = 4
HOUR_MS = 3600000


def fail(message):
    print(f"store_crash_test: {message} (seed {SEED})", file=sys.stderr)
    sys.exit(1)


class Serve:
    def __init__(self, store, *options):
        # Times are old, so that all of it is rolled up at once, but not so old that it is deleted.
        self.process = subprocess.Popen([PANDO, "serve", "--listen", "127.0.0.1:0", "--store", store, *options],
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if "http" not in line:
            fail(f"the receiver does not start after a kill: {self.process.wait(DEADLINE_S)}")
        self.port = int(re.search(r":(\d+)/", line).group(1))

    def link(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)

    def end(self, number):
        self.process.send_signal(number)
        status = self.process.wait(DEADLINE_S)
        self.process.stdout.close()
        return status


def body(number, first_ms):
    # A few spans of each length, in no order.
    start_ms = first_ms + number * 7919 % (60 * HOUR_MS // 1000) * 1000
    return json.dumps({
        "start": start_ms, "end": start_ms + 1000,
        "agentMetadata": {"sampleWeights": {"WALL_TIME": 100.0}, "durationInMs": 1000, "fleetInfo": {
            "id": "00000000-0000-4000-8000-%012d" % (number % 5), "type": "UNKNOWN", "vCPUs": 2},
            "agentInfo": {"type": "Pando", "version": "0.1.0"}, "agentOverhead": {"memoryInMB": 1, "timeInMs": 2},
            "runtimeVersion": "glibc", "cpuTimeInSeconds": 0.5, "metrics": {"numThreads": 1.0}, "numTimesSampled": 1},
        "callgraph": {"children": {"a.out:main": {"children": {f"a.out:f{number}": {"counts": {"WALL_TIME": 1}}}}}}})


def post(link, number, first_ms):
    link.request("POST", f"/profilingGroups/kill/agentProfile?profileToken=t{number}", body(number, first_ms),
                 {"Content-Type": "application/json"})
    answer = link.getresponse()
    answer.read()
    return answer.status


class Posters:
    """Clients that post new numbers, and old ones now and then, until their receiver is gone."""

    def __init__(self, first_ms):
        self.first_ms = first_ms
        self.lock = threading.Lock()
        self.next = 0
        self.sent, self.answered = set(), set()

    def client(self, serve, rng):
        link = serve.link()
        try:
            while True:
                with self.lock:
                    if self.sent and rng.random() < 0.2:
                        number = rng.randrange(self.next)
                    else:
                        number = self.next
                        self.next += 1
                    self.sent.add(number)
                status = post(link, number, self.first_ms)
                if status == 204:
                    with self.lock:
                        self.answered.add(number)
                elif status not in (500, 503):
                    fail(f"a post was answered with {status}")
        except (OSError, http.client.HTTPException):
            pass

    def start(self, serve, rng):
        threads = [threading.Thread(target=self.client, args=(serve, random.Random(rng.random()))) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        return threads


def functions(serve):
    """What each function weighs, in samples."""
    link = serve.link()
    link.request("GET", "/api/v1/groups/kill/tree")
    answer = link.getresponse()
    data = answer.read()
    link.close()
    if answer.status == 404:
        return {}, 0
    if answer.status != 200:
        fail(f"the sum cannot be read after a kill: {answer.status} {data[:200]}")
    tree = json.loads(data)
    weights = {}
    for frame, self_ns in zip(tree["nodes"]["frame"], tree["nodes"]["selfNs"]):
        name = tree["frames"][frame]["name"]
        if self_ns:
            weights[name] = weights.get(name, 0) + self_ns / 10_000_000
    return weights, tree["profiles"]


def judge(serve, posters, when):
    # Before the question: what is answered later may or may not be in it.
    with posters.lock:
        answered = set(posters.answered)
    weights, profiles = functions(serve)
    doubled = {name: weight for name, weight in weights.items() if weight != 1}
    if doubled:
        fail(f"{when}: counted more than once: {sorted(doubled.items())[:5]}")
    lost = [number for number in answered if f"f{number}" not in weights]
    if lost:
        fail(f"{when}: {len(lost)} of {len(answered)} answered posts are lost, such as {sorted(lost)[:5]}")
    if profiles != len(weights):
        fail(f"{when}: {profiles} profiles, but {len(weights)} functions")
    return len(weights)


def main():
    rng = random.Random(SEED)
    first_ms = (int(time.time() * 1000) // (24 * HOUR_MS) - 3) * 24 * HOUR_MS
    with tempfile.TemporaryDirectory(prefix="pando-crash-") as folder:
        store = os.path.join(folder, "store.sqlite")
        posters = Posters(first_ms)
        kills = 0
        while kills < KILLS:
            serves = [Serve(store) for _ in range(rng.choice((1, 1, 2)))]
            threads = [thread for serve in serves for thread in posters.start(serve, rng)]
            before = len(posters.answered)
            time.sleep(rng.random() ** 2 * 1.5)
            if rng.random() < 0.5: # half of the time it has got somewhere
                end = time.monotonic() + DEADLINE_S
                while len(posters.answered) == before and time.monotonic() < end:
                    time.sleep(0.01)
            if rng.random() < 0.3:
                judge(serves[0], posters, f"before kill {kills}")
            for serve in serves:
                serve.end(signal.SIGKILL)
                kills += 1
            for thread in threads:
                thread.join()
        serve = Serve(store)
        stored = judge(serve, posters, "after the last kill")
        answered = len(posters.answered)
        link = serve.link()
        for number in sorted(posters.sent):
            if post(link, number, first_ms) != 204:
                fail("what was sent before is not taken again")
        if judge(serve, posters, "sent again") != len(posters.sent):
            fail("not all that was sent again is there")
        status = serve.end(signal.SIGTERM)
        if status != 0:
            fail(f"the receiver ends with status {status}")
        with contextlib.closing(sqlite3.connect(store)) as database:
            found = database.execute("PRAGMA integrity_check").fetchall()
        if found != [("ok",)]:
            fail(f"the file is damaged: {found[:5]}")
    print(f"{kills} kills, {len(posters.sent)} posts sent, {answered} answered, {stored} stored: each answered one once, none twice (seed {SEED})")
    if answered == 0:
        fail("nothing was answered: the test has shown nothing")


main()
