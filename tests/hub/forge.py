# SPDX-License-Identifier: Apache-2.0
"""Xorbs and shards made by hand, right or deliberately wrong: for tests and benchmarks that need no official client."""

import hashlib
import struct

from . import hashes, shard


def chunk_record(raw, scheme=0, payload=None):
    """One chunk as it stands in a xorb."""
    payload = raw if payload is None else payload
    return b"\0" + len(payload).to_bytes(3, "little") + bytes([scheme]) + len(raw).to_bytes(3, "little") + payload


def xorb(chunks):
    """(hash, serialized xorb) of uncompressed chunks."""
    return hashes.root(nodes(chunks)), b"".join(chunk_record(raw) for raw in chunks)


def nodes(chunks):
    """(hash, size) of chunks."""
    return [(hashes.keyed(hashes.DATA_KEY, raw), len(raw)) for raw in chunks]


def shard_of_spans(chunks, spans):
    """(file hash, sha256, shard) of a file that consists of spans [start, end) of one stored xorb, without a xorb section."""
    parts = [chunks[start:end] for start, end in spans]
    names = [node for part in parts for node in nodes(part)]
    out = shard.TAG + struct.pack("<QQ", 2, 0)
    out += hashes.file_hash(names) + struct.pack("<IIQ", shard.HAS_VERIFICATION | shard.HAS_METADATA, len(spans), 0)
    for part, (start, end) in zip(parts, spans):
        out += xorb(chunks)[0] + struct.pack("<IIII", 0, sum(map(len, part)), start, end)
    for part in parts:
        out += hashes.range_hash([name for name, _ in nodes(part)]) + bytes(16)
    digest = hashlib.sha256(b"".join(b"".join(part) for part in parts)).hexdigest()
    return hashes.file_hash(names), digest, out + hashes.from_text(digest) + bytes(16) + shard.BOOKEND + shard.BOOKEND


def shard_for(chunks, **wrong):
    """(file hash, sha256, shard) of a file that is exactly one new xorb; keywords replace what the shard says."""
    names = nodes(chunks)
    raw_length, data = sum(size for _, size in names), b"".join(chunks)
    said = {
        "xorb": hashes.root(names),
        "file": hashes.file_hash(names),
        "length": raw_length,
        "end": len(names),
        "verification": hashes.range_hash([name for name, _ in names]),
        "sha256": hashlib.sha256(data).hexdigest(),
        "xorb_entry": True,
        **wrong,
    }
    out = shard.TAG + struct.pack("<QQ", 2, 0)
    out += said["file"] + struct.pack("<IIQ", shard.HAS_VERIFICATION | shard.HAS_METADATA, 1, 0)
    out += said["xorb"] + struct.pack("<IIII", 0, said["length"], 0, said["end"])
    out += said["verification"] + bytes(16) + hashes.from_text(said["sha256"]) + bytes(16) + shard.BOOKEND
    if said["xorb_entry"]:
        out += said["xorb"] + struct.pack("<IIII", 0, len(names), raw_length, 0)
        offset = 0
        for name, size in names:
            out += name + struct.pack("<IIII", offset, size, 0, 0)
            offset += size
    return said["file"], said["sha256"], out + shard.BOOKEND
