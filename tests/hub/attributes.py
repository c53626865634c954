# SPDX-License-Identifier: Apache-2.0
""".gitattributes and .gitignore decided by git itself, with a temporary index instead of a work tree."""

import os
import tempfile

from .git_store import run_git


def lfs_tracked(git, attributes, paths):
    """The subset of paths that `filter=lfs` in the given .gitattributes text matches."""
    if not paths or not attributes:
        return set()
    with tempfile.TemporaryDirectory() as temp:
        env = {"GIT_INDEX_FILE": os.path.join(temp, "index")}
        oid = run_git(git.path, "hash-object", "-w", "--stdin", data=attributes).decode().strip()
        run_git(git.path, "update-index", "--add", "--cacheinfo", f"100644,{oid},.gitattributes", env=env)
        names = b"\0".join(path.encode("utf-8", "surrogateescape") for path in paths) + b"\0"
        out = run_git(git.path, "check-attr", "--cached", "--stdin", "-z", "filter", data=names, env=env)
    fields = out.split(b"\0")[:-1]
    rows = zip(fields[0::3], fields[2::3])
    return {path.decode("utf-8", "surrogateescape") for path, value in rows if value == b"lfs"}


def ignored(git, gitignore, paths):
    """The subset of paths that the given .gitignore text matches."""
    if not paths or not gitignore:
        return set()
    with tempfile.TemporaryDirectory() as temp:
        with open(os.path.join(temp, ".gitignore"), "wb") as file:
            file.write(gitignore)
        names = b"\0".join(path.encode("utf-8", "surrogateescape") for path in paths) + b"\0"
        args = ["--work-tree", temp, "check-ignore", "--no-index", "--stdin", "-z"]
        out = run_git(git.path, *args, data=names, check=False) or b""
    return {path.decode("utf-8", "surrogateescape") for path in out.split(b"\0")[:-1]}


def rule_for(path):
    """The line the Hub appends to track one file: blanks and wildcards must not act as such."""
    escaped = "".join("[[:space:]]" if char == " " else "\\" + char if char in "*?[]\\#!" else char for char in path)
    return f"{escaped} filter=lfs diff=lfs merge=lfs -text\n".encode()
