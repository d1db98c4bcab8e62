"""tables.py: from results to Markdown and to what charts.py draws, for every experiment alike."""


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


def line_of(results, metric, scale=1, only=None):
    """Series for a line chart over the recorded x: all that have this metric, or one."""
    series = {}
    for name in [only] if only else results.series(metric):
        xs = [x for x in results.xs(metric) if results.has(name, x, metric)]
        series[name] = [(float(x), *(value / scale for value in results.spread(name, x, metric))) for x in xs]
    return series


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
