"""compose.py: docker-compose.yml without a container engine.

  compose.py check FILE                        what no schema says: mounted files exist, health checks, ports, rights
  compose.py run FILE WEIR DASHBOARD RULES     starts its services (see stand_in.py), and asks the gateway, Prometheus
                                               and the dashboard's queries

Grafana is not run: neither Debian nor PyPI has it.
"""

import json
import os
import sys
import time
import urllib.parse
import urllib.request

import yaml

from dashboard import metrics, queries
from stand_in import Service, StandIn, expect, fail, get, statuses, tool

NOT_RUN = {"grafana"}
# The programs of images whose command in FILE has arguments only.
ENTRYPOINTS = {"weir": ["weir"], "prom/prometheus": ["prometheus"]}
# Arguments beyond the file's: an engine keeps Redis off the machine's own addresses, here it does so itself.
EXTRA = {"redis-server": ["--bind", "127.0.0.1"]}
SECONDS_TO_SCRAPE = 40
SECONDS_TO_HEAL = 40  # a breaker waits up to 30


def load(file):
    with open(file) as text:
        return yaml.safe_load(text)["services"]


def mounts(service):
    """(source, target) of what is mounted from the file's folder."""
    pairs = [mount.split(":")[:2] for mount in service.get("volumes", [])]
    return [(source, target) for source, target in pairs if source.startswith(".")]


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
    wrong += wrong_grafana(services, folder)
    if wrong:
        fail("\n  ".join([file] + wrong))


def wrong_grafana(services, folder):
    """Grafana is not run: that what it reads names what is there."""
    grafana = services["grafana"]
    files = {}
    for source, target in mounts(grafana):
        files.update(contents(os.path.join(folder, source), target))
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    if home not in files:
        yield f"grafana begins with {home}, which nothing mounts"
    provisioned = [yaml.safe_load(text) for path, text in files.items() if path.startswith("/etc/grafana/provisioning/")]
    for entry in provisioned:
        for provider in entry.get("providers", []):
            if not any(path.startswith(provider["options"]["path"] + "/") for path in files):
                yield f"grafana looks for dashboards in {provider['options']['path']}, where nothing is"
        for source in entry.get("datasources", []):
            port = urllib.parse.urlsplit(source["url"]).port
            host = urllib.parse.urlsplit(source["url"]).hostname
            if f"--web.listen-address=:{port}" not in services.get(host, {}).get("command", []):
                yield f"grafana asks {source['url']}, where no Prometheus listens"


def contents(source, target):
    """Path in the container and text of each file that a mount brings."""
    if os.path.isfile(source):
        with open(source) as text:
            return {target: text.read()}
    found = {}
    for entry in sorted(os.listdir(source)):
        found.update(contents(os.path.join(source, entry), os.path.join(target, entry)))
    return found


def as_service(name, entry, folder):
    command = ENTRYPOINTS.get(entry["image"].split(":")[0], []) + entry["command"]
    files = {}
    for source, target in mounts(entry):
        files.update(contents(os.path.join(folder, source), target))
    volumes = [mount.split(":")[1] for mount in entry.get("volumes", []) if not mount.startswith(".")]
    form, *health = entry["healthcheck"]["test"]
    if form != "CMD":
        fail(f"{name}: a health check of the form {form}")
    return Service(name, name, command + EXTRA.get(command[0], []), [health], entry.get("environment", {}), files,
                   volumes + [mount.split(":")[0] for mount in entry.get("tmpfs", [])], list(entry.get("depends_on", {})))


def ask(base, path, **parameters):
    with urllib.request.urlopen(f"{base}{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
        return json.load(answer)["data"]


def wait_until(holds, seconds=SECONDS_TO_SCRAPE):
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(1)


def gateway_limits(port):
    expect("six requests of one client", statuses(port, "127.0.0.2", 6), [200] * 5 + [429])
    status, headers, body = get(port, "127.0.0.3")
    expect("another client, with its headers",
           (status, headers.get("x-ratelimit-limit"), headers.get("x-ratelimit-remaining"), body),
           (200, "5", "4", "hello from the service\n"))
    status, headers, body = get(port, "127.0.0.2", {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9"})
    expect("the first one with another's address",
           (status, headers.get("content-type"), "retry-after" in headers, json.loads(body)["status"]),
           (429, "application/problem+json", True, 429))


def prometheus_sees(base, instances, dashboard, rules):
    counted = 'sum by (instance) (weir_decisions_total{policy="per-address"}) > 0'
    results = lambda query: ask(base, "/api/v1/query", query=query)["result"]
    wait_until(lambda: len(results(counted)) == len(instances))
    seen = {point["metric"]["instance"]: point["value"][1] for point in results(counted)}
    print(f"   Prometheus, {counted}: {seen}")
    expect("weirs of which Prometheus has counts", sorted(seen), sorted(instances))
    asked = queries(dashboard)
    empty = lambda: [pair for pair in asked if not results(pair[1])]
    wait_until(lambda: not empty())
    expect("queries of the dashboard without an answer", empty(), [])
    print(f"   queries of the dashboard with one: {len(asked)}")
    named = set()
    for file in (dashboard, rules):
        with open(file) as text:
            named |= metrics(text.read())
    known = set(ask(base, "/api/v1/label/__name__/values"))
    expect(f"of {len(named)} metrics of dashboard and rules, those that no weir has", sorted(named - known), [])
    groups = ask(base, "/api/v1/rules")["groups"]
    expect("alerts", {rule["state"] for group in groups for rule in group["rules"]}, {"inactive"})


def without_redis(here, gateway, weirs):
    """Redis stops, and comes back."""
    here.stop("redis")
    expect("six requests without Redis: two weirs, half the limit each",
           sorted(statuses(gateway, "127.0.0.6", 6)), [200] * 4 + [429] * 2)
    here.start("redis")
    lines = lambda name: get(here.port(name, 7431), "127.0.0.1", path="/metrics")[2].splitlines()
    asked = lambda name: "weir_redis_breaker_state 0" in lines(name) and "weir_redis_connections 0" not in lines(name)
    wait_until(lambda: all(asked(name) for name in weirs), SECONDS_TO_HEAL)
    expect("weirs that ask Redis again", [name for name in weirs if asked(name)], weirs)


def run(file, weir, dashboard, rules):
    folder = os.path.dirname(os.path.abspath(file))
    entries = {name: entry for name, entry in load(file).items() if name not in NOT_RUN}
    services = [as_service(name, entry, folder) for name, entry in entries.items()]
    with StandIn(services, weir, loopback=[address(entries["gateway"])]) as here:
        for service in services:
            here.start(service.name)
        print(f"   healthy: {', '.join(here.running)}")
        tool(["promtool", "check", "config", here.path("prometheus", "/etc/prometheus/prometheus.yml")])
        gateway = here.port("gateway", 8000)
        for _ in range(6):
            here.healthy("gateway")  # fails in the end if its own health check is limited
        gateway_limits(gateway)
        weirs = [name for name, entry in entries.items() if entry["image"] == "weir"]
        instances = [f"127.0.0.1:{here.port(name, 7431)}" for name in weirs]
        prometheus_sees(f"http://127.0.0.1:{here.port('prometheus', 9090)}", instances, dashboard, rules)
        without_redis(here, gateway, weirs)
        expect(f"{weirs[0]} stopped, exit code", here.stop(weirs[0]), 0)
        # In any order: one request finds out that it is gone.
        expect("seven requests to the other one", sorted(statuses(gateway, "127.0.0.4", 7)), [200] * 5 + [429, 503])
        expect(f"{weirs[1]} stopped, exit code", here.stop(weirs[1]), 0)
        expect("a request without a weir", statuses(gateway, "127.0.0.5", 1), [503])


if __name__ == "__main__":
    {"check": check, "run": run}[sys.argv[1]](*sys.argv[2:])
