# SPDX-License-Identifier: Apache-2.0
"""A file of a writable mount is a file: what write(2), mmap(2), truncate(2) and their kin do.

One small test for each promise; with HUGFS_TEST_PLAIN they run on the local disk (writing.py). A test
ends with the Hub's tree where what was committed is the point.
"""

import errno
import fcntl
import mmap
import os
import subprocess
import sys

import pytest
import samples
from writing import COLLAPSE_RANGE, KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE, errno_of, fallocate, sha256

DIGITS = "0123456789"
FIRST = {"a.txt": DIGITS, "b.txt": "second\n"}
PAGE = 4096


def opened(path, flags=os.O_RDWR):
    return os.open(path, flags, 0o644)


@pytest.fixture
def made(folder):
    return folder(FIRST)


@pytest.fixture
def fd(made):
    """a.txt, open for reading and writing."""
    number = opened(made / "a.txt")
    yield number
    os.close(number)


class TestOpen:
    @pytest.mark.quick
    def test_a_new_file_is_there_at_once_and_then_on_the_hub(self, made):
        (made / "new.txt").write_text("new\n")
        assert (made / "new.txt").read_text() == "new\n"
        assert "new.txt" in os.listdir(made.path)
        made.settle()
        assert made.branch.tree() == {"a.txt": sha256(b"0123456789"), "b.txt": sha256(b"second\n"), "new.txt": sha256(b"new\n")}

    def test_an_empty_file_is_committed_too(self, made):
        (made / "empty").touch()
        made.settle()
        assert made.branch.tree()["empty"] == sha256(b"")

    def test_o_excl_refuses_a_file_that_is_there(self, made):
        assert errno_of(opened, made / "a.txt", os.O_CREAT | os.O_EXCL | os.O_WRONLY) == "EEXIST"
        os.close(opened(made / "fresh", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        assert errno_of(opened, made / "fresh", os.O_CREAT | os.O_EXCL | os.O_WRONLY) == "EEXIST"

    def test_o_creat_takes_a_file_that_is_there_as_it_is(self, made):
        os.close(opened(made / "a.txt", os.O_CREAT | os.O_RDWR))
        assert (made / "a.txt").read_text() == DIGITS

    def test_o_trunc_empties_the_file(self, made):
        os.close(opened(made / "a.txt", os.O_WRONLY | os.O_TRUNC))
        assert (made / "a.txt").stat().st_size == 0
        made.settle()
        assert made.branch.tree()["a.txt"] == sha256(b"")

    @pytest.mark.quick
    def test_1_5_truncating_at_open_and_then_writing_less_leaves_no_rest(self, made):
        script = ": > a.txt; printf XY > a.txt; cat a.txt"
        assert subprocess.run(["sh", "-c", script], cwd=made.path, capture_output=True, check=True).stdout == b"XY"
        made.settle()
        assert made.branch.tree()["a.txt"] == sha256(b"XY")

    def test_writing_needs_a_handle_for_writing(self, made):
        fd = opened(made / "a.txt", os.O_RDONLY)
        assert errno_of(os.write, fd, b"x") == "EBADF"
        assert errno_of(os.ftruncate, fd, 0) == "EINVAL"
        os.close(fd)

    def test_a_folder_is_not_opened_for_writing(self, made):
        (made / "d").mkdir()
        assert errno_of(opened, made / "d", os.O_WRONLY) == "EISDIR"
        assert errno_of(opened, made / "none/x", os.O_CREAT | os.O_WRONLY) == "ENOENT"
        assert errno_of(opened, made / "a.txt/x", os.O_CREAT | os.O_WRONLY) == "ENOTDIR"


class TestWrite:
    @pytest.mark.quick
    def test_a_write_in_the_middle_keeps_the_rest(self, made, fd):
        assert os.pwrite(fd, b"abc", 4) == 3
        assert os.pread(fd, 100, 0) == b"0123abc789"

    def test_two_handles_see_each_others_writes(self, made, fd):
        other = opened(made / "a.txt")
        os.pwrite(fd, b"one", 0)
        assert os.pread(other, 3, 0) == b"one"
        os.pwrite(other, b"two", 8)
        assert os.pread(fd, 100, 0) == b"one34567two"
        assert os.fstat(fd).st_size == os.fstat(other).st_size == 11
        os.close(other)

    def test_two_appending_handles_never_overwrite_each_other(self, made):
        handles = [opened(made / "a.txt", os.O_WRONLY | os.O_APPEND) for _ in range(2)]
        for number in range(6):
            os.write(handles[number % 2], b"<%d>" % number)
        for handle in handles:
            os.close(handle)
        assert (made / "a.txt").read_bytes() == b"0123456789<0><1><2><3><4><5>"

    def test_two_appending_processes_lose_no_line(self, made):
        script = 'import sys\nfor n in range(200):\n with open("log.txt", "a") as f: f.write(f"{sys.argv[1]} {n}\\n")'
        running = [subprocess.Popen([sys.executable, "-c", script, name], cwd=made.path) for name in ("one", "two")]
        assert [process.wait() for process in running] == [0, 0]
        lines = (made / "log.txt").read_text().splitlines()
        assert sorted(lines) == sorted(f"{name} {n}" for name in ("one", "two") for n in range(200))

    def test_a_write_beyond_the_end_leaves_zeros_between(self, made, fd):
        os.pwrite(fd, b"end", 70_000)
        assert os.fstat(fd).st_size == 70_003
        assert os.pread(fd, 80_000, 0) == DIGITS.encode() + bytes(69_990) + b"end"

    def test_a_large_write_arrives_whole(self, made):
        data = samples.mixed(3_000_001, 5)
        (made / "large.dat").write_bytes(data)
        assert (made / "large.dat").read_bytes() == data
        made.drop_pages("large.dat")
        assert (made / "large.dat").read_bytes() == data
        made.settle()
        assert made.branch.tree()["large.dat"] == sha256(data)
        assert made.branch.downloaded()["large.dat"] == sha256(data)

    def test_writes_of_every_edge_come_back(self, made):
        for size in samples.EDGES:
            data = samples.noise(size, size)
            (made / f"{size}.dat").write_bytes(data)
            made.drop_pages(f"{size}.dat")
            assert (made / f"{size}.dat").read_bytes() == data, size

    def test_what_was_written_is_read_back_after_dropped_pages(self, made, fd):
        os.pwrite(fd, b"Q", 9)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        assert os.pread(fd, 100, 0) == b"012345678Q"

    def test_a_file_that_reached_the_hub_can_be_written_again(self, made):
        for text in ("first\n", "second, longer\n", "3\n"):
            (made / "a.txt").write_text(text)
            made.settle()
            assert made.branch.tree()["a.txt"] == sha256(text.encode())
            assert (made / "a.txt").read_text() == text


class TestTruncate:
    def test_down(self, made):
        os.truncate(made / "a.txt", 4)
        assert (made / "a.txt").read_bytes() == b"0123"
        made.settle()
        assert made.branch.tree()["a.txt"] == sha256(b"0123")

    def test_up_adds_zeros(self, made):
        os.truncate(made / "a.txt", 5000)
        assert (made / "a.txt").read_bytes() == DIGITS.encode() + bytes(4990)

    @pytest.mark.quick
    def test_down_and_up_again_shows_zeros_and_not_the_base(self, made, fd):
        os.ftruncate(fd, 4)
        os.ftruncate(fd, 10)
        assert os.pread(fd, 100, 0) == b"0123" + bytes(6)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        assert os.pread(fd, 100, 0) == b"0123" + bytes(6)
        os.pwrite(fd, b"9", 9)
        assert os.pread(fd, 100, 0) == b"0123" + bytes(5) + b"9"

    def test_down_below_and_writing_above_leaves_zeros_between(self, made, fd):
        os.ftruncate(fd, 2)
        os.pwrite(fd, b"x", 6)
        assert os.pread(fd, 100, 0) == b"01" + bytes(4) + b"x"

    def test_to_nothing_and_back_in_one_handle(self, made, fd):
        os.ftruncate(fd, 0)
        os.write(fd, b"fresh")
        assert os.pread(fd, 100, 0) == b"fresh"

    def test_another_handle_sees_the_new_size(self, made, fd):
        other = opened(made / "a.txt", os.O_RDONLY)
        os.ftruncate(fd, 3)
        assert os.pread(other, 100, 0) == b"012"
        os.close(other)

    def test_a_size_that_no_file_can_have_is_refused(self, made, fd):
        assert errno_of(os.ftruncate, fd, -1) == "EINVAL"


class TestMaps:
    def test_a_store_through_a_shared_map_is_a_write(self, made, fd):
        with mmap.mmap(fd, 10) as view:
            view[3:6] = b"MAP"
            view.flush()
            assert os.pread(fd, 100, 0) == b"012MAP6789"
        made.settle()
        assert (made / "a.txt").read_bytes() == b"012MAP6789"

    def test_a_private_map_changes_nothing(self, made, fd):
        with mmap.mmap(fd, 10, mmap.MAP_PRIVATE) as view:
            view[0:3] = b"xxx"
        assert os.pread(fd, 100, 0) == DIGITS.encode()

    def test_a_map_shows_what_is_written_later(self, made, fd):
        with mmap.mmap(fd, 10, prot=mmap.PROT_READ) as view:
            assert view[:] == DIGITS.encode()
            os.pwrite(fd, b"late", 2)
            assert view[:] == b"01late6789"

    @pytest.mark.quick
    def test_1_10_a_store_after_close_is_not_lost(self, made):
        fd = opened(made / "a.txt")
        view = mmap.mmap(fd, 10)
        os.close(fd)
        made.settle()
        view[0:5] = b"AFTER"
        view.close()  # the unmap: writepage, then RELEASE without another FLUSH
        assert (made / "a.txt").read_bytes() == b"AFTER56789"
        made.settle()
        assert (made / "a.txt").read_bytes() == b"AFTER56789"
        assert made.branch.tree()["a.txt"] == sha256(b"AFTER56789")

    def test_stores_across_a_file_of_many_pages(self, folder):
        data = samples.noise(40 * PAGE + 7, 3)
        made = folder(FIRST)
        (made / "pages.dat").write_bytes(data)
        expected = bytearray(data)
        fd = opened(made / "pages.dat")
        with mmap.mmap(fd, 0) as view:
            for page in range(0, 40, 3):
                view[page * PAGE + 100 : page * PAGE + 103] = expected[page * PAGE + 100 : page * PAGE + 103] = b"abc"
        os.close(fd)
        made.settle()
        assert (made / "pages.dat").read_bytes() == expected
        assert made.branch.tree()["pages.dat"] == sha256(bytes(expected))


class TestHolesAndSpace:
    def test_data_and_holes_cover_the_file_and_holes_are_zeros(self, made):
        fd = opened(made / "sparse", os.O_CREAT | os.O_RDWR)
        os.pwrite(fd, b"x" * PAGE, 1 << 20)
        os.ftruncate(fd, 2 << 20)
        data = os.pread(fd, 2 << 20, 0)
        at, kinds = 0, (os.SEEK_DATA, os.SEEK_HOLE)
        while at < 2 << 20:
            hole = os.lseek(fd, at, os.SEEK_HOLE)
            try:
                start = os.lseek(fd, at, os.SEEK_DATA)
            except OSError as error:
                assert error.errno == errno.ENXIO
                start = 2 << 20
            assert at in (hole, start), kinds
            assert data[at:start] == bytes(start - at), "a hole reads as zeros"
            at = max(hole, start)
        assert os.lseek(fd, 0, os.SEEK_HOLE) <= os.lseek(fd, 1 << 20, os.SEEK_DATA) == 1 << 20
        assert errno_of(os.lseek, fd, 2 << 20, os.SEEK_DATA) == "ENXIO"
        os.close(fd)

    def test_a_file_without_holes_has_its_hole_at_the_end(self, fd):
        assert os.lseek(fd, 0, os.SEEK_HOLE) == 10
        assert os.lseek(fd, 4, os.SEEK_DATA) == 4

    def test_fallocate_makes_a_file_longer(self, made, fd):
        fallocate(fd, 0, 0, 1000)
        assert os.pread(fd, 2000, 0) == DIGITS.encode() + bytes(990)

    def test_fallocate_can_keep_the_size(self, made, fd):
        fallocate(fd, KEEP_SIZE, 0, 1000)
        assert os.pread(fd, 2000, 0) == DIGITS.encode()

    def test_punched_holes_are_zeros(self, made, fd):
        fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 2, 5)
        assert os.pread(fd, 100, 0) == b"01" + bytes(5) + b"789"
        made.settle()
        assert made.branch.tree()["a.txt"] == sha256(b"01" + bytes(5) + b"789")

    def test_zeroed_ranges_are_zeros_and_may_grow_the_file(self, made, fd):
        fallocate(fd, ZERO_RANGE, 8, 5)
        assert os.pread(fd, 100, 0) == b"01234567" + bytes(5)

    def test_other_modes_of_fallocate_are_not_offered(self, made, fd):
        assert errno_of(fallocate, fd, COLLAPSE_RANGE, 0, PAGE) in ("EOPNOTSUPP", "ENOTSUP", "EINVAL")
        assert os.pread(fd, 100, 0) == DIGITS.encode()

    def test_statfs_tells_a_size_and_the_longest_name(self, made):
        told = os.statvfs(made.path)
        assert told.f_namemax == 255 and told.f_bsize > 0 and told.f_blocks > 0 and told.f_bavail > 0


class TestCopies:
    def test_copy_file_range_from_the_repository_into_a_new_file(self, made, fd):
        new = opened(made / "copy", os.O_CREAT | os.O_RDWR)
        assert os.copy_file_range(fd, new, 6, 2, 1) == 6
        assert os.pread(new, 100, 0) == bytes(1) + b"234567"
        os.close(new)

    def test_copy_file_range_brings_nothing_back_where_zeros_are(self, made, fd):
        new = opened(made / "copy", os.O_CREAT | os.O_RDWR)
        assert os.copy_file_range(fd, new, 5, 0, 0) == 5
        os.ftruncate(new, 8)
        assert os.copy_file_range(fd, new, 2, 8, 8) == 2
        assert os.pread(new, 100, 0) == b"01234" + bytes(3) + b"89"
        os.close(new)
        made.settle()
        assert made.branch.tree()["copy"] == sha256(b"01234" + bytes(3) + b"89")

    def test_copy_file_range_ends_with_the_file(self, made, fd):
        new = opened(made / "copy", os.O_CREAT | os.O_RDWR)
        assert os.copy_file_range(fd, new, 100, 4, 0) == 6
        assert os.copy_file_range(fd, new, 100, 10, 0) == 0
        assert os.pread(new, 100, 0) == b"456789"
        os.close(new)

    def test_cp_inside_the_folder(self, made):
        data = samples.noise(300_000, 4)
        (made / "one.dat").write_bytes(data)
        subprocess.run(["cp", "one.dat", "two.dat"], cwd=made.path, check=True)
        subprocess.run(["cp", "--preserve=timestamps", "a.txt", "c.txt"], cwd=made.path, check=True)
        assert (made / "two.dat").read_bytes() == data
        made.settle()
        tree = made.branch.tree()
        assert tree["two.dat"] == sha256(data) and tree["c.txt"] == tree["a.txt"]

    def test_changing_a_copy_leaves_the_original(self, made):
        subprocess.run(["cp", "a.txt", "c.txt"], cwd=made.path, check=True)
        with open(made / "c.txt", "r+b") as copy:
            copy.write(b"XXX")
        assert (made / "a.txt").read_text() == DIGITS
        assert (made / "c.txt").read_bytes() == b"XXX3456789"
        made.settle()
        assert (made / "a.txt").read_text() == DIGITS


class TestLocks:
    def test_flock_excludes_another_handle(self, made, fd):
        other = opened(made / "a.txt")
        fcntl.flock(fd, fcntl.LOCK_EX)
        assert errno_of(fcntl.flock, other, fcntl.LOCK_EX | fcntl.LOCK_NB) == "EAGAIN"
        fcntl.flock(fd, fcntl.LOCK_UN)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(other)

    def test_fcntl_locks_exclude_another_process_by_range(self, made, fd):
        fcntl.lockf(fd, fcntl.LOCK_EX, 5, 0)
        script = (
            "import fcntl, sys\nf = open(sys.argv[1], 'r+b')\nfcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 5)\n"
            "try: fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 0)\nexcept OSError: print('held')"
        )
        done = subprocess.run([sys.executable, "-c", script, made / "a.txt"], capture_output=True, check=True)
        assert done.stdout == b"held\n"
