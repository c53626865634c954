# SPDX-License-Identifier: Apache-2.0
"""format, spelling, shell, docs: what other programs check, told in our form."""

import re
import subprocess
import sys

from lint.source import Finding

_PLACE = re.compile(r"^([^:\n]+):(\d+):(?:\d+:)? ?(.*)$")


def _places(tree, command, rule):
    """Runs the command; a finding for each "path:line: message" that it prints. A program
    that fails without naming a place is itself the finding."""
    try:
        result = subprocess.run(command, cwd=tree.root, capture_output=True, text=True)
    except FileNotFoundError:
        yield Finding(command[0], 1, rule, "the program is not installed")
        return
    found = False
    for line in (result.stdout + result.stderr).splitlines():
        match = _PLACE.match(line)
        if match:
            found = True
            yield Finding(match.group(1), int(match.group(2)), rule, match.group(3))
    if result.returncode != 0 and not found:
        last = (result.stdout + result.stderr).strip().splitlines()[-1:] or ["no output"]
        yield Finding(command[0], 1, rule, f"exit status {result.returncode}: {last[0]}")


def check_format(tree):
    """One finding a file: the first place, for "clang-format -i" repairs them all."""
    files = tree.with_suffix(".c", ".h")
    if not files:
        return
    told = set()
    for finding in _places(tree, ["clang-format", "--dry-run", "-Werror", *files], "format"):
        if finding.path not in told:
            told.add(finding.path)
            yield Finding(finding.path, finding.line, "format", "run clang-format -i on it")


def check_spelling(tree):
    if tree.paths:
        yield from _places(tree, ["codespell", *tree.paths], "spelling")


def check_shell(tree):
    scripts = sorted(set(tree.with_suffix(".sh")) | set(tree.scripts("sh", "bash")))
    if scripts:
        yield from _places(tree, ["shellcheck", "-S", "warning", "-f", "gcc", *scripts], "shell")


def check_docs(tree):
    """--help, man pages and completions agree: a script of its own knows how."""
    script = "tests/lint/doc_parity.py"
    if (tree.root / script).is_file():
        yield from _places(tree, [sys.executable, script], "docs")
