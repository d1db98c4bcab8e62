"""stand_in.py: runs what a deployment describes as processes of this machine, where there is no container engine.

What a container mounts lies in a folder of its own, below the path that the container sees. In commands, environments,
health checks and mounted files these are replaced, in one pass, and nothing else:

  a mounted path                        by that folder's
  HOST:PORT of another service          by a free port of loopback
  127.0.0.1:PORT, :PORT, listen PORT    by a free port of loopback
  the addresses in `loopback`           by 127.0.0.1

weir waits longer for Redis than it is told to (WEIR_REDIS_TIMEOUT): what it answers is compared, not how soon.

Services of one pod share their ports, as they do there. A service starts when those that it needs are healthy.

Not covered is what only an engine does: images, users, networks, limits on rights.
"""

import http.client
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

SECONDS_TO_START = 30
SECONDS_TO_STOP = 40
# Below those that the system gives to clients and to who asks for any: a free one stays free until the service starts.
PORTS = 12000, 32000
# All services share the cores of one machine with whatever else it does, and a Redis
# that was slow once would spoil a count.
ENVIRONMENT = {"WEIR_REDIS_TIMEOUT": "900ms"}


@dataclass
class Service:
    name: str
    pod: str                                            # what shares ports; also the host that others know it by
    command: list
    health: list = field(default_factory=list)          # commands that all end with 0 when it is well
    environment: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)           # path in the container: text
    folders: list = field(default_factory=list)         # paths in the container that it writes to
    needs: list = field(default_factory=list)           # names of services that must be healthy first


def fail(message):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {message}")


def expect(what, seen, wanted):
    if seen != wanted:
        fail(f"{what}: {seen}, not {wanted}")
    print(f"   {what}: {seen}")


def tool(command, environment=None):
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def get(port, client, headers={}, path="/hello"):
    """One request of the client at that address: (status, headers in lower case, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(client, 0))
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


def statuses(port, client, count, path="/hello"):
    return [get(port, client, path=path)[0] for _ in range(count)]


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


class StandIn:
    """The services, running. Use as a context: all end with it."""

    def __init__(self, services, weir, loopback=()):
        self.services = {service.name: service for service in services}
        self.loopback = list(loopback)
        self.ports = {}
        self.running = {}
        self.root = tempfile.mkdtemp(prefix="weir-stand-in-")
        os.chmod(self.root, 0o755)  # workers of nginx change to another user
        self.bin = os.path.join(self.root, "bin")
        os.mkdir(self.bin)
        os.symlink(os.path.abspath(weir), os.path.join(self.bin, "weir"))

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # and what runs with it
        return self

    def __exit__(self, *_):
        for name in reversed(list(self.running)):
            self.stop(name)
        shutil.rmtree(self.root)

    def port(self, pod, port):
        """The port of this machine that stands for a pod's."""
        key = (pod, int(port))
        if key not in self.ports:
            self.ports[key] = next(number for number in iter(lambda: random.randrange(*PORTS), None)
                                   if number not in self.ports.values() and is_free(number))
        return self.ports[key]

    def path(self, name, target):
        return os.path.join(self.root, name, target.lstrip("/"))

    def here(self, name, text):
        """What service `name` reads as `text`, as it must read on this machine. Words are separated by NUL."""
        service = self.services[name]
        pods = {other.pod for other in self.services.values()}
        any_of = lambda words: "|".join(map(re.escape, sorted(words, key=len, reverse=True))) or "(?!)"
        pattern = "|".join([
            rf"(?P<loopback>\b(?:{any_of(self.loopback)})\b)",
            rf"(?<![\w./-])(?P<path>{any_of([*service.files, *service.folders, *self.parents(service)])})(?![\w-])",
            rf"(?<![\w.-])(?P<host>{any_of([*pods, '127.0.0.1'])}):(?P<port>\d+)\b",
            r"(?:(?<=listen )|(?:(?<=[=\0])|\A):(?=\d+(?:\0|\Z)))(?P<listen>\d+)\b",
            r"(?<=--port\0)(?P<bare>\d+)\b",
        ])

        def replaced(match):
            if match["loopback"]:
                return "127.0.0.1"
            if match["path"]:
                return self.path(name, match["path"])
            if match["bare"]:
                return str(self.port(service.pod, match["bare"]))
            pod = match["host"] if match["host"] in pods else service.pod
            return f"127.0.0.1:{self.port(pod, match['port'] or match['listen'])}"

        return re.sub(pattern, replaced, text)

    @staticmethod
    def parents(service):
        """The folders of mounted files: a command may name the folder."""
        return {os.path.dirname(path) for path in service.files}

    def words(self, name, words):
        return self.here(name, "\0".join(words)).split("\0")

    def environment(self, name):
        given = self.services[name].environment
        return {"PATH": f"{self.bin}:{os.environ['PATH']}:/usr/sbin:/sbin", **ENVIRONMENT,
                **{key: self.here(name, value) for key, value in given.items()}}

    def log(self, name):
        return os.path.join(self.root, f"{name}.log")

    def start(self, name):
        """Starts a service, after those that it needs, and waits until it is healthy."""
        if name in self.running:
            return
        service = self.services[name]
        for other in service.needs:
            self.start(other)
        for target in service.folders:
            os.makedirs(self.path(name, target), exist_ok=True)
            os.chmod(self.path(name, target), 0o777)
        for target, text in service.files.items():
            place = self.path(name, target)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "w") as file:
                file.write(self.here(name, text))
        command, environment = self.words(name, service.command), self.environment(name)
        if command[0] == "nginx":
            tool([*command, "-t"], environment)
        with open(self.log(name), "w") as log:
            self.running[name] = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                                  stderr=subprocess.STDOUT)
        self.healthy(name)

    def healthy(self, name):
        """Waits until all of a service's health checks pass."""
        for test in self.services[name].health:
            self.wait(name, self.words(name, test), self.environment(name))

    def wait(self, name, test, environment):
        end = time.monotonic() + SECONDS_TO_START
        while True:
            asked = subprocess.run(test, env=environment, capture_output=True, text=True)
            gone = self.running[name].poll() is not None
            if asked.returncode == 0 and not gone:
                return
            if gone or time.monotonic() > end:
                with open(self.log(name)) as log:
                    fail(f"{name} {'ended' if gone else 'does not become healthy'}: {' '.join(test)}: "
                         f"{asked.stdout}{asked.stderr}\n{log.read()[-3000:]}")
            time.sleep(0.2)

    def stop(self, name, meanwhile=lambda: None):
        """Ends a service as an engine does; its exit code, or `killed`. `meanwhile` is called after the signal."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            meanwhile()
            return process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            return "killed"
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
