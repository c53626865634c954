# SPDX-License-Identifier: Apache-2.0
"""One bare git repository: trees, blobs, refs and commits, all made and checked by git itself.

Reading goes through one long-lived `git cat-file --batch-command`; a commit is one `git fast-import` on a staging ref
and one `git update-ref NEW OLD`, whose compare-and-swap is the Hub's 412.
"""

import os
import re
import subprocess
import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass

ZERO = "0" * 40
SHA = re.compile(r"^[0-9a-f]{40}$")
SHORT_SHA = re.compile(r"^[0-9a-f]{4,39}$")
STAGING = "refs/hub-staging/"
BATCH = 400  # info commands written before their answers are read: both fit into pipe buffers
TREE_CACHE = 400_000  # entries of parsed trees kept, over all trees
GIT_ENV = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "LC_ALL": "C"}


class Moved(Exception):
    """The ref is no longer where the caller thought."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a tree."""

    name: str
    mode: str
    oid: str

    @property
    def is_dir(self):
        """Whether it is a subtree."""
        return self.mode == "40000"


def run_git(path, *args, data=None, check=True, env=None):
    """A git command in a repository; returns stdout."""
    done = subprocess.run(
        ["git", "--git-dir", path, *args],
        input=data,
        capture_output=True,
        env={**GIT_ENV, **(env or {})},
    )
    if check and done.returncode:
        raise RuntimeError(f"git {args[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout if done.returncode == 0 else None


def init_repository(path):
    """An empty bare repository that allows what the Hub's git endpoint allows."""
    subprocess.run(
        ["git", "init", "-q", "--bare", "--template=", "-b", "main", path], check=True, stdout=subprocess.DEVNULL, env=GIT_ENV
    )
    with open(os.path.join(path, "config"), "a", encoding="ascii") as config:
        config.write(
            "[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n[http]\n\treceivepack = false\n"
            f"[transfer]\n\thideRefs = {STAGING.rstrip('/')}\n[gc]\n\tauto = 0\n[protocol]\n\tversion = 2\n"
        )


class GitStore:
    """Thread-safe: handlers read from the event loop, long work runs in threads."""

    def __init__(self, path):
        self.path = path
        self._lock = threading.RLock()  # the reading process and the caches
        self._write = threading.Lock()  # one commit at a time; readers go on meanwhile
        self._cat = None
        self._trees = OrderedDict()
        self._tree_entries = 0
        self._roots = {}
        self._refs = None
        self._generation = 0  # counts ref changes, so that a listing made before one is not kept
        self._shorts = {}
        self._times = {}

    # reading

    def _pipe(self):
        if self._cat is None or self._cat.poll() is not None:
            self._cat = subprocess.Popen(
                ["git", "--git-dir", self.path, "cat-file", "--batch-command"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=GIT_ENV,
            )  # fmt: skip
        return self._cat

    def read(self, oid):
        """(type, bytes) of an object, or None."""
        with self._lock:
            cat = self._pipe()
            cat.stdin.write(f"contents {oid}\n".encode())
            cat.stdin.flush()
            head = cat.stdout.readline().split()
            if len(head) != 3:
                return None
            data = cat.stdout.read(int(head[2]))
            cat.stdout.read(1)
            return head[1].decode(), data

    def sizes(self, oids):
        """Sizes of many objects, in order."""
        sizes = []
        with self._lock:
            cat = self._pipe()
            for start in range(0, len(oids), BATCH):
                batch = oids[start : start + BATCH]
                cat.stdin.write("".join(f"info {oid}\n" for oid in batch).encode())
                cat.stdin.flush()
                sizes += [int(cat.stdout.readline().split()[2]) for _ in batch]
        return sizes

    def tree(self, oid):
        """Entries of a tree by name, in git's order."""
        with self._lock:
            if oid in self._trees:
                self._trees.move_to_end(oid)
                return self._trees[oid]
            entries = parse_tree(self.read(oid)[1])
            self._trees[oid] = entries
            self._tree_entries += len(entries) + 1
            while self._tree_entries > TREE_CACHE and len(self._trees) > 1:
                self._tree_entries -= len(self._trees.popitem(last=False)[1]) + 1
            return entries

    def root(self, commit):
        """Tree oid of a commit."""
        if commit not in self._roots:
            self._roots[commit] = self.read(commit)[1][5:45].decode()
        return self._roots[commit]

    def commit_time(self, commit):
        """Committer date of a commit, in seconds."""
        if commit not in self._times:
            head = self.read(commit)[1].partition(b"\n\n")[0]
            self._times[commit] = int(re.search(rb"^committer .*> (\d+) ", head, re.MULTILINE)[1])
        return self._times[commit]

    def lookup(self, commit, path):
        """The entry at a path, or None; the empty path is the root directory."""
        entry = Entry("", "40000", self.root(commit))
        for part in [part for part in path.split("/") if part]:
            if not entry.is_dir:
                return None
            entry = self.tree(entry.oid).get(part)
            if entry is None:
                return None
        return entry

    def walk(self, tree_oid, prefix=""):
        """(path, Entry) of everything below a tree, directories before what is in them."""
        for entry in self.tree(tree_oid).values():
            yield prefix + entry.name, entry
            if entry.is_dir:
                yield from self.walk(entry.oid, f"{prefix}{entry.name}/")

    def walk_after(self, tree_oid, prefix, after):
        """The rest of walk() after one path (relative to the tree), without walking what comes before; KeyError when it is not there."""
        entries = self.tree(tree_oid)
        first, _, rest = after.partition("/")
        entry = entries[first]
        if entry.is_dir:
            below = f"{prefix}{first}/"
            yield from self.walk_after(entry.oid, below, rest) if rest else self.walk(entry.oid, below)
        names = list(entries)
        for name in names[names.index(first) + 1 :]:
            yield prefix + name, entries[name]
            if entries[name].is_dir:
                yield from self.walk(entries[name].oid, f"{prefix}{name}/")

    # refs

    def refs(self):
        """All refs with the commits they name; staging refs are nobody's business."""
        known, generation = self._refs, self._generation
        if known is not None:
            return known
        out = run_git(self.path, "for-each-ref", "--format=%(refname) %(objectname) %(*objectname)").decode()
        lines = [line.split(" ") for line in out.splitlines()]
        found = {name: peeled or oid for name, oid, peeled in lines if not name.startswith(STAGING)}
        with self._lock:
            if generation == self._generation:
                self._refs = found
        return found

    def resolve(self, rev):
        """Commit sha of a branch, tag, full ref, full or short sha; None if there is none."""
        refs = self.refs()
        if rev == "HEAD":
            rev = "main"
        for name in (rev if rev.startswith("refs/") else None, f"refs/heads/{rev}", f"refs/tags/{rev}"):
            if name in refs:
                return refs[name]
        if rev in self._shorts:
            return self._shorts[rev]
        if SHA.match(rev) or SHORT_SHA.match(rev):
            found = run_git(self.path, "rev-parse", "--verify", "--quiet", rev + "^{commit}", check=False)
            if found:
                self._shorts[rev] = found.decode().strip()
                return self._shorts[rev]
        return None

    def update_ref(self, ref, new, old, also=""):
        """Atomic compare-and-swap by git; `old` ZERO means the ref must not exist yet, `new` ZERO deletes it."""
        command = f"delete {ref} {old}\n" if new == ZERO else f"update {ref} {new} {old}\n"
        try:
            run_git(self.path, "update-ref", "--stdin", data=(command + also).encode())
        except RuntimeError as error:
            raise Moved(str(error)) from error
        finally:
            with self._lock:
                self._refs = None
                self._generation += 1

    # writing

    def commit(self, ref, old, operations, message, author, date=None):
        """Commit on top of `old` (ZERO: a root commit) and move `ref` there if it still is at `old`.

        Operations: ("put", path, mode, bytes), ("link", path, mode, oid), ("delete", path).
        """
        staging = STAGING + uuid.uuid4().hex
        stream = fast_import_stream(staging, old, operations, message, author, date)
        with self._write:
            out = run_git(self.path, "fast-import", "--quiet", "--force", data=stream)
            new = out.decode().strip()
            try:
                self.update_ref(ref, new, old, f"delete {staging}\n")
            except Moved:
                run_git(self.path, "update-ref", "-d", staging)
                raise
        return new

    def log(self, rev, limit, skip=0, path=None):
        """Commits newest first, as dicts."""
        args = ["log", "--topo-order", f"--max-count={limit}", f"--skip={skip}", "--format=%H%x00%an%x00%ct%x00%B%x01", rev]
        out = run_git(self.path, *args, *(["--", path] if path is not None else [])).decode(errors="replace")
        commits = []
        for record in out.split("\x01")[:-1]:
            sha, author, seconds, message = record.lstrip("\n").split("\x00")
            title, _, rest = message.strip("\n").partition("\n")
            commits.append({"id": sha, "author": author, "time": int(seconds), "title": title, "message": rest.strip("\n")})
        return commits

    def count(self, rev):
        """Number of commits reachable from a revision."""
        return int(run_git(self.path, "rev-list", "--count", rev))

    def ref_value(self, ref):
        """What a ref holds itself: the tag object of an annotated tag."""
        return run_git(self.path, "rev-parse", ref).decode().strip()

    def tag_object(self, name, commit, message, author):
        """An annotated tag; returns its oid."""
        who = f"{author} <{author}@users.noreply.hub> {int(time.time())} +0000"
        text = f"object {commit}\ntype commit\ntag {name}\ntagger {who}\n\n{message}\n"
        return run_git(self.path, "mktag", data=text.encode()).decode().strip()

    def squash(self, ref, commit, message, author):
        """Replace the history of a ref by one commit with the same tree."""
        new = run_git(self.path, "commit-tree", self.root(commit), "-m", message, env=_names(author)).decode().strip()
        self.update_ref(ref, new, commit)
        return new

    def diff(self, old, new):
        """Unified diff between two commits."""
        return run_git(self.path, "diff", old, new).decode(errors="replace")

    def merge(self, ref, ours, theirs, message, author):
        """Merge `theirs` and move `ref`; None on conflicts."""
        out = run_git(self.path, "merge-tree", "--write-tree", ours, theirs, check=False)
        if out is None:
            return None
        tree = out.decode().split()[0]
        args = ["commit-tree", tree, "-p", ours, "-p", theirs, "-m", message]
        new = run_git(self.path, *args, env=_names(author)).decode().strip()
        self.update_ref(ref, new, ours)
        return new

    def close(self):
        """End the reading process."""
        with self._lock:
            if self._cat is not None:
                self._cat.stdin.close()
                self._cat.wait()
                self._cat.stdout.close()
                self._cat = None


def _names(author):
    """Environment that makes git write an author."""
    values = {"NAME": author, "EMAIL": f"{author}@users.noreply.hub"}
    return {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in values.items()}


def parse_tree(data):
    """Git's tree object: mode, name and raw oid of each entry."""
    entries, at = {}, 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        name = data[space + 1 : end].decode("utf-8", "surrogateescape")
        entries[name] = Entry(name, data[at:space].decode(), data[end + 1 : end + 21].hex())
        at = end + 21
    return entries


def quote_path(path):
    """fast-import's C-style quoting, so that any byte but NUL may stand in a name."""
    raw = path.encode("utf-8", "surrogateescape")
    plain = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + plain + b'"'


def fast_import_stream(ref, parent, operations, message, author, date):
    """The commands of one commit; the last prints its id."""
    text = message.encode("utf-8", "replace")
    who = f"{author} <{author}@users.noreply.hub> {int(date if date is not None else time.time())} +0000".encode()
    out = [b"commit %b\nmark :1\nauthor %b\ncommitter %b\ndata %d\n%b\n" % (ref.encode(), who, who, len(text), text)]
    if parent != ZERO:
        out.append(b"from %b\n" % parent.encode())
    for operation in operations:
        path = quote_path(operation[1])
        if operation[0] == "put":
            _, _, mode, data = operation
            out.append(b"M %b inline %b\ndata %d\n%b\n" % (mode.encode(), path, len(data), data))
        elif operation[0] == "link":
            out.append(b"M %b %b %b\n" % (operation[2].encode(), operation[3].encode(), path))
        else:
            out.append(b"D %b\n" % path)
    out.append(b"get-mark :1\n")
    return b"".join(out)
