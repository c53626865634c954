# SPDX-License-Identifier: Apache-2.0
"""Shards: parse what is uploaded, write what answers a dedup query.  All integers little endian, records of 48 bytes."""

import struct
from dataclasses import dataclass

from . import hashes

TAG = b"HFRepoMetaData" + bytes.fromhex("00556967456a7b815783a5bdd95ccdd14aa9")
BOOKEND = b"\xff" * 32 + bytes(16)
RECORD = 48
FOOTER = 200
HAS_VERIFICATION = 1 << 31
HAS_METADATA = 1 << 30
GLOBAL_DEDUP = 1 << 31
MAX_SHARD = 64 * 1024 * 1024


class BadShard(Exception):
    """The shard is malformed or says something untrue."""


@dataclass
class Term:
    """Chunks [start, end) of a xorb, and the proof that the sender knows them."""

    xorb: bytes
    length: int
    start: int
    end: int
    verification: bytes = b""


@dataclass
class FileInfo:
    """One file: its terms in order, and its SHA-256 in hex when given."""

    hash: bytes
    terms: list
    sha256: str | None


@dataclass
class XorbEntry:
    """What the shard says about a new xorb: (chunk hash, offset, length, flags) per chunk."""

    hash: bytes
    chunks: list
    raw_bytes: int


class _Records:
    """Cursor over 48-byte records."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def next(self):
        if self.at + RECORD > len(self.data):
            raise BadShard("shard cut off")
        record = self.data[self.at : self.at + RECORD]
        self.at += RECORD
        return record

    def until_bookend(self):
        while (record := self.next())[:32] != BOOKEND[:32]:
            yield record


def parse(data):
    """(files, xorbs) of an uploaded shard; a footer, which the JS client sends, is allowed and ignored."""
    data = bytes(data)  # hashes are sliced out of it and become keys
    if len(data) > MAX_SHARD:
        raise BadShard("shard too large")
    if len(data) < RECORD or data[:32] != TAG:
        raise BadShard("not a shard")
    version, footer = struct.unpack_from("<QQ", data, 32)
    if version != 2 or footer not in (0, FOOTER):
        raise BadShard(f"version {version}, footer of {footer} bytes")
    records = _Records(data, RECORD)
    files = [_file(records, head) for head in records.until_bookend()]
    xorbs = [_xorb(records, head) for head in records.until_bookend()]
    return files, xorbs


def _file(records, head):
    flags, count = struct.unpack_from("<II", head, 32)
    terms = []
    for _ in range(count):
        record = records.next()
        _, length, start, end = struct.unpack_from("<IIII", record, 32)
        terms.append(Term(record[:32], length, start, end))
    if not flags & HAS_VERIFICATION and count:
        raise BadShard("no verification entries")
    if flags & HAS_VERIFICATION:
        for term in terms:
            term.verification = records.next()[:32]
    sha256 = hashes.to_text(records.next()[:32]) if flags & HAS_METADATA else None
    return FileInfo(head[:32], terms, sha256)


def _xorb(records, head):
    _, count, raw_bytes, _ = struct.unpack_from("<IIII", head, 32)
    chunks = []
    for _ in range(count):
        record = records.next()
        chunks.append((record[:32], *struct.unpack_from("<III", record, 32)))
    return XorbEntry(head[:32], chunks, raw_bytes)


def check_file(info, xorb_of):
    """Full validation against stored xorbs; returns the file's size."""
    nodes = []
    for index, term in enumerate(info.terms):
        xorb = xorb_of(term.xorb)
        where = f"file {hashes.to_text(info.hash)} term {index}"
        if xorb is None:
            raise BadShard(f"{where}: xorb {hashes.to_text(term.xorb)} is not stored or not accessible")
        if not 0 <= term.start < term.end <= len(xorb.chunk_hashes):
            raise BadShard(f"{where}: chunks [{term.start},{term.end}) of {len(xorb.chunk_hashes)}")
        if xorb.raw_length(term.start, term.end) != term.length:
            raise BadShard(f"{where}: length {term.length}, chunks hold {xorb.raw_length(term.start, term.end)}")
        if hashes.range_hash(xorb.chunk_hashes[term.start : term.end]) != term.verification:
            raise BadShard(f"{where}: verification hash is wrong")
        nodes += xorb.nodes(term.start, term.end)
    if hashes.file_hash(nodes) != info.hash:
        raise BadShard(f"file hash {hashes.to_text(info.hash)} does not follow from its chunks")
    return sum(size for _, size in nodes)


def check_xorb(entry, xorb):
    """What the shard says about a new xorb must be what was uploaded."""
    name = hashes.to_text(entry.hash)
    if xorb is None:
        raise BadShard(f"xorb {name} was not uploaded")
    if tuple(chunk[0] for chunk in entry.chunks) != xorb.chunk_hashes or entry.raw_bytes != xorb.raw_ends[-1]:
        raise BadShard(f"xorb {name}: chunk list differs from the uploaded xorb")
    for index, (_, offset, length, _) in enumerate(entry.chunks):
        if offset + length != xorb.raw_ends[index] or length != xorb.raw_length(index, index + 1):
            raise BadShard(f"xorb {name}: chunk {index} has the wrong offset or length")


def dedup_answer(xorbs, key, created, expiry):
    """The answer to a dedup query: xorbs with keyed chunk hashes, no files, a footer that holds the key."""
    body = bytearray()
    for xorb in xorbs:
        body += xorb.hash + struct.pack("<IIII", 0, len(xorb.chunk_hashes), xorb.raw_ends[-1], xorb.length)
        for index, (raw, size) in enumerate(xorb.nodes(0, len(xorb.chunk_hashes))):
            name = hashes.keyed(key, raw) if any(key) else raw
            flags = GLOBAL_DEDUP if hashes.modulus(raw, 1024) == 0 else 0
            body += name + struct.pack("<IIII", xorb.raw_ends[index] - size, size, flags, 0)
    file_at, xorb_at = RECORD, 2 * RECORD
    end = xorb_at + len(body) + RECORD
    stored, raw = sum(x.length for x in xorbs), sum(x.raw_ends[-1] for x in xorbs)
    footer = struct.pack("<9Q", 1, file_at, xorb_at, end, 0, end, 0, end, 0)
    footer += key + struct.pack("<2Q", int(created), int(expiry)) + bytes(48) + struct.pack("<4Q", stored, raw, stored, end)
    return TAG + struct.pack("<QQ", 2, FOOTER) + BOOKEND + bytes(body) + BOOKEND + footer
