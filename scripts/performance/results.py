"""results.py: the figures of scripts/bench all, as files, with the machine and the versions that they were measured with."""

import datetime
import json
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def output_of(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout


def found(pattern, words):
    match = re.search(pattern, words, re.MULTILINE)
    return match.group(1) if match else "unknown"


def machine():
    with open("/proc/cpuinfo") as file:
        processor = found(r"^model name\s*: (.*)$", file.read())
    with open("/proc/meminfo") as file:
        memory = int(found(r"^MemTotal:\s*(\d+)", file.read())) / 1048576
    with open("/etc/os-release") as file:
        system = found(r'^PRETTY_NAME="(.*)"$', file.read())
    return f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}, Linux {os.uname().release}"


def versions(settings):
    commit = output_of("git", "-C", ROOT, "rev-parse", "--short=12", "HEAD").strip() or "unknown"
    if output_of("git", "-C", ROOT, "status", "--porcelain", "--", "Sources", "Package.swift").strip():
        commit += " with changes"
    return {
        # A binary that was given need not be this commit's.
        "weir": output_of(settings["weir"], "version").removeprefix("weir").strip()
        + (", a binary that was given" if os.environ.get("WEIR_BINARY") else f", commit {commit}"),
        "nginx": found(r"nginx/(\S+)", output_of("nginx", "-v")),
        "Envoy": found(r"/(\d+\.\d+\.\d+)/", output_of(settings["envoy"], "--version")),
        "Redis": found(r"v=(\S+)", output_of("redis-server", "--version")),
    }


def keep(name, record, output, *settings):
    settings = dict(setting.split("=", 1) for setting in settings)
    rows = {}
    with open(record) as file:
        for line in file:
            series, x, metric, value = line.rstrip("\n").split("\t")
            rows.setdefault((series, x, metric), []).append(float(value) if "." in value else int(value))
    kept = {
        "experiment": name,
        "taken": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "quick": settings["quick"] == "1",
        "rounds": int(settings["rounds"]),
        "seconds": int(settings["seconds"]),
        "machine": machine(),
        "versions": versions(settings),
        "rows": [[*row, values] for row, values in rows.items()],
    }
    os.makedirs(f"{output}/performance", exist_ok=True)
    # A row a line: a later run then differs by lines.
    body = json.dumps({**kept, "rows": []}, indent=1, ensure_ascii=False).removesuffix("[]\n}")
    body += "[\n  " + ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in kept["rows"]) + "\n ]\n}\n"
    with open(f"{output}/performance/{name}.json", "w") as file:
        file.write(body)


class Results:
    """The figures of one experiment."""

    def __init__(self, kept):
        self.kept = kept
        self.rows = {(series, x, metric): sorted(values) for series, x, metric, values in kept["rows"]}

    def series(self, metric):
        """The names that have this metric, in the order in which they were measured."""
        return list(dict.fromkeys(series for series, _, other in self.rows if other == metric))

    def xs(self, metric):
        """Where on the axis this metric was measured, as it was recorded."""
        return list(dict.fromkeys(x for _, x, other in self.rows if other == metric))

    def has(self, series, x, metric):
        return (series, x, metric) in self.rows

    def median(self, series, x, metric):
        values = self.rows[series, x, metric]
        return values[(len(values) - 1) // 2]

    def spread(self, series, x, metric):
        """Median, least and most."""
        values = self.rows[series, x, metric]
        return self.median(series, x, metric), values[0], values[-1]
