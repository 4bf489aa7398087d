#!/usr/bin/env python3
"""Who may ask a receiver: Amazon's SDK with access keys, its clocks and its mistakes; random requests signed by botocore, which are let
in, and the same with one change, which are not; bearer tokens, the login of the page; an agent and the command with both; HTTPS with
verification on.

Usage: auth_test.py PATH-OF-pando [PATH-OF-libpando.so PATH-OF-A-PROGRAM]
"""
import datetime
import http.client
import json
import os
import random
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.parse

from pando_testing import Receiver, check, environment, fail, make_certificate, plain_environment, wait_for

try:
    import boto3
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.config import Config
    from botocore.credentials import Credentials
    from botocore.exceptions import ClientError
except ImportError:
    print("there is no boto3 (Debian: python3-boto3)")
    sys.exit(77)

PANDO = sys.argv[1]
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "tok.0123456789-abcdef~ghij"
REQUESTS = int(os.environ.get("PANDO_TEST_REQUESTS", "300"))
checks = 0


def equal(what, got, wanted):
    global checks
    checks += 1
    check(got == wanted, f"{what}: {got!r} is not {wanted!r}")


def write(folder, name, text, mode=0o600):
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def client(url, key="AKIDONE", secret=SECRET, **options):
    return boto3.client("codeguruprofiler", endpoint_url=url, region_name="eu-west-1", aws_access_key_id=key,
                        aws_secret_access_key=secret, config=Config(retries={"max_attempts": 0}), **options)


def error_of(call, **arguments):
    try:
        call(**arguments)
    except ClientError as problem:
        return problem.response["Error"]["Code"], problem.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


class Link:
    """Requests as they are, byte for byte."""

    def __init__(self, url):
        self.authority = urllib.parse.urlsplit(url).netloc
        self.link = http.client.HTTPConnection(self.authority, timeout=60)

    def send(self, method, target, headers=(), body=b""):
        self.link.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        named = list(headers.items() if isinstance(headers, dict) else headers)
        if not any(name.lower() == "host" for name, _ in named):
            named.append(("Host", self.authority))
        for name, value in named:
            self.link.putheader(name, value)
        if body or method in ("POST", "PUT"):
            self.link.putheader("Content-Length", str(len(body)))
        self.link.endheaders(body)
        answer = self.link.getresponse()
        answer.body = answer.read()
        return answer


def profile(start_ms=1700000000000):
    return json.dumps({"start": start_ms, "end": start_ms + 1000,
                       "agentMetadata": {"sampleWeights": {"WALL_TIME": 100.0}, "durationInMs": 1000,
                                         "fleetInfo": {"id": "7", "type": "UNKNOWN", "vCPUs": 2},
                                         "agentInfo": {"type": "x", "version": "1"}, "numTimesSampled": 1},
                       "callgraph": {"children": {"main": {"counts": {"WALL_TIME": 1}}}}}).encode()


class Clock(datetime.datetime):
    """botocore's, so many seconds off."""
    offset_s = 0

    @classmethod
    def utcnow(cls):
        return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(seconds=cls.offset_s)


def bend_the_clock():
    if hasattr(botocore.auth, "get_current_datetime"):
        botocore.auth.get_current_datetime = lambda remove_tzinfo=True: Clock.utcnow()
    else:
        botocore.auth.datetime = type("module", (), {"datetime": Clock, "timezone": datetime.timezone})


def sdk(url):
    one, two = client(url), client(url, "AKIDTWO", "another secret, with blanks")
    one.post_agent_profile(profilingGroupName="web", contentType="application/json", agentProfile=profile())
    two.post_agent_profile(profilingGroupName="web", contentType="application/json", agentProfile=profile())
    arn = two.describe_profiling_group(profilingGroupName="web")["profilingGroup"]["arn"]
    one.tag_resource(resourceArn=arn, tags={"a b": "c/d"})
    one.untag_resource(resourceArn=arn, tagKeys=["x&y", "z=+ %"])
    equal("a path and a query that are encoded", two.list_tags_for_resource(resourceArn=arn)["tags"], {"a b": "c/d"})
    equal("a new group", one.create_profiling_group(profilingGroupName="made")["profilingGroup"]["name"], "made")
    for what, aws, wanted in (("an unknown key", client(url, "AKIDNONE"), ("UnrecognizedClientException", 403)),
                              ("another secret", client(url, secret="something else"), ("InvalidSignatureException", 403)),
                              ("another's secret", client(url, "AKIDTWO"), ("InvalidSignatureException", 403))):
        equal(what, error_of(aws.list_profiling_groups), wanted)
        equal(what, error_of(aws.post_agent_profile, profilingGroupName="web", contentType="application/json",
                             agentProfile=profile()), wanted)
    session = client(url, aws_session_token="a session's token is signed, and not asked for")
    equal("a session token", error_of(session.list_profiling_groups), None)
    for offset_s, wanted in ((280, None), (-280, None), (330, ("InvalidSignatureException", 403)),
                             (-330, ("InvalidSignatureException", 403)), (86400, ("InvalidSignatureException", 403))):
        Clock.offset_s = offset_s
        equal(f"a clock {offset_s} s off", error_of(one.list_profiling_groups), wanted)
    Clock.offset_s = 0
    link = Link(url)
    for what, method, target, headers, wanted in (
            ("no proof", "GET", "/profilingGroups", {}, (403, "MissingAuthenticationTokenException")),
            ("a password", "GET", "/profilingGroups", {"Authorization": "Basic eDp5"}, (403, "MissingAuthenticationTokenException")),
            ("half a header", "GET", "/profilingGroups", {"Authorization": "AWS4-HMAC-SHA256 Credential=x"},
             (403, "IncompleteSignatureException")),
            ("a signature in the query", "GET", "/profilingGroups?X-Amz-Algorithm=AWS4-HMAC-SHA256", {},
             (403, "MissingAuthenticationTokenException")),
            ("an operation that is not offered", "GET", "/profilingGroups/web/policy", {}, (403, "MissingAuthenticationTokenException")),
            ("the page's numbers", "GET", "/api/v1/groups", {}, (401, "MissingAuthenticationTokenException")),
            ("nothing at all", "GET", "/nothing", {}, (404, "ResourceNotFoundException"))):
        answer = link.send(method, target, headers)
        equal(what, (answer.status, answer.getheader("x-amzn-ErrorType")), wanted)
        check(json.loads(answer.body)["message"].endswith("."), f"{what}: a sentence")


AUTH_ERRORS = {"InvalidSignatureException", "IncompleteSignatureException", "UnrecognizedClientException",
               "MissingAuthenticationTokenException"}
UNRESERVED = "abcXYZ019-_~"


def random_request(rng, authority):
    def word(low, high, of=UNRESERVED + " /:+&=%üñ☃"):
        return "".join(rng.choice(of) for _ in range(rng.randint(low, high)))
    method = rng.choice(["GET", "POST", "PUT", "DELETE"])
    path = rng.choice(["/profilingGroups/" + word(1, 20, UNRESERVED), "/profilingGroups/web/agentProfile", "/profilingGroups",
                       "/tags/" + urllib.parse.quote(word(1, 30), safe="-_~")])
    query = "&".join(urllib.parse.quote(word(1, 8), safe="-_~") + rng.choice(["", "=" + urllib.parse.quote(word(0, 12), safe="-_~")])
                     for _ in range(rng.randint(0, 4)))
    headers = {"Host": authority}
    if method in ("POST", "PUT"):
        headers["Content-Type"] = "application/json"
    for number in range(rng.randint(0, 4)):
        headers[rng.choice(["X-Amz-Meta-", "X-Other-", "Accept-"]) + str(number)] = word(1, 20, UNRESERVED + "  ,;=").strip() or "x"
    body = bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 100, 5000]))) if method in ("POST", "PUT") else b""
    return method, path, query, headers, body


def signed(method, path, query, headers, body, authority):
    request = AWSRequest(method=method, url=f"http://{authority}{path}" + ("?" + query if query else ""), headers=headers, data=body)
    botocore.auth.SigV4Auth(Credentials("AKIDONE", SECRET), "codeguru-profiler", "eu-west-1").add_auth(request)
    return dict(request.headers.items())


def change(rng, method, path, query, headers, body):
    """The same request with one change that means something. None: there was nothing of that kind to change."""
    def other(text, safe="x"):
        places = [i for i, c in enumerate(text) if c.isalnum() and text[max(i - 2, 0):i].find("%") < 0]
        if not places:
            return None
        at = rng.choice(places)
        return text[:at] + rng.choice([c for c in "abcXYZ0129" if c != text[at]]) + text[at + 1:]
    kind = rng.choice(["method", "path", "query", "more query", "header", "body", "signature", "date", "less", "scope", "names", "unsigned"])
    headers = dict(headers)
    authorization = headers["Authorization"]
    signed_names = [name for name in re.search("SignedHeaders=([^,]*)", authorization).group(1).split(";")
                    if name not in ("host", "content-type", "x-amz-date")]
    by_lower = {name.lower(): name for name in headers}
    if kind == "method":
        method = {"GET": "DELETE", "DELETE": "GET", "POST": "PUT", "PUT": "POST"}[method]
    elif kind == "path":
        path = other(path)
    elif kind == "query":
        query = other(query)
    elif kind == "more query":
        query += "&more=1" if query else "more=1"
    elif kind == "header" and signed_names:
        name = by_lower[rng.choice(signed_names)]
        headers[name] = other(headers[name])
        if headers[name] is None:
            return None
    elif kind == "body" and body:
        at = rng.randrange(len(body))
        body = body[:at] + bytes([body[at] ^ (1 << rng.randrange(8))]) + body[at + 1:]
    elif kind == "signature":
        at = rng.randrange(1, 65)
        digit = authorization[-at]
        headers["Authorization"] = authorization[:len(authorization) - at] + ("0" if digit != "0" else "1") + \
            authorization[len(authorization) - at + 1:]
    elif kind == "date":
        date = headers["X-Amz-Date"]
        headers["X-Amz-Date"] = date[:14] + ("0" if date[14] != "0" else "1") + date[15:]
    elif kind == "unsigned":
        headers["X-Amz-Unsigned"] = "1"
    elif kind == "less" and signed_names:
        del headers[by_lower[rng.choice(signed_names)]]
    elif kind == "scope":
        headers["Authorization"] = authorization.replace("/eu-west-1/", "/eu-west-2/")
    elif kind == "names" and signed_names:
        headers["Authorization"] = authorization.replace(";" + signed_names[-1], "", 1).replace(signed_names[-1] + ";", "", 1)
    else:
        return None
    if path is None or query is None:
        return None
    return kind, method, path, query, headers, body


def random_requests(url):
    seed = int(os.environ.get("PANDO_TEST_SEED", "1"))
    rng = random.Random(seed)
    link = Link(url)
    changed = {}
    for number in range(REQUESTS):
        method, path, query, headers, body = random_request(rng, link.authority)
        headers = signed(method, path, query, headers, body, link.authority)
        answer = link.send(method, path + ("?" + query if query else ""), headers, body)
        if answer.getheader("x-amzn-ErrorType") in AUTH_ERRORS:
            fail(f"seed {seed}, request {number}: refused: {method} {path}?{query} {headers}: {answer.body}")
        for _ in range(4):
            other = change(rng, method, path, query, headers, body)
            if other is None:
                continue
            kind, *wire = other
            answer = link.send(wire[0], wire[1] + ("?" + wire[2] if wire[2] else ""), wire[3], wire[4])
            # A path that leads nowhere, or a method that it does not take, is told before anything is asked.
            if answer.getheader("x-amzn-ErrorType") not in AUTH_ERRORS and answer.status not in (404, 405):
                fail(f"seed {seed}, request {number}: taken with another {kind}: {wire}: {answer.status} {answer.body}")
            changed[kind] = changed.get(kind, 0) + 1
    check(len(changed) == 12 and min(changed.values()) >= REQUESTS // 100, f"each kind of change was made: {changed}")
    print(f"{REQUESTS} requests of botocore's taken, {sum(changed.values())} changed ones refused: {changed}")


def replayed(url):
    """The same request again, as somebody on the way could send it: the token decides."""
    link = Link(url)
    target, body = "/profilingGroups/replay/agentProfile", profile()
    query = "profileToken=once"
    headers = signed("POST", target, query, {"Host": link.authority, "Content-Type": "application/json"}, body, link.authority)
    for _ in range(3):
        equal("a replay", link.send("POST", f"{target}?{query}", headers, body).status, 204)
    found = link.send("GET", "/api/v1/groups/replay/tree", signed("GET", "/api/v1/groups/replay/tree", "", {"Host": link.authority}, b"",
                                                                  link.authority))
    equal("a replay counts once", json.loads(found.body)["profiles"], 1)
    answer = link.send("GET", "/profilingGroups/replay?a=b+c",
                       signed("GET", "/profilingGroups/replay", "a=b+c", {"Host": link.authority}, b"", link.authority))
    equal("a plus that could be read in two ways", (answer.status, b"%2B" in answer.body), (400, True))
    unsigned = signed("POST", target, query, {"Host": link.authority, "Content-Type": "application/json",
                                              "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, b"", link.authority)
    answer = link.send("POST", f"{target}?{query}", unsigned, body)
    equal("an unsigned body", (answer.status, answer.getheader("x-amzn-ErrorType")), (403, "InvalidSignatureException"))


def keys(folder):
    one, two = write(folder, "one", SECRET + "\n"), write(folder, "two", "another secret, with blanks")
    env = {**plain_environment(), "AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "of the environment"}
    with Receiver(PANDO, "--access-key", "AKIDONE:" + one, "--access-key", "AKIDTWO:" + two, "--access-key", "env",
                  env=env) as receiver:
        sdk(receiver.url)
        equal("the environment's key", error_of(client(receiver.url, "AKIDENV", "of the environment").list_profiling_groups), None)
        random_requests(receiver.url)
        replayed(receiver.url)
        with open(f"/proc/{receiver.process.pid}/cmdline", "rb") as file:
            check(SECRET.encode() not in file.read(), "no secret on the command line")
        report = [PANDO, "report", "--url", receiver.url, "--group", "web"]
        aws = {"AWS_ACCESS_KEY_ID": "AKIDONE", "AWS_SECRET_ACCESS_KEY": SECRET}
        done = subprocess.run(report, capture_output=True, text=True, env={**plain_environment(), **aws})
        equal("pando report with an access key", (done.returncode, "main" in done.stdout), (0, True))
        aws["AWS_SECRET_ACCESS_KEY"] = "another one"
        for variables in ({}, aws):
            done = subprocess.run(report, capture_output=True, text=True, env={**plain_environment(), **variables})
            equal("pando report without", (done.returncode, "PANDO_TOKEN" in done.stderr), (1, True))
        answer = Link(receiver.url).send("POST", "/api/v1/login", {"Content-Type": "application/json"}, b'{"token":"x"}')
        equal("no tokens, no login", (answer.status, b"--bearer-token-file" in answer.body), (404, True))
        for name in os.listdir(receiver.folder.name):
            with open(os.path.join(receiver.folder.name, name), "rb") as file:
                check(SECRET.encode() not in file.read(), f"no secret in {name}")


def no_secret_in_core(receiver, folder):
    """What a core dump of the receiver would hold, when nobody is connected."""
    if shutil.which("gcore") is None:
        print("no gcore (Debian: gdb): core dumps are not looked at")
        return
    with open(f"/proc/{receiver.process.pid}/status") as file:
        size_kib = int(re.search(r"VmSize:\s*(\d+)", file.read()).group(1))
    if size_kib > 4 << 20:
        print("built with a sanitizer: its core dump would be of terabytes, and is not looked at")
        return
    subprocess.run(["gcore", "-o", os.path.join(folder, "core"), str(receiver.process.pid)], capture_output=True, check=True)
    path = os.path.join(folder, f"core.{receiver.process.pid}")
    with open(path, "rb") as file:
        core = file.read()
    os.unlink(path)
    check(b"CREATE TABLE profile_group" in core, "the core dump has the receiver's memory")
    for secret in (SECRET, TOKEN):
        check(secret.encode() not in core, f"{secret} is in the core dump")


def tokens(folder):
    file = write(folder, "tokens", f"# two\n{TOKEN}\n\nsecond-token-0123456789\n")
    with Receiver(PANDO, "--bearer-token-file", file, "--access-key", "AKIDONE:" + write(folder, "again", SECRET)) as receiver:
        client(receiver.url).list_profiling_groups()
        link = Link(receiver.url)

        def get(target, **headers):
            answer = link.send("GET", target, {name.replace("_", "-"): value for name, value in headers.items()})
            return answer.status, answer.getheader("x-amzn-ErrorType"), answer
        for token in (TOKEN, "second-token-0123456789"):
            equal("a token, the service", get("/profilingGroups", Authorization="Bearer " + token)[0], 200)
            equal("a token, the page's numbers", get("/api/v1/groups", Authorization="bearer  " + token)[0], 200)
        for token in ("", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "# two", "x" * 20000):
            equal("no token", get("/profilingGroups", Authorization="Bearer " + token)[:2], (403, "UnrecognizedClientException"))
            status, kind, answer = get("/api/v1/groups", Authorization="Bearer " + token)
            equal("no token", (status, kind, answer.getheader("WWW-Authenticate")),
                  (401, "UnrecognizedClientException", 'Bearer realm="pando"'))
        status, _, answer = get("/")
        equal("the page is a form to log in", (status, answer.getheader("Content-Type"), b'id="login"' in answer.body),
              (401, "text/html; charset=utf-8", True))
        equal("the form's files are anybody's", [get("/web/" + name)[0] for name in ("login.js", "login.css", "base.css")], [200] * 3)

        def log_in(body, **headers):
            return link.send("POST", "/api/v1/login", {"Content-Type": "application/json", **headers}, body)
        good = json.dumps({"token": TOKEN}).encode()
        for body, wanted in ((b"{}", 401), (b'{"token":""}', 401), (b'{"token":7}', 401), (b"[]", 400), (b"{", 400),
                             (json.dumps({"token": TOKEN[:-1]}).encode(), 401), (b'{"token":"' + b"x" * 60000 + b'"}', 401),
                             (b'{"token":"' + b"x" * 70000 + b'"}', 413)):
            answer = log_in(body)
            equal(f"a login with {body[:30]}", (answer.status, answer.getheader("Set-Cookie")), (wanted, None))
        equal("a login from elsewhere", log_in(good, Origin="https://evil.example").status, 403)
        equal("a login by a form", link.send("POST", "/api/v1/login", {"Content-Type": "text/plain"}, good).status, 415)
        answer = log_in(good, Origin=receiver.url)
        cookie = answer.getheader("Set-Cookie")
        equal("a login", answer.status, 204)
        check(re.fullmatch(r"pando_session=\d+-[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict", cookie), f"the cookie: {cookie}")
        value = cookie.split(";")[0]
        for target in ("/", "/api/v1/groups"):
            equal(f"logged in: {target}", get(target, Cookie="other=1; " + value)[0], 200)
        check(b'id="main"' in get("/", Cookie=value)[2].body, "logged in: the page itself")
        equal("a cookie is no proof to the service", get("/profilingGroups", Cookie=value)[:2], (403, "MissingAuthenticationTokenException"))
        expiry, proof = value.split("=")[1].split("-")
        for bad in (f"{int(expiry) + 1}-{proof}", f"{expiry}-{proof[:-1]}0" if proof[-1] != "0" else f"{expiry}-{proof[:-1]}1", expiry,
                    "", f"{expiry}-", f"{expiry}-{proof}0", f"0{expiry}-{proof}", "-" + proof, "9" * 30 + "-" + proof):
            equal("a cookie that was changed", get("/api/v1/groups", Cookie="pando_session=" + bad)[0], 401)
        link.link.close()
        no_secret_in_core(receiver, folder)
        done = subprocess.run([PANDO, "report", "--url", receiver.url], capture_output=True, text=True,
                              env={**plain_environment(), "PANDO_TOKEN": TOKEN})
        check("nothing is stored yet" in done.stderr, f"pando report with a token: {done.stderr}")
        done = subprocess.run([PANDO, "report", "--url", receiver.url], capture_output=True, text=True,
                              env={**plain_environment(), "PANDO_TOKEN_FILE": write(folder, "mine", TOKEN + "\n")})
        check("nothing is stored yet" in done.stderr, f"pando report with a token's file: {done.stderr}")
        if len(sys.argv) > 3:
            agent(receiver, TOKEN)
            for token, word in ((TOKEN, "burn_sixty"), ("not-the-token-0123", "PANDO_TOKEN")):
                done = subprocess.run([PANDO, "run", "--url", receiver.url, "--group", "run", "--rate", "1000", "--", sys.argv[3], "1", "0.3"],
                                      capture_output=True, text=True, env={**plain_environment(), "PANDO_TOKEN": token}, timeout=120)
                check(done.returncode == 0 and word in done.stderr + done.stdout, f"pando run with {token}: {done}")


def agent(receiver, token, **more):
    """A program is profiled into the receiver, and reported, with a token only."""
    library, program = sys.argv[2:4]
    log = os.path.join(receiver.folder.name, "log")
    variables = environment(library, receiver.url, "agent", rate_hz=1000, interval_s=1, token=token, log=log)
    subprocess.run([program, "2", "0.3"], env={**variables, **more}, check=True, timeout=120, stdout=subprocess.DEVNULL)

    def report():
        done = subprocess.run([PANDO, "report", "--url", receiver.url, "--group", "agent", "--format", "json"], capture_output=True,
                              text=True, env={**plain_environment(), "PANDO_TOKEN": token, **more})
        return json.loads(done.stdout) if done.returncode == 0 else None
    check(wait_for("the agent's profile", report)["top"], "the report has rows")
    if os.path.exists(log):
        with open(log) as file:
            said = file.read()
        check(token not in said and "PANDO_TOKEN" not in said, f"the log has neither a token nor a complaint of it: {said}")


def tls(folder):
    if shutil.which("openssl") is None:
        print("no openssl command: HTTPS is not tried")
        return
    pair, certificate = make_certificate(folder, "server", "DNS:localhost")
    tokens_file = write(folder, "tls-tokens", TOKEN)
    with Receiver(PANDO, "--tls-cert", certificate, "--tls-key", pair, "--bearer-token-file", tokens_file,
                  "--access-key", "AKIDONE:" + write(folder, "tls-key", SECRET)) as receiver:
        check(receiver.url.startswith("https://"), f"the address: {receiver.url}")
        url = receiver.url.replace("127.0.0.1", "localhost")
        aws = client(url, verify=certificate)
        aws.post_agent_profile(profilingGroupName="web", contentType="application/json", agentProfile=profile())
        # Who may come from elsewhere must not read this machine's files by naming them in a profile.
        source = write(folder, "source.c", "int main(void) { return 0; }\n")
        body = json.loads(profile())
        body["callgraph"]["children"]["main"].update(file=source, line=[1])
        aws.post_agent_profile(profilingGroupName="web", contentType="application/json", agentProfile=json.dumps(body))
        link = http.client.HTTPSConnection(urllib.parse.urlsplit(url).netloc, timeout=60,
                                           context=ssl.create_default_context(cafile=certificate))
        link.request("GET", "/api/v1/groups/web/source?" + urllib.parse.urlencode({"file": source}),
                     headers={"Authorization": "Bearer " + TOKEN})
        answer = json.loads(link.getresponse().read())
        check("text" not in answer and "reason" in answer, f"a source file is shown: {answer}")
        link.close()
        equal("boto3 over HTTPS", aws.list_profiling_groups()["profilingGroupNames"], ["web"])
        curl = ["curl", "-sS", "-H", "Authorization: Bearer " + TOKEN, url + "/api/v1/groups"]
        done = subprocess.run([*curl, "--cacert", certificate], capture_output=True, text=True)
        equal("curl over HTTPS", (done.returncode, "web" in done.stdout), (0, True))
        equal("curl without the certificate", subprocess.run(curl, capture_output=True).returncode, 60)
        equal("curl with an old TLS", subprocess.run([*curl, "--cacert", certificate, "--tls-max", "1.1"],
                                                     capture_output=True).returncode, 35)
        plain = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)
        try:
            plain.request("GET", "/api/v1/groups")
            fail(f"HTTP on an HTTPS port: {plain.getresponse().status}")
        except (http.client.HTTPException, OSError):
            pass
        host, port = urllib.parse.urlsplit(url).netloc.split(":")
        silent = socket.create_connection((host, int(port)), timeout=60)  # never begins its handshake
        context = ssl.create_default_context(cafile=certificate)
        link = http.client.HTTPSConnection(urllib.parse.urlsplit(url).netloc, timeout=60, context=context)
        link.request("POST", "/api/v1/login", json.dumps({"token": TOKEN}), {"Content-Type": "application/json", "Origin": url})
        answer = link.getresponse()
        answer.read()
        equal("a login over HTTPS", (answer.status, answer.getheader("Set-Cookie").endswith("; Secure")), (204, True))
        if len(sys.argv) > 3:
            receiver.url = url
            agent(receiver, TOKEN, AWS_CA_BUNDLE=certificate)
        equal("a client without a handshake is cut off", silent.recv(1), b"")
        silent.close()


def starts_not(folder):
    """What is not started, with the sentence."""
    good, open_file = write(folder, "good", TOKEN), write(folder, "open", TOKEN, 0o606)
    short, bad = write(folder, "short", "x" * 15), write(folder, "bad", "a token with blanks in it")
    many = write(folder, "many", "\n".join(f"0123456789abcdef{i}" for i in range(17)))
    no_pem = write(folder, "no.pem", "nothing")
    for options, word in (
            (["--listen", "0.0.0.0:0"], "--allow-remote"),
            (["--listen", "0.0.0.0:0", "--bearer-token-file", good], "--tls-cert"),
            (["--bearer-token-file", folder + "/nowhere"], "No such file"), (["--bearer-token-file", folder], "regular file"),
            (["--bearer-token-file", open_file], "chmod o-w"), (["--bearer-token-file", short], "16 to 512"),
            (["--bearer-token-file", bad], "16 to 512"), (["--bearer-token-file", many], "more than 16"),
            (["--bearer-token-file", "/dev/null"], "regular file"), (["--bearer-token-file", write(folder, "empty", "\n#\n")], "no token"),
            (["--access-key", "AKID"], "ID:FILE"), (["--access-key", ":" + good], "ID:FILE"), (["--access-key", "a b:" + good], "letters"),
            (["--access-key", "AK:" + write(folder, "tiny", "1234567")], "8 to 256"),
            (["--access-key", "AK:" + good, "--access-key", "AK:" + good], "twice"), (["--access-key", "env"], "AWS_ACCESS_KEY_ID"),
            (["--tls-cert", good], "both"), (["--tls-cert", good, "--tls-key", no_pem], "no PEM"),
            (["--tls-cert", folder + "/nowhere", "--tls-key", good], "No such file"),
            (["--tls-cert", write(folder, "fake", "-----BEGIN CERTIFICATE-----\n"), "--tls-key", folder + "/fake"], "certificate and its key")):
        listen = [] if "--listen" in options else ["--listen", "127.0.0.1:0"]
        variables = {name: value for name, value in plain_environment().items() if not name.startswith("AWS_")}
        done = subprocess.run([PANDO, "serve", *listen, *options], capture_output=True, text=True, timeout=60, env=variables)
        said = done.stderr.strip().splitlines()
        equal(f"serve {options}: {done.stderr}", (done.returncode in (1, 2), word in said[-1], said[-1].endswith(".")), (True, True, True))
    process = subprocess.Popen([PANDO, "serve", "--listen", "127.0.0.1:0", "--bearer-token-file", write(folder, "seen", TOKEN, 0o644)],
                               stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    check("chmod o-r" in process.stderr.readline(), "a file that everybody may read is complained about")
    process.stdout.readline()
    process.terminate()
    process.communicate(timeout=60)


def main():
    bend_the_clock()
    with tempfile.TemporaryDirectory() as folder:
        keys(folder)
        tokens(folder)
        tls(folder)
        starts_not(folder)
    print(f"{checks} checks, boto3 {boto3.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
