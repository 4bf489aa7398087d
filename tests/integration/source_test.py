#!/usr/bin/env python3
"""Which files the page may show: sources that a stored profile names, and no others, whatever a profile says.

Usage: source_test.py PATH-OF-pando
"""
import http.client
import json
import os
import re
import sys
import tempfile
import urllib.parse

from pando_testing import Receiver

PANDO = sys.argv[1]
failures = []


def check(what, good, detail=""):
    if not good:
        failures.append(what)
    print(("ok   " if good else "FAIL ") + what + ("" if good else f": {detail}"), flush=True)


class Serve(Receiver):
    def __init__(self, *options):
        super().__init__(PANDO, *options)

    def request(self, method, path, body=None):
        link = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc, timeout=60)
        link.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = link.getresponse()
        data = answer.read()
        link.close()
        return answer.status, data

    def post(self, files):
        children = {f"app:f{i}": {"counts": {"WALL_TIME": 1}, "file": name, "line": [2]} for i, name in enumerate(files)}
        body = {"start": 1700000000000, "end": 1700000001000, "agentMetadata": {"sampleWeights": {"WALL_TIME": 100.0}}, "callgraph": {"children": children}}
        status, data = self.request("POST", "/profilingGroups/g/agentProfile", json.dumps(body))
        assert status == 204, data

    def source(self, name):
        status, data = self.request("GET", "/api/v1/groups/g/source?" + urllib.parse.urlencode({"file": name}))
        return (status, json.loads(data))

    def refused(self, what, name, sentence):
        status, answer = self.source(name)
        check(what, status == 200 and "text" not in answer and re.search(sentence, answer["reason"]), (status, str(answer)[:300]))


def main(folder):
    def file(name, content, mode="wb"):
        path = os.path.join(folder, name)
        with open(path, mode) as out:
            out.write(content)
        return path

    good = file("good.c", b"int main(void)\n{\t\"\xc3\xa4\";\n}\n")
    odd = file("odd.cc", b"// latin \xe4, control \x1b[31m, </script>\n")
    secret = file("secret", b"password\n")
    binary = file("binary.c", b"\x7fELF\0\0")
    large = file("large.c", b"")
    os.truncate(large, (16 << 20) + 1)
    link = os.path.join(folder, "link.c")
    os.symlink(secret, link)
    pipe = os.path.join(folder, "pipe.c")
    os.mkfifo(pipe)
    directory = os.path.join(folder, "directory.c")
    os.mkdir(directory)
    inside = os.path.join(folder, "inside")
    os.mkdir(inside)
    beneath = file("inside/beneath.c", b"beneath\n")
    out = os.path.join(inside, "out.c")
    os.symlink(good, out)
    unnamed = file("unnamed.c", b"int x;\n")
    names = [good, odd, secret, binary, large, link, pipe, directory, beneath, out, "beneath.c", "/etc/passwd", "/proc/self/environ", "/dev/zero",
             os.path.join(folder, "absent.c"), os.path.join(inside, "..", "good.c"), "../good.c"]
    with Serve() as serve:
        serve.post(names)
        check("a source that a profile names", serve.source(good) == (200, {"text": "int main(void)\n{\t\"\u00e4\";\n}\n"}), serve.source(good))
        check("as UTF-8, whatever it was", serve.source(odd) == (200, {"text": "// latin \ufffd, control \x1b[31m, </script>\n"}), serve.source(odd))
        serve.refused("one that no profile names", unnamed, "No profile of this time names this file")
        for name in (secret, "/etc/passwd", "/proc/self/environ", "/dev/zero", link, pipe, directory, binary, large):
            serve.refused(os.path.basename(name), name, "cannot be shown")
        serve.refused("one that is not there", os.path.join(folder, "absent.c"), "is not on the receiver's machine")
        serve.refused("a part of a path", "beneath.c", "is no whole path: start the receiver with --source-root")
        for query in ("", "?file=", "?file=a&file=b", "?file=" + "a" * 5000):
            check(f"source{query[:20]}", serve.request("GET", "/api/v1/groups/g/source" + query)[0] == 400)
        check("no such group", serve.request("GET", "/api/v1/groups/nosuch/source?file=x")[0] == 404)
    with Serve("--source-root", inside) as serve:
        serve.post(names)
        check("beneath the root", serve.source(beneath) == (200, {"text": "beneath\n"}), serve.source(beneath))
        check("counted from the root", serve.source("beneath.c") == (200, {"text": "beneath\n"}), serve.source("beneath.c"))
        for name in (good, "/etc/passwd", os.path.join(folder, "absent.c")):
            serve.refused(f"{os.path.basename(name)} is not beneath", name, "is not on the receiver's machine|is not in the folder")
        serve.refused("a link that leads out", out, "is not in the folder of --source-root")
        serve.refused("the way back", os.path.join(inside, "..", "good.c"), "is not in the folder|is not on the")
        serve.refused("the way back, counted from the root", "../good.c", "is not in the folder")
    for options in (("--host-name", "profiles.example"), ("--allow-remote",)):
        with Serve(*options) as serve:
            serve.post(names)
            serve.refused(f"none with {options[0]}", good, "so it shows no files: start it with --source-root")
    with Serve("--allow-remote", "--source-root", inside) as serve:
        serve.post(names)
        check("--allow-remote with a root", serve.source(beneath)[1].get("text") == "beneath\n")


with tempfile.TemporaryDirectory() as scratch:
    main(os.path.realpath(scratch))
print(f"{len(failures)} failed")
sys.exit(1 if failures else 0)
