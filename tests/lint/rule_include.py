# SPDX-License-Identifier: Apache-2.0
"""include: who may include what, the arrows of the architecture.

    fs -> xet -> hub -> base, xet -> cache -> base

A folder sees of another only its public header NAME/NAME.h, and each foreign library is
known in one folder.
"""

import re

from lint.source import Finding, LIBRARIES, folder_of

RULE = "include"

MAY_INCLUDE = {
    "base": (),
    "cache": ("base",),
    "hub": ("base",),
    "xet": ("base", "cache", "hub"),
    "fs": ("base", "cache", "hub", "xet"),
}

# Which folder may know a library, by what its headers are called.
LIBRARY_HOME = (
    (re.compile(r"^(fuse|linux/fuse\.h)"), "fs", "libfuse"),
    (re.compile(r"^curl/"), "hub", "libcurl"),
    (re.compile(r"^(cjson/|cJSON)"), "hub", "cJSON"),
    (re.compile(r"^(zlib|zconf)\.h"), "hub", "zlib"),
    (re.compile(r"^sqlite3"), "cache", "SQLite"),
    (re.compile(r"^lz4"), "xet", "LZ4"),
    (re.compile(r"^blake3"), "xet", "BLAKE3"),
    (re.compile(r"^openssl/"), "base", "OpenSSL"),
)

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def _library_problem(folder, header):
    for pattern, home, name in LIBRARY_HOME:
        if pattern.match(header) and folder != home:
            return f"only {home}/ may include {name} (<{header}>)"
    return None


def _own_problem(tree, folder, header):
    target = folder_of(header)
    if target not in LIBRARIES:
        return f'"{header}" is no header of ours: write "FOLDER/NAME.h", or <...>'
    if target != folder:
        if target not in MAY_INCLUDE[folder]:
            return f"{folder}/ may not include {target}/ (fs -> xet -> hub, cache -> base)"
        if header != f"{target}/{target}.h":
            return f'of {target}/ only "{target}/{target}.h" is public'
    if not (tree.root / header).is_file():
        return f'"{header}" does not exist'
    return None


def check(tree):
    for path in tree.with_suffix(".c", ".h"):
        folder = folder_of(path)
        if folder not in LIBRARIES:
            continue  # tests may look into everything
        for number, line in enumerate(tree.lines(path), 1):
            match = _INCLUDE.match(line)
            if match is None:
                continue
            kind, header = match.groups()
            if kind == "<":
                problem = _library_problem(folder, header)
            elif header.endswith(".def") and folder_of(header) == folder:
                problem = None
            else:
                problem = _own_problem(tree, folder, header)
            if problem:
                yield Finding(path, number, RULE, problem)
    for library in LIBRARIES[:-1]:
        public = f"{library}/{library}.h"
        if any(folder_of(path) == library for path in tree.paths) and public not in tree.paths:
            yield Finding(public, 1, RULE, f"{library}/ has no public header {public}")
