"""`pando doctor` on real programs: what it says must be so, and its exit status must follow.

Usage: doctor_test.py PANDO LIBPANDO
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

from pando_testing import Receiver, Service, ServiceHandler, check, wait_for

PANDO = LIBPANDO = ""


# What the user's own environment sets stays out.
BARE = {name: value for name, value in os.environ.items() if not re.match(r"PANDO_|AWS_|SSL_|.*_proxy$", name, re.I)}
CANARY = "canary-which-nobody-may-see"


# In place of Amazon's service and of the machine's: nobody.
NO_AWS = {"AWS_ENDPOINT_URL_CODEGURUPROFILER": "http://127.0.0.1:1", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"}


def doctor(*arguments, environment=None, status=0, **options):
    """Its findings (about -> [(level, text)]), and all of its JSON."""
    environment = {**BARE, **(environment or {})}
    done = subprocess.run([PANDO, "doctor", "--json", *map(str, arguments)], capture_output=True, text=True, env=environment,
                          timeout=120, **options)
    check(done.returncode == status, f"doctor {arguments}: status {done.returncode}, {done.stdout} {done.stderr}")
    check(CANARY not in done.stdout + done.stderr, f"a secret is shown: {done}")
    whole = json.loads(done.stdout)
    check(whole["canBeProfiled"] == (status == 0), f"{whole}")
    found = {}
    for one in whole["findings"]:
        found.setdefault(one["about"], []).append((one["level"], one["text"]))
    check(any(level == "problem" for of in found.values() for level, _ in of) == (status == 1), f"{found}")
    return found, whole


class Program:
    """A Python program that has come as far as to print a line. It lets others trace it, also where kernel.yama.ptrace_scope is 1."""

    TRACEABLE = "import ctypes\nctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)\n"

    def __init__(self, code, environment=None, **options):
        self.process = subprocess.Popen([sys.executable, "-c", self.TRACEABLE + code + "\nprint('ready', flush=True)\nimport time\ntime.sleep(600)"],
                                        stdout=subprocess.PIPE, env={**BARE, **(environment or {})}, **options)
        check(self.process.stdout.readline() == b"ready\n", "the program did not start")

    def __enter__(self):
        return self.process.pid

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def check_process():
    with Program("import zlib") as pid:
        found, whole = doctor(pid)
        for about in ("program", "pando", "SIGPROF", "timers", "memory"):
            check(found[about][0][0] in ("ok", "note"), f"{about}: {found[about]}")
        objects = {one["path"]: one for one in whole["objects"]}
        exe = os.path.realpath(f"/proc/{pid}/exe")
        check(exe in objects and any("libc.so.6" in path for path in objects), f"{list(objects)}")
        notes = subprocess.run(["readelf", "-n", exe], capture_output=True, text=True, check=True).stdout
        check(objects[exe]["buildId"] == re.search(r"Build ID: ([0-9a-f]+)", notes)[1], f"{objects[exe]}")
        check(all(one["missing"] is None or one["missing"].endswith(".") for one in whole["objects"]), f"{objects}")
        text = subprocess.run([PANDO, "doctor", str(pid)], capture_output=True, text=True, check=True).stdout
        check(all(re.match(r"(ok|note|problem) +\S+ +\S", line) for line in text.splitlines()), text)
        check(len(text.splitlines()) == len(whole["findings"]), text)
    with Program("import signal\nsignal.signal(signal.SIGPROF, lambda *_: None)") as pid:
        found, _ = doctor(pid, status=1)
        check(found["SIGPROF"][0][0] == "problem" and "pando run" in found["SIGPROF"][0][1], f"{found}")
    with Program("import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPROF])") as pid:
        found, _ = doctor(pid)
        check(found["SIGPROF"][0][0] == "note" and "1 of 1" in found["SIGPROF"][0][1], f"{found}")
    with Program("import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))") as pid:
        check(doctor(pid)[0]["memory"][0][0] == "note", "a large limit is only told")
    with Program("import resource, re\nused = int(re.search(r'VmSize:\\s+(\\d+)', open('/proc/self/status').read())[1]) << 10\n"
                 "resource.setrlimit(resource.RLIMIT_AS, (used + (8 << 20), used + (8 << 20)))") as pid:
        found, _ = doctor(pid, status=1)
        check(found["memory"][0][0] == "problem", f"{found}")
    with Program("import resource\nresource.setrlimit(resource.RLIMIT_SIGPENDING, (1, 1))") as pid:
        check(doctor(pid, status=1)[0]["timers"][0][0] == "problem", "no room for timers")
    with Program("import ctypes\nctypes.CDLL(None).prctl(38, 1, 0, 0, 0)\n"
                 "import struct\ncode = struct.pack('HBBI', 6, 0, 0, 0x7fff0000)\nbuffer = ctypes.create_string_buffer(code)\n"
                 "program = ctypes.create_string_buffer(struct.pack('HxxxxxxQ', 1, ctypes.addressof(buffer)))\n"
                 "assert ctypes.CDLL(None).prctl(22, 2, program, 0, 0) == 0") as pid:
        found, _ = doctor(pid, status=1)
        check("seccomp" in found["attach"][0][1] and "filtered" in found["seccomp"][0][1], f"{found['attach']}, {found['seccomp']}")
    print("processes: good")


def check_programs(folder):
    source, static, plain = (os.path.join(folder, name) for name in ("p.c", "static", "plain"))
    with open(source, "w", encoding="ascii") as file:
        file.write("int inner(int n) { return n * 3; }\nint main(int argc, char **argv) { (void)argv; return inner(argc) == 0; }\n")
    subprocess.run(["cc", "-static", "-o", static, source], check=True)
    subprocess.run(["cc", "-g", "-o", plain, source], check=True)
    found, _ = doctor(static, status=1)
    check("statically linked" in found["program"][0][1], f"{found}")
    _, whole = doctor(plain, "--json", "1")
    own = whole["objects"][0]
    check(own["path"] == os.path.realpath(plain) and own["namesFrom"] == ".symtab" and own["linesFrom"] == "itself" and
          own["hasUnwind"] and own["missing"] is None, f"{own}")
    check(any("libc.so.6" in one["path"] for one in whole["objects"]), f"{whole['objects']}")
    subprocess.run(["strip", plain], check=True)
    own = doctor(plain)[1]["objects"][0]
    check(own["namesFrom"] in ("nothing", ".dynsym") and "debug symbols" in own["missing"], f"{own}")
    marker = os.path.join(folder, "was-run")
    script = os.path.join(folder, "script")
    with open(script, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\ntouch {marker}\n")
    os.chmod(script, 0o755)
    doctor(script)
    check(not os.path.exists(marker), "the command was run")
    check("no such program" in doctor("no-such-program-anywhere", status=1)[0]["program"][0][1], "a command that is not there")
    if os.stat("/usr/bin/su").st_mode & 0o4000:
        check("set-user-ID" in doctor("/usr/bin/su", status=1)[0]["program"][0][1], "su")
    print("programs: good")


def check_refusals():
    with Program("") as pid:
        os.kill(pid, signal.SIGKILL)
        wait_for("the end of the process", lambda: open(f"/proc/{pid}/stat", encoding="ascii").read().split()[2] == "Z")
        check("zombie" in doctor(pid, status=1)[0]["process"][0][1], "a zombie")
    check("no process" in doctor(4194304, status=1)[0]["process"][0][1], "a process that is not there")
    for wrong in ([], ["1", "2"], ["--what"], ["99999999"]):
        done = subprocess.run([PANDO, "doctor", *wrong], capture_output=True, text=True)
        check(done.returncode == 2 and done.stderr.startswith("pando: "), f"{wrong}: {done}")
    print("refusals: good")


def check_against_agent(pid):
    """The defaults that doctor tells are those that libpando.so has."""
    told = {one["name"]: one for one in doctor(pid)[1]["settings"]}
    done = subprocess.run([PANDO, "ctl", str(pid), "config", "--json"], capture_output=True, text=True, check=True)
    config = json.loads(done.stdout)["config"]
    compared = 0
    for name, real in config.items():
        real["value"] = real["value"] if isinstance(real["value"], str) else json.dumps(real["value"])
        check(name in told, f"{name} is not known to doctor")
        if real["from"] != "default":
            check(told[name]["from"] == "variable" and told[name]["value"] == real["value"], f"{name}: {told[name]}, {real}")
        elif name not in ("PANDO_GROUP", "PANDO_WALL_RATE_HZ"): # the program's name; 0 when it is not measured
            check(told[name]["value"].split(" ")[0] == real["value"], f"{name}: {told[name]}, {real}")
            compared += 1
    check(compared > 12, f"{config}")


def refuses(name, value):
    """Whether libpando.so does, which says so in its log."""
    done = subprocess.run(["/bin/true"], capture_output=True, text=True, check=True, env={
        "LD_PRELOAD": LIBPANDO, "PANDO_URL": "http://127.0.0.1:1", "PANDO_LOG": "stderr", name: value})
    return "Pando stays off" in done.stderr


def check_settings():
    names = [one["name"] for one in doctor("true")[1]["settings"]]
    readme = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../README.md")
    with open(readme, encoding="utf-8") as file:
        known = set(re.findall(r"`(PANDO_[A-Z_]+)`", "".join(line.split(" | ")[0] for line in file if line.startswith("| `PANDO_"))))
    check(known - {"PANDO_LIBRARY"} <= set(names), f"not known to doctor: {known - set(names)}")
    values = {"PANDO_RATE_HZ": ("1", "4000", "0", "4001", "x"), "PANDO_RING_KIB": ("64", "100", "65536"), "PANDO_DEPTH": ("2", "1001"),
              "PANDO_WALL_RATE_HZ": ("1000", "1001"), "PANDO_INTERVAL_S": ("3600", "3601"), "PANDO_TREE_MIB": ("1024", "1025"),
              "PANDO_SPOOL_MIB": ("65536", "65537"), "PANDO_LINES_MIB": ("65536", "0"), "PANDO_BUDGET_PERCENT": ("100", "101"),
              "PANDO_EXIT_TIMEOUT_MS": ("60000", "60001"), "PANDO_MODE": ("both", "all"), "PANDO_LOG_LEVEL": ("debug", "loud"),
              "PANDO_FOLLOW": ("false", "no"), "PANDO_SIGN": ("false", "1"), "PANDO_LINES": ("off", "on"), "PANDO_BODY": ("ion", "xml"), "PANDO_UNWIND": ("rows", "fp"),
              "PANDO_SLICES": ("threads", "all"), "PANDO_GROUP": ("a-b_c", "a b", "g" * 255, "g" * 256), "PANDO_SPOOL": ("/x", "x")}
    for name, list_of in values.items():
        for value in list_of:
            done = subprocess.run([PANDO, "doctor", "--json", "true"], capture_output=True, text=True, env={**BARE, name: value})
            told = next(one for one in json.loads(done.stdout)["settings"] if one["name"] == name)
            check(told["isTaken"] != refuses(name, value), f"{name}={value[:20]}: {told}")
            check(done.returncode == (0 if told["isTaken"] else 1), f"{name}={value[:20]}: status {done.returncode}")
    found, whole = doctor("true", environment={"PANDO_RATE": "3", "PANDO_TOKEN": CANARY, "AWS_SECRET_ACCESS_KEY": CANARY,
                                               "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE00001234", "PANDO_ENABLED": "true",
                                               "AWS_CODEGURU_PROFILER_GROUP_NAME": "g", "AWS_REGION": "eu-west-1", **NO_AWS}, status=1)
    check(any("PANDO_RATE is no variable" in text for _, text in found["setting"]), f"{found['setting']}")
    check(found["aws"] == [("ok", "credentials come from the environment: access key ***1234.")], f"{found['aws']}")
    check(next(one for one in whole["settings"] if one["name"] == "PANDO_TOKEN")["value"] == "***", "the token")
    nowhere = {"PANDO_ENABLED": "true", "AWS_CODEGURU_PROFILER_GROUP_NAME": "g", "HOME": "/nonexistent", **NO_AWS}
    check(doctor("true", environment=nowhere, status=1)[0]["aws"][0][0] == "note", "no credentials in sight")
    doctor("true", environment={**nowhere, "AWS_EC2_METADATA_DISABLED": "true"}, status=1)
    doctor("true", environment={**nowhere, "AWS_ACCESS_KEY_ID": "AKID"}, status=1)
    print("settings: good")


def check_service(folder):
    """What Amazon's service would answer, from a receiver that knows a key."""
    secret = os.path.join(folder, "secret")
    with open(secret, "w", encoding="ascii") as file:
        file.write(CANARY)
    os.chmod(secret, 0o600)
    with Receiver(PANDO, "--access-key", f"AKIDEXAMPLE00001234:{secret}") as receiver:
        signed = {"PANDO_ENABLED": "true", "AWS_CODEGURU_PROFILER_GROUP_ARN": "arn:aws:codeguru-profiler:eu-west-1:1:profilingGroup/web",
                  "AWS_ENDPOINT_URL_CODEGURUPROFILER": receiver.url, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE00001234"}
        found = doctor("true", environment={**signed, "AWS_SECRET_ACCESS_KEY": CANARY})[0]["service"]
        check(any("profiling is on" in text for _, text in found), f"{found}")
        found = doctor("true", environment={**signed, "AWS_SECRET_ACCESS_KEY": CANARY + "x"}, status=1)[0]["service"]
        check(any("403" in text for _, text in found), f"{found}")
        files = os.path.join(folder, "credentials")
        with open(files, "w", encoding="ascii") as file:
            file.write(f"[one]\naws_access_key_id = AKIDEXAMPLE00001234\naws_secret_access_key = {CANARY}\n")
        signed.pop("AWS_ACCESS_KEY_ID")
        found = doctor("true", environment={**signed, "AWS_SHARED_CREDENTIALS_FILE": files, "AWS_PROFILE": "one"})[0]["service"]
        check(any("profiling is on" in text for _, text in found), f"{found}")
        check(receiver.report("web") is None, "something was posted")
    print("service: good")


class Stranger(ServiceHandler):
    def do_GET(self):
        self.answer(200, "<html>Welcome</html>")


def check_endpoint(folder):
    def told(status, url, **more):
        found, _ = doctor("true", environment={"PANDO_URL": url, **more}, status=status)
        return found["endpoint"][0][1]

    tokens, cert, key = (os.path.join(folder, name) for name in ("tokens", "cert.pem", "key.pem"))
    with open(tokens, "w", encoding="ascii") as file:
        file.write(CANARY + "-of-the-receiver\n")
    os.chmod(tokens, 0o600)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
    with Receiver(PANDO, "--bearer-token-file", tokens, "--tls-cert", cert, "--tls-key", key) as receiver:
        check("is not trusted" in told(1, receiver.url), "a certificate that nobody knows")
        check("asks who you are" in told(1, receiver.url, SSL_CERT_FILE=cert), "no token")
        check("does not take this token" in told(1, receiver.url, SSL_CERT_FILE=cert, PANDO_TOKEN=CANARY), "another token")
        check("a receiver answers" in told(0, receiver.url, SSL_CERT_FILE=cert, PANDO_TOKEN=CANARY + "-of-the-receiver"), "the token")
        url = receiver.url
    check("nobody listens there" in told(1, url), "a receiver that has ended")
    with Receiver(PANDO) as receiver:
        check("no TLS" in told(1, receiver.url.replace("http:", "https:")), "TLS to one without")
        with Program("", {"PANDO_URL": "http://127.0.0.1:1", "PANDO_TOKEN": CANARY}) as pid:
            check("nobody listens there" in doctor(pid, status=1)[0]["endpoint"][0][1], "the process's variable")
            check("a receiver answers" in doctor("--url", receiver.url, pid)[0]["endpoint"][0][1], "--url")
    with Service(Stranger) as stranger:
        check("no receiver of Pando's" in told(1, stranger.url), "a web server")
    check("(DNS)" in told(1, "http://nobody.invalid"), "a name that is not known")
    check("***@" in told(1, f"http://user:{CANARY}@127.0.0.1:1/?key={CANARY}"), "a password in the URL")
    print("endpoint: good")


def check_with_pando():
    with Receiver(PANDO) as receiver:
        with Program("x = sum(range(10 ** 6))", {"LD_PRELOAD": LIBPANDO, "PANDO_URL": receiver.url}) as pid:
            wait_for("Pando's thread", lambda: "runs in it already" in doctor(pid)[0]["pando"][0][1])
            found, _ = doctor(pid)
            check(found["SIGPROF"][0][0] == "ok" and "attach" not in found, f"{found}")
            check(found["endpoint"][0][0] == "ok" and "a receiver answers" in found["endpoint"][0][1], f"{found['endpoint']}")
            check_against_agent(pid)
            os.kill(receiver.process.pid, signal.SIGSTOP)
            found, _ = doctor(pid, status=1)
            os.kill(receiver.process.pid, signal.SIGCONT)
            check("nothing came back" in found["endpoint"][0][1], f"{found['endpoint']}")
    with Program("", {"LD_PRELOAD": LIBPANDO}) as pid:
        check(doctor(pid)[0]["pando"][0][0] == "note", "Pando is in it and off")
    print("with Pando: good")


def main():
    global PANDO, LIBPANDO
    PANDO, LIBPANDO = sys.argv[1:3]
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        check_process()
        check_programs(folder)
        check_refusals()
        check_with_pando()
        check_settings()
        check_endpoint(folder)
        check_service(folder)
    print(f"{time.monotonic() - begin:.1f} s")


if __name__ == "__main__":
    main()
