"""The options of every subcommand: one table each, from which parsing, help, --show-config, manual pages and completion in three shells come.
Each is held against the table as `pando help --json` prints it: no option may be missing anywhere, each has a variable that no agent reads
(but for those that `run` and `attach` hand on to it), and option, variable and default are taken in this order.

Usage: options_test.py PANDO SOURCE MANUAL_FOLDER
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from pando_testing import check, plain_environment

COMMANDS = ["run", "attach", "ctl", "top", "doctor", "serve", "report", "diff", "ls"]
GOOD = {"HZ": "7", "SECONDS": "7", "N": "17", "P": "7", "HOST:PORT": "127.0.0.1:1234", "URL": "http://127.0.0.1:9", "TIME": "3h",
        "KEY:VALUE": "key:value", "CONDITION": "main:self>5%", "FORMAT": "folded", "STATE": "all", "cpu|wall|both": "wall",
        "self|total|name": "total", "text|json|markdown": "json", "ns|us|ms|s|samples": "us", "FOLDER": "/tmp", "NAME": "name", "NAME,...": "name",
        "ID:FILE": "env", "FILE": "file.json"}
SPECIAL = {("report", "start"): "2026-01-31T12:00:00Z", ("report", "end"): "2126-01-31T12:00:00Z"}
BAD = {"HZ": "x", "SECONDS": "x", "N": "x", "P": "101", "HOST:PORT": "[::1", "TIME": "soon", "KEY:VALUE": "key", "CONDITION": "main", "FORMAT": "xls",
       "STATE": "ASLEEP", "cpu|wall|both": "x", "self|total|name": "x", "text|json|markdown": "x", "ns|us|ms|s|samples": "x", "ID:FILE": "x",
       "URL": "ftp://x"}


def run(pando, *words, **variables):
    env = dict(plain_environment(), AWS_ACCESS_KEY_ID="AKID", AWS_SECRET_ACCESS_KEY="a-secret", **variables)
    return subprocess.run([pando, *words], env=env, capture_output=True, text=True, timeout=60)


def good_value(command, option, folder):
    if "value" not in option:
        return "true"
    value = SPECIAL.get((command, option["name"]), GOOD[option["value"]])
    if option["name"] == "bearer-token-file":
        value = f"{folder}/tokens"
    return value


def settings_of(pando, command, *words, **variables):
    done = run(pando, command, *words, "--show-config", "--json", **variables)
    check(done.returncode == 0, f"{command} {words} {variables}: {done.stderr}")
    return {one["option"]: one for one in json.loads(done.stdout)}, done.stderr


def test_precedence(pando, command, options, folder):
    """One option after the other: the default, then the variable, then the option over another value of the variable."""
    defaults, _ = settings_of(pando, command)
    check(list(defaults) == [option["name"] for option in options], f"{command} --show-config lacks {set(o['name'] for o in options) - set(defaults)}")
    for option in options:
        name, value = option["name"], good_value(command, option, folder)
        if name == "show-config":
            check("variable" not in option, "--show-config has a variable: a command that does nothing")
            continue
        many = [value] if option["isMany"] else value
        if name != "json":
            check(defaults[name]["from"] == "default", f"{command}: {defaults[name]}")
            check(defaults[name]["value"] in (option.get("default", ""), [], "false"), f"{command}: {defaults[name]}, {option}")
        else:
            check(run(pando, command, "--show-config", PANDO_JSON="1").stdout.startswith("["), f"{command}: PANDO_JSON is not obeyed")
        variables = {option["variable"]: value}
        seen, _ = settings_of(pando, command, **variables)
        check((seen[name]["value"], seen[name]["from"]) == (many, "variable" if name != "json" else "option"), f"{command}: {seen[name]}, {variables}")
        given = [f"--{name}"] + ([value] if "value" in option else [])
        seen, _ = settings_of(pando, command, *given, **{option["variable"]: "false" if "value" not in option else "nonsense \1"})
        check((seen[name]["value"], seen[name]["from"]) == (many, "option"), f"{command}: {seen[name]} by option")


def test_bad_values(pando, command, options):
    for option in options:
        bad = BAD.get(option.get("value"))
        if bad is None or command == "doctor" or (command in ("run", "attach") and option["value"] == "URL"):
            continue
        for words, variables, shown in (([f"--{option['name']}", bad], {}, f"--{option['name']}"), ([], {option["variable"]: bad}, option["variable"])):
            done = run(pando, command, *words, "--show-config", **variables)
            check(done.returncode == 2 and done.stdout == "", f"{command} {words} {variables}: {done}")
            check(len(done.stderr.splitlines()) == 1 and shown in done.stderr and bad in done.stderr, f"{command} {words}: {done.stderr}")


def test_names(options_of, source):
    """A variable of the agent's may be an option's only where the command hands it on, and a command's own is not taken for misspelt."""
    with open(f"{source}/README.md") as file:
        agents = set(re.findall(r"`(PANDO_[A-Z_]+)`", "".join(line.split(" | ")[0] for line in file if line.startswith("| `PANDO_")))) - {"PANDO_LIBRARY"}
    handed_on = {("doctor", "PANDO_URL")} | {(command, name) for command in ("run", "attach") for name in agents}
    own = set()
    for command, options in options_of.items():
        variables = [option["variable"] for option in options if option["name"] != "show-config"]
        check(len(set(variables)) == len(variables), f"{command}: a variable twice")
        for variable in variables:
            check(variable not in agents or (command, variable) in handed_on, f"{command} reads the agent's {variable}")
            own |= {variable} - agents
    return own


def test_misspelt(pando, own):
    for command in COMMANDS:
        check(f"PANDO_{command.upper()}_NONSENSE is no variable" in settings_of(pando, command, **{f"PANDO_{command.upper()}_NONSENSE": "1"})[1],
              f"{command} says nothing of a variable that it does not have")
    told = run(pando, "doctor", "true", **{name: "1" for name in own}).stdout
    check("is no variable" not in told, f"doctor takes the command's variables for misspelt: {told}")


def test_help_and_manual(pando, command, options, manual):
    text = run(pando, "help", command).stdout
    check(text == run(pando, command, "--help").stdout == run(pando, command, "-h").stdout, f"several helps of {command}")
    with open(f"{manual}/pando-{command}.1") as file:
        page = file.read()
    shown = subprocess.run(["man", "--warnings", "-l", f"{manual}/pando-{command}.1"], env=dict(os.environ, MANWIDTH="200"), capture_output=True, text=True)
    check(shown.stderr == "" and "--show-config" in shown.stdout, f"man: {shown.stderr}")
    rows = {name for name in re.findall(r"^\.TP\n(?:.*, )?\\fB\\-\\-([a-z0-9\\-]+)\\fR", page, re.M)}
    check({name.replace("\\-", "-") for name in rows} == {option["name"] for option in options} | {"help"}, f"pando-{command}.1 has {rows}")
    for option in options:
        check(re.search(rf"^  (-., )?--{option['name']}( |$)", text, re.M), f"{command}: --{option['name']} has no help")
        if "variable" in option:
            check(f"\\fB{option['variable']}\\fR" in page, f"pando-{command}.1 lacks {option['variable']}")
    check(f"unknown option --nonsense; see pando help {command}" in run(pando, command, "--nonsense").stderr, f"{command} --nonsense")


def completions(shell, pando, source, *words):
    """What the shell itself offers for the last word."""
    env = dict(plain_environment(), PATH=f"{os.path.dirname(pando)}:{os.environ['PATH']}", HOME="/nonexistent", XDG_CONFIG_HOME="/nonexistent",
               XDG_DATA_HOME=tempfile.gettempdir() + "/nonexistent")
    if shell == "bash":
        program = ['bash', '-c', '. "$0/packaging/pando.bash"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pando; printf "%s\\n" "${COMPREPLY[@]}"',
                   source, *words]
    elif shell == "zsh":  # the functions of its own completion print what they are given
        program = ['zsh', '-f', '-c', 'source=$1; shift; words=("$@"); CURRENT=$#; PREFIX=$words[CURRENT]; '
                   '_describe() { [[ $1 == -o ]] && shift; print -rl -- ${${(P)2}%%:*} }; compadd() { shift; print -rl -- "$@" }; '
                   '_files() { print -r -- FILES }; _message() { print -r -- "MESSAGE $1" }; f() { . $source/packaging/_pando }; f',
                   "zsh", source, *words]
    else:
        line = " ".join(words)
        program = ["fish", "--no-config", "-c", f'source "{source}/packaging/pando.fish"; complete -C "{line}"']
    done = subprocess.run(program, env=env, capture_output=True, text=True, timeout=60)
    check(done.stderr == "", f"{shell}: {done.stderr}")
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


def test_completion(pando, source, options_of):
    for shell in ("bash", "zsh", "fish"):
        if shutil.which(shell) is None:
            print(f"no {shell} here")
            continue
        check(set(COMMANDS) | {"help"} <= completions(shell, pando, source, "pando", ""), f"{shell}: commands")
        for command, options in options_of.items():
            expected = {f"--{option['name']}" for option in options} | {"--help"}
            got = completions(shell, pando, source, "pando", command, "--")
            check(got == expected, f"{shell}: pando {command} --: too many {got - expected}, missing {expected - got}")
        got = completions(shell, pando, source, "pando", "run", "--mode", "")
        check({"cpu", "wall", "both"} <= got, f"{shell}: pando run --mode: {got}")


def main():
    pando, source, manual = map(os.path.abspath, sys.argv[1:4])
    commands = json.loads(run(pando, "help", "--json").stdout)
    options_of = {command["name"]: command["options"] for command in commands}
    check(list(options_of) == COMMANDS, list(options_of))
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/tokens", "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write("a-token-that-is-long-enough\n")
        for command, options in options_of.items():
            test_precedence(pando, command, options, folder)
            test_bad_values(pando, command, options)
            test_help_and_manual(pando, command, options, manual)
    test_misspelt(pando, test_names(options_of, source))
    test_completion(pando, source, options_of)
    print(f"{sum(map(len, options_of.values()))} options of {len(COMMANDS)} commands are the same everywhere")


main()
