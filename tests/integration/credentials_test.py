"""Where AWS credentials come from: each place by itself, against a server of this test's through the overrides that AWS documents;
their order; renewal; and what must never be asked, sent or logged.

Arguments: the programs "credentials" and "deliver"."""
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse

from pando_testing import Service, ServiceHandler, check

try:
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    botocore = None

CREDENTIALS, DELIVER = sys.argv[1:3]
NOW = 1795478400  # 2026-11-24T00:00:00Z
CANARY = "CANARYsecret0123456789+/"


def iso(wall_s):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(wall_s))


class Server(Service):
    """Plays STS, a container's endpoint, the metadata service, and the service itself, each by its paths."""

    def __init__(self):
        self.requests = []       # (method, path, headers, body)
        self.expires_s = NOW + 3600
        self.broken = 0          # so many requests are answered 500 first
        self.reply = None        # (status, body) instead of what is usual
        self.imds_token = "imds-token-1"
        self.rotates = False     # the token taken first is not good for long
        self.issued = 0
        self.clock_s = None      # what the service believes the time is
        self.bearer = None       # a function: whether this Authorization is good
        self.delivered = []
        super().__init__(Handler)

    def paths(self):
        return [f"{method} {path}" for method, path, _, _ in self.requests]


class Handler(ServiceHandler):
    def issue(self, kind, with_code=False):
        server = self.server
        server.issued += 1
        fields = {"AccessKeyId": f"AKID{kind}{server.issued}", "SecretAccessKey": f"{CANARY}{kind}", "Token": f"{CANARY}token{kind}",
                  "Expiration": iso(server.expires_s)}
        return {**({"Code": "Success", "Type": "AWS-HMAC"} if with_code else {}), **fields}

    def handle_one(self):
        server = self.server
        body = self.body().decode("utf-8", "replace")
        with server.lock:
            server.requests.append((self.command, self.path, dict(self.headers.items()), body))
            if server.broken > 0:
                server.broken -= 1
                return self.answer(500, "broken")
            if server.reply:
                return self.answer(*server.reply)
            if self.path == "/latest/api/token":
                return self.metadata_token()
            if self.path.startswith("/latest/"):
                return self.metadata()
            if self.path.startswith("/container"):
                return self.answer(200, json.dumps(self.issue("CONTAINER")), [("Content-Type", "application/json")])
            if self.path == "/" and "Action=" in body:
                return self.sts(body)
            if "/agentProfile" in self.path:
                return self.profile(body)
        return self.answer(404, "nothing here")

    def metadata_token(self):
        if self.command != "PUT" or self.headers.get("X-aws-ec2-metadata-token-ttl-seconds") != "21600":
            return self.answer(400)
        return self.answer(200, self.server.imds_token)

    def metadata(self):
        if self.server.rotates:
            self.server.rotates, self.server.imds_token = False, "imds-token-2"
        if self.headers.get("X-aws-ec2-metadata-token") != self.server.imds_token:
            return self.answer(401)
        if self.path == "/latest/meta-data/iam/security-credentials/":
            return self.answer(200, "my-role")
        if self.path == "/latest/meta-data/iam/security-credentials/my-role":
            return self.answer(200, json.dumps(self.issue("IMDS", True)))
        if self.path == "/latest/meta-data/placement/region":
            return self.answer(200, "eu-north-1")
        return self.answer(404)

    def sts(self, body):
        query = dict(urllib.parse.parse_qsl(body))
        kind = "WEB" if query["Action"] == "AssumeRoleWithWebIdentity" else "ROLE"
        got = self.issue(kind)
        self.answer(200, f"""<{query['Action']}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{query['Action']}Result>
<AssumedRoleUser><Arn>arn:x</Arn></AssumedRoleUser><Credentials><AccessKeyId>{got['AccessKeyId']}</AccessKeyId>
<SecretAccessKey>{got['SecretAccessKey']}</SecretAccessKey><SessionToken>{got['Token']}</SessionToken>
<Expiration>{got['Expiration']}</Expiration></Credentials></{query['Action']}Result></{query['Action']}Response>""")

    def profile(self, body):
        server = self.server
        if server.bearer and not server.bearer(self.headers.get("Authorization")):
            return self.answer(401, json.dumps({"message": "no such token"}))
        at = server.clock_s if server.clock_s is not None else time.time()
        stamp = self.headers.get("X-Amz-Date", "")
        signed_s = time.mktime(time.strptime(stamp, "%Y%m%dT%H%M%SZ")) - time.timezone if stamp else 0
        if server.bearer is None and abs(signed_s - at) > 300:
            return self.answer(403, json.dumps({"message": "Signature expired: " + stamp}),
                               [("x-amzn-ErrorType", "InvalidSignatureException:http://internal.amazon.com/")], date=at)
        server.delivered.append((self.path, dict(self.headers.items()), body))
        return self.answer(204, date=at)

    do_GET = do_POST = do_PUT = handle_one


class Home:
    """A folder with AWS's two files."""

    def __init__(self, credentials="", config=""):
        self.folder = tempfile.TemporaryDirectory()
        os.mkdir(os.path.join(self.folder.name, ".aws"))
        for name, text in (("credentials", credentials), ("config", config)):
            if text:
                with open(os.path.join(self.folder.name, ".aws", name), "w", encoding="utf-8") as file:
                    file.write(text)
        self.path = self.folder.name


def environment_with(**more):
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("AWS_", "PANDO_", "ECS_")) and not name.lower().endswith("_proxy") and name != "HOME"}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", "TZ": "UTC", **more}


def look(*lines, **environment):
    """Answers for the lines (times, "distrust"), a list of lists of words; nothing secret may be on stderr."""
    done = subprocess.run([CREDENTIALS], input="".join(f"{line}\n" for line in lines), env=environment_with(**environment),
                          capture_output=True, text=True, timeout=120)
    check(done.returncode == 0, (done.returncode, done.stdout, done.stderr))
    check(CANARY not in done.stderr, f"a secret in the log: {done.stderr}")
    answers = [line.split("\t") for line in done.stdout.splitlines()]
    for answer in answers:
        check(answer[0] == "good" or CANARY not in answer[-1], f"a secret in a reason: {answer}")
    return answers


def good(answer, access_key, source):
    check(answer[0] == "good" and answer[1] == access_key and source in answer[5], (answer, access_key, source))


def bad(answer, *words):
    check(answer[0] == "bad" and all(word in answer[2] for word in words), (answer, words))


KEYS = {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": CANARY}


def test_environment():
    good(look(NOW, **KEYS, AWS_SESSION_TOKEN="tok")[0], "AKIDENV", "environment")
    check(look(NOW, **KEYS, AWS_SECURITY_TOKEN="old")[0][3] == "old", "the old name of the token")
    bad(look(NOW, AWS_ACCESS_KEY_ID="AKID")[0], "only one is set")
    bad(look(NOW, AWS_ACCESS_KEY_ID="AKID", AWS_SECRET_ACCESS_KEY="")[0], "only one is set")
    bad(look(NOW, AWS_ACCESS_KEY_ID="AK ID", AWS_SECRET_ACCESS_KEY=CANARY)[0], "blanks")
    bad(look(NOW, **KEYS, AWS_CREDENTIAL_EXPIRATION="tomorrow")[0], "AWS_CREDENTIAL_EXPIRATION")
    first, later = look(NOW - 100, NOW, **KEYS, AWS_CREDENTIAL_EXPIRATION=iso(NOW))
    good(first, "AKIDENV", "environment")
    bad(later, "expired")
    bad(look(NOW)[0], "no AWS credentials")


def test_files():
    home = Home(f"[default]\naws_access_key_id = AKIDFILE # mine\naws_secret_access_key = {CANARY}\n\n"
                f"[other]\nAWS_ACCESS_KEY_ID=AKIDOTHER\naws_secret_access_key={CANARY}\naws_session_token = t\n[half]\n"
                "aws_access_key_id = X\n",
                f"[profile configured]\naws_access_key_id = AKIDCONF\naws_secret_access_key = {CANARY}\ns3 =\n  x = y\n"
                f"[profile \"with blank\"]\naws_access_key_id = AKIDBLANK\naws_secret_access_key = {CANARY}\n"
                "[profile external]\ncredential_process = /bin/false\n[profile single]\nsso_session = x\n")
    good(look(NOW, HOME=home.path)[0], "AKIDFILE", "shared files")
    good(look(NOW, HOME=home.path, **KEYS)[0], "AKIDENV", "environment")
    good(look(NOW, HOME=home.path, AWS_PROFILE="other")[0], "AKIDOTHER", "shared files")
    good(look(NOW, HOME=home.path, AWS_DEFAULT_PROFILE="other")[0], "AKIDOTHER", "shared files")
    good(look(NOW, HOME=home.path, AWS_PROFILE="configured")[0], "AKIDCONF", "shared files")
    good(look(NOW, HOME=home.path, AWS_PROFILE="with blank")[0], "AKIDBLANK", "shared files")
    bad(look(NOW, HOME=home.path, AWS_PROFILE="half")[0], "part of a key")
    bad(look(NOW, HOME=home.path, AWS_PROFILE="nobody")[0], "nobody")
    bad(look(NOW, HOME=home.path, AWS_PROFILE="external")[0], "credential_process")
    bad(look(NOW, HOME=home.path, AWS_PROFILE="single")[0], "sso_session")
    good(look(NOW, HOME="/nonexistent", AWS_SHARED_CREDENTIALS_FILE=home.path + "/.aws/credentials")[0], "AKIDFILE", "shared files")
    good(look(NOW, HOME=home.path, AWS_SHARED_CREDENTIALS_FILE="~/.aws/credentials")[0], "AKIDFILE", "shared files")
    os.mkfifo(home.path + "/fifo")
    bad(look(NOW, AWS_SHARED_CREDENTIALS_FILE=home.path + "/fifo")[0], "cannot be read")
    with open(home.path + "/large", "w", encoding="utf-8") as file:
        file.write("#" * 200000)
    bad(look(NOW, AWS_SHARED_CREDENTIALS_FILE=home.path + "/large")[0], "cannot be read")


def test_roles():
    server = Server()
    home = Home(f"[base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = {CANARY}\n",
                "[profile inner]\nrole_arn = arn:aws:iam::1:role/inner\nsource_profile = base\nrole_session_name = me\n"
                "[profile outer]\nrole_arn = arn:aws:iam::1:role/outer\nsource_profile = inner\nexternal_id = x y&z\n"
                "[profile selfish]\nrole_arn = arn:aws:iam::1:role/s\nsource_profile = selfish\naws_access_key_id = AKIDSELF\n"
                f"aws_secret_access_key = {CANARY}\n"
                "[profile round]\nrole_arn = arn:r\nsource_profile = square\n[profile square]\nrole_arn = arn:s\nsource_profile = round\n"
                "[profile lonely]\nrole_arn = arn:l\n[profile lost]\nrole_arn = arn:l\nsource_profile = nobody\n"
                "[profile factor]\nrole_arn = arn:f\nsource_profile = base\nmfa_serial = 1\n"
                "[profile env]\nrole_arn = arn:aws:iam::1:role/e\ncredential_source = Environment\n"
                "[profile ecs]\nrole_arn = arn:aws:iam::1:role/c\ncredential_source = EcsContainer\n")
    common = {"HOME": home.path, "AWS_ENDPOINT_URL_STS": server.url, "PANDO_TEST_REGION": "eu-west-2"}
    good(look(NOW, AWS_PROFILE="outer", **common)[0], "AKIDROLE2", "STS")
    queries = [dict(urllib.parse.parse_qsl(body)) for _, _, _, body in server.requests]
    check([q["RoleArn"] for q in queries] == ["arn:aws:iam::1:role/inner", "arn:aws:iam::1:role/outer"], queries)
    check(queries[0]["RoleSessionName"] == "me" and queries[1]["RoleSessionName"].startswith("pando-"), queries)
    check("ExternalId" not in queries[0] and queries[1]["ExternalId"] == "x y&z", queries)
    inner, outer = (headers for _, _, headers, _ in server.requests)
    check("Credential=AKIDBASE/" in inner["Authorization"] and "/eu-west-2/sts/aws4_request" in inner["Authorization"], inner)
    check("Credential=AKIDROLE1/" in outer["Authorization"] and outer["X-Amz-Security-Token"] == CANARY + "tokenROLE", outer)
    good(look(NOW, AWS_PROFILE="selfish", **common)[0], "AKIDROLE3", "STS")
    bad(look(NOW, AWS_PROFILE="env", **common)[0], "Environment")
    server.issued = 0
    good(look(NOW, AWS_PROFILE="ecs", AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url + "/container", **common)[0], "AKIDROLE2", "STS")
    before = len(server.requests)
    bad(look(NOW, AWS_PROFILE="round", **common)[0], "circle")
    bad(look(NOW, AWS_PROFILE="lonely", **common)[0], "nothing to take it with")
    bad(look(NOW, AWS_PROFILE="lost", **common)[0], "missing")
    bad(look(NOW, AWS_PROFILE="factor", **common)[0], "second factor")
    common["AWS_ENDPOINT_URL_STS"] = "http://sts.example.com"
    bad(look(NOW, AWS_PROFILE="outer", **common)[0], "https only")
    common["AWS_ENDPOINT_URL_STS"] = "http://127.example.com"
    bad(look(NOW, AWS_PROFILE="outer", **common)[0], "https only")
    check(len(server.requests) == before, "nobody is asked")
    server.reply = (403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>secret " + CANARY + "</Message></Error></ErrorResponse>")
    common["AWS_ENDPOINT_URL_STS"] = server.url
    bad(look(NOW, AWS_PROFILE="outer", **common)[0], "403", "AccessDenied")
    check(len(server.requests) == before + 1, "a refusal is not tried again")


def test_web_identity():
    server = Server()
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/token"
        with open(path, "w", encoding="utf-8") as file:
            file.write("first+token=\n")
        common = {"AWS_WEB_IDENTITY_TOKEN_FILE": path, "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod", "AWS_ENDPOINT_URL_STS": server.url + "/",
                  "AWS_ROLE_SESSION_NAME": "sess"}
        server.broken = 2
        good(look(NOW, **common)[0], "AKIDWEB1", "STS")
        check(len(server.requests) == 3, "tried again after 500")
        method, sts_path, headers, body = server.requests[-1]
        query = dict(urllib.parse.parse_qsl(body))
        check((method, sts_path) == ("POST", "/") and "Authorization" not in headers, (method, sts_path, headers))
        check(query == {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": "arn:aws:iam::1:role/pod",
                        "RoleSessionName": "sess", "WebIdentityToken": "first+token="}, query)
        # The token rotates: with the next renewal the file's new content is sent.
        process = subprocess.Popen([CREDENTIALS], env=environment_with(**common), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for token, wall_s in (("second", NOW), ("third", NOW + 3600 - 600)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(token)
            process.stdin.write(f"{wall_s}\n")
            process.stdin.flush()
            check(process.stdout.readline().startswith("good"), token)
            check(f"WebIdentityToken={token}" in server.requests[-1][3], server.requests[-1])
        process.stdin.close()
        process.wait(20)
        process.stdout.close()
        bad(look(NOW, AWS_WEB_IDENTITY_TOKEN_FILE=path)[0], "AWS_ROLE_ARN")
        bad(look(NOW, **{**common, "AWS_WEB_IDENTITY_TOKEN_FILE": folder + "/none"})[0], "cannot be read")
        # What is set up and fails is the end: nobody else's identity is used instead.
        bad(look(NOW, **{**common, "AWS_WEB_IDENTITY_TOKEN_FILE": folder + "/none"},
                 AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url + "/container")[0], "cannot be read")
        server.reply = (200, "<Credentials><AccessKeyId>A</AccessKeyId></Credentials>")
        bad(look(NOW, **common)[0], "no credentials that can be read")


def test_container():
    server = Server()
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/token"
        with open(path, "w", encoding="utf-8") as file:
            file.write("from-the-file\n")
        common = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/container/x?id=1"}
        good(look(NOW, **common)[0], "AKIDCONTAINER1", "container")
        check("Authorization" not in server.requests[-1][2], server.requests)
        look(NOW, **common, AWS_CONTAINER_AUTHORIZATION_TOKEN="given")
        check(server.requests[-1][2]["Authorization"] == "given", server.requests[-1])
        look(NOW, **common, AWS_CONTAINER_AUTHORIZATION_TOKEN="given", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=path)
        check(server.requests[-1][2]["Authorization"] == "from-the-file", server.requests[-1])
        before = len(server.requests)
        bad(look(NOW, **common, AWS_CONTAINER_AUTHORIZATION_TOKEN="a\r\nX-Evil: b")[0], "line breaks")
        with open(path, "w", encoding="utf-8") as file:
            file.write("a\nb\n")
        bad(look(NOW, **common, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=path)[0], "line breaks")
        check(len(server.requests) == before, "nobody is asked")
    for url in ("http://example.com/x", "http://169.254.170.3/x", "http://127.evil.example/x", "http://127.0.0.1.example.com/x", "ftp://127.0.0.1/x",
                "http://user@example.com@127.0.0.1.example.com/", "file:///etc/passwd"):
        bad(look(NOW, AWS_CONTAINER_CREDENTIALS_FULL_URI=url, AWS_CONTAINER_AUTHORIZATION_TOKEN=CANARY)[0], "may be asked over http")
    server.broken = 2
    good(look(NOW, **common)[0], "AKIDCONTAINER4", "container")
    for body, word in ((b"not json", "no JSON"), (b"{}", "lacks some"), (b'{"Code":"Nope"}', "Nope"), (b"[" * 5000, "no JSON"),
                       (b'{"AccessKeyId":"a b","SecretAccessKey":"x"}', "lacks some"),
                       (b'{"AccessKeyId":"a","SecretAccessKey":"x","Expiration":"soon"}', "strange Expiration"),
                       (b'{"AccessKeyId":"a","AccessKeyId":"a"}', "no JSON"), (b'{"AccessKeyId":"' + b"a" * 300 + b'"}', "lacks some")):
        server.reply = (200, body)
        bad(look(NOW, **common)[0], word)
    server.reply = (200, CANARY * 10000)
    bad(look(NOW, **common)[0], "no JSON")


def test_metadata():
    server = Server()
    common = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url + "/", "AWS_EC2_METADATA_DISABLED": "false",
              "http_proxy": "http://127.0.0.1:1", "all_proxy": "http://127.0.0.1:1"}
    good(look(NOW, **common)[0], "AKIDIMDS1", "metadata")
    check(server.paths() == ["PUT /latest/api/token", "GET /latest/meta-data/iam/security-credentials/",
                             "GET /latest/meta-data/iam/security-credentials/my-role"], server.paths())
    server.rotates = True
    good(look(NOW, **common)[0], "AKIDIMDS2", "metadata")
    check(server.paths()[3:] == ["PUT /latest/api/token", "GET /latest/meta-data/iam/security-credentials/", "PUT /latest/api/token",
                                 "GET /latest/meta-data/iam/security-credentials/",
                                 "GET /latest/meta-data/iam/security-credentials/my-role"], server.paths())
    for status in (400, 403, 404, 405):
        server.reply = (status, "")
        server.requests.clear()
        bad(look(NOW, **common)[0], "no token", str(status))
        check(server.paths() == ["PUT /latest/api/token"], "version 1 is never tried")
    server.reply = None
    bad(look(NOW, **{**common, "AWS_EC2_METADATA_DISABLED": "True"})[0], "no AWS credentials")
    bad(look(NOW, **{**common, "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"})[0], "no AWS credentials")


def test_silence():
    """Somebody takes the connection and never answers: one second an exchange, and the failure is remembered."""
    import socket
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        begin = time.monotonic()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        for answer in look(NOW, NOW, NOW, AWS_EC2_METADATA_SERVICE_ENDPOINT=url, AWS_EC2_METADATA_DISABLED="false"):
            bad(answer, "no AWS credentials")
        deaf.settimeout(0.1)
        connections = 0
        try:
            while True:
                deaf.accept()[0].close()
                connections += 1
        except TimeoutError:
            pass
        check(connections == 1, f"{connections} connections")
        check(time.monotonic() - begin < 20, "it took for ever")


def test_renewal():
    server = Server()
    common = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/container"}
    answers = look(NOW, NOW + 3600 - 901, NOW + 3600 - 899, "distrust", NOW, **common)
    check([answer[1] for answer in answers] == ["AKIDCONTAINER1", "AKIDCONTAINER1", "AKIDCONTAINER2", "AKIDCONTAINER3"], answers)
    # Renewal fails: what is still good is used, what is not is not; those of the machine outlive their date.
    process = subprocess.Popen([CREDENTIALS], env=environment_with(**common), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(line):
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        return process.stdout.readline().rstrip("\n").split("\t")
    first = ask(NOW)
    server.reply = (503, "")
    check(ask(NOW + 3600 - 60) == first, "still good")
    bad(ask(NOW + 3600 + 1), "503")
    process.stdin.close()
    process.wait(20)
    process.stdout.close()
    server.reply = None
    process = subprocess.Popen([CREDENTIALS], env=environment_with(AWS_EC2_METADATA_SERVICE_ENDPOINT=server.url,
                                                                   AWS_EC2_METADATA_DISABLED="false"),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    first = ask(NOW)
    server.reply = (503, "")
    check(ask(NOW + 3600 + 1) == first, "the machine's are used beyond their date")
    process.stdin.close()
    process.wait(20)
    process.stdout.close()
    # The service hands out what has expired already.
    server.reply = None
    server.expires_s = NOW - 60
    answer = look(NOW, AWS_EC2_METADATA_SERVICE_ENDPOINT=server.url, AWS_EC2_METADATA_DISABLED="false")[0]
    good(answer, f"AKIDIMDS{server.issued}", "metadata")
    bad(look(NOW, **common)[0], "expired")


def deliver(url, region, **environment):
    done = subprocess.run([DELIVER, url, "group"], env=environment_with(PANDO_TEST_SIGN_REGION=region, **environment),
                          capture_output=True, text=True, timeout=120)
    check(CANARY not in done.stderr and CANARY not in done.stdout, f"a secret in the log: {done.stderr}")
    check(done.returncode == 0, (done.returncode, done.stdout, done.stderr))
    return json.loads(done.stdout), done.stderr


def deliver_with_token(url, status=0, **environment):
    done = subprocess.run([DELIVER, url, "group"], env=environment_with(**environment), capture_output=True, text=True, timeout=120)
    check(CANARY not in done.stderr and CANARY not in done.stdout, f"a token in the log: {done.stderr}")
    check(done.returncode == status, (done.returncode, done.stdout, done.stderr))
    return json.loads(done.stdout) if status == 0 else None, done.stderr


def test_bearer():
    """A token for a receiver of one's own: sent with each request, read anew where it is in a file, and told to nobody else."""
    server = Server()
    server.bearer = lambda given: given == "Bearer " + CANARY
    told, _ = deliver_with_token(server.url, PANDO_TOKEN=CANARY)
    check(told["delivered"] == 2 and len(server.delivered) == 2, told)
    told, log = deliver_with_token(server.url, PANDO_TOKEN=CANARY + "no")
    check(told["rejected"] == 2 and "no such token" in log, (told, log))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "token")
        told, log = deliver_with_token(server.url, PANDO_TOKEN_FILE=path)
        check(told["gave_up"] == 2 and "PANDO_TOKEN_FILE" in log, (told, log))
        for text in ("two words " + CANARY, ""):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            told, log = deliver_with_token(server.url, PANDO_TOKEN_FILE=path)
            check(told["gave_up"] == 2 and "holds no token" in log, (told, log))
        with open(path, "w", encoding="utf-8") as file:
            file.write(CANARY + "\n")
        check(deliver_with_token(server.url, PANDO_TOKEN_FILE=path)[0]["delivered"] == 2, "a token in a file")

        def renewed(given):
            """Not good any more; the file has the new one since a moment."""
            if given == "Bearer " + CANARY:
                with open(path, "w", encoding="utf-8") as new:
                    new.write(CANARY + "new")
            return given == "Bearer " + CANARY + "new"
        server.bearer = renewed
        check(deliver_with_token(server.url, PANDO_TOKEN_FILE=path)[0]["delivered"] == 2, "a token that rotates")
    for environment, word in (({"PANDO_TOKEN": CANARY, "PANDO_TOKEN_FILE": "/x"}, "both set"), ({"PANDO_TOKEN": CANARY + " x"}, "visible ASCII"),
                              ({"PANDO_TOKEN": "x" * 5000}, "visible ASCII"), ({"PANDO_TOKEN_FILE": "x"}, "path from the root")):
        check(word in deliver_with_token(server.url, 2, **environment)[1], (environment, word))
    # Whoever signs sends no token.
    server.bearer = None
    server.requests.clear()
    deliver(server.url, "us-east-1", **KEYS, PANDO_TOKEN=CANARY)
    check(all(headers["Authorization"].startswith("AWS4") for _, _, headers, _ in server.requests), server.requests)


def signature_of(path, headers, body, secret, token, region):
    """What botocore says the Authorization of this request ought to be."""
    url = "http://" + headers["Host"] + path
    request = AWSRequest(method="POST", url=url, data=body.encode(), headers={"Content-Type": headers["Content-Type"]})
    request.context["timestamp"] = headers["X-Amz-Date"]
    auth = botocore.auth.SigV4Auth(Credentials("AKIDENV", secret, token), "codeguru-profiler", region)
    request.headers["Host"] = headers["Host"]
    request.headers["X-Amz-Date"] = headers["X-Amz-Date"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return auth.signature(text, request)


def test_signed_delivery():
    server = Server()
    told, log = deliver(server.url, "eu-west-1", **KEYS, AWS_SESSION_TOKEN="tok/en==")
    check(told["delivered"] == 2, (told, log))
    for path, headers, body in server.delivered:
        check(headers["X-Amz-Security-Token"] == "tok/en==", headers)
        check("/eu-west-1/codeguru-profiler/aws4_request" in headers["Authorization"], headers)
        if botocore:
            want = signature_of(path, headers, body, CANARY, "tok/en==", "eu-west-1")
            check(headers["Authorization"].endswith("Signature=" + want), (headers, want))
    # No region is told: the machine knows.
    server.delivered.clear()
    server.expires_s = time.time() + 3600
    told, log = deliver(server.url, "", AWS_EC2_METADATA_SERVICE_ENDPOINT=server.url, AWS_EC2_METADATA_DISABLED="false")
    check(told["delivered"] == 2 and "/eu-north-1/" in server.delivered[0][1]["Authorization"], (told, log))


def test_clock():
    """A server whose clock is an hour away says no once; then its time is used, under the same token."""
    for offset_s in (-3600, 7200):
        server = Server()
        server.clock_s = time.time() + offset_s
        told, log = deliver(server.url, "eu-west-1", **KEYS)
        check(told["delivered"] == 2, (told, log))
        paths = server.paths()
        check(len(paths) == 3 and paths[0] == paths[1], paths)


def test_no_credentials():
    server = Server()
    told, log = deliver(server.url, "eu-west-1")
    check(told["delivered"] == 0 and told["gave_up"] == 2 and "no AWS credentials" in log, (told, log))
    check(server.requests == [], "nothing unsigned was sent")


def main():
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            begin = time.monotonic()
            test()
            print(f"{name}: {time.monotonic() - begin:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
