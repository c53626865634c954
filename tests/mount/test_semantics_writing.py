# SPDX-License-Identifier: Apache-2.0
"""hugfs-semantics(7), the heading Writing, as tests: C1 ... in the order of the page, each in its shortest form.

The rest of the page is in test_semantics.py, which compares both files with it; the test_write_*.py
files prove these promises in more depth.
"""

import ctypes
import errno
import itertools
import mmap
import os
import shutil
import subprocess
import threading

import pytest
import samples
from failing_disk import FailingDisk
from harness import run_hugfs, wait_until
from hub.client import OTHER_TOKEN, READ_TOKEN, WRITE_TOKEN
from local_disk import FrozenDisk, SmallDisk
from local_hub import DATA_KINDS, PLAN_KINDS
from machine import needs_program, needs_root
from write_model import File
from writing import ONE_GO, Uploads, errno_of, sha256, tree_of

FIRST = {"a.txt": "aaa\n", "b.txt": "bbb\n", "d/in.txt": "in\n"}
MANUAL = ["commit=manual"]
COMMIT = {"method": "POST", "path_regex": "/commit/"}
THEIRS = ".hub/revisions/branches/main"
CAROL = "hf_carols_write_token"
DOWNLOADS = (*DATA_KINDS, *PLAN_KINDS, "resolve", "xet-bridge")


def seen_by_others(folder):
    """What another process lists."""
    return sorted(subprocess.run(["ls", folder], capture_output=True, text=True, check=True).stdout.split())


def have_carol(hub):
    hub.user("carol", ["acme"], {CAROL: "write"})


def resident(fd, size):
    """Whether an open file is in memory (mincore(2)): its pages, of which the kernel may give up some at any time."""
    found = ctypes.create_string_buffer(-(-size // mmap.PAGESIZE))
    with mmap.mmap(fd, size) as view:
        start = ctypes.addressof(ctypes.c_char.from_buffer(view))
        assert ctypes.CDLL(None).mincore(ctypes.c_void_p(start), ctypes.c_size_t(size), found) == 0
    return sum(byte & 1 for byte in found.raw) > len(found.raw) * 3 // 4


def state_on(disk):
    return [f"state_dir={disk.path / 'state'}", *MANUAL]


@pytest.fixture
def xet(writable):
    """A mount that commits when it is told to, with model.bin, 4 MiB in Xet; and its bytes."""
    data = samples.noise(4 << 20, 81)
    return writable(FIRST, xet={"model.bin": data}, options=MANUAL), data


class TestWriting:
    def test_c1_a_change_is_seen_at_once_here_and_elsewhere_when_it_is_committed(self, writable, mount):
        made = writable(FIRST, options=MANUAL)
        other = mount(made.source, options=["poll=never"])
        with open(made / "a.txt", "w", buffering=1) as writer:
            writer.write("new\n")
            assert (made / "a.txt").read_text() == "new\n", "not even closed"
        os.rename(made / "b.txt", made / "c.txt")
        (made / "made").mkdir()
        (made / "d/in.txt").unlink()
        assert (seen_by_others(made.path), seen_by_others(made / "d")) == (["a.txt", "c.txt", "d", "made"], [])
        other.cli("refresh", other.path)
        assert (other / "a.txt").read_text() == "aaa\n"
        made.cli("commit", made.path)
        other.cli("refresh", other.path)
        assert {name: data for name, data in tree_of(other.path).items() if data} == {"a.txt": b"new\n", "c.txt": b"bbb\n"}

    def test_c2_what_was_closed_survives_a_crash_a_revoked_token_and_the_loss_of_the_cache(self, writable, hub):
        have_carol(hub)
        made = writable(FIRST, options=MANUAL, token=CAROL)
        os.rename(made / "b.txt", made / "c.txt")
        (made / "a.txt").write_text("saved\n")
        hub.revoke(CAROL)
        made.kill9()
        shutil.rmtree(made.home.cache)
        have_carol(hub)
        made.again(options=[])
        assert tree_of(made.path) == {"a.txt": b"saved\n", "c.txt": b"bbb\n", "d": None, "d/in.txt": b"in\n"}
        made.settle()
        assert made.branch.tree() == {"a.txt": sha256(b"saved\n"), "c.txt": sha256(b"bbb\n"), "d/in.txt": sha256(b"in\n")}

    @needs_root
    @needs_program("mkfs.ext4", "losetup")
    def test_c2_what_was_closed_survives_a_power_cut(self, writable):
        data = samples.noise(3_000_000, 82)
        with FrozenDisk() as disk:
            made = writable(FIRST, options=state_on(disk))
            os.rename(made / "b.txt", made / "c.txt")
            (made / "w.bin").write_bytes(data)
            after = FrozenDisk()
            shutil.copyfile(disk.image, after.image)  # what the disk has at this moment, and no page more
            made.kill9()
        with after:
            made.again(options=state_on(after))
            assert (made / "w.bin").read_bytes() == data and (made / "c.txt").read_text() == "bbb\n"
            made.umount()

    def test_c2_with_commit_close_it_is_on_the_hub(self, writable):
        made = writable(FIRST, options=["commit=close"])
        (made / "a.txt").write_text("closed\n")
        assert made.branch.tree()["a.txt"] == sha256(b"closed\n")

    def test_c3_what_is_safe_is_kept_until_recover_commits_it(self, writable):
        made = writable(FIRST, options=MANUAL)
        (made / "a.txt").write_text("saved\n")
        made.umount()
        assert made.branch.tree()["a.txt"] == sha256(b"aaa\n")
        made.cli("recover")
        assert made.branch.tree()["a.txt"] == sha256(b"saved\n")

    def test_c3_discard_alone_drops_it(self, writable):
        made = writable(FIRST, options=MANUAL)
        (made / "a.txt").write_text("mistake\n")
        (made / "new.txt").write_text("kept\n")
        made.remount()
        assert (made / "a.txt").read_text() == "mistake\n"
        made.cli("discard", made / "a.txt")
        assert (made / "a.txt").read_text() == "aaa\n" and (made / "new.txt").read_text() == "kept\n"

    def test_c4_after_a_crash_a_file_has_bytes_of_its_versions_and_names_a_prefix_of_their_changes(self, writable):
        made = writable(FIRST, options=MANUAL)
        fd, model = os.open(made / "w.bin", os.O_CREAT | os.O_RDWR, 0o644), File()
        for number, at in enumerate((0, 300_000, 100_000, 500_000)):
            os.pwrite(fd, bytes([65 + number]) * 200_000, at)
            model.write(at, bytes([65 + number]) * 200_000)
            if number == 1:
                os.fsync(fd)
                model.confirmed()
        for number in range(20):
            (made / f"n{number:02}").mkdir()
        made.kill9()
        assert errno_of(os.close, fd) is not None, "nothing confirms it now"
        made.again()
        assert model.may_be((made / "w.bin").read_bytes())
        found = [name for name in sorted(os.listdir(made.path)) if name.startswith("n")]
        assert found == [f"n{number:02}" for number in range(len(found))]

    def test_c5_a_hundred_files_are_in_one_commit_or_in_none_and_it_is_made_once(self, writable, hub):
        made = writable(FIRST, options=ONE_GO)
        before = made.branch.head
        rules = hub.faults([{"match": COMMIT, "action": {"reset": True}}, {"match": COMMIT, "action": {"reply_lost": True}}])
        for number in range(100):
            (made / f"f{number:03}").write_text(f"{number}\n")
        made.settle()
        assert [hub.fired(rule) for rule in rules] == [1, 1]
        assert [len(commit.changes) for commit in made.branch.commits(before)] == [100]

    def test_c6_a_commit_is_made_when_all_was_quiet(self, writable):
        made = writable(FIRST, options=ONE_GO)
        before = made.branch.head
        for text in ("one\n", "two\n", "three\n"):
            (made / "a.txt").write_text(text)
        made.settle()
        assert [commit.changes for commit in made.branch.commits(before)] == [{"a.txt": "M"}]

    def test_c6_a_commit_is_made_at_max_delay_while_files_are_being_saved(self, writable):
        made = writable(FIRST, options=["quiet=2", "max_delay=2"])
        before, numbers = made.branch.head, itertools.count()

        def save_and_look():
            (made / "a.txt").write_text(f"{next(numbers)}\n")
            return made.branch.head != before

        wait_until(save_and_look, "a commit without a quiet moment")

    def test_c6_a_commit_is_made_when_it_is_asked_for(self, writable):
        made = writable(FIRST, options=["quiet=600", "max_delay=600"])
        (made / "a.txt").write_text("new\n")
        made.cli("commit", made.path)
        assert made.branch.tree()["a.txt"] == sha256(b"new\n")

    def test_c6_saving_the_same_bytes_makes_none(self, writable):
        made = writable(FIRST)
        before = made.branch.head
        (made / "a.txt").write_text("aaa\n")
        made.settle()
        assert made.branch.head == before

    def test_c7_others_commits_stay_and_what_both_changed_is_in_conflict(self, writable, hub):
        made = writable(FIRST, options=ONE_GO)
        rule = hub.faults({"match": COMMIT, "action": {"foreign_commit": {"path": "a.txt", "text": "theirs\n"}}})[0]
        (made / "a.txt").write_text("mine\n")
        (made / "b.txt").write_text("mine too\n")
        made.settle(conflicts=1)
        assert hub.fired(rule) == 1
        assert made.branch.bytes("a.txt") == b"theirs\n" and made.branch.bytes("b.txt") == b"mine too\n"
        made.cli("refresh", made.path)
        assert (made / "a.txt").read_text() == "mine\n" and (made / THEIRS / "a.txt").read_text() == "theirs\n"

    def test_c7_a_folder_is_deleted_without_what_others_have_put_there(self, writable, hub):
        made = writable(FIRST, options=["commit=manual"])
        shutil.rmtree(made / "d")
        hub.put(made.branch.id, "d/theirs.txt", "theirs\n")
        made.cli("commit", made.path)
        assert made.branch.tree().keys() == {"a.txt", "b.txt", "d/theirs.txt"}
        assert (made / "d/theirs.txt").read_text() == "theirs\n"

    def test_c8_what_the_hub_refuses_stays_and_is_said_in_its_words(self, writable, hub):
        made, sentence = writable(FIRST), "A secret was found in a.txt"
        refusal = {"status": 400, "body": {"error": sentence}, "headers": {"X-Error-Message": sentence}}
        rule = hub.faults({"match": COMMIT, "action": refusal})[0]
        (made / "a.txt").write_text("secret\n")
        made.settle(failed=1)
        (made / "b.txt").write_text("harmless\n")
        made.settle(failed=1)
        assert hub.fired(rule) == 1 and made.branch.tree()["b.txt"] == sha256(b"harmless\n")
        assert (made / "a.txt").read_text() == "secret\n" and made.branch.tree()["a.txt"] == sha256(b"aaa\n")
        assert sentence in made.cli("status", made.path).out and sentence in made.log

    def test_c9_changing_a_file_fetches_nothing_and_committing_it_the_rest_once(self, xet, wire):
        made, data = xet
        os.stat(made / "model.bin")
        wire.mark()
        subprocess.run(["cp", made / "model.bin", made / "copy.bin"], check=True)
        with open(made / "model.bin", "ab") as file:
            file.write(b"tail")
        os.truncate(made / "model.bin", len(data) - 1000)
        os.rename(made / "model.bin", made / "renamed.bin")
        assert wire.count(*DOWNLOADS) == 0
        made.cli("commit", made.path)
        assert 0 < wire.xorb_bytes() <= len(data) * 1.02
        assert made.branch.tree() | {"copy.bin": sha256(data), "renamed.bin": sha256(data[:-1000])} == made.branch.tree()

    def test_c10_only_chunks_that_the_hub_does_not_have_are_sent(self, xet, wire):
        made, data = xet
        wire.mark()
        subprocess.run(["cp", made / "model.bin", made / "copy.bin"], check=True)
        os.rename(made / "model.bin", made / "renamed.bin")
        made.cli("commit", made.path)
        assert Uploads(wire).xet_requests == 0 and made.branch.tree()["copy.bin"] == sha256(data)
        with open(made / "copy.bin", "ab") as file:
            file.write(samples.noise(1 << 20, 83))
        made.cli("commit", made.path)
        assert 1 << 20 <= Uploads(wire).xorb_bytes <= (1 << 20) + (256 << 10)

    def test_c11_a_committed_file_keeps_its_inode_its_times_its_handles_and_its_pages(self, writable):
        made, data = writable(FIRST), samples.noise(300_000, 84)
        (made / "w.bin").write_bytes(data)
        with open(made / "w.bin", "r+b", buffering=0) as held:
            assert held.read() == data
            before = os.fstat(held.fileno())
            made.settle()
            after = os.fstat(held.fileno())
            assert resident(held.fileno(), len(data))
            assert (after.st_ino, after.st_mtime_ns, after.st_size) == (before.st_ino, before.st_mtime_ns, len(data))
            assert (made / "w.bin").stat() == after
            assert os.pwrite(held.fileno(), b"more", len(data)) == 4
        made.settle()
        assert made.branch.tree()["w.bin"] == sha256(data + b"more")

    def test_c12_an_open_file_without_a_name_can_be_used_and_is_never_committed(self, writable):
        made = writable(FIRST)
        before = made.branch.head
        with open(made / "a.txt", "r+b", buffering=0) as deleted, open(made / "b.txt", "r+b", buffering=0) as replaced:
            (made / "a.txt").unlink()
            (made / "new.txt").write_text("new\n")
            os.rename(made / "new.txt", made / "b.txt")
            assert [os.pread(file.fileno(), 100, 0) for file in (deleted, replaced)] == [b"aaa\n", b"bbb\n"]
            for file in (deleted, replaced):
                file.write(b"changed")
                os.fsync(file.fileno())
            made.settle()
            assert [os.pread(file.fileno(), 100, 0) for file in (deleted, replaced)] == [b"changed"] * 2
        made.settle()
        trees = [made.branch.tree(commit.oid) for commit in made.branch.commits(before)]
        assert sha256(b"changed") not in {digest for tree in trees for digest in tree.values()}
        assert trees[-1] == {"b.txt": sha256(b"new\n"), "d/in.txt": sha256(b"in\n")}

    def test_c13_a_name_that_is_being_replaced_is_always_whole_here_and_in_every_commit(self, writable):
        made = writable(FIRST)
        before, ended, found = made.branch.head, threading.Event(), set()

        def look():
            while not ended.is_set():
                found.add((made / "a.txt").read_text())

        looker = threading.Thread(target=look)
        looker.start()
        whole = ["aaa\n", *(f"{number}\n" * 5000 for number in range(40))]
        for text in whole[1:]:
            (made / "new").write_text(text)
            os.rename(made / "new", made / "a.txt")
        ended.set()
        looker.join()
        made.settle()
        assert found and found <= set(whole)
        digests = {sha256(text.encode()) for text in whole}
        assert all(made.branch.tree(commit.oid).get("a.txt") in digests for commit in made.branch.commits(before))

    def test_c14_an_empty_folder_is_here_alone_until_it_holds_a_file(self, writable):
        made = writable(FIRST)
        before = made.branch.head
        (made / "new").mkdir()
        made.settle()
        made.remount()
        assert os.listdir(made / "new") == [] and made.branch.head == before
        (made / "new/file").write_text("x\n")
        made.settle()
        assert made.branch.tree()["new/file"] == sha256(b"x\n")

    def test_c15_litter_stays_here_and_what_the_repository_has_is_committed(self, writable):
        made = writable({**FIRST, ".hubignore": "*.tmp\n", "kept.tmp": "old\n"})
        litter = (".a.txt.swp", ".git/config", ".cache/x", "new.tmp")
        for name in (*litter, "kept.tmp"):
            (made / name).parent.mkdir(exist_ok=True)
            (made / name).write_text("x\n")
        assert made.settle()["local"] == len(litter)
        made.remount()
        assert made.settle()["local"] == len(litter) and all((made / name).read_text() == "x\n" for name in litter)
        assert set(made.branch.tree()) == {*FIRST, ".hubignore", "kept.tmp"} and made.branch.tree()["kept.tmp"] == sha256(b"x\n")

    def test_c16_what_a_commit_cannot_say_is_refused(self, writable):
        made = writable(FIRST)
        for call in ((os.symlink, "a.txt", made / "link"), (os.link, made / "a.txt", made / "hard"), (os.chmod, made / "a.txt", 0o755)):
            assert errno_of(*call) == errno.errorcode[errno.ENOTSUP], call
        for name in (b"not-utf8-\xff", b"back\\slash"):
            assert errno_of(os.mkdir, os.fsencode(made.path) + b"/" + name) == "EINVAL"

    @pytest.mark.parametrize("kind", ["commit", "tag", "token"])
    def test_c17_what_cannot_be_written_to_is_read_only_and_said_at_once(self, writable, mount, hub, kind):
        made = writable(FIRST)
        hub.ref(made.source, "refs/tags/v1", made.branch.head)
        revision = {"commit": f"@{made.branch.head}", "tag": "@v1", "token": ""}[kind]
        other = mount(made.source + revision, options=["rw"], token=READ_TOKEN if kind == "token" else WRITE_TOKEN)
        assert "read-only" in other.log
        assert errno_of(lambda: open(other / "a.txt", "r+b")) == "EROFS"

    def test_c17_with_pr_the_right_to_read_is_enough(self, writable):
        made = writable(FIRST, options=["pr"], token=OTHER_TOKEN)
        (made / "a.txt").write_text("proposed\n")
        made.settle()
        assert made.branch.at("refs/pr/1").tree()["a.txt"] == sha256(b"proposed\n")
        assert made.branch.tree()["a.txt"] == sha256(b"aaa\n")

    def test_c18_a_second_writer_is_refused_by_the_name_of_the_first(self, writable):
        made = writable(FIRST)
        point = made.home.fresh("mnt")
        point.mkdir()
        command = ["mount", "-f", "-o", ",".join(made.options), made.source, point]
        said = run_hugfs(command, made.environment, secrets=made.secrets, status=32).text
        assert str(made.process.pid) in said and str(made.path) in said

    @needs_root
    def test_c19_a_full_disk_is_said_when_it_is_written_to_and_keeps_what_was_safe(self, writable):
        with SmallDisk(32 << 10) as disk:
            made = writable(FIRST, options=state_on(disk))
            (made / "safe.bin").write_bytes(b"s" * 1_000_000)
            fd = os.open(made / "large.bin", os.O_CREAT | os.O_WRONLY, 0o644)
            with pytest.raises(OSError) as full:
                for at in range(0, 64 << 20, 65536):
                    os.pwrite(fd, b"l" * 65536, at)
            assert full.value.errno == errno.ENOSPC
            errno_of(os.close, fd)
            assert (made / "safe.bin").read_bytes() == b"s" * 1_000_000
            (made / "large.bin").unlink()
            made.kill9()
            made.again()
            assert (made / "safe.bin").read_bytes() == b"s" * 1_000_000
            made.umount()

    @needs_root
    @needs_program("mkfs.ext4", "losetup")
    def test_c19_bytes_that_the_disk_has_lost_are_never_said_to_be_safe(self, writable):
        with FailingDisk() as disk:
            made = writable(FIRST, options=state_on(disk))
            with open(made / "w.bin", "w+b", buffering=0) as file:
                file.write(b"s" * (1 << 20))
                os.fsync(file.fileno())
                disk.fail()
                file.write(b"l" * (1 << 20))
                assert errno_of(os.fsync, file.fileno()) in ("EIO", "ENOSPC")
                disk.mend()
                assert [errno_of(os.fsync, file.fileno()), errno_of(file.close)] == ["EIO", "EIO"]
            (made / "again.bin").write_bytes(b"a" * (1 << 20))
            made.cli("commit", made.path, status=None)
            assert "w.bin" not in made.branch.tree() and made.branch.tree()["again.bin"] == sha256(b"a" * (1 << 20))
            made.umount()

    def test_c20_without_network_everything_can_be_written_and_is_committed_later(self, writable, hub):
        made = writable(FIRST)
        assert seen_by_others(made.path) == ["a.txt", "b.txt", "d"] and seen_by_others(made / "d") == ["in.txt"]
        hub.stop()
        try:
            with open(made / "a.txt", "a") as file:
                file.write("offline\n")
            (made / "new").mkdir()
            os.rename(made / "d/in.txt", made / "new/in.txt")
            (made / "b.txt").unlink()
            wait_until(lambda: made.writes["waiting"] > 0, "work that waits")
        finally:
            hub.start()
        made.settle()
        assert made.branch.tree() == {"a.txt": sha256(b"aaa\noffline\n"), "new/in.txt": sha256(b"in\n")}
