"""HTTPS out of hosts that bring their own TLS, their own libcurl, their own allocator: each says and ends as it would alone, its profiles
arrive over TLS, and what could not be sent in its exit (where the host has taken OpenSSL down, docs/delivery.md) is in the spool.

Usage: tls_hosts_test.py LIBPANDO EXPORTER CURL_THREADS [HOST_LINKED_WITH_AN_ALLOCATOR...]"""
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile

from pando_testing import Service, ServiceHandler, check, environment, make_certificate, plain_environment

LIBRARIES = "/usr/lib/x86_64-linux-gnu/"
NODE = """const https = require('https'), fs = require('fs');
let came = 0, s = 0;
function ask(left) {
    if (left == 0) { console.log(came, s); return; }
    https.get(process.argv[1] + '/host', {ca: fs.readFileSync(process.argv[2]), agent: false}, answer => {
        answer.resume().on('end', () => { came++; for (let i = 0; i < 4e7; i++) s += i % 7; ask(left - 1); });
    });
}
ask(20);"""
PYTHON = """import hashlib, ssl, sys, threading, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
came = []
def ask():
    for i in range(8):
        came.append(urllib.request.urlopen(sys.argv[1] + '/host', context=context).status)
        hashlib.pbkdf2_hmac('sha256', b'x', b'y', 60000)
threads = [threading.Thread(target=ask) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(came.count(200), hashlib.sha256(b'x').hexdigest())"""


class Server(Service):
    """For the hosts' own questions, and Pando's profiles."""

    def __init__(self, certificate):
        self.bodies = {}
        super().__init__(Handler, certificate)
        self.url = f"https://localhost:{self.server_port}"


class Handler(ServiceHandler):
    def do_GET(self):
        self.answer(200, "hello")

    def do_POST(self):
        body = self.body()
        with self.server.lock:
            self.server.bodies.setdefault(self.path.split("profileToken=")[1], body)
        self.answer(204)


def main():
    library, exporter, curl_threads = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder:
        certificate, authority = make_certificate(folder, "good", "DNS:localhost,IP:127.0.0.1")
        server = Server(certificate)
        where = [server.url, authority]
        hosts = [("exporter", [exporter, "500"], None), ("curl in threads", [curl_threads, *where, "4", "20"], None)]
        python = shutil.which("python3", path="/usr/bin") or sys.executable
        hosts.append(("python", [python, "-c", PYTHON, *where], None))
        if shutil.which("node"):
            hosts.append(("node", ["node", "-e", NODE, *where], None))
        hosts += [(os.path.basename(path), [path, "500"], None) for path in sys.argv[4:]]
        for allocator in ("libjemalloc.so.2", "libtcmalloc_minimal.so.4"):
            check(os.path.exists(LIBRARIES + allocator), f"{allocator} is not installed (script/install test)")
            hosts.append((f"curl in threads, {allocator}", [curl_threads, *where, "4", "20"], LIBRARIES + allocator))
        for number, (name, command, preload) in enumerate(hosts):
            spool, log = os.path.join(folder, f"spool{number}"), os.path.join(folder, f"log{number}")
            base = {key: value for key, value in plain_environment().items() if not key.lower().endswith(("_proxy", "aws_ca_bundle"))}
            plain = subprocess.run(command, env={**base, **({"LD_PRELOAD": preload} if preload else {})}, capture_output=True, timeout=120)
            check(plain.returncode == 0, f"{name} by itself: {plain}")
            server.bodies.clear()
            settings = environment(":".join(filter(None, (library, preload))), server.url, f"host{number}", rate_hz=1000, interval_s=1,
                                   spool=spool, log=log, log_level="debug")
            settings = {key: value for key, value in settings.items() if key in base or key == "LD_PRELOAD" or key.startswith("PANDO_")}
            under = subprocess.run(command, env={**settings, "SSL_CERT_FILE": authority}, capture_output=True, timeout=120)
            check((plain.returncode, plain.stdout, plain.stderr) == (under.returncode, under.stdout, under.stderr),
                  f"{name}: {plain.returncode} {plain.stdout} {plain.stderr[-300:]} without, {under} with Pando")
            with open(log, encoding="utf-8") as file:
                words = file.read()
            kept = [one for one in os.listdir(spool) if one.endswith(".profile")] if os.path.isdir(spool) else []
            samples = sum(json.loads(body)["agentMetadata"]["numTimesSampled"] for body in server.bodies.values())
            check(server.bodies and samples > 0, f"{name}: no profile came: {words}")
            check(len(kept) <= 1 and " lost" not in words, f"{name}: {kept} {words}")
            print(f"{name}: {len(server.bodies)} profiles of {samples} samples, {len(kept)} in the spool", flush=True)


if __name__ == "__main__":
    main()
