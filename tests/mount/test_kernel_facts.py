# SPDX-License-Identifier: Apache-2.0
"""What a read-only mount owes to the kernel: one test for each fact that costs a mount its life.

Each of these fails without its fix. The facts and their measurements are listed by number in
the design notes on the kernel interface; the numbers are repeated here.
"""

import fcntl
import os
import signal
import subprocess
import time

import pytest
from harness import wait_until
from machine import PROMPT
from reader import Reader

STALL_CURSORS = {"match": {"path_regex": "/tree/", "query_regex": "cursor"}, "count": -1, "action": {"stall": True}}
STALL_PATHS = {"match": {"path_regex": "/paths-info/"}, "count": -1, "action": {"stall": True}}
STALL_DATA = {"match": {"origin": "cdn"}, "count": -1, "action": {"stall": True}}
PARKED = 120
SHOW_REQUESTS = {"flags": ["-d"], "options": ["debug=fuse"]}


@pytest.fixture(scope="module")
def folder(_hub_process):
    """acme/paged: one folder of 1,500 files, so that page 1 does not settle a name; its head."""
    return _hub_process.bulk("acme/paged", 1500, size=20, dirs=1)


@pytest.fixture
def half_listed(mount, hub, folder):
    """A mount of acme/paged where page 1 of d0000 is known and nothing more will come."""
    hub.faults([STALL_CURSORS, STALL_PATHS])
    made = mount("acme/paged@main", options=["poll=never"])
    assert (made / "d0000/f000001.txt").stat().st_size == 20
    return made


def answers(*arguments):
    """Run reader.py to its end, which must come at once."""
    with Reader(*arguments) as reader:
        return reader.outcome(PROMPT)


@pytest.mark.quick
def test_1_1_a_parked_lookup_does_not_block_other_lookups_in_its_folder(half_listed, hub):
    with Reader("stat", half_listed / "d0000/f001400.txt") as parked:
        hub.wait_stalled(1, PROMPT)
        wait_until(lambda: half_listed.connection.waiting >= 1, "the parked LOOKUP", PROMPT)
        assert "bytes" in answers("stat", half_listed / "d0000/f000002.txt")
        assert not parked.has_ended
        hub.clear()
        assert "bytes" in parked.outcome(PROMPT)


@pytest.mark.quick
def test_1_2_cached_reads_answer_while_many_reads_are_parked(mount, hub, sample):
    made = mount("acme/sample")
    cached = (made / "prompts.bin").read_bytes()
    size = (made / "mixed.bin").stat().st_size
    made.drop_pages("prompts.bin")
    rule = hub.faults(STALL_DATA)[0]
    with Reader("crowd", made / "mixed.bin", PARKED, size // PARKED) as crowd:
        wait_until(lambda: made.connection.waiting >= PARKED, "the parked reads", PROMPT)
        assert answers("read", made / "prompts.bin", 0, 1 << 20)["bytes"] == 1 << 20
        assert (made / "prompts.bin").read_bytes() == cached
        assert not crowd.has_ended
    wait_until(lambda: hub.fired(rule) > 0, "the fault", PROMPT)


@pytest.mark.quick
def test_1_2_max_background_is_raised(mount, sample):
    assert mount("acme/sample").connection.max_background >= 4096


@pytest.mark.quick
def test_1_3_a_head_move_is_not_held_up_by_a_parked_lookup(mount, hub):
    hub.bulk("acme/moving", 1500, size=20, dirs=1)
    hub.faults([STALL_CURSORS, STALL_PATHS])
    made = mount("acme/moving", options=["poll=never"])
    os.listdir(made.path)
    with Reader("stat", made / "d0000/f001400.txt") as parked:
        hub.wait_stalled(1, PROMPT)
        hub.put("acme/moving", "new.txt", "new\n")
        made.cli("refresh", made.path, seconds=PROMPT)
        assert answers("stat", made / "new.txt")["bytes"] == 1
        assert not parked.has_ended
    assert hub.fired() > 0


@pytest.mark.quick
def test_1_4_a_commit_that_only_adds_a_name_shows_in_the_listing(mount, hub):
    hub.repo("acme/adding")
    hub.put("acme/adding", "old.txt", "old\n")
    made = mount("acme/adding", options=["poll=never"])
    before = os.listdir(made.path)
    assert os.listdir(made.path) == before  # from the kernel's copy now
    hub.put("acme/adding", "added.txt", "added\n")
    made.cli("refresh", made.path)
    assert sorted(os.listdir(made.path)) == sorted([*before, "added.txt"])


@pytest.mark.quick
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["SIGKILL", "SIGINT"])
@pytest.mark.parametrize("action", [("read", 0, 131072), ("read", 1 << 20, 4096), ("fault", 1 << 20)], ids=["128k", "4k", "mmap"])
def test_1_7_a_killed_reader_is_gone_at_once(mount, hub, sample, action, number):
    made = mount("acme/sample")
    rule = hub.faults(STALL_DATA)[0]
    with Reader(action[0], made / "noise.bin", *action[1:]) as reader:
        hub.wait_stalled(1, PROMPT)
        assert made.connection.waiting >= 1
        assert reader.gone_after(number, PROMPT) == -number
    assert hub.fired(rule) > 0


@pytest.mark.quick
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["SIGKILL", "SIGINT"])
def test_1_7_a_direct_reader_can_be_interrupted(mount, hub, sample, number):
    made = mount("acme/sample")
    rule = hub.faults(STALL_DATA)[0]
    with Reader("direct", made / "mixed.bin", 0, 1 << 20) as reader:
        hub.wait_stalled(1, PROMPT)
        assert made.connection.waiting >= 1
        assert reader.gone_after(number, PROMPT) == -number
    assert hub.fired(rule) > 0


def test_1_7_what_a_killed_direct_reader_waited_for_is_given_up(mount, hub, sample):
    made = mount("acme/sample", options=["timeout=2"])
    rule = hub.faults(STALL_DATA)[0]
    with Reader("direct", made / "mixed.bin", 0, 1 << 20) as reader:
        hub.wait_stalled(1, PROMPT)
        assert reader.gone_after(signal.SIGKILL, PROMPT) == -signal.SIGKILL
    time.sleep(3)  # past the deadline, at which a read that is still waited for complains
    assert hub.fired(rule) > 0
    assert "failed" not in made.log


@pytest.mark.quick
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["SIGKILL", "SIGINT"])
def test_1_7_a_stalled_lookup_can_be_interrupted(half_listed, hub, number):
    with Reader("stat", half_listed / "d0000/f001401.txt") as reader:
        hub.wait_stalled(1, PROMPT)
        wait_until(lambda: half_listed.connection.waiting >= 1, "the parked LOOKUP", PROMPT)
        assert reader.gone_after(number, PROMPT) == -number
    assert hub.fired() > 0


@pytest.mark.quick
def test_1_7_control_c_ends_a_stalled_ls(mount, hub, sample):
    made = mount("acme/sample")
    rule = hub.faults({"match": {"path_regex": "/tree/.*/edges"}, "count": -1, "action": {"stall": True}})[0]
    listing = subprocess.Popen(["ls", "-l", made / "edges"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    hub.wait_stalled(1, PROMPT)
    listing.send_signal(signal.SIGINT)
    listing.communicate(timeout=PROMPT)
    assert listing.returncode == -signal.SIGINT
    assert hub.fired(rule) > 0


def test_1_9_read_ahead_of_the_kernel_is_raised(mount, sample):
    assert mount("acme/sample").connection.read_ahead_kb == 512


def test_1_9_read_ahead_of_the_kernel_stays_at_its_default_with_prefetch_off(mount, sample):
    assert mount("acme/sample", options=["prefetch=off"]).connection.read_ahead_kb == 128


def opcodes(made, name):
    """How often a FUSE request was sent, by the debug output of libfuse."""
    return made.log.count(f"opcode: {name} (")


@pytest.mark.quick
def test_a_warm_cat_sends_no_open_flush_or_release(mount, sample):
    made = mount("acme/sample", **SHOW_REQUESTS)
    for name in ("README.md", "config.json", "notes/first.txt"):
        (made / name).read_bytes()
    os.listdir(made.path)
    before = {name: opcodes(made, name) for name in ("OPEN", "OPENDIR", "FLUSH", "RELEASE", "READ", "LOOKUP", "RELEASEDIR")}
    assert before["OPEN"] == 1 and before["LOOKUP"] > 0 and before["READ"] > 0, "the log shows requests"
    for _ in range(3):
        for name in ("README.md", "config.json", "notes/first.txt"):
            (made / name).read_bytes()
    assert {name: opcodes(made, name) for name in before} == before


@pytest.mark.quick
def test_a_warm_listing_and_a_missing_name_send_no_request(mount, sample):
    made = mount("acme/sample", **SHOW_REQUESTS)

    def look():
        assert not (made / "notes/missing").exists()
        return [sorted(os.listdir(made / name)) for name in ("", "notes", "edges")]

    first = look()
    look()
    before = opcodes(made, "LOOKUP"), opcodes(made, "READDIR") + opcodes(made, "READDIRPLUS")
    assert look() == first
    assert (opcodes(made, "LOOKUP"), opcodes(made, "READDIR") + opcodes(made, "READDIRPLUS")) == before


def test_ls_l_asks_for_attributes_together_with_names(mount, sample):
    made = mount("acme/sample", **SHOW_REQUESTS)
    subprocess.run(["ls", "-l", made / "edges"], check=True, capture_output=True)
    assert opcodes(made, "READDIRPLUS") >= 1
    assert opcodes(made, "LOOKUP") <= 2, "the folder itself, not its files"


def test_extended_attributes_are_refused_once_and_for_all(mount, sample):
    made = mount("acme/sample", **SHOW_REQUESTS)
    for name in ("README.md", "config.json", "notes"):
        with pytest.raises(OSError) as error:
            os.getxattr(made / name, "user.anything")
        assert error.value.errno == 95  # ENOTSUP
    assert opcodes(made, "GETXATTR") == 1


def test_advisory_locks_work(mount, sample):
    made = mount("acme/sample")
    with open(made / "config.json", "rb") as one, open(made / "config.json", "rb") as two:
        fcntl.flock(one, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_one_large_pread_is_answered_whole(mount, sample):
    made = mount("acme/sample")
    size = (made / "mixed.bin").stat().st_size
    fd = os.open(made / "mixed.bin", os.O_RDONLY)
    try:
        assert os.pread(fd, size, 0) == sample.bytes("mixed.bin")
    finally:
        os.close(fd)
