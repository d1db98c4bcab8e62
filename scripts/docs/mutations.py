"""mutations.py: the patches of Tests/Mutations, and the table of docs/guarantees.md that says what came of them.

    python3 scripts/docs/mutations.py [--write] RESULTS

RESULTS holds a line `NAME<tab>SEEN` for each patch that was tried. Prints their rows; with --write these also take their
places in the page, new ones behind the others.
"""

import sys
from pathlib import Path
from typing import NamedTuple

PAGE = "docs/guarantees.md"
HEADING = "| patch | what is broken | the promise, or the threat | the test that must find it | seen |"
SEEN = ["caught", "not run"]


class Mutation(NamedTuple):
    patch: str
    # What the patch says of itself in its first lines: what it does, the promise or threat, and TARGET.SUITE "TEST".
    mutation: str
    breaks: str
    target: str
    suite: str
    test: str

    def row(self, name: str, seen: str) -> str:
        return f'| `{name}` | {self.mutation} | {self.breaks} | `{self.suite}` "{self.test}" | {seen} |'


def read(patch: str) -> Mutation:
    fields = dict(line.split(": ", 1) for line in patch.split("\ndiff ")[0].splitlines() if ": " in line)
    target, _, test = fields.get("Test", "").partition(".")
    suite, _, quoted = test.partition(" ")
    return Mutation(patch, fields.get("Mutation", ""), fields.get("Breaks", ""), target, suite, quoted[1:-1])


def patches(root: Path) -> dict[str, Mutation]:
    """By name."""
    return {path.stem: read(path.read_text()) for path in sorted((root / "Tests/Mutations").glob("*.patch"))}


def listed(page: str) -> dict[str, str]:
    """The rows of the page's table, by the name of the patch."""
    _, found, behind = page.partition(HEADING + "\n")
    rows = {}
    for line in behind.splitlines()[1:] if found else []:
        if not line.startswith("|"):
            break
        rows[line.split("`")[1] if "`" in line else line] = line
    return rows


def written(page: str, rows: dict[str, str]) -> str:
    """The page with these rows in it."""
    old = listed(page)
    for name, row in rows.items():
        if name in old:
            page = page.replace(old[name] + "\n", row + "\n")
        else:
            last = list(listed(page).values())[-1]
            page = page.replace(last + "\n", f"{last}\n{row}\n")
    return page


if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent.parent
    arguments = sys.argv[1:]
    writes = arguments[:1] == ["--write"]
    known = patches(root)
    results = [line.split("\t") for line in Path(arguments[-1]).read_text().splitlines()]
    rows = {name: known[name].row(name, seen) for name, seen in results}
    print("\n".join(rows.values()))
    if writes:
        page = root / PAGE
        page.write_text(written(page.read_text(), rows))
