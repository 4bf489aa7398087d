#!/usr/bin/env python3
"""Every row of real objects against an independent reader of the same bytes: readelf --debug-dump=frames-interp.

Usage: rows_oracle_test.py ROWS_DUMP [OBJECT...]. Both sides become rules that hold from one address to the next, and are compared
over the whole range of code. What rows may leave out ("no rule") is counted by cause; anything else that differs fails.
"""
import collections
import os
import re
import subprocess
import sys

DEFAULT = ["libc.so.6", "libstdc++.so.6", "libcrypto.so.3", "ld-linux-x86-64.so.2", "libsqlite3.so.0", "libm.so.6",
           "/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "/usr/bin/python3.11"]
REGISTERS = {"rax": 0, "rdx": 1, "rcx": 2, "rbx": 3, "rsi": 4, "rdi": 5, "rbp": 6, "rsp": 7,
             **{f"r{n}": n for n in range(8, 16)}}
CIE = re.compile(r"^([0-9a-f]+) [0-9a-f]+ [0-9a-f]+ CIE")
FDE = re.compile(r"^[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)")
SAME, AT_CFA, LOST, AT_RBP, RA_AT_CFA, NO_INDEX = 0, 1, 2, 3, 255, 255


def find(name):
    if os.path.isabs(name):
        return name if os.path.exists(name) else None
    for folder in ("/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64"):
        if os.path.exists(os.path.join(folder, name)):
            return os.path.join(folder, name)
    return None


def readelf(option, path):
    environment = dict(os.environ, LC_ALL="C")
    result = subprocess.run(["readelf", option, path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
                            check=False)  # it exits with 1 for want of debug files
    return result.stdout.decode(errors="replace").splitlines()


def rule_of(columns):
    """A rule in the words of rows_dump, from one line of the interpreted table; None when it has an expression."""
    cfa = columns.get("CFA")
    ra = columns.get("ra", "u")
    if cfa is None or "exp" in (cfa, ra) or columns.get("rbp") in ("exp", "vexp") or columns.get("rsp", "u") != "u":
        return None
    if ra == "u":
        return ("end",)
    match = re.fullmatch(r"(r\w+)([+-]\d+)", cfa)
    if match is None:
        return None
    base, offset = REGISTERS[match.group(1)], int(match.group(2))
    rbp = columns.get("rbp", "u")
    if rbp == "s":
        rbp = (SAME, 0)
    elif rbp == "u":
        rbp = None  # not mentioned (the same) or undefined: readelf does not tell them apart
    elif rbp.startswith("c"):
        rbp = (AT_CFA, int(rbp[1:]))
    else:
        rbp = (LOST, 0)
    if ra == "c-8":
        ra = RA_AT_CFA
    elif ra in REGISTERS:
        ra = REGISTERS[ra]
    else:
        return None
    return ("cfa", base, offset, rbp, ra)


def read_oracle(path):
    """(start, end, rule) of each range, in order of functions' starts."""
    functions, cies, rows, names = [], {}, None, []
    for line in readelf("--debug-dump=frames-interp", path):
        match = CIE.match(line)
        if match:
            rows = cies[match.group(1)] = []
        match = FDE.match(line)
        if match:
            rows = []
            functions.append([int(match.group(2), 16), int(match.group(3), 16), rows, match.group(1)])
        words = re.sub(r"\br\d+ \((\w+)\)", r"\1", line).split()
        if words and words[0] == "LOC":
            names = words[1:]
        elif words and rows is not None and re.fullmatch(r"[0-9a-f]{16}", words[0]):
            rows.append((int(words[0], 16), rule_of(dict(zip(names, words[1:])))))
    # One without instructions of its own has its CIE's rule.
    return [(start, end, rows or [(start, cies[cie][0][1])]) for start, end, rows, cie in functions]


def expressions_of(path):
    """Expressions by the start of their range, from the raw instructions: what frames-interp only calls "exp"."""
    found, loc = {}, None
    for line in readelf("--debug-dump=frames", path):
        match = FDE.match(line)
        if match:
            loc = int(match.group(2), 16)
        match = re.search(r"DW_CFA_advance_loc\d*: \d+ to ([0-9a-f]+)", line)
        if match:
            loc = int(match.group(1), 16)
        match = re.search(r"DW_CFA_def_cfa_expression \((.*)\)\s*$", line)
        if match and loc is not None:
            found[loc] = match.group(1)
    return found


def intervals(functions):
    """Functions cut at the next one's start; [(start, end, rule)]."""
    functions.sort(key=lambda function: function[0])
    for index, (start, end, rows) in enumerate(functions):
        if index + 1 < len(functions):
            end = min(end, functions[index + 1][0])
        for number, (at, rule) in enumerate(rows):
            stop = rows[number + 1][0] if number + 1 < len(rows) else end
            if min(stop, end) > at:
                yield at, min(stop, end), rule


def read_dump(dump, path):
    rows = []
    for line in subprocess.run([dump, path], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines():
        words = line.split()
        rows.append((int(words[0], 16), words[1], [int(word) for word in words[2:]]))
    return rows


PLT = ("DW_OP_breg7 (rsp): 8; DW_OP_breg16 (rip): 0; DW_OP_lit15; DW_OP_and; DW_OP_lit11; DW_OP_ge; DW_OP_lit3; DW_OP_shl; "
       "DW_OP_plus")


def expression_matches(text, kind, numbers):
    if kind == "plt":
        return text == PLT
    if kind == "signal":
        return text == "DW_OP_breg7 (rsp): 160; DW_OP_deref"
    match = re.fullmatch(r"DW_OP_breg(\d+) \(r\w+\): (-?\d+); "
                         r"(?:DW_OP_breg(\d+) \(r\w+\): 0; DW_OP_lit8; DW_OP_mul; DW_OP_plus; )?DW_OP_deref"
                         r"(?:; DW_OP_plus_uconst: (\d+)|; DW_OP_lit(\d+); DW_OP_plus)?", text)
    if match is None or kind != "cfa":
        return False
    index = int(match.group(3) or NO_INDEX)
    add = int(match.group(4) or match.group(5) or 0)
    return numbers[:4] + numbers[7:] == [int(match.group(1)), int(match.group(2)), 1, add, index]


def compare(path, dump):
    counts, wrong = collections.Counter(), []
    rows, at = read_dump(dump, path), 0
    expressions, expression = expressions_of(path), ""
    for start, end, rule in intervals(read_oracle(path)):
        while start < end:
            while at + 1 < len(rows) and rows[at + 1][0] <= start:
                at += 1
            address, kind, numbers = rows[at]
            stop = min(end, rows[at + 1][0] if at + 1 < len(rows) else end)
            expression = expressions.get(start, expression)
            counts["ranges"] += 1
            counts["bytes"] += stop - start
            if kind in ("none", "end-of-table") or address > start:
                counts["no rule: " + ("expression or rsp rule" if rule is None else f"{rule[0]}")] += 1
                if rule is not None and rule[0] != "end":
                    wrong.append((start, rule, kind))
            elif rule is None:
                counts["expression"] += 1
                if kind == "cfa" and not numbers[2] and numbers[4] == AT_RBP:
                    pass  # only rbp is saved by an expression; its place shows in the other expressions of the same function
                elif not expression_matches(expression, kind, numbers):
                    wrong.append((start, expression, kind, numbers))
            elif rule[0] == "end":
                counts["end"] += 1
                if kind != "end":
                    wrong.append((start, rule, kind))
            else:
                counts["plain"] += 1
                base, offset, deref, add, rbp, rbp_offset, ra, index = numbers if kind == "cfa" else (None,) * 8
                rbp_good = (rbp, rbp_offset) == rule[3] if rule[3] is not None else rbp in (SAME, LOST)
                if (kind, base, offset, deref, add, ra, index) != ("cfa", *rule[1:3], 0, 0, rule[4], NO_INDEX) or not rbp_good:
                    wrong.append((start, rule, kind, numbers))
            start = stop
    print(f"{path}: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) + f", {len(wrong)} wrong")
    for item in wrong[:5]:
        print("  %#x" % item[0], *item[1:])
    return not wrong and counts["plain"] > 0


def main():
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    paths = [find(name) for name in sys.argv[2:] or DEFAULT]
    results = [compare(path, sys.argv[1]) for path in paths if path is not None]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
