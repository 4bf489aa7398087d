"""The host in surroundings that fail: limits, filters, missing files, dropped rights, other runtimes. Each case without and with
Pando at 1000 Hz: the same status, stdout and stderr; what came of it accounts for every sample. A case that this machine does not
permit says so.

Usage: faults_test.py PANDO LIBPANDO FAULTS [CASE...]
"""
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile

from pando_testing import Receiver, check, environment, is_conserved, plain_environment, wait_for

RATE_HZ = 1000
IS_ROOT = os.geteuid() == 0
NOBODY = 65534
BURNER = "int main(void) { volatile unsigned long x = 1; for (long i = 0; i < 150000000; i++) x = x * 3 + 1; return x == 7; }"

# An auditor of the loader, which holds it up when all that the worker needs is mapped, and nothing is relocated.
SLOW_LOADER = """#define _GNU_SOURCE
#include <link.h>
#include <string.h>
#include <unistd.h>
static int is_worker;
unsigned la_version(unsigned version) { return version; }
unsigned la_objopen(struct link_map *map, Lmid_t space, uintptr_t *cookie)
{
    is_worker |= strstr(map->l_name, "libpando-worker") != 0;
    return 0;
}
void la_activity(uintptr_t *cookie, unsigned flag)
{
    if (flag == LA_ACT_CONSISTENT && is_worker) {
        is_worker = 0;
        sleep(1);
    }
}
"""
THREADS_AND_CHILD = """import os, threading, time
def burn(): sum(i * i % 7 for i in range(3000000))
threads = [threading.Thread(target=one) for one in (burn, burn, lambda: time.sleep(0.5))]
[one.start() for one in threads]
child = os.fork()
if child == 0:
    burn()
    raise SystemExit(3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
[one.join() for one in threads]
"""


def limit(which, value):
    return lambda: resource.setrlimit(which, (value, value))


def as_nobody_with(which, value):
    def set_up():
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        resource.setrlimit(which, (value, value))
    return set_up


def close_standard():
    for fd in range(3):
        os.close(fd)


class Case:
    def __init__(self, name, command, set_up=None, comes=None, needs=True, wrap=None, missing="not permitted here", no_stderr=False,
                 before="", mode="cpu", ends_whole=True):
        """`comes`: whether a profile must come (True), must not (False), or may (None). `wrap`: put before, without Pando. `mode`: of
        Pando. `ends_whole`: no process that is profiled for long ends by _exit."""
        self.name, self.command, self.set_up, self.comes, self.needs = name, command, set_up, comes, needs
        self.wrap, self.missing, self.no_stderr = wrap or [], missing, no_stderr
        self.before, self.mode, self.ends_whole = before, mode, ends_whole


def run(case, variables, preload):
    if case.before and preload:
        preload = case.before + " " + preload
    # The preload is set last, so that what prepares the surroundings is not profiled.
    env = {name: value for name, value in variables.items() if name != "LD_PRELOAD"}
    inner = ["env", "LD_PRELOAD=" + preload] + case.command if case.wrap and preload else case.command
    if preload and not case.wrap:
        env["LD_PRELOAD"] = preload
    done = subprocess.run(case.wrap + inner, env=env, capture_output=True, timeout=300, stdin=subprocess.DEVNULL, preexec_fn=case.set_up)
    # gdb tells of threads, Pando's too, and of process numbers.
    out = re.sub(rb"(?m)^\[(?:New )?(?:Thread|LWP|process) .*\n|process \d+|==\d+==", b"", done.stdout)
    return done.returncode, out, b"" if case.no_stderr else done.stderr


def compiled(folder, name, *options, source=BURNER):
    path = os.path.join(folder, name)
    compiler = options[0] if options and not options[0].startswith("-") else "cc"
    flags = [one for one in options if one != compiler]
    done = subprocess.run([compiler, "-x", "c", "-", "-O1", "-o", path] + flags, input=source.encode(), capture_output=True) \
        if shutil.which(compiler) else None
    return path if done is not None and done.returncode == 0 else None


def limits(faults):
    work = [faults, "work"]
    yield Case("sigpending 0", work, limit(resource.RLIMIT_SIGPENDING, 0))
    # The host takes 8 of its 18, and Pando may have 9. (All processes of a user share them.)
    yield Case("sigpending 18", work, as_nobody_with(resource.RLIMIT_SIGPENDING, 18), needs=IS_ROOT)
    for count in (4, 5, 6, 8, 10, 11, 12, 16):
        yield Case(f"nofile {count}", work, limit(resource.RLIMIT_NOFILE, count))
    for mib in (8, 16, 24, 32, 64, 128, 256):
        yield Case(f"as {mib} MiB", [faults, "exec_state", "0"], limit(resource.RLIMIT_AS, mib << 20))
    yield Case("nproc", work, as_nobody_with(resource.RLIMIT_NPROC, 1), needs=IS_ROOT)
    yield Case("fsize 0", work, limit(resource.RLIMIT_FSIZE, 0))
    yield Case("stack 128 KiB", work, limit(resource.RLIMIT_STACK, 128 << 10), comes=True)
    yield Case("closed 0-2", work, close_standard)


def filtered(faults):
    """The filter that hardened units of systemd have: what it has no word for ends the process."""
    tests = os.path.dirname(os.path.abspath(__file__))
    has_seccomp = subprocess.run(["/usr/bin/python3", "-c", "import seccomp"], capture_output=True).returncode == 0
    filter_ = ["/usr/bin/python3", os.path.join(tests, "under_filter.py"), os.path.join(tests, "..", "data", "system-service.txt")]
    for mode in ("cpu", "both"):
        yield Case(f"@system-service or death, {mode}", [faults, "work"], wrap=filter_, comes=True, needs=has_seccomp,
                   missing="no python3-seccomp", mode=mode)
    yield Case("@system-service or death, python3", ["/usr/bin/python3", "-c", THREADS_AND_CHILD], wrap=filter_, comes=True,
               needs=has_seccomp, missing="no python3-seccomp", mode="both")


def surroundings(faults, folder):
    work, can_mount = [faults, "work"], IS_ROOT and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0
    yield Case("no /proc", work, wrap=["unshare", "-m", "sh", "-c", 'umount -l /proc && exec "$@"', "sh"], needs=can_mount)
    yield Case("read-only root", work, wrap=["unshare", "-m", "sh", "-c", 'mount -o remount,bind,ro / && exec "$@"', "sh"], comes=True,
               needs=can_mount)
    yield Case("chroot", [faults, "chroot"], needs=IS_ROOT)
    yield Case("rights dropped", [faults, "drop"], comes=True)
    # A thread that gives itself other capabilities than the process has, and then takes another user's identity.
    yield Case("rights of one thread", ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--inh-caps=-all",
                                        faults, "work"], needs=IS_ROOT)
    for mode in ("seccomp", "seccomp_prctl", "seccomp_strict"):
        yield Case(mode, [faults, mode], comes=True)
    yield from filtered(faults)
    slow = compiled(folder, "slow.so", "-shared", "-fPIC", source=SLOW_LOADER)
    yield Case("forks while Pando's libraries are loaded", [faults, "fork_while_loading"], wrap=["env", f"LD_AUDIT={slow}"], comes=True,
               needs=slow, missing="no compiler", ends_whole=False)
    yield Case("all blocked", [faults, "blocked"])
    yield Case("signalfd of SIGPROF", [faults, "signalfd_prof"])
    yield Case("1000 images", [faults, "exec_state", "1000"])
    yield Case("10000 short threads", [faults, "short", "10000"])
    for count in (1000, 4000):
        yield Case(f"{count} threads", [faults, "many", str(count)], comes=True)


def runtimes(faults, folder):
    plain = compiled(folder, "plain")
    if IS_ROOT and plain:
        setuid = shutil.copy(faults, os.path.join(folder, "setuid"))
        os.chmod(folder, 0o755)
        os.chmod(setuid, 0o4755)
        yield Case("set-user-ID", [setuid, "work"], as_nobody_with(resource.RLIMIT_CORE, 0), comes=False)
    static = compiled(folder, "static", "-static")
    yield Case("static", [static], comes=False, needs=static, missing="no static libc")
    musl = compiled(folder, "musl", "musl-gcc")
    yield Case("musl", [musl], comes=False, needs=musl, missing="no musl-gcc")
    small = compiled(folder, "32", "-m32")
    yield Case("32 bits", [small], comes=False, needs=small, missing="no 32-bit compiler", no_stderr=True)
    tsan = compiled(folder, "tsan", "-fsanitize=thread")
    yield Case("ThreadSanitizer", [tsan], needs=tsan, missing="no runtime")
    asan = compiled(folder, "asan", "-fsanitize=address")
    runtime = subprocess.run(["cc", "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    yield Case("AddressSanitizer, its runtime first", [asan], comes=True, needs=asan and os.path.exists(runtime), missing="no runtime",
               before=runtime)
    yield Case("valgrind", ["valgrind", "-q", plain], needs=shutil.which("valgrind") and plain, missing="no valgrind")
    yield Case("gdb", ["gdb", "-q", "-batch", "-return-child-result", "-ex", "handle SIGPROF nostop noprint pass", "-ex",
                       "set startup-with-shell off", "-ex", "run", "--args", plain], needs=shutil.which("gdb") and plain,
               missing="no gdb", no_stderr=True)


def main():
    pando, library, faults, chosen = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    with tempfile.TemporaryDirectory() as folder, Receiver(pando) as receiver:
        # Some hosts run as another user, who may not enter the folder of the build.
        os.chmod(folder, 0o755)
        worker = os.path.join(os.path.dirname(os.path.realpath(library)), "libpando-worker.so")
        faults, library, _ = (shutil.copy(os.path.realpath(one), folder) for one in (faults, library, worker))
        ran = 0
        for make in (limits(faults), surroundings(faults, folder), runtimes(faults, folder)):
            for case in make:
                if chosen and not any(case.name.startswith(one) for one in chosen):
                    continue
                if not case.needs:
                    print(f"{case.name}: left out, {case.missing}", flush=True)
                    continue
                group = "faults-" + "".join(c if c.isalnum() else "-" for c in case.name)
                plain = run(case, plain_environment(), "")
                under = run(case, environment(library, receiver.url, group, rate_hz=RATE_HZ, interval_s=1, mode=case.mode), library)
                check(plain == under, f"{case.name}: without Pando {plain}, with it {under}")
                report = wait_for(f"{case.name}'s profile", lambda: receiver.report(group), 20) if case.comes else receiver.report(group)
                check(case.comes is not False or report is None, f"{case.name}: a profile came")
                check(report is None or is_conserved(report["counters"], case.ends_whole), f"{case.name}: samples are not accounted for: {report and report['counters']}")
                counters = {} if report is None else {name: value for name, value in report["counters"].items()
                                                      if value and name.startswith(("threadsNo", "threadsT", "threadsSm", "samplesD"))}
                print(f"{case.name}: status {plain[0]}, the same words; "
                      f"{'no profile' if report is None else format(report['totalNs'] / 1e9, '.2f') + ' s of CPU time'} {counters or ''}", flush=True)
                ran += 1
        print(f"{ran} cases")


main()
