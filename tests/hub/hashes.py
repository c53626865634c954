# SPDX-License-Identifier: Apache-2.0
"""Xet hashes, from the `blake3` wheel: an implementation that shares nothing with the product's."""

from blake3 import blake3

DATA_KEY = bytes.fromhex("6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229")
NODE_KEY = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
RANGE_KEY = bytes.fromhex("7f1857d6ce56ed66127ff913e7a5c3f3a4cd26d5b5db49e64124987f28fb94c3")
ZERO_KEY = bytes(32)
CRC64_NVME = 0x9A6C9329AC4BC9B5  # reflected polynomial


def keyed(key, data):
    """BLAKE3 keyed hash."""
    return blake3(data, key=key).digest()


def to_text(raw):
    """32 bytes as the protocol prints them: each group of 8 bytes reversed."""
    return "".join(raw[at : at + 8][::-1].hex() for at in range(0, 32, 8))


def from_text(text):
    """The inverse of to_text; ValueError when it is not a hash."""
    raw = bytes.fromhex(text)
    if len(raw) != 32 or len(text) != 64:
        raise ValueError("not a hash")
    return b"".join(raw[at : at + 8][::-1] for at in range(0, 32, 8))


def modulus(raw, divisor):
    """What decides group ends and dedup eligibility: the last 8 bytes, little endian."""
    return int.from_bytes(raw[24:], "little") % divisor


def _group_end(nodes, start):
    left = len(nodes) - start
    if left <= 2:
        return len(nodes)
    end = min(left, 9)
    for index in range(2, end - 1):
        if modulus(nodes[start + index][0], 4) == 0:
            return start + index + 1
    return start + end


def root(nodes):
    """Aggregated hash of (hash, size) pairs: a Merkle tree of mean branching 4."""
    if not nodes:
        return bytes(32)
    while len(nodes) > 1:
        level, start = [], 0
        while start < len(nodes):
            end = _group_end(nodes, start)
            text = "".join(f"{to_text(raw)} : {size}\n" for raw, size in nodes[start:end])
            level.append((keyed(NODE_KEY, text.encode()), sum(size for _, size in nodes[start:end])))
            start = end
        nodes = level
    return nodes[0][0]


def file_hash(nodes):
    """Hash of a file from its (chunk hash, size) list; the empty file's is zero."""
    return keyed(ZERO_KEY, root(nodes)) if nodes else bytes(32)


def range_hash(chunk_hashes):
    """Verification hash of a term: proof that the sender knows the chunk hashes."""
    return keyed(RANGE_KEY, b"".join(chunk_hashes))


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (CRC64_NVME if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _crc_table()


def crc64_nvme(data):
    """The checksum of upload grants; plain Python, so callers limit the length."""
    crc, table = 0xFFFFFFFFFFFFFFFF, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFFFFFFFFFF
