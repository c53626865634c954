# SPDX-License-Identifier: Apache-2.0
"""Folders: what is listed, what stat says of it, and that size does no harm."""

import os
import stat
import subprocess
import time

import pytest
from machine import PATIENCE, needs_root

MANY = 10_000
HUGE = 100_000


def listed(path):
    """Names as `ls -f` prints them: in the order of readdir, with . and .. left out."""
    return [entry.name for entry in os.scandir(path)]


@pytest.fixture(scope="module")
def many(_hub_process):
    """acme/many: 10,000 files in one folder d0000; its head."""
    return _hub_process.bulk("acme/many", MANY, size=20, dirs=1)


@pytest.mark.quick
def test_the_root_lists_what_the_commit_holds(mount, sample):
    made = mount("acme/sample")
    top = {name.split("/")[0] for name in sample.files} | {".gitattributes"}
    assert sorted(listed(made.path)) == sorted(top)


@pytest.mark.quick
def test_every_folder_lists_its_own_entries(mount, sample):
    made = mount("acme/sample")
    found = {os.path.relpath(os.path.join(top, name), made.path) for top, _, names in os.walk(made.path) for name in names}
    assert found - {".gitattributes"} == set(sample.files)


@pytest.mark.quick
def test_sizes_types_and_links_of_every_entry_are_right(mount, sample):
    made = mount("acme/sample")
    for name in sample.files:
        got = os.lstat(made / name)
        assert stat.S_ISREG(got.st_mode) and got.st_nlink == 1, name
        assert got.st_size == len(sample.bytes(name)), name
        assert got.st_blocks == -(-got.st_size // 512), name
        assert got.st_blksize == 128 * 1024, name
    for folder in ("", "notes", "notes/deep", "edges"):
        assert stat.S_ISDIR(os.lstat(made / folder).st_mode)


@pytest.mark.quick
def test_modes_and_owner_are_those_of_a_read_only_mount(mount, sample):
    made = mount("acme/sample")
    for name, mode in (("", 0o555), ("notes", 0o555), ("README.md", 0o444), ("model.safetensors", 0o444)):
        got = os.stat(made / name)
        assert stat.S_IMODE(got.st_mode) == mode, name
        assert (got.st_uid, got.st_gid) == (os.getuid(), os.getgid()), name
    assert {"ro", "nosuid", "nodev"} <= set(made.entry.options)


@needs_root
def test_uid_gid_and_umask_options_are_kept(mount, sample):
    made = mount("acme/sample", options=["uid=1234", "gid=4321", "umask=037", "allow_other"])
    for name, mode in (("", 0o540), ("notes", 0o540), ("README.md", 0o440)):
        got = os.stat(made / name)
        assert stat.S_IMODE(got.st_mode) == mode, name
        assert (got.st_uid, got.st_gid) == (1234, 4321), name


@pytest.mark.quick
def test_times_are_the_commits_and_do_not_change(mount, hub, sample):
    when = 1_500_000_000
    hub.repo("acme/dated")
    hub.commit("acme/dated", [{"add": "old.txt", "text": "old\n"}], date=when)
    made = mount("acme/dated")
    assert int((made / "old.txt").stat().st_mtime) == when
    made.remount()
    assert int((made / "old.txt").stat().st_mtime) == when
    recent = (mount("acme/sample") / "README.md").stat().st_mtime
    assert 0 <= time.time() - recent < 86400


@pytest.mark.quick
def test_inode_numbers_are_unique_and_the_same_in_readdir_and_stat(mount, sample):
    made = mount("acme/sample")
    entries = {entry.name: entry.inode() for entry in os.scandir(made.path)}
    assert len(set(entries.values())) == len(entries)
    for name, inode in entries.items():
        assert os.lstat(made / name).st_ino == inode, name


@pytest.mark.quick
def test_a_missing_name_is_missing_in_every_place(mount, sample):
    made = mount("acme/sample")
    for name in ("nothing", "notes/nothing", "nothing/below", "edges/nothing.txt"):
        with pytest.raises(FileNotFoundError):
            os.stat(made / name)
    with pytest.raises(NotADirectoryError):
        os.stat(made / "README.md/below")
    with pytest.raises(NotADirectoryError):
        os.listdir(made / "README.md")


@pytest.mark.quick
def test_nothing_can_be_changed(mount, sample):
    made = mount("acme/sample")
    for attempt in (
        lambda: (made / "new").write_text("x"),
        lambda: open(made / "README.md", "r+b"),
        lambda: os.mkdir(made / "folder"),
        lambda: os.unlink(made / "README.md"),
        lambda: os.rename(made / "README.md", made / "other"),
        lambda: os.chmod(made / "README.md", 0o777),
        lambda: os.utime(made / "README.md"),
        lambda: os.symlink("a", made / "link"),
        lambda: os.truncate(made / "README.md", 0),
    ):
        with pytest.raises(OSError) as error:
            attempt()
        assert error.value.errno == 30  # EROFS


def test_a_folder_of_ten_thousand_files_is_listed_whole_and_once_each(mount, many):
    made = mount("acme/many")
    names = listed(made / "d0000")
    assert sorted(names) == [f"f{number:06d}.txt" for number in range(MANY)]
    assert listed(made / "d0000") == names, "a second listing comes in the same order"


def test_a_name_of_a_large_folder_is_found_without_listing_the_folder(mount, many, wire):
    made = mount("acme/many")
    wire.mark()
    assert (made / f"d0000/f{MANY - 1:06d}.txt").stat().st_size == 20
    assert wire.count("paths-info") == 1
    assert wire.count("tree") <= 2, "the root and one page of the folder"


def test_the_first_page_is_listed_while_the_next_is_on_its_way(mount, hub, many):
    made = mount("acme/many")
    hub.faults({"match": {"path_regex": "/tree/", "query_regex": "cursor"}, "count": -1, "action": {"stall": True}})
    with os.scandir(made / "d0000") as entries:
        first = [next(entries).name for _ in range(300)]
    assert len(set(first)) == 300
    hub.release()
    hub.clear()


def test_rewinding_and_seeking_in_a_listing_gives_the_same_names(mount, many):
    made = mount("acme/many")
    script = (
        "opendir my $d, $ARGV[0] or die; my @a; push @a, $_ while defined($_ = readdir $d) && @a < 2500;"
        "my $mark = telldir $d; my $next = readdir $d; 1 while readdir $d;"
        "seekdir $d, $mark; my $again = readdir $d; die 'seek' unless $again eq $next;"
        "rewinddir $d; my @b; push @b, $_ while defined($_ = readdir $d) && @b < 2500;"
        "die 'rewind' unless \"@a\" eq \"@b\"; print 'same'"
    )
    done = subprocess.run(["perl", "-e", script, str(made / "d0000")], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == "same"


def test_ls_l_of_a_large_folder_prints_every_file(mount, many):
    made = mount("acme/many")
    done = subprocess.run(["ls", "-lR", made.path], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert sum(line.endswith(".txt") for line in done.stdout.splitlines()) == MANY


def test_small_pages_are_followed_to_the_end(mount, hub, sample):
    hub.config(page_size=3)
    made = mount("acme/sample")
    assert sorted(listed(made / "edges")) == sorted(name[6:] for name in sample.files if name.startswith("edges/"))


@pytest.mark.slow
def test_a_repository_of_a_hundred_thousand_files_is_walked_whole(mount, hub):
    hub.bulk("acme/huge", HUGE, size=12, dirs=100)
    made = mount("acme/huge")
    done = subprocess.run(["find", made.path, "-type", "f", "-size", "-2"], capture_output=True, text=True, timeout=PATIENCE * 5, check=True)
    assert done.stdout.count("\n") == HUGE
    assert (made / "d0042/f000142.txt").read_text() == "000000142\n00"


@pytest.mark.quick
def test_df_tells_the_size_of_what_is_known(mount, sample):
    made = mount("acme/sample")
    list(os.walk(made.path))
    got = os.statvfs(made.path)
    total = sum(len(sample.bytes(name)) for name in sample.files)
    assert got.f_namemax == 255
    assert got.f_blocks * got.f_frsize >= total
    assert got.f_files >= len(sample.files)
    assert got.f_flag & os.ST_RDONLY
    done = subprocess.run(["df", "--output=source,fstype,target", made.path], capture_output=True, text=True, check=True)
    assert "fuse.hugfs" in done.stdout and "acme/sample" in done.stdout


@pytest.mark.quick
def test_executable_bits_and_symlinks_show_where_git_told_them(mount, links):
    made = mount("acme/links")
    made.cli("prefetch", made.path)
    made.remount()
    assert os.readlink(made / "link-to-readme") == "README.md"
    assert os.readlink(made / "sub/link-up") == "../README.md"
    assert (made / "link-to-readme").read_text() == "links and modes\n"
    assert (made / "sub/link-up").read_text() == "links and modes\n"
    assert stat.S_IMODE(os.stat(made / "run.sh").st_mode) == 0o555
    assert stat.S_IMODE(os.stat(made / "README.md").st_mode) == 0o444


@pytest.mark.quick
def test_executable_bits_and_symlinks_show_at_once_in_the_running_mount(mount, links):
    made = mount("acme/links")
    for _, folders, files in os.walk(made.path):
        assert folders or files
    assert stat.S_IMODE(os.stat(made / "run.sh").st_mode) == 0o444 and not os.path.islink(made / "sub/link-up")
    with open(made / "run.sh", "rb") as held:
        made.cli("prefetch", made.path)
        assert stat.S_IMODE(os.stat(made / "run.sh").st_mode) == 0o555
        assert os.readlink(made / "link-to-readme") == "README.md"
        assert os.readlink(made / "sub/link-up") == "../README.md"
        assert {entry.name for entry in os.scandir(made / "sub") if entry.is_symlink()} >= {"link-up"}
        assert held.read() == (made / "run.sh").read_bytes()


@pytest.mark.quick
def test_symlinks_that_leave_the_repository_are_refused(mount, links):
    made = mount("acme/links")
    made.cli("prefetch", made.path)
    made.remount()
    for name in ("sub/link-absolute", "sub/link-outside"):
        with pytest.raises(OSError) as error:
            os.readlink(made / name)
        assert error.value.errno == 1, name  # EPERM
