"""The CodeGuru body as Amazon Ion, against Amazon's own libraries for Python (amazon.ion) and JavaScript (ion-js): what Pando writes
they read as the JSON says, and what they write Pando reads as if it had come as JSON. Thousands of random profiles, hostile names.

Arguments: the program "transcode"."""
import base64
import collections
import datetime
import decimal
import json
import os
import random
import re
import struct
import subprocess
import sys

from amazon.ion import simpleion
from amazon.ion.core import IonType
from amazon.ion.simple_types import IonPyBytes, IonPyFloat, IonPyList, IonPyNull, IonPySymbol, IonPyText, IonPyTimestamp
from amazon.ion.core import TimestampPrecision, timestamp

PROFILES = int(os.environ.get("PANDO_TEST_PROFILES", "2000"))
SEED = int(os.environ.get("PANDO_TEST_SEED", "1"))
FORMS = {"body": b"b", "extended": b"x", "aggregate": b"a"}
NAMES = ["", "$ion", "$ion_symbol_table", "$ion_1_0", "$0", "$10", "name", "symbols", "imports", "counts", "children", "file", "line",
         "a:b", "libx.so.1:f(int, char const*)", "[libx.so+0x1f]", "<state>", "</script>", "'\"\\", "\x00\x01\x1b[31m", "\u202eabc",
         "\u0000", "\ud7ff\ue000", "\U0001f333" * 40, "n" * 5000, "\u00e9" * 2049, "null", "true", "\u2028", "std::vector<int>::~vector()"]


def check(condition, what):
    if not condition:
        sys.exit(f"FAILED (seed {SEED}): {what}")


class Transcode:
    """The program, kept running."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, body, source, target, form="body", depth=0):
        head = struct.pack("=ccccII", source, target, FORMS[form], b"\0", depth, len(body))
        self.process.stdin.write(head + body)
        self.process.stdin.flush()
        error, length = struct.unpack("=ii", self.process.stdout.read(8))
        answer = self.process.stdout.read(length)
        check(error == 0, f"transcode: {answer!r} of {body[:300]!r}")
        return answer


def random_name(rng):
    if rng.random() < 0.3:
        return rng.choice(NAMES)
    # No digit first: JavaScript puts members whose names are numbers before all others.
    return chr(rng.randrange(58, 127)) + "".join(chr(rng.choice([rng.randrange(32, 127), rng.randrange(0x80, 0x800), rng.randrange(0x800, 0xd800),
                                   rng.randrange(0x10000, 0x110000)])) for _ in range(rng.randrange(11)))


def random_node(rng, depth, counters, slices):
    node = {}
    if rng.random() < 0.6:
        node["counts"] = {c: rng.choice([0, 1, 13, 14, 127, 128, 255, 256, 65535, 2**31, 2**53 - 1, rng.randrange(10**6)])
                          for c in counters if rng.random() < 0.7}
    if slices and node.get("counts") and rng.random() < 0.5:
        counter = rng.choice(list(node["counts"]))
        node["slices"] = {str(rng.randrange(slices)): {counter: rng.randrange(node["counts"][counter] + 1)}}
    if rng.random() < 0.4:
        node["file"] = random_name(rng)
    if rng.random() < 0.4:
        node["line"] = [rng.randrange(2**32) for _ in range(rng.randrange(3))]
    if depth > 0 and rng.random() < 0.9:
        node["children"] = {random_name(rng): random_node(rng, depth - 1, counters, slices) for _ in range(rng.randrange(4))}
    members = list(node.items())
    rng.shuffle(members)
    return dict(members)


def random_body(rng):
    counters = rng.choice([["WALL_TIME"], ["CPU", "RUNNABLE", "WAITING", "IDLE"], ["\u00e9"], ["WALL_TIME", "BLOCKED"]])
    slices = rng.choice([0, 0, 1, 5])
    body = {
        "start": rng.randrange(2 * 10**12),
        "end": rng.randrange(2 * 10**12, 253402300799999),
        "agentMetadata": {
            "sampleWeights": {c: rng.choice([1.0, 99.5, 0.00333, 1e9, rng.random() + 1e-6]) for c in counters},
            "durationInMs": rng.randrange(10**9),
            "fleetInfo": {"id": "6d1e8a22-db0c-48a4-930a-f61a321e489c", "type": "UNKNOWN", "vCPUs": rng.randrange(2**32)},
            "agentInfo": {"type": rng.choice(["Pando", "CodeGuruProfiler-python", random_name(rng)]), "version": random_name(rng)},
            "agentOverhead": {"memoryInMB": rng.randrange(1000), "timeInMs": rng.randrange(1000)},
            "runtimeVersion": random_name(rng),
            "cpuTimeInSeconds": rng.choice([0.0, 0.0206, rng.random() * 1e9]),
            "metrics": {"numThreads": rng.random() * 100},
            "numTimesSampled": rng.randrange(2**53),
        },
        "callgraph": random_node(rng, rng.randrange(7), counters, slices),
        "debugInfo": {"agentStartTime": "2023-11-14T22:13:20.123Z", "processId": rng.randrange(2**32),
                      "errorsCount": {"errorsCount": rng.randrange(5)}, "genericMetrics": {"samplesDropped": 3.0},
                      "processName": random_name(rng), "hostName": "box"},
    }
    if slices:
        body["pando"] = {"slices": [{"thread": f"worker {i}", "tid": i + 1, "labels": {"k": str(i)}} for i in range(slices)],
                         "objects": [{"name": "libx.so.1", "path": "/lib/libx.so.1", "buildId": "00ff"}]}
    return body


def plain(value):
    """What amazon.ion read, as json.loads would have given it."""
    if isinstance(value, IonPyNull) or value is None:
        return None
    if isinstance(value, bool):
        return value
    if hasattr(value, "ion_type") and value.ion_type is IonType.BOOL:
        return bool(value)
    if isinstance(value, collections.abc.Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    check(isinstance(value, str), f"amazon.ion read a {type(value)}")
    return str(value)


def same_kind(a, b):
    """Equal, and a float is no int."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same_kind(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same_kind(x, y) for x, y in zip(a, b))
    return type(a) is type(b) and a == b


def other_values(rng):
    """Members that no version of the form has, of all of Ion's types."""
    stamp = timestamp(2026, 11, 25, 1, 2, 3, precision=TimestampPrecision.SECOND)
    values = [IonPyBytes.from_value(IonType.BLOB, b"\0\xff"), IonPyBytes.from_value(IonType.CLOB, b"clob"),
              IonPyList.from_value(IonType.SEXP, [1, IonPySymbol.from_value(IonType.SYMBOL, "sum"), [2, {}]]), stamp,
              IonPyNull.from_value(IonType.STRUCT, None), decimal.Decimal("1E-400"), decimal.Decimal(2**80), 2**200, -(2**64), True,
              None, IonPyText.from_value(IonType.STRING, "noted", annotations=("note", "$ion_symbol_table")),
              IonPyFloat.from_value(IonType.FLOAT, float("nan")), {"a": {"b": [[[]]]}}]
    return {f"other{i}": value for i, value in enumerate(rng.sample(values, rng.randrange(len(values))))}


def another_spelling(rng, body):
    """The same as Ion has more words for it: symbols for strings, decimals for floats, timestamps, annotations, other members."""
    spelt = json.loads(json.dumps(body))
    metadata = spelt["agentMetadata"]
    for name, value in metadata["sampleWeights"].items():
        metadata["sampleWeights"][name] = rng.choice([value, decimal.Decimal(repr(value))])
    metadata["cpuTimeInSeconds"] = rng.choice([metadata["cpuTimeInSeconds"], decimal.Decimal(repr(metadata["cpuTimeInSeconds"]))])
    metadata["runtimeVersion"] = IonPySymbol.from_value(IonType.SYMBOL, metadata["runtimeVersion"])
    metadata["agentInfo"]["type"] = IonPyText.from_value(IonType.STRING, metadata["agentInfo"]["type"], annotations=("a", "b"))
    metadata.update(other_values(rng))
    spelt.update(other_values(rng))
    spelt["callgraph"].update(other_values(rng))
    if rng.random() < 0.5:
        for name in ("start", "end"):
            at = datetime.datetime.fromtimestamp(0, datetime.timezone.utc) + datetime.timedelta(milliseconds=spelt[name])
            spelt[name] = IonPyTimestamp.from_value(IonType.TIMESTAMP, timestamp(
                at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, off_hours=0, off_minutes=0,
                precision=TimestampPrecision.SECOND, fractional_precision=3))
    members = list(spelt.items())
    rng.shuffle(members)
    return dict(members)


def against_python(transcode):
    rng = random.Random(SEED)
    sizes = [0, 0]
    for number in range(PROFILES):
        body = random_body(rng)
        as_json = json.dumps(body, ensure_ascii=rng.random() < 0.5).encode()
        form = rng.choice(list(FORMS))
        depth = rng.choice([0, 0, 1, 3])
        expected = json.loads(transcode(as_json, b"j", b"j", form, depth))
        ion = transcode(as_json, b"j", b"i", form, depth)
        check(same_kind(plain(simpleion.loads(ion)), expected), f"amazon.ion reads another body, number {number}")
        check(transcode(ion, b"i", b"j", form) == transcode(transcode(as_json, b"j", b"j", form, depth), b"j", b"j", form),
              f"Pando reads another body from its own Ion, number {number}")
        whole = transcode(as_json, b"j", b"j", "extended")
        sizes[0] += len(whole)
        sizes[1] += len(transcode(as_json, b"j", b"i", "extended"))
        theirs = simpleion.dumps(another_spelling(rng, body), binary=True)
        check(transcode(theirs, b"i", b"j", "extended") == whole, f"Pando reads another body from amazon.ion's, number {number}")
    return sizes


def against_javascript(transcode, folder):
    rng = random.Random(SEED + 1)
    count = PROFILES // 4
    bodies = []
    while len(bodies) < count:
        body = json.dumps(random_body(rng)).encode()
        # JavaScript's numbers are exact up to here.
        if all(int(digits) < 2**53 for digits in re.findall(rb"\d{16,}", transcode(body, b"j", b"j", "extended"))):
            bodies.append(body)
    lines = [json.dumps({"ion": base64.b64encode(transcode(body, b"j", b"i", "extended")).decode(),
                         "json": transcode(body, b"j", b"j", "extended").decode()}) for body in bodies]
    done = subprocess.run(["node", os.path.join(folder, "ion_peer.mjs")], input="\n".join(lines), capture_output=True, text=True,
                          check=False)
    check(done.returncode == 0, f"ion_peer.mjs: {done.stderr}")
    answers = done.stdout.split("\n")[:-1]
    check(len(answers) == count, f"ion_peer.mjs answered {len(answers)} of {count}")
    for number, (line, body) in enumerate(zip(answers, bodies)):
        answer = json.loads(line)
        expected = transcode(body, b"j", b"j", "extended")
        check(answer["json"] == json.loads(expected), f"ion-js reads another body, number {number}")
        check(transcode(base64.b64decode(answer["ion"]), b"i", b"j", "extended") == expected,
              f"Pando reads another body from ion-js's, number {number}")
    return count


def main():
    transcode = Transcode(sys.argv[1])
    sizes = against_python(transcode)
    print(f"amazon.ion: {PROFILES} profiles, both directions; Ion is {sizes[1] / sizes[0]:.0%} of the JSON's size")
    count = against_javascript(transcode, os.path.dirname(os.path.abspath(__file__)))
    print(f"ion-js: {count} profiles, both directions")


main()
