"""Exactly once: what was sealed is counted by the receiver once, whatever happens between them and to either of them.

A fleet of small agents (the program "sealer": real profiles, the real uploader with its spool) seals thousands of intervals through a
proxy that delays, cuts, loses, repeats and refuses (fault_proxy.py), over http and https, with look-ups of names that fail and hang and
wall clocks that jump. Agents and the receiver are killed at random moments. At the end nothing disturbs any more, the spool is emptied,
and the receiver's tree must be the agents' ledgers, interval by interval and weight by weight, less what was refused for good.

The same in small with whole agents: programs under libpando.so, whose own counters are the ledger.

Usage: exactly_once_test.py PANDO LIBPANDO SEALER FLUSHER [--intervals N] [--seed N]"""
import argparse
import ctypes
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from fault_proxy import FATES, TLS_FATES, Chopper, FaultProxy, contexts_of
from pando_testing import Receiver, check, environment, make_certificate, paths, plain_environment

GROUP = "group"
NS_A_WEIGHT = 10_000_000          # the sealer's profiles have 100 samples a second
COUNTERS = ("delivered", "rejected", "gave_up", "queue_full", "kept", "taken_over", "spool_failures", "spool_dropped", "retries",
            "samples_delivered", "samples_lost", "thread_cpu_ns")
AT_ONCE = 3


class Ledger:
    """What one agent has said before its end, whatever its end was."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            lines = [line.split("\t") for line in file.read().split("\n")[:-1]]
        self.begun = {words[2]: (words[1], int(words[3]), int(words[4])) for words in lines if words[0] == "seal"}
        self.sealed = {words[1] for words in lines if words[0] == "sealed"}
        self.ended = ["end"] in lines
        with open(path + ".counters", "rb") as file:
            numbers = (ctypes.c_ulonglong * len(COUNTERS)).from_buffer_copy(file.read())
        self.counters = dict(zip(COUNTERS, numbers))


class Field:
    """The receiver, the ways to it, and the agents that have been."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.rng = random.Random(options.seed)
        self.spool = os.path.join(folder, "spool")
        self.ledgers, self.kills, self.receiver_kills, self.number = [], 0, 0, 0
        good, self.authority = make_certificate(folder, "good", "DNS:receiver.test")
        certificates = {"good": good, "wrong name": make_certificate(folder, "other", "DNS:other.test")[0],
                        "expired": make_certificate(folder, "old", "DNS:receiver.test", days=-1)[0]}
        self.receiver = Receiver(options.pando, "--host-name", "receiver.test")
        seed = options.seed * 1000
        self.plain = FaultProxy(seed + 1, self.where)
        self.secure = FaultProxy(seed + 2, self.where, contexts_of(certificates))
        self.chopper = Chopper(seed + 3, self.secure.port)
        self.has_ended = threading.Event()

    def where(self):
        host, port = self.receiver.url.split("//")[1].split(":")
        return host, int(port)

    def agent(self, count, trouble, spool, is_secure):
        self.number += 1
        ledger = os.path.join(self.folder, f"ledger{self.number}")
        url = f"https://receiver.test:{self.chopper.port}" if is_secure else f"http://receiver.test:{self.plain.port}"
        unwanted = ("_proxy", "aws_ca_bundle")
        variables = {name: value for name, value in plain_environment().items() if not name.lower().endswith(unwanted)}
        command = [self.options.sealer, url, GROUP, spool, ledger, str(count), f"{self.options.seed}{self.number:05d}", trouble]
        process = subprocess.Popen(command, env={**variables, "SSL_CERT_FILE": self.authority}, stderr=subprocess.PIPE)
        return process, ledger

    def wait(self, process, ledger):
        errors = process.communicate(timeout=120)[1].decode()
        check(process.returncode in (0, -signal.SIGKILL), f"an agent ended with {process.returncode}: {errors}")
        if os.path.exists(ledger + ".counters") and os.path.getsize(ledger + ".counters"):
            self.ledgers.append(Ledger(ledger))
        for path in (ledger, ledger + ".counters"):
            if os.path.exists(path):
                os.unlink(path)

    def round(self):
        """Some agents at once; every second one is killed somewhere."""
        running = []
        for _ in range(AT_ONCE):
            count = self.rng.randint(5, 40)
            trouble = self.rng.choice(("", "d", "c", "dc"))
            process, ledger = self.agent(count, trouble, self.spool, self.rng.random() < 0.4)
            killer = None
            if self.rng.random() < 0.5:
                killer = threading.Timer(self.rng.random() * count * 0.02, process.kill)
                killer.start()
                self.kills += 1
            running.append((process, ledger, killer))
        for process, ledger, killer in running:
            self.wait(process, ledger)
            if killer:
                killer.cancel()

    def harass_receiver(self):
        rng = random.Random(self.options.seed + 7)
        while not self.has_ended.wait(0.2 + rng.random()):
            self.receiver.kill()
            self.receiver_kills += 1

    def be_quiet(self):
        for proxy in (self.plain, self.secure, self.chopper):
            proxy.is_quiet = True

    def drain(self):
        for _ in range(20):
            if not [name for name in os.listdir(self.spool) if name.endswith(".profile")]:
                return
            self.wait(*self.agent(0, "", self.spool, False))
        check(False, f"seed {self.options.seed}: the spool does not become empty: {os.listdir(self.spool)}")


def check_agents(field):
    """Each agent's own account, as far as it lived to make it."""
    for ledger in field.ledgers:
        counters = ledger.counters
        ends = sum(counters[name] for name in COUNTERS[:5])
        check(not ledger.ended or ends == len(ledger.begun) + counters["taken_over"],
              f"seed {field.options.seed}: not accounted for: {counters} of {len(ledger.begun)}")
        check(counters["spool_failures"] == 0 and counters["spool_dropped"] == 0 and counters["samples_lost"] == 0 or
              counters["rejected"] != 0, f"seed {field.options.seed}: lost without a reason: {counters}")


def check_sums(field):
    """The receiver's tree against the ledgers."""
    seed = field.options.seed
    counted = {}
    for path, self_ns in paths(field.receiver.report(GROUP, "--min-percent", "0")).items():
        check(self_ns % NS_A_WEIGHT == 0 and (len(path) == 1 or path[1:] == ("below",)), (path, self_ns))
        counted.setdefault(path[0], [0, 0])[len(path) - 1] = self_ns // NS_A_WEIGHT
    begun = {token: entry for ledger in field.ledgers for token, entry in ledger.begun.items()}
    sealed = set().union(*(ledger.sealed for ledger in field.ledgers))
    refused = {**field.plain.refused, **field.secure.refused}
    stored = {token for token, (name, _, _) in begun.items() if name in counted}
    names = {name for name, _, _ in begun.values()}
    check(set(counted) <= names, f"seed {seed}: the receiver has what nobody sealed: {set(counted) - names}")
    for token in stored:
        name, self_weight, below_weight = begun[token]
        check(counted[name] == [self_weight, below_weight],
              f"seed {seed}: {name} ({token}) is counted as {counted[name]}, sealed as {[self_weight, below_weight]}")
    missing = sealed - stored
    check(missing <= set(refused), f"seed {seed}: lost: {[(begun[token][0], token) for token in missing - set(refused)]}")
    rejected = sum(ledger.counters["rejected"] for ledger in field.ledgers)
    # A token that is refused may have been stored before (the answer was lost), and a kill may come before the count.
    check(len(missing) <= rejected + field.kills, f"seed {seed}: {len(missing)} refused, {rejected} counted")
    total = sum(sum(weights) for weights in counted.values())
    of_agents = sum(a + b for _, a, b in begun.values()) - sum(sum(begun[token][1:]) for token in set(begun) - stored)
    check(total == of_agents, f"seed {seed}: the receiver's sum is {total}, the agents' {of_agents}")
    group = next(one for one in field.receiver.groups()["groups"] if one["name"] == GROUP)
    check(group["profiles"] == len(stored) and group["samples"] == total, f"seed {seed}: {group}, {len(stored)} stored, {total} samples")
    return len(begun), len(sealed), len(stored), len(missing), total


def with_spool(options, folder):
    field = Field(options, folder)
    with field.receiver:
        harasser = threading.Thread(target=field.harass_receiver)
        harasser.start()
        while sum(len(ledger.begun) for ledger in field.ledgers) < options.intervals:
            field.round()
        field.has_ended.set()
        harasser.join()
        field.be_quiet()
        field.drain()
        check_agents(field)
        begun, sealed, stored, missing, total = check_sums(field)
        faults = field.plain.met + field.secure.met
        retries = sum(ledger.counters["retries"] for ledger in field.ledgers)
        print(f"with a spool: {begun} intervals begun, {sealed} sealed, {stored} counted once, {missing} refused for good by a server, "
              f"0 lost, 0 doubled; weight {total}\n  {field.kills} agents of {field.number} killed, the receiver {field.receiver_kills} "
              f"times; {sum(faults.values()) - faults['pass'] - faults['good']} faults, {field.chopper.cuts} lines cut, {retries} tries again")
        print("  " + ", ".join(f"{name} {count}" for name, count in sorted(faults.items())), flush=True)
        never = (set(FATES) | set(TLS_FATES)) - set(faults)
        check(options.intervals < 1000 or not never, f"never met: {never}")


def without_spool(options, folder):
    """In memory only, and nobody is killed: what the receiver lacks is what the agents say they have lost."""
    field = Field(options, folder)
    with field.receiver:
        for _ in range(max(1, options.intervals // 200)):
            running = [field.agent(field.rng.randint(5, 40), "d", "-", field.rng.random() < 0.4) for _ in range(AT_ONCE)]
            for process, ledger in running:
                field.wait(process, ledger)
        report = paths(field.receiver.report(GROUP, "--min-percent", "0"))
        counted = {}
        for path, self_ns in report.items():
            counted[path[0]] = counted.get(path[0], 0) + self_ns // NS_A_WEIGHT
        begun = delivered = lost = 0
        for ledger in field.ledgers:
            counters, entries = ledger.counters, ledger.begun.values()
            ends = sum(counters[name] for name in COUNTERS[:5])
            sealed = sum(a + b for _, a, b in entries)
            there = sum(counted.get(name, 0) for name, _, _ in entries)
            check(ledger.ended and ends == len(entries) and counters["kept"] == 0, (counters, len(entries)))
            check(all(counted.get(name, a + b) == a + b for name, a, b in entries), f"seed {options.seed}: counted twice, or in part")
            check(counters["samples_delivered"] + counters["samples_lost"] == sealed, f"seed {options.seed}: {counters} of {sealed}")
            # What was stored, but its answer never came, counts as lost here: the numbers never promise too much.
            check(counters["samples_delivered"] <= there <= sealed, f"seed {options.seed}: {there} there, {counters}")
            begun, delivered, lost = begun + len(entries), delivered + there, lost + sealed - there
        print(f"without a spool: {begun} intervals, weight {delivered} counted once, {lost} lost, all of it said by the agents", flush=True)


def whole_agents(options, folder):
    """Programs under libpando.so, many of them killed: of each that lived to say how many samples it has folded, just those are there."""
    field = Field(options, folder)
    settings = {"rate_hz": 2000, "spool": field.spool, "budget_percent": 100}
    said, hosts, killed = {}, 0, set()

    def host(count, *words):
        return subprocess.Popen([options.flusher, str(count), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=environment(options.libpando, f"http://127.0.0.1:{field.plain.port}", GROUP, **settings))

    def end(process):
        out, errors = process.communicate(timeout=120)
        check(process.returncode in (0, -signal.SIGKILL) and errors == "", f"a host ended with {process.returncode}: {errors}")
        if process.returncode == 0:
            counters = {name: int(value) for name, value in (line.split() for line in out.splitlines())}
            said[process.pid] = counters
        else:
            killed.add(process.pid)
    with field.receiver:
        harasser = threading.Thread(target=field.harass_receiver)
        harasser.start()
        while len(field.plain.samples) < options.intervals // 8:
            running = []
            for _ in range(AT_ONCE):
                count = field.rng.randint(2, 25)
                process = host(count)
                killer = threading.Timer(0.1 + field.rng.random() * count * 0.02, process.kill) if field.rng.random() < 0.4 else None
                if killer:
                    killer.start()
                running.append((process, killer))
            for process, killer in running:
                end(process)
                if killer:
                    killer.cancel()
            hosts += AT_ONCE
        field.has_ended.set()
        harasser.join()
        field.be_quiet()
        end(host(0, field.spool))
        check(not [name for name in os.listdir(field.spool) if name.endswith(".profile")], "the spool does not become empty")
        group = next(one for one in field.receiver.groups()["groups"] if one["name"] == GROUP)
        refused = field.plain.refused
        of_process = {}
        for token, (pid, samples) in field.plain.samples.items():
            of_process.setdefault(pid, []).append((token, samples))
        for pid, counters in said.items():
            there = sum(samples for _, samples in of_process.get(pid, []))
            check(there == counters["samplesFolded"], f"seed {options.seed}: {there} sent of {counters}")
        check(set(of_process) <= set(said) | killed, "profiles of nobody")
        # A token that was refused may have been stored before; all others are there, once.
        least = sum(samples for token, (_, samples) in field.plain.samples.items() if token not in refused)
        most = sum(samples for _, samples in field.plain.samples.values())
        check(least <= group["samples"] <= most and group["profiles"] >= len(field.plain.samples) - len(refused),
              f"seed {options.seed}: {group}, {least} to {most} samples sent")
        print(f"whole agents: {len(field.plain.samples)} intervals of {hosts} programs, {len(killed)} of them and the receiver "
              f"{field.receiver_kills} times killed, {len(refused)} refused; {group['samples']} samples counted, as {least} to {most} were sent",
              flush=True)


def main():
    parser = argparse.ArgumentParser()
    for name in ("pando", "libpando", "sealer", "flusher"):
        parser.add_argument(name)
    parser.add_argument("--intervals", type=int, default=400)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 100000))
    options = parser.parse_args()
    if shutil.which("openssl") is None:
        return 77
    print(f"seed {options.seed}", flush=True)
    for part in (with_spool, without_spool, whole_agents):
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            part(options, folder)
        print(f"  {time.monotonic() - begin:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
