# SPDX-License-Identifier: Apache-2.0
"""Repositories: their names, visibility and renames; each has one git repository on disk."""

import os
import re
import secrets
import shutil
import time
from collections import OrderedDict, defaultdict
from dataclasses import asdict, dataclass, field

from .errors import HubError
from .git_store import ZERO, GitStore, init_repository

GIT_PROCESSES = 32  # repositories with an open `git cat-file`
KINDS = ("model", "dataset", "space")
NAME = re.compile(r"^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?$")
LFS_PATTERNS = (
    "*.7z *.arrow *.bin *.bz2 *.ckpt *.ftz *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model *.msgpack *.npy *.npz *.onnx "
    "*.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors saved_model/**/* *.tar.* *.tar *.tflite *.tgz *.wasm *.xz "
    "*.zip *.zst *tfevents*"
).split()
LFS_RULE = "{} filter=lfs diff=lfs merge=lfs -text\n"
GITATTRIBUTES = "".join(LFS_RULE.format(pattern) for pattern in LFS_PATTERNS).encode()


@dataclass
class Repo:
    """What the Hub knows about a repository besides its git content."""

    type: str
    id: str
    uid: str = field(default_factory=lambda: secrets.token_hex(12))
    private: bool = False
    gated: str = ""  # "", "auto" or "manual"
    disabled: bool = False
    created: float = field(default_factory=time.time)
    collaborators: list = field(default_factory=list)
    approved: list = field(default_factory=list)  # users let through the gate
    sdk: str = ""
    alias: str = ""  # a legacy id without owner ("gpt2") that leads here, besides the name itself
    store: str = ""  # the git repository that this one has in common with others; "" = its own
    discussions: list = field(default_factory=list)

    @property
    def owner(self):
        """The namespace."""
        return self.id.split("/")[0]

    @property
    def prefix(self):
        """Before the id in web, resolve and git URLs."""
        return "" if self.type == "model" else f"{self.type}s/"

    @property
    def api(self):
        """Path of the repository in the API."""
        return f"/api/{self.type}s/{self.id}"

    @property
    def key(self):
        """Names compare without case."""
        return repo_key(self.type, self.id)


def repo_key(kind, repo_id):
    """How repositories are looked up."""
    return f"{kind}s/{repo_id.lower()}"


class Repos:
    """All repositories of the Hub, on disk and in memory."""

    def __init__(self, data_dir, database):
        self._dir = os.path.join(data_dir, "git")
        self._db = database
        self._repos = {key: Repo(**value) for key, value in database.all("repo").items()}
        self.generation = 0  # counts changes, so that what was made out of all repositories can be kept
        self._tables = None
        self._moved = database.all("moved")
        self._git = {}
        self._recent = OrderedDict()

    def _table(self):
        """(all by creation, by kind and owner, by kind and name without owner)"""
        if self._tables is None or self._tables[0] != self.generation:
            rows = sorted(self._repos.values(), key=lambda repo: repo.created)
            owners, names = defaultdict(list), defaultdict(list)
            for repo in rows:
                owner, _, name = repo.id.lower().partition("/")
                owners[repo.type, owner].append(repo)
                names[repo.type, name].append(repo)
            for repo in rows:
                if repo.alias:
                    names[repo.type, repo.alias.lower()].insert(0, repo)
            self._tables = self.generation, rows, owners, names
        return self._tables[1:]

    def all(self):
        """Every repository, by creation."""
        return self._table()[0]

    def owned_by(self, kind, owner):
        """An owner's repositories, by creation."""
        return self._table()[1].get((kind, owner.lower()), [])

    def get(self, kind, repo_id):
        """A repository by any spelling of its present name, or None."""
        return self._repos.get(repo_key(kind, repo_id))

    def moved_to(self, kind, repo_id):
        """The present repository behind an old name, or None."""
        seen = set()
        key = repo_key(kind, repo_id)
        while key in self._moved and key not in seen:
            seen.add(key)
            key = self._moved[key]
        return self._repos.get(key) if seen else None

    def alias(self, kind, name):
        """Legacy ids without an owner: who has it as `alias`, else the oldest repository of that name, as `gpt2` is `openai-community/gpt2`."""
        return next(iter(self._table()[2].get((kind, name.lower()), [])), None)

    def git(self, repo):
        """The git repository."""
        uid = repo.store or repo.uid
        store = self._git.get(uid)
        if store is None:
            store = self._git[uid] = GitStore(self.git_path(repo))
        self._recent[uid] = store
        self._recent.move_to_end(uid)
        if len(self._recent) > GIT_PROCESSES:
            self._recent.popitem(last=False)[1].close()  # its process; what it remembers of refs stays
        return store

    def git_path(self, repo):
        """Where git http-backend finds it."""
        return os.path.join(self._dir, (repo.store or repo.uid) + ".git")

    def create(self, kind, repo_id, **fields):
        """Make a repository with the Hub's initial commit."""
        check_id(kind, repo_id)
        repo = Repo(kind, repo_id, **fields)
        self._init(repo)
        self._moved.pop(repo.key, None)
        self._db.drop("moved", repo.key)
        self._repos[repo.key] = repo
        self.save(repo)
        return repo

    def _init(self, repo):
        os.makedirs(self._dir, exist_ok=True)
        init_repository(self.git_path(repo))
        attributes = ("put", ".gitattributes", "100644", GITATTRIBUTES)
        return self.git(repo).commit("refs/heads/main", ZERO, [attributes], "initial commit", repo.owner)

    def create_many(self, kind, names):
        """Repositories with one small file, and one git repository in common until unshare(); returns their commit."""
        first = Repo(kind, names[0])
        old = self._init(first)
        readme = ("put", "README.md", "100644", b"One of many.\n")
        head = self.git(first).commit("refs/heads/main", old, [readme], "Add README.md", first.owner)
        start, uid = first.created, first.uid
        made = [Repo(kind, name, created=start + n * 1e-6, store=uid) for n, name in enumerate(names)]
        made = [repo for repo in made if repo.key not in self._repos and repo.key not in self._moved]
        self._db.put_many("repo", [(repo.key, vars(repo)) for repo in made])
        self._repos.update((repo.key, repo) for repo in made)
        self.generation += 1
        return head

    def unshare(self, repo):
        """Give a repository a git repository of its own before it is written to."""
        if repo.store:
            source = self.git_path(repo)
            repo.store = ""
            shutil.copytree(source, self.git_path(repo))
            self.save(repo)

    def save(self, repo):
        """Remember changed fields."""
        self._db.put("repo", repo.key, asdict(repo))
        self.generation += 1

    def delete(self, repo):
        """Remove a repository and its history."""
        del self._repos[repo.key]
        self._db.drop("repo", repo.key)
        self.generation += 1
        if repo.store:
            return  # others read it
        self.git(repo).close()
        del self._git[repo.uid]
        self._recent.pop(repo.uid, None)
        shutil.rmtree(self.git_path(repo))

    def move(self, repo, new_id):
        """Rename; the old name redirects from now on."""
        check_id(repo.type, new_id)
        old_key = repo.key
        del self._repos[old_key]
        self._db.drop("repo", old_key)
        repo.id = new_id
        self._repos[repo.key] = repo
        self.save(repo)
        if old_key != repo.key:
            self._moved[old_key] = repo.key
            self._db.put("moved", old_key, repo.key)

    def close(self):
        """End all git processes."""
        for git in self._git.values():
            git.close()


def check_id(kind, repo_id):
    """The Hub's rule for names."""
    parts = repo_id.split("/")
    bad = len(parts) != 2 or not all(NAME.match(part) for part in parts) or "--" in repo_id or ".." in repo_id
    if kind not in KINDS or bad or repo_id.endswith(".git"):
        raise HubError(400, f"Invalid repository name {repo_id!r} of type {kind!r}")
