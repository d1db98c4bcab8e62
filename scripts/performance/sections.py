"""sections.py: the tables and charts of docs/performance.md, a function an experiment.

Each takes the Results of its experiment and returns Markdown and a chart by name.
"""

from charts import bars, lines
from tables import COST_HEAD, cost_cells, line_of, micro, microseconds, spaced, table


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
    return table(["of the policies", "policies", *COST_HEAD], rows), {
        "policies": lines(
            "CPU time a decision against the number of policies",
            "A line: microseconds of weir's CPU time a check with 1 to 10 000 policies, of which one matches.",
            "policies, of which one matches",
            "microseconds of CPU a decision",
            line_of(results, "cpu", 1000, "one of them matches"),
            x_log=True,
        ),
        "matching": lines(
            "CPU time a decision against how many policies match",
            "A line: microseconds of weir's CPU time a check that 1 to 16 policies match.",
            "policies that match the check",
            "microseconds of CPU a decision",
            line_of(results, "cpu", 1000, "all of them match"),
            x_log=True,
            x_ticks=[1, 2, 4, 8, 16],
        ),
    }


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
            line_of(results, "cpu", 1000, "a check over HTTP"),
            x_log=True,
        ),
        "cells-decision": lines(
            "CPU time of the decision alone against the number of keys",
            "A line: nanoseconds of CPU time of a decision, without HTTP, as the number of keys grows.",
            "keys, asked in random order",
            "nanoseconds of CPU a decision",
            line_of(results, "cpu", 1, "the decision alone"),
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
