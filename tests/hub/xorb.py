# SPDX-License-Identifier: Apache-2.0
"""Xorbs: a run of compressed chunk records, decoded and checked with the `lz4` and `blake3` wheels."""

import struct
from dataclasses import dataclass

import lz4.frame

from . import hashes

MAX_CHUNK = 131072
MAX_XORB = 64 * 1024 * 1024
MAX_SERIALIZED = MAX_XORB + 8 * 8192  # incompressible chunks plus their headers: xet-core sends that
MAX_CHUNKS = 8192
FOOTER_MARK = b"XETBLOB"


class BadXorb(Exception):
    """The bytes are not a valid xorb, or not the one they are said to be."""


@dataclass(frozen=True)
class XorbInfo:
    """Where the chunks of a stored xorb are."""

    hash: bytes
    length: int  # serialized bytes, headers included
    chunk_hashes: tuple
    ends: tuple  # cumulative, serialized
    raw_ends: tuple  # cumulative, uncompressed

    def byte_range(self, start, end):
        """Serialized [first, last) of chunks [start, end)."""
        return (self.ends[start - 1] if start else 0), self.ends[end - 1]

    def raw_length(self, start, end):
        """Uncompressed length of chunks [start, end)."""
        return self.raw_ends[end - 1] - (self.raw_ends[start - 1] if start else 0)

    def nodes(self, start, end):
        """(hash, size) of chunks [start, end)."""
        return [(self.chunk_hashes[i], self.raw_length(i, i + 1)) for i in range(start, end)]


def ungroup(data):
    """Undo byte grouping: four runs, one for each position modulo 4."""
    length = len(data)
    out = bytearray(length)
    at = 0
    for group in range(4):
        size = length // 4 + (group < length % 4)
        out[group::4] = data[at : at + size]
        at += size
    return bytes(out)


def decode_chunk(data, at):
    """The chunk record at an offset: (uncompressed bytes, offset of the next record)."""
    if at + 8 > len(data):
        raise BadXorb("chunk header cut off")
    head = data[at : at + 8]
    packed, scheme, unpacked = int.from_bytes(head[1:4], "little"), head[4], int.from_bytes(head[5:8], "little")
    if head[0] != 0:
        raise BadXorb(f"chunk version {head[0]}")
    if not 0 < unpacked <= MAX_CHUNK:
        raise BadXorb(f"chunk of {unpacked} bytes")
    end = at + 8 + packed
    if packed > 2 * MAX_CHUNK or end > len(data):
        raise BadXorb("chunk payload out of bounds")
    raw = _decompress(bytes(data[at + 8 : end]), scheme)
    if len(raw) != unpacked:
        raise BadXorb(f"chunk decodes to {len(raw)} bytes, header says {unpacked}")
    return raw, end


def _decompress(payload, scheme):
    if scheme == 0:
        return payload
    if scheme not in (1, 2):
        raise BadXorb(f"compression scheme {scheme}")
    try:
        raw = lz4.frame.decompress(payload)
    except RuntimeError as error:
        raise BadXorb(f"LZ4: {error}") from error
    return ungroup(raw) if scheme == 2 else raw


def examine(data):
    """Decode every chunk of an uploaded xorb; a footer, which old clients send, ends the records and is dropped."""
    chunk_hashes, ends, raw_ends, at, raw_at = [], [], [], 0, 0
    view = memoryview(data)
    while at < len(data) and view[at : at + 7] != FOOTER_MARK:
        raw, at = decode_chunk(view, at)
        raw_at += len(raw)
        chunk_hashes.append(hashes.keyed(hashes.DATA_KEY, raw))
        ends.append(at)
        raw_ends.append(raw_at)
    if not chunk_hashes:
        raise BadXorb("no chunks")
    if len(chunk_hashes) > MAX_CHUNKS or raw_at > MAX_XORB or at > MAX_SERIALIZED:
        raise BadXorb(f"too large: {len(chunk_hashes)} chunks, {raw_at} bytes, {at} serialized")
    sizes = [end - start for start, end in zip([0, *raw_ends], raw_ends)]
    return XorbInfo(hashes.root(list(zip(chunk_hashes, sizes))), at, tuple(chunk_hashes), tuple(ends), tuple(raw_ends))


def decode_range(data):
    """Uncompressed chunks of a chunk-aligned piece of a xorb."""
    chunks, at = [], 0
    view = memoryview(data)
    while at < len(data):
        raw, at = decode_chunk(view, at)
        chunks.append(raw)
    return chunks


def pack_numbers(numbers):
    """u32 list for the database."""
    return struct.pack(f"<{len(numbers)}I", *numbers)


def unpack_numbers(data):
    """Inverse of pack_numbers."""
    return struct.unpack(f"<{len(data) // 4}I", data)
