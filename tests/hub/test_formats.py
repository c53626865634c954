# SPDX-License-Identifier: Apache-2.0
"""Hashes and formats against published values: the oracle must not be wrong itself."""

import lz4.frame
import pytest

from . import forge, hashes, ranges, xorb
from .git_store import parse_tree

MASK = (1 << 64) - 1
ENDS = "84493 134421 144853 243318 271793 336457 467529 494581 582000 596735 616815 653164 678202 724510 815591 827760 958832 991092 1000000"


def split_mix(seed, length):
    """The generator of the Xet test vectors."""
    out, state = bytearray(), seed
    while len(out) < length:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        out += (z ^ (z >> 31)).to_bytes(8, "little")
    return bytes(out[:length])


def test_hash_strings_reverse_groups_of_eight_bytes():
    text = "07060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918"
    assert hashes.to_text(bytes(range(32))) == text and hashes.from_text(text) == bytes(range(32))


def test_chunk_xorb_file_and_range_hashes_of_a_published_stream():
    data = split_mix(0, 1_000_000)
    ends = [int(end) for end in ENDS.split()]
    chunks = [data[start:end] for start, end in zip([0, *ends], ends)]
    names = forge.nodes(chunks)
    assert hashes.to_text(hashes.root(names)) == "6f2ce16ca5e317f0100ff0e7e5bf40a0de9032e9ee1ad04b6b8ff4e36cdfbf6c"
    assert hashes.to_text(hashes.file_hash(names)) == "3d17b2d7d64a0e011b6717a52d9a16bd2c3f05b743fa8adf52a7d75dafab6d89"
    wanted = "6daf15a7ed258b91f607e8f5e6723a8564292d12c8104c156f7bad9c255a0180"
    assert hashes.to_text(hashes.range_hash([name for name, _ in names])) == wanted


def test_single_chunks_and_empty_files():
    [(name, _)] = forge.nodes([b"Hello World!"])
    assert hashes.to_text(name) == "d8d408e608fb9ca213b9909a65d86d725f2de4d8d540324be8a363e7a6e228cb"
    [(name, size)] = forge.nodes([b"\x3b"])
    assert hashes.to_text(hashes.root([(name, size)])) == "a5821c3868509151d4f5c17e43aa599f7fe53d3349280ca59c66b566de0a88de"
    assert hashes.to_text(hashes.file_hash([(name, size)])) == "05b7b9477e2310fbd868bb225608dcda380a5e4301eba93f6ce92ed79ac13088"
    assert hashes.file_hash([]) == bytes(32)


def test_the_grant_checksum_is_crc_64_nvme():
    assert hashes.crc64_nvme(b"123456789") == 0xAE8B14860A799888


@pytest.mark.parametrize(
    "grouped", [[0, 4, 1, 5, 2, 6, 3, 7], [0, 4, 8, 1, 5, 9, 2, 6, 3, 7], [0, 4, 8, 12, 1, 5, 9, 2, 6, 10, 3, 7, 11]]
)
def test_byte_grouping_is_undone(grouped):
    assert xorb.ungroup(bytes(grouped)) == bytes(range(len(grouped)))


def test_compressed_chunks_decode_and_bombs_do_not():
    raw = bytes(100_000)
    for options in ({}, {"block_linked": False}, {"block_size": lz4.frame.BLOCKSIZE_MAX4MB, "content_checksum": True}):
        assert xorb.decode_chunk(forge.chunk_record(raw, 1, lz4.frame.compress(raw, **options)), 0)[0] == raw
    with pytest.raises(xorb.BadXorb):
        xorb.decode_chunk(forge.chunk_record(raw, 1, lz4.frame.compress(bytes(10_000_000))), 0)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", [(0, 1)]), ("bytes=5-", [(5, 10)]), ("bytes=-3", [(7, 10)]), ("bytes=-99", [(0, 10)]), ("bytes=9-99", [(9, 10)]),
        ("bytes=10-", []), ("bytes=3-2", None), ("bytes=-", None), ("lines=1-2", None), (None, None), ("bytes=0-1,8-", [(0, 2), (8, 10)]),
    ],
)  # fmt: skip
def test_byte_ranges(header, expected):
    assert ranges.parse(header, 10) == expected


def test_git_trees_are_read_with_any_name():
    data = b"100644 a b\0" + bytes(20) + b"40000 \xff\0" + b"\1" * 20
    assert [(e.name, e.mode, e.is_dir) for e in parse_tree(data).values()] == [
        ("a b", "100644", False),
        ("\udcff", "40000", True),
    ]
