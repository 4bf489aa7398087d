"""What `pando report -o FILE` writes, as the tools read it that people have: go tool pprof, speedscope in Chromium. And what they write, as
`pando report FILE` reads it. Everywhere the sums must be equal, of all and of each function.

Arguments: PANDO. 77 = skipped (no go)."""
import collections
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

PANDO = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
HOSTILE = ["</script><b>", "a;b;c 12", "quote\"'\\", "|`` pipe", "\u202ertl", "line\u2028break", "std::map<int, char>::find(int const&)"]


def check(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def run(*arguments, status=0, **options):
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, **options)
    check(done.returncode == status, f"{' '.join(arguments)}: {done.returncode}, not {status}: {done.stderr}")
    return done


def report(path, *arguments):
    return json.loads(run(PANDO, "report", path, "--format", "json", "--top", "10000", *arguments).stdout)


def by_function(top):
    """{name: (self, total)}; functions of one name in several objects are one for other tools."""
    return {entry["name"]: (entry["selfNs"], entry["totalNs"]) for entry in top}


def agent_body(rng):
    """An agent's body with threads, labels and wall time: what pando report reads exactly."""
    names = ["main", "worker_loop", "parse", "hash", "send", "[libcrypto.so.3+0x1f2e]"] + HOSTILE
    slices = [{"thread": f"worker-{i % 3}", "tid": 100 + i, "labels": {"request": str(i)} if i % 2 else {}} for i in range(6)]

    def node(depth, name):
        counts = {"CPU": rng.randrange(1, 500), "WAITING": rng.randrange(300)}
        cut = rng.randrange(counts["CPU"])
        made = {"counts": counts, "slices": {str(rng.randrange(6)): {"CPU": cut, "WAITING": counts["WAITING"]}}}
        if name in ("parse", "hash", "send"):  # a function with and without its file would be two
            made.update(file="/src/server.c", line=[rng.randrange(1, 900)])
        if depth > 0:
            chosen = {rng.choice(names) for _ in range(rng.randrange(1, 4))}
            made["children"] = {"server:" + one: node(depth - 1, one) for one in sorted(chosen)}
        return made

    return {"start": 1700000000000, "end": 1700000060000,
            "agentMetadata": {"sampleWeights": {"CPU": 1000.0, "WAITING": 1000.0}, "durationInMs": 60000, "fleetInfo": {},
                              "agentInfo": {"type": "Pando", "version": "1"}, "numTimesSampled": 12345},
            "callgraph": {"children": {"server:_start": node(6, "_start")}},
            "debugInfo": {"genericMetrics": {"samplesDropped": 7.0}, "processName": "server"},
            "pando": {"slices": slices, "objects": [{"name": "server", "path": "/usr/bin/server", "buildId": "00112233445566778899aabb"}]}}


def pprof_raw(path):
    """What go tool pprof -raw prints: value types, samples [(values, [location], {label: text})], locations {id: text}, head."""
    text = run("go", "tool", "pprof", "-raw", "-symbolize=none", path).stdout
    head, rest = text.split("Samples:\n", 1)
    samples, locations = rest.split("Locations\n", 1)
    locations, mappings = locations.split("Mappings\n", 1)
    lines = samples.splitlines()
    parsed = []
    for line in lines[1:]:
        values = re.match(r"^ *([0-9 ]+): ?([0-9 ]*)$", line)
        if values:
            parsed.append(([int(v) for v in values[1].split()], [int(v) for v in values[2].split()], {}))
        elif line.strip():
            for key, value in re.findall(r"(\S+):\[([^\]]*)\]", line):
                parsed[-1][2][key] = value
    return head, lines[0].split(), parsed, locations, mappings


def check_pprof(folder, body):
    path = os.path.join(folder, "out.pb.gz")
    run(PANDO, "report", body, "-o", path)
    check(open(path, "rb").read(2) == b"\x1f\x8b", "pprof is not packed")
    expected = report(body)
    head, types, samples, locations, mappings = pprof_raw(path)
    check(types == ["samples/count", "cpu/nanoseconds[dflt]"], f"value types {types}")
    check(sum(s[0][1] for s in samples) == expected["totalNs"], "go tool pprof has another sum")
    check("samplesDropped: 7" in head, f"the counters are not in the comments: {head}")
    check("PeriodType: cpu nanoseconds" in head and "Duration: 1m" in head, head)
    check("/usr/bin/server 00112233445566778899aabb [FN][FL][LN][IN]" in mappings, f"mappings: {mappings}")
    check("server.c" in locations, "no file in the locations")
    for thread in ("worker-0", "worker-1", "worker-2"):
        mine = report(body, "--thread", thread)["totalNs"]
        theirs = sum(s[0][1] for s in samples if s[2].get("thread_name") == thread)
        check(mine == theirs, f"thread {thread}: {mine} here, {theirs} there")
    check(any(s[2].get("request") == "3" for s in samples), "no label")
    # Each function, as -top adds it up.
    top = run("go", "tool", "pprof", "-top", "-unit=ns", "-nodecount=100000", "-nodefraction=0", "-symbolize=none", path).stdout
    theirs = collections.Counter()
    for line in top.splitlines():
        found = re.match(r"^ *([0-9.]+)(?:ns)? +[0-9.]+% +[0-9.]+% +([0-9.]+)(?:ns)? +[0-9.]+% +(.*)$", line)
        if found:
            theirs[found[3]] += int(float(found[1]))
    for name, (self_ns, _) in by_function(expected["top"]).items():
        if re.fullmatch(r"[a-z_]+", name):
            check(theirs[name] == self_ns, f"{name}: {self_ns} here, {theirs[name]} there")
    # And back again, threads and all.
    back = report(path)
    check(by_function(back["top"]) == by_function(expected["top"]), "pprof read again has other functions")
    check(report(path, "--label", "request:3")["totalNs"] == report(body, "--label", "request:3")["totalNs"], "labels read again")
    wall = os.path.join(folder, "wall.pb.gz")
    run(PANDO, "report", body, "--state", "all", "-o", wall)
    _, types, samples, _, _ = pprof_raw(wall)
    check(types[-1] == "wall/nanoseconds[dflt]", f"value types {types}")
    check(sum(s[0][-1] for s in samples) == report(body, "--state", "all")["totalNs"], "wall time has another sum")
    check({s[2].get("state") for s in samples} == {"WAITING"}, "wall time without states")
    check(report(wall)["states"] == {"WAITING": report(body, "--state", "all")["totalNs"]}, "states read again")


def check_go(folder):
    program = os.path.join(folder, "busy")
    cache = {} if "HOME" in os.environ else {"GOCACHE": os.path.join(folder, "gocache")}
    run("go", "build", "-o", program, os.path.join(HERE, "busy.go"), env=dict(os.environ, GO111MODULE="off", **cache))
    run(program, folder)
    path = os.path.join(folder, "cpu.pb.gz")
    _, types, samples, _, _ = pprof_raw(path)
    mine = report(path)
    check(mine["totalNs"] == sum(s[0][1] for s in samples), f"Go's own profile has another sum: {types}")
    check(mine["samples"] == sum(s[0][0] for s in samples), "Go's own profile has another number of samples")
    # With what the runtime puts into it when it takes the processor away.
    check(by_function(mine["top"])["main.burn"][1] > 0.8 * mine["totalNs"], f"the hottest function: {mine['top'][:3]}")
    labelled = sum(s[0][1] for s in samples if s[2].get("request") == "first")
    check(0 < labelled == report(path, "--label", "request:first")["totalNs"], "Go's labels")
    raw = os.path.join(folder, "cpu.unpacked")
    with open(raw, "wb") as out:
        out.write(gzip.open(path).read())
    check(report(raw)["totalNs"] == mine["totalNs"], "a profile that is not packed")
    refused = run(PANDO, "report", os.path.join(folder, "heap.pb.gz"), status=1)
    check("only time can be shown" in refused.stderr, refused.stderr)


def check_speedscope(folder, body):
    """Its page adds up what it imported: total and self of each function in the table of the sandwich view."""
    expected = report(body)
    path = os.path.join(folder, "out.speedscope.json")
    run(PANDO, "report", body, "-o", path)
    written = json.load(open(path, encoding="utf-8"))
    check(sum(written["profiles"][0]["weights"]) == expected["totalNs"], "speedscope's first profile is not all")
    check({p["name"].split(" ")[0] for p in written["profiles"][1:]} == {"worker-0", "worker-1", "worker-2"}, "threads")
    pprof = os.path.join(folder, "out.pb.gz")
    for source in (path, pprof, os.path.join(folder, "out.folded")):
        done = run("node", os.path.join(HERE, "speedscope_peer.mjs"), source, cwd=HERE)
        seen = json.loads(done.stdout)
        whole = expected["totalNs"]
        mine = by_function(expected["top"])
        count = 0
        for name, self_percent, total_percent in seen["rows"]:
            if name not in mine or not re.fullmatch(r"[a-z_]+", name):
                continue
            count += 1
            self_ns, total_ns = mine[name]
            check(abs(100 * self_ns / whole - self_percent) <= 0.51 or self_percent < 1, f"{source}: self of {name}: {self_percent}")
            check(abs(100 * total_ns / whole - total_percent) <= 0.51 or total_percent < 1, f"{source}: total of {name}: {total_percent}")
        check(count >= 4, f"speedscope shows {count} of the functions of {source}: {seen['rows'][:5]}")


def check_folded(folder, body):
    expected = report(body)
    path = os.path.join(folder, "out.folded")
    run(PANDO, "report", body, "-o", path)
    sums = collections.Counter()
    for line in open(path, encoding="utf-8"):
        stack, number = line.rstrip("\n").rsplit(" ", 1)
        sums[stack.split(";")[-1]] += int(number)
    check(sum(sums.values()) == expected["totalNs"], "folded stacks have another sum")
    check(sums["a:b:c 12"] == by_function(expected["top"])["a;b;c 12"][0], "a name with separators")
    check(report(path)["totalNs"] == expected["totalNs"], "folded stacks read again")
    theirs = os.path.join(folder, "perf.folded")
    with open(theirs, "w", encoding="utf-8") as out:
        out.write("# comment\nmain;a_[k] 3\nmain;b 7\n\nmain 1\n")
    check(report(theirs, "--unit", "samples")["totalNs"] == 110 * 10**6, "samples of 10 ms")
    for text, word in (("main;a\n", "line 1 is no folded stack"), ("main 1\nmain 1.5\n", "line 2 "), ("", "empty"),
                       ("main 99999999999999999999\n", "line 1"), ("{\"a\": 1}", "call tree"), ("\x00\x01", "pprof")):
        with open(theirs, "w", encoding="utf-8") as out:
            out.write(text)
        refused = run(PANDO, "report", theirs, status=1)
        check(word in refused.stderr and refused.stderr.count("\n") == 1, f"{text!r}: {refused.stderr}")


def check_markdown(folder, body):
    path = os.path.join(folder, "out.md")
    run(PANDO, "report", body, "-o", path)
    text = open(path, encoding="utf-8").read()
    rows = [line for line in text.split("\n") if line.startswith("| ")]
    check(len(rows) > 8 and all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows), f"a cell is broken:\n{text}")
    check("`samplesDropped` 7" in text, "losses are not told")
    plain = re.sub(r"`` .*? ``|`[^`]*`", "", text)
    check("<" not in plain and "script" not in plain, f"a name is markup:\n{plain}")


def check_otlp(folder, body):
    """As OpenTelemetry's own generated reader sees the request, and by the rules of its dictionary."""
    from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2
    path = os.path.join(folder, "out.otlp")
    run(PANDO, "report", body, "-o", path)
    request = profiles_service_pb2.ExportProfilesServiceRequest()
    request.ParseFromString(open(path, "rb").read())
    tables, resource = request.dictionary, request.resource_profiles[0]
    profile = resource.scope_profiles[0].profiles[0]
    strings = tables.string_table
    check(strings[0] == "" and len(set(strings)) == len(strings), "string table")
    for table in (tables.mapping_table, tables.location_table, tables.function_table, tables.stack_table, tables.attribute_table):
        check(table[0] == type(table[0])(), f"the first entry of a table is set: {table[0]}")
    check(len({a.SerializeToString() for a in tables.attribute_table}) == len(tables.attribute_table), "an attribute is there twice")
    check(resource.resource.attributes[0].value.string_value == "body.json", "service.name")
    check((strings[profile.sample_type.type_strindex], strings[profile.period_type.unit_strindex]) == ("samples", "nanoseconds"), "types")
    expected = report(body)
    threads, functions = collections.Counter(), collections.Counter()
    for sample in profile.samples:
        ns = sample.values[0] * profile.period
        attributes = {strings[tables.attribute_table[i].key_strindex]: tables.attribute_table[i].value for i in sample.attribute_indices}
        threads[attributes["thread.name"].string_value if "thread.name" in attributes else ""] += ns
        leaf = tables.location_table[tables.stack_table[sample.stack_index].location_indices[0]]
        functions[strings[tables.function_table[leaf.lines[0].function_index].name_strindex]] += ns
    near = profile.period * 20
    check(abs(sum(threads.values()) - expected["totalNs"]) < near, "OTLP has another sum")
    for thread in ("worker-0", "worker-1", "worker-2"):
        check(abs(threads[thread] - report(body, "--thread", thread)["totalNs"]) < near, f"OTLP: thread {thread}")
    for name, (self_ns, _) in by_function(expected["top"]).items():
        check(abs(functions[name] - self_ns) < near, f"OTLP: {name}: {functions[name]}, not {self_ns}")
    build_ids = [tables.attribute_table[i].value.string_value for mapping in tables.mapping_table for i in mapping.attribute_indices]
    check(build_ids == ["00112233445566778899aabb"], f"build-ids {build_ids}")


def check_html(folder, body):
    """The page in one file: it shows what the report says, asks nobody, and no name is markup."""
    for arguments, name in (([], "page.html"), (["--state", "all"], "wall.html")):
        path = os.path.join(folder, name)
        run(PANDO, "report", body, "-o", path, *arguments)
        seen = json.loads(run("node", os.path.join(HERE, "page_peer.mjs"), path, cwd=HERE).stdout)
        check(seen["requests"] == [f"file://{path}"] and seen["problems"] == [], f"{name}: {seen['requests']} {seen['problems']}")
        check(seen["title"].startswith("body_json"), f"title {seen['title']}")
        check(seen["elements"] == 0, f"{name}: a name became markup")
        expected = by_function(report(body, *arguments)["top"])
        rows = {row[-2]: row for row in seen["rows"]}
        check(len(rows) == len(expected), f"{name}: {len(rows)} functions of {len(expected)}")
        for function in ("main", "parse", "hash", "send", "worker_loop", "</script><b>", "a;b;c 12"):
            self_ns, total_ns = expected[function]
            check(abs(float(rows[function][0]) - self_ns / 1e9) < 0.006 and abs(float(rows[function][2]) - total_ns / 1e9) < 0.006,
                  f"{name}: {function}: {rows[function]}, not {self_ns} and {total_ns}")


def main():
    if shutil.which("go") is None:
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        body = os.path.join(folder, "body.json")
        with open(body, "w", encoding="utf-8") as out:
            json.dump(agent_body(random.Random(1)), out)
        check_folded(folder, body)
        check_markdown(folder, body)
        check_pprof(folder, body)
        print("go tool pprof reads what Pando writes: sums, functions, threads, labels, mappings, comments")
        check_otlp(folder, body)
        print("OpenTelemetry's reader reads what Pando writes: sums, functions, threads, build-ids")
        check_html(folder, body)
        print("the page in one file shows what the report says, and asks nobody")
        check_speedscope(folder, body)
        print("speedscope shows what Pando writes: its own JSON, pprof and folded stacks")
        check_go(folder)
        print("Pando reads what Go writes: sums, functions, labels; a heap profile is refused")


main()
