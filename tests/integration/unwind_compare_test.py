"""Real programs with PANDO_UNWIND=compare: every stack is walked by rows and by libunwind's unw_step in the handler, and the two must
be the same, frame for frame. What differs is in the log that is printed then, with the map to read it by.

unw_step in a handler can hang next to dlopen (why Pando does not use it): a host that hangs is run again, three times at most.

Usage: unwind_compare_test.py PANDO LIBPANDO [NAME...]
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from pando_testing import Receiver, check, environment, fail, wait_for

RATE_HZ = 1000
HANG_S = 60
SQL = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<4000000) "
       "SELECT sum(x), group_concat(DISTINCT x%50) FROM c;")
CPP = "#include <regex>\n#include <map>\nint main(int c, char **v) { std::regex r(\"a+\"); std::map<int, int> m; return std::regex_match(v[0], r); }\n"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def run(command, env, **keywords):
    return subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=HANG_S, **keywords)


def redis(env, folder):
    port = free_port()
    server = subprocess.Popen(["redis-server", "--port", port, "--save", "", "--dir", folder], env=env, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + HANG_S
        while run(["redis-cli", "-p", port, "ping"], None, stderr=subprocess.DEVNULL).returncode != 0:
            check(time.monotonic() < deadline, "redis-server does not answer")
        run(["redis-benchmark", "-p", port, "-q", "-n", "60000", "-c", "20", "-P", "8", "-t", "set,get,lpush,sadd,lrange_100"], None)
        run(["redis-cli", "-p", port, "shutdown", "nosave"], None)
        server.wait(HANG_S)
    finally:
        server.kill()


def nginx(env, folder):
    port = free_port()
    with open(os.path.join(folder, "index.html"), "w") as page:
        page.write("".join(f"{i * 7919} words and more\n" for i in range(9000)))
    with open(os.path.join(folder, "nginx.conf"), "w") as settings:
        settings.write(f"user root; daemon off; worker_processes 2; pid {folder}/pid; error_log stderr crit;\n"
                       f"events {{}}\nhttp {{ access_log off; gzip on; gzip_types *; gzip_comp_level 9;\n"
                       f"server {{ listen 127.0.0.1:{port}; root {folder}; }} }}\n")
    server = subprocess.Popen(["nginx", "-p", folder, "-c", f"{folder}/nginx.conf", "-e", "stderr"], env=env)
    get = ["curl", "-s", "-o", "/dev/null", "-H", "Accept-Encoding: gzip", f"http://127.0.0.1:{port}/index.html?[1-250]"]
    try:
        deadline = time.monotonic() + HANG_S
        while run(get[:6] + [f"http://127.0.0.1:{port}/"], None).returncode != 0:
            check(time.monotonic() < deadline, "nginx does not answer")
        run(get, None)
        server.send_signal(3)  # SIGQUIT: the workers end by themselves
        server.wait(HANG_S)
    finally:
        server.kill()


def postgres(env, folder):
    tools = sorted(os.listdir("/usr/lib/postgresql"))[-1]
    tools = f"/usr/lib/postgresql/{tools}/bin/"
    data = os.path.join(folder, "data")
    os.chmod(folder, 0o777)
    as_user = {"user": "nobody", "cwd": folder}
    run([tools + "initdb", "-D", data, "-A", "trust", "-U", "me"], None, **as_user)
    port = free_port()
    server = subprocess.Popen([tools + "postgres", "-D", data, "-p", port, "-k", folder, "-h", ""], env=env,
                              stderr=subprocess.DEVNULL, **as_user)
    ask = [tools + "psql", "-h", folder, "-p", port, "-U", "me", "postgres", "-c"]
    try:
        deadline = time.monotonic() + HANG_S
        while run(ask + ["select 1"], None, stderr=subprocess.DEVNULL, **as_user).returncode != 0:
            check(time.monotonic() < deadline, "postgres does not answer")
        run(ask + ["select count(*), sum(length(md5(i::text))) from generate_series(1, 600000) i group by i % 7"], None, **as_user)
        server.send_signal(15)
        server.wait(HANG_S)
    finally:
        server.kill()


def hosts(folder, pando):
    source, data = os.path.join(folder, "demo.cpp"), os.path.join(folder, "data")
    with open(source, "w") as out:
        out.write(CPP)
    with open(pando, "rb") as binary, open(data, "wb") as out:
        out.write(binary.read() * 4)
    with open(os.path.join(folder, "loop.cmake"), "w") as out:
        out.write('foreach(i RANGE 250000)\n string(REGEX REPLACE "([0-9])9" "\\\\1x" r "a${i}b${i}")\n list(APPEND l_${i} ${r})\nendforeach()\n')
    os.makedirs(os.path.join(folder, "text"))
    for i in range(200):
        with open(os.path.join(folder, "text", str(i)), "w") as out:
            out.write("".join(f"line {n * i} of words and 0x{n * 7919:x}\n" for n in range(4000)))

    def command(*words):
        return lambda env, unused: run(list(words), env, stderr=subprocess.DEVNULL)
    return {
        "xz": ("xz", command("xz", "-k", "-c", "-5", data)),
        "sqlite3": ("sqlite3", command("sqlite3", ":memory:", SQL)),
        "python3": ("/usr/bin/python3", command("/usr/bin/python3", "-c", "print(sorted(str(i * i) for i in range(4000000))[7])")),
        "cc1plus": ("g++", command("g++", "-O2", "-c", source, "-o", os.path.join(folder, "demo.o"))),
        "cmake": ("cmake", command("cmake", "-P", os.path.join(folder, "loop.cmake"))),
        "ripgrep": ("rg", command("rg", "-c", "(w[aeiou]r(d|t)s*|0x[0-9a-f]{3,9}9).*(x|[0-9]+f)$", *[os.path.join(folder, "text")] * 12)),
        "redis-server": ("redis-server", redis),
        "nginx": ("nginx", nginx),
        "postgres": ("/usr/lib/postgresql", postgres),
    }


def main():
    pando, library, chosen = sys.argv[1], sys.argv[2], sys.argv[3:]
    same = 0
    with tempfile.TemporaryDirectory() as folder, Receiver(pando) as receiver:
        for name, (program, host) in hosts(folder, os.path.realpath(pando)).items():
            if chosen and name not in chosen:
                continue
            if not (os.path.exists(program) or shutil.which(program)):
                if chosen:
                    fail(f"{name} is not installed")
                print(f"{name}: not installed, left out")
                continue
            log = os.path.join(folder, name + ".log")
            env = environment(library, receiver.url, name, rate_hz=RATE_HZ, interval_s=1, unwind="compare", log=log)
            for attempt in range(3):
                try:
                    with tempfile.TemporaryDirectory() as own:
                        host(env, own)
                    break
                except subprocess.TimeoutExpired:
                    print(f"{name}: unw_step hung in its handler, run {attempt + 1}")
            else:
                fail(f"{name}: three runs hung")
            counters = wait_for(f"{name}'s profile", lambda: receiver.report(name))["counters"]
            good, other = counters.get("comparedStacksSame", 0), counters.get("comparedStacksOther", 0)
            print(f"{name}: {good} stacks are the same both ways, {other} are not, of {counters['signals']}", flush=True)
            if other and os.path.exists(log):
                print(open(log).read()[:20000])
            check(other == 0, f"{name}: rows and unw_step disagree")
            check(good >= 30, f"{name}: hardly anything was compared")
            same += good
    print(f"{same} stacks in all")


main()
