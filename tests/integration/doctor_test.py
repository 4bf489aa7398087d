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

from pando_testing import Receiver, check, wait_for

PANDO = LIBPANDO = ""


def doctor(*arguments, environment=None, status=0, **options):
    """Its findings (about -> [(level, text)]), and all of its JSON."""
    environment = {**os.environ, **(environment or {})}
    done = subprocess.run([PANDO, "doctor", "--json", *map(str, arguments)], capture_output=True, text=True, env=environment,
                          timeout=120, **options)
    check(done.returncode == status, f"doctor {arguments}: status {done.returncode}, {done.stdout} {done.stderr}")
    whole = json.loads(done.stdout)
    check(whole["canBeProfiled"] == (status == 0), f"{whole}")
    found = {}
    for one in whole["findings"]:
        found.setdefault(one["about"], []).append((one["level"], one["text"]))
    check(any(level == "problem" for of in found.values() for level, _ in of) == (status == 1), f"{found}")
    return found, whole


class Program:
    """A Python program that has come as far as to print a line."""

    def __init__(self, code, environment=None, **options):
        self.process = subprocess.Popen([sys.executable, "-c", code + "\nprint('ready', flush=True)\nimport time\ntime.sleep(600)"],
                                        stdout=subprocess.PIPE, env={**os.environ, **(environment or {})}, **options)
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


def check_with_pando():
    with Receiver(PANDO) as receiver:
        with Program("x = sum(range(10 ** 6))", {"LD_PRELOAD": LIBPANDO, "PANDO_URL": receiver.url}) as pid:
            wait_for("Pando's thread", lambda: "runs in it already" in doctor(pid)[0]["pando"][0][1])
            found, _ = doctor(pid)
            check(found["SIGPROF"][0][0] == "ok" and "attach" not in found, f"{found}")
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
    print(f"{time.monotonic() - begin:.1f} s")


if __name__ == "__main__":
    main()
