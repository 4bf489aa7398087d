"""Everything that the signal handler can reach, read from the built library: no call may leave libpando.so, none may go through a
pointer that is not on the list, and no function may touch thread-local storage in a way that calls the loader.

Usage: handler_calls_test.py LIBPANDO
"""
import re
import subprocess
import sys

# Functions that call through a pointer, and why they may.
INDIRECT_ALLOWED = {
    "pando_host_signals_foreign": "the host's own handler",
    "pando_walk_libunwind": "the yardstick, chosen by PANDO_UNWIND=libunwind",
    "pando_walk_run": "asks the handler whether memory is readable",
    "pando_walk_guess_leaf": "the same",
    "pando_walk_frame_pointer": "the same",
    "pando_walk_registers_read": "the same",
    "pando_walk_prologue_rbp": "the same; and the handler knows rbp, so that it never gets there",
}
# Where calls through a pointer lead to inside of the library.
POINTER_TARGETS = ["probe"]
ROOT = "pando_handler"


def disassemble(library):
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", library], check=True, capture_output=True, text=True).stdout
    functions, name = {}, None
    for line in text.splitlines():
        start = re.match(r"^[0-9a-f]+ <([^>]+)>:$", line)
        if start:
            name = start.group(1)
            functions[name] = []
        elif name and "\t" in line:
            functions[name].append(line.split("\t")[-1].strip())
    return functions


def walk(functions):
    seen, waiting, problems = set(), [ROOT] + POINTER_TARGETS, []
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        base = name.split(".")[0]
        if name not in functions:
            problems.append(f"{name} is not in the library")
            continue
        for code in functions[name]:
            if "__tls_get_addr" in code:
                problems.append(f"{name} asks the loader for thread-local storage: {code}")
            jump = re.match(r"(?:notrack )?(call|jmp|j\w+)\s+(.*)", code)
            if not jump:
                continue
            kind, target = jump.groups()
            direct = re.search(r"<([^>+]+)(\+0x[0-9a-f]+)?>", target)
            if target.startswith("*"):
                is_switch = kind == "jmp" and "notrack" in code
                if base not in INDIRECT_ALLOWED and not is_switch:
                    problems.append(f"{name} goes through a pointer: {code}")
            elif direct and "@plt" in direct.group(1):
                problems.append(f"{name} leaves the library: {code}")
            elif direct and direct.group(1) != name:
                waiting.append(direct.group(1))
    return seen, problems


# Of the host's stack, or of a small alternate one, in the way from ROOT to its deepest leaf (docs/agent.md).
STACK_BYTES_MAX = 512
# Not in the handler's way: the yardsticks, and what only a walk of another thread needs (only_rsp_known).
NOT_COUNTED = {"pando_walk_libunwind", "pando_walk_compare", "pando_walk_prologue_rbp"}


def own_stack(code_lines):
    """The return address, what is pushed and what is taken at once: an upper bound, since not every path does all of it."""
    pushed = sum(8 for code in code_lines if code.startswith("push "))
    taken = [int(found[1], 16) for code in code_lines if (found := re.match(r"sub\s+\$0x([0-9a-f]+),%rsp", code))]
    return 8 + pushed + max(taken, default=0)


def deepest(functions, name, above=()):
    """Bytes of stack from `name` down, with the chain of names. No recursion is allowed."""
    if name in above:
        sys.exit(f"{name} calls itself: {' > '.join(above)}")
    if name not in functions or name.split(".")[0] in NOT_COUNTED:
        return 0, []
    callees = set()
    for code in functions[name]:
        direct = re.match(r"(?:call|jmp)\s+[0-9a-f]+ <([^>+]+)>", code)
        if direct and direct[1] != name:
            callees.add(direct[1])
        if re.match(r"(?:notrack )?call\s+\*", code) and name.split(".")[0] != "pando_host_signals_foreign":
            callees.update(POINTER_TARGETS)
    below = max((deepest(functions, one, above + (name,)) for one in callees), default=(0, []))
    return own_stack(functions[name]) + below[0], [name] + below[1]


def main():
    functions = disassemble(sys.argv[1])
    if ROOT not in functions:
        sys.exit(f"{ROOT} is not in {sys.argv[1]}: was it stripped?")
    seen, problems = walk(functions)
    for problem in problems:
        print(problem)
    print(f"{len(seen)} functions are reachable from {ROOT}: {', '.join(sorted(seen))}")
    stack, chain = deepest(functions, ROOT)
    print(f"it uses at most {stack} bytes of stack: {' > '.join(chain)}")
    if stack > STACK_BYTES_MAX:
        problems.append(f"more than {STACK_BYTES_MAX}")
    sys.exit(1 if problems else 0)


main()
