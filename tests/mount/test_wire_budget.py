# SPDX-License-Identifier: Apache-2.0
"""What reading costs on the wire, counted in the Hub's own log: one request more fails.

The last test prints the table (pytest -s), measured by the tests before it.
"""

import mmap
import os
import random
import subprocess
from collections import Counter

import pytest
from machine import BIG, PATIENCE
from reader import pread
from store_files import fetched_chunks

TABLE = []
PLAN = "reconstruction-v2"
MOUNTING = {"repo-info": 1, "tree": 1, "xet-read-token": 1}


def spent(wire, what):
    """The kinds of requests since the mark, noted for the table."""
    kinds = wire.kinds()
    TABLE.append((what, sum(kinds.values()), wire.xorb_bytes(), ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))))
    return kinds


@pytest.mark.quick
def test_a_mount_asks_for_its_commit_the_names_in_its_root_and_the_token_for_large_files(mount, sample, wire):
    made = mount("acme/sample")
    wire.wait_mounted()
    assert spent(wire, "mount") == MOUNTING
    wire.mark()
    assert {name.split("/")[0] for name in sample.files} <= set(os.listdir(made.path))
    assert spent(wire, "the first ls") == {}


@pytest.mark.quick
def test_with_prefetch_off_mounting_and_listing_the_root_is_one_info_and_one_page(mount, sample, wire):
    made = mount("acme/sample", options=["prefetch=off"])
    assert wire.kinds() == {"repo-info": 1}
    os.listdir(made.path)
    assert spent(wire, "mount with prefetch=off + ls") == {"repo-info": 1, "tree": 1}


@pytest.mark.quick
def test_the_first_small_file_of_a_fresh_mount_takes_two_requests_more(mount, sample, wire):
    made = mount("acme/sample")
    subprocess.run(["cat", made / "config.json"], check=True, capture_output=True, timeout=PATIENCE)
    wire.wait_mounted()
    assert spent(wire, "mount + cat config.json") == {**MOUNTING, "resolve": 1, "resolve-cache": 1}


def test_the_same_small_file_again_takes_none(mount, sample, wire):
    made = mount("acme/sample")
    (made / "config.json").read_bytes()
    wire.mark()
    made.drop_pages("config.json")
    (made / "config.json").read_bytes()
    assert spent(wire, "cat config.json again, page cache dropped") == {}


@pytest.mark.quick
def test_four_kib_of_a_xet_file_are_a_plan_and_a_range(mount, sample, wire):
    made = mount("acme/sample")
    data = sample.bytes("model.safetensors")
    assert (made / "model.safetensors").stat().st_size == len(data)
    wire.wait_mounted()
    wire.mark()
    middle = len(data) // 2 // 4096 * 4096
    assert pread(made / "model.safetensors", middle, 4096) == data[middle : middle + 4096]
    assert spent(wire, "first 4 KiB from the middle of 14 MiB") == {PLAN: 1, "xorb-range": 1}
    assert wire.xorb_bytes() <= 256 << 10


def in_a_row(rows):
    """How many of the requests at most came one after the other: each begins when the one before it is over."""
    n, over = 0, 0.0
    for end, begin in sorted((row["time"] + row["ms"] / 1000, row["time"]) for row in rows):
        if begin >= over:
            n, over = n + 1, end
    return n


def test_the_first_bytes_of_a_fresh_mount_are_four_round_trips_away(mount, hub, sample, wire):
    hub.config(latency_ms=500)  # long beside what a busy machine adds
    made = mount("acme/sample")
    assert pread(made / "model.safetensors", 0, 4096) == sample.bytes("model.safetensors")[:4096]
    rows = [row for row in wire.rows() if row["kind"] != "xorb-range"] + wire.rows("xorb-range")[:1]
    assert in_a_row(rows) == 4, [(row["kind"], row["time"], row["ms"]) for row in rows]
    assert wire.kinds()["xet-read-token"] == 1 and wire.xorb_bytes() <= 1 << 20


def test_the_first_bytes_of_a_running_mount_are_two_round_trips_away(mount, hub, sample, wire):
    made = mount("acme/sample")
    wire.wait_mounted()
    wire.mark()
    hub.config(latency_ms=500)
    assert pread(made / "model.safetensors", 0, 4096) == sample.bytes("model.safetensors")[:4096]
    rows = [*wire.rows(PLAN), *wire.rows("xorb-range")[:1]]
    assert in_a_row(rows) == 2 and set(wire.kinds()) == {PLAN, "xorb-range"}


def test_a_small_file_needs_no_token(mount, sample, wire):
    made = mount("acme/sample", options=["prefetch=off"])
    (made / "config.json").read_bytes()
    assert "xet-read-token" not in wire.kinds()


def test_a_token_is_asked_for_once_per_repository_and_commit(mount, sample, wire):
    made = mount("acme/sample")
    for name in ("model.safetensors", "mixed.bin", "noise.bin"):
        pread(made / name, 1 << 20, 4096)
    assert wire.count("xet-read-token") == 1


def test_four_kib_from_the_middle_of_the_big_file_cost_the_same(mount, big, wire):
    made = mount("acme/big")
    assert (made / "big.bin").stat().st_size == BIG
    middle = BIG // 2
    with open(big.folder / "big.bin", "rb") as file:
        file.seek(middle)
        expected = file.read(4096)
    wire.wait_mounted()
    wire.mark()
    assert pread(made / "big.bin", middle, 4096) == expected
    assert spent(wire, f"first 4 KiB from the middle of {BIG >> 20} MiB") == {PLAN: 1, "xorb-range": 1}
    assert wire.xorb_bytes() <= 256 << 10
    wire.mark()
    made.drop_pages("big.bin")
    assert pread(made / "big.bin", middle, 4096) == expected
    assert spent(wire, "the same again, page cache dropped") == {}
    made.remount(source=f"acme/big@{big.head}")
    wire.mark()
    assert pread(made / "big.bin", middle, 4096) == expected
    assert spent(wire, "the same after a remount") == {}


def test_the_next_four_kib_in_a_chunk_that_is_here_cost_nothing(mount, sample, wire):
    made = mount("acme/sample")
    pread(made / "mixed.bin", 4 << 20, 4096)
    wire.mark()
    made.drop_pages("mixed.bin")
    pread(made / "mixed.bin", 4 << 20, 2048)
    assert spent(wire, "4 KiB in a chunk that is here") == {}


@pytest.mark.quick
def test_a_warm_remount_of_a_commit_asks_nothing_and_needs_no_server(mount, hub, sample, wire):
    source = f"acme/sample@{sample.head}"
    made = mount(source)
    for name in sample.files:
        (made / name).read_bytes()
    made.umount()
    wire.mark()
    made.again()
    for name in sample.files:
        assert (made / name).read_bytes() == sample.bytes(name), name
    assert spent(wire, "warm remount of a commit, every file read") == {}
    made.umount()
    hub.stop()
    try:
        made.again()
        for name in sample.files:
            assert (made / name).read_bytes() == sample.bytes(name), name
        subprocess.run(["ls", "-lR", made.path], check=True, capture_output=True, timeout=PATIENCE)
    finally:
        hub.start()


@pytest.mark.quick
def test_a_warm_remount_of_a_branch_asks_once(mount, sample, wire):
    made = mount("acme/sample")
    for name in sample.files:
        (made / name).read_bytes()
    made.umount()
    wire.mark()
    made.again()
    for name in sample.files:
        assert (made / name).read_bytes() == sample.bytes(name), name
    assert spent(wire, "warm remount of a branch, every file read") == {"repo-info": 1}


@pytest.mark.quick
def test_ls_l_of_two_thousand_files_is_tree_pages_alone(mount, hub, wire):
    hub.bulk("acme/two-thousand", 2000, size=20, dirs=10)
    made = mount("acme/two-thousand")
    wire.wait_mounted()
    wire.mark()
    done = subprocess.run(["ls", "-lR", made.path], check=True, capture_output=True, text=True, timeout=PATIENCE)
    assert sum(line.endswith(".txt") for line in done.stdout.splitlines()) == 2000
    kinds = spent(wire, "ls -lR of 2,000 files in 10 folders")
    assert set(kinds) == {"tree"} and kinds["tree"] <= 11
    wire.mark()
    subprocess.run(["ls", "-lR", made.path], check=True, capture_output=True, timeout=PATIENCE)
    assert spent(wire, "ls -lR again") == {}


@pytest.mark.quick
def test_a_missing_name_in_a_listed_folder_costs_nothing(mount, sample, wire):
    made = mount("acme/sample")
    os.listdir(made.path)
    wire.mark()
    for name in ("missing", ".git", ".git/config", "adapter_config.json"):
        assert not (made / name).exists()
    assert spent(wire, "missing names") == {}


@pytest.mark.quick
def test_a_whole_file_is_fetched_once_and_nothing_beside_it(mount, hub, sample, wire):
    made = mount("acme/sample")
    (made / "config.json").stat()
    wire.wait_mounted()
    wire.mark()
    (made / "model.safetensors").read_bytes()
    kinds = spent(wire, "sequential read of 14 MiB")
    chunks = Counter(fetched_chunks(hub, wire.rows("xorb-range")))
    twice = sum(count - 1 for count in chunks.values())
    assert kinds["xet-read-token"] == 0
    assert twice <= kinds["xorb-range"], "at most the chunk on the border of two units"


@pytest.mark.parametrize("step", [1 << 17, 1 << 20], ids=["128 KiB", "1 MiB"])
def test_of_records_that_are_read_here_and_there_little_more_is_fetched_than_the_kernel_reads(mount, big, wire, step):
    made, length = mount("acme/big"), 1 << 20
    places = [(number * 5 % 8) * (29 << 20) + number * 4096 for number in range(8)]  # never near the one before

    def read_record(file, place):
        for at in range(place, place + length, step):
            assert len(os.pread(file.fileno(), step, at)) == step

    with open(made / "big.bin", "rb") as file:
        read_record(file, places[0])
        read_record(file, places[1])
        wire.mark()
        for place in places[2:]:
            read_record(file, place)
    kinds = spent(wire, f"six records of 1 MiB, in steps of {step >> 10} KiB")
    # Two for one, as a rule; where reads come late the kernel has gone further. As long reads they would be 7 to 10.
    assert wire.xorb_bytes() <= 6 * 5 * length
    assert kinds[PLAN] <= 6 * 6


def test_random_mapped_touches_fetch_chunks_not_the_file(mount, big, wire):
    made, source = mount("acme/big"), random.Random(3)
    touches = 50
    with open(made / "big.bin", "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
        view.madvise(mmap.MADV_RANDOM)
        wire.mark()
        for _ in range(touches):
            view[source.randrange(BIG)]
    spent(wire, f"{touches} random mapped touches")
    assert wire.xorb_bytes() <= touches * (256 << 10)


def test_random_preads_fetch_chunks_not_the_file(mount, big, wire):
    made, source = mount("acme/big"), random.Random(4)
    fd = os.open(made / "big.bin", os.O_RDONLY)
    wire.mark()
    for _ in range(50):
        os.pread(fd, 4096, source.randrange(BIG // 4096) * 4096)
    os.close(fd)
    kinds = spent(wire, "50 random reads of 4 KiB")
    assert kinds["xorb-range"] <= 50 and kinds[PLAN] <= 50
    assert wire.xorb_bytes() <= 50 * (256 << 10)


@pytest.mark.quick
def test_an_offline_mount_opens_no_connection(mount, sample, wire):
    made = mount(f"acme/sample@{sample.head}")
    (made / "README.md").read_bytes()
    made.umount()
    wire.mark()
    made.again(options=["offline"])
    assert (made / "README.md").read_bytes() == sample.bytes("README.md")
    with pytest.raises(OSError) as error:
        (made / "noise.bin").read_bytes()
    assert error.value.errno == 101  # ENETUNREACH
    assert spent(wire, "offline mount, cached and uncached reads") == {}


@pytest.mark.quick
def test_print_the_table():
    width = max((len(row[0]) for row in TABLE), default=0)
    for what, total, size, kinds in TABLE:
        print(f"{what:{width}}  {total:4} requests  {size:10} xorb bytes  {kinds}")
