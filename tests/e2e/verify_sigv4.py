#!/usr/bin/env python3
"""Checks the AWS Signature Version 4 of a request, by the specification and with Python's own hashes.

stdin: {method, target, headers: [[name, value]], body_base64, secret, region, service}. Prints "ok", or what is wrong.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""
import base64
import datetime
import hashlib
import hmac
import json
import re
import sys
import urllib.parse


def fail(why):
    print(why)
    sys.exit(0)


request = json.load(sys.stdin)
headers = {name.lower(): value for name, value in request["headers"]}
match = re.fullmatch(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})", headers.get("authorization", ""))
if not match:
    fail("no signature")
_, day, region, service, names, signature = match.groups()
if (region, service) != (request["region"], request["service"]):
    fail(f"signed for {region}/{service}")
date = headers.get("x-amz-date", "")
sent = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
if abs((datetime.datetime.now(datetime.timezone.utc) - sent).total_seconds()) > 300:
    fail("the time is off by more than five minutes")
signed = names.split(";")
if signed != sorted(signed) or "host" not in signed:
    fail("the signed headers are not sorted or lack the host")
for name in headers:
    if name.startswith("x-amz-") and name not in signed:
        fail(f"{name} is not signed")

path, _, query = request["target"].partition("?")
if query:
    fail("a query was not expected")
canonical = "\n".join([
    request["method"],
    urllib.parse.quote(path, safe="/-_.~"),
    "",
    *[f"{name}:{' '.join(headers[name].split())}" for name in signed],
    "",
    names,
    hashlib.sha256(base64.b64decode(request["body_base64"])).hexdigest(),
])
scope = f"{day}/{region}/{service}/aws4_request"
to_sign = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
key = ("AWS4" + request["secret"]).encode()
for part in (day, region, service, "aws4_request"):
    key = hmac.new(key, part.encode(), hashlib.sha256).digest()
expected = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
print("ok" if hmac.compare_digest(expected, signature) else "the signature is wrong")
