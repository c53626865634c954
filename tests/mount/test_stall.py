# SPDX-License-Identifier: Apache-2.0
"""While 200 reads hang, everything that needs no network answers at once."""

import os
import signal
import subprocess

import pytest
from harness import wait_until
from machine import PROMPT
from reader import Reader

READS = 200
STALL_DATA = {"match": {"origin": "cdn"}, "count": -1, "action": {"stall": True}}


@pytest.fixture
def stalled(mount, hub, sample):
    """(mount, crowd): 200 reads of model.safetensors parked, README.md and prompts.bin cached."""
    made = mount("acme/sample", options=["poll=never"])
    for name in ("README.md", "prompts.bin"):
        (made / name).read_bytes()
    subprocess.run(["ls", "-lR", made.path], check=True, capture_output=True)
    size = (made / "model.safetensors").stat().st_size
    rule = hub.faults(STALL_DATA)[0]
    with Reader("crowd", made / "model.safetensors", READS, size // READS // 4096 * 4096) as crowd:
        wait_until(lambda: made.connection.waiting >= READS, "200 parked reads", PROMPT)
        yield made, crowd
        assert hub.fired(rule) > 0, "the fault did not strike"


def at_once(*command):
    """Run a program that must end well, now."""
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, timeout=PROMPT).stdout


@pytest.mark.quick
def test_ls_stat_and_cached_reads_answer_while_200_reads_hang(stalled, sample):
    made, crowd = stalled
    made.drop_pages("prompts.bin")
    made.drop_pages("README.md")
    assert at_once("cat", made / "README.md") == sample.bytes("README.md").decode()
    assert at_once("sha256sum", made / "prompts.bin")
    assert "config.json" in at_once("ls", "-l", made.path)
    assert at_once("stat", "-c", "%s", made / "edges/4097.txt") == "4097\n"
    assert at_once("df", made.path)
    assert not crowd.has_ended


@pytest.mark.quick
def test_a_killed_reader_is_gone_at_once_and_its_reads_with_it(stalled):
    made, crowd = stalled
    assert crowd.gone_after(signal.SIGKILL, PROMPT) == -signal.SIGKILL
    assert at_once("ls", made.path)


@pytest.mark.quick
def test_status_answers_while_200_reads_hang(stalled):
    made, _ = stalled
    assert made.cli("status", "--json", made.path, seconds=PROMPT).json


def test_the_stalled_reads_are_right_when_the_hub_answers_again(mount, hub, sample):
    made = mount("acme/sample")
    rule = hub.faults(STALL_DATA)[0]
    with Reader("read", made / "mixed.bin", 5_000_000, 100_000) as reader:
        hub.wait_stalled(1, PROMPT)
        assert hub.fired(rule) > 0
        hub.clear()
        assert reader.outcome(PROMPT)["bytes"] == 100_000
    assert (made / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")


def test_a_mount_with_hanging_reads_can_be_unmounted(mount, hub, sample):
    made = mount("acme/sample")
    rule = hub.faults(STALL_DATA)[0]
    with Reader("read", made / "mixed.bin", 0, 4096) as reader:
        hub.wait_stalled(1, PROMPT)
        assert hub.fired(rule) > 0
        made.process.send_signal(signal.SIGTERM)
        reader.process.wait(PROMPT)
    made.wait_ended()


@pytest.mark.quick
def test_a_deadline_ends_a_read_that_nobody_answers(mount, hub, sample):
    made = mount("acme/sample", options=["timeout=2"])
    rule = hub.faults(STALL_DATA)[0]
    with Reader("read", made / "noise.bin", 0, 4096) as reader:
        assert reader.outcome(2 * PROMPT) == {"errno": 110}  # ETIMEDOUT
    assert hub.fired(rule) > 0


def test_a_deadline_ends_a_lookup_that_nobody_answers(mount, hub, sample):
    made = mount("acme/sample", options=["timeout=2"])
    rule = hub.faults({"match": {"path_regex": "/tree/.*/notes"}, "count": -1, "action": {"stall": True}})[0]
    with Reader("stat", made / "notes/first.txt") as reader:
        assert reader.outcome(2 * PROMPT) == {"errno": 110}
    assert hub.fired(rule) > 0


def test_two_readers_of_one_stalled_range_share_what_arrives(mount, hub, sample, wire):
    made = mount("acme/sample")
    os.stat(made / "noise.bin")
    rule = hub.faults(STALL_DATA)[0]
    with Reader("read", made / "noise.bin", 0, 4096) as one:
        hub.wait_stalled(1, PROMPT)
        with Reader("direct", made / "noise.bin", 0, 4096) as two:
            wait_until(lambda: made.connection.waiting >= 2, "two parked reads", PROMPT)
            assert hub.fired(rule) > 0
            hub.clear()
            assert one.outcome(PROMPT) == two.outcome(PROMPT)
    ranges = [row["range"] for row in wire.rows("xorb-range") if row["fault"] is None]
    assert len(ranges) == len(set(ranges)), "each range was fetched once"
