# SPDX-License-Identifier: Apache-2.0
"""The names of a writable mount: create, rename, unlink, mkdir and rmdir as every folder does them.

One small test for each promise; with HUGFS_TEST_PLAIN they run on the local disk (writing.py), except
those about what the commit API can't say.
"""

import os
import stat
import subprocess

import pytest
from harness import wait_until
from writing import EXCHANGE, NOREPLACE, errno_of, rename2, sha256, tree_of

FIRST = {"a.txt": "aaa\n", "b.txt": "bbb\n", "d/in.txt": "in\n", "d/deep/er.txt": "deeper\n", "e/other.txt": "other\n"}
NOT_OFFERED = ("EOPNOTSUPP", "ENOTSUP")


@pytest.fixture
def made(folder):
    return folder(FIRST)


def tree_after(made):
    """The Hub's tree once everything is committed; the folder must look the same."""
    made.settle()
    found = made.branch.tree()
    assert found == {path: sha256(data) for path, data in tree_of(made.path).items() if data is not None}
    return found


class TestRename:
    @pytest.mark.quick
    def test_a_file_goes_to_another_name(self, made):
        os.rename(made / "a.txt", made / "new.txt")
        assert not (made / "a.txt").exists() and (made / "new.txt").read_text() == "aaa\n"
        tree = tree_after(made)
        assert "a.txt" not in tree and tree["new.txt"] == sha256(b"aaa\n")

    def test_a_file_goes_to_another_folder_and_back(self, made):
        os.rename(made / "a.txt", made / "d/a.txt")
        os.rename(made / "d/a.txt", made / "a.txt")
        before = made.branch.head
        made.settle()
        assert tree_after(made)["a.txt"] == sha256(b"aaa\n")
        assert made.branch.tree(before) == made.branch.tree()

    @pytest.mark.quick
    def test_over_a_file_replaces_it(self, made):
        os.rename(made / "a.txt", made / "b.txt")
        assert (made / "b.txt").read_text() == "aaa\n"
        tree = tree_after(made)
        assert "a.txt" not in tree and tree["b.txt"] == sha256(b"aaa\n")

    def test_over_an_open_file_leaves_its_handle_usable(self, made):
        fd = os.open(made / "b.txt", os.O_RDWR)
        os.rename(made / "a.txt", made / "b.txt")
        assert os.pread(fd, 100, 0) == b"bbb\n"
        os.pwrite(fd, b"XXX", 0)
        assert os.pread(fd, 100, 0) == b"XXX\n"
        os.close(fd)
        assert (made / "b.txt").read_text() == "aaa\n"
        assert tree_after(made)["b.txt"] == sha256(b"aaa\n")

    def test_a_file_that_is_being_written_keeps_its_handle(self, made):
        fd = os.open(made / "new.part", os.O_CREAT | os.O_RDWR, 0o644)
        os.write(fd, b"one ")
        os.rename(made / "new.part", made / "new.txt")
        os.write(fd, b"two")
        os.close(fd)
        assert (made / "new.txt").read_bytes() == b"one two"
        tree = tree_after(made)
        assert tree["new.txt"] == sha256(b"one two") and "new.part" not in tree

    def test_noreplace_refuses_a_name_that_is_taken(self, made):
        assert errno_of(rename2, made / "a.txt", made / "b.txt", NOREPLACE) == "EEXIST"
        rename2(made / "a.txt", made / "c.txt", NOREPLACE)
        assert (made / "b.txt").read_text() == "bbb\n" and (made / "c.txt").read_text() == "aaa\n"

    @pytest.mark.quick
    def test_exchange_swaps_two_files(self, made):
        rename2(made / "a.txt", made / "b.txt", EXCHANGE)
        assert ((made / "a.txt").read_text(), (made / "b.txt").read_text()) == ("bbb\n", "aaa\n")
        tree = tree_after(made)
        assert (tree["a.txt"], tree["b.txt"]) == (sha256(b"bbb\n"), sha256(b"aaa\n"))

    def test_exchange_swaps_a_file_and_a_folder(self, made):
        rename2(made / "a.txt", made / "d", EXCHANGE)
        assert (made / "d").read_text() == "aaa\n" and (made / "a.txt/in.txt").read_text() == "in\n"
        tree = tree_after(made)
        assert tree["d"] == sha256(b"aaa\n") and tree["a.txt/deep/er.txt"] == sha256(b"deeper\n")

    def test_exchange_needs_both(self, made):
        assert errno_of(rename2, made / "a.txt", made / "none", EXCHANGE) == "ENOENT"

    def test_a_folder_takes_everything_along(self, made):
        os.rename(made / "d", made / "moved")
        assert (made / "moved/deep/er.txt").read_text() == "deeper\n"
        assert not (made / "d").exists()
        tree = tree_after(made)
        assert tree["moved/in.txt"] == sha256(b"in\n") and not any(path.startswith("d/") for path in tree)

    def test_a_folder_with_new_and_changed_files_takes_them_along(self, made):
        (made / "d/new.txt").write_text("new\n")
        (made / "d/in.txt").write_text("changed\n")
        (made / "d/deep/er.txt").unlink()
        os.rename(made / "d", made / "e/d2")
        tree = tree_after(made)
        assert {path: tree[path] for path in tree if path.startswith("e/d2/")} == {
            "e/d2/new.txt": sha256(b"new\n"),
            "e/d2/in.txt": sha256(b"changed\n"),
        }
        assert not any(path.startswith("d/") for path in tree)

    def test_a_folder_goes_over_an_empty_one_only(self, made):
        (made / "empty").mkdir()
        assert errno_of(os.rename, made / "d", made / "e") in ("ENOTEMPTY", "EEXIST")
        os.rename(made / "d", made / "empty")
        assert (made / "empty/in.txt").read_text() == "in\n"

    def test_what_posix_forbids(self, made):
        assert errno_of(os.rename, made / "d", made / "d/deep/inside") == "EINVAL"
        assert errno_of(os.rename, made / "a.txt", made / "d") == "EISDIR"
        assert errno_of(os.rename, made / "d", made / "a.txt") == "ENOTDIR"
        assert errno_of(os.rename, made / "none", made / "x") == "ENOENT"
        assert errno_of(os.rename, made / "a.txt", made / "none/x") == "ENOENT"

    def test_onto_itself_changes_nothing(self, made):
        os.rename(made / "a.txt", made / "a.txt")
        assert (made / "a.txt").read_text() == "aaa\n"

    def test_a_chain_of_renames_ends_where_it_ends(self, made):
        for old, new in (("a.txt", "x"), ("b.txt", "a.txt"), ("x", "b.txt"), ("d", "x"), ("e", "d"), ("x", "e")):
            os.rename(made / old, made / new)
        tree = tree_after(made)
        assert tree["a.txt"] == sha256(b"bbb\n") and tree["b.txt"] == sha256(b"aaa\n")
        assert tree["d/other.txt"] == sha256(b"other\n") and tree["e/in.txt"] == sha256(b"in\n")


class TestUnlink:
    @pytest.mark.quick
    def test_a_file_is_gone_here_and_on_the_hub(self, made):
        (made / "a.txt").unlink()
        assert errno_of(os.stat, made / "a.txt") == "ENOENT"
        assert "a.txt" not in os.listdir(made.path)
        assert "a.txt" not in tree_after(made)

    def test_an_open_file_stays_usable_and_is_never_committed(self, made):
        fd = os.open(made / "secret", os.O_CREAT | os.O_RDWR, 0o600)
        os.write(fd, b"before ")
        (made / "secret").unlink()
        os.write(fd, b"after")
        os.fsync(fd)
        assert os.pread(fd, 100, 0) == b"before after"
        before = made.branch.head
        (made / "b.txt").write_text("b\n")
        made.settle()
        assert not any("secret" in commit.changes for commit in made.branch.commits(before))
        os.close(fd)
        made.settle()
        assert not any("secret" in commit.changes for commit in made.branch.commits(before))

    def test_an_open_file_of_the_repository_stays_readable(self, made):
        with open(made / "d/in.txt", "rb") as held:
            (made / "d/in.txt").unlink()
            made.settle()
            assert held.read() == b"in\n"

    def test_a_name_can_be_taken_again_at_once(self, made):
        (made / "a.txt").unlink()
        (made / "a.txt").write_text("again\n")
        assert tree_after(made)["a.txt"] == sha256(b"again\n")

    def test_a_file_and_a_folder_take_each_others_name(self, made):
        (made / "a.txt").unlink()
        (made / "a.txt").mkdir()
        (made / "a.txt/x").write_text("x\n")
        subprocess.run(["rm", "-r", "d"], cwd=made.path, check=True)
        (made / "d").write_text("now a file\n")
        tree = tree_after(made)
        assert tree["a.txt/x"] == sha256(b"x\n") and tree["d"] == sha256(b"now a file\n")

    def test_what_posix_forbids(self, made):
        assert errno_of(os.unlink, made / "d") in ("EISDIR", "EPERM")
        assert errno_of(os.unlink, made / "none") == "ENOENT"
        assert errno_of(os.rmdir, made / "a.txt") == "ENOTDIR"

    def test_rm_r_of_a_folder(self, made):
        subprocess.run(["rm", "-r", "d"], cwd=made.path, check=True)
        assert not (made / "d").exists()
        assert sorted(tree_after(made)) == ["a.txt", "b.txt", "e/other.txt"]


class TestFolders:
    @pytest.mark.quick
    def test_an_empty_folder_exists_here_until_it_holds_a_file(self, made):
        (made / "new/er").mkdir(parents=True)
        assert os.listdir(made / "new") == ["er"] and stat.S_ISDIR((made / "new/er").stat().st_mode)
        made.settle()
        made.remount()
        assert os.listdir(made / "new/er") == []
        (made / "new/er/file.txt").write_text("x\n")
        made.settle()
        assert made.branch.tree()["new/er/file.txt"] == sha256(b"x\n")

    def test_rmdir_wants_an_empty_folder(self, made):
        assert errno_of(os.rmdir, made / "d") == "ENOTEMPTY"
        (made / "e/other.txt").unlink()
        os.rmdir(made / "e")
        assert not (made / "e").exists()

    def test_a_folder_whose_last_file_goes_stays_until_rmdir(self, made):
        (made / "e/other.txt").unlink()
        made.settle()
        assert os.listdir(made / "e") == []
        made.remount()
        assert os.listdir(made / "e") == []

    def test_mkdir_refuses_a_name_that_is_taken(self, made):
        assert errno_of(os.mkdir, made / "d") == "EEXIST"
        assert errno_of(os.mkdir, made / "a.txt") == "EEXIST"
        assert errno_of(os.mkdir, made / "none/x") == "ENOENT"

    def test_a_listing_held_open_goes_on_while_names_change(self, made):
        with os.scandir(made.path) as rows:
            first = next(rows).name
            (made / "zzz.txt").write_text("z\n")
            (made / "a.txt").unlink(missing_ok=True)
            seen = [first, *(row.name for row in rows)]
        assert len(seen) == len(set(seen)) and {"b.txt", "d", "e"} <= set(seen)

    def test_many_files_in_one_folder(self, made):
        (made / "many").mkdir()
        for number in range(300):
            (made / f"many/{number:03}.txt").write_text(f"{number}\n")
        assert len(os.listdir(made / "many")) == 300
        tree = tree_after(made)
        assert sum(path.startswith("many/") for path in tree) == 300


class TestNames:
    def test_names_are_kept_byte_for_byte(self, made):
        names = ["ä b", "e\u0301", "\u00e9", "漢字.txt", "-dash", "a'b\"c", "%41?&#", "a" * 250, "new\nline", "trailing ", "[x]*"]
        for name in names:
            (made / name).write_text(name)
        tree = tree_after(made)
        assert {name: tree[name] for name in names} == {name: sha256(name.encode()) for name in names}
        assert set(names) <= set(os.listdir(made.path))

    def test_a_name_longer_than_255_bytes_is_refused(self, made):
        assert errno_of((made / ("ä" * 128)).touch) == "ENAMETOOLONG"
        assert errno_of(os.mkdir, made / ("x" * 256)) == "ENAMETOOLONG"

    @pytest.mark.parametrize("name", [b"not-utf8-\xff", b"back\\slash"], ids=["not-utf8", "backslash"])
    def test_a_name_that_the_hub_refuses_is_refused_here_at_once(self, writable, name):
        made = writable(FIRST)
        path = os.fsencode(made.path) + b"/" + name
        for action in (lambda: os.close(os.open(path, os.O_CREAT | os.O_WRONLY)), lambda: os.mkdir(path), lambda: os.rename(made / "a.txt", path)):
            assert errno_of(action) in ("EINVAL", "EILSEQ")
        assert (made / "a.txt").read_text() == "aaa\n"

    def test_the_mounts_own_folder_is_taken(self, writable):
        made = writable(FIRST)
        assert errno_of(os.mkdir, made / ".hub") == "EEXIST"
        assert errno_of(os.rename, made / "d", made / ".hub") is not None
        assert errno_of(os.rmdir, made / ".hub") is not None


class TestAttributes:
    def test_times_can_be_set_and_stay(self, made):
        os.utime(made / "a.txt", (1_000_000_000, 1_100_000_000))
        assert (made / "a.txt").stat().st_mtime == 1_100_000_000
        made.settle()
        assert (made / "a.txt").stat().st_mtime == 1_100_000_000

    def test_writing_moves_the_time_forward(self, made):
        os.utime(made / "a.txt", (1_000_000_000, 1_000_000_000))
        (made / "a.txt").write_text("now\n")
        assert (made / "a.txt").stat().st_mtime > 1_700_000_000

    def test_a_committed_file_keeps_its_inode_its_time_and_its_handle(self, made):
        (made / "new.txt").write_text("new\n")
        before = (made / "new.txt").stat()
        with open(made / "new.txt", "rb") as held:
            made.settle()
            after = (made / "new.txt").stat()
            assert (after.st_ino, after.st_mtime_ns, after.st_size) == (before.st_ino, before.st_mtime_ns, before.st_size)
            assert held.read() == b"new\n"

    def test_a_changed_file_keeps_its_inode(self, made):
        before = (made / "a.txt").stat().st_ino
        with open(made / "a.txt", "a") as file:
            file.write("more\n")
        assert (made / "a.txt").stat().st_ino == before
        made.settle()
        assert (made / "a.txt").stat().st_ino == before

    def test_permission_bits_but_x_may_be_set(self, made):
        for mode in (0o600, 0o640, 0o644):
            os.chmod(made / "a.txt", mode)
        os.chmod(made / "d", 0o755)
        made.settle()
        assert made.branch.tree()["a.txt"] == sha256(b"aaa\n")

    @pytest.mark.quick
    def test_what_the_commit_api_cannot_say_is_not_offered(self, writable):
        made = writable(FIRST)
        assert errno_of(os.symlink, "a.txt", made / "link") in NOT_OFFERED
        assert errno_of(os.chmod, made / "a.txt", 0o755) in NOT_OFFERED
        assert errno_of(os.link, made / "a.txt", made / "hard") in (*NOT_OFFERED, "EPERM")
        assert errno_of(os.mkfifo, made / "pipe") in (*NOT_OFFERED, "EPERM")
        assert not any((made / name).exists() for name in ("link", "hard", "pipe"))

    def test_an_executable_file_stays_executable(self, writable, hub):
        """Listings say nothing of modes; a prefetch asks git for them."""
        made = writable(FIRST)
        hub.commit(made.branch.id, [{"add": "run.sh", "text": "#!/bin/sh\necho one\n", "mode": "100755"}])
        made.cli("refresh", made.path)
        made.cli("prefetch", made.path)
        os.chmod(made / "run.sh", 0o755)
        with open(made / "run.sh", "w") as file:
            file.write("#!/bin/sh\necho two\n")
        made.settle()
        assert (made / "run.sh").stat().st_mode & 0o111
        assert subprocess.run([made / "run.sh"], capture_output=True, check=True).stdout == b"two\n"


class TestOthers:
    def test_what_others_commit_shows_beside_what_is_written_here(self, writable, hub):
        made = writable(FIRST, options=["commit=manual"])
        (made / "mine.txt").write_text("mine\n")
        hub.put(made.branch.id, "theirs.txt", "theirs\n")
        made.cli("refresh", made.path)
        wait_until(lambda: (made / "theirs.txt").exists(), "their file")
        assert (made / "theirs.txt").read_text() == "theirs\n" and (made / "mine.txt").read_text() == "mine\n"
        assert {"theirs.txt", "mine.txt"} <= set(os.listdir(made.path))

    def test_what_is_open_for_writing_keeps_its_base_when_the_branch_moves(self, writable, hub):
        made = writable(FIRST)
        fd = os.open(made / "a.txt", os.O_RDWR)
        os.pwrite(fd, b"A", 0)
        hub.put(made.branch.id, "other.txt", "other\n")
        made.cli("refresh", made.path)
        assert os.pread(fd, 100, 0) == b"Aaa\n"
        os.close(fd)
        assert tree_after(made)["a.txt"] == sha256(b"Aaa\n")
