"""A proxy that stands between agent and receiver and does to each request, by a seeded chance, one of the things that networks and
servers do. It keeps what it must be held to: which tokens it has refused for good, and how often each fault was met."""
import collections
import random
import re
import select
import socket
import ssl
import struct
import threading
import time

# What may happen to a request, and how often. "commit": the receiver has it by then.
FATES = {
    "pass": 50, "delay": 4, "reset": 3, "reset in head": 2, "reset in body": 2, "reset after read": 4, "commit, reset": 6,
    "commit, close": 3, "commit, cut answer": 4, "commit, hang": 1, "commit twice": 3, "commit, drip": 1, "commit, junk after": 2,
    "half open": 1, "garbage": 2, "429": 3, "429 later": 1, "500": 3, "503": 3, "408": 2, "endless 500": 1, "100 then reset": 1,
    "refused": 1,
}
REFUSALS = (400, 403, 404, 413, 302)
# And to a connection, before TLS stands.
TLS_FATES = {"good": 85, "close": 3, "reset": 3, "plain": 2, "wrong name": 3, "expired": 2, "hang": 1}


class Gone(Exception):
    """The client, or the receiver, went away."""


def reset(connection):
    """Closes with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def until_gone(connection, seconds=5):
    """Holds the connection until the other side gives up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if select.select([connection], [], [], 0.1)[0]:
            try:
                if not connection.recv(4096):
                    return
            except OSError:
                return


class Stream:
    """Reads requests or answers off a connection."""

    def __init__(self, connection):
        self.connection, self.kept = connection, b""

    def more(self):
        try:
            got = self.connection.recv(65536)
        except OSError as error:
            raise Gone from error
        if not got:
            raise Gone
        self.kept += got

    def take(self, count):
        while len(self.kept) < count:
            self.more()
        taken, self.kept = self.kept[:count], self.kept[count:]
        return taken

    def message(self):
        """A head and a body."""
        while b"\r\n\r\n" not in self.kept:
            self.more()
        head = self.take(self.kept.index(b"\r\n\r\n") + 4)
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        return head, self.take(int(length.group(1))) if length else b""


class FaultProxy:
    """`where` gives the receiver's (host, port) of the moment. `contexts`: of TLS, by fate ("good", "wrong name", "expired"); None: http."""

    def __init__(self, seed, where, contexts=None):
        self.where, self.contexts = where, contexts
        self.rng, self.lock = random.Random(seed), threading.Lock()
        self.is_quiet = False             # no more faults
        self.met = collections.Counter()
        self.refused = {}                 # token: status
        self.samples = {}                 # token: (process, samples) as its body says
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def choose(self, fates):
        with self.lock:
            if self.is_quiet:
                return next(iter(fates)), random.Random(0)
            fate = self.rng.choices(list(fates), list(fates.values()))[0]
            self.met[fate] += 1
            return fate, random.Random(self.rng.getrandbits(32))

    def serve(self, connection):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.contexts:
                connection = self.secure(connection)
            while connection:
                connection = self.one(Stream(connection))
        except (Gone, OSError):
            if connection:
                connection.close()

    def secure(self, connection):
        fate, _ = self.choose(TLS_FATES)
        if fate in self.contexts:
            connection.settimeout(10)
            return self.contexts[fate].wrap_socket(connection, server_side=True)
        if fate == "hang":
            until_gone(connection)
        elif fate == "plain":
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        if fate == "reset":
            reset(connection)
        else:
            connection.close()
        return None

    def forward(self, head, body):
        """The receiver's whole answer."""
        with socket.create_connection(self.where(), 10) as backend:
            backend.sendall(head + body)
            return b"".join(Stream(backend).message())

    def one(self, stream):
        """Plays one request; the connection if it lives on."""
        connection = stream.connection
        fate, rng = self.choose(FATES)
        if fate == "reset":
            stream.more()
            return reset(connection)
        if fate == "half open":
            return until_gone(connection)
        if fate == "reset in head":
            stream.more()
            return reset(connection)
        if fate == "reset in body":
            while b"\r\n\r\n" not in stream.kept:
                stream.more()
            time.sleep(rng.random() * 0.002)
            return reset(connection)
        head, body = stream.message()
        token = re.search(rb"profileToken=([\w-]+)", head)
        token = token.group(1).decode() if token else ""
        process, samples = (re.search(pattern, body) for pattern in (rb'"processId": ?(\d+)', rb'"numTimesSampled": ?(\d+)'))
        with self.lock:
            self.samples[token] = (int(process.group(1)) if process else 0, int(samples.group(1)) if samples else 0)
        return self.act(fate, rng, connection, token, head, body)

    def act(self, fate, rng, connection, token, head, body):
        status = {"429 later": "429", "endless 500": "500"}.get(fate, fate)
        if fate == "refused":
            with self.lock:
                status = str(self.refused.setdefault(token, rng.choice(REFUSALS)))
        if status.isdigit():
            return self.say_status(fate, status, connection)
        if fate == "reset after read":
            return reset(connection)
        if fate == "garbage":
            connection.sendall(rng.randbytes(rng.randint(1, 300)))
            return connection.close()
        if fate == "100 then reset":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            return reset(connection)
        if fate == "delay":
            time.sleep(rng.random() * 0.1)
        answer = self.forward(head, body)
        if fate == "commit twice":
            answer = self.forward(head, body)
        if fate == "commit, reset":
            return reset(connection)
        if fate == "commit, close":
            return connection.close()
        if fate == "commit, hang":
            return until_gone(connection)
        if fate == "commit, cut answer":
            connection.sendall(answer[:rng.randrange(len(answer))])
            return reset(connection) if rng.random() < 0.5 else connection.close()
        if fate == "commit, drip":
            for byte in answer:
                connection.sendall(bytes([byte]))
                time.sleep(0.001)
            return connection
        if fate == "commit, junk after":
            answer += rng.choice((b"\x00\xff" * 20, answer, b"HTTP/1.1 204 No Content\r\n\r\n"))
        connection.sendall(answer)
        return connection

    def say_status(self, fate, status, connection):
        more = b"Retry-After: 1\r\n" if fate == "429 later" else b"Location: http://127.0.0.1:1/\r\n" if status == "302" else b""
        if fate == "endless 500":
            connection.sendall(b"HTTP/1.1 500 No\r\n\r\n")
            while True:
                connection.sendall(b"0123456789abcdef" * 64)
        connection.sendall(f"HTTP/1.1 {status} No\r\nContent-Length: 2\r\n".encode() + more + b"\r\nno")
        return connection


class Chopper:
    """In front of another port: passes bytes, and sometimes cuts the line after any number of them, in either direction."""

    def __init__(self, seed, port):
        self.behind, self.rng, self.is_quiet, self.cuts = port, random.Random(seed), False, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            cut = self.rng.randrange(6000) if not self.is_quiet and self.rng.random() < 0.12 else None
            threading.Thread(target=self.carry, args=(connection, cut, self.rng.random() < 0.5), daemon=True).start()

    def carry(self, connection, cut, of_client):
        try:
            behind = socket.create_connection(("127.0.0.1", self.behind))
        except OSError:
            return connection.close()
        left = {connection: cut if of_client else None, behind: cut if not of_client else None}
        other = {connection: behind, behind: connection}
        try:
            while True:
                for source in select.select([connection, behind], [], [])[0]:
                    got = source.recv(16384)
                    if not got:
                        return None
                    if left[source] is not None:
                        got = got[:left[source]]
                        left[source] -= len(got)
                    other[source].sendall(got)
                    if left[source] == 0:
                        self.cuts += 1
                        return reset(connection)
        except OSError:
            return None
        finally:
            connection.close()
            behind.close()


def contexts_of(certificates):
    """TLS contexts of (certificate with key) files by fate."""
    result = {}
    for fate, path in certificates.items():
        result[fate] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        result[fate].load_cert_chain(path)
    return result
