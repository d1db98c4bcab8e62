"""dockerfile.py: the last stage of a Dockerfile as assignments for bash.

    eval "$(python3 scripts/deploy/dockerfile.py Dockerfile)"

Sets: base (image), suite (Debian release), runs (shell commands), packages (that they install), copies
(STAGE:SOURCE:TARGET, STAGE empty for a file of the build's folder), user, variables (NAME=VALUE), entrypoint, command,
health, health_timeout (seconds), stop_signal, exposed (ports), and strip_options (what the first stage gives to strip).

It knows what this project's Dockerfile uses and fails on anything else, so that nothing in it goes unseen.
"""

import json
import re
import shlex
import sys


def instructions(text):
    """Yields (word, rest) with continued lines joined and comments dropped."""
    joined = ""
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        joined += line
        if joined.strip():
            word, _, rest = joined.strip().partition(" ")
            yield word, " ".join(rest.split()) if word != "RUN" else rest.strip()
        joined = ""


def last_stage(all_instructions):
    starts = [index for index, (word, _) in enumerate(all_instructions) if word == "FROM"]
    return all_instructions[: starts[-1]], all_instructions[starts[-1] :]


def installed(run):
    """The packages that `apt-get install` in a shell command names."""
    found = []
    for part in re.split(r"&&|;", run):
        words = part.split()
        if words[:2] == ["apt-get", "install"]:
            found += [word for word in words[2:] if not word.startswith("-")]
    return found


def read(text):
    before, stage = last_stage(list(instructions(text)))
    strip = re.search(r"\bstrip ((?:--?[a-z-]+ )+?)-o ", " ".join(rest for word, rest in before if word == "RUN"))
    image = {
        "runs": [], "packages": [], "copies": [], "variables": [], "exposed": [],
        "user": "", "entrypoint": [], "command": [], "health": [], "health_timeout": "30", "stop_signal": "SIGTERM",
        "strip_options": strip[1].split() if strip else [],
    }
    for word, rest in stage:
        if word == "FROM":
            image["base"] = rest
            image["suite"] = re.fullmatch(r"debian:([a-z]+)-slim", rest)[1]
        elif word == "RUN":
            image["runs"].append(rest)
            image["packages"] += installed(rest)
        elif word == "COPY":
            words = rest.split()
            stage_name = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else ""
            image["copies"].append(":".join([stage_name, *words]))
        elif word == "ENV":
            image["variables"] += shlex.split(rest)
        elif word == "LABEL":
            continue  # says something, does nothing
        elif word == "HEALTHCHECK":
            options, _, command = rest.partition("CMD ")
            image["health"] = json.loads(command)
            image["health_timeout"] = re.search(r"--timeout=(\d+)s", options)[1]
        elif word in ("ENTRYPOINT", "CMD"):
            image["entrypoint" if word == "ENTRYPOINT" else "command"] = json.loads(rest)
        elif word == "USER":
            image["user"] = rest
        elif word == "EXPOSE":
            image["exposed"] += rest.split()
        elif word == "STOPSIGNAL":
            image["stop_signal"] = rest
        else:
            sys.exit(f"dockerfile.py: {word}: an instruction that it does not know")
    return image


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        image = read(file.read())
    for name, value in image.items():
        quoted = shlex.quote(value) if isinstance(value, str) else "(" + " ".join(map(shlex.quote, value)) + ")"
        print(f"{name}={quoted}")


main()
