#!/usr/bin/env python3
"""Amazon's own agent for Python, as it is on PyPI, with its own boto3 client, profiles a program into `pando serve`: the report shows its
frames. It signs, it obeys the switch of its group, and where groups must have been made it makes them (on Lambda) or stays silent.

Usage: python_agent_test.py PATH-OF-pando. 77 = skipped: no boto3, or the agent cannot be fetched."""
import json
import os
import subprocess
import sys
import tempfile

from pando_testing import Receiver, check, plain_environment, wait_for

try:
    import boto3
    from botocore.config import Config
except ImportError:
    print("there is no boto3 (Debian: python3-boto3)")
    sys.exit(77)

PANDO = sys.argv[1]
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python_agent")
SECRET = "of the agent for Python"


def fetch_agent(folder):
    """Into `folder`, without what it would bring along: it needs boto3 only."""
    if os.path.isdir(folder):
        return
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore",
                           "--no-deps", "--target", folder, "-r", os.path.join(HERE, "requirements.txt")], capture_output=True, text=True)
    if done.returncode != 0:
        print("codeguru_profiler_agent cannot be fetched: " + (done.stderr.strip().splitlines() or ["pip failed"])[-1])
        sys.exit(77)


class Program:
    """Runs until the block ends; `said` is its log then."""

    def __init__(self, agent, url, group, **more):
        variables = {**plain_environment(), "PYTHONPATH": agent, "AWS_ACCESS_KEY_ID": "AKIDPYTHON", "AWS_SECRET_ACCESS_KEY": SECRET,
                     "AWS_EC2_METADATA_DISABLED": "true", **more}
        variables.pop("AWS_PROFILE", None)
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "program.py"), url, group], stdin=subprocess.PIPE,
                                        stdout=self.log, stderr=self.log, env=variables)

    def __enter__(self):
        return self

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def __exit__(self, *unused):
        self.process.stdin.close()
        status = self.process.wait(60)
        self.said = self.text()
        check(status == 0, f"the program ends well: {self.said}")


def total(report, name):
    return max([row["totalPercent"] for row in report["top"] if row["name"].endswith(name)], default=0)


def report(receiver, group):
    done = subprocess.run([PANDO, "report", "--url", receiver.url, "--group", group, "--format", "json", "--top", "1000"],
                          capture_output=True, text=True,
                          env={**plain_environment(), "AWS_ACCESS_KEY_ID": "AKIDPYTHON", "AWS_SECRET_ACCESS_KEY": SECRET})
    if done.returncode != 0:
        return None
    return json.loads(done.stdout)


def main():
    agent = os.path.join(os.environ.get("PANDO_BUILD", tempfile.gettempdir()), "python-agent")
    fetch_agent(agent)
    with tempfile.TemporaryDirectory() as folder:
        key = os.path.join(folder, "key")
        with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(SECRET)
        with Receiver(PANDO, "--access-key", "AKIDPYTHON:" + key) as receiver:
            aws = boto3.client("codeguruprofiler", endpoint_url=receiver.url, region_name="eu-west-1", aws_access_key_id="AKIDPYTHON",
                               aws_secret_access_key=SECRET, config=Config(retries={"max_attempts": 0}))

            def profiles(group):
                return (report(receiver, group) or {"profiles": 0})["profiles"]
            with Program(agent, receiver.url, "python") as program:
                wait_for("three profiles of the agent", lambda: profiles("python") >= 3)
            found = report(receiver, "python")
            names = [row["name"] for row in found["top"]]
            for name in ("burn_three", "burn_one", "wait"):
                check(any(one.endswith(name) for one in names), f"{name} is in the report: {names}")
            ratio = total(found, "burn_three") / total(found, "burn_one")
            check(1.5 < ratio < 6, f"burn_three to burn_one is {ratio}, not about 3")
            check("Reported profile successfully" in program.said, program.said)
            status = aws.describe_profiling_group(profilingGroupName="python")["profilingGroup"]["profilingStatus"]
            check({"latestAgentOrchestratedAt", "latestAgentProfileReportedAt", "latestAggregatedProfile"} <= set(status), f"{status}")

            aws.create_profiling_group(profilingGroupName="off", agentOrchestrationConfig={"profilingEnabled": False})
            with Program(agent, receiver.url, "off") as program:
                wait_for("the agent's question", lambda: "latestAgentOrchestratedAt" in aws.describe_profiling_group(
                    profilingGroupName="off")["profilingGroup"]["profilingStatus"])
                # It asks again after each reporting interval of a second; nothing may come in between.
                aws.update_profiling_group(profilingGroupName="off", agentOrchestrationConfig={"profilingEnabled": True})
                check(profiles("off") == 0, "nothing came while it was off")
                wait_for("a profile once it is on", lambda: profiles("off") >= 1)

        with Receiver(PANDO, "--strict", "--access-key", "AKIDPYTHON:" + key) as receiver:
            aws = boto3.client("codeguruprofiler", endpoint_url=receiver.url, region_name="eu-west-1", aws_access_key_id="AKIDPYTHON",
                               aws_secret_access_key=SECRET)
            with Program(agent, receiver.url, "aws-lambda-f", LAMBDA_TASK_ROOT="/x", LAMBDA_RUNTIME_DIR="/x"):
                made = wait_for("the agent on Lambda to make its group", lambda: aws.list_profiling_groups()["profilingGroupNames"])
                check(made == ["aws-lambda-f"], f"{made}")
                wait_for("a profile for it", lambda: report(receiver, "aws-lambda-f"))
            with Program(agent, receiver.url, "elsewhere") as program:
                wait_for("the agent to start", lambda: "Starting profiler" in program.text() or "profiler" in program.text().lower())
                check(aws.list_profiling_groups()["profilingGroupNames"] == ["aws-lambda-f"], "elsewhere it makes no group")
                aws.create_profiling_group(profilingGroupName="elsewhere")
                wait_for("a profile once somebody has made the group", lambda: report(receiver, "elsewhere"))
            group = aws.describe_profiling_group(profilingGroupName="aws-lambda-f")["profilingGroup"]
            check(group["computePlatform"] == "AWSLambda", f"{group}")
    print(f"codeguru_profiler_agent 1.2.6, boto3 {boto3.__version__}, {sys.version.split()[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
