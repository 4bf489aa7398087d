"""The worker's libraries inside of hosts that bring their own: node (exports its OpenSSL and cleans it up before the last flush), a
program whose exports of curl, OpenSSL, jansson, libelf, zlib and libunwind end it when they are called, and hosts on jemalloc and
tcmalloc. Each says and ends as it would alone, and its last profile comes, every time.

Usage: isolation_test.py PANDO LIBPANDO EXPORTER [REPEATS]
"""
import os
import shutil
import subprocess
import sys

from pando_testing import Receiver, check, environment, plain_environment, wait_for

LIBRARIES = "/usr/lib/x86_64-linux-gnu/"
NODE = "let s = 0; for (let i = 0; i < 1e8; i++) s += i % 7; console.log(s); require('crypto').createHash('sha256').update('x').digest()"


def main():
    pando, library, exporter = sys.argv[1:4]
    repeats = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    xz = ["xz", "-k", "-c", "-3", os.path.realpath(pando)]
    shown = subprocess.run(["nm", "-D", "--defined-only", exporter], capture_output=True, text=True, check=True).stdout
    check(all(f" T {name}\n" in shown for name in ("curl_easy_init", "SSL_new", "json_object_get", "inflate")), f"it exports nothing: {shown}")
    hosts = [("exporter", [exporter, "150"], None)]
    if shutil.which("node"):
        hosts.append(("node", ["node", "-e", NODE], None))
    for allocator in ("libjemalloc.so.2", "libtcmalloc_minimal.so.4"):
        path = LIBRARIES + allocator
        check(os.path.exists(path), f"{path} is not installed (script/install test)")
        hosts.append((allocator.split(".")[0], xz, path))
        if shutil.which("node"):
            hosts.append(("node-" + allocator.split(".")[0], ["node", "-e", NODE], path))
    with Receiver(pando) as receiver:
        for name, command, preload in hosts:
            plain_env = plain_environment()
            if preload:
                plain_env["LD_PRELOAD"] = preload
            plain = subprocess.run(command, env=plain_env, capture_output=True, timeout=120)
            for number in range(repeats):
                # In either order: the host's allocator before Pando, and after.
                order = [library, preload] if number % 2 == 0 else [preload, library]
                env = environment(":".join(filter(None, order)), receiver.url, f"{name}-{number}", rate_hz=1000)
                under = subprocess.run(command, env=env, capture_output=True, timeout=120)
                check((plain.returncode, plain.stdout, plain.stderr) == (under.returncode, under.stdout, under.stderr),
                      f"{name}: {plain.returncode} {plain.stderr[-300:]} without, {under.returncode} {under.stderr[-300:]} with Pando")
                report = wait_for(f"{name}'s profile", lambda: receiver.report(f"{name}-{number}"), 10)
                check(report["totalNs"] > 0, f"{name}: an empty profile")
            print(f"{name}: {repeats} of {repeats} the same, with a profile each; the last of {report['totalNs'] / 1e9:.2f} s", flush=True)


main()
