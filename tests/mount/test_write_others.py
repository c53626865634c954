# SPDX-License-Identifier: Apache-2.0
"""Somebody else changes what is open, deleted, moved, given up or in the way here: nobody's work is lost.

What simply collides is in test_write_conflicts.py.
"""

import os
import shutil
import subprocess
import time

import pytest
from harness import wait_until
from machine import HUGFS, PATIENCE
from writing import COMMIT, WritableMount, errno_of, meanwhile, sha256

FIRST = {"a.txt": "aaa\n", "b.txt": "bbb\n", "d/in.txt": "in\n"}


def look_anew(made, name):
    """A LOOKUP of its own: what the kernel knows of a name is good for a second."""
    time.sleep(1.2)
    os.stat(made / name)


@pytest.mark.quick
def test_what_was_given_up_is_the_repositorys_again_and_can_be_saved_anew(writable):
    made = writable(FIRST, options=["commit=manual"])
    (made / "a.txt").write_text("mistake\n")
    look_anew(made, "a.txt")
    made.cli("discard", made / "a.txt")
    assert (made / "a.txt").read_text() == "aaa\n"
    (made / "a.txt").write_text("meant\n")
    made.cli("commit", made.path)
    assert made.branch.bytes("a.txt") == b"meant\n"


def test_what_somebody_else_has_undone_is_undone_here_and_can_be_saved_anew(writable, hub):
    made = writable(FIRST)
    (made / "a.txt").write_text("mine\n")
    made.settle()
    look_anew(made, "a.txt")
    hub.put(made.branch.id, "a.txt", "aaa\n")
    made.cli("refresh", made.path)
    look_anew(made, "a.txt")
    assert (made / "a.txt").read_text() == "aaa\n"
    (made / "a.txt").write_text("mine again\n")
    made.settle()
    assert made.branch.bytes("a.txt") == b"mine again\n" and (made / "a.txt").read_text() == "mine again\n"


class TestOpenForWriting:
    """A file that is open for writing, with nothing unsaved in it, while somebody else changes it."""

    @pytest.mark.quick
    @pytest.mark.parametrize("before", ["never-written", "committed"])
    @pytest.mark.parametrize("theirs", ["changed", "deleted"])
    def test_what_is_written_afterwards_is_a_conflict_and_not_lost(self, writable, hub, before, theirs):
        made = writable(FIRST)
        fd = os.open(made / "a.txt", os.O_RDWR | os.O_APPEND)
        kept = "aaa\n"
        if before == "committed":
            os.write(fd, b"first\n")
            os.fsync(fd)
            made.settle()
            kept += "first\n"
        hub.commit(made.branch.id, [{"delete": "a.txt"} if theirs == "deleted" else {"add": "a.txt", "text": "theirs\n"}])
        made.cli("refresh", made.path)
        os.listdir(made.path)
        look_anew(made, "a.txt")
        os.write(fd, b"later\n")
        os.close(fd)
        made.settle(conflicts=1)
        assert (made / "a.txt").read_text() == kept + "later\n"
        assert theirs == "deleted" or made.branch.bytes("a.txt") == b"theirs\n"

    def test_nor_in_a_folder_that_they_have_deleted(self, writable, hub):
        made = writable(FIRST)
        (made / "new").mkdir()
        (made / "new/log").write_text("one\n")
        made.settle()
        with open(made / "new/log", "a") as log:
            hub.commit(made.branch.id, [{"delete": "new/log"}])
            made.cli("refresh", made.path)
            os.listdir(made.path)
            look_anew(made, "b.txt")
            log.write("two\n")
        made.settle(conflicts=1)
        assert (made / "new/log").read_text() == "one\ntwo\n"

    def test_a_file_that_nothing_was_written_to_shows_theirs_when_it_is_closed(self, writable, hub):
        made = writable(FIRST)
        fd = os.open(made / "a.txt", os.O_RDWR)
        hub.put(made.branch.id, "a.txt", "theirs\n")
        made.cli("refresh", made.path)
        look_anew(made, "a.txt")
        os.close(fd)
        look_anew(made, "a.txt")
        assert (made / "a.txt").read_text() == "theirs\n"
        made.settle()


class TestFoldersThatWereChangedBeforeOthersDid:
    """What was changed in a folder over one commit, and the folder itself over a later one of somebody else."""

    def test_their_version_of_a_deleted_file_does_not_go_with_its_folder(self, writable, hub):
        made = writable(FIRST, options=["commit=manual"])
        (made / "d/in.txt").unlink()
        hub.put(made.branch.id, "d/in.txt", "theirs\n")
        made.cli("refresh", made.path)
        (made / "d").rmdir()
        made.cli("commit", made.path, status=None)
        assert made.branch.bytes("d/in.txt") == b"theirs\n"

    def test_nor_when_it_lies_deeper(self, writable, hub):
        made = writable(FIRST | {"d/s/one.txt": "one\n", "d/s/two.txt": "two\n"}, options=["commit=manual"])
        (made / "d/s/one.txt").unlink()
        hub.put(made.branch.id, "d/s/one.txt", "theirs\n")
        made.cli("refresh", made.path)
        shutil.rmtree(made / "d")
        made.cli("commit", made.path, status=None)
        made.cli("commit", made.path, status=None)
        tree = made.branch.tree()
        assert tree == {"a.txt": sha256(b"aaa\n"), "b.txt": sha256(b"bbb\n"), "d/s/one.txt": sha256(b"theirs\n")}

    def test_their_version_of_an_edited_file_stays_when_its_folder_is_moved(self, writable, hub):
        made = writable(FIRST | {"d/other.txt": "other\n"}, options=["commit=manual"])
        (made / "d/in.txt").write_text("mine\n")
        hub.put(made.branch.id, "d/in.txt", "theirs\n")
        made.cli("refresh", made.path)
        (made / "d").rename(made / "e")
        for _ in range(2):
            made.cli("commit", made.path, status=None)
        tree = made.branch.tree()
        assert tree["d/in.txt"] == sha256(b"theirs\n") and tree["e/in.txt"] == sha256(b"mine\n")
        assert tree["e/other.txt"] == sha256(b"other\n")

    def test_a_folder_is_moved_whole_where_nobody_else_was(self, writable):
        made = writable({"a.txt": "aaa\n", "d/old.txt": "old\n"}, options=["commit=manual"])
        for name in ("d/s/one.txt", "d/t/two.txt", "a.txt"):
            (made / name).parent.mkdir(exist_ok=True)
            (made / name).write_text("new\n")
            made.cli("commit", made.path)
        (made / "d").rename(made / "e")
        made.cli("commit", made.path)
        assert sorted(made.branch.tree()) == ["a.txt", "e/old.txt", "e/s/one.txt", "e/t/two.txt"]

    def test_their_version_of_a_deleted_file_does_not_go_with_a_folder_that_is_renamed_over(self, writable, hub):
        made = writable(FIRST | {"e/in.txt": "e in\n"}, options=["commit=manual"])
        (made / "e/in.txt").unlink()
        hub.put(made.branch.id, "e/in.txt", "theirs\n")
        made.cli("refresh", made.path)
        os.rename(made / "d", made / "e")
        for _ in range(2):
            made.cli("commit", made.path, status=None)
        assert made.branch.bytes("e/in.txt") == b"theirs\n"

    @pytest.mark.parametrize("when", ["refreshed", "meanwhile"])
    def test_what_they_have_put_where_a_folder_was_moved_to_stays(self, writable, hub, when):
        made = writable(FIRST, options=["commit=manual"])
        os.listdir(made.path)
        (made / "d").rename(made / "e")
        if when == "meanwhile":
            meanwhile(hub, "e/in.txt")
        else:
            hub.put(made.branch.id, "e/in.txt", "theirs\n")
            made.cli("refresh", made.path)
        for _ in range(3):
            made.cli("commit", made.path, status=None)
        tree = made.branch.tree()
        assert tree["e/in.txt"] == sha256(b"theirs\n") and tree["d/in.txt"] == sha256(b"in\n"), "ours is still somewhere"

    def test_a_folder_in_which_one_file_collides_is_moved_as_a_whole_or_not_at_all(self, writable, hub):
        made = writable(FIRST | {"d/other.txt": "other\n"}, options=["commit=manual"])
        (made / "d").rename(made / "e")
        hub.put(made.branch.id, "e/in.txt", "theirs\n")
        made.cli("refresh", made.path)
        for _ in range(3):
            made.cli("commit", made.path, status=None)
            tree = made.branch.tree()
            assert tree["e/in.txt"] == sha256(b"theirs\n") and tree["d/in.txt"] == sha256(b"in\n"), "ours is still somewhere"
        assert tree["d/other.txt"] == sha256(b"other\n") and "e/other.txt" not in tree

    def test_saving_again_settles_a_conflict_in_a_folder_that_was_moved(self, writable, hub):
        made = writable(FIRST, options=["commit=manual"])
        (made / "d").rename(made / "e")
        hub.put(made.branch.id, "e/in.txt", "theirs\n")
        made.cli("refresh", made.path)
        for number in range(2):
            (made / "e/in.txt").write_text(f"mine {number}\n")
            if number == 1:
                made.remount()
            made.cli("commit", made.path, status=None)
        made.cli("commit", made.path, status=None)
        tree = made.branch.tree()
        assert tree["e/in.txt"] == sha256(b"mine 1\n") and "d/in.txt" not in tree

    def test_what_they_have_put_into_a_folder_of_the_name_of_a_new_one_stays(self, writable, hub):
        made = writable(FIRST, options=["commit=manual"])
        (made / "new").mkdir()
        folder = os.open(made / "new", os.O_PATH)
        hub.put(made.branch.id, "new/x", "theirs\n")
        made.cli("refresh", made.path)
        fd = os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=folder)
        os.write(fd, b"mine\n")
        os.close(fd)
        os.close(folder)
        made.cli("commit", made.path, status=None)
        assert made.branch.bytes("new/x") == b"theirs\n"

    def test_a_folder_that_was_moved_waits_for_the_file_in_it_that_somebody_writes_to(self, writable):
        made = writable(FIRST | {"d/log": "log\n"}, options=["commit=manual"])
        with open(made / "d/log", "a") as log:
            log.write("more\n")
            log.flush()
            (made / "d").rename(made / "e")
            made.cli("commit", made.path, status=None)
            assert {"d/log", "e/log"} & set(made.branch.tree()), "the branch keeps one of both"
        made.cli("commit", made.path)
        assert made.branch.bytes("e/log") == b"log\nmore\n" and "d/log" not in made.branch.tree()


class TestTheirFileInTheWayOfAFolder:
    """To the Hub a file in a folder takes the place of a file of the folder's name."""

    @pytest.mark.parametrize("when", ["before", "meanwhile", "refreshed"])
    def test_a_new_folder_does_not_take_its_place(self, writable, hub, when):
        made = writable(FIRST)
        os.listdir(made.path)
        if when == "meanwhile":
            meanwhile(hub, "new")
        (made / "new/deep").mkdir(parents=True)
        if when != "meanwhile":
            hub.put(made.branch.id, "new", "theirs\n")
        if when == "refreshed":
            made.cli("refresh", made.path)
        (made / "new/deep/mine.txt").write_text("mine\n")
        made.settle(conflicts=1)
        assert made.branch.tree()["new"] == sha256(b"theirs\n") and (made / "new/deep/mine.txt").read_text() == "mine\n"
        assert "\"new\"" in made.complaints()

    def test_nor_one_in_a_folder_that_nobody_has_listed_since(self, writable, hub):
        made = writable(FIRST, options=["commit=manual"])
        (made / "d/new").mkdir()
        hub.put(made.branch.id, "d/new", "theirs\n")
        made.cli("refresh", made.path)
        (made / "d/new/mine.txt").write_text("mine\n")
        made.cli("commit", made.path, status=None)
        assert made.branch.tree()["d/new"] == sha256(b"theirs\n") and made.writes["conflicts"] == 1

    def test_a_folder_takes_the_place_of_a_file_that_was_deleted_here(self, writable):
        made = writable(FIRST, options=["commit=manual"])
        (made / "a.txt").unlink()
        (made / "a.txt").mkdir()
        (made / "a.txt/in.txt").write_text("in\n")
        made.cli("commit", made.path)
        assert made.branch.tree()["a.txt/in.txt"] == sha256(b"in\n")


class TestTakingTheirs:
    """Whoever renames their version of a conflict wants to keep it."""

    def theirs(self, writable, hub):
        made = writable(FIRST)
        meanwhile(hub, "a.txt")
        (made / "a.txt").write_text("mine\n")
        made.settle(conflicts=1)
        (shown,) = (name for name in os.listdir(made.path) if ".theirs-" in name)
        return made, made / shown

    def test_over_ours_it_settles_the_conflict(self, writable, hub):
        made, shown = self.theirs(writable, hub)
        shown.rename(made / "a.txt")
        made.settle()
        assert (made / "a.txt").read_text() == "theirs\n" and made.branch.bytes("a.txt") == b"theirs\n"
        (made / "a.txt").write_text("and more\n")
        made.settle()
        assert made.branch.bytes("a.txt") == b"and more\n"

    def test_under_another_name_it_is_a_file_like_others(self, writable, hub):
        made, shown = self.theirs(writable, hub)
        shown.rename(made / "kept.txt")
        made.settle(conflicts=1)
        assert made.branch.bytes("kept.txt") == b"theirs\n"


def test_a_file_that_moves_and_changes_is_in_every_commit_of_many(writable):
    made = writable(FIRST, options=["commit=manual"])
    before = made.branch.head
    (made / "a.txt").rename(made / "z.txt")
    with open(made / "z.txt", "a") as file:
        file.write("more\n")
    for number in range(150):
        (made / f"n{number:03}.txt").write_text(f"{number}\n")
    made.cli("commit", made.path)
    for commit in made.branch.ours(before):
        tree = made.branch.tree(commit.oid)
        assert ("a.txt" in tree) != ("z.txt" in tree)
    assert made.branch.bytes("z.txt") == b"aaa\nmore\n" and len(made.branch.tree()) == 153


@pytest.mark.quick
def test_who_writes_to_what_was_given_up_changes_nothing_of_the_repositorys(writable):
    made = writable(FIRST, options=["commit=manual"])
    fd = os.open(made / "a.txt", os.O_RDWR)
    os.write(fd, b"XX")
    os.fsync(fd)
    made.cli("discard", made / "a.txt")
    assert (made / "a.txt").read_bytes() == b"aaa\n"
    os.pwrite(fd, b"YY", 0)
    assert os.pread(fd, 10, 0) == b"YYa\n"
    with open(made / "a.txt", "a") as other:
        os.close(fd)
        assert (made / "a.txt").read_bytes() == b"aaa\n"
        other.write("bbb\n")
    made.cli("commit", made.path)
    assert made.branch.bytes("a.txt") == b"aaa\nbbb\n"


class TestDeletedAroundUnsentWork:
    def test_a_folder_that_others_have_deleted_is_listed_while_it_holds_unsent_work(self, writable, hub):
        made = writable(FIRST, options=["commit=manual"])
        (made / "d/in.txt").write_text("mine\n")
        hub.commit(made.branch.id, [{"delete": "d/in.txt"}])
        made.cli("refresh", made.path)
        assert "d" in os.listdir(made.path) and (made / "d/in.txt").read_text() == "mine\n"
        made.remount()
        assert "d" in os.listdir(made.path) and (made / "d/in.txt").read_text() == "mine\n"

    def test_and_so_is_what_lies_deeper(self, writable, hub):
        made = writable(FIRST | {"p/d/in.txt": "in\n"}, options=["commit=manual"])
        (made / "p/d/in.txt").write_text("mine\n")
        hub.commit(made.branch.id, [{"delete": "p/d/in.txt"}])
        made.cli("refresh", made.path)
        for _ in range(2):
            assert "p" in os.listdir(made.path) and (made / "p/d/in.txt").read_text() == "mine\n"
            made.remount()
        assert os.listdir(made / "p") == ["d"] and os.listdir(made / "p/d") == ["in.txt"]

    def test_but_not_one_in_which_something_was_only_deleted(self, writable, hub):
        made = writable(FIRST | {"d/two.txt": "two\n"}, options=["commit=manual"])
        (made / "d/in.txt").unlink()
        hub.commit(made.branch.id, [{"delete": "d/in.txt"}, {"delete": "d/two.txt"}])
        made.cli("refresh", made.path)
        assert "d" not in os.listdir(made.path)

    def test_and_the_one_above_it_is_not_empty(self, writable, hub):
        made = writable(FIRST | {"p/x": "x\n", "p/d/in.txt": "in\n"}, options=["commit=manual"])
        (made / "p/d/in.txt").write_text("mine\n")
        hub.commit(made.branch.id, [{"delete": "p/d/in.txt"}])
        made.cli("refresh", made.path)
        (made / "p/x").unlink()
        assert errno_of(os.rmdir, made / "p") == "ENOTEMPTY"
        assert (made / "p/d/in.txt").read_text() == "mine\n"


def test_a_message_that_is_said_during_a_commit_is_the_next_ones(writable, hub):
    made = writable(FIRST, options=["commit=manual"])
    before = made.branch.head
    (made / "a.txt").write_text("one\n")
    hub.faults({"match": COMMIT, "count": 1, "action": {"stall": True}})
    first = subprocess.Popen([HUGFS, "commit", "-m", "the first", made.path], env=made.environment)
    hub.wait_stalled()
    (made / "b.txt").write_text("two\n")
    second = subprocess.Popen([HUGFS, "commit", "-m", "the second", made.path], env=made.environment)
    wait_until(lambda: made.writes["waiting"] == 1, "the second file to wait")
    time.sleep(0.5)
    hub.release()
    assert first.wait(PATIENCE) == 0 and second.wait(PATIENCE) == 0
    assert [commit.title for commit in made.branch.ours(before)] == ["the first", "the second"]


def test_a_pull_request_is_not_written_over_another_branch_than_its_own(writable, hub):
    made = writable(FIRST)
    hub.ref(made.branch.id, "refs/heads/dev", made.branch.head)
    with WritableMount(f"{made.source}@dev", hub, options=["pr"]) as other:
        assert errno_of((other / "new.txt").write_text, "new\n") == "EROFS"
        assert "pull request" in other.complaints()
