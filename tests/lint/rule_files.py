# SPDX-License-Identifier: Apache-2.0
"""files: the licence line, unique names, headers that are included once."""

from lint.source import Finding

RULE = "files"

SPDX = "SPDX-License-Identifier: Apache-2.0"
NEEDS_SPDX = (".c", ".h", ".def", ".py", ".sh", ".cmake", "CMakeLists.txt")
# Each module keeps its limits in a file of this name.
MAY_REPEAT = {"limits.h"}


def _licence(tree):
    scripts = set(tree.scripts("sh", "bash", "python3"))
    for path in tree.paths:
        if path.endswith(NEEDS_SPDX) or path in scripts:
            lines = tree.lines(path)[:2]
            if lines and lines[0].startswith("#!"):
                lines = lines[1:]
            if not lines or SPDX not in lines[0]:
                yield Finding(path, 1, RULE, f'the first line must have "{SPDX}"')


def _unique_names(tree):
    seen = {}
    for path in tree.with_suffix(".c", ".h"):
        name = path.rsplit("/", 1)[-1]
        if name in seen and name not in MAY_REPEAT:
            yield Finding(path, 1, RULE, f"{seen[name]} has the same name")
        seen.setdefault(name, path)


def _pragma_once(tree):
    for path in tree.with_suffix(".h"):
        if "#pragma once" not in tree.lines(path):
            yield Finding(path, 1, RULE, "a header needs #pragma once")


def check(tree):
    yield from _licence(tree)
    yield from _unique_names(tree)
    yield from _pragma_once(tree)
