"""summary.py: the few figures with which docs/performance.md begins, from those experiments that were run."""

from tables import micro, spaced

OTHERS = ("nginx return 200, no limiter", "nginx limit_req", "Envoy local_ratelimit")


def throughput(results):
    base = results.median("weir, gateway form", "", "cpu")
    against = ", ".join(f"{base / results.median(name, '', 'cpu'):.2f} times {name}" for name in OTHERS)
    json = results.median("weir, JSON form", "", "cpu")
    yield "CPU a decision, gateway form, one thread", f"{micro(base, 1)} µs: {against}"
    yield "JSON form against gateway form", f"{json / base:.2f} times the CPU"
    rates = [spaced(results.median(name, "", "rate")) for name in ("weir, gateway form", "weir with Redis")]
    yield "decisions/s on one core", f"{rates[0]}; counted in a Redis on the same core {rates[1]}"


def latency(results):
    times = "; ".join(
        f"{name} {results.median(name, '50', 'p99') / 1e6:.2f} ms at {spaced(results.median(name, '50', 'offered'))}/s"
        for name in results.series("p99")
    )
    yield "99 % of answers at half of the load that each can bear", times


def redis_floors(results):
    own, floor = (results.median(*of, "helper") for of in (("weir, 64 connections", ""), ("EVALSHA of INCR", "1")))
    yield (
        "CPU of Redis a check, 64 connections",
        f"{micro(own, 1)} µs; a script that counts one, each alone: {micro(floor, 1)}",
    )


def memory(results):
    count = max((x for x in results.xs("bytes") if x), key=int)
    own = results.median("weir, token-bucket", count, "bytes")
    has_nginx = results.has("nginx limit_req", count, "bytes")
    nginx = f"; nginx limit_req {results.median('nginx limit_req', count, 'bytes')}" if has_nginx else ""
    # The first that was measured, as in the section.
    idle = results.median("idle", min(results.xs("kib"), key=int), "kib") / 1024
    yield f"memory a key, {spaced(int(count))} keys, token-bucket", f"{own} bytes{nginx}"
    yield "resident when idle; start to first answer", f"{idle:.1f} MiB; {results.median('start', '', 'ms')} ms"


def growth(results, series, what):
    xs = sorted((x for x in results.xs("cpu") if results.has(series, x, "cpu")), key=int)
    ratio = results.median(series, xs[-1], "cpu") / results.median(series, xs[0], "cpu")
    return f"{spaced(int(xs[-1]))} {what} against one", f"{ratio:.2f} times the CPU"


def policies(results):
    yield growth(results, "one of them matches", "policies on distinct paths")
    yield growth(results, "all of them match", "matching policies")


def cells(results):
    yield growth(results, "a check over HTTP", "keys")


def threads(results):
    most = max(results.xs("cpu"), key=int)
    many, one = (
        results.median(series, most, "cpu") / results.median(series, "1", "cpu")
        for series in ("weir, 1000 clients", "weir, one client")
    )
    yield f"{most} threads against one, on cores that the load shares", f"{many:.2f} times the CPU; all on one counter {one:.2f}"


ROWS = {
    "throughput": throughput,
    "latency": latency,
    "redis-floors": redis_floors,
    "memory": memory,
    "policies": policies,
    "cells": cells,
    "threads": threads,
}
