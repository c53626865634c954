# SPDX-License-Identifier: Apache-2.0
"""Xorbs and files as the CAS keeps them: validated when they come, rebuilt from their terms when they are read."""

import bisect
import json
import os
import tempfile
import threading
from collections import OrderedDict

from . import hashes, shard, xorb
from .reply import FilePart

INFO_CACHE = 512
PIECE = 4 * 1024 * 1024  # bytes decoded at a time when a whole file is streamed


class XetStore:
    """Xorb files under data/xorbs, everything else in the database."""

    def __init__(self, data_dir, database):
        self._dir = os.path.join(data_dir, "xorbs")
        self._db = database
        self._infos = OrderedDict()
        self._lock = threading.Lock()
        os.makedirs(self._dir, exist_ok=True)

    # xorbs

    def xorb_path(self, raw):
        """File of a stored xorb."""
        name = hashes.to_text(raw)
        return os.path.join(self._dir, name[:2], name)

    def xorb(self, raw):
        """XorbInfo of a stored xorb, or None."""
        with self._lock:
            if raw in self._infos:
                self._infos.move_to_end(raw)
                return self._infos[raw]
        rows = self._db.run("SELECT length, chunk_hashes, ends, raw_ends FROM xorb WHERE hash=?", raw)
        if not rows:
            return None
        length, names, ends, raw_ends = rows[0]
        chunk_hashes = tuple(names[at : at + 32] for at in range(0, len(names), 32))
        info = xorb.XorbInfo(raw, length, chunk_hashes, xorb.unpack_numbers(ends), xorb.unpack_numbers(raw_ends))
        with self._lock:
            self._infos[raw] = info
            if len(self._infos) > INFO_CACHE:
                self._infos.popitem(last=False)
        return info

    def add_xorb(self, raw, data, scopes):
        """Validate and store; True when it was new.  Slow: call it in a thread."""
        info = xorb.examine(data)
        if info.hash != raw:
            raise xorb.BadXorb(f"xorb hash is {hashes.to_text(info.hash)}")
        new = self.xorb(raw) is None
        if new:
            path = self.xorb_path(raw)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._dir, delete=False) as file:
                file.write(memoryview(data)[: info.length])
            os.rename(file.name, path)
            ends, raw_ends = xorb.pack_numbers(info.ends), xorb.pack_numbers(info.raw_ends)
            self._db.run(
                "INSERT OR IGNORE INTO xorb VALUES(?,?,?,?,?)", raw, info.length, b"".join(info.chunk_hashes), ends, raw_ends
            )
        self.allow_xorb(scopes, raw)
        return new

    def allow_xorb(self, scopes, raw):
        """From now on shards of these scopes (a repository, a user) may reference the xorb."""
        self._db.many([("INSERT OR IGNORE INTO xorb_access VALUES(?,?)", (scope, raw)) for scope in scopes])

    def may_use_xorb(self, scopes, raw):
        """Whether one of the scopes uploaded the xorb, got it from a dedup answer, or has a file that uses it."""
        marks = ",".join("?" * len(scopes))
        return bool(self._db.run(f"SELECT 1 FROM xorb_access WHERE xorb=? AND scope IN ({marks})", raw, *scopes))

    # files

    def add_shard(self, data, repo_uid, scopes):
        """Validate a shard in full and register its files; True when any was new.  Slow: call it in a thread."""
        files, xorbs = shard.parse(data)
        for entry in xorbs:
            shard.check_xorb(entry, self.xorb(entry.hash))

        def usable(raw):
            return self.xorb(raw) if self.may_use_xorb(scopes, raw) else None

        statements, new = [], False
        for info in files:
            size = shard.check_file(info, usable)
            new = new or self.file(info.hash) is None
            terms = json.dumps([[hashes.to_text(term.xorb), term.start, term.end] for term in info.terms])
            statements.append(("INSERT OR REPLACE INTO file VALUES(?,?,?)", (info.hash, size, terms)))
            statements.append(("INSERT OR IGNORE INTO access VALUES(?,?)", (repo_uid, info.hash)))
            if info.sha256:
                statements.append(("INSERT OR IGNORE INTO sha VALUES(?,?,?)", (info.sha256, info.hash, size)))
            statements += [_dedup_row(self.xorb(term.xorb), term.start) for term in info.terms[:1]]
        for entry in xorbs:
            info = self.xorb(entry.hash)
            eligible = [i for i, raw in enumerate(info.chunk_hashes) if hashes.modulus(raw, 1024) == 0]
            statements += [_dedup_row(info, index) for index in eligible]
        self._db.many(statements)
        return new

    def file(self, raw):
        """(size, [(xorb hash, start, end)]) of a file, or None."""
        if raw == bytes(32):
            return 0, []
        rows = self._db.run("SELECT size, terms FROM file WHERE hash=?", raw)
        if not rows:
            return None
        return rows[0][0], [(hashes.from_text(name), start, end) for name, start, end in json.loads(rows[0][1])]

    def by_sha256(self, sha256):
        """(file hash, size) of content with that SHA-256, or None."""
        rows = self._db.run("SELECT file, size FROM sha WHERE sha256=?", sha256)
        return rows[0] if rows else None

    def readable(self, repo_uid, sha256):
        """Hash of the Xet file with that SHA-256 that the repository may read: what its listings call xetHash."""
        query = "SELECT sha.file FROM sha JOIN access ON access.repo=? AND access.file=sha.file WHERE sha256=?"
        rows = self._db.run(query, repo_uid, sha256)
        return rows[0][0] if rows else None

    def allow(self, repo_uid, raw):
        """Let tokens of a repository read a file, because a commit there names it."""
        rows = [("INSERT OR IGNORE INTO access VALUES(?,?)", (repo_uid, raw))]
        for name, _, _ in self.file(raw)[1]:
            rows.append(("INSERT OR IGNORE INTO xorb_access VALUES(?,?)", (repo_uid, name)))
        self._db.many(rows)

    def may_read(self, repo_uid, raw):
        """Whether tokens of a repository may read a file."""
        return raw == bytes(32) or bool(self._db.run("SELECT 1 FROM access WHERE repo=? AND file=?", repo_uid, raw))

    def dedup_xorb(self, chunk):
        """The xorb that a global dedup query for this chunk finds, or None."""
        rows = self._db.run("SELECT xorb FROM dedup WHERE chunk=?", chunk)
        return self.xorb(rows[0][0]) if rows else None

    # reading

    def cover(self, terms, first, last):
        """Terms trimmed to whole chunks that cover bytes [first, last), and how many bytes to skip in the first."""
        covered, skip, at = [], 0, 0
        for raw, start, end in terms:
            info = self.xorb(raw)
            length = info.raw_length(start, end)
            if at + length > first and at < last:
                base = info.raw_ends[start - 1] if start else 0
                low = bisect.bisect_right(info.raw_ends, base + max(first - at, 0), start, end)
                high = bisect.bisect_left(info.raw_ends, base + min(last - at, length), low, end) + 1
                if not covered:
                    skip = first - (at + info.raw_length(start, low) if low > start else at)
                covered.append((info, low, high))
            at += length
        return covered, skip

    def read_chunks(self, info, start, end):
        """Uncompressed bytes of chunks [start, end)."""
        first, last = info.byte_range(start, end)
        return b"".join(xorb.decode_range(FilePart(self.xorb_path(info.hash), first, last - first).read()))

    def pieces(self, raw, first, last):
        """Bytes [first, last) of a file, a few MiB at a time."""
        _, terms = self.file(raw)
        covered, skip = self.cover(terms, first, last)
        left = last - first
        for info, start, end in covered:
            while start < end:
                limit = (info.raw_ends[start - 1] if start else 0) + PIECE
                stop = min(max(bisect.bisect_right(info.raw_ends, limit), start + 1), end)
                data = self.read_chunks(info, start, stop)[skip:][:left]
                skip, left, start = 0, left - len(data), stop
                yield data


def _dedup_row(info, index):
    return "INSERT OR IGNORE INTO dedup VALUES(?,?)", (info.chunk_hashes[index], info.hash)
