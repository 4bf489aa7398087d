"""A running program's inlined functions and lines on the wire: each inlined function is a node of its own, a function's node has the
range of its lines, and PANDO_LINES=off leaves both away.

Usage: lines_test.py LIBPANDO INLINED SOURCE_OF_INLINED

Code that node makes is named, too, where node tells of it.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from pando_testing import Service, ServiceHandler, check, environment

SECONDS = 1


class Handler(ServiceHandler):
    def do_POST(self):
        self.server.bodies.append((self.path, json.loads(self.body())))
        self.answer(204)


def marks(source):
    with open(source, encoding="utf-8") as file:
        return {found[1]: number for number, text in enumerate(file, 1) if (found := re.search(r"MARK (.*?) \*/", text))}


def find(node, names):
    for name in names:
        node = node.get("children", {}).get(name)
        if node is None:
            return None
    return node


def below_main(body):
    """main's node, wherever it is."""
    waiting = [body["callgraph"]]
    while waiting:
        node = waiting.pop()
        for name, child in node.get("children", {}).items():
            if name == "inlined:main":
                return child
            waiting.append(child)
    return None


def profile(libpando, program, arguments, folder=None, **settings):
    with Service(Handler) as service:
        service.bodies = []
        variables = environment(libpando, service.url, "inlined", rate_hz=1000, **settings)
        subprocess.run([program, *arguments], env=variables, stdout=subprocess.DEVNULL, check=True, timeout=120,
                       cwd=folder)
        bodies = [body for path, body in service.bodies if "callgraph" in body]
        check(bodies, f"no profile: {[path for path, _ in service.bodies]}")
        return max(bodies, key=lambda body: body["debugInfo"]["genericMetrics"].get("signals", 0)) # another may tell of the thread's end


SCRIPT = """
function innerOfScript(n) { return n < 2 ? n : innerOfScript(n - 1) + innerOfScript(n - 2); }
function outerOfScript() { let s = 0; for (let i = 0; i < 50; i++) s += innerOfScript(18); return s; }
const end = process.cpuUsage().user + 1500000;
while (process.cpuUsage().user < end) outerOfScript();
"""


def check_made_code(libpando):
    """node --perf-basic-prof: functions, files and lines of JavaScript."""
    if shutil.which("node") is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "script.js")
        with open(script, "w", encoding="utf-8") as file:
            file.write(SCRIPT)
        body = json.dumps(profile(libpando, shutil.which("node"), ["--perf-basic-prof", script], folder)["callgraph"])
        check('"[jit]:innerOfScript"' in body, f"node's functions have no names: {body[:3000]}")
        check(script in body, "node's functions have no files")
        for name in os.listdir("/tmp"):
            if re.fullmatch(r"perf-\d+\.map", name) and script in open(os.path.join("/tmp", name), encoding="utf-8", errors="replace").read():
                os.unlink(os.path.join("/tmp", name))
    print("code made at run time: named")


def weights_of(body, function):
    """Of a function: {line: (self, total)}."""
    numbers = next(entry for entry in body["pando"]["lines"] if entry["function"] == function)["weights"]
    return {numbers[i]: (numbers[i + 1], numbers[i + 2]) for i in range(0, len(numbers), 5)}


def self_of(node, function, inside=False):
    """Time that has the function innermost, and with it anywhere, in a tree."""
    own, total = 0, sum(node.get("counts", {}).values()) if inside else 0
    for name, child in node.get("children", {}).items():
        below = self_of(child, function, inside or name == function)
        own += below[0] + (sum(child.get("counts", {}).values()) if name == function else 0)
        total += below[1]
    return own, total


def check_weights(body, line):
    """What lines weigh is what their functions weigh, and each of two calls about half."""
    for function in ("inlined:innermost", "inlined:middle", "inlined:outer", "inlined:main"):
        own, total = self_of(body["callgraph"], function)
        lines = weights_of(body, function)
        check(sum(one[0] for one in lines.values()) == own, f"{function}: self {own}, by line {lines}")
        check(sum(one[1] for one in lines.values()) == total, f"{function}: total {total}, by line {lines}")
    outer = weights_of(body, "inlined:outer")
    first, last = outer[line["outer first"]][1], outer[line["outer last"]][1]
    check(0.35 < first / (first + last) < 0.65, f"two calls that take the same time: {first} and {last}")


def main():
    libpando, program = sys.argv[1:3]
    source = sys.argv[3]
    line = marks(source)
    body = profile(libpando, program, [str(SECONDS)])
    top = below_main(body)
    check(top is not None, f"no main: {json.dumps(body)[:2000]}")
    expected = [([], "main", "main"), (["inlined:outer"], "outer first", "outer last"),
                (["inlined:outer", "inlined:middle"], "middle", "middle"),
                (["inlined:outer", "inlined:middle", "inlined:innermost"], "innermost", "innermost")]
    for path, first, last in expected:
        node = find(top, path)
        check(node is not None, f"main has no {path}: {json.dumps(top)[:2000]}")
        check(node.get("file", "").endswith("tests/programs/inlined.c"), f"{path}: file {node.get('file')!r}")
        seen = node["line"]
        inside = set(range(line[first] - 1, line[last] + 2)) # the loop's own line is the one before
        check(set(seen) <= inside and len(seen) in (1, 2), f"{path}: lines {seen}, not within {sorted(inside)}")
    outer = find(top, ["inlined:outer"])
    check(outer["line"] == [line["outer first"], line["outer last"]], f"outer: {outer['line']}, {line}")
    innermost = find(top, expected[-1][0])
    check(sum(innermost["counts"].values()) > 500, f"innermost has {innermost['counts']}")
    check(json.dumps(body["callgraph"]).count('"inlined:middle"') == 1, "one function, called from two lines, is two nodes")

    check_weights(body, line)

    body = profile(libpando, program, [str(SECONDS)], lines="off")
    top = below_main(body)
    outer = find(top, ["inlined:outer"])
    check(outer is not None and sum(outer["counts"].values()) > 500, f"off: {json.dumps(top)[:2000]}")
    check("file" not in json.dumps(body["callgraph"]), "off: there are files")
    check("lines" not in body["pando"], "off: there are lines")
    check("inlined:middle" not in json.dumps(body), "off: there are inlined functions")
    print("inlined functions and lines: as the source has them; off: none")
    check_made_code(libpando)


if __name__ == "__main__":
    main()
