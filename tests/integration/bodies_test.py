"""What is posted, beyond the samples: profiles as Ion by choice, and what was lost on the way, told by the next profile and shown by the
receiver.

Usage: bodies_test.py PANDO LIBPANDO FLUSHER"""
import json
import os
import subprocess
import sys
import tempfile

from pando_testing import Receiver, Service, ServiceHandler, check, environment, share, wait_for

PANDO, LIBRARY, FLUSHER = sys.argv[1:4]


class Picky(Service):
    """Refuses the first posts, fails the next, then keeps bodies."""

    def __init__(self, refuses=0, fails=0):
        self.refuses, self.fails, self.bodies, self.types = refuses, fails, [], []
        super().__init__(PickyHandler)


class PickyHandler(ServiceHandler):
    def do_POST(self):
        body, service = self.body(), self.server
        with service.lock:
            if service.refuses > 0:
                service.refuses -= 1
                return self.answer(400, '{"message": "no"}')
            if service.fails > 0:
                service.fails -= 1
                return self.answer(500, '{"message": "broken"}')
            service.bodies.append(body)
            service.types.append(self.headers["Content-Type"])
        return self.answer(204)


def test_ion(_):
    """The same picture by either body, at a receiver of ours; and the type and the first bytes are Ion's."""
    with Receiver(PANDO) as receiver:
        for body in ("ion", "json"):
            done = subprocess.run([FLUSHER, "40"], env=environment(LIBRARY, receiver.url, body, rate_hz=1000, body=body), capture_output=True,
                                  text=True, timeout=100)
            check(done.returncode == 0 and done.stderr == "", done)
            report = wait_for(f"a report of {body}", lambda: receiver.report(body))
            check(share(report, "burn_ms") > 80, f"{body}: {report['top'][:3]}")
    service = Picky()
    subprocess.run([FLUSHER, "5"], env=environment(LIBRARY, service.url, "ion", rate_hz=1000, body="ion"), check=True, timeout=100,
                   capture_output=True)
    check(service.types and set(service.types) == {"application/x-amzn-ion"} and service.bodies[0][:4] == b"\xe0\x01\x00\xea", service.types)
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as log:
        done = subprocess.run([FLUSHER, "1"], env=environment(LIBRARY, service.url, "ion", body="xml", log=log.name), capture_output=True,
                              timeout=100)
        check(done.returncode == 0 and "PANDO_BODY" in log.read(), "a body that there is not")


def counters_of(service):
    total = {}
    for body in service.bodies:
        for name, value in json.loads(body)["debugInfo"].get("genericMetrics", {}).items():
            total[name] = total.get(name, 0) + value
    return total


def test_counters(folder):
    """A profile refused, one failed: a later one says so. An unusable spool is said, too."""
    service = Picky(refuses=1, fails=1)
    os.chmod(folder, 0o755)
    done = subprocess.run([FLUSHER, "30"], env=environment(LIBRARY, service.url, "counters", rate_hz=1000, spool=folder), capture_output=True,
                          text=True, timeout=100)
    check(done.returncode == 0 and done.stderr == "", done)
    total = counters_of(service)
    check(total.get("postsRejected") == 1 and total.get("samplesLost", 0) > 0 and total.get("postRetries", 0) >= 1, total)
    check(total.get("spoolFailures", 0) >= 3, total)


def test_takeover(folder):
    """What an earlier process left is said by the one that sends it; and the page's answer has all of it."""
    spool = os.path.join(folder, "spool")
    subprocess.run([FLUSHER, "5"], env=environment(LIBRARY, "http://127.0.0.1:1", "left", rate_hz=1000, spool=spool), capture_output=True,
                   timeout=100, check=True)
    left = len([name for name in os.listdir(spool) if name.endswith(".profile")])
    check(left >= 1, os.listdir(spool))
    with Receiver(PANDO) as receiver:
        subprocess.run([FLUSHER, "40"], env=environment(LIBRARY, receiver.url, "left", rate_hz=1000, spool=spool), capture_output=True,
                       timeout=100, check=True)
        report = wait_for("a report", lambda: receiver.report("left"))
        check(report["counters"].get("postsTakenOver") == left, (left, report["counters"]))


def main():
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            with tempfile.TemporaryDirectory() as folder:
                test(folder)
            print(f"{name}: good", flush=True)


main()
