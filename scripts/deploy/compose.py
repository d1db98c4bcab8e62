"""compose.py: docker-compose.yml without a container engine.

  compose.py check FILE                        what no schema says: mounted files exist, health checks, ports, rights
  compose.py run FILE WEIR DASHBOARD RULES     starts the services and asks the gateway, Prometheus, the dashboard's
                                               queries

`run` stands in for the engine. What a container mounts lies in a folder of its own, below the path that the container
sees. In commands, environments, health checks and mounted files, three things are replaced and nothing else: those paths
by the folder's, `service:port` and ports that are listened on by free ports of loopback, the gateway's address by
loopback. A service starts when those that it depends on are healthy, by the health checks of the file.

Not covered: the services in NOT_RUN, and what only an engine does: images, users, networks, limits on rights.
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import yaml

from dashboard import metrics, queries

NOT_RUN = {"grafana"}  # neither Debian nor PyPI has it
# The programs of images whose command in FILE has arguments only.
ENTRYPOINTS = {"weir": "weir", "prom/prometheus": "prometheus"}
# Arguments beyond the file's: an engine keeps Redis off the machine's own addresses, here it does so itself.
EXTRA = {"redis-server": ["--bind", "127.0.0.1"]}
# All share the cores of one machine with whatever else it does; a Redis that was slow once would spoil the count.
EXTRA_ENVIRONMENT = {"WEIR_REDIS_TIMEOUT": "900ms"}
SECONDS_TO_START = 30
SECONDS_TO_STOP = 20
SECONDS_TO_SCRAPE = 40


def load(file):
    return yaml.safe_load(open(file))["services"]


def mounts(service):
    """(source, target) of what is mounted from this folder."""
    pairs = [mount.split(":")[:2] for mount in service.get("volumes", [])]
    return [(source, target) for source, target in pairs if source.startswith(".")]


def scratch(service):
    """The folders in the container that the service may write to."""
    volumes = [mount.split(":")[1] for mount in service.get("volumes", []) if not mount.startswith(".")]
    return volumes + [mount.split(":")[0] for mount in service.get("tmpfs", [])]


def address(service):
    return service["networks"]["default"]["ipv4_address"]


def check(file):
    folder = os.path.dirname(os.path.abspath(file))
    services = load(file)
    wrong = []
    for name, service in services.items():
        for source, _ in mounts(service):
            path = os.path.join(folder, source)
            if not os.path.exists(path) or os.path.isdir(path) and not os.listdir(path):
                wrong.append(f"{name} mounts {source}, which is missing or empty")
        for port in service.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                wrong.append(f"{name} publishes {port} beyond loopback")
        for other, how in service.get("depends_on", {}).items():
            if how.get("condition") != "service_healthy" or "healthcheck" not in services.get(other, {}):
                wrong.append(f"{name} does not wait until {other} is healthy, or nothing says when it is")
        for setting in ("healthcheck", "read_only", "cap_drop", "security_opt"):
            if not service.get(setting):
                wrong.append(f"{name} lacks {setting}")
        trusted = service.get("environment", {}).get("WEIR_TRUSTED_PROXIES")
        if trusted and trusted != address(services["gateway"]):
            wrong.append(f"{name} trusts {trusted}, which is not the gateway's address")
    if wrong:
        sys.exit("\n  ".join([f"compose.py: {file}"] + wrong))


class Composition:
    """The services of a file, running on this machine."""

    def __init__(self, file, weir):
        self.folder = os.path.dirname(os.path.abspath(file))
        self.services = {name: service for name, service in load(file).items() if name not in NOT_RUN}
        self.ports = {}
        self.running = {}
        self.root = tempfile.mkdtemp(prefix="weir-compose-")
        os.chmod(self.root, 0o755)  # workers of nginx change to another user
        self.bin = os.path.join(self.root, "bin")
        os.mkdir(self.bin)
        os.symlink(os.path.abspath(weir), os.path.join(self.bin, "weir"))

    def port(self, name, port):
        """The port of this machine that stands for a service's."""
        key = (name, int(port))
        if key not in self.ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.ports[key] = probe.getsockname()[1]
        return self.ports[key]

    def path(self, name, target):
        return os.path.join(self.root, name, target.lstrip("/"))

    def here(self, name, text):
        """What service `name` reads as `text`, as it must read on this machine. In one pass: nothing is replaced twice."""
        service = self.services[name]
        paths = sorted([target for _, target in mounts(service)] + scratch(service), key=len, reverse=True)
        pattern = "|".join([
            rf"(?P<gateway>\b{re.escape(address(self.services['gateway']))}\b)",
            rf"(?<![\w./-])(?P<path>{'|'.join(map(re.escape, paths)) or '(?!)'})(?![\w-])",
            rf"\b(?P<service>{'|'.join(map(re.escape, self.services))}|127\.0\.0\.1):(?P<port>\d+)\b",
            r"(?:(?<=listen )|(?:(?<=[=\0])|\A):(?=\d+(?:\0|\Z)))(?P<listen>\d+)\b",
            r"(?<=--port\0)(?P<bare>\d+)\b",
        ])

        def replaced(match):
            if match["gateway"]:
                return "127.0.0.1"
            if match["path"]:
                return self.path(name, match["path"])
            if match["bare"]:
                return str(self.port(name, match["bare"]))
            other = match["service"] if match["service"] in self.services else name
            return f"127.0.0.1:{self.port(other, match['port'] or match['listen'])}"

        return re.sub(pattern, replaced, text)

    def words(self, name, words):
        return self.here(name, "\0".join(words)).split("\0")

    def environment(self, name):
        given = self.services[name].get("environment", {})
        return {"PATH": f"{self.bin}:{os.environ['PATH']}:/usr/sbin:/sbin", **EXTRA_ENVIRONMENT,
                **{key: self.here(name, value) for key, value in given.items()}}

    def command(self, name):
        service = self.services[name]
        words = self.words(name, service["command"])
        entry = ENTRYPOINTS.get(service["image"].split(":")[0])
        words = [entry] + words if entry else words
        return words + EXTRA.get(words[0], [])

    def lay_out(self, name):
        """Puts the files of a service where it looks for them."""
        service = self.services[name]
        for target in scratch(service):
            os.makedirs(self.path(name, target), exist_ok=True)
            os.chmod(self.path(name, target), 0o777)
        for source, target in mounts(service):
            source, place = os.path.join(self.folder, source), self.path(name, target)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            shutil.copytree(source, place) if os.path.isdir(source) else shutil.copy(source, place)
            files = [os.path.join(at, file) for at, _, below in os.walk(place) for file in below] or [place]
            for file in files:
                text = open(file).read()
                open(file, "w").write(self.here(name, text))

    def log(self, name):
        return os.path.join(self.root, f"{name}.log")

    def start(self, name):
        """Starts a service, after those that it depends on, and waits until it is healthy."""
        if name in self.running:
            return
        service = self.services[name]
        for other in service.get("depends_on", {}):
            self.start(other)
        self.lay_out(name)
        command, environment = self.command(name), self.environment(name)
        if command[0] == "nginx":
            tool([*command, "-t"], environment)
        if command[0] == "prometheus":
            tool(["promtool", "check", "config", self.path(name, "/etc/prometheus/prometheus.yml")], environment)
        self.running[name] = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                              stdout=open(self.log(name), "w"), stderr=subprocess.STDOUT)
        self.wait(name)

    def wait(self, name):
        test = self.words(name, self.services[name]["healthcheck"]["test"])
        assert test[0] == "CMD", f"{name}: a health check of the form CMD"
        end = time.monotonic() + SECONDS_TO_START
        while True:
            asked = subprocess.run(test[1:], env=self.environment(name), capture_output=True, text=True)
            gone = self.running[name].poll() is not None
            if asked.returncode == 0 and not gone:
                return
            if gone or time.monotonic() > end:
                sys.exit(f"compose.py: {name} {'ended' if gone else 'does not become healthy'}: {' '.join(test[1:])}: "
                         f"{asked.stdout}{asked.stderr}\n{open(self.log(name)).read()[-3000:]}")
            time.sleep(0.2)

    def stop(self, name):
        """Ends a service as an engine does. A weir must drain and exit with 0."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "killed"

    def close(self):
        for name in reversed(list(self.running)):
            self.stop(name)
        shutil.rmtree(self.root)


def tool(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"compose.py: {' '.join(command)}\n{done.stdout}{done.stderr}")


def expect(what, seen, wanted):
    if seen != wanted:
        sys.exit(f"compose.py: {what}: {seen}, not {wanted}")
    print(f"   {what}: {seen}")


def get(port, client, headers={}):
    """One request of the client at that address; (status, headers in lower case, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(client, 0))
    try:
        connection.request("GET", "/hello", headers=headers)
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


def statuses(port, client, count):
    return [get(port, client)[0] for _ in range(count)]


def ask(base, path, **parameters):
    with urllib.request.urlopen(f"{base}{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
        return json.load(answer)["data"]


def within(seconds, question):
    """The first true answer, or the last one."""
    end = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < end:
        time.sleep(1)
    return answer


def gateway_limits(port):
    expect("six requests of one client", statuses(port, "127.0.0.2", 6), [200] * 5 + [429])
    status, headers, body = get(port, "127.0.0.3")
    expect("another client, with its headers", (status, headers.get("x-ratelimit-limit"), headers.get("x-ratelimit-remaining"),
           body), (200, "5", "4", "hello from the service\n"))
    status, headers, body = get(port, "127.0.0.2", {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9"})
    expect("the first one with another's address", (status, headers.get("content-type"), "retry-after" in headers,
           json.loads(body)["status"]), (429, "application/problem+json", True, 429))


def prometheus_sees(base, instances, dashboard, rules):
    counted = 'sum by (instance) (weir_decisions_total{policy="per-address"}) > 0'
    within(SECONDS_TO_SCRAPE, lambda: len(ask(base, "/api/v1/query", query=counted)["result"]) == len(instances))
    seen = {point["metric"]["instance"]: point["value"][1] for point in ask(base, "/api/v1/query", query=counted)["result"]}
    print(f"   Prometheus, {counted}: {seen}")
    expect("weirs that Prometheus has counts of", sorted(seen), sorted(instances))
    asked = queries(dashboard)
    empty = lambda: [pair for pair in asked if not ask(base, "/api/v1/query", query=pair[1])["result"]]
    within(SECONDS_TO_SCRAPE, lambda: not empty())
    expect("queries of the dashboard without an answer", empty(), [])
    print(f"   queries of the dashboard with one: {len(asked)}")
    known = set(ask(base, "/api/v1/label/__name__/values"))
    expect("metrics of the rules that no weir has", sorted(metrics(open(rules).read()) - known), [])
    groups = ask(base, "/api/v1/rules")["groups"]
    expect("alerts", sorted({rule["state"] for group in groups for rule in group["rules"]}), ["inactive"])


def run(file, weir, dashboard, rules):
    composition = Composition(file, weir)
    try:
        for name in composition.services:
            composition.start(name)
        print(f"   healthy: {', '.join(composition.running)}")
        gateway = composition.port("gateway", 8000)
        gateway_limits(gateway)
        weirs = [name for name, service in composition.services.items() if service["image"] == "weir"]
        instances = [f"127.0.0.1:{composition.port(name, 7431)}" for name in weirs]
        prometheus_sees(f"http://127.0.0.1:{composition.port('prometheus', 9090)}", instances, dashboard, rules)
        expect(f"{weirs[0]} stopped, exit", composition.stop(weirs[0]), 0)
        # In any order: one request finds out that it is gone.
        expect("seven requests to the other one", sorted(statuses(gateway, "127.0.0.4", 7)), [200] * 5 + [429, 503])
        expect(f"{weirs[1]} stopped, exit", composition.stop(weirs[1]), 0)
        expect("a request without a weir", statuses(gateway, "127.0.0.5", 1), [503])
    finally:
        composition.close()


if __name__ == "__main__":
    {"check": check, "run": run}[sys.argv[1]](*sys.argv[2:])
