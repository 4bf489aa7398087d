"""Signatures as botocore makes them: thousands of random requests, byte for byte the same Authorization header.

Arguments: the program "sign". 77 = skipped (no botocore: Debian's python3-botocore)."""
import datetime
import os
import random
import subprocess
import sys
import urllib.parse

try:
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    sys.exit(77)

REQUESTS = int(os.environ.get("PANDO_TEST_REQUESTS", "5000"))
TEXT = "abcXYZ019-_.~ /:+=&?%@!$'()*,;[]#\u00e9\u4e16\U0001f333"


class FixedTime(datetime.datetime):
    at = None

    @classmethod
    def utcnow(cls):
        return cls.at

    @classmethod
    def now(cls, tz=None):
        return cls.at.replace(tzinfo=tz)


def words(rng, least, most, alphabet=TEXT):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(least, most)))


def random_request(rng):
    method = rng.choice(["GET", "POST", "PUT", "DELETE"])
    segments = [rng.choice([words(rng, 0, 12), ".", "..", "", "profilingGroups"]) for _ in range(rng.randint(0, 6))]
    path = "/" + "/".join(urllib.parse.quote(segment, safe="-_.~") for segment in segments)
    names = [words(rng, 1, 8) for _ in range(rng.randint(0, 6))]
    query = "&".join(urllib.parse.quote(rng.choice(names), safe="-_.~") + "=" + urllib.parse.quote(words(rng, 0, 12), safe="-_.~")
                     for _ in names)
    headers = {"Content-Type": rng.choice(["application/json", "application/x-amzn-ion", "text/plain;  charset=utf-8"])}
    for _ in range(rng.randint(0, 6)):
        name = "X-" + words(rng, 1, 10, "abcdefgXYZ-")
        headers.setdefault(name, rng.choice(["", " "]) + words(rng, 0, 20, "ab  c=;,\t"))
    body = rng.randbytes(rng.choice([0, 1, 63, 64, 1000, 20000]))
    secret = words(rng, 1, 60, "abcXYZ019/+=")
    token = rng.choice(["", words(rng, 20, 900, "abcXYZ019/+=")])
    wall_s = rng.randint(1000000000, 4000000000)
    return method, path, query, headers, body, secret, token, wall_s


def expected(method, path, query, headers, body, secret, token, wall_s):
    FixedTime.at = FixedTime(1970, 1, 1) + datetime.timedelta(seconds=wall_s)
    request = AWSRequest(method=method, url="https://service.example.com" + path + ("?" + query if query else ""),
                         headers=headers, data=body)
    botocore.auth.SigV4Auth(Credentials("AKIDEXAMPLE", secret, token or None), "codeguru-profiler", "eu-west-1").add_auth(request)
    return request.headers["Authorization"]


def main():
    if hasattr(botocore.auth, "get_current_datetime"):
        botocore.auth.get_current_datetime = lambda remove_tzinfo=True: FixedTime.at
    else:
        botocore.auth.datetime = type("module", (), {"datetime": FixedTime, "timezone": datetime.timezone})
    seed = int(os.environ.get("PANDO_TEST_SEED", "1"))
    rng = random.Random(seed)
    signer = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for number in range(REQUESTS):
        request = random_request(rng)
        method, path, query, headers, body, secret, token, wall_s = request
        want = expected(*request)
        sent = {"Host": "service.example.com", **headers, "User-Agent": "not signed"}
        lines = [method, path, query, secret, token, f"{wall_s} {len(sent)} {len(body)}"]
        lines += [line for pair in sent.items() for line in pair]
        signer.stdin.write("\n".join(lines).encode() + b"\n" + body + b"\n")
        signer.stdin.flush()
        got = signer.stdout.readline().decode().rstrip("\n")
        if got != want:
            sys.exit(f"FAILED: seed {seed}, request {number}: {request}\n  ours      {got}\n  botocore  {want}")
    signer.stdin.close()
    if signer.wait(20) != 0:
        sys.exit("FAILED: the signer did not end well")
    print(f"{REQUESTS} requests, botocore {botocore.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
