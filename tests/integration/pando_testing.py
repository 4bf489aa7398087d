"""What the integration tests share: a receiver of their own, a program under libpando.so, and what came of it."""
import http.server
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request


def fail(message):
    sys.exit(f"FAILED: {message}")


def check(condition, message):
    if not condition:
        fail(message)


def wait_for(what, condition, seconds=60):
    """Until `condition` returns something true, which is returned."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    fail(f"{what} did not happen within {seconds} s")


class Receiver:
    """`pando serve` on a free port, with a store in a temporary folder."""

    def __init__(self, pando, *options, **keywords):
        self.pando, self.options, self.keywords = pando, options, keywords
        self.folder = tempfile.TemporaryDirectory()
        self.store = os.path.join(self.folder.name, "store.sqlite")
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.pando, "serve", "--listen", "127.0.0.1:0", "--store", self.store, *self.options],
                                        stdout=subprocess.PIPE, text=True, **self.keywords)
        line = self.process.stdout.readline()
        found = re.search(r"https?://[^ \n/]+", line)
        check(found, f"the receiver printed no address but {line!r}")
        self.url = found.group(0)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()
        self.folder.cleanup()

    def kill(self):
        """SIGKILL; another one goes on with the same store, at another port."""
        self.process.kill()
        self.process.wait(20)
        self.process.stdout.close()
        self.start()

    def report(self, group, *options):
        """The report of a group as `pando report --format json` gives it; None when nothing came."""
        done = subprocess.run([self.pando, "report", "--url", self.url, "--group", group, "--format", "json", "--top", "1000", *options],
                              capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def groups(self):
        with urllib.request.urlopen(self.url + "/api/v1/groups") as answer:
            return json.load(answer)


class Service(http.server.ThreadingHTTPServer):
    """An HTTP service of a test's own, on a free port, in a thread from the start. `handler` is a ServiceHandler. With a
    certificate (a file that has its key too) it speaks TLS."""

    daemon_threads = True

    def __init__(self, handler, certificate=None):
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake is the connection's thread's, so that a client that leaves stops nobody else.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """Clients that go away, or are killed, are part of the tests; whatever else is wrong is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class ServiceHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status, body=b"", headers=(), date=None):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string(date))
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def make_certificate(folder, name, host, days=2):
    """A self-signed certificate for `host` ("DNS:a,IP:127.0.0.1"): the paths of it with its key, and of it alone."""
    path = os.path.join(folder, name)
    key, request, cert = path + ".key", path + ".csr", path + ".crt"
    extension = path + ".ext"
    with open(extension, "w", encoding="utf-8") as file:
        file.write(f"subjectAltName={host}\nbasicConstraints=critical,CA:TRUE\n")
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    subprocess.run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj",
                    "/CN=" + name], **quiet)
    subprocess.run(["openssl", "x509", "-req", "-in", request, "-signkey", key, "-out", cert, "-days", str(days),
                    "-extfile", extension], **quiet)
    with open(path + ".pem", "w", encoding="utf-8") as file:
        for part in (key, cert):
            with open(part, encoding="utf-8") as source:
                file.write(source.read())
    return path + ".pem", cert


def environment(library, url, group, **settings):
    """The variables under which a program is profiled; settings as rate_hz=1000."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PANDO_")}
    variables.update(LD_PRELOAD=library, PANDO_URL=url, PANDO_GROUP=group)
    variables.update({"PANDO_" + name.upper(): str(value) for name, value in settings.items()})
    return variables


def plain_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("PANDO_") and name != "LD_PRELOAD"}


def is_conserved(counters, ends_whole=True):
    """Each sample that was made is kept, dropped for a stated reason, or was not due; each that was kept is in the tree or told.
    `ends_whole`: no process ended by _exit after a profile, and so with samples between two of these."""
    get = lambda name: counters.get(name, 0)
    tree_full = get("samplesDroppedTreeFull")  # after it was kept
    dropped = sum(value for name, value in counters.items() if name.startswith("samplesDropped")) - tree_full
    made = get("signals") + get("wallSamples") - get("samplesKept") - dropped - get("samplesNotDue")
    kept = get("samplesKept") + get("samplesAtThreadEnd") - get("samplesFolded") - tree_full
    return made == kept == 0 if ends_whole else made >= 0 and kept >= 0


def share(report, function, kind="selfPercent"):
    return sum(row[kind] for row in report["top"] if row["name"] == function)


def paths(report):
    """The stacks with their self nanoseconds, as tuples of names from the outermost on."""
    frames, nodes = report["tree"]["frames"], report["tree"]["nodes"]
    names = [()] * len(nodes["parent"])
    result = {}
    for number, (parent, frame, self_ns) in enumerate(zip(nodes["parent"], nodes["frame"], nodes["selfNs"])):
        if number == 0:
            continue
        names[number] = names[parent] + (frames[frame]["name"],)
        if self_ns:
            result[names[number]] = result.get(names[number], 0) + self_ns
    return result
