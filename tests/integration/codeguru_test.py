"""A program under libpando.so against a service that plays Amazon's: switched on by AWS's own variables, every request signed by
botocore's judgement, asked how to profile before each interval and obeyed, told what machine it runs on; and no secret anywhere.

Arguments: LIBPANDO."""
import json
import os
import subprocess
import sys
import tempfile
import time

from pando_testing import Service as HttpService, ServiceHandler, check, wait_for

try:
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    botocore = None

LIBRARY = sys.argv[1]
SECRET = "CANARYsecret0123456789+/"
GROUP = "my-group"
FUNCTION = "aws-lambda-my_function"
ARN = "arn:aws:codeguru-profiler:eu-west-2:123456789012:profilingGroup/" + GROUP


class Service(HttpService):
    def __init__(self):
        self.profiles = []       # bodies
        self.asked = []          # bodies of ConfigureAgent
        self.paths = []
        self.unsigned = []
        self.made = []           # groups
        self.forgets = 0         # profiles that the group is missing for, less one
        self.configuration = {"agentParameters": {}, "periodInSeconds": 60, "shouldProfile": True}
        self.configure_status = 200
        super().__init__(Handler)


class Handler(ServiceHandler):
    def is_signed(self, body):
        if botocore is None or "Authorization" not in self.headers:
            return "Authorization" in self.headers
        request = AWSRequest(method="POST", url=self.server.url + self.path, data=body,
                             headers={name: self.headers[name] for name in ("Content-Type", "X-Amz-Date", "Host")})
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        auth = botocore.auth.SigV4Auth(Credentials("AKIDENV", SECRET, None), "codeguru-profiler", "eu-west-2")
        signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        return self.headers["Authorization"].endswith("Signature=" + signature)

    def do_POST(self):
        body = self.body()
        service = self.server
        with service.lock:
            service.paths.append(self.path)
            if not self.is_signed(body):
                service.unsigned.append(self.path)
            if self.path.startswith("/profilingGroups?clientToken="):
                service.made.append((len(self.path), json.loads(body)))
                return self.answer(201 if len(service.made) == 1 else 409, "{}")
            if self.path == f"/profilingGroups/{FUNCTION}/configureAgent":
                return self.answer(200, json.dumps(service.configuration)) if service.made else self.answer(404, "{}")
            if self.path.startswith(f"/profilingGroups/{FUNCTION}/agentProfile?profileToken="):
                service.forgets = max(0, service.forgets - 1)
                if service.forgets == 0 and service.made:
                    service.profiles.append(json.loads(body))
                    return self.answer(204)
                return self.answer(404, '{"message": "no such group"}')
            if self.path == f"/profilingGroups/{GROUP}/configureAgent":
                service.asked.append(json.loads(body))
                status = service.configure_status
                return self.answer(status, json.dumps(service.configuration if status == 200 else {"message": "no"}))
            if self.path.startswith(f"/profilingGroups/{GROUP}/agentProfile?profileToken="):
                service.profiles.append(json.loads(body))
                return self.answer(204)
        return self.answer(404)

    def do_GET(self):
        if self.path == "/ecs/task":
            return self.answer(200, json.dumps({"TaskARN": "arn:aws:ecs:task/1", "Limits": {"CPU": 0.5, "Memory": 512}}))
        return self.answer(404)


class Host:
    """A shell that burns CPU time until it is told to stop."""

    def __init__(self, service, folder, **more):
        self.stop_file = os.path.join(folder, "stop")
        self.log = os.path.join(folder, "log")
        if os.path.exists(self.stop_file):
            os.unlink(self.stop_file)
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("AWS_", "PANDO_", "ECS_")) and not name.lower().endswith("_proxy")}
        settings = {"LD_PRELOAD": LIBRARY, "PANDO_ENABLED": "true", "AWS_CODEGURU_PROFILER_GROUP_ARN": ARN, "AWS_REGION": "us-east-1",
                    "AWS_ENDPOINT_URL_CODEGURUPROFILER": service.url, "AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": SECRET,
                    "AWS_EC2_METADATA_DISABLED": "true", "PANDO_INTERVAL_S": "1", "PANDO_LOG": self.log, "PANDO_LOG_LEVEL": "debug"}
        settings.update(more)
        self.process = subprocess.Popen(["sh", "-c", f"while [ ! -e {self.stop_file} ]; do :; done"],
                                        env={**kept, **{name: value for name, value in settings.items() if value is not None}},
                                        stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            with open(self.stop_file, "w", encoding="utf-8"):
                pass
        err = self.process.communicate(timeout=60)[1]
        check(self.process.returncode == 0 and err == b"", (self.process.returncode, err))
        text = self.words()
        check(SECRET not in text, f"a secret in the log: {text}")

    def words(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8") as file:
            return file.read()


def test_delivery(folder):
    service = Service()
    with Host(service, folder, ECS_CONTAINER_METADATA_URI_V4=service.url + "/ecs"):
        wait_for("three profiles", lambda: len(service.profiles) >= 3)
    check(service.unsigned == [], service.unsigned)
    kinds = ["configureAgent" if "configureAgent" in path else "agentProfile" for path in service.paths]
    check(kinds[0] == "configureAgent" and kinds.count("configureAgent") >= 3, kinds)
    check(all(asked == {"fleetInstanceId": "arn:aws:ecs:task/1", "metadata": {}} for asked in service.asked), service.asked)
    fleet = service.profiles[-1]["agentMetadata"]["fleetInfo"]
    check(fleet == {"computeType": "aws_fargate_task", "taskArn": "arn:aws:ecs:task/1", "cpuLimit": 0.5, "memoryLimitInMB": 512}, fleet)
    check(all(SECRET not in json.dumps(profile) for profile in service.profiles), "a secret in a profile")


def test_pause(folder):
    service = Service()
    service.configuration["shouldProfile"] = False
    with Host(service, folder) as host:
        wait_for("it asks", lambda: len(service.asked) >= 1)
        wait_for("a pause", lambda: "sampling pauses" in host.words())
        asked = len(service.asked)
        wait_for("it asks again", lambda: len(service.asked) >= asked + 2)
        check(service.profiles == [], "profiles although none are wanted")
        with open(f"/proc/{host.process.pid}/timers", encoding="utf-8") as file:
            check(file.read() == "", "there are timers in the pause")
        service.configuration["shouldProfile"] = True
        wait_for("a profile", lambda: len(service.profiles) >= 2)
        check("sampling goes on" in host.words(), host.words())
        # No such group: nothing is profiled until the service answers otherwise.
        service.configure_status = 404
        wait_for("a pause", lambda: host.words().count("sampling pauses") == 2)
        count = len(service.profiles)
        asked = len(service.asked)
        wait_for("it asks again", lambda: len(service.asked) >= asked + 2)
        check(len(service.profiles) == count, "profiles for a group that is not there")
        service.configure_status = 200
        wait_for("a profile", lambda: len(service.profiles) > count)
        # What was sampled before the pause was noticed is told by a profile after it.
        wait_for("unwanted samples", lambda: any(profile["debugInfo"].get("genericMetrics", {}).get("samplesNotWanted", 0) > 0
                                                 for profile in service.profiles))


def test_trouble(folder):
    """Errors of the service's or of rights are no reason to stop."""
    for status in (403, 429, 500):
        service = Service()
        service.configure_status = status
        with Host(service, folder):
            wait_for(f"profiles under {status}", lambda: len(service.profiles) >= 2)


def test_function(folder):
    """In a Lambda function: the group has its name, and is made when the service does not know it, or forgets it."""
    service = Service()
    service.forgets = 3
    function = {"AWS_CODEGURU_PROFILER_GROUP_ARN": None, "AWS_REGION": "eu-west-2", "AWS_LAMBDA_FUNCTION_NAME": "my_function",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023", "LAMBDA_TASK_ROOT": "/var/task",
                "LAMBDA_RUNTIME_DIR": "/var/runtime"}
    with Host(service, folder, **function) as host:
        wait_for("profiles", lambda: len(service.profiles) >= 2)
        check("has been made" in host.words(), host.words())
    check(service.unsigned == [], service.unsigned)
    check(service.made[0][1] == {"profilingGroupName": FUNCTION, "computePlatform": "AWSLambda",
                                 "agentOrchestrationConfig": {"profilingEnabled": True}}, service.made)
    check(len(service.made) >= 2 and service.made[0][0] == len("/profilingGroups?clientToken=") + 36, service.made)
    check(service.profiles[-1]["agentMetadata"]["fleetInfo"] == {"computeType": "aws_lambda", "functionArn": "my_function",
                                                                  "executionEnv": "AWS_Lambda_provided.al2023", "memoryLimitInMB": 256},
          service.profiles[-1]["agentMetadata"])


def test_switches(folder):
    service = Service()
    for more in ({"PANDO_ENABLED": None}, {"PANDO_ENABLED": "false"}, {"AWS_CODEGURU_PROFILER_GROUP_ARN": None},
                 {"AWS_CODEGURU_PROFILER_ENABLED": "false"}):
        with Host(service, folder, **more) as host:
            wait_for("it burns", lambda: cpu_s(host.process.pid) > 0.3)
            check(os.listdir(f"/proc/{host.process.pid}/task") == [str(host.process.pid)], f"a thread although {more}")
    check(service.paths == [], service.paths)
    # A receiver of one's own is neither signed nor asked, unless one says so.
    for more, signed in (({}, False), ({"PANDO_SIGN": "true", "PANDO_ORCHESTRATE": "false"}, True)):
        service = Service()
        with Host(service, folder, PANDO_URL=service.url, PANDO_ENABLED=None, **more):
            wait_for("a profile", lambda: len(service.profiles) >= 1)
        check(service.asked == [] and bool(service.unsigned) != signed, (more, service.unsigned, service.asked))


def test_minimum(folder):
    """An interval shorter than the service wants is not sent at the end, unless the user has set the interval."""
    service = Service()
    service.configuration["agentParameters"] = {"MinimumTimeForReportingInMilliseconds": "30000"}
    with Host(service, folder, PANDO_INTERVAL_S=None) as host:
        wait_for("it asks", lambda: len(service.asked) >= 1)
        wait_for("it burns", lambda: cpu_s(host.process.pid) > 0.5)
    check(service.profiles == [], "a profile of less than the minimum")


def test_sampling(folder):
    """As seldom as the service wants: 2 samples of half a second say as much time as 100 would, and no rate of the user's is touched."""
    service = Service()
    service.configuration["agentParameters"] = {"SamplingIntervalInMilliseconds": "250", "MaxStackDepth": "2"}

    def rate_of(profile):
        meta = profile["agentMetadata"]
        return meta["numTimesSampled"] / max(meta["cpuTimeInSeconds"], 0.001)
    with Host(service, folder):
        wait_for("a coarse profile", lambda: any(rate_of(profile) < 20 for profile in service.profiles[1:]))
        check(all(profile["agentMetadata"]["sampleWeights"] == {"WALL_TIME": 100.0} for profile in service.profiles), service.profiles[-1])
    service.profiles.clear()
    with Host(service, folder, PANDO_RATE_HZ="100", PANDO_BUDGET_PERCENT="100"):
        wait_for("three profiles", lambda: len(service.profiles) >= 3)
    check(all(rate_of(profile) > 20 for profile in service.profiles[:3]), [rate_of(profile) for profile in service.profiles])


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            begin = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                test(folder)
            print(f"{name}: {time.monotonic() - begin:.1f} s", flush=True)


main()
