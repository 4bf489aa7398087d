"""Threads' names and labels in real programs: shares by label within three standard deviations, through handlers, forks, short lives,
renaming, and more labels than there is room for; filters of the report and of the page's API agree; nothing goes to Amazon.

Usage: labels_test.py PANDO LIBPANDO LABELED EXAMPLE
"""
import json
import math
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

from pando_testing import Receiver, check, environment, is_conserved

RATE_HZ = 250


def run(world, case, seconds, group=None, **settings):
    """The program's output and the report of its profile."""
    receiver, library, labeled = world
    group = group or case
    settings.setdefault("rate_hz", RATE_HZ)
    done = subprocess.run([labeled, case, str(seconds)], env=environment(library, receiver.url, group, **settings),
                          capture_output=True, text=True, timeout=300)
    check(done.returncode == 0 and done.stderr == "", f"{case}: status {done.returncode}, stderr {done.stderr!r}")
    report = receiver.report(group)
    check(report, f"{case}: no profile came")
    return done.stdout, report


def weights(report, key, clock="cpuNs"):
    """Of a label's values, or (key None) of the threads' names: value -> nanoseconds."""
    return {item["value"]: item[clock] for item in report.get("threads" if key is None else "labels", []) if item.get("key") == key}


def filtered(receiver, group, *options):
    done = subprocess.run([receiver.pando, "report", "--url", receiver.url, "--group", group, "--format", "json", *options],
                          capture_output=True, text=True)
    check(done.returncode == 0, f"report {options}: {done.stderr}")
    return json.loads(done.stdout)


def tree(receiver, group, query):
    with urllib.request.urlopen(f"{receiver.url}/api/v1/groups/{group}/tree?{query}") as answer:
        return json.load(answer)


def are_shares(report, found, expected):
    """What is wrong with the shares of `found`, by three standard deviations; "" nothing."""
    total, wrong = sum(found.values()), []
    for name, part in expected.items():
        share = found.get(name, 0) / total if total else 0
        sigma = math.sqrt(part * (1 - part) / report["samples"])
        if abs(share - part) > 3 * sigma:
            wrong.append(f"{name}: {share * 100:.2f} %, not {part * 100:.1f} ({(share - part) / sigma:+.2f} sigma)")
    return "; ".join(wrong)


def until_right(measure):
    """One in a hundred honest runs is beyond three sigma somewhere; what is really wrong fails all three, each longer."""
    for times in (1, 2, 4):
        wrong = measure(times)
        if not wrong:
            return
        print(wrong)
    check(False, f"three runs, each longer than the one before: {wrong}")


SHARES = {"sixty": 0.6, "thirty": 0.3, "ten": 0.1}


def test_shares(world):
    receiver = world[0]

    def measure(times):
        group = f"shares-{times}"
        _, report = run(world, "shares", 4 * times, group, labels="version=1.2,env=prod")
        check(is_conserved(report["counters"]), f"samples are missing: {report['counters']}")
        labeled = weights(report, "share")
        total = report["totalNs"]
        check(sum(labeled.values()) > 0.97 * total, f"only {sum(labeled.values()) / total:.3f} of the time has the label")
        check(weights(report, "version") == {"1.2": total} and weights(report, "env") == {"prod": total},
              f"PANDO_LABELS are not on everything: {report['threads']}")
        # The three views of one number: the sums, the report's filter, and the page's.
        for name, found in labeled.items():
            check(filtered(receiver, group, "--label", f"share:{name}")["totalNs"] == found, f"report --label share:{name}")
            check(tree(receiver, group, f"label=share:{name}")["totalNs"] == found, f"?label=share:{name}")
        busy = filtered(receiver, group, "--thread", "busy", "--label", "share:ten")["totalNs"]
        calm = filtered(receiver, group, "--thread", "calm", "--label", "share:ten")["totalNs"]
        check(busy + calm == labeled["ten"] and busy > 0 and calm > 0, "thread and label together")
        both = tree(receiver, group, "thread=busy&thread=calm&label=share:ten&label=share:thirty")
        check(both["totalNs"] == labeled["ten"] + labeled["thirty"], "several of one key are or")
        check(tree(receiver, group, "label=share:ten&label=env:test")["totalNs"] == 0, "several keys are and")
        check(tree(receiver, group, "")["totalNs"] == total, "without a filter it is all")
        names = {frame["object"] for frame in tree(receiver, group, "")["frames"]}
        check("<slice>" not in names, "a slice is shown as a function")
        return are_shares(report, labeled, SHARES) or are_shares(report, weights(report, None), {"busy": 0.75, "calm": 0.25})

    until_right(measure)
    for query in ("label=x", "label=:x"):
        try:
            tree(receiver, "shares-1", query)
            check(False, f"{query} is taken")
        except urllib.error.HTTPError as error:
            check(error.code == 400, f"{query}: {error.code}")
    done = subprocess.run([receiver.pando, "report", "--url", receiver.url, "--group", "shares-1", "--label", "x"], capture_output=True, text=True)
    check(done.returncode == 2 and "KEY:VALUE" in done.stderr, f"--label x: {done.stderr}")
    text = subprocess.run([receiver.pando, "report", "--url", receiver.url, "--group", "shares-1"], capture_output=True, text=True).stdout
    check("Threads: busy " in text and "Label share: sixty " in text, f"the text has no slices: {text[:400]}")


def test_handlers(world):
    def measure(times):
        handled, report = run(world, "interrupted", 2 * times, f"interrupted-{times}")
        check(int(handled) > 100, f"only {handled} signals were handled")
        found = weights(report, "share")
        found.pop("handler", None)
        return are_shares(report, found, SHARES)

    until_right(measure)


def test_fork(world):
    def measure(times):
        _, report = run(world, "forked", 2 * times, f"forked-{times}")
        both = weights(report, "both")
        check(both.get("yes", 0) > 0.97 * report["totalNs"], "the child has lost its labels")
        return are_shares(report, weights(report, "who"), {"parent": 0.75, "child": 0.25})

    until_right(measure)


def test_too_many(world):
    refused, report = run(world, "crowded", 2)
    counters, kind, out = report["counters"], weights(report, "kind"), weights(report, "pando.labels")
    check(int(refused) > 3000 and counters.get("labelSetsLeftOut", 0) >= int(refused), f"{refused} refused, but {counters}")
    check(kind.get("many", 0) > 0 and out.get("<left out>", 0) > 0, f"what is left out is not told: {kind} {out}")
    check("few" not in kind, "a set too many is nobody's, not another's")
    check(is_conserved(counters), f"samples are missing: {counters}")


def test_lives(world):
    _, report = run(world, "brief", 3)
    check(report["counters"].get("threadsSeen", 0) > 900 and "slicesLeftOut" not in report["counters"], f"{report['counters']}")
    named = weights(report, None).get("brief", 0)
    check(named > 0.8 * report["totalNs"], f"of short threads only {named / report['totalNs']:.2f} have their name: {report['threads']}")
    _, report = run(world, "renamed", 4)
    names = weights(report, None)
    check(abs(names.get("after", 0) / report["totalNs"] - 0.5) < 0.2, f"the new name was not followed: {names}")


def test_wall_time(world):
    _, report = run(world, "asleep", 2, mode="wall", rate_hz=100)
    asleep = weights(report, "state", "wallNs").get("asleep", 0)
    check(1e9 < asleep < 3e9, f"a sleeper with a label slept {asleep / 1e9:.2f} s of two")
    check(weights(report, None, "wallNs").get("sleeper", 0) >= asleep, "the sleeper has no name")


def test_spans(world):
    _, report = run(world, "traced", 2)
    spans = weights(report, "trace_id")
    check(1 <= len(spans) <= 16, f"{len(spans)} traces in an interval")
    check(report["counters"].get("spansLeftOut", 0) > 100, "the others are not counted")
    check(all(len(name) == 32 and name.endswith("01") for name in spans), f"no trace ids: {list(spans)[:3]}")


def test_settings(world):
    receiver, library, labeled = world
    _, report = run(world, "shares", 0.4, "off", slices="off")
    check("threads" not in report, "PANDO_SLICES=off has slices")
    _, report = run(world, "shares", 0.4, "threads", slices="threads")
    raw = tree(receiver, "threads", "state=raw")
    names = {frame["name"].split(";")[1] for frame in raw["frames"] if frame["object"] == "<slice>"}
    check(len(names - {""}) >= 3, f"the threads are not told apart: {names}")
    objects = {thing["name"]: thing for thing in raw["objects"]}
    check(objects["labeled"]["path"] == labeled and len(objects["libc.so.6"].get("buildId", "")) == 40, f"objects: {objects}")
    # As to Amazon: nothing that its form has no room for, unless it is asked for.
    for group, slices in (("signed", None), ("signed-asked", "names")):
        variables = environment(library, receiver.url, group, sign="true", orchestrate="false", **({"slices": slices} if slices else {}))
        variables.update(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret", AWS_REGION="eu-west-1")
        subprocess.run([labeled, "shares", "0.4"], env=variables, check=True)
        check(("threads" in receiver.report(group)) == (slices is not None), f"signed, PANDO_SLICES={slices}")
    for name, value, sentence in (("PANDO_LABELS", "a", "PANDO_LABELS is at most 8"), ("PANDO_LABELS", "a b=c", "PANDO_LABELS is at most 8"),
                                  ("PANDO_SLICES", "x", "PANDO_SLICES is names, threads or off")):
        variables = environment(library, receiver.url, "never", log="stderr")
        variables[name] = value
        done = subprocess.run([labeled, "renamed", "0.05"], env=variables, capture_output=True, text=True)
        check(done.returncode == 0 and sentence in done.stderr, f"{name}={value}: {done.stderr}")
    # Preloaded, but not started: the functions are there, and do no harm.
    variables = environment(library, receiver.url, "never")
    del variables["PANDO_URL"]
    done = subprocess.run([labeled, "shares", "0.1"], env=variables, capture_output=True, text=True)
    check(done.returncode == 0 and done.stderr == "", f"not started: {done.returncode} {done.stderr}")
    check("never" not in json.dumps(receiver.groups()), "a profile came from nowhere")


def test_example(world):
    """examples/labels.c, which is linked with libpando."""
    receiver, _, _ = world

    def measure(times):
        group = f"example-{times}"
        variables = environment("", receiver.url, group, rate_hz=RATE_HZ)
        del variables["LD_PRELOAD"]
        subprocess.run([sys.argv[4], str(times)], env=variables, check=True)
        report = receiver.report(group)
        check(set(weights(report, None)) <= {"worker-1", "worker-2", "example_labels"}, f"its threads: {report['threads']}")
        return are_shares(report, weights(report, "class"), {"iron": 1 / 6, "silver": 2 / 6, "gold": 3 / 6})

    until_right(measure)


def main():
    pando, library, labeled = sys.argv[1:4]
    with Receiver(pando) as receiver:
        world = (receiver, library, labeled)
        for test in (test_settings, test_shares, test_handlers, test_fork, test_too_many, test_lives, test_wall_time, test_spans, test_example):
            test(world)
            print(f"{test.__name__}: good")


main()
