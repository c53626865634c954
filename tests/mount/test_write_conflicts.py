# SPDX-License-Identifier: Apache-2.0
"""Somebody else commits to the same branch: what does not touch is rebased, what does keeps both versions.

Nobody's commit is overwritten silently, nothing is committed twice, and a conflict stops nobody but itself.
"""

import os
import shutil
import subprocess

import pytest
from harness import wait_until
from machine import HUGFS, PATIENCE
from writing import COMMIT, WritableMount, meanwhile, sha256, tree_of

FIRST = {"a.txt": "aaa\n", "b.txt": "bbb\n", "d/in.txt": "in\n"}
THEIRS = ".hub/revisions/branches/main"  # the Hub's version of everything


@pytest.mark.quick
def test_another_path_is_rebased(writable, hub):
    made = writable(FIRST)
    before, rule = made.branch.head, meanwhile(hub)
    (made / "a.txt").write_text("mine\n")
    made.settle()
    assert hub.fired(rule) == 1
    theirs, ours = made.branch.commits(before)
    assert theirs.changes == {"other.txt": "A"} and ours.changes == {"a.txt": "M"} and ours.parent == theirs.oid
    made.cli("refresh", made.path)
    assert (made / "other.txt").read_text() == "theirs\n" and (made / "a.txt").read_text() == "mine\n"


def test_another_path_again_and_again_is_rebased_in_the_end(writable, hub):
    made = writable(FIRST)
    before = made.branch.head
    rule = hub.faults({"match": COMMIT, "count": 4, "action": {"foreign_commit": True}})[0]
    (made / "a.txt").write_text("mine\n")
    made.settle()
    assert hub.fired(rule) == 4
    assert [commit.changes for commit in made.branch.ours(before)] == [{"a.txt": "M"}]
    assert len(made.branch.commits(before)) == 5


@pytest.mark.quick
def test_the_same_path_is_a_conflict_that_keeps_both(writable, hub):
    made = writable(FIRST)
    rule = meanwhile(hub, "a.txt")
    (made / "a.txt").write_text("mine\n")
    made.settle(conflicts=1)
    assert hub.fired(rule) == 1
    assert made.branch.bytes("a.txt") == b"theirs\n", "theirs is not overwritten"
    assert (made / "a.txt").read_text() == "mine\n", "mine is not lost"
    made.cli("refresh", made.path)
    assert (made / THEIRS / "a.txt").read_text() == "theirs\n"
    said = made.cli("status", made.path).out
    assert "a.txt" in said and "conflict" in said.lower()
    assert "a.txt" in made.log


def test_a_conflict_survives_a_remount_and_a_crash(writable, hub):
    made = writable(FIRST)
    meanwhile(hub, "a.txt")
    (made / "a.txt").write_text("mine\n")
    made.settle(conflicts=1)
    made.remount()
    made.settle(conflicts=1)
    made.kill9()
    made.again()
    made.settle(conflicts=1)
    assert (made / "a.txt").read_text() == "mine\n" and made.branch.bytes("a.txt") == b"theirs\n"


def test_discarding_mine_shows_theirs(writable, hub):
    made = writable(FIRST)
    meanwhile(hub, "a.txt")
    (made / "a.txt").write_text("mine\n")
    made.settle(conflicts=1)
    made.cli("discard", made / "a.txt")
    made.cli("refresh", made.path)
    assert (made / "a.txt").read_text() == "theirs\n"
    made.settle()


@pytest.mark.quick
def test_a_conflict_holds_up_nothing_else(writable, hub):
    made = writable(FIRST, options=["quiet=1"])
    before = made.branch.head
    meanwhile(hub, "a.txt")
    (made / "a.txt").write_text("mine\n")
    (made / "b.txt").write_text("of the same batch\n")
    made.settle(conflicts=1)
    (made / "d/in.txt").write_text("later\n")
    made.settle(conflicts=1)
    tree = made.branch.tree()
    assert tree == {
        "a.txt": sha256(b"theirs\n"), "b.txt": sha256(b"of the same batch\n"), "d/in.txt": sha256(b"later\n"),
    }  # fmt: skip
    assert not any("a.txt" in commit.changes for commit in made.branch.ours(before))


def test_the_same_bytes_from_both_are_no_conflict(writable, hub):
    made = writable(FIRST)
    before, rule = made.branch.head, meanwhile(hub, "a.txt", "the same\n")
    (made / "a.txt").write_text("the same\n")
    made.settle()
    assert hub.fired(rule) == 1 and len(made.branch.commits(before)) == 1


class TestBehindOurBack:
    """The others' commit came before ours was even written, and the mount does not know (poll=never)."""

    def commit(self, made, hub, *ops):
        hub.commit(made.branch.id, list(ops))

    def test_they_deleted_what_was_edited_here(self, writable, hub):
        made = writable(FIRST)
        assert (made / "a.txt").read_text() == "aaa\n"
        self.commit(made, hub, {"delete": "a.txt"})
        (made / "a.txt").write_text("mine\n")
        made.settle(conflicts=1)
        assert "a.txt" not in made.branch.tree() and (made / "a.txt").read_text() == "mine\n"

    def test_they_edited_what_was_deleted_here(self, writable, hub):
        made = writable(FIRST)
        assert (made / "a.txt").read_text() == "aaa\n"
        hub.put(made.branch.id, "a.txt", "theirs\n")
        (made / "a.txt").unlink()
        made.wait_writes(waiting=0, on_their_way=0)
        assert made.branch.bytes("a.txt") == b"theirs\n", "their edit is not deleted unseen"

    def test_both_deleted_it(self, writable, hub):
        made = writable(FIRST)
        assert (made / "a.txt").exists()
        self.commit(made, hub, {"delete": "a.txt"})
        (made / "a.txt").unlink()
        made.settle()
        assert "a.txt" not in made.branch.tree() and not (made / "a.txt").exists()

    def test_both_made_a_file_of_one_name(self, writable, hub):
        made = writable(FIRST)
        assert not (made / "new.txt").exists()
        hub.put(made.branch.id, "new.txt", "theirs\n")
        (made / "new.txt").write_text("mine\n")
        made.settle(conflicts=1)
        assert made.branch.bytes("new.txt") == b"theirs\n" and (made / "new.txt").read_text() == "mine\n"

    def test_they_made_a_folder_where_a_file_was_made_here(self, writable, hub):
        made = writable(FIRST)
        assert not (made / "new").exists()
        hub.put(made.branch.id, "new/file.txt", "theirs\n")
        (made / "new").write_text("mine\n")
        made.settle(conflicts=1)
        assert made.branch.tree()["new/file.txt"] == sha256(b"theirs\n") and (made / "new").read_text() == "mine\n"

    def test_a_branch_that_was_moved_back_is_not_moved_forward_again(self, writable, hub):
        made = writable(FIRST)
        old = made.branch.head
        hub.put(made.branch.id, "dropped.txt", "dropped\n")
        made.cli("refresh", made.path)
        assert (made / "dropped.txt").exists()
        hub.ref(made.branch.id, "refs/heads/main", old)
        (made / "a.txt").write_text("mine\n")
        made.wait_writes(waiting=0, on_their_way=0)
        assert "dropped.txt" not in made.branch.tree()
        assert (made / "a.txt").read_text() == "mine\n"


class TestDeletedFolders:
    """A deletion of a folder takes what was in the folder when it was deleted, and nothing that others put there."""

    def agree(self, made, files):
        made.settle()
        assert made.branch.tree() == {name: sha256(text.encode()) for name, text in files.items()}
        shown = tree_of(made.path)
        assert {name: data.decode() for name, data in shown.items() if data is not None} == files
        assert all(any(name.startswith(f"{folder}/") for name in files) for folder, data in shown.items() if data is None)

    @pytest.mark.quick
    def test_what_others_put_there_behind_our_back_stays(self, writable, hub):
        made = writable(FIRST | {"d/s/one.txt": "one\n", "d/s/two.txt": "two\n", "d/same/in.txt": "same\n"})
        tree_of(made.path)
        hub.commit(made.branch.id, [{"add": name, "text": "theirs\n"} for name in ("d/new.txt", "d/s/two.txt", "d/t/new.txt")])
        shutil.rmtree(made / "d")
        kept = {"d/new.txt": "theirs\n", "d/s/two.txt": "theirs\n", "d/t/new.txt": "theirs\n"}
        self.agree(made, {"a.txt": "aaa\n", "b.txt": "bbb\n"} | kept)
        made.remount()
        self.agree(made, {"a.txt": "aaa\n", "b.txt": "bbb\n"} | kept)

    @pytest.mark.quick
    @pytest.mark.parametrize("when", ["before-it-is-there", "afterwards"])
    def test_what_others_put_into_a_folder_that_was_on_its_way_stays(self, writable, hub, when):
        made = writable(FIRST)
        tree_of(made.path)
        hub.faults({"match": {"path_regex": "/preupload/"}, "action": {"stall": True}})
        (made / "new/sub").mkdir(parents=True)
        (made / "new/mine.txt").write_text("mine\n")
        (made / "new/sub/mine.txt").write_text("mine too\n")
        hub.wait_stalled()
        shutil.rmtree(made / "new")
        rule = meanwhile(hub, "new/theirs.txt", skip=int(when == "afterwards"))
        hub.release()
        self.agree(made, FIRST | {"new/theirs.txt": "theirs\n"})
        assert hub.fired(rule) == 1

    def test_what_they_put_there_before_it_was_made_anew_stays(self, writable, hub):
        made = writable(FIRST | {"d/s/in.txt": "s in\n", "d/same.txt": "same\n"}, options=["commit=manual"])
        tree_of(made.path)
        shutil.rmtree(made / "d")
        (made / "d").mkdir()
        (made / "d/in.txt").write_text("anew\n")
        hub.commit(made.branch.id, [{"add": name, "text": "theirs\n"} for name in ("d/theirs.txt", "d/s/theirs.txt", "d/same.txt")])
        made.cli("refresh", made.path)
        made.cli("commit", made.path, status=None)
        kept = {"d/in.txt": "anew\n", "d/theirs.txt": "theirs\n", "d/s/theirs.txt": "theirs\n", "d/same.txt": "theirs\n"}
        self.agree(made, {"a.txt": "aaa\n", "b.txt": "bbb\n"} | kept)

    def test_one_commit_asked_for_is_all_of_it(self, writable, hub):
        made = writable(FIRST, options=["commit=manual"])
        tree_of(made.path)
        hub.put(made.branch.id, "d/theirs.txt", "theirs\n")
        shutil.rmtree(made / "d")
        made.cli("commit", made.path)
        self.agree(made, {"a.txt": "aaa\n", "b.txt": "bbb\n", "d/theirs.txt": "theirs\n"})

    @pytest.mark.quick
    @pytest.mark.parametrize("when", ["before", "meanwhile", "refreshed"])
    def test_a_file_in_its_place_does_not_go_over_what_others_put_there(self, writable, hub, when):
        made = writable(FIRST | {"d/s/in.txt": "in\n"})
        tree_of(made.path)
        if when == "meanwhile":
            meanwhile(hub, "d/s/theirs.txt")
        else:
            hub.put(made.branch.id, "d/s/theirs.txt", "theirs\n")
        shutil.rmtree(made / "d")
        (made / "d").write_text("mine\n")
        if when == "refreshed":
            made.cli("refresh", made.path)
        made.settle(conflicts=1)
        kept = {"a.txt": "aaa\n", "b.txt": "bbb\n", "d/s/theirs.txt": "theirs\n"}
        assert made.branch.tree() == {name: sha256(text.encode()) for name, text in kept.items()}
        assert (made / "d").read_text() == "mine\n"
        made.cli("discard", made.path / "d")
        self.agree(made, kept)

    def test_what_goes_although_the_file_in_its_place_stays_is_told_to_be_on_its_way(self, writable, hub):
        made = writable(FIRST | {"d/s/in.txt": "in\n"}, options=["commit=manual"])
        tree_of(made.path)
        hub.put(made.branch.id, "d/s/theirs.txt", "theirs\n")
        shutil.rmtree(made / "d")
        (made / "d").write_text("mine\n")
        made.cli("refresh", made.path)
        hub.faults({"match": {"path_regex": "/commit/"}, "action": {"stall": True}})
        commit = subprocess.Popen([HUGFS, "commit", made.path], env=made.environment, stderr=subprocess.DEVNULL)
        hub.wait_stalled()
        writes = made.writes
        hub.release()
        assert commit.wait(timeout=PATIENCE) != 0, "a conflict is left"
        assert (writes["conflicts"], writes["on_their_way"]) == (1, 2)
        assert (made.writes["conflicts"], made.writes["on_their_way"]) == (1, 0)

    def test_a_file_in_the_place_of_more_files_than_a_commit_has(self, writable):
        files = {f"d/{number:03}.txt": f"{number}\n" for number in range(250)}
        made = writable(FIRST | files)
        shutil.rmtree(made / "d")
        (made / "d").write_text("mine\n")
        before = made.branch.head
        self.agree(made, {"a.txt": "aaa\n", "b.txt": "bbb\n", "d": "mine\n"})
        *earlier, last = made.branch.ours(before)
        assert last.changes["d"] == "A" and all("d" not in commit.changes for commit in earlier)

    def test_a_moved_folder_that_others_have_deleted_holds_what_was_put_into_it(self, writable, hub):
        made = writable(FIRST | {"d/two.txt": "two\n"}, options=["commit=manual"])
        tree_of(made.path)
        (made / "d").rename(made / "e")
        (made / "e/in.txt").unlink()
        (made / "e/new.txt").write_text("new\n")
        hub.commit(made.branch.id, [{"delete": "d/in.txt"}, {"delete": "d/two.txt"}])
        made.cli("refresh", made.path)
        made.cli("commit", made.path)
        self.agree(made, {"a.txt": "aaa\n", "b.txt": "bbb\n", "e/new.txt": "new\n"})
        made.remount()
        self.agree(made, {"a.txt": "aaa\n", "b.txt": "bbb\n", "e/new.txt": "new\n"})


class TestTwoMounts:
    """Two mounts of one branch with homes of their own, as on two machines."""

    @pytest.fixture
    def pair(self, writable, hub):
        one = writable(FIRST)
        other = WritableMount(one.source, hub)
        other.branch = one.branch
        other.start()
        yield one, other
        hub.clear()
        other.close()

    @pytest.mark.quick
    def test_different_files_come_together(self, pair):
        one, other = pair
        before = one.branch.head
        (one / "a.txt").write_text("of one\n")
        (other / "b.txt").write_text("of the other\n")
        one.settle()
        other.settle()
        assert one.branch.tree()["a.txt"] == sha256(b"of one\n") and one.branch.tree()["b.txt"] == sha256(b"of the other\n")
        assert len(one.branch.ours(before)) == 2
        for made in pair:
            made.cli("refresh", made.path)
            assert (made / "a.txt").read_text() == "of one\n" and (made / "b.txt").read_text() == "of the other\n"

    def test_one_file_saved_by_both_keeps_both(self, pair):
        one, other = pair
        assert (other / "a.txt").read_text() == "aaa\n"
        (one / "a.txt").write_text("of one\n")
        one.settle()
        (other / "a.txt").write_text("of the other\n")
        other.settle(conflicts=1)
        one.settle()
        assert one.branch.bytes("a.txt") == b"of one\n"
        assert (one / "a.txt").read_text() == "of one\n" and (other / "a.txt").read_text() == "of the other\n"

    def test_many_saves_from_both_lose_nothing(self, pair):
        before = pair[0].branch.head
        for number in range(30):
            for who, made in enumerate(pair):
                (made / f"{who}-{number:02}.txt").write_text(f"{who} {number}\n")
        for made in pair:
            made.settle()
        found = {path: digest for path, digest in pair[0].branch.tree().items() if path not in FIRST}
        assert found == {f"{who}-{number:02}.txt": sha256(f"{who} {number}\n".encode()) for who in (0, 1) for number in range(30)}
        changes = [path for commit in pair[0].branch.ours(before) for path in commit.changes]
        assert len(changes) == len(set(changes)) == 60

    def test_what_one_saves_the_other_sees_without_being_told(self, writable, hub):
        one = writable(FIRST)
        other = WritableMount(one.source, hub, options=["poll=1"])
        with other:
            (one / "a.txt").write_text("news\n")
            one.settle()
            wait_until(lambda: (other / "a.txt").read_text() == "news\n", "the other mount")


def test_what_is_open_while_the_branch_moves_is_never_half_of_each(writable, hub):
    made = writable({"a.txt": "1" * 10_000})
    fd = os.open(made / "a.txt", os.O_RDWR)
    os.pwrite(fd, b"mine", 0)
    hub.put(made.branch.id, "a.txt", "2" * 10_000)
    made.cli("refresh", made.path)
    assert os.pread(fd, 10_000, 0) == b"mine" + b"1" * 9996
    os.close(fd)
    made.settle(conflicts=1)
    assert (made / "a.txt").read_bytes() == b"mine" + b"1" * 9996
