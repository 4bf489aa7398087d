"""The spool: what was sealed arrives, whatever kills the process or fails under it; once, under the token that it was sealed with;
and the folder is never somebody else's.

Arguments: the program "spooler". strace is used where it is there."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from pando_testing import Service as HttpService, ServiceHandler, check

SPOOLER = sys.argv[1]
SECONDS = "30"
KILLS = int(os.environ.get("PANDO_TEST_KILLS", "150"))
SEED = int(os.environ.get("PANDO_TEST_SEED", "1"))


class Service(HttpService):
    def __init__(self):
        self.tokens = {}         # token: bodies that differ; a set of one
        self.requests = 0
        self.trouble = None      # a random.Random: some requests are refused, some answers are lost
        super().__init__(Handler)


class Handler(ServiceHandler):
    def do_POST(self):
        body = self.body()
        service = self.server
        with service.lock:
            service.requests += 1
            fate = service.trouble.random() if service.trouble else 1
            if fate >= 0.2:
                service.tokens.setdefault(self.path.split("profileToken=")[1], set()).add(body)
        if fate < 0.4:  # not stored, or stored and not said
            self.close_connection = True
            return
        self.answer(204)


def environment():
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def command(url, folder, count, group="group", seconds=SECONDS):
    return [SPOOLER, url, group, folder, str(count), seconds]


def run(url, folder, count, prefix=(), group="group", seconds=SECONDS, **more):
    done = subprocess.run([*prefix, *command(url, folder, count, group, seconds)], env={**environment(), **more}, capture_output=True,
                          text=True, timeout=120)
    lines = done.stdout.splitlines()
    tokens = [line for line in lines if not line.startswith("{") and len(line) == 36]
    told = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else None
    if told:
        ends = sum(told[name] for name in ("delivered", "rejected", "gave_up", "queue_full", "kept"))
        check(ends == count + told["taken_over"], f"not accounted for: {told}")
    return done, tokens, told


def files(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(".profile")) if os.path.isdir(folder) else []


def test_restart(folder):
    """An outage, an end, a later run: everything arrives, under its token, and the folder is empty then."""
    done, tokens, told = run("http://127.0.0.1:1", folder, 5)
    check(done.returncode == 0 and told["kept"] == 5 and told["samples_lost"] == 0, (told, done.stderr))
    check(len(files(folder)) == 5 and os.stat(folder).st_mode & 0o777 == 0o700, files(folder))
    check(all(os.stat(os.path.join(folder, name)).st_mode & 0o777 == 0o600 for name in files(folder)), "modes of files")
    service = Service()
    run(service.url, folder, 0, group="other", seconds="1")
    check(service.requests == 0 and len(files(folder)) == 5, "another group's are left alone")
    told = run(service.url, folder, 0)[2]
    check(told["taken_over"] == 5 and told["delivered"] == 5 and files(folder) == [], told)
    check(sorted(service.tokens) == sorted(tokens) and {min(bodies) for bodies in service.tokens.values()} ==
          {b'{"number":%d}' % i for i in range(5)}, service.tokens)


def test_umask(folder):
    run("http://127.0.0.1:1", folder, 1, prefix=["sh", "-c", 'umask 0277; exec "$@"', "sh"])
    check(os.stat(os.path.join(folder, files(folder)[0])).st_mode & 0o777 == 0o600, "the host's umask changes the mode")


def test_kills(folder):
    """Killed at random moments under a service with faults: each token that was said arrives, none with two bodies."""
    rng = random.Random(SEED)
    service = Service()
    service.trouble = random.Random(SEED)
    sealed = []
    for _ in range(KILLS):
        process = subprocess.Popen(command(service.url, folder, 8), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   text=True)
        wanted = rng.randint(0, 8)
        for _ in range(wanted):
            sealed.append(process.stdout.readline().strip())
        time.sleep(rng.random() * 0.01)
        process.send_signal(signal.SIGKILL)
        sealed += [line for line in process.stdout.read().split("\n")[:-1] if len(line) == 36]
        process.stdout.close()
        process.wait()
    service.trouble = None
    run(service.url, folder, 0)
    sealed = {token for token in sealed if len(token) == 36}
    check(files(folder) == [], files(folder))
    check(sealed <= set(service.tokens), f"seed {SEED}: lost: {sealed - set(service.tokens)}")
    check(all(len(bodies) == 1 for bodies in service.tokens.values()), "one token, two bodies")
    print(f"  {KILLS} kills, {len(sealed)} sealed, {len(service.tokens)} arrived, {service.requests} requests")


# How many times each call is made to fail, or kill; more with PANDO_TEST_LONG.
CALLS = {"mkdir": 1, "openat": 3, "fchmod": 2, "fsync": 4, "renameat": 2, "getdents64": 1, "unlinkat": 2, "close": 2}
CALLS_LONG = {"mkdir": 2, "openat": 6, "fchmod": 2, "fsync": 4, "renameat": 2, "newfstatat": 3, "fstat": 4, "getdents64": 4, "unlinkat": 2,
              "close": 6, "lseek": 1}
# Nothing else in the program makes these; of the others only those on the folder are touched (strace -P).
SPOOL_ONLY = {"mkdir", "fchmod", "fsync", "renameat", "unlinkat"}
# These cannot fail without the payload being in memory only, or the folder not being known to be on disk.
VITAL = {"fchmod", "fsync", "renameat"}


def test_faults(folder):
    """Each system call on the spool fails, or kills, at its first, second, ... time."""
    if shutil.which("strace") is None:
        return
    points = 0
    for call, times in (CALLS_LONG if os.environ.get("PANDO_TEST_LONG") else CALLS).items():
        for when in range(1, times + 1):
            for fault in ("error=ENOSPC", "error=EIO", "signal=KILL"):
                service = Service()
                place = os.path.join(folder, f"{call}-{when}-{fault[-4:]}")
                prefix = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:{fault}:when={when}"]
                prefix += [] if call in SPOOL_ONLY else ["-P", place]
                done, tokens, told = run(service.url, place, 2, prefix=prefix, ASAN_OPTIONS="detect_leaks=0")
                points += 1
                if fault != "signal=KILL":
                    check(done.returncode == 0 and told["delivered"] == 2, (call, when, fault, told, done.stderr))
                    check(set(tokens) == set(service.tokens), (call, when, fault))
                    check(call not in VITAL or told["failures"] == 1, f"{call} {when} did not fail: {told}")
                run(service.url, place, 0)
                check(set(tokens) <= set(service.tokens), (call, when, fault, tokens, service.tokens, done.stderr))
                check(all(len(bodies) == 1 for bodies in service.tokens.values()), (call, when, fault))
                shutil.rmtree(place, ignore_errors=True)
                service.shutdown()
                service.server_close()
    print(f"  {points} points")


def test_no_room(folder):
    """No byte can be written to any file: profiles go by memory, and no half of one stays."""
    service = Service()
    done, _, told = run(service.url, folder, 3, prefix=["sh", "-c", 'trap "" XFSZ; ulimit -f 0; exec "$@"', "sh"], seconds="3")
    check(told["delivered"] == 3 and told["failures"] == 3 and os.listdir(folder) == [], (told, os.listdir(folder), done.stderr))


def test_unsafe(folder):
    """A folder or file that may be somebody else's is not used, and the profiles go by memory."""
    service = Service()
    other = folder + "-other"
    os.mkdir(other, 0o700)

    def is_refused(path, word):
        done, _, told = run(service.url, path, 1)
        check(told["delivered"] == 1 and told["failures"] == 1 and word in done.stderr, (path, told, done.stderr))
    os.symlink(other, folder)
    is_refused(folder, "Not a directory")
    check(os.listdir(other) == [], "it followed a link")
    os.unlink(folder)
    os.mkdir(folder)
    os.chmod(folder, 0o755)
    is_refused(folder, "0700")
    os.chmod(folder, 0o700)
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
        is_refused(folder, "0700")
        os.chown(folder, 0, 0)
    is_refused(folder + "/none/none", "No such file")
    # Files of an earlier run: a link to somewhere, one with a second name, a fifo, rot, halves, and a foreign name.
    run("http://127.0.0.1:1", folder, 6)
    names = [os.path.join(folder, name) for name in files(folder)]
    outside = os.path.join(other, "outside")
    os.rename(names[0], outside)
    os.symlink(outside, names[0])
    os.link(names[1], os.path.join(other, "second"))
    os.unlink(names[2])
    os.mkfifo(names[2])
    with open(names[3], "r+b") as file:
        file.seek(-2, os.SEEK_END)
        file.write(b"9")
    with open(names[4], "r+b") as file:
        file.truncate(os.path.getsize(names[4]) - 1)
    with open(os.path.join(folder, "README"), "w", encoding="utf-8") as file:
        file.write("mine")
    service = Service()
    told = run(service.url, folder, 0, seconds="1")[2]
    check(told["delivered"] == 1 and told["taken_over"] == 1 and told["dropped"] == 3, told)
    check(os.path.exists(outside) and os.path.exists(os.path.join(folder, "README")), "what is not ours is gone")


def test_quota(folder):
    """The oldest go when there is no room, and are counted; one that can never fit pushes nobody out."""
    told = run("http://127.0.0.1:1", folder, 12, PANDO_TEST_LIMIT_BYTES="2000")[2]
    total = sum(os.path.getsize(os.path.join(folder, name)) for name in files(folder))
    check(0 < total <= 2000 and told["dropped"] == 12 - len(files(folder)), (told, total))
    service = Service()
    check(run(service.url, folder, 0)[2]["delivered"] == 12 - told["dropped"], told)
    check({min(bodies) for bodies in service.tokens.values()} == {b'{"number":%d}' % i for i in range(told["dropped"], 12)}, service.tokens)
    told = run(service.url, folder, 2, PANDO_TEST_LIMIT_BYTES="100")[2]
    check(told["delivered"] == 2 and told["failures"] == 2, told)


def test_start(folder):
    """A payload that is sealed while the thread looks for leftovers, which takes it long here, is not forgotten."""
    service = Service()
    os.mkdir(folder, 0o700)
    for number in range(3000):
        with open(os.path.join(folder, f"{1:016x}.{number}.1.1.{number:036d}.profile"), "w", encoding="utf-8"):
            pass
    for number in range(20):
        done, _, told = run(service.url, folder, 1, seconds="3", PANDO_TEST_LIMIT_BYTES="10")
        check(told["delivered"] == 1, (number, told, done.stderr))


def test_two_at_once(folder):
    """Many that want the same leftovers: each goes to one of them."""
    tokens = run("http://127.0.0.1:1", folder, 16)[1]
    service = Service()
    racers = [subprocess.Popen(command(service.url, folder, 0), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True) for _ in range(4)]
    told = [json.loads(racer.communicate(timeout=60)[0]) for racer in racers]
    check(sum(one["taken_over"] for one in told) == 16 and sum(one["delivered"] for one in told) == 16, told)
    check(sorted(service.tokens) == sorted(tokens) and service.requests == 16, (service.requests, told))


def main():
    for name, test in sorted(globals().items()):
        if name.startswith("test_") and (len(sys.argv) < 3 or name in sys.argv[2:]):
            begin = time.monotonic()
            with tempfile.TemporaryDirectory() as parent:
                if name == "test_faults":
                    test(parent)
                else:
                    test(os.path.join(parent, "spool"))
            print(f"{name}: {time.monotonic() - begin:.1f} s", flush=True)


main()
