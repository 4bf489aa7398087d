#!/usr/bin/env python3
"""Shows that each memory order in exchange/ring.c is needed, and that the checks would notice if one went missing.

Every acquire and release in ring.c is weakened to relaxed, one at a time (found in the text, so that a new one cannot be
forgotten); then come faults of other kinds. Each mutant must be caught by a check:
  explorer  tests/mutation/ring_explorer.c: all schedules and all stale values, on the mutant itself
  tsan      tests/unit/ring_test.c under ThreadSanitizer
  plain     tests/unit/ring_test.c natively
The unchanged ring.c must pass the same checks. Before all that: its object calls nothing, and a push's stack frame is small.

Usage: ring_orders.py [--matrix]     --matrix: every check for every mutant, not only until the first that catches it
Needs gcc and cmocka. Exit status 0: all mutants were caught. Some 5 minutes, or 15 with --matrix.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CC = os.environ.get("CC", "gcc")
FLAGS = ["-std=gnu11", "-g", "-D_GNU_SOURCE"]
TIMEOUT_S = 180
CHECKS = ("explorer", "tsan", "plain")
EXPLORER = ("ring_explorer", "ring_explorer_memory", "ring_explorer_schedule")

# name, what is in ring.c (exactly once), what is there instead
OTHER_MUTANTS = [
    ("head moved without compare",
     "if (atomic_compare_exchange_weak_explicit(&ring->head, &head, head + needed, memory_order_relaxed,\n"
     "                                                  memory_order_relaxed)) {",
     "atomic_store_explicit(&ring->head, head + needed, memory_order_relaxed);\n        {"),
    ("head loaded before tail",
     "uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);\n"
     "        uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);",
     "uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);\n"
     "        uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);"),
    ("head loaded plainly", "uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);\n        /*",
     "uint64_t head = *(uint64_t *)&ring->head;\n        /*"),
    ("tail stored plainly", "atomic_store_explicit(&ring->tail, tail + 1 + length, memory_order_release);",
     "*(uint64_t *)&ring->tail = tail + 1 + length;"),
    ("header stored plainly", "__atomic_store_n(&ring->words[start & mask], (uint64_t)length, __ATOMIC_RELEASE);",
     "ring->words[start & mask] = length;"),
    ("header loaded plainly", "uint64_t length = __atomic_load_n(&ring->words[tail & mask], __ATOMIC_ACQUIRE);",
     "uint64_t length = ring->words[tail & mask];"),
    ("full without a second look",
     "            if (atomic_load_explicit(&ring->tail, memory_order_relaxed) == tail)\n    ", ""),
    ("looks for ever", "== tail)\n                return PANDO_ERR_LIMIT;\n            continue;",
     "== tail)\n                return PANDO_ERR_LIMIT;\n            tries--;\n            continue;"),
    ("payload not zeroed", "        *word = 0;\n", ""),
    ("header not zeroed", "    ring->words[tail & mask] = 0;\n", ""),
    ("room: one word too many", "ring->capacity_words - used < needed", "ring->capacity_words - used + 1 < needed"),
    ("room: one word too few", "ring->capacity_words - used < needed", "ring->capacity_words - used <= needed"),
    ("header not counted", "reserve(ring, 1 + (uint64_t)length, &start)", "reserve(ring, (uint64_t)length, &start)"),
    ("payload where the header is", "uint64_t at = start + 1;", "uint64_t at = start;"),
    ("no mask in push", "ring->words[at++ & mask]", "ring->words[at++]"),
    ("no mask in pop", "&ring->words[(tail + 1 + i) & mask]", "&ring->words[tail + 1 + i]"),
    ("damaged head not noticed", "used > ring->capacity_words || ", ""),
    ("damaged header not noticed", " || length > PANDO_RING_RECORD_WORDS_MAX)", ")"),
    ("tries without end", "tries < RESERVE_TRIES_MAX; tries++", ";"),
    ("one try", "RESERVE_TRIES_MAX = 64", "RESERVE_TRIES_MAX = 1"),
    ("too long not refused", "total > PANDO_RING_RECORD_WORDS_MAX", "total > 2 * PANDO_RING_RECORD_WORDS_MAX"),
    ("empty not refused", "    if (length == 0)\n        return PANDO_ERR_INVALID;\n", ""),
]


def comments_blanked(text):
    return re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match.group()), text, flags=re.S)


def order_mutants(text):
    for match in re.finditer(r"memory_order_(?!relaxed)\w+|__ATOMIC_(?!RELAXED)[A-Z_]+", comments_blanked(text)):
        weaker = "memory_order_relaxed" if match.group().startswith("m") else "__ATOMIC_RELAXED"
        line = text.count("\n", 0, match.start())
        name = text.split("\n")[line].strip()
        yield f"line {line + 1}: {match.group()} relaxed: {name[:44]}", text[:match.start()] + weaker + text[match.end():]


def other_mutants(text):
    for name, old, new in OTHER_MUTANTS:
        if text.count(old) != 1:
            sys.exit(f"ring_orders.py: \"{name}\" does not fit ring.c any more")
        yield name, text.replace(old, new)


def run(arguments, **options):
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
                          **options)


def build(scratch, source, check):
    """Returns the program's path."""
    path = os.path.join(scratch, "ring.c")
    with open(path, "w", encoding="utf-8") as file:
        file.write(source)
    program = os.path.join(scratch, check)
    if check == "explorer":
        # The compiler calls the explorer for each access; only this file is instrumented, and not linked with the sanitizer.
        commands = [[CC, *FLAGS, "-w", "-O1", "-fsanitize=thread", "--param", "tsan-instrument-func-entry-exit=0",
                     "-I", os.path.join(scratch, "small"), "-I", ROOT, "-c", path, "-o", program + ".ring.o"],
                    [CC, program + ".ring.o", *[os.path.join(scratch, part + ".o") for part in EXPLORER], "-o", program]]
    else:
        sanitizer = ["-fsanitize=thread"] if check == "tsan" else []
        commands = [[CC, *FLAGS, "-w", "-O2", *sanitizer, "-I", ROOT, path, os.path.join(ROOT, "tests/unit/ring_test.c"),
                     "-lcmocka", "-lpthread", "-o", program]]
    for command in commands:
        result = run(command)
        if result.returncode != 0:
            sys.exit(f"ring_orders.py: {check} does not build:\n{result.stdout}")
    return program


def check_object(scratch):
    """As in the product: no undefined symbol, so no call of memcpy, no __stack_chk_fail; frames below 128 bytes."""
    program = os.path.join(scratch, "object.o")
    result = run([CC, *FLAGS, "-O2", "-fPIC", "-fvisibility=hidden", "-fstack-protector-strong", "-fstack-usage", "-I", ROOT,
                  "-c", os.path.join(ROOT, "exchange/ring.c"), "-o", program])
    if result.returncode != 0:
        sys.exit(f"ring_orders.py: ring.c does not build:\n{result.stdout}")
    undefined = run(["nm", "-u", program]).stdout.split()
    with open(os.path.join(scratch, "object.su"), encoding="utf-8") as file:
        frames = {line.split("\t")[0].split(":")[-1]: int(line.split("\t")[1]) for line in file}
    print(f"object: undefined symbols: {' '.join(undefined) or 'none'}; bytes of stack: push {frames['pando_ring_push']}, "
          f"pop {frames['pando_ring_pop']}", flush=True)
    return not undefined and max(frames.values()) < 128


def caught(program, check):
    """What the check says against it, or None."""
    try:
        result = run([program], timeout=TIMEOUT_S, env={**os.environ, "TSAN_OPTIONS": "halt_on_error=1 exitcode=66"})
    except subprocess.TimeoutExpired:
        return "does not end"
    if result.returncode == 0:
        return None
    text = result.stdout
    for pattern in (r"VIOLATION in (.*)", r"WARNING: ThreadSanitizer: (.*) \(pid", r"FAILED  \] (\w+)$", r"The table of .*"):
        match = re.search(pattern, text, re.M)
        if match:
            return re.sub(r", execution \d+", "", match.group(match.lastindex or 0))
    return f"exit status {result.returncode}"


def main():
    matrix = "--matrix" in sys.argv[1:]
    start_s = time.monotonic()
    with open(os.path.join(ROOT, "exchange/ring.c"), encoding="utf-8") as file:
        text = file.read()
    with tempfile.TemporaryDirectory() as scratch:
        # For the explorer: the same header but for the smallest ring.
        with open(os.path.join(ROOT, "exchange/ring.h"), encoding="utf-8") as file:
            header, count = re.subn(r"PANDO_RING_WORDS_MIN = 8192", "PANDO_RING_WORDS_MIN = 8", file.read())
        if count != 1:
            sys.exit("ring_orders.py: ring.h has another PANDO_RING_WORDS_MIN")
        os.makedirs(os.path.join(scratch, "small/exchange"))
        with open(os.path.join(scratch, "small/exchange/ring.h"), "w", encoding="utf-8") as file:
            file.write(header)
        for part in EXPLORER:
            result = run([CC, *FLAGS, "-O2", "-Wall", "-I", os.path.join(scratch, "small"), "-I", ROOT, "-c",
                          os.path.join(ROOT, "tests/mutation", part + ".c"), "-o", os.path.join(scratch, part + ".o")])
            if result.returncode != 0:
                sys.exit(result.stdout)

        if not check_object(scratch):
            return 1
        for check in CHECKS:
            objection = caught(build(scratch, text, check), check)
            print(f"unchanged ring.c, {check}: {objection or 'passes'}", flush=True)
            if objection:
                return 1

        totals = {"orders": [0, 0], "other faults": [0, 0]}
        for kind, mutants in (("orders", order_mutants(text)), ("other faults", other_mutants(text))):
            for name, mutant in mutants:
                objections = {}
                for check in CHECKS:
                    objection = caught(build(scratch, mutant, check), check)
                    if objection:
                        objections[check] = objection
                        if not matrix:
                            break
                totals[kind][0] += bool(objections)
                totals[kind][1] += 1
                print(f"{'caught  ' if objections else 'SURVIVES'}  {name}", flush=True)
                for check in CHECKS if matrix else objections:
                    print(f"            {check:9} {objections.get(check, '-')}", flush=True)
        for kind, (killed, total) in totals.items():
            print(f"{kind}: {killed}/{total} caught")
        print(f"{time.monotonic() - start_s:.0f} s")
        return 0 if all(killed == total for killed, total in totals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
