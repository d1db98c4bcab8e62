"""page.py: keeps what scripts/bench all measured, and writes docs/performance.md with its charts from that.

  page.py keep NAME RECORD OUTPUT [KEY=VALUE...]  RECORD's lines of one run become OUTPUT/performance/NAME.json
  page.py draw OUTPUT                             makes OUTPUT/performance.md and OUTPUT/images/performance from those

A record has a figure of a round a line: series, x, metric, value, with tabs between. The files keep every round, with the
machine and the versions, so that page and charts can be made again without measuring.
"""

import glob
import json
import os
import re
import sys

import sections
import summary
from results import Results, found, keep
from tables import table

ONE_CORE = "The server has one thread on the first core, the load (64 connections) on the second."
# Of each experiment: its heading, what is measured and how, and what makes its table and its charts.
PAGE = {
    "throughput": (
        "Throughput and CPU a decision",
        f"""How many allowed checks a second one core answers, and what each costs. {ONE_CORE} The load is wrk's: 1000
        clients in turn, told apart by a header, each with a counter of its own and a limit that is never reached. weir
        parses the request, finds the policy, decides and answers with the `X-RateLimit` headers; `return 200` only answers
        with such headers, the same each time; `limit_req` decides and answers with a page of 43 bytes and no such headers;
        Envoy answers by `direct_response`, with and without a `local_ratelimit` that has a bucket for each client and sends
        the headers. "With Redis" counts in a redis-server that shares weir's core. What a check adds behind a gateway is
        another question (`scripts/bench gateways`): there it is a request more. Where the server's core is not busy, the
        load was the limit, and decisions a second are the load's; the CPU time does not depend on it.""",
        sections.throughput,
    ),
    "latency": (
        "Latency at several loads",
        f"""How long answers take at 10 to 90 % of what each candidate can do. {ONE_CORE} First each is saturated in turn;
        then requests are due at random instants (Poisson) at that part of the rate, over kept connections and without
        pipelining, and time counts from the instant at which a request was due, so that a server that stalls is charged for
        all that would have come meanwhile. A request that finds all connections busy waits, and its wait counts. "Generator
        late" is how late the load itself was, which is in the other columns too. **Short**: fewer answers
        than 97 % of what was offered, by the server or, where the load was late, by the load.""",
        sections.latency,
    ),
    "redis-floors": (
        "What Redis spends",
        """CPU time of redis-server, by its own account, for a check that weir counts in it, and for the least that one could
        ask of it: bare commands by redis-benchmark over 64 connections, one and 64 on their way on each; a script that does
        nothing; a script that counts. "weir's script, a call a check" is the very call that weir makes for a lone check, 64
        of them on their way on each of 50 connections. weir (1000 clients in turn, Redis and weir on one core) gathers
        checks into shared calls.""",
        sections.redis_floors,
    ),
    "memory": (
        "Memory a key",
        """Bytes a key, once each, since sizes repeat: growth of weir's resident memory; of the touched part of nginx's
        `limit_req` zone; of Redis's `used_memory`, for weir's keys and for a plain counter with an expiry. Each key was
        asked for once, "10 admissions" ten times (a log remembers each; the other algorithms do not grow). weir keeps
        digests, here and in Redis, so that its keys do not grow with what they are made of; nginx and the plain counter
        keep the text (`client-` and a number).""",
        sections.memory,
    ),
    "policies": (
        "Against the number of policies",
        f"""CPU time of a check with 1 to 10 000 policies on distinct paths, of which one matches, and with 1 to 16 policies
        that all match and each count by themselves. {ONE_CORE}""",
        sections.policies,
    ),
    "cells": (
        "Against the number of keys",
        f"""CPU time of a check with 1 to 5 million keys in memory, all with information in their cells, asked in random
        order: over HTTP, and the decision alone (key hash, lock, look-up, arithmetic) in one thread without HTTP.
        {ONE_CORE}""",
        sections.cells,
    ),
    "threads": (
        "Against threads",
        """Decisions a second and CPU time a decision with 1 thread and more. Nothing is pinned: server and load share all
        cores of the machine, so that decisions a second are bounded by cores / (CPU of server + CPU of load) and cannot
        grow with the threads as they would beside a load from elsewhere; what more threads cost each other shows in the CPU
        time a decision. With one client all threads meet one counter: the worst case for its lock. nginx has as many
        workers and one zone.""",
        sections.threads,
    ),
}
HEAD = """What weir costs, beside nginx `limit_req`, Envoy `local_ratelimit` and what Redis spends at least. In each section the
candidates took turns, round by round, in one run of the command below it; figures are medians of the rounds, least and most
are those of single rounds, and thin lines in charts span them. Ratios between candidates of one run say more than figures,
which depend on the machine. `performance/*.json` hold every round."""


def one_line(words):
    return " ".join(words.split())


def anchor(title):
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def kept_runs(output):
    """What is kept below `output`, by experiment, in the order of the page."""
    runs = {}
    for file in glob.glob(f"{output}/performance/*.json"):
        with open(file) as text:
            run = json.load(text)
        runs[run["experiment"]] = run
    if unknown := runs.keys() - PAGE.keys():
        sys.exit(f"page.py: no entry for {', '.join(sorted(unknown))}")
    if not runs:
        sys.exit(f"page.py: no results in {output}/performance; `scripts/bench all` makes them")
    return {name: runs[name] for name in PAGE if name in runs}


def circumstances(runs):
    """On what, and of what, these runs were, if it is the same for all; else nothing."""
    known = {("machine", run["machine"]) for run in runs}
    # An experiment before the first that installs Envoy does not know its version.
    known |= {item for run in runs for item in run["versions"].items() if item[1] != "unknown"}
    if len(known) > len(dict(known)):
        return None
    versions = {name: dict(known)[name] for name in runs[0]["versions"] if name in dict(known)}
    return f"{runs[0]['machine']}. {', '.join(' '.join(version) for version in versions.items())}."


def section(name, run, output, where):
    """The Markdown of an experiment, whose charts are written. `where`: its circumstances, unless the page has them."""
    title, how, make = PAGE[name]
    body, charts = make(Results(run))
    parts = [f"## {title}", one_line(how), body]
    for file, picture in charts.items():
        with open(f"{output}/images/performance/{file}.svg", "w") as svg:
            svg.write(picture)
        parts.append(f"![{found(r'<title id=.t.>(.*?)</title>', picture)}](images/performance/{file}.svg)")
    command = f"scripts/bench all --only {name}" + (" --quick" if run["quick"] else "")
    repeated = "once each" if name == "memory" else f"{run['rounds']} rounds of {run['seconds']} s"
    parts.append(f"`{command}`: {repeated}, {run['taken']}." + (f" {where}" if where else ""))
    return parts


def draw(output):
    runs = kept_runs(output)
    os.makedirs(f"{output}/images/performance", exist_ok=True)
    shared = circumstances(list(runs.values()))
    parts = [
        "<!-- Written by scripts/bench all; scripts/bench draw writes it again from performance/*.json. Do not edit. -->",
        "# Performance",
        one_line(HEAD),
    ]
    if any(run["quick"] for run in runs.values()):
        parts.append("> **From a quick run**, which shows only that everything runs. Its figures mean nothing.")
    if shared:
        parts.append(f"Measured on {shared}")
    rows = []
    for name, run in runs.items():
        link = f"[{PAGE[name][0]}](#{anchor(PAGE[name][0])})"
        rows += [[link, *line] for line in summary.ROWS[name](Results(run))]
    parts.append(table(["section", "what", "figure"], rows).replace("---:", "---"))
    for name, run in runs.items():
        parts += section(name, run, output, "" if shared else circumstances([run]))
    with open(f"{output}/performance.md", "w") as page:
        page.write("\n\n".join(parts) + "\n")


match sys.argv[1:]:
    case ["keep", name, record, output, *settings]:
        keep(name, record, output, *settings)
    case ["draw", output]:
        draw(output)
    case _:
        sys.exit(__doc__)
