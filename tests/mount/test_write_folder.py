# SPDX-License-Identifier: Apache-2.0
"""What a writable mount promises beyond an ordinary folder: what it keeps to itself, what it refuses,
what it does not download, and that nobody waits for somebody else's flush.

The ordinary part is in test_write_data.py and test_write_names.py.
"""

import contextlib
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import threading

import pytest
import samples
from harness import Failed, run_hugfs, wait_until
from hub.client import OTHER_TOKEN, READ_TOKEN
from local_disk import FrozenDisk, SmallDisk
from local_hub import DATA_KINDS, PLAN_KINDS
from machine import HUGFS, PATIENCE, PROMPT, needs_program, needs_root
from reader import Reader
from refusal import complaint
from writing import COMMIT, Uploads, errno_of, fill, sha256, tree_of

FIRST = {"a.txt": "aaa\n", "d/in.txt": "in\n"}
DOWNLOADS = (*DATA_KINDS, *PLAN_KINDS, "resolve", "xet-bridge")
LITTER = (".a.txt.swp", ".a.txt.swo", "4913", "a.txt~", ".#a.txt", ".DS_Store", "d/.in.txt.swp", "d/in.txt~", ".cache/x/y", ".git/config", ".git/objects/00/1")


def write_all(made, names, text="x\n"):
    for name in names:
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)


class TestLitter:
    @pytest.mark.quick
    def test_litter_stays_here_survives_a_remount_and_is_counted(self, writable):
        made = writable(FIRST)
        before = made.branch.head
        write_all(made, LITTER)
        assert made.settle()["local"] == len(LITTER)
        made.remount()
        assert all((made / name).read_text() == "x\n" for name in LITTER)
        assert made.settle()["local"] == len(LITTER)
        assert made.branch.head == before, "litter made a commit"
        for folder in (".cache", ".git"):
            shutil.rmtree(made / folder)
        for name in LITTER[:8]:
            (made / name).unlink()
        assert made.settle()["local"] == 0 and made.branch.head == before
        assert sorted(tree_of(made.path)) == ["a.txt", "d", "d/in.txt"]

    def test_litter_that_is_renamed_to_a_real_name_is_committed(self, writable):
        made = writable(FIRST)
        (made / ".a.txt.swp").write_text("saved\n")
        os.rename(made / ".a.txt.swp", made / "a.txt")
        made.settle()
        assert made.branch.tree() == {"a.txt": sha256(b"saved\n"), "d/in.txt": sha256(b"in\n")}

    def test_a_new_file_that_becomes_litter_is_not_committed(self, writable):
        made = writable(FIRST, options=["commit=manual"])
        (made / "new.txt").write_text("new\n")
        os.rename(made / "new.txt", made / "new.txt~")
        made.cli("commit", made.path, status=None)
        assert "new.txt" not in made.branch.tree() and "new.txt~" not in made.branch.tree()
        assert (made / "new.txt~").read_text() == "new\n"

    def test_files_that_the_repository_tracks_are_committed_whatever_their_name(self, writable):
        made = writable({**FIRST, "kept~": "old\n", ".cache/tracked": "old\n"})
        write_all(made, ("kept~", ".cache/tracked", ".cache/not"), "new\n")
        assert made.settle()["local"] == 1
        tree = made.branch.tree()
        assert tree["kept~"] == tree[".cache/tracked"] == sha256(b"new\n") and ".cache/not" not in tree

    @pytest.mark.quick
    def test_a_hubignore_is_obeyed_and_committed(self, writable):
        made = writable(FIRST)
        (made / ".hubignore").write_text("# what stays here\n*.tmp\n!keep.tmp\nlogs/\n/only-root\n")
        write_all(made, ("x.tmp", "d/y.tmp", "keep.tmp", "logs/1", "d/logs/2", "only-root", "d/only-root", "plain"))
        assert made.settle()["local"] == 5
        assert sorted(made.branch.tree()) == sorted([*FIRST, ".hubignore", "keep.tmp", "d/only-root", "plain"])
        made.remount()
        assert (made / "d/logs/2").read_text() == "x\n" and made.settle()["local"] == 5

    def test_a_changed_hubignore_lets_go_of_what_it_no_longer_names(self, writable):
        made = writable({**FIRST, ".hubignore": "*.tmp\n"})
        write_all(made, ("x.tmp",))
        assert made.settle()["local"] == 1
        (made / ".hubignore").write_text("*.log\n")
        write_all(made, ("y.log",))
        assert made.settle()["local"] == 1
        assert {"x.tmp"} == set(made.branch.tree()) - set(FIRST) - {".hubignore"}


class TestReadOnly:
    """EROFS at the first call that would write, and a sentence when the mount begins."""

    def refuses(self, made):
        assert (made / "a.txt").read_text() == "aaa\n"
        assert errno_of(lambda: open(made / "a.txt", "r+b")) == "EROFS"
        assert errno_of(lambda: open(made / "new.txt", "xb")) == "EROFS"
        assert errno_of(os.mkdir, made / "new") == "EROFS"
        assert errno_of(os.unlink, made / "a.txt") == "EROFS"
        assert errno_of(os.rename, made / "a.txt", made / "b.txt") == "EROFS"
        assert errno_of(os.truncate, made / "a.txt", 0) == "EROFS"
        assert "read-only" in made.log, "said when it was mounted"

    @pytest.mark.quick
    @pytest.mark.parametrize("kind", ["commit", "tag"])
    def test_a_fixed_revision_is_read_only(self, mount, hub, kind):
        repo = f"acme/fixed-{kind}"
        fill(hub, repo, FIRST)
        head = hub.repo(repo)["head"]
        hub.ref(repo, "refs/tags/v1", head)
        self.refuses(mount(f"{repo}@{head if kind == 'commit' else 'v1'}", options=["rw"], token="hf_test_write_token"))

    @pytest.mark.quick
    @pytest.mark.parametrize("token", [READ_TOKEN, OTHER_TOKEN], ids=["a-token-that-reads", "a-stranger"])
    def test_without_the_right_to_write_it_is_read_only(self, writable, token):
        self.refuses(writable(FIRST, token=token))

    def test_a_hub_without_xet_tokens_is_read_only(self, writable, hub):
        hub.config(xet=False)
        self.refuses(writable(FIRST))

    def test_without_rw_it_is_read_only(self, mount, hub):
        fill(hub, "acme/plain-ro", FIRST)
        assert errno_of(lambda: open(mount("acme/plain-ro", token="hf_test_write_token") / "a.txt", "r+b")) == "EROFS"


class TestOneWriter:
    def second(self, made, status):
        point = made.home.fresh("mnt")
        point.mkdir()
        command = ["mount", "-f", "-o", ",".join(made.options), made.source, point]
        return run_hugfs(command, made.environment, secrets=made.secrets, status=status)

    @pytest.mark.quick
    def test_a_second_mount_of_the_branch_for_writing_is_refused_by_name(self, writable):
        made = writable(FIRST)
        said = self.second(made, 32).text
        assert str(made.process.pid) in said and str(made.path) in said

    def test_the_lock_of_a_killed_mount_is_gone_with_it(self, writable):
        made = writable(FIRST)
        (made / "a.txt").write_text("saved\n")
        made.kill9()
        made.again()
        assert (made / "a.txt").read_text() == "saved\n"

    def test_a_second_mount_for_reading_is_welcome(self, writable, mount):
        made = writable(FIRST)
        assert (mount(made.source, like=made) / "a.txt").read_text() == "aaa\n"


@pytest.fixture
def xet(writable):
    """A mount of a repository with model.bin, 6 MiB in Xet, that commits when it is told to; its bytes."""
    data = samples.mixed(6 << 20, 31)
    made = writable(FIRST, xet={"model.bin": data}, options=["commit=manual"])
    assert made.branch.is_pointer("model.bin")
    os.stat(made / "model.bin")
    return made, bytearray(data)


class TestLargeFiles:
    """Opening a large file for a small edit downloads nothing; its rest is read once, for the commit."""

    def commit(self, made, data):
        made.cli("commit", made.path)
        assert made.branch.tree()["model.bin"] == sha256(bytes(data))
        assert made.branch.downloaded()["model.bin"] == sha256(bytes(data))
        assert (made / "model.bin").read_bytes() == data

    @pytest.mark.quick
    def test_a_small_edit_downloads_nothing_until_it_is_committed(self, xet, wire):
        made, data = xet
        wire.mark()
        with open(made / "model.bin", "r+b", buffering=0) as file:
            file.seek(3 << 20)
            file.write(b"E" * 4096)
            data[3 << 20 : (3 << 20) + 4096] = b"E" * 4096
            assert os.fstat(file.fileno()).st_size == len(data)
            assert os.pread(file.fileno(), 4096, 3 << 20) == b"E" * 4096
        assert wire.count(*DOWNLOADS) == 0
        wire.mark()
        self.commit(made, data)
        wire.mark()
        made.drop_pages("model.bin")
        assert (made / "model.bin").read_bytes() == data
        assert wire.count(*DOWNLOADS) == 0, "one's own commit is in the cache"

    def test_an_edit_inside_a_page_keeps_the_bytes_around_it(self, xet):
        made, data = xet
        with open(made / "model.bin", "r+b", buffering=0) as file:
            for at in (0, 100, 4095, 65535, 1 << 20, len(data) - 1):
                os.pwrite(file.fileno(), b"!", at)
                data[at : at + 1] = b"!"
        assert (made / "model.bin").read_bytes() == data
        self.commit(made, data)

    def test_appending_downloads_nothing(self, xet, wire):
        made, data = xet
        wire.mark()
        with open(made / "model.bin", "ab") as file:
            file.write(b"tail")
        assert wire.count(*DOWNLOADS) == 0
        self.commit(made, data + b"tail")

    def test_truncating_downloads_nothing(self, xet, wire):
        made, data = xet
        wire.mark()
        os.truncate(made / "model.bin", 1_000_001)
        os.truncate(made / "model.bin", 1_500_000)
        assert wire.count(*DOWNLOADS) == 0
        self.commit(made, data[:1_000_001] + bytes(499_999))

    def test_what_is_replaced_is_never_downloaded(self, xet, wire):
        made, _ = xet
        fresh = samples.mixed(5 << 20, 32)
        wire.mark()
        (made / "model.bin").write_bytes(fresh)
        made.cli("commit", made.path)
        assert wire.count(*DOWNLOADS) == 0
        assert made.branch.tree()["model.bin"] == sha256(fresh)

    def test_cp_of_an_unchanged_file_moves_no_bytes(self, xet, wire):
        made, data = xet
        wire.mark()
        source, target = os.open(made / "model.bin", os.O_RDONLY), os.open(made / "copy.bin", os.O_CREAT | os.O_RDWR, 0o644)
        done = 0
        while step := os.copy_file_range(source, target, len(data) - done, done, done):
            done += step
        os.close(source), os.close(target)
        assert done == len(data)
        made.cli("commit", made.path)
        assert wire.count(*DOWNLOADS) == 0 and Uploads(wire).xorb_bytes == 0
        assert made.branch.tree()["copy.bin"] == made.branch.tree()["model.bin"] == sha256(bytes(data))
        assert (made / "copy.bin").read_bytes() == data

    def test_a_map_of_the_old_version_and_stores_into_the_new_agree(self, xet):
        made, data = xet
        with open(made / "model.bin", "r+b", buffering=0) as file:
            assert os.pread(file.fileno(), 8192, 1 << 20) == data[1 << 20 : (1 << 20) + 8192]
            os.pwrite(file.fileno(), b"Z" * 100, (1 << 20) + 50)
            data[(1 << 20) + 50 : (1 << 20) + 150] = b"Z" * 100
            made.drop_pages("model.bin")
            assert os.pread(file.fileno(), 8192, 1 << 20) == data[1 << 20 : (1 << 20) + 8192]
        self.commit(made, data)


class TestDisk:
    @needs_root
    @needs_program("mkfs.ext4", "fsfreeze", "losetup")
    def test_1_11_closes_that_wait_for_the_disk_hold_up_nobody(self, writable):
        with FrozenDisk() as disk:
            # Nothing but the closes may seal: a busy file is sealed after `quiet` without any.
            made = writable(FIRST, options=[f"state_dir={disk.path / 'state'}", "quiet=600", "max_delay=600"])
            handles = [os.open(made / f"w{number:02}", os.O_CREAT | os.O_WRONLY, 0o644) for number in range(32)]
            for handle in handles:
                os.write(handle, b"x" * 10_000)
            disk.freeze()
            closing = [threading.Thread(target=os.close, args=(handle,)) for handle in handles]
            for thread in closing:
                thread.start()
            wait_until(lambda: made.connection.waiting >= len(handles), "closes that wait", PROMPT)
            for action in (("stat", made / "d/in.txt"), ("read", made / "a.txt", 0, 4), ("list", made / "d")):
                with Reader(*action) as reader:
                    assert "bytes" in reader.outcome(PROMPT), action
            assert all(thread.is_alive() for thread in closing)
            disk.thaw()
            for thread in closing:
                thread.join(PROMPT)
            assert not any(thread.is_alive() for thread in closing)
            made.cli("commit", made.path)
            assert sum(path.startswith("w") for path in made.branch.tree()) == len(handles)
            made.umount()

    @needs_root
    def test_a_full_disk_is_said_at_write_and_keeps_what_was_sealed(self, writable):
        with SmallDisk(8 << 10) as disk:
            made = writable(FIRST, options=[f"state_dir={disk.path / 'state'}", "commit=manual"])
            (made / "sealed.txt").write_bytes(b"s" * 1_000_000)
            fd = os.open(made / "large.txt", os.O_CREAT | os.O_WRONLY, 0o644)
            written = 0
            try:
                while written < 16 << 20:
                    written += os.write(fd, b"l" * 65536)
                    os.fsync(fd)
            except OSError as error:
                assert errno_of(self.again, error) == "ENOSPC"
            assert 0 < written < 8 << 20
            assert errno_of(os.close, fd) in (None, "ENOSPC")
            assert (made / "sealed.txt").read_bytes() == b"s" * 1_000_000
            (made / "large.txt").unlink()
            wait_until(lambda: errno_of((made / "after.txt").write_text, "there is room again\n") is None, "room", PROMPT)
            # The journal keeps room for a small file; what was deleted makes room for more a moment later.
            wait_until(lambda: made.cli("commit", made.path, status=None).status == 0, "room for a commit", PROMPT)
            tree = made.branch.tree()
            assert tree["sealed.txt"] == sha256(b"s" * 1_000_000) and tree["after.txt"] == sha256(b"there is room again\n")
            made.umount()

    @needs_root
    def test_a_file_that_a_full_disk_keeps_in_two_parts_holds_up_nobody_else(self, writable, hub):
        with SmallDisk(20 << 10) as disk:
            made = writable(FIRST, options=[f"state_dir={disk.path / 'state'}", "commit=manual"])
            (made / "large.bin").write_bytes(b"1" * 3_000_000)
            hub.faults({"match": COMMIT, "count": 1, "action": {"delay_ms": 20000, "status": 429, "body": "{}"}})
            commit = subprocess.Popen([HUGFS, "commit", made.path], env=made.environment, stderr=subprocess.DEVNULL)
            made.wait_writes(on_their_way=1)
            with open(made / "large.bin", "ab") as file:
                file.write(b"2" * 7_000_000)
            with open(disk.path / "ballast", "wb", buffering=0) as ballast, contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(65536))
            assert commit.wait(PATIENCE) != 0
            hub.clear()
            assert "made whole" in complaint(made, "made whole")
            os.truncate(disk.path / "ballast", (disk.path / "ballast").stat().st_size - 5_800_000)  # for a commit, not for both parts
            wait_until(lambda: errno_of((made / "a.txt").write_text, "mine\n") is None, "room", PROMPT)
            wait_until(lambda: made.cli("commit", made.path, status=None) and made.branch.bytes("a.txt") == b"mine\n", "a commit", PATIENCE)
            assert "large.bin" not in made.branch.tree()
            (disk.path / "ballast").unlink()
            wait_until(lambda: made.cli("commit", made.path, status=None).status == 0, "all to be committed", PATIENCE)
            assert made.branch.tree()["large.bin"] == sha256(b"1" * 3_000_000 + b"2" * 7_000_000)
            made.umount()

    @staticmethod
    def again(error):
        raise error


class TestKept:
    """What was saved and not yet sent survives everything but an explicit discard."""

    @pytest.mark.quick
    def test_unsent_work_survives_an_unmount_and_is_said_there(self, writable):
        made = writable(FIRST, options=["commit=manual"])
        (made / "a.txt").write_text("saved\n")
        made.umount()
        assert re.search(r"\b1 (file|change)s?\b.*next mount", made.log), "the unmount says what is left"
        assert made.branch.tree()["a.txt"] == sha256(b"aaa\n")
        made.again(options=[])
        assert (made / "a.txt").read_text() == "saved\n"
        made.settle()
        assert made.branch.tree()["a.txt"] == sha256(b"saved\n")

    def test_unsent_work_survives_the_loss_of_the_cache(self, writable):
        made = writable(FIRST, options=["commit=manual"])
        (made / "new.txt").write_text("saved\n")
        made.umount()
        shutil.rmtree(made.home.cache)
        made.again(options=[])
        assert (made / "new.txt").read_text() == "saved\n"
        made.settle()
        assert made.branch.tree()["new.txt"] == sha256(b"saved\n")

    def test_unsent_work_is_committed_by_recover_without_a_mount(self, writable):
        made = writable(FIRST, options=["commit=manual"])
        (made / "new.txt").write_text("saved\n")
        made.kill9()
        made.force_away()
        made.cli("recover")
        assert made.branch.tree()["new.txt"] == sha256(b"saved\n")

    def test_staged_bytes_can_be_read_without_us(self, writable):
        made = writable(FIRST, options=["commit=manual"])
        needle = b"bytes that a person must be able to save\n" * 1000
        (made / "new.txt").write_bytes(needle)
        found = [path for path in made.home.state.rglob("*") if path.is_file() and needle in path.read_bytes()]
        assert found, "no staging file holds the bytes as they are"
        assert any("new.txt" in path.read_text(errors="replace") for path in made.home.state.rglob("*.txt"))

    @pytest.mark.parametrize("how", ["never closed", "saved before", "grown afterwards"])
    def test_what_is_deleted_while_it_is_open_leaves_no_staging_file(self, writable, how):
        made = writable(FIRST, options=["commit=manual"])
        fd = os.open(made / "temporary", os.O_CREAT | os.O_RDWR)
        os.write(fd, bytes(10 if how == "grown afterwards" else 100_000))
        if how != "never closed":
            os.fsync(fd)
        (made / "temporary").unlink()
        os.write(fd, bytes(100_000))
        assert os.fstat(fd).st_size >= 100_000
        os.close(fd)
        wait_until(lambda: not list(made.home.state.rglob("*.data")), "its staging file to go")

    @pytest.mark.parametrize("how", ["reader", "open writer"])
    def test_fsync_of_a_descriptor_that_only_reads_makes_the_file_safe(self, writable, how):
        made = writable(FIRST, options=["commit=manual"])
        writer = os.open(made / "log", os.O_CREAT | os.O_WRONLY)
        os.write(writer, b"line\n")
        reader = os.open(made / "log", os.O_RDONLY)
        if how == "reader":
            os.close(writer)
        os.fsync(reader)
        os.close(reader)
        made.kill9()
        made.again()
        assert (made / "log").read_text() == "line\n"

    def test_more_files_than_the_usual_limit_of_open_ones_wait_for_a_commit(self, writable):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        try:
            made = writable(FIRST, options=["commit=manual"])
            for number in range(500):
                (made / f"{number}.txt").write_text(f"{number}\n")
            made.remount()
            assert (made / "499.txt").read_text() == "499\n" and made.writes["waiting"] == 500
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_what_is_small_is_in_the_journals_database(self, writable):
        made = writable(FIRST, options=["commit=manual"])
        (made / "note.txt").write_text("a small file\n")
        made.kill9()
        made.force_away()
        query = "SELECT bytes FROM small JOIN inode ON id=inode WHERE path='note.txt'"
        [database] = made.home.state.rglob("journal.db")
        with contextlib.closing(sqlite3.connect(database)) as db:
            assert db.execute(query).fetchall() == [(b"a small file\n",)]
        assert "FROM small JOIN inode ON id=inode" in (database.parent / "README.txt").read_text()

    def test_discard_brings_the_repositorys_version_back(self, writable):
        made = writable(FIRST, options=["commit=manual"])
        (made / "a.txt").write_text("mistake\n")
        (made / "new.txt").write_text("mistake\n")
        (made / "d/in.txt").unlink()
        made.cli("discard", made / "a.txt", made / "new.txt", made / "d/in.txt")
        assert {name: data for name, data in tree_of(made.path).items() if data is not None} == {"a.txt": b"aaa\n", "d/in.txt": b"in\n"}
        assert made.settle()["waiting"] == 0

    def test_diff_shows_what_is_not_committed(self, writable):
        made = writable(FIRST, options=["commit=manual"])
        (made / "a.txt").write_text("bbb\n")
        said = made.cli("diff", made.path, status=None).out
        assert "a.txt" in said and "d/in.txt" not in said

    @pytest.mark.quick
    def test_info_says_what_is_known_of_what_was_saved_here(self, writable):
        made = writable(FIRST, options=["commit=manual"])
        (made / "new.txt").write_text("new\n")
        (made / "a.txt").write_text("changed\n")
        (made / "folder").mkdir()
        for name, size in (("new.txt", 4), ("a.txt", 8)):
            info = made.cli("info", "--json", made / name).json
            assert (info["path"], info["kind"], info["size"], info["state"]) == (name, "file", size, "waits")
            assert info["oid"] is None and info["sha256"] is None and info["xet_hash"] is None and info["error"] is None
            assert "hugfs commit" in info["doing"] and info["doing"] in made.cli("info", made / name).out
        info = made.cli("info", "--json", made / "folder").json
        assert (info["path"], info["kind"], info["state"]) == ("folder", "directory", "stays here")
        assert made.cli("info", "--json", made / "d/in.txt").json["state"] == "clean"
        made.cli("commit", made.path)
        made.settle()
        for name, size in (("new.txt", 4), ("a.txt", 8)):
            info = made.cli("info", "--json", made / name).json
            assert (info["size"], info["cached_bytes"], info["state"], info["commit"]) == (size, size, "clean", made.branch.head)
            assert info["oid"] == made.branch.git("rev-parse", f"{made.branch.head}:{name}").decode().strip()

    def test_info_says_why_a_file_is_in_conflict(self, writable, hub):
        made = writable(FIRST)
        assert (made / "a.txt").read_text() == "aaa\n"
        hub.put(made.branch.id, "a.txt", "theirs\n")
        (made / "a.txt").write_text("mine\n")
        made.settle(conflicts=1)
        info = made.cli("info", "--json", made / "a.txt").json
        assert info["state"] == "conflict" and "somebody else" in info["error"] and info["size"] == 5

    def test_status_says_what_waits(self, writable):
        made = writable(FIRST, options=["commit=manual"])
        (made / "a.txt").write_text("bbb\n")
        wanted = {"waiting": 1, "on_their_way": 0, "conflicts": 0, "failed": 0, "local": 0}
        assert wanted.items() <= made.writes.items()
        assert "1 file" in made.cli("status", made.path).out
        with pytest.raises(Failed):
            made.settle(seconds=0.5)
