"""tests.py: the tests of this repository, by target, suite and name, read out of the sources.

    python3 scripts/docs/tests.py TARGET SUITE NAME     prints the name of the function that holds the test
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

# A type, or an extension of one, at the beginning of a line; or a test with its name, and the function behind it.
SOURCE = re.compile(
    r'^(?:@Suite(?:\((?:[^()\n]|\([^()\n]*\))*\))?\s+)?(?:(?:final|public|private) )*'
    r'(?:struct|class|actor|extension|enum) (?P<type>\w+)'
    r'|^ *@Test\(\s*"(?P<name>(?:[^"\\]|\\.)*)"',
    re.MULTILINE)
FUNCTION = re.compile(r'\bfunc (\w+)')


class Test(NamedTuple):
    path: str
    suite: str
    name: str
    function: str


def tests(root: Path = Path()) -> list[Test]:
    """All tests below Tests/ and Fuzz/, with paths relative to `root`. A test outside a suite has its file's name for one."""
    found = []
    for path in sorted(path for folder in ("Tests", "Fuzz") for path in (root / folder).rglob("*.swift")):
        source = path.read_text()
        suite = path.stem
        for match in SOURCE.finditer(source):
            if match["type"]:
                suite = match["type"]
                continue
            function = FUNCTION.search(source, match.end())
            found.append(Test(str(path.relative_to(root)), suite, match["name"], function[1] if function else ""))
    return found


if __name__ == "__main__":
    target, suite, name = sys.argv[1:]
    functions = [
        test.function for test in tests()
        if test.path.startswith(f"Tests/{target}/") and (test.suite, test.name) == (suite, name)]
    if len(functions) != 1:
        sys.exit(f"{len(functions)} tests {target}.{suite} \"{name}\"")
    print(functions[0])
