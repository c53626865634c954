# SPDX-License-Identifier: Apache-2.0
"""What the API says about paths: tree items, LFS pointers, Xet hashes, last commits."""

from datetime import UTC, datetime
from functools import lru_cache

from . import hashes
from .errors import entry_not_found, revision_not_found
from .lfs_store import POINTER_SIZES, parse_pointer

MASK = "*" * 64


def iso(seconds):
    """Dates as the Hub prints them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def take_revision(world, repo, rest):
    """(commit, revision, remaining segments) from the segments after a verb.

    The revision is one segment when the client encoded it; unencoded refs take more: the shortest prefix that resolves.
    """
    git = world.repos.git(repo)
    longest = 3 if rest[:2] in (["refs", "pr"], ["refs", "convert"], ["refs", "heads"], ["refs", "tags"]) else 1
    for count in [longest, *range(2, len(rest) + 1)]:
        rev = "/".join(rest[:count])
        commit = git.resolve(rev) if rev else None
        if commit:
            return commit, rev, rest[count:]
    raise revision_not_found("/".join(rest[:longest]))


def commit_of(world, repo, rev):
    """Commit of a revision given as a whole."""
    commit = world.repos.git(repo).resolve(rev)
    if commit is None:
        raise revision_not_found(rev)
    return commit


class PointerCache:
    """Which blobs are LFS pointers; blobs never change, so this is kept for good."""

    def __init__(self):
        self._known = {}

    def get(self, git, oid, size):
        """(sha256, size) or None."""
        if size not in POINTER_SIZES:
            return None
        if oid not in self._known:
            self._known[oid] = parse_pointer(git.read(oid)[1])
        return self._known[oid]


POINTERS = PointerCache()


@lru_cache(maxsize=65536)
def hash_text(raw):
    """Printed form of a file hash."""
    return hashes.to_text(raw)


def file_facts(world, repo, oid, size):
    """(real size, sha256 or None, Xet hash text or None) of a blob."""
    pointer = POINTERS.get(world.repos.git(repo), oid, size)
    if pointer is None:
        return size, None, None
    raw = world.xet.readable(repo.uid, pointer[0])
    return pointer[1], pointer[0], hash_text(raw) if raw else None


def printable(path):
    """JSON has no bytes: what is not UTF-8 in a name is replaced, as the Hub does."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def tree_items(world, repo, pairs, masked):
    """API items for (path, Entry) pairs."""
    git = world.repos.git(repo)
    files = [entry.oid for _, entry in pairs if not entry.is_dir and entry.mode != "160000"]
    sizes = dict(zip(files, git.sizes(files)))
    return [_tree_item(world, repo, path, entry, sizes, masked) for path, entry in pairs]


def _tree_item(world, repo, path, entry, sizes, masked):
    path = printable(path)
    if entry.is_dir:
        return {"type": "directory", "oid": entry.oid, "size": 0, "path": path}
    if entry.oid not in sizes:
        return {"type": "unknown", "oid": entry.oid, "size": 0, "path": path}
    blob_size = sizes[entry.oid]
    size, sha256, xet_hash = file_facts(world, repo, entry.oid, blob_size)
    item = {"type": "file", "oid": entry.oid, "size": size, "path": path}
    if sha256:
        item["lfs"] = {"oid": MASK if masked else sha256, "size": size, "pointerSize": blob_size}
        if xet_hash:
            item["xetHash"] = MASK if masked else xet_hash
    return item


def add_last_commits(world, repo, commit, items):
    """`expand`: the last commit that touched each path, and a security verdict."""
    git = world.repos.git(repo)
    for item in items:
        last = git.log(commit, 1, path=item["path"])[0]
        item["lastCommit"] = {"id": last["id"], "title": last["title"], "date": iso(last["time"])}
        if item["type"] == "file":
            item["securityFileStatus"] = {"status": "safe", "avScan": {}, "pickleImportScan": {}}
    return items


def lookup_file(world, repo, commit, path):
    """The file entry at a path, or EntryNotFound."""
    entry = world.repos.git(repo).lookup(commit, path)
    if entry is None or entry.is_dir or not path:
        raise entry_not_found(commit)
    return entry
