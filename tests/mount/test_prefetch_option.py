# SPDX-License-Identifier: Apache-2.0
"""What is fetched before anybody asks for it: footers, and the rest of files that are read here and there."""

import os
import random

import pytest
from harness import Failed, wait_until
from reader import pread
from samples import noise
from writing import fill

MIB = 1 << 20
PLAN = "reconstruction-v2"


@pytest.fixture(scope="module")
def tables(_hub_process):
    """acme/tables: the same 24 MiB, and what they are called."""
    data = noise(24 * MIB, 77)
    fill(_hub_process, "acme/tables", xet={"wide.parquet": data, "plain.bin": data})
    return data


def read_footer(path, data):
    """What a reader of Parquet does: the last 8 bytes, then what they say to lie before them."""
    size = len(data)
    assert pread(path, size - 8, 8) == data[-8:]
    assert pread(path, size - 370_000, 370_000 - 8) == data[size - 370_000 : -8]


def read_here_and_there(path, data, count):
    source = random.Random(5)
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    for _ in range(count):
        offset = source.randrange(len(data) // 4096) * 4096
        assert os.pread(fd, 4096, offset) == data[offset : offset + 4096], offset
    os.close(fd)


def is_complete(made, name):
    return made.cli("info", "--json", made / name).json["cached_bytes"] == (made / name).stat().st_size


def unused(made):
    """Bytes that were fetched ahead and not read yet."""
    return made.cli("status", "--json", made.path).json["mounts"][0]["reads"]["ahead_unused"]


def test_the_last_bytes_of_a_parquet_file_bring_its_footer(mount, tables, wire):
    made = mount("acme/tables")
    wire.mark()
    assert pread(made / "wide.parquet", len(tables) - 8, 8) == tables[-8:]
    wait_until(lambda: made.cli("info", "--json", made / "wide.parquet").json["cached_bytes"] >= len(tables) // 64, "the footer")
    assert wire.kinds()[PLAN] <= 2 and wire.xorb_bytes() < len(tables) // 64 + 3 * 128 * 1024
    wire.mark()
    read_footer(made / "wide.parquet", tables)
    assert wire.kinds() == {}


@pytest.mark.parametrize("name, options", [("plain.bin", []), ("wide.parquet", ["prefetch=off"])])
def test_other_last_bytes_bring_only_themselves(mount, tables, wire, name, options):
    made = mount("acme/tables", options=options)
    wire.mark()
    assert pread(made / name, len(tables) - 8, 8) == tables[-8:]
    assert wire.kinds()[PLAN] == 1 and wire.xorb_bytes() <= 256 << 10


def test_the_rest_of_a_file_comes_when_an_eighth_of_it_was_read_here_and_there(mount, tables, wire):
    made = mount("acme/tables")
    read_here_and_there(made / "plain.bin", tables, 10)
    assert not is_complete(made, "plain.bin")
    read_here_and_there(made / "plain.bin", tables, 100)
    wait_until(lambda: is_complete(made, "plain.bin"), "the rest of the file")
    assert unused(made) > len(tables) // 4
    wire.mark()
    made.drop_pages("plain.bin")
    assert (made / "plain.bin").read_bytes() == tables
    assert wire.kinds() == {} and unused(made) == 0


@pytest.mark.parametrize("options", [["prefetch=off"], ["cache_size=40M"]], ids=["off", "larger than half of the cache"])
def test_the_rest_of_a_file_stays_where_it_is(mount, tables, wire, options):
    made = mount("acme/tables", options=options)
    read_here_and_there(made / "plain.bin", tables, 150)
    before = wire.xorb_bytes()
    for _ in range(20):
        assert not is_complete(made, "plain.bin")
    assert wire.xorb_bytes() == before


@pytest.mark.quick
def test_a_whole_file_comes_with_its_first_read_when_that_is_wanted(mount, tables, wire):
    made = mount("acme/tables", options=["prefetch=whole"])
    assert pread(made / "plain.bin", 8 * MIB, 4096) == tables[8 * MIB : 8 * MIB + 4096]
    wait_until(lambda: is_complete(made, "plain.bin"), "the rest of the file")
    wire.mark()
    assert (made / "plain.bin").read_bytes() == tables
    assert wire.kinds() == {}


def test_another_word_is_refused(mount, sample):
    with pytest.raises(Failed, match="'much' is none of auto, off or whole"):
        mount("acme/sample", options=["prefetch=much"])
