# SPDX-License-Identifier: Apache-2.0
"""Every byte that is read is the byte that was uploaded, however it is read."""

import hashlib
import mmap
import os
import random
from concurrent.futures import ThreadPoolExecutor

import kernel
import pytest
from machine import PATIENCE
from reader import Reader, pread
from samples import EDGES
from store_files import segments

XET_FILES = ["model.safetensors", "mixed.bin", "prompts.bin", "noise.bin"]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.mark.quick
def test_a_plain_git_file_reads_as_it_was_committed(mount, sample):
    made = mount("acme/sample")
    for name in ("README.md", "config.json", "notes/deep/er/leaf.txt", "one-byte.txt"):
        assert (made / name).read_bytes() == sample.bytes(name)


@pytest.mark.quick
@pytest.mark.parametrize("name", XET_FILES)
def test_a_xet_file_reads_in_order_as_it_was_uploaded(mount, sample, name):
    assert sha256((mount("acme/sample") / name).read_bytes()) == sha256(sample.bytes(name))


def test_every_file_of_the_repository_reads_right_and_again_after_a_remount(mount, sample):
    made = mount("acme/sample")
    for _ in range(2):
        for name in sample.files:
            assert sha256((made / name).read_bytes()) == sha256(sample.bytes(name)), name
        made.remount()


def test_lfs_files_that_are_not_in_xet_read_right(mount, basic):
    made = mount("acme/basic")
    for name in basic.files:
        assert sha256((made / name).read_bytes()) == sha256(basic.bytes(name)), name


@pytest.mark.quick
def test_an_empty_file_reads_as_nothing_and_asks_nothing(mount, sample, wire):
    made = mount("acme/sample")
    assert (made / "empty.txt").stat().st_size == 0
    wire.mark()
    assert (made / "empty.txt").read_bytes() == b""
    assert wire.count() == 0


@pytest.mark.quick
def test_reading_at_and_past_the_end_gives_what_is_there(mount, sample):
    made = mount("acme/sample")
    for name in ("mixed.bin", "config.json", "edges/65536.txt"):
        data, size = sample.bytes(name), len(sample.bytes(name))
        assert pread(made / name, size - 10, 4096) == data[-10:]
        assert pread(made / name, size, 4096) == b""
        assert pread(made / name, size + 1, 4096) == b""
        assert pread(made / name, size + (1 << 40), 1) == b""


@pytest.mark.quick
def test_reads_on_both_sides_of_block_and_page_edges_are_right(mount, sample):
    made = mount("acme/sample")
    for size in EDGES:
        name = f"edges/{size}.txt"
        data = sample.bytes(name)
        assert (made / name).stat().st_size == size
        for offset in sorted({0, 1, size // 2, *(max(0, size - k) for k in (1, 2, 4096, 4097))}):
            assert pread(made / name, offset, 5000) == data[offset : offset + 5000], (name, offset)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_reads_are_right_cold_and_warm(mount, sample, seed):
    made = mount("acme/sample")
    source, name = random.Random(seed), XET_FILES[seed % len(XET_FILES)]
    data = sample.bytes(name)
    for _ in range(2):
        for _ in range(150):
            offset, length = source.randrange(len(data)), source.choice([1, 100, 4096, 65537, 300_000])
            assert pread(made / name, offset, length) == data[offset : offset + length], (offset, length)
        made.drop_pages(name)


@pytest.mark.parametrize("readers", [1, 4])
def test_what_a_stream_reads_of_a_cold_disk_is_right(mount, sample, readers):
    made = mount("acme/sample")
    for name in XET_FILES:
        (made / name).read_bytes()
    made.umount()
    os.sync()
    for path in segments(made.home.cache):
        kernel.drop_pages(path)
    made.again()
    with ThreadPoolExecutor(readers) as pool:  # the store lends what it has read ahead of them
        for name in XET_FILES * readers:
            made.drop_pages(name)
            assert set(pool.map(lambda path: path.read_bytes(), [made / name] * readers)) == {sample.bytes(name)}, name
    made.umount()  # nothing is lent any more, or it ends otherwise


@pytest.mark.parametrize("seed", [4, 5])
def test_random_reads_of_files_outside_xet_are_right(mount, basic, seed):
    made, source = mount("acme/basic"), random.Random(seed)
    data = basic.bytes("weights.bin")
    for _ in range(60):
        offset, length = source.randrange(len(data)), source.choice([1, 4096, 65536, 200_000])
        assert pread(made / "weights.bin", offset, length) == data[offset : offset + length], (offset, length)


def test_reading_backwards_is_right(mount, sample):
    made, data = mount("acme/sample"), sample.bytes("mixed.bin")
    for offset in range(len(data) - len(data) % 333_333, -1, -333_333):
        assert pread(made / "mixed.bin", offset, 333_333) == data[offset : offset + 333_333], offset


@pytest.mark.quick
def test_a_mapped_file_shows_the_same_bytes(mount, sample):
    made, data = mount("acme/sample"), sample.bytes("model.safetensors")
    with open(made / "model.safetensors", "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
        source = random.Random(6)
        for _ in range(40):
            offset = source.randrange(len(data) - 100)
            assert view[offset : offset + 100] == data[offset : offset + 100], offset
        assert sha256(view[:]) == sha256(data)


def test_a_mapped_tail_is_zero_past_the_end_of_the_file(mount, sample):
    made, data = mount("acme/sample"), sample.bytes("edges/4097.txt")
    with open(made / "edges/4097.txt", "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
        assert view[:] == data


def test_direct_reads_are_right(mount, sample):
    made, data = mount("acme/sample"), sample.bytes("mixed.bin")
    for offset, length in [(0, 4096), (1 << 20, 1 << 20), (len(data) // 4096 * 4096, 4096)]:
        with Reader("direct", made / "mixed.bin", offset, length) as reader:
            piece = data[offset : offset + length]
            assert reader.outcome(PATIENCE) == {"sha256": sha256(piece), "bytes": len(piece)}


def test_many_readers_of_one_file_all_get_their_bytes_and_share_one_fetch(mount, sample, wire):
    made, data = mount("acme/sample"), sample.bytes("model.safetensors")
    wire.mark()

    def one(number):
        piece = len(data) // 8
        start = piece * (number % 8)
        return pread(made / "model.safetensors", start, piece) == data[start : start + piece]

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(one, range(16)))
    fetched = sum(row["bytes"] for row in wire.rows("xorb-range"))
    # Two units that begin at the same moment may both ask for the chunk at their border: a few dozen of them
    # here, of 64 KiB.
    assert fetched < 1.3 * len(data), "readers of the same bytes fetched them twice"


def test_readers_of_several_files_at_once_all_get_their_bytes(mount, sample):
    made = mount("acme/sample")
    names = sample.files * 2
    with ThreadPoolExecutor(12) as pool:
        for name, data in zip(names, pool.map(lambda name: (made / name).read_bytes(), names)):
            assert sha256(data) == sha256(sample.bytes(name)), name


def test_the_same_content_under_two_names_and_in_two_repositories_is_fetched_once(mount, hub, sample, wire, tmp_path):
    (tmp_path / "first.bin").write_bytes(sample.bytes("noise.bin"))
    (tmp_path / "second.bin").write_bytes(sample.bytes("noise.bin"))
    hub.upload(tmp_path, "acme/twice")
    made = mount("acme/twice")
    first = (made / "first.bin").read_bytes()
    wire.mark()
    assert (made / "second.bin").read_bytes() == first == sample.bytes("noise.bin")
    other = mount("acme/sample", like=made)
    other.wait_cached("noise.bin")
    assert (other / "noise.bin").read_bytes() == first
    assert wire.xorb_bytes() == 0


def test_copying_the_whole_tree_gives_the_same_tree(mount, sample, tmp_path):
    import subprocess

    made = mount("acme/sample")
    subprocess.run(["cp", "-r", f"{made.path}/.", tmp_path], check=True)
    for name in sample.files:
        assert sha256((tmp_path / name).read_bytes()) == sha256(sample.bytes(name)), name


def test_a_hub_that_only_speaks_the_first_version_of_plans_is_read_the_same(mount, hub, sample, wire):
    hub.config(v1_only=True)
    made = mount("acme/sample")
    assert sha256((made / "mixed.bin").read_bytes()) == sha256(sample.bytes("mixed.bin"))
    assert wire.count("reconstruction-v1") > 0


def test_a_signed_address_that_expires_while_reading_is_asked_for_again(mount, hub, sample):
    made = mount("acme/sample")
    rule = {"match": {"origin": "cdn", "path_regex": "^/xorbs/"}, "skip": 1, "count": 1, "action": {"status": 403, "body": "expired"}}
    hub.faults(rule)
    assert sha256((made / "mixed.bin").read_bytes()) == sha256(sample.bytes("mixed.bin"))
    assert hub.fired() == 1
