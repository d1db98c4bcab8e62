"""dashboard.py: the Grafana dashboard's panels and queries, checked without Grafana.

  dashboard.py check FILE     form, layout, sources
  dashboard.py rules FILE     its queries as recording rules, for promtool to parse
"""

import json
import re
import sys

# What Grafana puts in place of its variables, so that others can read a query.
VARIABLES = {"$__rate_interval": "1m", "$instance": ".*", "$domain": ".*"}
COLUMNS = 24


def panels(file):
    return json.load(open(file))["panels"]


def queries(file):
    """(title of the panel, query without variables) of each query."""
    found = []
    for panel in panels(file):
        for target in panel.get("targets", []):
            query = target["expr"]
            for variable, value in VARIABLES.items():
                query = query.replace(variable, value)
            found.append((panel["title"], query))
    return found


def metrics(text):
    """The metrics that a query or a file of rules names."""
    return set(re.findall(r"\b(?:weir|process)_[a-z_]+\b", text))


def check(file):
    dashboard = json.load(open(file))
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    wrong = [f"no variable {name}" for name in ("datasource", "instance", "domain") if name not in variables]
    taken = {}
    for panel in dashboard["panels"]:
        title, place = panel["title"], panel["gridPos"]
        if place["x"] + place["w"] > COLUMNS:
            wrong.append(f"{title!r} leaves the grid")
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if taken.setdefault((x, y), title) != title:
                    wrong.append(f"{title!r} lies over {taken[x, y]!r}")
        if panel["type"] == "row":
            continue
        if panel["datasource"] != {"type": "prometheus", "uid": "$datasource"}:
            wrong.append(f"{title!r} does not ask the source that was chosen")
        if not panel["targets"]:
            wrong.append(f"{title!r} asks nothing")
    for title, query in queries(file):
        if "$" in query:
            wrong.append(f"{title!r} uses a variable that is not set: {query}")
        if not metrics(query):
            wrong.append(f"{title!r} asks for no metric of weir: {query}")
    if wrong:
        sys.exit("\n  ".join([f"dashboard.py: {file}"] + sorted(set(wrong))))


def rules(file):
    numbered = [{"record": f"query:{number}", "expr": query} for number, (_, query) in enumerate(queries(file))]
    print(json.dumps({"groups": [{"name": "dashboard", "rules": numbered}]}, indent=1))  # JSON is YAML


if __name__ == "__main__":
    {"check": check, "rules": rules}[sys.argv[1]](sys.argv[2])
