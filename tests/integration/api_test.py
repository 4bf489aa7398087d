#!/usr/bin/env python3
"""Amazon's SDK for Python against `pando serve`: every operation that is offered, with what it refuses; every other operation of the
service's model answers an error of its own.

Usage: api_test.py PATH-OF-pando [PATH-OF-libpando.so PATH-OF-shares]
"""
import datetime
import gzip
import http.client
import json
import subprocess
import sys
import uuid

from pando_testing import Receiver, check, environment, fail

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    print("there is no boto3 (Debian: python3-boto3)")
    sys.exit(77)

PANDO = sys.argv[1]
UTC = datetime.timezone.utc
# Ten minutes past midnight, so that five minutes, hours and days are told apart.
BASE = datetime.datetime(2026, 3, 1, 0, 10, tzinfo=UTC)
MINUTE = datetime.timedelta(minutes=1)
checks = 0


def client(url, **options):
    return boto3.client("codeguruprofiler", endpoint_url=url, region_name="eu-west-1", aws_access_key_id="AKIDEXAMPLE",
                        aws_secret_access_key="secret", config=Config(retries={"max_attempts": 0}, **options))


def equal(what, got, wanted):
    global checks
    checks += 1
    check(got == wanted, f"{what}: {got!r} is not {wanted!r}")


def refused(what, call, error, status, word, **arguments):
    """The SDK raises the model's exception, with a sentence that has `word`."""
    global checks
    checks += 1
    try:
        call(**arguments)
    except ClientError as problem:
        answer = problem.response
        got = (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])
        check(got == (error, status), f"{what}: {got}, not {(error, status)}: {problem}")
        sentence = answer["Error"]["Message"]
        check(word in sentence and sentence.endswith("."), f"{what}: {sentence!r} does not say {word!r}")
        check(answer["ResponseMetadata"].get("RequestId"), f"{what}: no request id")
    else:
        fail(f"{what}: it was taken")


def ms(time):
    return int(time.timestamp() * 1000)


def profile(start, counts=None, seconds=60):
    """main -> work -> deep, with self counts at one sample in 10 ms."""
    counts = counts or {"main": 0, "work": 1, "deep": 2}

    def node(names):
        value = {"counts": {"WALL_TIME": counts[names[0]]}} if counts[names[0]] else {}
        if names[1:]:
            value["children"] = {names[1]: node(names[1:])}
        return value
    names = list(counts)
    return json.dumps({
        "start": ms(start), "end": ms(start) + seconds * 1000,
        "agentMetadata": {"sampleWeights": {"WALL_TIME": 100.0}, "durationInMs": seconds * 1000,
                          "fleetInfo": {"id": str(uuid.UUID(int=1)), "type": "UNKNOWN", "vCPUs": 2},
                          "agentInfo": {"type": "CodeGuruProfiler-python", "version": "1.2.6"},
                          "agentOverhead": {"memoryInMB": 1, "timeInMs": 2}, "runtimeVersion": "3.11", "cpuTimeInSeconds": 1.0,
                          "metrics": {"numThreads": 1.0}, "numTimesSampled": sum(counts.values())},
        "callgraph": {"children": {names[0]: node(names)}}, "debugInfo": {"processId": 1}}).encode()


def post(aws, group, start, counts=None, token=None, body=None, kind="application/json"):
    return aws.post_agent_profile(profilingGroupName=group, contentType=kind, agentProfile=body or profile(start, counts),
                                  **({"profileToken": token} if token else {}))


def tree_of(answer):
    """{stack: seconds} of a GetProfile in JSON."""
    body = answer["profile"].read()
    if answer.get("contentEncoding") == "gzip":
        body = gzip.decompress(body)
    root = json.loads(body)
    weights = root["agentMetadata"]["sampleWeights"]
    found = {}

    def visit(node, path):
        for counter, value in node.get("counts", {}).items():
            found[path] = found.get(path, 0) + round(value / weights[counter], 6)
        for name, child in node.get("children", {}).items():
            visit(child, path + (name,))
    visit(root["callgraph"], ())
    return found, root


def groups(aws, url):
    made = aws.create_profiling_group(profilingGroupName="made", clientToken="token-1", tags={"team": "core", "é": "ü ☃"})
    equal("create: status", made["ResponseMetadata"]["HTTPStatusCode"], 201)
    group = made["profilingGroup"]
    arn = "arn:aws:codeguru-profiler:us-east-1:000000000000:profilingGroup/made"
    equal("create: arn", group["arn"], arn)
    equal("create: what it is by default", (group["name"], group["computePlatform"], group["agentOrchestrationConfig"], group["tags"],
                                            group["profilingStatus"]),
          ("made", "Default", {"profilingEnabled": True}, {"team": "core", "é": "ü ☃"}, {}))
    age = datetime.datetime.now(UTC) - group["createdAt"]
    check(-MINUTE < age < 10 * MINUTE and group["updatedAt"] == group["createdAt"], f"create: times {group}")
    again = aws.create_profiling_group(profilingGroupName="made", clientToken="token-1")["profilingGroup"]
    equal("create: the same token again is the same group", again, group)
    refused("create: another token", aws.create_profiling_group, "ConflictException", 409, "already", profilingGroupName="made")
    loose = client(url, parameter_validation=False)
    create = loose.create_profiling_group
    refused("create: a bad name", create, "ValidationException", 400, "profilingGroupName", profilingGroupName="a b")
    refused("create: a long name", create, "ValidationException", 400, "profilingGroupName", profilingGroupName="a" * 256)
    refused("create: a number as a name", create, "ValidationException", 400, "profilingGroupName", profilingGroupName=7)
    refused("create: a bad platform", create, "ValidationException", 400, "computePlatform", profilingGroupName="x",
            computePlatform="Moon")
    refused("create: a bad switch", create, "ValidationException", 400, "profilingEnabled", profilingGroupName="x",
            agentOrchestrationConfig={})
    refused("create: bad tags", create, "ValidationException", 400, "string", profilingGroupName="x", tags={"a": 1})
    refused("create: a tag of AWS's", create, "ValidationException", 400, "aws:", profilingGroupName="x", tags={"aws:x": "1"})
    refused("create: a tag without a key", create, "ValidationException", 400, "1 to 128", profilingGroupName="x", tags={"": "1"})
    refused("create: a long value", create, "ValidationException", 400, "256", profilingGroupName="x", tags={"k": "ü" * 257})
    refused("create: too many tags", create, "ValidationException", 400, "50", profilingGroupName="x",
            tags={f"k{i}": "" for i in range(51)})
    refused("create: a bad client token", create, "ValidationException", 400, "clientToken", profilingGroupName="x",
            clientToken="a b")
    lambda_group = aws.create_profiling_group(profilingGroupName="off", computePlatform="AWSLambda",
                                              agentOrchestrationConfig={"profilingEnabled": False},
                                              tags={"k" * 128: "ü" * 256})["profilingGroup"]
    equal("create: on Lambda, switched off", (lambda_group["computePlatform"], lambda_group["agentOrchestrationConfig"]),
          ("AWSLambda", {"profilingEnabled": False}))

    equal("describe", aws.describe_profiling_group(profilingGroupName="made")["profilingGroup"], group)
    refused("describe: no such group", aws.describe_profiling_group, "ResourceNotFoundException", 404, "no profiling group",
            profilingGroupName="nobody")

    updated = aws.update_profiling_group(profilingGroupName="off", agentOrchestrationConfig={"profilingEnabled": True})
    equal("update", updated["profilingGroup"]["agentOrchestrationConfig"], {"profilingEnabled": True})
    check(updated["profilingGroup"]["updatedAt"] >= updated["profilingGroup"]["createdAt"], "update: the time")
    refused("update: no such group", aws.update_profiling_group, "ResourceNotFoundException", 404, "no profiling group",
            profilingGroupName="nobody", agentOrchestrationConfig={"profilingEnabled": True})
    refused("update: nothing", loose.update_profiling_group, "ValidationException", 400, "profilingEnabled",
            profilingGroupName="off")

    post(aws, "posted", BASE)
    status = aws.describe_profiling_group(profilingGroupName="posted")["profilingGroup"]["profilingStatus"]
    equal("describe: the latest aggregate", status["latestAggregatedProfile"], {"start": BASE, "period": "PT5M"})
    check("latestAgentProfileReportedAt" in status and "latestAgentOrchestratedAt" not in status, f"describe: {status}")
    aws.configure_agent(profilingGroupName="posted")
    status = aws.describe_profiling_group(profilingGroupName="posted")["profilingGroup"]["profilingStatus"]
    check("latestAgentOrchestratedAt" in status, f"describe after an agent asked: {status}")

    listed = aws.list_profiling_groups()
    equal("list", (listed["profilingGroupNames"], "profilingGroups" in listed, "nextToken" in listed),
          (["made", "off", "posted"], False, False))
    seen, pages = [], 0
    token = {}
    while True:
        page = aws.list_profiling_groups(includeDescription=True, maxResults=2, **token)
        seen += page["profilingGroups"]
        equal("list: names and descriptions", [one["name"] for one in page["profilingGroups"]], page["profilingGroupNames"])
        pages += 1
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    equal("list: pages", (pages, [one["name"] for one in seen], seen[0]), (2, ["made", "off", "posted"], group))
    refused("list: none wanted", loose.list_profiling_groups, "ValidationException", 400, "maxResults", maxResults=0)
    refused("list: a foreign token", loose.list_profiling_groups, "ValidationException", 400, "nextToken", nextToken="dog")
    refused("list: a bad token", loose.list_profiling_groups, "ValidationException", 400, "nextToken", nextToken="a b")

    equal("delete", aws.delete_profiling_group(profilingGroupName="posted")["ResponseMetadata"]["HTTPStatusCode"], 204)
    for what, call, more in (("describe", aws.describe_profiling_group, {}), ("delete", aws.delete_profiling_group, {}),
                             ("profile", aws.get_profile, {"period": "P1D", "accept": "application/json"})):
        refused(f"{what} of what was deleted", call, "ResourceNotFoundException", 404, "no profiling group",
                profilingGroupName="posted", **more)


def tags(aws, url):
    arn = aws.describe_profiling_group(profilingGroupName="made")["profilingGroup"]["arn"]
    equal("tags", aws.list_tags_for_resource(resourceArn=arn)["tags"], {"team": "core", "é": "ü ☃"})
    done = aws.tag_resource(resourceArn=arn, tags={"team": "edge", "a&b=c": "/?#"})
    equal("tag", done["ResponseMetadata"]["HTTPStatusCode"], 204)
    equal("tags after tag", aws.list_tags_for_resource(resourceArn=arn)["tags"], {"team": "edge", "é": "ü ☃", "a&b=c": "/?#"})
    equal("tags of another region's name", aws.list_tags_for_resource(
        resourceArn="arn:aws-cn:codeguru-profiler:x:1:profilingGroup/made")["tags"]["team"], "edge")
    done = aws.untag_resource(resourceArn=arn, tagKeys=["a&b=c", "é", "nothing"])
    equal("untag", done["ResponseMetadata"]["HTTPStatusCode"], 204)
    equal("tags after untag", aws.list_tags_for_resource(resourceArn=arn)["tags"], {"team": "edge"})
    for name, call, more in (("list tags", aws.list_tags_for_resource, {}), ("tag", aws.tag_resource, {"tags": {"a": "b"}}),
                             ("untag", aws.untag_resource, {"tagKeys": ["a"]})):
        for bad in ("made", "arn:aws:codeguru-profiler:x:1:profilingGroup/a b", "arn:aws:s3:::x", "arn:aws:codeguru-profiler:x:1:made",
                    "arn:aws:codeguru-profiler", "arn:"):
            refused(f"{name}: {bad}", call, "ValidationException", 400, "ARN", resourceArn=bad, **more)
        refused(f"{name}: no such group", call, "ResourceNotFoundException", 404, "no profiling group",
                resourceArn="arn:aws:codeguru-profiler:x:1:profilingGroup/nobody", **more)
    refused("tag: too many", aws.tag_resource, "ValidationException", 400, "50", resourceArn=arn,
            tags={f"k{i}": "" for i in range(50)})
    loose = client(url, parameter_validation=False)
    refused("tag: none", loose.tag_resource, "ValidationException", 400, "tags", resourceArn=arn)
    refused("untag: none", loose.untag_resource, "ValidationException", 400, "tagKeys", resourceArn=arn)


def profile_times(aws, url):
    for minutes in (0, 1, 5, 60, 61, 24 * 60, 8 * 24 * 60):
        post(aws, "times", BASE + minutes * MINUTE)
    day, hour = datetime.timedelta(days=1), datetime.timedelta(hours=1)
    wide = {"profilingGroupName": "times", "startTime": BASE - 30 * day, "endTime": BASE + 30 * day}

    def starts(**more):
        return [one["start"] for one in aws.list_profile_times(**{**wide, **more})["profileTimes"]]
    five = [BASE, BASE + 5 * MINUTE, BASE + hour, BASE + day, BASE + 8 * day]
    equal("times: five minutes, falling by default", starts(period="PT5M"), five[::-1])
    equal("times: rising", starts(period="PT5M", orderBy="TimestampAscending"), five)
    midnight = BASE.replace(minute=0)
    equal("times: hours", starts(period="PT1H"), [midnight + 8 * day, midnight + day, midnight + hour, midnight])
    equal("times: days", starts(period="P1D", orderBy="TimestampDescending"), [midnight + 8 * day, midnight + day, midnight])
    equal("times: the start is in it, the end is not", starts(period="PT5M", startTime=BASE, endTime=BASE + 5 * MINUTE), [BASE])
    equal("times: a span that began before", starts(period="PT5M", startTime=BASE + MINUTE, endTime=BASE + 5 * MINUTE), [])
    for order, wanted in (("TimestampAscending", five), ("TimestampDescending", five[::-1])):
        got, token = [], {}
        while True:
            page = aws.list_profile_times(**wide, period="PT5M", orderBy=order, maxResults=2, **token)
            got += [one["start"] for one in page["profileTimes"]]
            if "nextToken" not in page:
                break
            equal(f"times: {order}, a page", len(page["profileTimes"]), 2)
            token = {"nextToken": page["nextToken"]}
        equal(f"times: {order}, by pages", got, wanted)
    loose = client(url, parameter_validation=False)
    call = loose.list_profile_times
    refused("times: no such group", call, "ResourceNotFoundException", 404, "no profiling group",
            **{**wide, "profilingGroupName": "nobody"}, period="PT5M")
    refused("times: a bad period", call, "ValidationException", 400, "PT5M", **wide, period="PT2M")
    refused("times: no period", call, "ValidationException", 400, "period", **wide)
    refused("times: no start", call, "ValidationException", 400, "startTime", profilingGroupName="times", endTime=BASE, period="PT5M")
    refused("times: the wrong way round", call, "ValidationException", 400, "before", profilingGroupName="times", period="PT5M",
            startTime=BASE, endTime=BASE)
    refused("times: a bad order", call, "ValidationException", 400, "orderBy", **wide, period="PT5M", orderBy="Random")
    refused("times: too many", call, "ValidationException", 400, "maxResults", **wide, period="PT5M", maxResults=1001)
    refused("times: another order's token", call, "ValidationException", 400, "nextToken", **wide, period="PT5M", nextToken="a0")


def get_profile(aws, url):
    main, work, deep = ("main",), ("main", "work"), ("main", "work", "deep")

    def get(**more):
        return tree_of(aws.get_profile(profilingGroupName="times", accept="application/json", **more))
    one = {work: 0.01, deep: 0.02}
    answer = aws.get_profile(profilingGroupName="times", accept="application/json", startTime=BASE, endTime=BASE + MINUTE)
    equal("profile: type", (answer["contentType"], answer.get("contentEncoding")), ("application/json", None))
    equal("profile: a minute", tree_of(answer)[0], one)
    tree, root = get(startTime=BASE, period="PT5M")
    equal("profile: five minutes", tree, {work: 0.02, deep: 0.04})
    equal("profile: its bounds", (root["start"], root["end"]), (ms(BASE), ms(BASE) + 120000))
    equal("profile: side by side, each counts once",
          [get(startTime=BASE + i * MINUTE, period="PT1M")[0].get(deep) for i in range(2)], [0.02, 0.02])
    equal("profile: up to an end", get(endTime=BASE + 5 * MINUTE, period="PT300S")[0], {work: 0.02, deep: 0.04})
    equal("profile: the latest", get(period="PT5M")[0], one)
    equal("profile: the latest day", get(period="P1D")[0], one)
    equal("profile: seven days", get(startTime=BASE, period="P7D")[0], {work: 0.06, deep: 0.12})
    loose = client(url, parameter_validation=False)

    def bad(what, word, **more):
        refused(f"profile: {what}", loose.get_profile, "ValidationException", 400, word, profilingGroupName="times",
                **{"accept": "application/json", **more})
    bad("all three", "two", startTime=BASE, endTime=BASE + MINUTE, period="PT1M")
    bad("none", "One of")
    bad("a start alone", "beside", startTime=BASE)
    bad("an end alone", "beside", endTime=BASE)
    bad("over seven days", "7 days", startTime=BASE, period="P7DT1S")
    bad("over seven days", "7 days", startTime=BASE, endTime=BASE + datetime.timedelta(days=7, seconds=1))
    bad("the wrong way round", "before", startTime=BASE, endTime=BASE - MINUTE)
    bad("a bad period", "duration", period="5 minutes")
    bad("a period of months", "duration", period="P1M")
    bad("a bad depth", "maxDepth", period="PT5M", maxDepth=0)
    bad("a bad depth", "maxDepth", period="PT5M", maxDepth=10001)
    bad("another type", "Accept", period="PT5M", accept="text/html")
    refused("profile: no such group", aws.get_profile, "ResourceNotFoundException", 404, "no profiling group",
            profilingGroupName="nobody", period="PT5M", accept="application/json")
    refused("profile: nothing in it", aws.get_profile, "ResourceNotFoundException", 404, "", profilingGroupName="times",
            startTime=BASE - 10 * MINUTE, period="PT5M", accept="application/json")

    # What no SDK sends.
    link = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    for query, word in (("startTime=yesterday&period=PT5M", "startTime"), ("period=PT5M&period=PT5M", "more than once"),
                        ("startTime=2026-03-01T00:10:00%2B01:00&endTime=x", "endTime"), ("period=&startTime=", "startTime")):
        link.request("GET", f"/profilingGroups/times/profile?{query}", headers={"Accept": "application/json"})
        response = link.getresponse()
        data = json.loads(response.read())
        equal(f"profile: {query}", (response.status, word in data["message"]), (400, True))
    link.request("GET", "/profilingGroups/times/profile?startTime=2026-03-01T01:10:00%2B01:00&period=PT1M",
                 headers={"Accept": "application/json", "Accept-Encoding": "br, gzip;q=0.5"})
    response = link.getresponse()
    packed = response.read()
    equal("profile: packed", (response.status, response.getheader("Content-Encoding")), (200, "gzip"))
    equal("profile: packed", json.loads(gzip.decompress(packed))["start"], ms(BASE))
    link.close()


def ion(aws, url):
    """What comes out as Ion can be posted again, and says the same. (That it is Ion is judged by Amazon's own readers elsewhere.)"""
    answer = aws.get_profile(profilingGroupName="times", startTime=BASE, period="PT5M")
    body = answer["profile"].read()
    equal("ion: the type by default", (answer["contentType"], body[:4].hex()), ("application/x-amzn-ion", "e00100ea"))
    asked = aws.get_profile(profilingGroupName="times", startTime=BASE, period="PT5M", accept="application/x-amzn-ion")
    equal("ion: by wish", asked["profile"].read(), body)
    post(aws, "ion", BASE, body=body, kind="application/x-amzn-ion", token="ion")
    post(aws, "ion", BASE, body=body, kind="application/x-amzn-ion", token="ion")
    trees = [tree_of(aws.get_profile(profilingGroupName=group, startTime=BASE, period="PT5M", accept="application/json"))[0]
             for group in ("times", "ion")]
    equal("ion: there and back", trees[0], trees[1])
    for what, bad in (("nothing", b"\xe0\x01\x00\xea"), ("cut short", body[:-7]), ("JSON", profile(BASE)), ("another version", b"\xe0\x02\x00\xea")):
        refused(f"ion: {what}", aws.post_agent_profile, "ValidationException", 400, "", profilingGroupName="ion",
                contentType="application/x-amzn-ion", agentProfile=bad)
    link = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    link.request("POST", "/profilingGroups/packed/agentProfile", gzip.compress(body),
                 {"Content-Type": "application/x-amzn-ion", "Content-Encoding": "gzip"})
    response = link.getresponse()
    equal("ion: packed", (response.status, response.read()), (204, b""))
    link.request("POST", "/profilingGroups/packed/configureAgent", body, {"Content-Type": "application/x-amzn-ion"})
    response = link.getresponse()
    equal("ion: where only JSON is taken", (response.status, json.loads(response.read())["message"][:33]),
          (415, "Content-Type must be application/"))
    link.close()


def depth(aws):
    """What lies deeper counts for the last frame that stays."""
    main, work, deep = ("main",), ("main", "work"), ("main", "work", "deep")
    for kind in ("application/json", "application/x-amzn-ion"):
        for frames, wanted in ((1, {main: 0.03}), (2, {work: 0.03}), (3, {work: 0.01, deep: 0.02}), (10000, {work: 0.01, deep: 0.02})):
            answer = aws.get_profile(profilingGroupName="times", startTime=BASE, period="PT1M", maxDepth=frames, accept=kind)
            if kind == "application/x-amzn-ion":
                group = f"depth-{frames}"
                post(aws, group, BASE, body=answer["profile"].read(), kind=kind)
                answer = aws.get_profile(profilingGroupName=group, period="P1D", accept="application/json")
            equal(f"depth {frames}, {kind}", tree_of(answer)[0], wanted)


def own_agent(aws, url):
    """Pando's agent asks, and does as it is told."""
    library, program = sys.argv[2:4]

    def run(group, switch):
        aws.create_profiling_group(profilingGroupName=group, agentOrchestrationConfig={"profilingEnabled": switch})
        subprocess.run([program, "1", "1.5"], env=environment(library, url, group, orchestrate="true", interval_s=1, rate_hz=200),
                       check=True, stdout=subprocess.DEVNULL, timeout=120)
        return aws.describe_profiling_group(profilingGroupName=group)["profilingGroup"]["profilingStatus"]
    status = run("own-off", False)
    check("latestAgentOrchestratedAt" in status, f"Pando's agent has asked: {status}")
    refused("Pando's agent, switched off", aws.get_profile, "ResourceNotFoundException", 404, "", profilingGroupName="own-off",
            period="P1D", accept="application/json")
    status = run("own-on", True)
    check("latestAgentProfileReportedAt" in status, f"Pando's agent, switched on: {status}")
    found = tree_of(aws.get_profile(profilingGroupName="own-on", period="P1D", accept="application/json"))[0]
    check(any("burn_sixty" in path[-1] for path in found), f"Pando's agent: {list(found)[:3]}")


def agents(aws, url):
    loose = client(url, parameter_validation=False)
    answer = aws.configure_agent(profilingGroupName="made", fleetInstanceId="f" * 255,
                                 metadata={"ComputePlatform": "AWSLambda", "AgentId": "a"})["configuration"]
    equal("configure", answer, {"agentParameters": {"MinimumTimeForReportingInMilliseconds": "1000", "MaxStackDepth": "1000"},
                                "periodInSeconds": 60, "shouldProfile": True})
    aws.update_profiling_group(profilingGroupName="made", agentOrchestrationConfig={"profilingEnabled": False})
    equal("configure: switched off", aws.configure_agent(profilingGroupName="made")["configuration"]["shouldProfile"], False)
    aws.update_profiling_group(profilingGroupName="made", agentOrchestrationConfig={"profilingEnabled": True})
    equal("configure: switched on", aws.configure_agent(profilingGroupName="made")["configuration"]["shouldProfile"], True)
    equal("configure: a new group", aws.configure_agent(profilingGroupName="new")["configuration"]["shouldProfile"], True)
    refused("configure: a bad fleet", loose.configure_agent, "ValidationException", 400, "fleetInstanceId",
            profilingGroupName="made", fleetInstanceId="f" * 256)
    refused("configure: no fleet", loose.configure_agent, "ValidationException", 400, "fleetInstanceId", profilingGroupName="made",
            fleetInstanceId="")
    for body in (None, profile(BASE)):
        for _ in range(2):
            equal("post", post(aws, "tokens", BASE, token="once", body=body)["ResponseMetadata"]["HTTPStatusCode"], 204)
    equal("post: a token counts once", tree_of(aws.get_profile(profilingGroupName="tokens", accept="application/json",
                                                              startTime=BASE, period="PT5M"))[0][("main", "work")], 0.01)
    refused("post: no JSON", aws.post_agent_profile, "ValidationException", 400, "", profilingGroupName="tokens",
            contentType="application/json", agentProfile=b"{")
    refused("post: another type", aws.post_agent_profile, "UnsupportedMediaTypeException", 415, "application/json",
            profilingGroupName="tokens", contentType="text/plain", agentProfile=b"{}")
    refused("post: a bad token", loose.post_agent_profile, "ValidationException", 400, "profileToken",
            profilingGroupName="tokens", contentType="application/json", agentProfile=profile(BASE), profileToken="a b")


def others(aws):
    """Each has an error that its own model names, so that SDKs raise what their users can catch."""
    offered = {"CreateProfilingGroup", "DescribeProfilingGroup", "UpdateProfilingGroup", "ListProfilingGroups", "DeleteProfilingGroup",
               "ListProfileTimes", "GetProfile", "PostAgentProfile", "ConfigureAgent", "ListTagsForResource", "TagResource",
               "UntagResource"}
    arguments = {
        "profilingGroupName": "made", "channels": [{"uri": "arn:aws:sns:x:1:y", "eventPublishers": ["AnomalyDetection"]}],
        "startTime": BASE, "endTime": BASE, "actionGroup": "agentPermissions", "principals": ["arn:aws:iam::1:root"],
        "channelId": str(uuid.UUID(int=1)), "revisionId": str(uuid.UUID(int=1)), "anomalyInstanceId": str(uuid.UUID(int=1)),
        "type": "Positive"}
    model = aws.meta.service_model
    names = [name for name in model.operation_names if name not in offered]
    equal("the operations of the model", len(model.operation_names), len(names) + len(offered))
    for name in names:
        operation = model.operation_model(name)
        wanted = {one: arguments[one] for one in operation.input_shape.required_members}
        method = [key for key, value in aws.meta.method_to_api_mapping.items() if value == name][0]
        modelled = {shape.name: shape.metadata["error"]["httpStatusCode"] for shape in operation.error_shapes}
        error = "ValidationException" if "ValidationException" in modelled else "ResourceNotFoundException"
        refused(name, getattr(aws, method), error, modelled[error], f"does not offer {name}", **wanted)


def strict():
    with Receiver(PANDO, "--strict") as receiver:
        aws = client(receiver.url)
        for what, call in (("post", lambda **names: post(aws, names["profilingGroupName"], BASE)), ("configure", aws.configure_agent)):
            refused(f"strict: {what}", call, "ResourceNotFoundException", 404, "CreateProfilingGroup", profilingGroupName="web")
        equal("strict: nothing was made", aws.list_profiling_groups()["profilingGroupNames"], [])
        aws.create_profiling_group(profilingGroupName="web")
        post(aws, "web", BASE)
        equal("strict: what was made", aws.configure_agent(profilingGroupName="web")["configuration"]["shouldProfile"], True)


def main():
    with Receiver(PANDO) as receiver:
        aws = client(receiver.url)
        groups(aws, receiver.url)
        tags(aws, receiver.url)
        profile_times(aws, receiver.url)
        get_profile(aws, receiver.url)
        depth(aws)
        ion(aws, receiver.url)
        if len(sys.argv) > 3:
            own_agent(aws, receiver.url)
        agents(aws, receiver.url)
        others(aws)
    strict()
    print(f"{checks} checks, boto3 {boto3.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
