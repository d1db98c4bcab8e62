"""examples.py: whether a file of docs/openapi and a running weir are about the same thing.

  examples.py routes FILE URL    the paths of FILE are those that a 404 of the listener at URL lists
  examples.py reached FILE HAR   every operation of FILE was answered with success, and with a refusal where one can be
                                 provoked, among the exchanges of HAR: examples that are all refused show nothing
"""

import json
import re
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import yaml

METHODS = {"get", "post", "put", "patch", "delete", "head", "options", "trace"}


def fail(text):
    sys.exit(f"{sys.argv[0]}: {text}")


def operations(file):
    with open(file) as text:
        paths = yaml.safe_load(text)["paths"]
    return [(method, path, operation) for path, item in paths.items() for method, operation in item.items() if method in METHODS]


def routes(file, url):
    """The data listener's 404 names the places of checks only; its health pages are asked for."""
    described = {re.sub(r"\{domain\}", "NAME", path) for _, path, _ in operations(file)}
    try:
        urllib.request.urlopen(url + "/nowhere", timeout=5)
        fail(f"{url}/nowhere is there")
    except urllib.error.HTTPError as answer:
        said = json.load(answer)["detail"]
    listed = set(re.findall(r"/[\w/]*", said))
    for path in ("/healthz", "/readyz"):
        urllib.request.urlopen(url + path, timeout=5)
        listed.add(path)
    # What follows /check is the original target: one route, described as two paths.
    described = {path.removesuffix("/{target}") for path in described}
    if described != listed:
        fail(f"only in {file}: {sorted(described - listed)}; only in the listener: {sorted(listed - described)}")
    print(f"{file}: {len(described)} routes, as the listener lists them")


def reached(file, har):
    with open(har) as text:
        exchanges = json.load(text)["log"]["entries"]
    statuses = {}
    patterns = [
        (method, path, re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + "$"))
        for method, path, _ in sorted(operations(file), key=lambda operation: operation[1].count("{"))
    ]
    for exchange in exchanges:
        asked = exchange["request"]["method"].lower(), urlsplit(exchange["request"]["url"]).path
        for method, path, pattern in patterns:
            if method == asked[0] and pattern.match(asked[1]):
                statuses.setdefault((method, path), set()).add(exchange["response"]["status"])
                break
    wrong = []
    for method, path, operation in operations(file):
        seen = statuses.get((method, path), set())
        if not any(status < 300 for status in seen):
            wrong.append(f"{method} {path}: never a success, only {sorted(seen)}")
        if "requestBody" in operation and not any(status >= 400 for status in seen):
            wrong.append(f"{method} {path}: never refused")
        print(f"  {method.upper():5}{path}: {' '.join(map(str, sorted(seen)))}")
    if wrong:
        fail("; ".join(wrong))


if __name__ == "__main__":
    {"routes": routes, "reached": reached}[sys.argv[1]](*sys.argv[2:])
