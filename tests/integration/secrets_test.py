"""Secrets as canaries: set in every place that Pando reads one from, used for deliveries, then searched for in the log, the spool, what was
posted, what the host said, and a core of the host that is taken while it runs. The key that signs may be in
the core only where the user has put it himself (the environment that the kernel keeps); docs/aws.md says what cannot be helped.

Usage: secrets_test.py LIBPANDO FLUSHER CREDENTIALS DELIVER     (77: there is no gdb to take a core with)"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.argv[1:], OWN = sys.argv[3:], sys.argv[1:3]
from credentials_test import Home, Server, environment_with
from pando_testing import check, wait_for

LIBRARY, FLUSHER = OWN
CANARY = "CANARY"
GROUP = "secrets"
KEY = re.compile(rb"CANARYsecret(?!0123456789\+/token)")


def core_of(process, folder):
    """The bytes of a core of the running process, as a crash would write it."""
    path = os.path.join(folder, "core")
    done = subprocess.run(["gcore", "-o", path, str(process.pid)], capture_output=True, text=True, timeout=100)
    name = f"{path}.{process.pid}"
    check(os.path.exists(name), f"no core: {done}")
    with open(name, "rb") as file:
        core = file.read()
    os.unlink(name)
    return core


def count(text, word):
    return text.count(word.encode() if isinstance(text, bytes) else word)


def run(name, server, folder, keys_of_user, **settings):
    """A host with these variables until three of its profiles came; `keys_of_user`: how often the key that is never sent may be in its core."""
    log, spool = os.path.join(folder, "log"), os.path.join(folder, "spool")
    variables = environment_with(LD_PRELOAD=LIBRARY, PANDO_GROUP=GROUP, PANDO_SPOOL=spool, PANDO_LOG=log, PANDO_LOG_LEVEL="debug", **settings)
    server.expires_s = time.time() + 3600
    server.delivered.clear()
    process = subprocess.Popen([FLUSHER, "1000000"], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(f"{name}: three profiles", lambda: len(server.delivered) >= 3 or process.poll() is not None)
    check(process.poll() is None, f"{name}: {process.poll()}")
    core = core_of(process, folder)
    # Once more with what cannot be delivered: it is in the spool, and the log says why.
    server.reply = (500, "broken")
    wait_for(f"{name}: something in the spool", lambda: os.path.isdir(spool) and os.listdir(spool))
    wait_for(f"{name}: a word in the log", lambda: "cannot be delivered" in open(log, encoding="utf-8").read())
    process.kill()
    out, errors = process.communicate()
    server.reply = None
    with open(log, encoding="utf-8") as file:
        check(count(file.read(), CANARY) == 0, f"{name}: a secret in the log")
    for one in os.listdir(spool):
        with open(os.path.join(spool, one), "rb") as file:
            check(count(file.read(), CANARY) == 0, f"{name}: a secret in the spool")
    check(all(count(body, CANARY) == 0 for _, _, body in server.delivered), f"{name}: a secret in a profile")
    check(count(out + errors, CANARY) == 0, f"{name}: a secret said")
    # What was sent, a token, is in libcurl's buffers too, which it gives back as they are. The key that signs is never sent.
    keys = [core[max(0, hit.start() - 40):hit.start() + 40] for hit in re.finditer(KEY, core)]
    check(len(keys) <= keys_of_user, f"{name}: the secret key is in the core: {keys}")
    print(f"{name}: in the core the key {len(keys)} times, {keys_of_user} of them not by Pando; tokens {count(core, CANARY) - len(keys)} times",
          flush=True)


def main():
    if shutil.which("gcore") is None:
        return 77
    server = Server()
    aws = {"PANDO_ENABLED": "true", "AWS_CODEGURU_PROFILER_GROUP_NAME": GROUP, "AWS_REGION": "us-east-1",
           "AWS_ENDPOINT_URL_CODEGURUPROFILER": server.url, "PANDO_ORCHESTRATE": "false"}
    keys = f"aws_access_key_id = AKID\naws_secret_access_key = {CANARY}secret\naws_session_token = {CANARY}session\n"
    home = Home("[default]\n" + keys)
    token = os.path.join(home.path, "token")
    with open(token, "w", encoding="utf-8") as file:
        file.write(CANARY + "token\n")
    cases = {
        "environment": (1, {**aws, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": CANARY + "secret",
                            "AWS_SESSION_TOKEN": CANARY + "session"}),
        "files": (0, {**aws, "HOME": home.path}),
        # (Here in the answer of STS, in libcurl's buffer, until longer answers come.)
        "web identity": (1, {**aws, "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod",
                             "AWS_ENDPOINT_URL_STS": server.url}),
        "container": (0, {**aws, "AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/container",
                          "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token}),
        "machine": (0, {**aws, "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url, "AWS_EC2_METADATA_DISABLED": "false"}),
        "a receiver's token": (0, {"PANDO_URL": server.url, "PANDO_TOKEN": CANARY + "token"}),
        "a receiver's token in a file": (0, {"PANDO_URL": server.url, "PANDO_TOKEN_FILE": token}),
        "a proxy's password": (0, {"PANDO_URL": "http://receiver.test", "http_proxy": server.url.replace("//", f"//user:{CANARY}password@")}),
    }
    for name, (keys_of_user, settings) in cases.items():
        server.bearer = (lambda given: True) if "PANDO_URL" in settings else None
        with tempfile.TemporaryDirectory() as folder:
            run(name, server, folder, keys_of_user, **settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
