"""page.py: keeps what scripts/bench all measured, and writes docs/performance.md with its charts from that.

  page.py keep NAME RECORD OUTPUT [KEY=VALUE...]   RECORD's lines of one run become OUTPUT/performance/NAME.json
  page.py draw OUTPUT                              OUTPUT/performance.md and OUTPUT/images/performance/*.svg from those files

A record has a figure of a round a line: series, x, metric, value, with tabs between. The files keep every round, with the
machine and the versions, so that page and charts can be made again without measuring.
"""

import datetime
import glob
import json
import os
import re
import subprocess
import sys

from charts import bars, lines

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
        "taken": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
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


def spaced(number):
    return f"{number:,.0f}".replace(",", " ")


def micro(nanoseconds, digits=2):
    return f"{nanoseconds / 1000:.{digits}f}"


def table(head, rows):
    """Markdown; all columns but the first are numbers."""
    return "\n".join(
        ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
        + ["| " + " | ".join(row) + " |" for row in rows]
    )


def microseconds(results, series, x, metric):
    return tuple(value / 1000 for value in results.spread(series, x, metric))


def line_of(results, metric, scale=1, where=None):
    """Series for a line chart over the recorded x."""
    series = {}
    for name in results.series(metric):
        points = [
            (float(x), *(value / scale for value in results.spread(name, x, metric)))
            for x in results.xs(metric)
            if results.has(name, x, metric)
        ]
        if where is None or where(name):
            series[name] = points
    return series


def throughput(results):
    names = results.series("cpu")
    base = names[0]

    def total(name):
        return results.median(name, "", "cpu") + (
            results.median(name, "", "helper") if results.has(name, "", "helper") else 0
        )

    rows = []
    for name in names:
        rate, least, most = results.spread(name, "", "rate")
        helper = f"{micro(results.median(name, '', 'helper'))} µs" if results.has(name, "", "helper") else ""
        rows.append(
            [
                name,
                spaced(rate),
                f"{spaced(least)} – {spaced(most)}",
                f"{rate / results.median(base, '', 'rate'):.2f}",
                f"{micro(results.median(name, '', 'cpu'))} µs",
                helper,
                f"{total(name) / total(base):.2f}",
                f"{results.median(name, '', 'busy'):.0f} %",
            ]
        )
    head = [
        "candidate",
        "decisions/s",
        "least – most",
        "ratio",
        "CPU a decision",
        "of Redis besides",
        "ratio of all CPU",
        "server's core busy",
    ]
    rates = [
        (
            name,
            [
                (
                    *(value / 1000 for value in results.spread(name, "", "rate")),
                    f"{results.median(name, '', 'rate') / 1000:.1f}",
                )
            ],
        )
        for name in names
    ]
    costs = []
    for name in names:
        values = [(*microseconds(results, name, "", "cpu"), micro(results.median(name, "", "cpu")))]
        if results.has(name, "", "helper"):
            values.append((*microseconds(results, name, "", "helper"), micro(results.median(name, "", "helper"))))
        costs.append((name, values))
    return table(head, rows), {
        "throughput": bars(
            "Decisions a second, one core",
            "Bars: thousands of answers a second that each server gave to 64 connections, one core for the server, another for the load.",
            "thousand decisions a second; more is better",
            rates,
        ),
        "cpu": bars(
            "CPU time a decision",
            "Bars: microseconds of user and system time of the server for each answer, and of Redis besides where weir counts in it.",
            "microseconds of CPU a decision; less is better",
            costs,
            ["server", "Redis"],
            stacked=True,
        ),
    }


def latency(results):
    names, shares = results.series("p50"), results.xs("p50")
    rows = []
    for name in names:
        for share in shares:
            offered, achieved = results.median(name, share, "offered"), results.median(name, share, "achieved")
            rows.append(
                [
                    name,
                    f"{share} %",
                    spaced(offered),
                    f"{spaced(achieved)}{'' if achieved >= 0.97 * offered else ' **short**'}",
                ]
                + [
                    f"{results.median(name, share, metric) / 1e6:.3f} ms"
                    for metric in ("p50", "p99", "p999", "slowest")
                ]
                + [
                    f"{results.median(name, share, 'p99') / results.median(names[0], share, 'p99'):.2f}",
                    f"{results.median(name, share, 'late') / 1e6:.3f} ms",
                ]
            )
    head = [
        "candidate",
        "load",
        "offered/s",
        "answered/s",
        "median",
        "99 %",
        "99.9 %",
        "slowest",
        "99 % against weir's",
        "generator late, 99 %",
    ]
    charts = {}
    for metric, part in (("p50", "median"), ("p99", "99 %"), ("p999", "99.9 %")):
        series = {}
        for name in names:
            series[name] = [
                (
                    results.median(name, share, "offered") / 1000,
                    *(value / 1e6 for value in results.spread(name, share, metric)),
                )
                for share in shares
            ]
        charts[f"latency-{metric}"] = lines(
            f"Time to the answer, {part}",
            f"Lines over the load, one a server: milliseconds within which {'half' if metric == 'p50' else part} of the answers came, counted from when each request was due.",
            "thousand requests a second, offered",
            "milliseconds",
            series,
            x_log=True,
            y_log=True,
        )
    saturation = "; ".join(f"{name} {spaced(results.median(name, 'saturation', 'rate'))}" for name in names)
    return f"Saturation, decisions a second as the median of this run's own rounds: {saturation}.\n\n" + table(
        head, rows
    ), charts


def redis_floors(results):
    rows, entries = [], []
    base = results.median("EVALSHA of INCR", "1", "helper")
    for name, x, metric in results.rows:
        if metric != "helper":
            continue
        way = {"1": "one at a time", "64": "64 at a time", "": "a check each"}[x]
        cost, least, most = results.spread(name, x, "helper")
        rows.append(
            [
                name,
                way,
                f"{micro(cost)} µs",
                f"{micro(least)} – {micro(most)}",
                f"{cost / base:.2f}",
                spaced(results.median(name, x, "rate")) if results.has(name, x, "rate") else "",
                f"{micro(results.median(name, x, 'cpu'))} µs" if results.has(name, x, "cpu") else "",
            ]
        )
        entries.append((f"{name}, {way}" if x else name, [(*microseconds(results, name, x, "helper"), micro(cost))]))
    head = [
        "asked of Redis",
        "a connection asks",
        "CPU of Redis each",
        "least – most",
        "ratio to a script that counts, one at a time",
        "each second",
        "CPU of weir each",
    ]
    return table(head, rows), {
        "redis-floors": bars(
            "CPU time of Redis: a check of weir beside bare commands",
            "Bars: microseconds of Redis's CPU time for each command, and for each check that weir counts in Redis.",
            "microseconds of CPU of Redis; less is better",
            entries,
        )
    }


def memory(results):
    counts = results.xs("bytes")
    counts = [count for count in counts if count]
    names = [name for name in results.series("bytes") if name != "binary"]
    rows = []
    for name in names:
        cells = [
            f"{results.median(name, count, 'bytes')} bytes" if results.has(name, count, "bytes") else ""
            for count in counts
        ]
        usage = next(
            (f"{results.median(name, count, 'usage')} bytes" for count in counts if results.has(name, count, "usage")),
            "",
        )
        first = next(count for count in counts if results.has(name, count, "bytes"))
        rows.append(
            [
                name,
                *cells,
                f"{results.median(name, first, 'bytes') / results.median(names[0], first, 'bytes'):.2f}",
                usage,
            ]
        )
    head = ["keys of", *(f"{spaced(int(count))} keys" for count in counts), "ratio", "MEMORY USAGE of one"]
    idle = next(count for count in counts if results.has("idle", count, "kib"))
    words = (
        f"Resident when idle, one policy and one thread: {results.median('idle', idle, 'kib') / 1024:.1f} MiB. "
        f"From start to first answer, median of 20: {results.median('start', '', 'ms')} ms. Binary: {results.median('binary', '', 'bytes') / 1048576:.1f} MiB."
    )
    entries = [
        (
            name,
            [
                (*results.spread(name, count, "bytes"), str(results.median(name, count, "bytes")))
                if results.has(name, count, "bytes")
                else None
                for count in counts
            ],
        )
        for name in names
    ]
    return words + "\n\n" + table(head, rows), {
        "memory": bars(
            "Memory a key",
            "Bars: bytes of memory for each key, of weir by algorithm, of nginx limit_req, and of Redis.",
            "bytes a key; less is better",
            entries,
            [f"{spaced(int(count))} keys" for count in counts],
        )
    }


def policies(results):
    rows = []
    for name in results.series("cpu"):
        xs = [x for x in results.xs("cpu") if results.has(name, x, "cpu")]
        rows += [[name, spaced(int(x)), *cost_cells(results, name, x, xs[0])] for x in xs]
    charts = {}
    for series, file, title in (
        ("one of them matches", "policies", "CPU time a decision against the number of policies"),
        ("all of them match", "matching", "CPU time a decision against how many policies match"),
    ):
        charts[file] = lines(
            title,
            "A line: microseconds of weir's CPU time a check.",
            "policies" if file == "policies" else "policies that match the check",
            "microseconds of CPU a decision",
            line_of(results, "cpu", 1000, lambda name: name == series),
            x_log=True,
            x_ticks=[1, 2, 4, 8, 16] if file == "matching" else None,
        )
    return table(["of the policies", "policies", *COST_HEAD], rows), charts


COST_HEAD = ["CPU a decision", "least – most", "ratio", "decisions/s"]


def cost_cells(results, name, x, first):
    cost, least, most = results.spread(name, x, "cpu")
    rate = spaced(results.median(name, x, "rate")) if results.has(name, x, "rate") else ""
    if cost < 1000:
        return [f"{cost:.0f} ns", f"{least:.0f} – {most:.0f}", f"{cost / results.median(name, first, 'cpu'):.2f}", rate]
    return [
        f"{micro(cost)} µs",
        f"{micro(least)} – {micro(most)}",
        f"{cost / results.median(name, first, 'cpu'):.2f}",
        rate,
    ]


def cells(results):
    xs = results.xs("cpu")
    rows = [
        [name, spaced(int(x)), *cost_cells(results, name, x, xs[0])]
        for name in results.series("cpu")
        for x in xs
        if results.has(name, x, "cpu")
    ]
    return table(["what is measured", "keys", *COST_HEAD], rows), {
        "cells": lines(
            "CPU time a check over HTTP against the number of keys",
            "A line: microseconds of weir's CPU time a check as the number of keys grows.",
            "keys, asked in random order",
            "microseconds of CPU a check",
            line_of(results, "cpu", 1000, lambda name: name == "a check over HTTP"),
            x_log=True,
        ),
        "cells-decision": lines(
            "CPU time of the decision alone against the number of keys",
            "A line: nanoseconds of CPU time of a decision, without HTTP, as the number of keys grows.",
            "keys, asked in random order",
            "nanoseconds of CPU a decision",
            line_of(results, "cpu", 1, lambda name: name == "the decision alone"),
            x_log=True,
        ),
    }


def threads(results):
    xs = results.xs("cpu")
    rows = []
    for name in results.series("cpu"):
        for x in xs:
            cost, least, most = results.spread(name, x, "cpu")
            rate = results.median(name, x, "rate")
            rows.append(
                [
                    name,
                    x,
                    spaced(rate),
                    f"{rate / results.median(name, xs[0], 'rate'):.2f}",
                    f"{micro(cost)} µs",
                    f"{micro(least)} – {micro(most)}",
                    f"{cost / results.median(name, xs[0], 'cpu'):.2f}",
                    f"{results.median(name, x, 'busy'):.0f} %",
                ]
            )
    ticks = [int(x) for x in xs]
    return table(
        [
            "candidate",
            "threads",
            "decisions/s",
            "ratio",
            "CPU a decision",
            "least – most",
            "ratio",
            "cores kept busy, of 100 % each",
        ],
        rows,
    ), {
        "threads-rate": lines(
            "Decisions a second against threads, the load on the same cores",
            "Lines: thousands of decisions a second with 1 thread and more; server and load share all cores.",
            "threads of the server",
            "thousand decisions a second",
            line_of(results, "rate", 1000),
            x_log=True,
            x_ticks=ticks,
        ),
        "threads-cpu": lines(
            "CPU time a decision against threads",
            "Lines: microseconds of the server's CPU time a decision with 1 thread and more.",
            "threads of the server",
            "microseconds of CPU a decision",
            line_of(results, "cpu", 1000),
            x_log=True,
            x_ticks=ticks,
        ),
    }


ONE_CORE = "The server has one thread on the first core, the load (64 connections) on the second."
# Of each experiment: its heading, what is measured and how, and what makes its table and its charts.
PAGE = {
    "throughput": (
        "Throughput and CPU a decision",
        f"How many allowed checks a second one core answers, and what each costs. {ONE_CORE} 1000 clients in turn, told apart by a header, each with a counter of its own and a limit that is never reached. "
        "weir parses the request, finds the policy, decides and answers with the `X-RateLimit` headers; `return 200` only answers with such headers, the same each time; `limit_req` decides and answers with a page of 43 bytes and no such headers; "
        'Envoy answers by `direct_response`, with and without a `local_ratelimit` that has a bucket for each client and sends the headers. "with Redis" counts in a redis-server that shares weir\'s core. '
        "What weir saves or costs behind a gateway is another question (`scripts/bench gateways`): there each check is a request more. Where the server's core is not busy, the load was the limit, and decisions a second say so of the load; the CPU time does not depend on it.",
        throughput,
    ),
    "latency": (
        "Latency at several loads",
        f"How long answers take at 10 to 90 % of what each candidate can do. {ONE_CORE} First each is saturated in turn; then requests are due at random instants (Poisson) at that part of the rate, over 64 kept connections and without pipelining, and time counts from the instant at which a request was due, "
        'so that a server that stalls is charged for all that would have come meanwhile. A request that finds all connections busy waits, and its wait counts. "Generator late" is how late the generator itself was: what is not above it is not the server\'s. **short**: the server did not keep up with what was offered.',
        latency,
    ),
    "redis-floors": (
        "What Redis spends",
        "CPU time of redis-server, by its own account, for a check that weir counts in it, and for the least that one could ask of it: bare commands by redis-benchmark over 64 connections, one and 64 on their way on each; a script that does nothing; a script that counts. "
        '"weir\'s script, a call a check" is the very call that weir makes for a lone check, 64 of them on their way on each of 50 connections. weir (1000 clients in turn, Redis and weir on one core) gathers checks into shared calls.',
        redis_floors,
    ),
    "memory": (
        "Memory a key",
        "Bytes a key, once each, since sizes repeat: growth of weir's resident memory; of the touched part of nginx's `limit_req` zone; of Redis's `used_memory`, for weir's keys and for a plain counter with an expiry. "
        'Each key was asked for once, "10 admissions" ten times (a log remembers each; the other algorithms do not grow). weir keeps digests, here and in Redis, so that its keys do not grow with what they are made of; nginx and the plain counter keep the text (`client-` and a number).',
        memory,
    ),
    "policies": (
        "Against the number of policies",
        f"CPU time of a check with 1 to 10 000 policies on distinct paths, of which one matches, and with 1 to 16 policies that all match and each count by themselves. {ONE_CORE}",
        policies,
    ),
    "cells": (
        "Against the number of keys",
        f"CPU time of a check with 1 to 5 million keys in memory, all with information in their cells, asked in random order: over HTTP, and the decision alone (key hash, lock, look-up, arithmetic) in one thread without HTTP. {ONE_CORE}",
        cells,
    ),
    "threads": (
        "Against threads",
        "Decisions a second and CPU time a decision with 1 thread and more. Nothing is pinned: server and load share all cores of the machine, so that decisions a second are bounded by cores / (CPU of server + CPU of load) and cannot double; what more threads cost each other shows in the CPU time a decision. "
        "With one client all threads meet one counter: the worst case for its lock. nginx has as many workers and one zone.",
        threads,
    ),
}


def draw(output):
    kept = {}
    for file in sorted(glob.glob(f"{output}/performance/*.json")):
        with open(file) as text:
            run = json.load(text)
        kept[run["experiment"]] = run
    unknown = kept.keys() - PAGE.keys()
    if unknown:
        sys.exit(f"page.py: no entry for {', '.join(sorted(unknown))}")
    if not kept:
        sys.exit(f"page.py: no results in {output}/performance; `scripts/bench all` makes them")
    parts = [
        "<!-- Written by `scripts/bench all` from the files in performance/; `scripts/bench draw` writes it again. Do not edit. -->",
        "# Performance",
        "What weir costs, beside nginx `limit_req`, Envoy `local_ratelimit` and what Redis spends at least. In each section the candidates took turns, round by round, in one run of the command beside it; figures are medians of the rounds, and least and most are those of single rounds. "
        "Ratios to another candidate of the same run say more than figures: those depend on the machine. Thin lines in charts span least to most. `docs/performance/*.json` hold every round.",
    ]
    if any(run["quick"] for run in kept.values()):
        parts.append("> **From a quick run**, which shows only that everything runs. Its figures mean nothing.")
    parts.append("* " + "\n* ".join(f"[{PAGE[name][0]}](#{anchor(PAGE[name][0])})" for name in PAGE if name in kept))
    os.makedirs(f"{output}/images/performance", exist_ok=True)
    for name, (title, how, make) in PAGE.items():
        if name not in kept:
            continue
        run = kept[name]
        body, charts = make(Results(run))
        command = f"scripts/bench all --only {name}" + (" --quick" if run["quick"] else "")
        repeated = "once each" if name == "memory" else f"{run['rounds']} rounds of {run['seconds']} s"
        software = ", ".join(f"{what} {version}" for what, version in run["versions"].items())
        parts += [f"## {title}", how, body]
        for file, picture in charts.items():
            with open(f"{output}/images/performance/{file}.svg", "w") as svg:
                svg.write(picture)
            parts.append(f"![{found(r'<title id=.t.>(.*?)</title>', picture)}](images/performance/{file}.svg)")
        parts.append(f"`{command}`: {repeated}, {run['taken']}. {run['machine']}. {software}.")
    with open(f"{output}/performance.md", "w") as page:
        page.write("\n\n".join(parts) + "\n")


def anchor(title):
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


match sys.argv[1:]:
    case ["keep", name, record, output, *settings]:
        keep(name, record, output, *settings)
    case ["draw", output]:
        draw(output)
    case _:
        sys.exit(__doc__)
