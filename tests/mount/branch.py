# SPDX-License-Identifier: Apache-2.0
"""`Branch`: what a branch of the local Hub holds, read from the Hub's own git store.

Neither hugfs nor a client library stands between: the Hub's database names the git repository and
git reads it. An LFS or Xet file counts by the SHA-256 that its pointer names; `download()` lets the
official client prove that those bytes can really be had.

    branch = Branch(hub, "acme/w")
    branch.tree()                   {"README.md": sha256, ...}
    branch.commits(since=head)      [Commit(title=..., changes={"README.md": "M"}), ...], oldest first
"""

import hashlib
import json
import os
import re
import sqlite3
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (\d+)\n")
TRAILER = re.compile(r"^Hugfs-Commit: (\S+)$", re.MULTILINE)
MADE_BY_THE_HUB = ".gitattributes"  # the Hub appends a rule when an LFS file comes that none matches


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@dataclass
class Commit:
    """One commit of the Hub's history; changes are {path: "A", "M" or "D"}."""

    oid: str
    parent: str
    title: str
    body: str
    changes: dict

    @property
    def id(self):
        """The unique id that hugfs put into the description, or None."""
        found = TRAILER.search(self.body)
        return found and found[1]


class Branch:
    """A branch, tag or pull request of a repository. See the top of this file."""

    def __init__(self, hub, repo_id, ref="refs/heads/main", kind="model"):
        self.hub, self.id, self.ref, self.kind = hub, repo_id, ref, kind
        self._git_dir = self._find()
        self._known = {}

    def _find(self):
        with sqlite3.connect(f"file:{self.hub.data}/hub.db?mode=ro", uri=True) as database:
            for (text,) in database.execute("SELECT json FROM document WHERE kind='repo'"):
                repo = json.loads(text)
                if repo["id"] == self.id and repo["type"] == self.kind:
                    return next(Path(self.hub.data).rglob((repo.get("store") or repo["uid"]) + ".git"))
        raise AssertionError(f"the Hub has no {self.kind} {self.id}")

    def at(self, ref):
        """Another ref of the same repository."""
        return Branch(self.hub, self.id, ref, self.kind)

    def git(self, *arguments, data=None, check=True):
        command = ["git", "--git-dir", str(self._git_dir), *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=check).stdout

    @property
    def head(self):
        """The commit it stands at; None when there is no such ref."""
        return self.git("rev-parse", "--verify", "--quiet", self.ref + "^{commit}", check=False).decode().strip() or None

    @property
    def refs(self):
        """{ref: commit} of the whole repository."""
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)").decode().splitlines()
        return dict(line.split(" ") for line in lines)

    def _contents(self, oids):
        """Blobs by oid."""
        out = self.git("cat-file", "--batch", data="".join(f"{oid}\n" for oid in oids).encode())
        at = 0
        for oid in oids:
            end = out.index(b"\n", at)
            size = int(out[at:end].split()[2])
            yield oid, out[end + 1 : end + 1 + size]
            at = end + size + 2

    def entries(self, commit=None):
        """{path: git blob}."""
        lines = self.git("ls-tree", "-r", "-z", commit or self.ref).decode("utf-8", "surrogateescape").split("\0")[:-1]
        return {path: meta.split()[2] for meta, path in (line.split("\t", 1) for line in lines)}

    def tree(self, commit=None):
        """{path: sha256 of the bytes a reader gets}, without what the Hub keeps itself."""
        entries = self.entries(commit)
        for oid, data in self._contents(sorted(set(entries.values()) - set(self._known))):
            pointer = POINTER.fullmatch(data)
            self._known[oid] = pointer[1].decode() if pointer else sha256(data)
        return {path: self._known[oid] for path, oid in entries.items() if path != MADE_BY_THE_HUB}

    def is_pointer(self, path, commit=None):
        """Whether git holds an LFS pointer at this path."""
        return POINTER.fullmatch(self.git("show", f"{commit or self.ref}:{path}")) is not None

    def bytes(self, path, commit=None):
        """What a reader gets: from git, or, for an LFS file, from the Hub."""
        data = self.git("show", f"{commit or self.ref}:{path}")
        if not POINTER.fullmatch(data):
            return data
        url = f"{self.hub.endpoint}/{self.id}/resolve/{commit or self.head}/{quote(path)}"
        with build_opener(ProxyHandler({})).open(url, timeout=60) as answer:
            return answer.read()

    def commits(self, since=None):
        """What happened after a commit (or from the beginning), oldest first."""
        span = f"{since}..{self.ref}" if since else self.ref
        oids = self.git("rev-list", "--reverse", span).decode().split()
        return [self._commit(oid) for oid in oids]

    def _commit(self, oid):
        parent, _, message = self.git("log", "-1", "--format=%P%x00%B", oid).decode(errors="replace").partition("\0")
        fields = self.git("diff-tree", "-r", "-z", "--root", "--no-commit-id", "--name-status", "--no-renames", oid)
        fields = fields.decode("utf-8", "surrogateescape").split("\0")[:-1]
        changes = {path: letter for letter, path in zip(fields[0::2], fields[1::2], strict=True) if path != MADE_BY_THE_HUB}
        title, _, body = message.strip("\n").partition("\n")
        return Commit(oid, parent.strip(), title, body.strip("\n"), changes)

    def ours(self, since=None):
        """Commits that hugfs made; each unique id may stand in one commit only."""
        made = [commit for commit in self.commits(since) if commit.id]
        twice = [number for number, times in Counter(commit.id for commit in made).items() if times > 1]
        assert not twice, f"committed twice: {twice}"
        return made

    def downloaded(self):
        """{path: sha256} of what the official client downloads: pointers, xorbs and all."""
        with tempfile.TemporaryDirectory(prefix="hf-download-") as folder:
            revision = ["--revision", self.ref] if not self.ref.endswith("/main") else []
            self.hub.official("download", self.id, "--repo-type", self.kind, *revision, "--local-dir", folder)
            found = {}
            for at, folders, names in os.walk(folder):
                folders[:] = [name for name in folders if os.path.join(at, name) != f"{folder}/.cache"]
                for name in names:
                    path = Path(at) / name
                    found[str(path.relative_to(folder))] = sha256(path.read_bytes())
        found.pop(MADE_BY_THE_HUB, None)
        return found
