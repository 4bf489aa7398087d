#!/usr/bin/env python3
"""The receiver from outside: every answer it can give, tokens that count once, many clients at a time, bodies that are too deep
or too large, requests that a foreign web page would make, clients that dawdle, a full disk, and kill -9.

Usage: receiver_test.py PATH-OF-pando
"""
import gzip
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid

PANDO = sys.argv[1]
DEADLINE_S = 60
START_MS = 1700000000000
failures = []
sys.setrecursionlimit(100000)


def check(what, good, detail=""):
    if not good:
        failures.append(what)
    print(("ok   " if good else "FAIL ") + what + ("" if good else f": {detail}"), flush=True)


def equal(what, got, wanted):
    check(what, got == wanted, f"{got!r} is not {wanted!r}")


class Serve:
    """A `pando serve` with its own store."""

    def __init__(self, store=None, *options, **keywords):
        command = [PANDO, "serve", "--listen", "127.0.0.1:0", *(["--store", store] if store else []), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **keywords)
        line = self.process.stdout.readline()
        self.port = int(re.search(r":(\d+)/", line).group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(DEADLINE_S)
        self.process.stdout.close()
        if status not in (0, -signal.SIGKILL):
            check("the receiver ends with status 0", False, status)

    def request(self, method, path, body=None, headers=(), connection=None):
        link = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        all_headers = {} if body is None else {"Content-Type": "application/json"}
        all_headers.update(headers)
        link.request(method, path, body, {k: v for k, v in all_headers.items() if v is not None})
        answer = link.getresponse()
        data = answer.read()
        if connection is None:
            link.close()
        return answer, data

    def post(self, group, token, body, headers=(), connection=None):
        query = "" if token is None else f"?profileToken={token}"
        body = body if isinstance(body, (bytes, str)) else json.dumps(body)
        return self.request("POST", f"/profilingGroups/{group}/agentProfile{query}", body, headers, connection)

    def tree(self, group, query=""):
        answer, data = self.request("GET", f"/api/v1/groups/{group}/tree{query}")
        return json.loads(data) if answer.status == 200 else None

    def total_ns(self, group):
        tree = self.tree(group)
        return 0 if tree is None else tree["totalNs"]

    def alive(self):
        return self.request("GET", "/api/v1/groups")[0].status == 200


def profile(count=1, start_ms=START_MS, callgraph=None):
    """A body as an agent sends it: `count` samples of 10 ms."""
    return {"start": start_ms, "end": start_ms + 1000,
            "agentMetadata": {"sampleWeights": {"WALL_TIME": 100.0}, "durationInMs": 1000,
                              "fleetInfo": {"id": str(uuid.UUID(int=7)), "type": "UNKNOWN", "vCPUs": 2},
                              "agentInfo": {"type": "Pando", "version": "0.1.0"}, "agentOverhead": {"memoryInMB": 1, "timeInMs": 2},
                              "runtimeVersion": "glibc", "cpuTimeInSeconds": 0.5, "metrics": {"numThreads": 1.0},
                              "numTimesSampled": count},
            "callgraph": callgraph or {"children": {"a.out:main": {"children": {"a.out:work": {"counts": {"WALL_TIME": count}}}}}},
            "debugInfo": {"processId": 1, "genericMetrics": {"samplesDropped": 1.0}}}


def chain(depth):
    """The text of a body with a stack of `depth` frames; json.dumps would recurse."""
    text = json.dumps(profile(callgraph={"MARK": 0}))
    graph = '{"children":{"f":' * depth + '{"counts":{"WALL_TIME":1}}' + "}}" * depth
    return text.replace('{"MARK": 0}', graph)


UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")


def refused(what, answer, status, error, sentence):
    """An error of the restJson1 form, with a sentence."""
    response, data = answer
    try:
        message = json.loads(data)["message"]
    except (ValueError, KeyError):
        message = None
    good = (response.status == status and response.getheader("x-amzn-ErrorType") == error and message is not None
            and re.search(sentence, message) and message.endswith(".") and "\n" not in message
            and response.getheader("Content-Type") == "application/json" and UUID.match(response.getheader("x-amzn-RequestId") or ""))
    check(what, good, f"{response.status} {response.getheader('x-amzn-ErrorType')} {data[:300]}")


def operations(serve):
    answer, data = serve.post("web", "t1", profile(5))
    equal("a profile is taken", (answer.status, data), (204, b""))
    check("with a request id", UUID.match(answer.getheader("x-amzn-RequestId") or ""))
    equal("the same token again", serve.post("web", "t1", profile(5))[0].status, 204)
    equal("counts once", serve.total_ns("web"), 50_000_000)
    equal("whatever comes with it", (serve.post("web", "t1", profile(99))[0].status, serve.total_ns("web")), (204, 50_000_000))
    equal("another group's is another", (serve.post("web2", "t1", profile(3))[0].status, serve.total_ns("web2")), (204, 30_000_000))
    serve.post("web2", None, profile(1))
    serve.post("web2", None, profile(1))
    equal("without a token each counts", serve.total_ns("web2"), 50_000_000)
    equal("a name of 255 and a token of 64", serve.post("g" * 255, "t" * 64, profile(1))[0].status, 204)
    equal("gzip", serve.post("zip", "z", gzip.compress(json.dumps(profile(2)).encode()), {"Content-Encoding": "gzip"})[0].status, 204)
    equal("gzip counts", serve.total_ns("zip"), 20_000_000)
    equal("charset", serve.post("zip", "z", profile(2), {"Content-Type": "Application/JSON; charset=utf-8"})[0].status, 204)

    answer, data = serve.request("POST", "/profilingGroups/web/configureAgent", json.dumps({"fleetInstanceId": "f", "metadata": {}}))
    configuration = json.loads(data)
    check("ConfigureAgent", answer.status == 200 and configuration["shouldProfile"] is True
          and isinstance(configuration["periodInSeconds"], int) and configuration["periodInSeconds"] > 0
          and all(isinstance(v, str) and v.isdigit() for v in configuration["agentParameters"].values()), data)
    equal("ConfigureAgent makes no group", serve.request("POST", "/profilingGroups/nobody/configureAgent", "{}")[0].status, 200)

    groups = json.loads(serve.request("GET", "/api/v1/groups")[1])["groups"]
    equal("groups", [g["name"] for g in groups], sorted(["web", "web2", "g" * 255, "zip"]))
    equal("a group", groups[[g["name"] for g in groups].index("web")],
          {"name": "web", "profiles": 1, "samples": 5, "firstStartMs": START_MS, "lastEndMs": START_MS + 1000})
    tree = serve.tree("web")
    equal("a tree", (tree["nodes"], [f["name"] for f in tree["frames"]], tree["samples"], tree["profiles"], tree["counters"]),
          ({"parent": [0, 0, 1], "frame": [0, 1, 2], "selfNs": [0, 0, 50_000_000]}, ["", "main", "work"], 5, 1, {"samplesDropped": 1}))
    equal("a range", [serve.tree("web", q) is not None for q in (f"?start={START_MS + 1000}", f"?start={START_MS + 1001}",
                      f"?end={START_MS}", f"?end={START_MS - 1}", f"?start=0&end={START_MS + 5}")], [True, False, True, False, True])
    answer, data = serve.request("GET", "/api/v1/groups/web/tree")
    tag = answer.getheader("ETag")
    same = serve.request("GET", "/api/v1/groups/web/tree?start=5", headers={"If-None-Match": tag})
    equal("unchanged", (same[0].status, same[1]), (304, b""))
    serve.post("web", "t2", profile(1))
    equal("changed", serve.request("GET", "/api/v1/groups/web/tree", headers={"If-None-Match": tag})[0].status, 200)
    empty = serve.request("GET", "/api/v1/groups/web/tree?start=5&end=6&empty=allow")
    equal("an empty range, allowed", (empty[0].status, json.loads(empty[1])), (200, {"group": "web", "profiles": 0}))
    page, html = serve.request("GET", "/")
    check("the page", page.status == 200 and b"<!doctype html>" in html)
    head = serve.request("HEAD", "/")
    equal("HEAD", (head[0].status, head[1], head[0].getheader("Content-Length")), (200, b"", str(len(html))))
    policy = page.getheader("Content-Security-Policy")
    check("its policy", "default-src 'none'" in policy and "unsafe" not in policy, policy)
    equal("its other headers", (page.getheader("X-Content-Type-Options"), page.getheader("Referrer-Policy")), ("nosniff", "no-referrer"))
    for path in re.findall(rb'"(/web/[^"]+)"', html):
        equal(f"{path.decode()} is there", serve.request("GET", path.decode())[0].status, 200)
    check("no CORS", page.getheader("Access-Control-Allow-Origin") is None)


def refusals(serve):
    validation, group = "ValidationException", "/profilingGroups/web/agentProfile"
    long = "x" * 256
    for name in ("a%20b", "a.b", "%C3%A9", long, "a%00", "%0A"):
        refused(f"group {name[:20]}", serve.request("POST", f"/profilingGroups/{name}/agentProfile", "{}"), 400, validation, "group's name must be")
    for token in ("", "a%20b", "a.b", "t" * 65, "%00", "x%00y"):
        refused(f"token {token[:20]!r}", serve.request("POST", f"{group}?profileToken={token}", "{}"), 400, validation, "profileToken must be")
    refused("token without value", serve.request("POST", f"{group}?profileToken", "{}"), 400, validation, "profileToken must be")
    refused("two tokens", serve.request("POST", f"{group}?profileToken=a&profileToken=b", "{}"), 400, validation, "more than once")
    for body, sentence in (("", "is empty"), ("nonsense", "is no JSON"), ('{"start":1', "is no JSON"), ("[]", "must be a JSON object"),
                           ("{}", "start is missing"), (json.dumps({**profile(), "end": START_MS}), "end must be after start"),
                           (json.dumps(profile()) + "x", "is no JSON"), (json.dumps({**profile(), "callgraph": 7}), "callgraph must be an object"),
                           (json.dumps(profile(10**17)), "add up to more than")):
        refused(f"body {body[:12]!r} {sentence}", serve.post("bad", "t", body), 400, validation, sentence)
    refused("no Content-Type", serve.request("POST", group, "{}", {"Content-Type": None}), 415, "UnsupportedMediaTypeException", "but there is none")
    refused("Ion that is none", serve.request("POST", group, "{}", {"Content-Type": "application/x-amzn-ion"}), 400, validation, "no Ion")
    small = (("POST", "/profilingGroups?clientToken=a"), ("PUT", "/profilingGroups/web"), ("POST", "/profilingGroups/web/configureAgent"),
             ("POST", "/tags/arn:aws:codeguru-profiler:x:1:profilingGroup/web"))
    for method, path in small:
        refused(f"{method} {path}: too large", serve.request(method, path, '{"a":"' + "x" * 66000 + '"}'), 413, validation, "larger than 65536")
        refused(f"{method} {path}: too deep", serve.request(method, path, '{"tags":' * 8000 + "1"), 400, validation, "no JSON object")
        refused(f"{method} {path}: said twice", serve.request(method, path, '{"tags":{},"tags":{}}'), 400, validation, "duplicate")
        refused(f"{method} {path}: a list", serve.request(method, path, "[]"), 400, validation, "must be a JSON object")
    answer = serve.request("GET", "/profilingGroups?nextToken=" + "x" * 40000)[0].status
    check("a line that is too long", answer in (414, 431), answer)
    refused("a form", serve.request("POST", group, "{}", {"Content-Type": "text/plain"}), 415, "UnsupportedMediaTypeException", "must be application/json")
    refused("Content-Encoding br", serve.request("POST", group, "{}", {"Content-Encoding": "br"}), 415, "UnsupportedMediaTypeException", "gzip or none")
    refused("no gzip", serve.request("POST", group, "{}", {"Content-Encoding": "gzip"}), 400, validation, "no gzip stream")
    bomb = gzip.compress(b"0" * (64 << 20))
    refused("a gzip bomb", serve.request("POST", group, bomb, {"Content-Encoding": "gzip"}), 413, validation, "unpacks to more")
    refused("frames too deep", serve.post("bad", "t", chain(10001)), 400, validation, "deeper than 10000 frames")
    refused("JSON too deep", serve.post("bad", "t", "[" * 1_000_000), 400, validation, "must be a JSON object|nested deeper")
    refused("a member too deep", serve.post("bad", "t", '{"x":' + "[" * 1_000_000), 400, validation, "nested deeper")
    refused("too large", serve.post("bad", "t", b" " * ((32 << 20) + 1)), 413, validation, "larger than 33554432 bytes")
    refused("too large, in chunks", serve.request("POST", group, iter([b" " * (1 << 20)] * 33)), 413,
            validation, "larger than 33554432 bytes")
    refused("far too large", raw(serve, b"POST " + group.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Expect: 100-continue\r\nContent-Length: 10000000000\r\n\r\n"), 413, validation, "larger than")
    equal("none of them was stored", serve.tree("bad"), None)
    equal("a stack of 10000", serve.post("deep", "t", chain(9999))[0].status, 204)
    equal("has all its frames", len(serve.tree("deep")["nodes"]["parent"]), 10000)

    for body, sentence in (("[]", "must be a JSON object"), ("x", "no JSON"), ('{"fleetInstanceId":""}', "1 to 255"), ('{"fleetInstanceId":7}', "1 to 255"),
                           ('{"metadata":[]}', "metadata must be"), ('{"metadata":{"AgentId":1}}', "metadata must be"), ("[" * 60000, "no JSON")):
        refused(f"configure {body[:20]}", serve.request("POST", "/profilingGroups/web/configureAgent", body), 400, validation, sentence)
    refused("configure too large", serve.request("POST", "/profilingGroups/web/configureAgent", " " * 70000), 413, validation, "larger than 65536")

    not_found = "ResourceNotFoundException"
    for path in ("/nothing", "/web/../index.html", "/web/%2e%2e/passwd", "/web/", "/api/v1/groups/", "/profilingGroups/web/", "//", "/api/v1/groups/web/tree/"):
        refused(f"GET {path}", serve.request("GET", path), 404, not_found, "nothing at this path")
    refused("no such group", serve.request("GET", "/api/v1/groups/nosuch/tree"), 404, not_found, "no profiling group")
    refused("an empty range", serve.request("GET", "/api/v1/groups/web/tree?start=1&end=2"), 404, not_found, "no profile in that time")
    for query in ("start=x", "start=", "start", "end=-1", "start=1&start=2", "start=99999999999999999999"):
        refused(f"?{query}", serve.request("GET", f"/api/v1/groups/web/tree?{query}"), 400, validation, "must be given once, in milliseconds")
    refused("start after end", serve.request("GET", "/api/v1/groups/web/tree?start=5&end=4"), 400, validation, "must not be after")
    for query, sentence in (("pid=0", "pid must be given once"), ("pid=1&pid=2", "pid must be given once"), ("host=a&host=b", "host must be given once"),
                            ("label=x", "label must be KEY:VALUE"), ("&".join(["thread=x"] * 33), "thread may be given 32 times"), ("state=x", "state must be")):
        for what in ("tree", "timeline", "sources"):
            refused(f"{what}?{query[:20]}", serve.request("GET", f"/api/v1/groups/web/{what}?{query}"), 400, validation, sentence)
    for query in ("", "?format=", "?format=gif", "?format=pprof&format=pprof"):
        refused(f"profile{query}", serve.request("GET", "/api/v1/groups/web/profile" + query), 400, validation, "format must be given once: pprof, folded.*html")
    refused("a file of no group", serve.request("GET", "/api/v1/groups/nosuch/profile?format=pprof"), 404, not_found, "no profiling group")
    answer, data = serve.request("GET", "/api/v1/groups/web/profile?format=folded")
    equal("a file", (answer.status, answer.getheader("Content-Disposition")), (200, 'attachment; filename="web.folded"'))
    refused("speedscope has its own files only", serve.request("GET", "/speedscope/app.js"), 404, not_found, "nothing at this path")
    check("and a policy", "'unsafe-inline'" in serve.request("GET", "/speedscope/index.html")[0].getheader("Content-Security-Policy"))
    check("which is not the page's", "unsafe" not in serve.request("GET", "/")[0].getheader("Content-Security-Policy"))
    refused("no end", serve.request("GET", "/api/v1/groups/web/timeline?start=5"), 400, validation, "needs a start and an end")
    refused("no bars", serve.request("GET", "/api/v1/groups/web/timeline?start=5&end=9&bars=0"), 400, validation, "bars must be given once")
    for what in ("timeline?start=1&end=9", "sources"):
        refused(f"{what} of no group", serve.request("GET", f"/api/v1/groups/nosuch/{what}"), 404, not_found, "no profiling group")
    one = json.loads(serve.request("GET", "/api/v1/groups/web/timeline?start=0&end=1&bars=1")[1])
    equal("a timeline of a moment", [one["barMs"], one["cpuNs"]], [2, [0]])
    for method, path, allow in (("GET", group, "POST"), ("DELETE", group, "POST"), ("OPTIONS", group, "POST"), ("POST", "/", "GET, HEAD"),
                                ("PATCH", "/profilingGroups/web", "GET, HEAD, PUT, DELETE")):
        answer = serve.request(method, path)
        refused(f"{method} {path}", answer, 405, validation, "This path takes")
        equal("Allow", answer[0].getheader("Allow"), allow)
    for method, path, operation in (
            ("POST", "/profilingGroups/web/frames/-/metrics", "BatchGetFrameMetricData"),
            ("PUT", "/profilingGroups/web/policy/agentPermissions", "PutPermission"),
            ("POST", "/internal/profilingGroups/web/anomalies/x/feedback", "SubmitFeedback")): # api_test.py has all
        refused(operation, serve.request(method, path), 400, validation, f"does not offer {operation}")


class Answer:
    """A raw answer, with what http.client's has."""

    def __init__(self, status, headers):
        self.status, self.headers = status, headers

    def getheader(self, name):
        return self.headers.get(name.lower())


def raw(serve, request):
    """Sends bytes as they are; the answer, or None when the connection is closed without one."""
    with socket.create_connection(("127.0.0.1", serve.port), timeout=DEADLINE_S) as link:
        link.sendall(request)
        text = b""
        while b"\r\n\r\n" not in text:
            more = link.recv(65536)
            if not more:
                return None
            text += more
        head, body = text.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        while len(body) < int(headers.get("content-length", 0)):
            body += link.recv(65536)
        return Answer(int(lines[0].split()[1]), headers), body


def foreign_pages(serve):
    denied = "AccessDeniedException"
    for host in ("evil.example", f"evil.example:{serve.port}", "127.0.0.1.evil.example", "localhost.evil.example"):
        for method, path in (("GET", "/"), ("GET", "/api/v1/groups"), ("POST", "/profilingGroups/web/agentProfile"), ("GET", "/nothing")):
            refused(f"{method} {path} for {host}", serve.request(method, path, "{}" if method == "POST" else None, {"Host": host}), 403, denied, "Host header")
    for host in ("localhost", "127.0.0.1:1", f"[::1]:{serve.port}", "LOCALHOST:80"):
        equal(f"Host {host}", serve.request("GET", "/", None, {"Host": host})[0].status, 200)
    refused("no Host", raw(serve, b"GET / HTTP/1.0\r\n\r\n"), 400, "ValidationException", "no Host")
    refused("a foreign page's post", serve.post("evil", "t", profile(), {"Origin": "http://evil.example"}), 403, denied, "another origin")
    refused("a sandboxed page's", serve.post("evil", "t", profile(), {"Origin": "null"}), 403, denied, "another origin")
    equal("our page's", serve.post("ours", "t", profile(), {"Origin": f"http://127.0.0.1:{serve.port}"})[0].status, 204)
    equal("nothing of it was stored", serve.tree("evil"), None)
    head = b"POST /profilingGroups/web/agentProfile HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for extra in (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"):
        answer = raw(serve, head + extra)
        check(f"framed twice: {extra[:40]}", answer is None or answer[0].status == 400, answer)


def many_clients(serve):
    """Eight clients, each with its own and the others' tokens, on kept connections."""
    rng = random.Random(20261124)
    tokens = [str(uuid.UUID(int=rng.getrandbits(128))) for _ in range(120)]
    weights = {token: rng.randrange(1, 1000) for token in tokens}
    plans = [rng.sample(tokens, len(tokens)) for _ in range(8)]
    statuses = []

    def client(plan):
        link = http.client.HTTPConnection("127.0.0.1", serve.port, timeout=DEADLINE_S)
        for token in plan:
            statuses.append(serve.post("crowd", token, profile(weights[token]), connection=link)[0].status)
        link.close()

    threads = [threading.Thread(target=client, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    while any(t.is_alive() for t in threads):
        tree = serve.tree("crowd")  # reads meanwhile see whole profiles only
        if tree is not None and tree["totalNs"] != sum(tree["nodes"]["selfNs"]):
            check("a sum while others post", False, tree)
    for thread in threads:
        thread.join()
    equal("8 clients: all are answered 204", (len(statuses), set(statuses)), (960, {204}))
    tree = serve.tree("crowd")
    equal("and each token counted once", (tree["profiles"], tree["totalNs"], tree["samples"]),
          (120, sum(weights.values()) * 10_000_000, sum(weights.values())))


def closed_after(link):
    """Seconds until the other side has closed; what came before is thrown away."""
    began = time.monotonic()
    link.settimeout(DEADLINE_S)
    try:
        while link.recv(65536):
            pass
    except ConnectionError:
        pass
    return time.monotonic() - began


def slow_clients(serve):
    head = b"POST /profilingGroups/slow/agentProfile HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    drip = socket.create_connection(("127.0.0.1", serve.port))
    stop = threading.Event()

    def dripping():
        try:
            for byte in head + b"X-Slow: " + b"x" * 10000:
                drip.send(bytes([byte]))
                if stop.wait(0.2):
                    return
        except OSError:
            pass

    thread = threading.Thread(target=dripping)
    thread.start()
    took = closed_after(drip)
    stop.set()
    thread.join()
    check("a client that drips its headers is cut off", took < 30, took)
    crowd = []
    try:
        for _ in range(700):  # more than there are connections for
            link = socket.create_connection(("127.0.0.1", serve.port), timeout=DEADLINE_S)
            link.send(b"GET / HT")
            crowd.append(link)
        answer = serve.request("GET", "/api/v1/groups")
        equal("behind 700 of them one is served", answer[0].status, 200)
    finally:
        for link in crowd:
            link.close()
    gone = socket.create_connection(("127.0.0.1", serve.port))
    gone.sendall(head + b"Content-Length: 1000000\r\n\r\n{")
    gone.close()
    reader = socket.create_connection(("127.0.0.1", serve.port))
    reader.sendall(b"GET /api/v1/groups/deep/tree HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
    reader.close()  # answers meet a closed connection: no SIGPIPE
    check("it lives", serve.alive())
    answer = raw(serve, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"x" * 100000 + b"\r\n\r\n")
    check("headers of 100 KB are refused", answer is None or answer[0].status in (413, 414, 431), answer)
    answer = raw(serve, b"nonsense\r\n\r\n")
    check("no HTTP", answer is None or answer[0].status >= 400, answer)


def kill_and_restart(folder):
    """Whatever was answered with 204 is there after kill -9, once, whoever sends it again."""
    store = os.path.join(folder, "killed.sqlite")
    acknowledged, sent = set(), set()
    for turn in range(4):
        with Serve(store) as serve:
            lock = threading.Lock()

            def client(number, serve=serve, turn=turn):
                link = http.client.HTTPConnection("127.0.0.1", serve.port, timeout=DEADLINE_S)
                try:
                    for i in range(1000):
                        token = f"t-{turn}-{number}-{i}"
                        with lock:
                            sent.add(token)
                        if serve.post("kill", token, profile(1), connection=link)[0].status == 204:
                            with lock:
                                acknowledged.add(token)
                except (OSError, http.client.HTTPException):
                    pass

            before = len(acknowledged)
            threads = [threading.Thread(target=client, args=(n,)) for n in range(3)]
            for thread in threads:
                thread.start()
            end = time.monotonic() + DEADLINE_S
            while len(acknowledged) < before + 40 and time.monotonic() < end:
                time.sleep(0.001)
            serve.process.send_signal(signal.SIGKILL)
            serve.process.wait(DEADLINE_S)
            for thread in threads:
                thread.join()
    with Serve(store) as serve:
        stored = serve.tree("kill")["profiles"]
        check("after kill -9 all that was acknowledged is there", len(acknowledged) <= stored <= len(sent), (len(acknowledged), stored, len(sent)))
        check("4 times 40 were", len(acknowledged) >= 160, len(acknowledged))
        for token in sorted(acknowledged):
            serve.post("kill", token, profile(1))
        equal("and sent again they count no more", serve.tree("kill")["profiles"], stored)
        for token in sorted(sent):
            serve.post("kill", token, profile(1))
        equal("the others count once", serve.tree("kill")["profiles"], len(sent))
    report = subprocess.run([PANDO, "report", "--store", store, "--format", "json"], capture_output=True, timeout=DEADLINE_S)
    equal("pando report agrees", json.loads(report.stdout)["profiles"], len(sent))


def full_disk(folder):
    def limit():
        import resource
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))

    rng = random.Random(1)
    store, stored = os.path.join(folder, "full.sqlite"), 0
    with Serve(store, preexec_fn=limit) as serve:
        for i in range(1000):
            functions = {f"lib:f{rng.getrandbits(200):x}": {"counts": {"WALL_TIME": 1}} for _ in range(500)}
            answer = serve.post("full", f"t{i}", profile(callgraph={"children": functions}))
            if answer[0].status != 204:
                break
            stored += 1
        refused("a full disk", answer, 503, "InternalServerException", "^The profile cannot be stored: no space is left for it.$")
        equal("what came before is there", (serve.tree("full") or {}).get("profiles"), stored)
        equal("known tokens are known", serve.post("full", "t0", profile())[0].status, 204)
    with Serve(store) as serve:
        equal("with room again it goes on", serve.post("full", f"t{stored}", profile())[0].status, 204)
        equal("nothing was half stored", serve.tree("full")["profiles"], stored + 1)


def starting(folder):
    def complaint(*options):
        done = subprocess.run([PANDO, "serve", *options], capture_output=True, timeout=DEADLINE_S, text=True)
        return done.returncode, done.stderr.count("\n"), done.stderr

    def says(what, sentence, *options):
        status, lines, text = complaint(*options)
        check(what, status == 1 and lines == 1 and re.search(sentence, text), (status, text))

    says("every address", "can be reached by other machines", "--listen", "0.0.0.0:0")
    says("every IPv6 address", "can be reached by other machines", "--listen", "[::]:0")
    says("no folder for the store", "cannot be made: No such file or directory", "--store", os.path.join(folder, "no", "store"))
    with open(os.path.join(folder, "text"), "w") as file:
        file.write("this is a text\n" * 100)
    says("a store that is a text", "no SQLite database", "--store", os.path.join(folder, "text"))
    says("a store that is a folder", "cannot be used", "--store", folder)
    with Serve() as serve:
        says("a port that is taken", "Address already in use", "--listen", f"127.0.0.1:{serve.port}")
    with Serve(None, "--listen", "0.0.0.0:0", "--allow-remote", "--host-name", "pando.example") as serve:
        equal("a name that was given", serve.request("GET", "/", None, {"Host": "pando.example"})[0].status, 200)
        equal("any address", serve.request("GET", "/", None, {"Host": "192.0.2.7:80"})[0].status, 200)
        equal("but no other name", serve.request("GET", "/", None, {"Host": "evil.example"})[0].status, 403)
        serve.process.send_signal(signal.SIGINT)
        equal("SIGINT ends it", serve.process.wait(DEADLINE_S), 0)
    if shutil.which("unshare") and os.geteuid() == 0:
        read_only = os.path.join(folder, "ro")
        os.mkdir(read_only)
        with Serve(os.path.join(read_only, "store.sqlite")) as serve:
            serve.post("kept", "t", profile(1))
        script = ('mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 77; '
                  '"$0" serve --listen 127.0.0.1:0 --store "$1/store.sqlite"; echo "status $?"; "$0" report --store "$1/store.sqlite" --format json')
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, PANDO, read_only], capture_output=True, text=True, timeout=DEADLINE_S)
        if not done.stderr.startswith("unshare:") and (done.returncode not in (1, 77) or "mount" not in done.stderr):
            check("a read-only disk", "status 1" in done.stdout and "read-only" in done.stderr.lower(), (done.stdout[-300:], done.stderr))
            check("can still be reported from", '"profiles": 1' in done.stdout, (done.stdout[-300:], done.stderr))
        else:
            print("skip a read-only disk: mounts are not allowed here")


def origins(folder):
    """`pando report` of one host, process, or process number: of a receiver and of its file."""
    store = os.path.join(folder, "origins.sqlite")
    with Serve(store) as serve:
        for i, (host, process, pid) in enumerate((("alpha", "server", 1), ("alpha", "worker & co", 2), ("beta", "server", 1))):
            body = profile(1 << i)
            body["debugInfo"].update(hostName=host, processName=process, processId=pid)
            serve.post("origins", f"o{i}", body)

        def seconds(*options):
            done = subprocess.run([PANDO, "report", *options, "--group", "origins", "--format", "json"], capture_output=True, text=True,
                                  timeout=DEADLINE_S)
            return json.loads(done.stdout)["profiles"] if done.returncode == 0 else -done.stderr.count("\n")

        for where in (("--url", f"http://127.0.0.1:{serve.port}"), ("--store", store)):
            equal(f"report by origin, {where[0]}",
                  [seconds(*where), seconds(*where, "--host", "alpha"), seconds(*where, "--process", "worker & co"),
                   seconds(*where, "--pid", "1"), seconds(*where, "--host", "beta", "--pid", "1"), seconds(*where, "--host", "gamma")],
                  [3, 2, 1, 2, 1, -1])
        serve.post("another", None, profile(1))

        def listing(*options):
            done = subprocess.run([PANDO, "ls", *options], capture_output=True, text=True, timeout=DEADLINE_S)
            return done.stdout if done.returncode == 0 else done.stderr

        groups = json.loads(listing("--json", "--url", f"http://127.0.0.1:{serve.port}"))["groups"]
        equal("ls of a receiver and of its file", groups, json.loads(listing("--json", "--store", store))["groups"])
        equal("ls: groups and hosts", [(g["name"], g["profiles"], [(h["host"], h["profiles"], h["cpuNs"]) for h in g["hosts"]]) for g in groups],
              [("another", 1, [("", 1, 10_000_000)]), ("origins", 3, [("beta", 1, 40_000_000), ("alpha", 2, 30_000_000)])])
        check("ls as text", re.search(r"^another: 1 profiles, 1 samples, 2023-11-14T22:13:20Z to .*; a host without a name 0.01 s of CPU time$",
                                      listing("--store", store), re.M), listing("--store", store))
        check("ls of nothing", listing("--store", os.path.join(folder, "nowhere")).count("\n") == 1)


with tempfile.TemporaryDirectory() as work:
    with Serve(os.path.join(work, "store.sqlite")) as one:
        for scenario in (operations, refusals, foreign_pages, many_clients, slow_clients):
            scenario(one)
    for scenario in (kill_and_restart, full_disk, starting, origins):
        scenario(work)
print(f"{len(failures)} failed")
sys.exit(1 if failures else 0)
