"""Delivery over TLS and through proxies, told by Python's own ssl, http and json: profiles go to whom they are meant for and
to nobody else, a last flush inside exit() still has its TLS, and the body is JSON by another reader's judgement.

Run with PANDO_BUILD=<build directory>; 77 = skipped (no openssl command, or the program "deliver" is not built)."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading

from pando_testing import Service, ServiceHandler, make_certificate

sys.setrecursionlimit(20000)
NAME = 'lib x.so:a"b\\c\n\x01\x7f\ufffd<\u00e9\U0001f333>'


def find_program(build):
    for folder, _, files in os.walk(build):
        if "deliver" in files and os.access(os.path.join(folder, "deliver"), os.X_OK):
            return os.path.join(folder, "deliver")
    return None


class Receiver(Service):
    """Keeps bodies by token. With a certificate it speaks TLS."""

    def __init__(self, certificate=None):
        self.bodies = {}
        self.hang = threading.Event()
        self.hangs = False
        self.paths = []
        super().__init__(Handler, certificate)


class Handler(ServiceHandler):
    def do_POST(self):
        body = self.body()
        self.server.paths.append(self.path)
        if self.server.hangs:
            self.server.hang.set()
            self.rfile.read(1)  # until the client goes away
            return
        self.server.bodies[self.path.split("profileToken=")[1]] = body
        self.answer(204)


def environment_with(**more):
    unwanted = ("_proxy", "ssl_cert_file", "aws_ca_bundle")
    return {**{k: v for k, v in os.environ.items() if not k.lower().endswith(unwanted)}, **more}


def run(program, url, *words, **environment):
    done = subprocess.run([program, url, "group", *words], env=environment_with(**environment), capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout), done.stderr


def check_bodies(receiver):
    assert len(receiver.bodies) == 2, receiver.paths
    for body in receiver.bodies.values():
        profile = json.loads(body.decode("utf-8", "strict"))
        assert profile["start"] == 1700000000000 and profile["end"] == 1700000060000
        assert profile["agentMetadata"]["sampleWeights"] == {"WALL_TIME": 100.0}
        node, depth = profile["callgraph"], 0
        while "children" in node:
            assert list(node["children"]) == [NAME], list(node["children"])
            node, depth = node["children"][NAME], depth + 1
        assert depth == 1000 and node == {"counts": {"WALL_TIME": 42}}, (depth, node)


def main():
    program = find_program(os.environ["PANDO_BUILD"])
    if program is None or shutil.which("openssl") is None:
        return 77
    with tempfile.TemporaryDirectory() as folder:
        good, good_ca = make_certificate(folder, "good", "DNS:localhost,IP:127.0.0.1")
        other, other_ca = make_certificate(folder, "other", "DNS:receiver.example")
        old, old_ca = make_certificate(folder, "old", "DNS:localhost,IP:127.0.0.1", days=-1)

        with Receiver(good) as receiver:
            told, log = run(program, f"https://localhost:{receiver.server_port}", SSL_CERT_FILE=good_ca)
            assert told == {"last": 0, "delivered": 2, "rejected": 0, "gave_up": 0}, (told, log)
            check_bodies(receiver)

        # The host uses the same OpenSSL, which is gone when the last flush comes: that one is lost, the host ends well.
        with Receiver(good) as receiver:
            told, log = run(program, f"https://localhost:{receiver.server_port}", "host", SSL_CERT_FILE=good_ca)
            assert told["delivered"] == 1 and told["gave_up"] == 1 and told["last"] != 0, (told, log)
            assert "OpenSSL is shut down already" in log, log

        # The same, with a transfer under way: OpenSSL's clean-up waits until it is aborted.
        with Receiver(good) as receiver:
            receiver.hangs = True
            environment = environment_with(SSL_CERT_FILE=good_ca)
            with subprocess.Popen([program, f"https://localhost:{receiver.server_port}", "group", "leave"], env=environment,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as leaver:
                assert receiver.hang.wait(60)
                out, log = leaver.communicate("go\n", timeout=60)
            assert leaver.returncode == 0, (leaver.returncode, out, log)
            told = json.loads(out)
            assert told["delivered"] == 0 and told["gave_up"] == 2, (told, log)
            assert "shut its OpenSSL down meanwhile" in log, log

        for name, certificate, environment in [
            ("unknown issuer", good, {}),
            ("another host's name", other, {"SSL_CERT_FILE": other_ca}),
            ("expired", old, {"SSL_CERT_FILE": old_ca}),
        ]:
            with Receiver(certificate) as receiver:
                told, log = run(program, f"https://localhost:{receiver.server_port}", **environment)
                assert told["delivered"] == 0 and told["gave_up"] == 2 and told["last"] != 0, (name, told)
                assert receiver.bodies == {}, name
                assert "cannot be delivered" in log and "SSL" in log, (name, log)

        with Receiver() as receiver:
            # Nothing listens at port 1: a proxy that were used would be noticed.
            told, log = run(program, f"http://127.0.0.1:{receiver.server_port}", http_proxy="http://127.0.0.1:1",
                            all_proxy="http://127.0.0.1:1")
            assert told["delivered"] == 2, (told, log)
            assert "unencrypted" not in log, log
            check_bodies(receiver)

        with Receiver() as receiver:
            told, log = run(program, "http://receiver.invalid", http_proxy=f"http://127.0.0.1:{receiver.server_port}")
            assert told["delivered"] == 2, (told, log)
            assert all(path.startswith("http://receiver.invalid/") for path in receiver.paths), receiver.paths
            assert "unencrypted" in log, log
    return 0


if __name__ == "__main__":
    sys.exit(main())
