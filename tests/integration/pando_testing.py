"""What the integration tests share: a receiver of their own, a program under libpando.so, and what came of it."""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request


def fail(message):
    sys.exit(f"FAILED: {message}")


def check(condition, message):
    if not condition:
        fail(message)


def wait_for(what, condition, seconds=60):
    """Until `condition` returns something true, which is returned."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    fail(f"{what} did not happen within {seconds} s")


class Receiver:
    """`pando serve` on a free port, with a store in a temporary folder."""

    def __init__(self, pando):
        self.pando = pando
        self.folder = tempfile.TemporaryDirectory()
        self.store = os.path.join(self.folder.name, "store.sqlite")
        self.process = subprocess.Popen([pando, "serve", "--listen", "127.0.0.1:0", "--store", self.store],
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"http://[^ \n/]+", line)
        check(found, f"the receiver printed no address but {line!r}")
        self.url = found.group(0)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()
        self.folder.cleanup()

    def report(self, group):
        """The report of a group as `pando report --format json` gives it; None when nothing came."""
        done = subprocess.run([self.pando, "report", "--url", self.url, "--group", group, "--format", "json", "--top", "1000"],
                              capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def groups(self):
        with urllib.request.urlopen(self.url + "/api/v1/groups") as answer:
            return json.load(answer)


def environment(library, url, group, **settings):
    """The variables under which a program is profiled; settings as rate_hz=1000."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PANDO_")}
    variables.update(LD_PRELOAD=library, PANDO_URL=url, PANDO_GROUP=group)
    variables.update({"PANDO_" + name.upper(): str(value) for name, value in settings.items()})
    return variables


def plain_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("PANDO_") and name != "LD_PRELOAD"}


def is_conserved(counters):
    """Each sample that was made is kept, dropped for a stated reason, or was not due; each that was kept is in the tree or told."""
    get = lambda name: counters.get(name, 0)
    tree_full = get("samplesDroppedTreeFull")  # after it was kept
    dropped = sum(value for name, value in counters.items() if name.startswith("samplesDropped")) - tree_full
    return (get("signals") + get("wallSamples") == get("samplesKept") + dropped + get("samplesNotDue") and
            get("samplesKept") + get("samplesAtThreadEnd") == get("samplesFolded") + tree_full)


def share(report, function, kind="selfPercent"):
    return sum(row[kind] for row in report["top"] if row["name"] == function)


def paths(report):
    """The stacks with their self nanoseconds, as tuples of names from the outermost on."""
    frames, nodes = report["tree"]["frames"], report["tree"]["nodes"]
    names = [()] * len(nodes["parent"])
    result = {}
    for number, (parent, frame, self_ns) in enumerate(zip(nodes["parent"], nodes["frame"], nodes["selfNs"])):
        if number == 0:
            continue
        names[number] = names[parent] + (frames[frame]["name"],)
        if self_ns:
            result[names[number]] = result.get(names[number], 0) + self_ns
    return result
