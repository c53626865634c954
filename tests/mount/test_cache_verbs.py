# SPDX-License-Identifier: Apache-2.0
"""`hugfs prefetch`, `pin`, `unpin` and `hugfs cache`: what is on this machine, by command."""

import resource
import subprocess

import pytest
from machine import HUGFS, PATIENCE, PROMPT, needs_program
from store_files import flip_bytes


def cached(made, name):
    """Bytes of a file that are on this machine, as `hugfs info` says."""
    return made.cli("info", "--json", made / name).json["cached_bytes"]


@pytest.mark.quick
def test_prefetch_brings_a_whole_tree_and_reading_it_then_costs_nothing(mount, sample, wire):
    made = mount(f"acme/sample@{sample.head}")
    done = made.cli("prefetch", made.path)
    assert "\r" not in done.text and "\x1b" not in done.text, "plain lines in a pipe"
    wire.mark()
    for name in sample.files:
        assert (made / name).read_bytes() == sample.bytes(name), name
    assert wire.count() == 0


def test_prefetch_of_one_file_brings_that_file_alone(mount, sample, wire):
    made = mount("acme/sample")
    made.cli("prefetch", made / "noise.bin")
    assert cached(made, "noise.bin") == len(sample.bytes("noise.bin"))
    assert cached(made, "mixed.bin") == 0


@needs_program("script")
def test_prefetch_shows_a_progress_bar_on_a_terminal(mount, sample):
    made = mount("acme/sample")
    command = ["script", "-qec", f"{HUGFS} prefetch {made.path}", "/dev/null"]
    done = subprocess.run(command, env=made.environment | {"TERM": "xterm"}, capture_output=True, timeout=PATIENCE, check=True)
    assert b"\r" in done.stdout and b"%" in done.stdout and b"MiB" in done.stdout


def test_prefetch_that_fails_says_what_and_how_many(mount, hub, sample):
    made = mount("acme/sample", options=["timeout=3"])
    made.cli("info", made / "mixed.bin")
    rule = hub.faults({"match": {"origin": "cdn"}, "count": -1, "action": {"status": 404, "body": "gone"}})[0]
    done = made.cli("prefetch", made / "mixed.bin", status=None)
    assert done.status != 0 and "mixed.bin" in done.err
    assert hub.fired(rule) > 0


def test_an_interrupted_prefetch_ends_and_the_mount_goes_on(mount, hub, sample):
    made = mount("acme/sample")
    hub.faults({"match": {"origin": "cdn"}, "count": -1, "action": {"stall": True}})
    running = subprocess.Popen([HUGFS, "prefetch", made.path], env=made.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    hub.wait_stalled(1, PROMPT)
    running.send_signal(2)
    assert running.wait(PROMPT) != 0
    hub.clear()
    assert (made / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")


@pytest.fixture
def trimmed(mount, sample):
    """A mount where noise.bin was pinned, mixed.bin read, and the cache trimmed to nothing."""
    made = mount("acme/sample")
    made.cli("pin", made / "noise.bin")
    (made / "mixed.bin").read_bytes()
    made.cli("cache", "trim", "0")
    made.drop_pages("mixed.bin")
    return made


@pytest.mark.quick
def test_a_pinned_file_outlives_trimming(trimmed, sample, wire):
    assert cached(trimmed, "noise.bin") == len(sample.bytes("noise.bin"))
    assert (trimmed / "noise.bin").read_bytes() == sample.bytes("noise.bin")
    assert wire.count() == 0
    trimmed.remount()
    assert (trimmed / "noise.bin").read_bytes() == sample.bytes("noise.bin")
    assert wire.xorb_bytes() == 0


def test_a_file_that_is_not_pinned_is_trimmed_and_fetched_again(trimmed, sample, wire):
    assert cached(trimmed, "mixed.bin") == 0
    assert (trimmed / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")
    assert wire.xorb_bytes() > 0


def test_an_unpinned_file_is_trimmed_like_any_other(trimmed, sample, wire):
    trimmed.cli("unpin", trimmed / "noise.bin")
    trimmed.cli("cache", "trim", "0")
    assert cached(trimmed, "noise.bin") == 0
    assert (trimmed / "noise.bin").read_bytes() == sample.bytes("noise.bin")
    assert wire.xorb_bytes() > 0


def test_cache_status_tells_sizes_with_and_without_a_mount(mount, sample):
    made = mount("acme/sample")
    (made / "mixed.bin").read_bytes()
    used = made.cli("cache", "status", "--json").json
    assert used["used"] >= len(sample.bytes("mixed.bin"))
    made.umount()
    assert made.cli("cache", "status", "--json").json["used"] > 0
    assert str(made.home.cache) in made.cli("cache", "status").out


@pytest.mark.parametrize("mounted", [True, False], ids=["mounted", "unmounted"])
def test_cache_verify_reads_everything_back_and_finds_nothing(mount, sample, mounted):
    made = mount("acme/sample")
    (made / "mixed.bin").read_bytes()
    if not mounted:
        made.umount()
    assert made.cli("cache", "verify").out


@pytest.mark.quick
def test_cache_verify_finds_damage_and_the_file_is_right_afterwards(mount, sample):
    made = mount("acme/sample")
    (made / "mixed.bin").read_bytes()
    made.umount()
    flip_bytes(made.home.cache, 40, 11)
    done = made.cli("cache", "verify", status=None)
    assert done.status in (1, 4, 6), done.text
    assert made.cli("cache", "verify").status == 0, "the damage is dropped"
    made.again()
    assert (made / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")


@pytest.mark.quick
@pytest.mark.parametrize("mounted", [True, False], ids=["mounted", "unmounted"])
def test_cache_clear_leaves_nothing_and_the_file_is_fetched_again(mount, sample, wire, mounted):
    made = mount("acme/sample")
    (made / "mixed.bin").read_bytes()
    if not mounted:
        made.umount()
    made.cli("cache", "clear")
    assert made.cli("cache", "status", "--json").json["runs"] == 0
    made.remount() if mounted else made.again()
    wire.mark()
    assert (made / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")
    assert wire.xorb_bytes() > 0


def test_prefetch_of_thousands_of_folders_that_are_known_takes_one_after_the_other(mount, hub):
    """Each one within the one before would need a stack as deep as they are many: this one has 1 MiB."""
    hub.repo("acme/folders")
    hub.commit("acme/folders", [{"add": f"{number:04}/in.txt", "text": "in\n"} for number in range(4000)])
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, hard))
    try:
        made = mount("acme/folders")
    finally:
        resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))
    subprocess.run(["find", made.path], stdout=subprocess.DEVNULL, check=True, timeout=PATIENCE)
    made.cli("prefetch", made.path)
    assert cached(made, "3999/in.txt") == 3
