"""`pando diff`: what it calls a change and what not, what its conditions mean, and how it ends.

Arguments: PANDO."""
import json
import os
import random
import subprocess
import sys
import tempfile

from pando_testing import Receiver, check

PANDO = os.path.abspath(sys.argv[1])


def diff(*arguments, cwd=None):
    done = subprocess.run([PANDO, "diff", *arguments], capture_output=True, text=True, cwd=cwd, check=False)
    return done.returncode, done.stdout, done.stderr


def write(folder, name, counts):
    """Folded stacks of functions under main."""
    with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
        for function, count in counts.items():
            out.write(f"main;{function} {count}\n")


def conditions(folder):
    write(folder, "a", {"std::sort(int*, int*)": 600, "b": 400, "[libx.so+0x1f]": 500})
    write(folder, "b", {"std::sort(int*, int*)": 840, "b": 165, "[libx.so+0x22]": 495})
    cases = [
        ("std::sort(int*, int*):self>+5%", 1), ("std::sort(int*, int*):total>+5pp", 1), ("std::sort(int*, int*):self>50%", 1),
        ("std::sort(int*, int*):self>+50%", 0), ("std::sort(int*, int*):self>+20pp", 0), ("std::sort(int*, int*):self>55%", 0),
        ("b:self<-50%", 1), ("b:self<-10pp", 1), ("b:self<20%", 1), ("b:self<-70%", 0), ("b:self>+0%", 0), ("b:self > +0%", 0),
        ("/^std::/:self>+5%", 1), ("/^sort/:self>+5%", 0), ("*:self > +5%", 1), ("*:self>+45%", 0), ("nothing:self>1%", 0),
        ("[libx.so]:self>+0%", 0), ("main:total>99%", 1), ("main:total>+0%", 0),
        ("std::sort(int*, int*):self", 2), ("b:self>5", 2), (":self>5%", 2), ("b:self>5pp", 2), ("/(/:self>5%", 2), ("b:self>+nan%", 2),
        ("b:self>+5% ", 2), ("b>+5%", 2),
    ]
    for condition, status in cases:
        got, out, err = diff("a", "b", "--unit", "samples", "--fail-if", condition, cwd=folder)
        check(got == status, f"{condition}: status {got}, not {status}: {out}{err}")
        check(status == 2 or condition in out, f"{condition} is not told: {out}")
        check(status != 2 or (err.count("\n") == 1 and out == ""), f"{condition}: {err}")
    got, out, _ = diff("a", "b", "--unit", "samples", "--fail-if", "b:self>+0%", "--fail-if", "b:self<20%", cwd=folder)
    check(got == 1, f"one of two conditions is enough: {got} {out}")
    got, out, _ = diff("a", "b", "--unit", "samples", "--format", "json", "--fail-if", "b:self<20%", cwd=folder)
    told = json.loads(out)
    rows = {row["name"]: row for row in told["functions"]}
    check(got == 1 and told["conditions"] == [{"condition": "b:self<20%", "verdict": "met", "functions": 1, "met": 1, "function": "b"}],
          f"JSON: {told['conditions']}")
    check(rows["b"]["self"]["a"] == 100 * 400 / 1500 and rows["b"]["self"]["b"] == 11.0, f"shares: {rows['b']}")
    check(set(rows) == {"main", "b", "std::sort(int*, int*)", "[libx.so]"}, f"names: {set(rows)}")
    for name in ("out.json", "out.md", "out.txt"):
        check(diff("a", "b", "--unit", "samples", "-o", name, cwd=folder)[:2] == (0, ""), name)
        check(os.path.getsize(os.path.join(folder, name)) > 200, name)


def usage(folder):
    for arguments in (["a"], ["a", "b", "c"], ["a", "missing"], ["a", "b", "--format", "pprof"], ["a", "b", "-o", "x.pb.gz"],
                      ["a", "b", "-o", "x"], ["a", "b", "--unit", "days"], ["a", "b", "--url", "http://127.0.0.1:1", "--store", "x"],
                      ["--url", "http://127.0.0.1:1", "a", "b"], ["a", "b", "--state", "sleepy"]):
        got, out, err = diff(*arguments, cwd=folder)
        check((got, out) == (2, "") and err.startswith("pando: "), f"{arguments}: {got} {out!r} {err!r}")


def draw(rng, shares, count):
    counts = dict.fromkeys(shares, 0)
    for function in rng.choices(list(shares), weights=list(shares.values()), k=count):
        counts[function] += 1
    return counts


def noise(folder):
    """Of one program measured twice next to nothing changes; of a function that became half again as slow the change is seen."""
    rng = random.Random(1)
    shares = {f"f{i}": 1 / (i + 1) for i in range(40)}
    slower = dict(shares, f0=1.5)
    false, compared, missed, rounds = 0, 0, 0, 60
    for _ in range(rounds):
        write(folder, "one", draw(rng, shares, rng.randrange(500, 5000)))
        write(folder, "two", draw(rng, shares, rng.randrange(500, 5000)))
        write(folder, "slow", draw(rng, slower, 5000))
        rows = json.loads(diff("one", "two", "--unit", "samples", "--format", "json", cwd=folder)[1])["functions"]
        false += sum(row["self"]["changed"] for row in rows)
        compared += len(rows)
        write(folder, "one", draw(rng, shares, 5000))
        missed += diff("one", "slow", "--unit", "samples", "--fail-if", "f0:self>+5%", cwd=folder)[0] != 1
    # Three sigma of a normal distribution are 0.27 %; small counts are not quite normal.
    check(false / compared < 0.01, f"{false} of {compared} comparisons of equals are called a change")
    check(missed == 0, f"{missed} of {rounds} real changes are missed")
    print(f"of {compared} comparisons of equal functions {false} were called a change; of {rounds} real changes {missed} were missed")


def groups():
    body = {"start": 1700000000000, "end": 1700000060000, "agentMetadata": {"sampleWeights": {"WALL_TIME": 100.0}, "numTimesSampled": 2000,
            "agentInfo": {"type": "x", "version": "1"}}, "callgraph": {"children": {"a": {"counts": {"WALL_TIME": 1000}},
                                                                            "b": {"counts": {"WALL_TIME": 1000}}}}}
    import urllib.request
    with Receiver(PANDO) as receiver:
        for hour, a in ((0, 1000), (1, 3000)):
            body["callgraph"]["children"]["a"]["counts"]["WALL_TIME"] = a
            shifted = dict(body, start=body["start"] + hour * 3600000, end=body["end"] + hour * 3600000)
            request = urllib.request.Request(f"{receiver.url}/profilingGroups/web/agentProfile?profileToken=t{hour}",
                                             json.dumps(shifted).encode(), {"Content-Type": "application/json"})
            urllib.request.urlopen(request, timeout=30).close()
        before, after = "web@..2023-11-14T22:30:00Z", "@2023-11-14T22:30:00Z.."
        for source in (["--url", receiver.url], ["--store", receiver.store]):
            got, out, err = diff(*source, before, after, "--fail-if", "a:self>+20pp", "--format", "json")
            check(got == 1, f"{source}: {got} {out} {err}")
            rows = {row["name"]: row["self"] for row in json.loads(out)["functions"]}
            check((rows["a"]["a"], rows["a"]["b"]) == (50.0, 75.0), f"ranges: {rows}")
        for wrong in ("web@", "web@x..", "web@2023-11-14"):
            got, _, err = diff("--url", receiver.url, wrong, "web")
            check(got == 2 and "GROUP@FROM..TO" in err, f"{wrong}: {got} {err}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        conditions(folder)
        usage(folder)
        noise(folder)
    groups()


main()
