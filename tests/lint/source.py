# SPDX-License-Identifier: Apache-2.0
"""The tree as the rules see it: which files there are, their text, and what a rule reports."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

# What others wrote or a program generated; no rule looks at it.
FOREIGN = re.compile(r"^(build|tests/data|tests/fuzz/corpus)/")

LIBRARIES = ("base", "cache", "hub", "xet", "fs")

_COMMENT_OR_LITERAL = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


@dataclass(frozen=True, order=True)
class Finding:
    """A broken rule at a place. A warning is shown and fails nothing."""

    path: str
    line: int
    rule: str
    message: str
    is_warning: bool = False

    def __str__(self):
        kind = "warning: " if self.is_warning else ""
        return f"{self.path}:{self.line}: {kind}[{self.rule}] {self.message}"


class Tree:
    """The project's own files below `root`: those git tracks, and those it does not ignore."""

    def __init__(self, root):
        self.root = Path(root)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=self.root, check=True, capture_output=True).stdout.decode()
        self.paths = sorted(
            path for path in set(listed.split("\0"))
            if path and not FOREIGN.match(path) and (self.root / path).is_file())
        self._text = {}

    def text(self, path):
        if path not in self._text:
            self._text[path] = (self.root / path).read_text(errors="surrogateescape")
        return self._text[path]

    def lines(self, path):
        return self.text(path).splitlines()

    def with_suffix(self, *suffixes):
        return [path for path in self.paths if path.endswith(suffixes)]

    def scripts(self, *interpreters):
        """Files whose first line names one of the interpreters."""
        found = []
        for path in self.paths:
            with open(self.root / path, "rb") as file:
                first = file.readline(200)
            words = first.decode(errors="replace").replace("/", " ").split()
            if first.startswith(b"#!") and any(name in words for name in interpreters):
                found.append(path)
        return found


def folder_of(path):
    return path.split("/", 1)[0] if "/" in path else ""


def code_only(text):
    """C without comments and the insides of literals; lines and columns stay."""
    def blank(match):
        piece = match.group(0)
        if piece[0] in "\"'":
            return piece[0] + " " * (len(piece) - 2) + piece[0]
        return re.sub(r"[^\n]", " ", piece)
    return _COMMENT_OR_LITERAL.sub(blank, text)
