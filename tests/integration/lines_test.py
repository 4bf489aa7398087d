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
    check(json.dumps(body).count('"inlined:middle"') == 1, "one function, called from two lines, is two nodes")

    body = profile(libpando, program, [str(SECONDS)], lines="off")
    top = below_main(body)
    outer = find(top, ["inlined:outer"])
    check(outer is not None and sum(outer["counts"].values()) > 500, f"off: {json.dumps(top)[:2000]}")
    check("file" not in json.dumps(body["callgraph"]), "off: there are files")
    check("inlined:middle" not in json.dumps(body), "off: there are inlined functions")
    print("inlined functions and lines: as the source has them; off: none")
    check_made_code(libpando)


if __name__ == "__main__":
    main()
