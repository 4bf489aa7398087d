"""`pando attach` on real servers under load: their clients see no error, profiles come, the servers live on. And what must be refused.

Usage: attach_test.py PANDO LIBPANDO CONTROLLED REGISTERS [ROUNDS [PROGRAM...]]   (rounds of each program: 2; script/attach-torture does a hundred)
"""
import atexit
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from pando_testing import Receiver, check, plain_environment, wait_for

ROOT = os.geteuid() == 0


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start(command, **more):
    process = subprocess.Popen(command, env=plain_environment(), stdin=subprocess.DEVNULL, stdout=more.pop("stdout", subprocess.DEVNULL),
                               stderr=subprocess.DEVNULL, **more)
    atexit.register(lambda: process.poll() is None and process.kill())
    return process


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def cpu_s(pid):
    return sum(map(int, open(f"/proc/{pid}/stat").read().split(")")[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


class Load:
    """A client in a thread that asks again and again and checks each answer."""

    def __init__(self, ask):
        self.ask, self.count, self.errors, self.ends = ask, 0, [], False
        self.longest_s = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ends:
            begin = time.monotonic()
            try:
                self.ask(self.count)
            except Exception as error:  # whatever it is, a client has seen it
                self.errors.append(repr(error))
                time.sleep(0.1)
            self.longest_s = max(self.longest_s, time.monotonic() - begin)
            self.count += 1

    def end(self):
        self.ends = True
        self.thread.join(30)


def http_client(port, path, expected):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(number):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200 or body != expected:
            raise ValueError(f"status {answer.status}, {body[:40]!r}")
    return ask


def redis(folder):
    port = free_port()
    server = start(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder])
    wait_for("redis", lambda: answers(port))
    connection = socket.create_connection(("127.0.0.1", port), 30)
    file = connection.makefile("rb")

    def ask(number):
        value = b"%d" % number * 5
        commands = b"".join(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" % (len(value), value) for _ in range(100))
        connection.sendall(commands)
        for _ in range(100):
            if file.readline() != b"+OK\r\n" or file.readline() != b"$%d\r\n" % len(value) or file.readline() != value + b"\r\n":
                raise ValueError("a wrong answer")
    return server, lambda: server.pid, Load(ask)


def python(folder):
    port = free_port()
    program = os.path.join(folder, "server.py")
    with open(program, "w") as file:
        file.write("import http.server, sys\n"
                   "class Handler(http.server.BaseHTTPRequestHandler):\n"
                   "    protocol_version = 'HTTP/1.1'\n"
                   "    def do_GET(self):\n"
                   "        body = str(sum(i * i for i in range(20000))).encode()\n"
                   "        self.send_response(200)\n"
                   "        self.send_header('Content-Length', str(len(body)))\n"
                   "        self.end_headers()\n"
                   "        self.wfile.write(body)\n"
                   "    def log_message(self, *unused): pass\n"
                   "http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()\n")
    server = start([sys.executable, program, str(port)])
    wait_for("python", lambda: answers(port))
    return server, lambda: server.pid, Load(http_client(port, "/", str(sum(i * i for i in range(20000))).encode()))


def nginx(folder):
    port = free_port()
    body = b"x" * 200000
    os.mkdir(f"{folder}/html")
    os.chmod(folder, 0o755)
    with open(f"{folder}/html/body", "wb") as file:
        file.write(body)
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write(f"daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;\n"
                   "events { worker_connections 64; }\n"
                   "http { gzip on; gzip_min_length 1; gzip_types *; access_log off; keepalive_requests 1000000000; client_body_temp_path %s/a; proxy_temp_path %s/b;\n"
                   "fastcgi_temp_path %s/c; uwsgi_temp_path %s/d; scgi_temp_path %s/e;\n"
                   "server { listen 127.0.0.1:%d; root %s/html; } }\n" % (folder, folder, folder, folder, folder, port, folder))
    server = start(["nginx", "-c", f"{folder}/nginx.conf", "-p", folder])
    wait_for("nginx", lambda: answers(port))
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    import zlib

    def ask(number):
        client.request("GET", "/body", headers={"Accept-Encoding": "gzip"})
        answer = client.getresponse()
        data = answer.read()
        if answer.status != 200 or zlib.decompress(data, 31) != body:
            raise ValueError(f"status {answer.status}")
    load = Load(ask)

    def worker():
        # The connection stays with one of the workers as long as it stays: the one that uses time now, not the one that has used most.
        pids = list(map(int, open(f"/proc/{server.pid}/task/{server.pid}/children").read().split()))
        before = {pid: cpu_s(pid) for pid in pids}
        wait_for("a worker at work", lambda: any(cpu_s(pid) > before[pid] for pid in pids))
        return max(pids, key=lambda pid: cpu_s(pid) - before[pid])
    return server, worker, load


def node(folder):
    port = free_port()
    program = os.path.join(folder, "server.js")
    with open(program, "w") as file:
        file.write("const rows = Array.from({length: 2000}, (_, i) => ({i, text: 'row ' + i}));\n"
                   "require('http').createServer((request, answer) => answer.end(String(JSON.stringify(rows).length)))\n"
                   ".listen(Number(process.argv[2]), '127.0.0.1');\n")
    server = start(["node", program, str(port)])
    wait_for("node", lambda: answers(port))
    expected = str(len(json.dumps([{"i": i, "text": f"row {i}"} for i in range(2000)], separators=(",", ":")))).encode()
    return server, lambda: server.pid, Load(http_client(port, "/", expected))


def postgres(folder):
    folders = sorted(os.listdir("/usr/lib/postgresql")) if os.path.isdir("/usr/lib/postgresql") else []
    if not folders or not ROOT:
        return None
    tools, port, data = f"/usr/lib/postgresql/{folders[-1]}/bin", free_port(), f"{folder}/data"
    shutil.chown(folder, "postgres")
    as_postgres = {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": folder}
    subprocess.run([f"{tools}/initdb", "-D", data, "-A", "trust", "--no-sync"], check=True, capture_output=True, **as_postgres)
    server = start([f"{tools}/postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F"], **as_postgres)
    wait_for("postgres", lambda: subprocess.run([f"{tools}/pg_isready", "-h", "127.0.0.1", "-p", str(port)], capture_output=True).returncode == 0)
    connect = ["-h", "127.0.0.1", "-p", str(port)]
    subprocess.run([f"{tools}/createdb", *connect, "bench"], check=True, capture_output=True, **as_postgres)
    subprocess.run([f"{tools}/pgbench", *connect, "-i", "-q", "bench"], check=True, capture_output=True, **as_postgres)
    client = subprocess.Popen([f"{tools}/pgbench", *connect, "-S", "-c", "1", "-T", "100000", "bench"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, **as_postgres)
    atexit.register(lambda: client.poll() is None and client.kill())

    class Bench:
        count, longest_s = 1, 0

        def end(self):
            self.errors = [] if client.poll() is None else [client.communicate()[1][-300:]]
            client.kill()

    def backend():
        for pid in open(f"/proc/{server.pid}/task/{server.pid}/children").read().split():
            if "bench" in open(f"/proc/{pid}/cmdline").read() and "idle in" not in open(f"/proc/{pid}/cmdline").read():
                return int(pid)
        return 0

    def settled():
        before = backend()
        time.sleep(0.5)
        return before and before == backend() and client.poll() is None
    wait_for("a backend", settled)
    return server, backend, Bench()


PROGRAMS = {"redis": redis, "postgres": postgres, "python": python, "nginx": nginx, "node": node}


def attach(pando, pid, receiver, group, *more):
    return subprocess.run([pando, "attach", "-v", "--duration", "1", "--interval", "1", "--rate", "200", "--top", "0", "--timeout", "60", "--url",
                           receiver.url, "--group", group, *more, str(pid)], env=plain_environment(), capture_output=True, text=True, timeout=240)


def test_program(pando, receiver, name, rounds):
    if name != "python" and name != "postgres" and not shutil.which({"redis": "redis-server"}.get(name, name)):
        print(f"{name}: not installed, left out")
        return
    with tempfile.TemporaryDirectory() as folder:
        made = PROGRAMS[name](folder)
        if made is None:
            print(f"{name}: not installed, or not root: left out")
            return
        server, target, load = made
        wait_for("the load", lambda: load.count > 0)
        time.sleep(1)  # of the workers one gets to have more CPU time than the others
        stops, longest_ms, empty = [], [], 0
        for number in range(rounds):
            pid, before = target(), receiver.report(name)
            used_s = cpu_s(pid)
            done = attach(pando, pid, receiver, name)
            check(done.returncode == 0, f"{name}, round {number}: status {done.returncode}: {done.stderr}")
            check(server.poll() is None, f"{name}: the server has ended with {server.returncode}")
            found = re.search(r"stopped (\d+) times, for ([0-9.]+) ms", done.stderr)
            stops.append(int(found[1]))
            longest_ms.append(float(found[2]))
            after = receiver.report(name)
            samples = sum(report["counters"].get("samplesFolded", 0) * sign for report, sign in ((after, 1), (before, -1)) if report)
            used_s = cpu_s(pid) - used_s
            if samples == 0:
                empty += 1
                print(f"{name}, round {number}: process {pid} used {used_s:.2f} s of CPU time, no sample came: {done.stderr}", flush=True)
            state = open(f"/proc/{pid}/stat").read().split(")")[1].split()[0]
            check(state in "RSD", f"{name}: state {state} afterwards")
            check(open(f"/proc/{pid}/timers").read() == "", f"{name}: timers are left")
        load.end()
        check(load.errors == [], f"{name}: clients saw {load.errors[:3]}")
        check(empty <= (rounds // 20 if rounds >= 20 else rounds - 1), f"{name}: {empty} of {rounds} rounds brought no sample")
        longest_ms.sort()
        print(f"{name}: {rounds} rounds, {load.count} requests, no error, the slowest {load.longest_s * 1e3:.0f} ms; {rounds - empty} profiles; "
              f"stops a round {sum(stops) / rounds:.1f} (at most {max(stops)}), the longest of a round {longest_ms[rounds // 2]:.1f} ms in the "
              f"middle, {longest_ms[-1]:.1f} at most", flush=True)
        server.terminate()
        server.wait(60)


def of_threads(pid, name):
    """What /proc has under `name` for each thread; one that ends meanwhile has none."""
    texts = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{tid}/{name}", encoding="utf-8") as file:
                texts[tid] = file.read()
        except OSError:
            pass
    return texts


def has_no_agent(pid):
    return not any(name.startswith("pando") for name in of_threads(pid, "comm").values())


def test_refusals(pando, receiver, controlled):
    def refused(pid, *words, **more):
        done = subprocess.run([pando, "attach", "--duration", "1", "--url", receiver.url, "--timeout", "2", str(pid)], env=plain_environment(),
                              capture_output=True, text=True, timeout=60, **more)
        check(done.returncode == 1, f"attach to {words}: status {done.returncode}: {done.stderr}")
        check(all(word in done.stderr for word in words) and len(done.stderr.splitlines()) == 1, f"{words}: {done.stderr}")

    refused(4194303, "there is no process")
    if os.path.exists("/proc/2/comm") and open("/proc/2/comm").read() == "kthreadd\n":
        refused(2, "thread of the kernel")
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "one.c")
        with open(source, "w") as file:
            file.write("#include <signal.h>\n#include <unistd.h>\n#include <sys/time.h>\nstatic void on(int n) { (void)n; }\n"
                       "int main(int c, char **v) { (void)v; if (c > 1) signal(SIGPROF, on); for (;;) pause(); }\n")
        compilers = [(["gcc", "-static"], "statically linked")]
        if shutil.which("musl-gcc"):
            compilers.append((["musl-gcc"], "glibc"))
        compilers.append((["gcc", "-m32"], "x86-64"))
        for command, word in compilers:
            program = os.path.join(folder, "one")
            if subprocess.run([*command, "-o", program, source], capture_output=True).returncode != 0:
                print(f"{' '.join(command)} does not work here: left out")
                continue
            process = start([program])
            refused(process.pid, word)
            process.kill()
        subprocess.run(["gcc", "-o", os.path.join(folder, "two"), source], check=True)
        process = start([os.path.join(folder, "two"), "own"])
        time.sleep(0.5)
        refused(process.pid, "SIGPROF")
        check(process.poll() is None, "a host that has SIGPROF was harmed")
        process.send_signal(signal.SIGSTOP)
        wait_for("the stop", lambda: open(f"/proc/{process.pid}/stat").read().split(")")[1].split()[0] == "T")
        refused(process.pid, "stopped")
        process.kill()
        if ROOT:
            process = start([os.path.join(folder, "two")])
            refused(process.pid, "belongs to user 0", user=65534, group=65534, extra_groups=[])
            process.kill()
    process = subprocess.Popen([controlled], stdout=subprocess.PIPE, env=plain_environment(), text=True)
    atexit.register(process.kill)
    process.stdout.readline()
    tracer = subprocess.Popen(["strace", "-o", "/dev/null", "-p", str(process.pid)], stderr=subprocess.DEVNULL)
    wait_for("strace", lambda: re.search(r"TracerPid:\t[1-9]", open(f"/proc/{process.pid}/status").read()))
    refused(process.pid, "traced already")
    tracer.terminate()
    tracer.wait(20)
    # Killed in the middle, again and again: the host lives, is not stopped, and profiling ends by itself or can begin again.
    for number in range(20):
        killed = subprocess.Popen([pando, "attach", "--url", receiver.url, "--group", "killed", str(process.pid)], env=plain_environment(),
                                  stderr=subprocess.DEVNULL)
        time.sleep(0.005 * number)
        killed.kill()
        killed.wait()
        state = open(f"/proc/{process.pid}/stat").read().split(")")[1].split()[0]
        check(state in "RSD", f"killed after {5 * number} ms: state {state}")
        check(not re.search(r"TracerPid:\t[1-9]", open(f"/proc/{process.pid}/status").read()), "it is traced")
        time.sleep(0.05)
        if subprocess.run([pando, "ctl", str(process.pid), "status"], capture_output=True).returncode == 0:
            refused(process.pid, "already")
            subprocess.run([pando, "ctl", str(process.pid), "stop"], capture_output=True)
            wait_for("the end of the agent", lambda: has_no_agent(process.pid))
    done = attach(pando, process.pid, receiver, "again")
    check(done.returncode == 0, f"after all that: {done.stderr}")
    wait_for("the end of the agent", lambda: has_no_agent(process.pid))
    for tid, status in of_threads(process.pid, "status").items():
        mask = int(re.search(r"SigBlk:\t(\w+)", status)[1], 16)
        # (The first thread waits for the two: meanwhile the kernel says that it does not block them.)
        check(mask == (1 << 9 | 1 << 14) or (mask == 0 and int(tid) == process.pid), f"a thread's signals are blocked: {mask:x}")
    process.send_signal(signal.SIGTERM)
    out = process.communicate(timeout=60)[0]
    check(out.endswith("disturbed 0\n") and process.returncode == 0, f"the host was disturbed: {out!r}, {process.returncode}")
    check(receiver.report("again"), "no profile came after all that")
    print("refusals have their reasons; a command that is killed leaves a host as it was")


def test_registers(pando, receiver, program, rounds):
    """The only thread computes, with every register in use: it is the one that is stopped and made to call."""
    process = subprocess.Popen([program], stdout=subprocess.PIPE, env=plain_environment(), text=True)
    atexit.register(process.kill)
    process.stdout.readline()
    for number in range(rounds):
        done = attach(pando, process.pid, receiver, "registers")
        check(done.returncode == 0, f"registers, round {number}: {done.stderr}")
        check(process.poll() is None, f"registers, round {number}: a register was changed ({process.returncode})")
    time.sleep(0.5)
    process.terminate()
    check(process.wait(30) == 0, f"registers: {process.stdout.read()}")
    check(receiver.report("registers"), "registers: no profile came")
    print(f"registers: {rounds} rounds, all as they were")


def test_namespaces(pando, receiver, registers):
    """A process that does not see the library's path, one of another user, one without our network."""
    if not ROOT:
        print("namespaces and users: not root, left out")
        return
    library = os.path.realpath(os.path.join(os.path.dirname(pando), ".."))
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "registers")
        shutil.copy(registers, program)
        os.chmod(folder, 0o755)
        for name, command, more in (("mount", ["unshare", "-m", "sh", "-c", f"mount -t tmpfs none {library} && exec {program}"], {}),
                                    ("user", [program], {"user": 65534, "group": 65534, "extra_groups": []})):
            process = subprocess.Popen(command, env=plain_environment(), stdout=subprocess.PIPE, text=True, **more)
            atexit.register(process.kill)
            if process.stdout.readline() != "ready\n":
                print(f"{name}: cannot be made here, left out")
                continue
            output = os.path.join(folder, f"{name}.folded")
            done = attach(pando, process.pid, receiver, name, "-o", output)
            check(done.returncode == 0 and process.poll() is None, f"{name}: {done.stderr}")
            check("spin" in open(output).read(), f"{name}: no profile in the file")
            process.kill()
    process = subprocess.Popen(["unshare", "-n", registers], env=plain_environment(), stdout=subprocess.PIPE, text=True)
    atexit.register(process.kill)
    if process.stdout.readline() == "ready\n":
        done = subprocess.run([pando, "attach", str(process.pid)], env=plain_environment(), capture_output=True, text=True, timeout=60)
        check(done.returncode == 1 and "network namespace" in done.stderr, done.stderr)
    process.kill()
    print("namespaces and users: reached, or refused with the reason")


def main():
    pando, _, controlled, registers = sys.argv[1:5]
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 2
    with Receiver(pando) as receiver:
        if len(sys.argv) <= 6:
            test_refusals(pando, receiver, controlled)
            test_registers(pando, receiver, registers, 2 * rounds)
            test_namespaces(pando, receiver, registers)
        for name in sys.argv[6:] or PROGRAMS:
            test_program(pando, receiver, name, rounds)


main()
