# SPDX-License-Identifier: Apache-2.0
"""Much at once: a million files in one commit, a hundred thousand repositories.

`git fast-import` takes quadratic time in the size of a folder, so the pack is written here; git checks it (index-pack) as it
would check one that somebody pushed.
"""

import asyncio
import hashlib
import struct
import subprocess
import tempfile
import time
import zlib

from .control import json_of, own_repo
from .errors import HubError
from .git_store import GIT_ENV, Moved
from .reply import json_response
from .repos import check_id
from .router import route

PACK_TYPES = {"commit": 1, "tree": 2, "blob": 3}


class PackWriter:
    """A git pack in the making; each object once."""

    def __init__(self, file):
        self._file = file
        self._seen = set()
        file.write(b"PACK" + struct.pack(">II", 2, 0))

    def add(self, kind, data):
        """Append an object; returns its raw oid."""
        oid = hashlib.sha1(b"%b %d\0" % (kind.encode(), len(data)) + data).digest()
        if oid not in self._seen:
            self._seen.add(oid)
            self._file.write(_object_head(PACK_TYPES[kind], len(data)) + zlib.compress(data, 1))
        return oid

    def tree(self, entries):
        """Append the tree of {name: (mode, raw oid)}; returns its raw oid."""
        rows = [(name.encode("utf-8", "surrogateescape"), mode.encode(), oid) for name, (mode, oid) in entries.items()]
        rows.sort(key=lambda row: row[0] + b"/" if row[1] == b"40000" else row[0])
        return self.add("tree", b"".join([b"%b %b\0%b" % (mode, name, oid) for name, mode, oid in rows]))

    def finish(self):
        """Write the number of objects and the checksum."""
        self._file.seek(8)
        self._file.write(struct.pack(">I", len(self._seen)))
        self._file.seek(0)
        digest = hashlib.sha1()
        while block := self._file.read(1 << 20):
            digest.update(block)
        self._file.write(digest.digest())
        self._file.flush()


def _object_head(kind, size):
    head = [kind << 4 | size & 15]
    size >>= 4
    while size:
        head[-1] |= 0x80
        head.append(size & 0x7F)
        size >>= 7
    return bytes(head)


class BulkCommit:
    """One commit of many new files on top of `old`."""

    def __init__(self, git, old, pack):
        self._git, self._old, self._pack = git, old, pack

    def _folder(self, path):
        """What stands there already."""
        entry = self._git.lookup(self._old, path)
        if entry is None or not entry.is_dir:
            return {}
        return {e.name: (e.mode, bytes.fromhex(e.oid)) for e in self._git.tree(entry.oid).values()}

    def put(self, path, entries):
        """Add entries to a folder and the folder to those above it; returns the raw oid of the root."""
        oid = self._pack.tree(self._folder(path) | entries)
        if not path:
            return oid
        parent, _, name = path.rpartition("/")
        return self.put(parent, {name: ("40000", oid)})

    def files(self, numbers, size, stem):
        """(folder, entries) of files `{stem}f000017.txt`."""
        folder, _, start = stem.rpartition("/")
        entries = {}
        for number in numbers:
            text = b"%09d\n" % number
            entries[f"{start}f{number:06d}.txt"] = "100644", self._pack.add("blob", (text * (size // 10 + 1))[:size])
        return folder, entries

    def root(self, files, size, dirs, prefix):
        """Raw oid of the root with all files in it."""
        if not dirs:
            return self.put(*self.files(range(files), size, prefix))
        folders = {}
        for number in range(min(dirs, files)):
            folder, entries = self.files(range(number, files, dirs), size, f"{prefix}d{number:04d}/")
            parent, _, name = folder.rpartition("/")
            folders[name] = "40000", self._pack.tree(self._folder(folder) | entries)
        return self.put(parent, folders)


def bulk_commit(git, author, files, size, dirs, prefix):
    """File i is `{prefix}d0003/f000017.txt` (no directory when dirs is 0); its bytes are its number, repeated to `size`."""
    old = git.resolve("main")
    who = f"{author} <{author}@users.noreply.hub> {int(time.time())} +0000"
    with tempfile.TemporaryFile(dir=git.path) as file:
        pack = PackWriter(file)
        root = BulkCommit(git, old, pack).root(files, size, dirs, prefix).hex()
        text = f"tree {root}\nparent {old}\nauthor {who}\ncommitter {who}\n\nAdd {files} files"
        new = pack.add("commit", text.encode()).hex()
        pack.finish()
        file.seek(0)
        command = ["git", "--git-dir", git.path, "index-pack", "--stdin"]
        subprocess.run(command, stdin=file, check=True, stdout=subprocess.DEVNULL, env=GIT_ENV)
    git.update_ref("refs/heads/main", new, old)
    return new


@route("control", "POST", r"/_hub/bulk", "control")
async def bulk(server, req):
    """{"type"?, "id", "files": n, "size"?: bytes, "dirs"?: n, "prefix"?}: many small different files in one commit."""
    world, body = server.world, await json_of(req)
    kind, repo_id = body.get("type", "model"), body["id"]
    if world.repos.get(kind, repo_id) is None:
        world.repos.create(kind, repo_id)
    repo = own_repo(world, body)
    if body["files"] < 1:
        raise HubError(400, "no files")
    args = body["files"], body.get("size", 16), body.get("dirs", 1), body.get("prefix", "")
    try:
        new = await asyncio.to_thread(bulk_commit, world.repos.git(repo), repo.owner, *args)
    except Moved as error:
        raise HubError(412, str(error)) from error
    return json_response({"commit": new})


@route("control", "POST", r"/_hub/bulk_repos", "control")
async def bulk_repos(server, req):
    """{"type"?, "owner", "count": n, "prefix"?}: `{owner}/{prefix}000017`, with one git repository in common until one is written to."""
    repos, body = server.world.repos, await json_of(req)
    kind, start = body.get("type", "model"), f"{body['owner']}/{body.get('prefix', 'r')}"
    check_id(kind, f"{start}000000")
    names = [f"{start}{number:06d}" for number in range(body["count"])]
    head = await asyncio.to_thread(repos.create_many, kind, names)
    return json_response({"first": names[0], "last": names[-1], "commit": head} if names else {})

