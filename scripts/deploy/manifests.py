"""manifests.py: what `kubectl kustomize` makes of deploy/kubernetes, beyond what a schema says.

  manifests.py check FILE            names that refer to something: labels, ports, volumes, keys; and the rights of containers
  manifests.py policies FILE FOLDER  writes the policies of the ConfigMap to FOLDER, for `weir validate`
  manifests.py run FILE WEIR         starts the weir of FILE with its arguments, and the gateway where there is one (see
                                     stand_in.py), asks their probes, and counts to the sixth request

A real Redis stands in for the cluster's, with the password of the example Secret, and a few lines of nginx for the service.
No cluster is involved: what admission, scheduling, network policies and kubelet do with all this is not shown.
"""

import os
import re
import sys
import time

import yaml

from stand_in import Service, StandIn, expect, fail, get, statuses

# In place of an image that is not there. What it answers must not matter.
DEMO = """
error_log stderr; pid /tmp/demo.pid; events {}
http { access_log off; client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi; server { listen 8080; return 200; } }
"""
RESTRICTED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def load(file):
    with open(file) as text:
        return [document for document in yaml.safe_load_all(text) if document]


def of_kind(documents, *kinds):
    return [document for document in documents if document["kind"] in kinds]


def named(documents, kind, name):
    return next((document for document in of_kind(documents, kind) if document["metadata"]["name"] == name), None)


def pods(documents):
    """(name, labels, pod spec) of each workload's template."""
    return [(document["metadata"]["name"], document["spec"]["template"]["metadata"]["labels"],
             document["spec"]["template"]["spec"]) for document in of_kind(documents, "Deployment")]


def containers(pod):
    return pod.get("initContainers", []) + pod["containers"]


def probes(container):
    return [container[kind] for kind in ("startupProbe", "readinessProbe", "livenessProbe") if kind in container]


def keys_of(documents, kind, name):
    found = named(documents, kind, name)
    return None if found is None else {**found.get("data", {}), **found.get("stringData", {})}


def seconds(duration):
    found = re.fullmatch(r"(\d+)s", duration)
    return int(found[1]) if found else fail(f"{duration!r}: only whole seconds are understood here")


def option(container, name):
    """The value of --NAME=VALUE among a container's arguments."""
    given = [word.split("=", 1)[1] for word in container.get("args", []) if word.startswith(f"--{name}=")]
    return given[-1] if given else None


def wrong_selectors(documents):
    labels = [labels for _, labels, _ in pods(documents)]
    matches = lambda wanted: bool(wanted) and any(wanted.items() <= of_pod.items() for of_pod in labels)
    asked = [(d, d["spec"]["selector"]) for d in of_kind(documents, "Service")]
    asked += [(d, d["spec"]["selector"]["matchLabels"]) for d in of_kind(documents, "Deployment", "PodDisruptionBudget")]
    asked += [(d, d["spec"]["podSelector"]["matchLabels"]) for d in of_kind(documents, "NetworkPolicy")]
    for document in of_kind(documents, "Deployment"):
        for spread in document["spec"]["template"]["spec"].get("topologySpreadConstraints", []):
            asked.append((document, spread["labelSelector"]["matchLabels"]))
    for document, wanted in asked:
        if not matches(wanted):
            yield f"{document['kind']} {document['metadata']['name']} selects {wanted}, which no pod has"
    for document in of_kind(documents, "HorizontalPodAutoscaler"):
        target = document["spec"]["scaleTargetRef"]
        scaled = named(documents, target["kind"], target["name"])
        if scaled is None:
            yield f"the autoscaler scales {target['kind']} {target['name']}, which does not exist"
        elif "replicas" in scaled["spec"]:
            yield f"{target['name']} sets replicas, and each apply would undo the autoscaler's"
        elif not all("cpu" in c.get("resources", {}).get("requests", {}) for c in containers(scaled["spec"]["template"]["spec"])):
            yield f"{target['name']} requests no cpu, of which the autoscaler would take a share"


def wrong_ports(documents):
    for name, labels, pod in pods(documents):
        for container in containers(pod):
            own = {port["name"] for port in container.get("ports", [])}
            # By number: a port of any container of the pod, for they share its address.
            own |= {port["containerPort"] for other in containers(pod) for port in other.get("ports", [])}
            for probe in probes(container):
                if probe["httpGet"]["port"] not in own:
                    yield f"{name}: a probe of {container['name']} asks port {probe['httpGet']['port']}, which it has not"
    ports_of = lambda wanted: {port["name"] for _, labels, pod in pods(documents) if wanted.items() <= labels.items()
                               for container in containers(pod) for port in container.get("ports", [])}
    for document in of_kind(documents, "Service"):
        for port in document["spec"]["ports"]:
            if port["targetPort"] not in ports_of(document["spec"]["selector"]):
                yield f"Service {document['metadata']['name']} leads to port {port['targetPort']}, which no pod of it has"
    for document in of_kind(documents, "NetworkPolicy"):
        for rule in document["spec"].get("ingress", []):
            for port in rule["ports"]:
                if port["port"] not in ports_of(document["spec"]["podSelector"]["matchLabels"]):
                    yield f"the network policy lets in to port {port['port']}, which no pod has"


def wrong_references(documents):
    for name, _, pod in pods(documents):
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        mounted = set()
        for container in containers(pod):
            for mount in container.get("volumeMounts", []):
                mounted.add(mount["name"])
                if mount["name"] not in volumes:
                    yield f"{name}: {container['name']} mounts {mount['name']}, which is no volume"
                if "subPath" in mount:
                    yield f"{name}: {container['name']} mounts a subPath, which does not follow changes"
            for variable in container.get("env", []):
                for source, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                    wanted = variable.get("valueFrom", {}).get(source)
                    if wanted and wanted["key"] not in (keys_of(documents, kind, wanted["name"]) or {}):
                        yield f"{name}: {variable['name']} comes from {kind} {wanted['name']}, which has no {wanted['key']}"
        for unused in set(volumes) - mounted:
            yield f"{name}: nothing mounts the volume {unused}"
        for volume in volumes.values():
            for field, kind, key in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
                if field not in volume:
                    continue
                there = keys_of(documents, kind, volume[field][key])
                if there is None:
                    yield f"{name}: volume {volume['name']} is of {kind} {volume[field][key]}, which does not exist"
                for item in volume[field].get("items", []):
                    if item["key"] not in (there or {}):
                        yield f"{name}: {kind} {volume[field][key]} has no {item['key']}"


def wrong_containers(documents):
    for name, _, pod in pods(documents):
        security = pod.get("securityContext", {})
        if not (security.get("runAsNonRoot") and security.get("runAsUser")
                and security.get("seccompProfile") == {"type": "RuntimeDefault"}):
            yield f"{name}: the pod may run as root, or without a seccomp profile"
        if pod.get("enableServiceLinks") is not False:
            yield f"{name}: variables of services reach the pod, and could be taken for options of weir"
        for container in containers(pod):
            what = f"{name}: {container['name']}"
            if container.get("securityContext") != RESTRICTED:
                yield f"{what} has more rights than it needs"
            if not {"requests", "limits"} <= set(container.get("resources", {})):
                yield f"{what} has no resources"
            if container["name"] != "weir":
                continue
            if len(probes(container)) != 3:
                yield f"{what} has not all three probes"
            stop = seconds(option(container, "drain-delay") or "0s") + seconds(option(container, "drain") or "10s")
            if pod.get("terminationGracePeriodSeconds", 30) <= stop:
                yield f"{what} may take {stop} s to stop, and is killed before"
    for document in of_kind(documents, "ConfigMap"):
        if re.search(r"-[a-z0-9]{10}$", document["metadata"]["name"]):
            yield f"ConfigMap {document['metadata']['name']}: a name with a digest makes new pods instead of a reload"


def check(file):
    documents = load(file)
    if not any(container["name"] == "weir" for _, _, pod in pods(documents) for container in containers(pod)):
        fail(f"{file}: no weir")
    wrong = [problem for problems in (wrong_selectors, wrong_ports, wrong_references, wrong_containers)
             for problem in problems(documents)]
    if wrong:
        fail("\n  ".join([file] + wrong))


def policies(file, folder):
    documents = load(file)
    (_, _, pod), = pods(documents)
    volume, = [volume for volume in pod["volumes"] if volume["name"] == "policies"]
    for name, text in keys_of(documents, "ConfigMap", volume["configMap"]["name"]).items():
        with open(os.path.join(folder, name), "w") as out:
            out.write(text)


def as_service(documents, pod_name, pod, container):
    """A container as a service: its files from ConfigMaps and Secrets, its health from its probes."""
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    files, folders = {}, []
    for mount in container.get("volumeMounts", []):
        volume = volumes[mount["name"]]
        if "emptyDir" in volume:
            folders.append(mount["mountPath"])
        elif "configMap" in volume:
            for key, text in keys_of(documents, "ConfigMap", volume["configMap"]["name"]).items():
                files[f"{mount['mountPath']}/{key}"] = text
        else:
            there = keys_of(documents, "Secret", volume["secret"]["secretName"])
            for item in volume["secret"]["items"]:
                files[f"{mount['mountPath']}/{item['path']}"] = there[item["key"]]
    environment = {}
    for variable in container.get("env", []):
        wanted = variable["valueFrom"]["secretKeyRef"]
        environment[variable["name"]] = keys_of(documents, "Secret", wanted["name"])[wanted["key"]]
    command = container.get("command", ["weir"]) + container.get("args", [])
    return Service(container["name"], pod_name, command, health(container), environment, files, folders)


def health(container):
    """The container's probes as commands."""
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    asked = [(ports.get(probe["httpGet"]["port"], probe["httpGet"]["port"]), probe["httpGet"]["path"])
             for probe in probes(container)]
    return [["wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{port}{path}"] for port, path in asked]


def drains(here, pod):
    """While weir drains it says so, and still answers checks."""
    time.sleep(1)
    seen = get(here.port(pod, 7431), "127.0.0.1", path="/readyz")[0], get(here.port(pod, 7429), "127.0.0.1", path="/check/")[0]
    expect("while it drains, /readyz and a check of a client over its limit", seen, (503, 429))


def run(file, weir):
    documents = load(file)
    (pod_name, _, pod), = pods(documents)
    services = [as_service(documents, pod_name, pod, container) for container in containers(pod)
                if container["name"] in ("weir", "gateway")]
    gateway = any(service.name == "gateway" for service in services)
    if gateway:
        # The service's probes go to the gateway.
        services[-1].health += [test for container in containers(pod) if container["name"] == "service"
                                for test in health(container)]
        services.insert(1, Service("demo", pod_name, ["nginx", "-c", "/demo/nginx.conf", "-g", "daemon off;"],
                                   files={"/demo/nginx.conf": DEMO}, folders=["/tmp"]))
    secret = keys_of(documents, "Secret", "weir-redis")
    if secret:
        password = ["--requirepass", secret["password"]]
        services.insert(0, Service("redis", "redis", ["redis-server", "--port", "6379", "--save", "", "--bind", "127.0.0.1",
                                                      *password],
                                   [["redis-cli", "-u", "redis://127.0.0.1:6379", "-e", "-a", secret["password"], "ping"]]))
    container = next(container for container in containers(pod) if container["name"] == "weir")
    # Requests come from loopback: as from the first gateway that is trusted, and from others.
    trusted = (option(container, "trusted-proxies") or "").split(",")[0]
    with StandIn(services, weir, loopback=[trusted] if trusted else []) as here:
        for service in services:
            here.start(service.name)
        print(f"   healthy by all probes: {', '.join(here.running)}")
        for _ in range(6):
            here.healthy(services[-1].name)  # fails in the end if the probes are limited
        port, path = (here.port(pod_name, 8000), "/") if gateway else (here.port(pod_name, 7429), "/check/")
        expect("six requests of one client", statuses(port, "127.0.0.1", 6, path=path), [200] * 5 + [429])
        text = get(here.port(pod_name, 7431), "127.0.0.1", path="/metrics")[2]
        counted = re.search(r'weir_decisions_total\{[^}]*outcome="denied"\} (\d+)', text)
        expect("denials in /metrics", counted and counted[1], "1")
        if trusted:
            left = [get(port, peer, {"X-Forwarded-For": "203.0.113.9"}, path)[1]["x-ratelimit-remaining"]
                    for peer in ("127.0.0.1", "127.0.0.2")]
            expect("left of five for a client that a trusted gateway names, and when another names it", left, ["4", "4"])
        if gateway:
            here.stop("demo")
            expect("the service's probe when the service is gone", get(here.port(pod_name, 8001), "127.0.0.1",
                                                                       path="/service-health")[0], 502)
        if secret:
            connected = re.search(r"^weir_redis_calls_total (\d+)$", text, re.M)
            expect("calls of Redis with the Secret's password", connected and int(connected[1]) > 0, True)
        delayed = option(container, "drain-delay") is not None
        began = time.monotonic()
        expect("weir stopped, exit code", here.stop("weir", meanwhile=lambda: delayed and drains(here, pod_name)), 0)
        took, grace = time.monotonic() - began, pod["terminationGracePeriodSeconds"]
        expect(f"it took {took:.1f} s, less than {grace} s", took < grace, True)


if __name__ == "__main__":
    {"check": check, "policies": policies, "run": run}[sys.argv[1]](*sys.argv[2:])
