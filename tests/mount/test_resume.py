# SPDX-License-Identifier: Apache-2.0
"""Nothing that is on this machine is fetched twice: not after kill -9, not without the index; damage is repaired."""

import hashlib
import os
import subprocess

import pytest
from harness import wait_until
from machine import BIG, PATIENCE
from store_files import fetched_chunks, flip_bytes, index_files, indexed_chunks, segments

STEP = 1 << 20


def digest_of(path):
    """SHA-256 of a whole file, read in order."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(STEP):
            digest.update(part)
    return digest.hexdigest()


@pytest.fixture(scope="module")
def big_digest(big):
    return digest_of(big.folder / "big.bin")


def read_some(path, length):
    """Read the first `length` bytes in order."""
    with open(path, "rb") as file:
        while file.tell() < length:
            file.read(STEP)


def begins_again(hub, rows, known):
    """The requests that begin with a chunk that was here; a range that the Hub lists cannot be fetched without its end."""
    return [row for row in rows if fetched_chunks(hub, [row])[0] in known]


@pytest.mark.quick
def test_a_killed_daemon_loses_nothing_that_was_indexed(mount, hub, sample, wire):
    made = mount(f"acme/sample@{sample.head}")
    read_some(made / "model.safetensors", 6 << 20)
    wait_until(lambda: indexed_chunks(made.home.cache), "a first commit of the index")
    made.kill9()
    known = indexed_chunks(made.home.cache)
    wire.mark()
    made.again()
    assert (made / "model.safetensors").read_bytes() == sample.bytes("model.safetensors")
    # Who waits for what was planned takes the chunk on its border once more.
    assert known and len(begins_again(hub, wire.rows("xorb-range"), known)) <= 2


@pytest.mark.slow
def test_kill_9_in_the_middle_of_a_large_read_costs_at_most_a_quarter_more(mount, hub, big, big_digest, wire):
    made = mount(f"acme/big@{big.head}")
    reader = subprocess.Popen(["sha256sum", made / "big.bin"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: sum(row["bytes"] for row in hub.requests(kind="xorb-range")) > 0.3 * BIG, "a third of the file")
    assert reader.poll() is None, "the reader was faster than the kill"
    made.kill9()
    reader.communicate(timeout=PATIENCE)
    assert reader.returncode != 0, "the reader noticed"
    known = indexed_chunks(made.home.cache)
    before = wire.xorb_bytes()
    wire.mark()
    made.again()
    assert digest_of(made / "big.bin") == big_digest
    again = known & set(fetched_chunks(hub, wire.rows("xorb-range")))
    assert known and len(again) <= len(known) / 20  # of ranges that had come in part
    assert before + wire.xorb_bytes() <= 1.25 * BIG


@pytest.mark.slow
def test_a_deleted_index_is_rebuilt_from_the_segments(mount, big, big_digest, wire):
    made = mount(f"acme/big@{big.head}")
    assert digest_of(made / "big.bin") == big_digest
    made.umount()
    for file in index_files(made.home.cache):
        file.unlink()
    wire.mark()
    made.again()
    assert digest_of(made / "big.bin") == big_digest
    assert wire.xorb_bytes() == 0


@pytest.mark.quick
def test_a_deleted_index_of_a_small_cache_is_rebuilt_too(mount, sample, wire):
    made = mount(f"acme/sample@{sample.head}")
    for name in sample.files:
        (made / name).read_bytes()
    made.umount()
    for file in index_files(made.home.cache):
        file.unlink()
    wire.mark()
    made.again()
    for name in sample.files:
        assert (made / name).read_bytes() == sample.bytes(name), name
    assert wire.count("xorb-range", "lfs-get", "resolve-cache") == 0


@pytest.mark.quick
@pytest.mark.parametrize("seed", [1, 2])
def test_flipped_bytes_are_fetched_again_and_never_shown(mount, sample, wire, seed):
    made = mount(f"acme/sample@{sample.head}")
    for name in sample.files:
        (made / name).read_bytes()
    made.umount()
    places = flip_bytes(made.home.cache, 60, seed)
    wire.mark()
    made.again()
    for name in sample.files:
        assert (made / name).read_bytes() == sample.bytes(name), (name, seed, places)
    fetched = wire.count("xorb-range", "resolve-cache")
    assert fetched > 0, "no flipped byte was noticed"
    wire.mark()
    made.remount()
    for name in sample.files:
        assert (made / name).read_bytes() == sample.bytes(name), name
    assert wire.count("xorb-range", "resolve-cache") == 0, "the damage was repaired"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 8))
def test_many_flipped_bytes_in_a_large_cache_are_never_shown(mount, big, big_digest, seed):
    made = mount(f"acme/big@{big.head}")
    assert digest_of(made / "big.bin") == big_digest
    made.umount()
    places = flip_bytes(made.home.cache, 200, seed)
    made.again()
    assert digest_of(made / "big.bin") == big_digest, (seed, places)


def test_a_segment_cut_short_is_fetched_again(mount, sample, wire):
    made = mount(f"acme/sample@{sample.head}")
    (made / "mixed.bin").read_bytes()
    made.umount()
    file = segments(made.home.cache)[0]
    os.truncate(file, file.stat().st_size // 2)
    wire.mark()
    made.again()
    assert (made / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")
    assert wire.xorb_bytes() > 0


def test_a_deleted_cache_is_begun_anew(mount, sample):
    made = mount(f"acme/sample@{sample.head}")
    (made / "mixed.bin").read_bytes()
    made.umount()
    subprocess.run(["rm", "-rf", made.home.cache], check=True)
    made.again()
    assert (made / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")


def test_a_cache_smaller_than_the_file_still_reads_it_right_and_keeps_its_budget(mount, sample):
    budget = 8 << 20
    made = mount("acme/sample", options=[f"cache_size={budget}"])
    for _ in range(2):
        for name in ("model.safetensors", "mixed.bin"):
            made.drop_pages(name)
            assert (made / name).read_bytes() == sample.bytes(name)
            used = sum(file.stat().st_blocks * 512 for file in segments(made.home.cache))
            assert used <= budget, "the budget holds while writing"
