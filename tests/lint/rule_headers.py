# SPDX-License-Identifier: Apache-2.0
"""headers: each header compiles alone."""

import glob
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from lint.source import Finding

RULE = "headers"

PACKAGES = ("fuse3", "libcurl", "sqlite3", "libcjson", "liblz4", "cmocka")
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-fsyntax-only",
         "-Wall", "-Wextra", "-Werror", "-I.", "-x", "c", "-"]

_ERROR = re.compile(r"^([^:\n]+):(\d+):\d+: (?:fatal )?error: (.*)$", re.MULTILINE)


def _library_flags():
    known = subprocess.run(["pkg-config", "--cflags", *PACKAGES], capture_output=True, text=True)
    # Debian 12 ships BLAKE3's C code inside a Rust package.
    blake3 = [f"-I{path}" for path in glob.glob("/usr/share/cargo/registry/blake3-*/c")[:1]]
    return known.stdout.split() + blake3


def _compile(tree, flags, path):
    result = subprocess.run(
        ["gcc", *flags, *FLAGS], cwd=tree.root, capture_output=True, text=True,
        input=f'#include "{path}"\n')
    if result.returncode == 0:
        return None
    match = _ERROR.search(result.stderr)
    where, line, message = match.groups() if match else (path, "1", result.stderr.strip()[:200])
    if where != path:
        return Finding(path, 1, RULE, f"does not compile alone: {where}:{line}: {message}")
    return Finding(path, int(line), RULE, f"does not compile alone: {message}")


def check(tree):
    flags = _library_flags()
    if (tree.root / "base/banned.h").is_file():
        flags += ["-include", "base/banned.h"]
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda path: _compile(tree, flags, path), tree.with_suffix(".h"))
        yield from (finding for finding in found if finding)
