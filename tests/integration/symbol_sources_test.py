"""Where names and lines come from: one program, stripped, split and packed in every way there is, must give the same functions, inlined
functions and lines at the same addresses; and what is damaged, cut or replaced while it is read must never end the reader.

Usage: symbol_sources_test.py SYMBOLS_DUMP SOURCE_FOLDER
"""
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from pando_testing import check, wait_for

DUMP = SOURCES = ""
COUNT = 300


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, **options)


def functions(path):
    out = run("readelf", "-sW", path, text=True).stdout
    return sorted({(int(found[1], 16), int(found[2])) for found in re.finditer(r": ([0-9a-f]+)\s+(\d+) FUNC ", out) if int(found[2])})


def dump(path, addresses, *options, **environment):
    done = subprocess.run([DUMP, *options, path], input="".join(f"{address:x}\n" for address in addresses), capture_output=True,
                          text=True, errors="replace", env={**os.environ, **environment}, timeout=120)
    check(done.returncode == 0, f"{path} {options}: status {done.returncode}, {done.stderr}")
    return done.stdout


def names_only(text):
    """The function that has the code, of each address."""
    chains = re.split(r"^0x[0-9a-f]+\n", text, flags=re.M)[1:]
    return [chain.splitlines()[-2] for chain in chains]


class Variants:
    def __init__(self, folder):
        self.folder = folder
        self.base = self.path("base")
        self.compile(self.base, "-gdwarf-5")
        chance = random.Random(7)
        ranges = functions(self.base)
        self.addresses = [start + chance.randrange(size) for start, size in (chance.choice(ranges) for _ in range(COUNT))]
        self.expected = dump(self.base, self.addresses)
        check(self.expected.count("inlined.c:") > COUNT / 3 and len(self.expected.splitlines()) > 3.5 * COUNT,
              f"the golden answers are poor:\n{self.expected[:1500]}")

    def path(self, name):
        return os.path.join(self.folder, name)

    def compile(self, to, *options):
        run("gcc", "-O2", "-D_GNU_SOURCE", f"-I{SOURCES}", *options, "-o", to, f"{SOURCES}/tests/programs/inlined.c",
            f"{SOURCES}/base/clock.c", cwd=self.folder)

    def copy(self, name):
        shutil.copy(self.base, self.path(name))
        return self.path(name)

    def same(self, what, path, expected=None, **environment):
        got = dump(path, self.addresses, **environment)
        expected = expected or self.expected
        if got != expected:
            for mine, theirs in zip(got.splitlines(), expected.splitlines()):
                check(mine == theirs, f"{what}: {mine!r} instead of {theirs!r}")
        check(got == expected, f"{what}: another number of lines")
        print(f"{what}: as the whole program")


def check_links(variants):
    stripped = variants.copy("linked")
    os.mkdir(variants.path(".debug"))
    debug = variants.path(".debug/linked.debug")
    run("objcopy", "--only-keep-debug", stripped, debug)
    run("strip", stripped)
    run("objcopy", f"--add-gnu-debuglink={debug}", stripped)
    variants.same("debug link", stripped)
    # Without build-ids the sum over the file decides.
    no_id = variants.path("no_id")
    variants.compile(no_id, "-gdwarf-5", "-Wl,--build-id=none")
    run("objcopy", "--only-keep-debug", no_id, variants.path(".debug/no_id.debug"))
    run("strip", no_id)
    run("objcopy", f"--add-gnu-debuglink={variants.path('.debug/no_id.debug')}", no_id)
    addresses = variants.addresses
    named = names_only(dump(no_id, addresses))
    check("outer" in named, f"debug link by its sum: {set(named)}")
    with open(variants.path(".debug/no_id.debug"), "ab") as file:
        file.write(b"x")
    named = names_only(dump(no_id, addresses))
    check("outer" not in named, "a debug file with another sum was taken")
    # Nor is one taken that belongs to another build.
    other = variants.path("other")
    variants.compile(other, "-gdwarf-5", "-DOTHER=1", "-O1")
    run("objcopy", "--only-keep-debug", other, debug)
    check("outer" not in names_only(dump(stripped, addresses)), "a debug file of another build was taken")
    print("debug files that do not belong: not taken")


def check_mini_debug(variants):
    stripped = variants.copy("mini")
    mini = variants.path("mini.names")
    shutil.copy(variants.base, mini)
    run("strip", "-g", mini)
    run("xz", "-k", mini)
    run("strip", stripped)
    run("objcopy", f"--add-section=.gnu_debugdata={mini}.xz", stripped)
    got = dump(stripped, variants.addresses)
    check(names_only(got) == names_only(variants.expected), "mini debug information: other names")
    check(":0" in got and ".c:" not in got, "mini debug information: lines")
    print("mini debug information: its names")


def check_packed(variants):
    for form in ("zlib", "zlib-gnu"):
        packed = variants.copy("packed-" + form)
        run("objcopy", f"--compress-debug-sections={form}", packed)
        variants.same(f"sections packed by {form}", packed)


def check_dwz(variants):
    for name in ("dwz-a", "dwz-b"):
        variants.copy(name)
    run("dwz", "-m", variants.path("common.debug"), "-r", variants.path("dwz-a"), variants.path("dwz-b"))
    out = run("readelf", "-SW", variants.path("dwz-a"), text=True).stdout
    check(".gnu_debugaltlink" in out, "dwz made no common file")
    variants.same("common parts in dwz's file", variants.path("dwz-a"))
    os.rename(variants.path("common.debug"), variants.path("away.debug"))
    dump(variants.path("dwz-a"), variants.addresses)


def check_formats(variants):
    """Other forms have other code addresses only if the compiler says so: names and lines are compared."""
    for name, options in (("dwarf-4", ["-gdwarf-4"]), ("dwarf-3", ["-gdwarf-3", "-gstrict-dwarf"]), ("aranges", ["-gdwarf-5", "-fno-toplevel-reorder"])):
        path = variants.path(name)
        variants.compile(path, *options)
        got = dump(path, [start for start, _ in functions(path)])
        check("inlined.c:" in got and "outer" in got, f"{name}: {got[:500]}")
    for version in ("4", "5"):
        split = variants.path("split" + version)
        variants.compile(split, "-gsplit-dwarf", "-gdwarf-" + version)
        addresses = [start for start, _ in functions(split)]
        got = dump(split, addresses)
        check("inlined.c:" in got and "outer" in got, f"split {version}: {got[:500]}")
    print("DWARF 3, 4, 5 and split: names and lines")


def check_debuginfod(variants):
    """The real server, with the stripped program's debug file in its folder."""
    stripped = variants.copy("served")
    folder = variants.path("server")
    os.mkdir(folder)
    run("objcopy", "--only-keep-debug", stripped, os.path.join(folder, "served.debug"))
    run("strip", stripped)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = open(variants.path("server.log"), "w", encoding="utf-8")
    server = subprocess.Popen(["debuginfod", "-F", "-d", ":memory:", "-p", str(port), "-t", "1", folder], stdout=log, stderr=log,
                              env={**os.environ, "DEBUGINFOD_URLS": ""})
    try:
        cache = variants.path("cache")
        settings = {"DEBUGINFOD_URLS": f"http://127.0.0.1:{port}", "DEBUGINFOD_CACHE_PATH": cache, "DEBUGINFOD_RETRY_LIMIT": "0"}

        def served():
            check(server.poll() is None, "debuginfod ended")
            shutil.rmtree(cache, ignore_errors=True)
            return "outer" in names_only(dump(stripped, variants.addresses[:50], **settings))

        wait_for("debuginfod's answer", served, 60)
        variants.same("debuginfod", stripped, **settings)
        shutil.rmtree(cache)
        check("outer" not in names_only(dump(stripped, variants.addresses[:50], DEBUGINFOD_CACHE_PATH=cache)),
              "a server was asked though none was named")
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def check_damaged(variants):
    """Bytes changed all over; lengths cut: the reader's answer is poor, but it answers."""
    with open(variants.base, "rb") as file:
        whole = file.read()
    chance = random.Random(11)
    path = variants.path("damaged")
    sections = [(int(found[2], 16), int(found[3], 16)) for found in
                re.finditer(r"\] (\.debug_\w+)\s+PROGBITS\s+0+ ([0-9a-f]+) ([0-9a-f]+)", run("readelf", "-SW", variants.base, text=True).stdout)]
    for _ in range(150):
        bytes_ = bytearray(whole)
        for _ in range(chance.randrange(1, 12)):
            start, size = chance.choice(sections + [(0, 4096), (len(whole) - 4096, 4096)])
            bytes_[min(start + chance.randrange(size), len(whole) - 1)] = chance.randrange(256)
        if chance.randrange(4) == 0:
            del bytes_[chance.randrange(len(bytes_)):]
        with open(path, "wb") as file:
            file.write(bytes_)
        done = subprocess.run([DUMP, path], input="".join(f"{address:x}\n" for address in variants.addresses[:60]), capture_output=True,
                              text=True, errors="replace", timeout=60)
        check(done.returncode in (0, 1), f"damaged: status {done.returncode}")
    print("damaged files: answered")


def check_cut_meanwhile(variants):
    """The file is cut and written again all the time while it is read."""
    path = variants.copy("cut")
    with open(path, "rb") as file:
        whole = file.read()
    ends = threading.Event()

    def cut():
        chance = random.Random(3)
        with open(path, "r+b") as file:
            while not ends.is_set():
                file.truncate(chance.randrange(len(whole)))
                file.seek(0)
                file.write(whole)
                file.flush()

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        for _ in range(60):
            done = subprocess.run([DUMP, path], input="".join(f"{address:x}\n" for address in variants.addresses), capture_output=True,
                                  text=True, errors="replace", timeout=60)
            check(done.returncode != -signal.SIGBUS and done.returncode in (0, 1), f"cut meanwhile: status {done.returncode}")
    finally:
        ends.set()
        thread.join()
    print("a file that is cut while it is read: no SIGBUS")


def check_objects(variants):
    """What is told about a process whose program was replaced."""
    path = variants.copy("running")
    process = subprocess.Popen([path, "60"], stdout=subprocess.DEVNULL)
    try:
        def objects():
            out = run(DUMP, "--objects", str(process.pid), text=True).stdout
            rows = {line.split("|")[0]: line.split("|") for line in out.splitlines()}
            return rows if "libc.so.6" in rows else None
        rows = wait_for("the program's map", objects)
        row = rows["running"]
        build_id = re.search(r"Build ID: (\w+)", run("readelf", "-n", path, text=True).stdout)[1]
        check(row[1:] == [build_id, ".symtab", "itself", "", "unwind", ""], f"running: {row}")
        os.unlink(path)
        shutil.copy("/bin/true", path)
        row = wait_for("the program's map", objects)["running"]
        check(row[1] == build_id and row[2] == ".symtab" or "deleted or replaced" in row[6], f"replaced: {row}")
        check("[vdso]" in rows and rows["[vdso]"][2] == "memory", f"vdso: {rows}")
        print(f"a replaced program: {row[2]}, {row[6] or 'still named'}")
    finally:
        process.kill()
        process.wait()


def check_out_of_reach(variants):
    """Without the right to read what was deleted: the names that are mapped with the program."""
    if os.geteuid() != 0:
        return
    path = variants.path("upgraded")
    variants.compile(path, "-gdwarf-5", "-rdynamic")
    os.chmod(variants.folder, 0o755)
    os.chmod(path, 0o755)
    dumper = variants.path("dumper")
    shutil.copy(DUMP, dumper)
    as_nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    process = subprocess.Popen([path, "60"], stdout=subprocess.DEVNULL, **as_nobody)
    try:
        def row():
            done = subprocess.run([dumper, "--objects", str(process.pid)], capture_output=True, text=True, cwd="/", check=False, **as_nobody)
            rows = {line.split("|")[0]: line.split("|") for line in done.stdout.splitlines()}
            return rows.get("upgraded") if "libc.so.6" in rows else None
        before = wait_for("the program's map", row)
        check(before[2:4] == [".symtab", "itself"], f"before: {before}")
        os.unlink(path)
        after = wait_for("the program's map", row)
        check(after[1:4] == [before[1], "memory", ""] and after[5] == "unwind" and "out of reach" in after[6], f"after: {after}")
        print("a program that was deleted: names from memory")
    finally:
        process.kill()
        process.wait()


def main():
    global DUMP, SOURCES
    DUMP, SOURCES = sys.argv[1:3]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        variants = Variants(folder)
        for part in (check_links, check_mini_debug, check_packed, check_dwz, check_formats, check_damaged, check_cut_meanwhile,
                     check_objects, check_out_of_reach, check_debuginfod):
            part(variants)
    print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
