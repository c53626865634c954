# SPDX-License-Identifier: Apache-2.0
"""tidy: clang-tidy with the checks of .clang-tidy, on the files that a change touches."""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lint.source import Finding

RULE = "tidy"

_DIAGNOSTIC = re.compile(r"^([^:\n]+):(\d+):\d+: (?:error|warning): (.*)$", re.MULTILINE)


def _git(tree, *arguments):
    result = subprocess.run(["git", *arguments], cwd=tree.root, capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else None


def _base(tree):
    """What a change is measured against: where the branch left main, or on main itself the
    commit before; None when there is none."""
    head = _git(tree, "rev-parse", "--verify", "-q", "HEAD")
    for main in ("origin/main", "main"):
        fork = _git(tree, "merge-base", main, "HEAD")
        if fork and fork != head:
            return fork
    return _git(tree, "rev-parse", "--verify", "-q", "HEAD~1")


def changed_files(tree):
    """The C files that differ from the base. A changed header counts as its .c; err.def and
    the like count as nothing, the compiler reads them all."""
    base = _base(tree)
    if base is None:
        return tree.with_suffix(".c")
    changed = set((_git(tree, "diff", "--name-only", base) or "").splitlines())
    changed |= set((_git(tree, "ls-files", "--others", "--exclude-standard") or "").splitlines())
    changed |= {path[:-2] + ".c" for path in changed if path.endswith(".h")}
    return [path for path in tree.with_suffix(".c") if path in changed]


def _compiled(build):
    """The sources that a build directory knows how to compile."""
    commands = json.loads((build / "compile_commands.json").read_text())
    return {str(Path(entry["directory"], entry["file"]).resolve()) for entry in commands}


def _tidy(tree, build, path):
    result = subprocess.run(
        ["clang-tidy", "-p", str(build), "--quiet", path],
        cwd=tree.root, capture_output=True, text=True)
    for where, line, message in _DIAGNOSTIC.findall(result.stdout):
        place = Path(where)
        if place.is_absolute() and place.is_relative_to(tree.root):
            where = str(place.relative_to(tree.root))
        yield Finding(where, int(line), RULE, message)


def _newest_build(tree):
    """The build directory that was configured last: it knows the files there are now."""
    databases = list((tree.root / "build").glob("*/compile_commands.json"))
    return max(databases, key=lambda file: file.stat().st_mtime).parent if databases else None


def check(tree, everything=False):
    build = _newest_build(tree)
    if build is None:
        yield Finding("build", 1, RULE, "no compile_commands.json: run cmake --preset debug")
        return
    files = tree.with_suffix(".c") if everything else changed_files(tree)
    compiled = _compiled(build)
    files = [path for path in files if str((tree.root / path).resolve()) in compiled]
    found = set()
    with ThreadPoolExecutor(2) as pool:
        for findings in pool.map(lambda path: list(_tidy(tree, build, path)), files):
            found.update(findings)
    yield from found
