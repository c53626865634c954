# SPDX-License-Identifier: Apache-2.0
"""kill -9 at every named crash point and at random moments: what was confirmed is there, and committed once.

A crash point is a CRASH_POINT("name") in the source; a build with HUGFS_CRASH_POINTS kills itself there
when HUGFS_CRASH_AT=name (or name:N, the Nth time) says so. Each must fire. The work is saver.py's, whose
manifest tells what close() and fsync() have confirmed.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
import saver
from crash import FIRST, Crash
from harness import wait_until
from hub.client import WRITE_TOKEN
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from machine import BUILD, PATIENCE, ROOT
from samples import noise
from tier import scaled, seeds
from writing import ONE_GO, sha256, tree_of

SOURCES = [path for folder in ("base", "cache", "hub", "xet", "fs") for path in sorted((ROOT / folder).glob("*.c"))]
POINTS = sorted({name for path in SOURCES for name in re.findall(r'\bCRASH_POINT\("([^"]+)"\)', path.read_text())})
HAS_POINTS = (BUILD / "CMakeCache.txt").exists() and "HUGFS_CRASH_POINTS:BOOL=ON" in (BUILD / "CMakeCache.txt").read_text()
COUNT = 40  # things to save
with_points = pytest.mark.skipif(not HAS_POINTS, reason="a build without HUGFS_CRASH_POINTS")


def sync_folder(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)


def at_work(crash, count):
    """Save, until the daemon dies or everything is on the Hub; whether it died."""
    process = crash.saving(count)
    process.communicate(timeout=PATIENCE)
    crash.die_of(crash.made.settle)
    return crash.has_died()


def at_the_end(crash, point):
    """An unmount while work waits, and the mount after it."""
    crash.saving(5).communicate(timeout=PATIENCE)
    crash.die_of(crash.made.umount)
    return crash.has_died() or not crash.start_to_die(point) or crash.has_died()


@contextlib.contextmanager
def unanswered_commit(made, hub):
    """What is changed inside is committed; the mount does not get to know of it, until it is killed."""
    before = made.branch.head
    hub.faults({"match": {"method": "POST", "path_regex": "/commit/"}, "action": {"stall": {"after": 0}}})
    yield
    wait_until(lambda: made.branch.head != before, "the commit")


@contextlib.contextmanager
def unmade_commit(made, hub):
    """What is changed inside is sent, and the mount killed; the Hub has made nothing of it."""
    hub.faults({"match": {"method": "POST", "path_regex": "/commit/"}, "action": {"stall": True}})
    yield
    hub.wait_stalled()
    made.kill9()


def die_and_return(made, hub):
    """kill -9, and a new mount to which the Hub does what it should."""
    made.kill9()
    hub.clear()
    made.again()


def die_and_see_saved(made, hub, crash):
    """The crash point is met; a new mount has saved.txt before it could ask what was committed."""
    assert made.process.wait(PATIENCE) == -signal.SIGKILL
    hub.faults({"match": {"path_regex": "/commits/"}, "action": {"stall": True}})
    crash.revive()
    assert (made / "saved.txt").read_text() == "saved\n"
    hub.clear()
    made.settle()


def batches(made):
    """The commits that the journal of a dead mount tells were on their way."""
    (journal,) = Path(made.environment["HUGFS_STATE_DIR"]).glob("*/journal.db")
    copy = made.home.fresh("journal")
    for suffix in ("", "-wal"):
        shutil.copy(f"{journal}{suffix}", f"{copy}{suffix}")
    with contextlib.closing(sqlite3.connect(copy)) as database:
        return [row[0] for row in database.execute("SELECT id FROM batch")]


def look_again(made, hub):
    """A new mount, when it has looked for the one commit that was on its way in vain; the commit's id."""
    (batch,) = batches(made)
    (looked,) = hub.faults({"match": {"path_regex": "/commits/"}, "action": {"delay_ms": 1}})
    made.again(options=["commit=manual"])
    wait_until(lambda: hub.fired(looked), "the look")
    return batch


@with_points
@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_a_named_point_loses_nothing(writable, point):
    made = writable(FIRST, options=["pr"] if "pull" in point else [])
    crash = Crash(made, 7)
    if "pull" in point:
        crash.branch = made.branch.at("refs/pr/1")  # which is opened when it is first needed
    made.umount()
    if crash.start_to_die(point):
        assert at_work(crash, COUNT) or at_the_end(crash, point), f"{point} was never passed"
    assert made.process.wait(PATIENCE) == -signal.SIGKILL
    crash.revive()
    crash.judge()


@with_points
def test_there_are_crash_points():
    assert len(POINTS) >= 10, POINTS


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(1, 2))
def test_crashes_at_random_moments_lose_nothing(writable, seed):
    made = writable(FIRST, options=["quiet=0.1", "max_delay=0.3"])
    crash, source = Crash(made, seed), random.Random(seed)
    print(f"HUGFS_TEST_SEED={seed}")
    for _ in range(scaled(2, 10, 100)):
        process = crash.saving(10_000)
        time.sleep(source.random() ** 2 * 1.5)
        made.kill9()
        process.communicate(timeout=PATIENCE)
        crash.revive()
        crash.compare()
    crash.judge()


@pytest.mark.quick
def test_what_was_closed_is_there_after_a_crash(writable):
    made = writable(FIRST, options=["commit=manual"])
    (made / "saved.txt").write_text("saved\n")
    (made / "README.md").write_text("# changed\n")
    made.kill9()
    made.again()
    assert (made / "saved.txt").read_text() == "saved\n" and (made / "README.md").read_text() == "# changed\n"
    made.cli("commit", made.path)
    tree = made.branch.tree()
    assert tree["saved.txt"] == sha256(b"saved\n") and tree["README.md"] == sha256(b"# changed\n")


def test_changes_in_a_folder_written_down_before_the_folder_around_it_are_there_after_a_crash(writable):
    made = writable({"outer/inner/old.txt": "old\n"}, options=["commit=manual"])
    (made / "outer/inner/first.txt").write_text("first\n")
    made.kill9()
    made.again()
    (made / "outer/second.txt").write_text("second\n")
    made.kill9()
    made.again()
    assert (made / "outer/inner/first.txt").read_text() == "first\n" and (made / "outer/second.txt").read_text() == "second\n"
    made.cli("commit", made.path)
    assert {"outer/inner/first.txt", "outer/second.txt", "outer/inner/old.txt"} == set(made.branch.tree())


def test_changes_in_a_folder_that_was_moved_are_there_after_a_crash(writable):
    made = writable({"a/inner/old.txt": "old\n", "to/x.txt": "x\n"}, options=["commit=manual"])
    (made / "a/inner/first.txt").write_text("first\n")
    os.rename(made / "a", made / "to/b")
    sync_folder(made / "to")
    made.kill9()
    made.again()
    assert (made / "to/b/inner/first.txt").read_text() == "first\n" and not (made / "a").exists()
    made.cli("commit", made.path)
    assert {"to/b/inner/first.txt", "to/b/inner/old.txt", "to/x.txt"} == set(made.branch.tree())


def test_what_was_put_over_a_file_on_its_way_and_deleted_stays_deleted_after_a_crash(writable, hub):
    made = writable(FIRST)
    with unanswered_commit(made, hub):
        (made / "saved.txt").write_text("saved\n")
    (made / "other.txt").write_text("other\n")
    os.rename(made / "other.txt", made / "saved.txt")
    os.unlink(made / "saved.txt")
    sync_folder(made.path)
    die_and_return(made, hub)
    assert not (made / "saved.txt").exists()
    made.settle()
    assert not (made / "saved.txt").exists() and "saved.txt" not in made.branch.tree()


def test_what_was_deleted_while_on_its_way_stays_deleted_after_two_crashes(writable, hub):
    made = writable(FIRST)
    with unanswered_commit(made, hub):
        (made / "new").mkdir()
        (made / "new/saved.txt").write_text("saved\n")
    os.unlink(made / "new/saved.txt")
    sync_folder(made / "new")
    made.kill9()
    hub.clear()
    made.again(options=["commit=manual"])
    (made / "other.txt").write_text("other\n")
    made.cli("commit", made.path)  # the first one is looked for
    made.kill9()
    made.again(options=[])
    assert not (made / "new/saved.txt").exists()
    made.settle()
    assert made.branch.tree().keys() == FIRST.keys() | {"other.txt"}


def test_a_file_in_a_folders_place_that_is_moved_while_on_its_way_is_moved_after_a_crash(writable, hub):
    made = writable(FIRST)
    with unanswered_commit(made, hub):
        shutil.rmtree(made / "old")
        (made / "old").write_text("in a folder's place\n")
    os.rename(made / "old", made / "moved.txt")
    sync_folder(made.path)
    die_and_return(made, hub)
    assert not (made / "old").exists()
    made.settle()
    assert not (made / "old").exists() and (made / "moved.txt").read_text() == "in a folder's place\n"
    assert "old" not in made.branch.tree() and "moved.txt" in made.branch.tree()


def test_what_is_written_again_and_moved_while_on_its_way_is_moved_after_a_crash(writable, hub):
    made = writable(FIRST)
    with unanswered_commit(made, hub):
        (made / "saved.txt").write_text("saved\n")
    (made / "saved.txt").write_text("saved again\n")
    os.rename(made / "saved.txt", made / "moved.txt")
    sync_folder(made.path)
    die_and_return(made, hub)
    assert not (made / "saved.txt").exists()
    made.settle()
    assert not (made / "saved.txt").exists() and (made / "moved.txt").read_text() == "saved again\n"
    assert made.branch.tree().keys() == FIRST.keys() | {"moved.txt"}


def test_what_is_being_written_again_and_moved_while_on_its_way_is_moved_after_a_crash(writable, hub):
    made = writable(FIRST)
    with unanswered_commit(made, hub):
        (made / "saved.txt").write_text("saved\n")
    with open(made / "saved.txt", "a") as held:
        held.write("and more\n")
        held.flush()
        os.rename(made / "saved.txt", made / "moved.txt")
        sync_folder(made.path)
        made.kill9()
        with contextlib.suppress(OSError):
            held.close()
    hub.clear()
    made.again()
    assert not (made / "saved.txt").exists()
    made.settle()
    assert not (made / "saved.txt").exists() and (made / "moved.txt").read_text().startswith("saved\n")
    assert made.branch.tree().keys() == FIRST.keys() | {"moved.txt"}


def test_a_folder_whose_move_was_committed_is_whole_before_the_mount_knows_of_the_commit(writable, hub):
    made = writable(FIRST, options=ONE_GO)
    before = made.branch.head
    with unanswered_commit(made, hub):
        os.rename(made / "old", made / "moved")
        (made / "moved/three.txt").write_text("three\n")
    made.kill9()
    hub.clear()
    hub.faults({"match": {"path_regex": "/commits/"}, "action": {"stall": True}})
    made.again()
    moved = {"README.md", "moved/one.txt", "moved/two.txt", "moved/three.txt"}
    assert {path for path, data in tree_of(made.path).items() if data is not None} == moved
    hub.clear()
    made.settle()
    assert {path for path, data in tree_of(made.path).items() if data is not None} == moved == made.branch.tree().keys()
    assert len(made.branch.commits(before)) == 1


@pytest.mark.parametrize("name", ["saved.txt", "new/saved.txt", "new"])
def test_what_is_moved_before_the_mount_knows_of_its_commit_is_not_in_two_places(writable, hub, name):
    made = writable(FIRST)
    with unanswered_commit(made, hub):
        (made / "new").mkdir()
        (made / ("new/saved.txt" if name == "new" else name)).write_text("saved\n")
    made.kill9()
    hub.clear()
    hub.faults({"match": {"path_regex": "/commits/"}, "action": {"stall": True}})
    made.again()
    os.rename(made / name, made / "moved")
    hub.clear()
    made.settle()
    moved = "moved/saved.txt" if name == "new" else "moved"
    assert not (made / name).exists() and (made / moved).read_text() == "saved\n"
    assert made.branch.tree().keys() == FIRST.keys() | {moved}


def test_a_commit_that_is_made_after_the_next_mount_has_looked_for_it_is_its_own(writable, hub):
    """The Hub got it from a process that was killed, and is slow: here the official client makes it."""
    made = writable(FIRST, options=ONE_GO)
    before = made.branch.head
    with unmade_commit(made, hub):
        os.rename(made / "old", made / "moved")
        (made / "moved/three.txt").write_text("three\n")
    batch = look_again(made, hub)
    files = {"moved/one.txt": "one\n", "moved/two.txt": "two\n", "moved/three.txt": "three\n"}
    HfApi(endpoint=hub.endpoint, token=WRITE_TOKEN).create_commit(
        made.branch.id,
        [CommitOperationDelete("old/"), *(CommitOperationAdd(name, text.encode()) for name, text in files.items())],
        commit_message="Late",
        commit_description=f"Hugfs-Commit: {batch}",
    )
    made.cli("refresh", made.path)
    assert {path for path, data in tree_of(made.path).items() if data is not None} == files.keys() | {"README.md"}
    made.settle()
    made.kill9()
    made.again()
    assert {path for path, data in tree_of(made.path).items() if data is not None} == files.keys() | {"README.md"}
    assert len(made.branch.commits(before)) == 1


@with_points
@pytest.mark.parametrize("point", ["commit.older_rows_dropped", "commit.landed"])
def test_what_was_committed_at_the_second_attempt_is_there_after_a_crash(writable, hub, point):
    """Of the first, of a process that was killed, nothing is known but that it did not come before the second."""
    made = writable(FIRST)
    crash = Crash(made, 0)
    with unmade_commit(made, hub):
        (made / "saved.txt").write_text("saved\n")
    crash.start_to_die(point)
    die_and_see_saved(made, hub, crash)
    assert len(made.branch.ours(crash.first)) == 1


@with_points
def test_what_is_found_on_the_hub_after_all_is_there_after_a_crash(writable, hub):
    """As above, but the first one's commit comes late: here the official client makes it."""
    made = writable(FIRST)
    crash = Crash(made, 0)
    with unmade_commit(made, hub):
        (made / "saved.txt").write_text("saved\n")
    made.environment["HUGFS_CRASH_AT"] = "commit.landed"
    batch = look_again(made, hub)
    del made.environment["HUGFS_CRASH_AT"]
    HfApi(endpoint=hub.endpoint, token=WRITE_TOKEN).create_commit(
        made.branch.id,
        [CommitOperationAdd("saved.txt", b"saved\n"), CommitOperationAdd("other.txt", b"other\n")],
        commit_message="Late",
        commit_description=f"From elsewhere, after {batch[:8]}",
    )
    crash.die_of(lambda: made.cli("commit", made.path, status=None))
    die_and_see_saved(made, hub, crash)
    assert made.branch.tree().keys() == FIRST.keys() | {"saved.txt", "other.txt"}


def test_what_is_deleted_before_its_commit_comes_late_is_deleted(writable, hub):
    """As above, but by then there is nothing left of it here, and nothing to delete on the Hub yet."""
    made = writable(FIRST)
    with unmade_commit(made, hub):
        (made / "saved.txt").write_text("saved\n")
    batch = look_again(made, hub)
    os.unlink(made / "saved.txt")
    made.cli("commit", made.path)
    HfApi(endpoint=hub.endpoint, token=WRITE_TOKEN).create_commit(
        made.branch.id,
        [CommitOperationAdd("saved.txt", b"saved\n")],
        commit_message="Late",
        commit_description=f"Hugfs-Commit: {batch}",
    )
    made.cli("refresh", made.path)
    assert not (made / "saved.txt").exists()
    made.cli("commit", made.path)
    assert not (made / "saved.txt").exists() and made.branch.tree().keys() == FIRST.keys()


def test_a_commit_that_is_made_after_it_was_given_up_is_ones_own(writable, hub):
    """The Hub got it, answered with nothing but resets, and is slow: here the official client makes it."""
    made = writable(FIRST, options=ONE_GO)
    before = made.branch.head
    commit = {"method": "POST", "path_regex": "/commit/"}
    hub.faults([{"match": commit, "count": 2, "action": {"reset": True}}, {"match": commit, "action": {"stall": True}}])
    os.rename(made / "old", made / "moved")
    (made / "moved/three.txt").write_text("three\n")
    (made / "moved/two.txt").unlink()
    hub.wait_stalled()
    first, _ = batches(made)
    files = {"moved/one.txt": "one\n", "moved/three.txt": "three\n"}
    HfApi(endpoint=hub.endpoint, token=WRITE_TOKEN).create_commit(
        made.branch.id,
        [CommitOperationDelete("old/"), *(CommitOperationAdd(name, text.encode()) for name, text in files.items())],
        commit_message="Late",
        commit_description=f"Hugfs-Commit: {first}",
    )
    hub.clear()
    made.settle()
    assert {path for path, data in tree_of(made.path).items() if data is not None} == files.keys() | {"README.md"}
    assert made.branch.tree().keys() == files.keys() | {"README.md"}
    assert len(made.branch.commits(before)) == 1
    made.remount()
    assert {path for path, data in tree_of(made.path).items() if data is not None} == files.keys() | {"README.md"}


def test_what_is_deleted_before_it_is_known_that_its_commit_was_not_made_waits_no_more(writable, hub):
    made = writable(FIRST)
    hub.faults({"match": {"method": "POST", "path_regex": "/commit/"}, "action": {"stall": True}})
    (made / "new").mkdir()
    (made / "new/saved.txt").write_text("saved\n")
    hub.wait_stalled()
    made.kill9()
    hub.faults({"match": {"path_regex": "/commits/|/refs"}, "action": {"stall": True}})
    made.again()
    os.unlink(made / "new/saved.txt")
    hub.clear()
    made.settle()
    assert os.listdir(made / "new") == [] and made.branch.tree().keys() == FIRST.keys()


def test_folders_that_a_commit_has_emptied_are_there_after_a_crash(writable, hub):
    made = writable(FIRST | {"outer/inner/only.txt": "only\n"})
    with unanswered_commit(made, hub):
        os.unlink(made / "outer/inner/only.txt")
        sync_folder(made / "outer/inner")
    die_and_return(made, hub)
    made.settle()
    assert os.listdir(made / "outer") == ["inner"] and os.listdir(made / "outer/inner") == []
    made.kill9()
    made.again()
    os.rmdir(made / "outer/inner")
    os.rmdir(made / "outer")
    assert made.branch.tree().keys() == FIRST.keys()


def test_a_folder_whose_files_went_before_it_was_moved_is_there_after_a_crash(writable, hub):
    made = writable(FIRST)
    with unanswered_commit(made, hub):
        os.unlink(made / "old/one.txt")
        os.unlink(made / "old/two.txt")
        os.rename(made / "old", made / "moved")
        sync_folder(made.path)
    die_and_return(made, hub)
    made.settle()
    assert tree_of(made.path).keys() == {"README.md", "moved"} and made.branch.tree().keys() == {"README.md"}


@with_points
def test_a_version_saved_over_one_on_its_way_survives_two_crashes(writable, hub):
    made = writable(FIRST)
    crash = Crash(made, 1)
    hub.faults({"match": {"method": "POST", "path_regex": "/preupload/"}, "action": {"stall": True}})
    (made / "saved.txt").write_text("one\n")
    wait_until(lambda: "on its way  saved.txt" in made.cli("status", made.path).out, "the commit to be prepared")
    (made / "saved.txt").write_text("another\n")
    made.kill9()
    hub.clear()
    if crash.start_to_die("commit.landed"):
        wait_until(crash.has_died, "the death of the daemon")
    crash.revive()
    assert (made / "saved.txt").read_text() == "another\n"
    made.settle()
    assert made.branch.tree()["saved.txt"] == sha256(b"another\n")


def test_a_crash_while_a_commit_is_on_its_way_makes_it_once(writable, hub):
    made = writable(FIRST)
    before = made.branch.head
    with unanswered_commit(made, hub):
        (made / "saved.txt").write_text("saved\n")
    die_and_return(made, hub)
    made.settle()
    assert [commit.changes for commit in made.branch.commits(before)] == [{"saved.txt": "A"}]


def test_what_a_commit_of_a_killed_mount_brought_is_read_offline(writable, hub):
    made = writable(FIRST)
    weights = noise(300_000, 5)
    with unanswered_commit(made, hub):
        (made / "saved.txt").write_text("saved\n")
        (made / "weights.bin").write_bytes(weights)
    die_and_return(made, hub)
    made.settle()
    assert {"saved.txt", "weights.bin"} < set(os.listdir(made.path))
    made.remount(options=["offline"])
    assert (made / "saved.txt").read_text() == "saved\n" and (made / "weights.bin").read_bytes() == weights


def test_a_crash_during_recovery_changes_nothing(writable):
    made = writable(FIRST, options=["commit=manual"])
    crash = Crash(made, 3)
    crash.saving(20).communicate()
    for delay in (0.0, 0.02, 0.05, 0.1, 0.2):
        made.kill9()
        made.process = subprocess.Popen(made.command(), env=made.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
    made.kill9()
    made.again(options=[])
    crash.judge()


def test_the_manifest_itself_finds_what_is_lost(tmp_path):
    notes = tmp_path / "manifest"
    (tmp_path / "folder").mkdir()
    saver.Saver(tmp_path / "folder", notes, 1).run(60)
    found = {path: sha256(data) for path, data in tree_of(tmp_path / "folder").items() if data is not None}
    assert saver.Manifest(notes).judge(found) == []
    lost = next(path for path in saver.Manifest(notes).sure if path in found)
    assert saver.Manifest(notes).judge({path: digest for path, digest in found.items() if path != lost})
    assert saver.Manifest(notes).judge(found | {lost: "0" * 64})
    assert saver.Manifest(notes).judge(found | {"stranger": "0" * 64})
    assert Path(notes).read_text().count("\n") > 60
