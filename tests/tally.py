# SPDX-License-Identifier: Apache-2.0
"""Adds up test results: one JUnit file, or (--all) every result of a run of tests/run.sh."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def count(path):
    """(passed, failed, skipped) of one JUnit file; a file that is missing is one failure."""
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return 0, 1, 0
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    skipped = sum(1 for case in cases if case.find("skipped") is not None)
    return len(cases) - failed - skipped, failed, skipped


def line(passed, failed, skipped):
    text = f"{passed} passed, {failed} failed"
    return text + (f", {skipped} skipped" if skipped else "")


def main(arguments):
    if arguments[0] != "--all":
        total = count(arguments[0])
    else:
        results = Path(arguments[1])
        steps = [path.read_text().strip() for path in results.glob("*.step")]
        counts = [count(path) for path in results.glob("*.xml")]
        counts.append((steps.count("passed"), steps.count("failed"), 0))
        total = tuple(map(sum, zip(*counts)))
    print(line(*total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
