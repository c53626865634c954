# SPDX-License-Identifier: Apache-2.0
"""Cache folders that are read-only, full, damaged, from the future, or gone: reads go on where they can, and are never wrong."""

import errno
import hashlib
import os
import shutil
import sqlite3
import subprocess

import pytest
from harness import Mount, wait_until
from kernel import fuse_for_everybody
from machine import needs_program, needs_root
from refusal import QUICKLY, complaint, failing, is_right, names, outcome, refused
from store_files import index_files, segments

MIB = 1 << 20
FILES = ("README.md", "config.json", "noise.bin", "prompts.bin")
LARGE = ("mixed.bin", "model.safetensors")


def all_right(made, sample, files=FILES):
    """Whether these files of the sample read right, from the daemon and not from the kernel's pages."""
    for name in files:
        made.drop_pages(name)
    return all(is_right(made, sample, name) for name in files)


@pytest.fixture
def disk():
    """disk(path, "size=4m"): a filesystem of its own there, until the mounts of the test are gone."""
    paths = []

    def make(path, options):
        path.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)
        paths.append(path)

    yield make
    for path in reversed(paths):
        subprocess.run(["umount", "-l", path], check=False)


@pytest.fixture
def mounted(disk, hub, home, sample):
    """A mount whose cache is a disk of its own, with what options it is asked for; judged before the disk goes."""
    mounts = []

    def make(size, options=("poll=never",)):
        made = Mount("acme/sample", hub, options=[*options, f"cache_dir={home.root}/disk/cache"])
        mounts.append(made)
        disk(home.root / "disk", f"size={size}")
        made.start()
        return made

    yield make
    for made in mounts:
        made.close()


# ---- a place that can't be written


@needs_root
def test_a_read_only_cache_folder_is_named(hub, home, disk, wire):
    disk(home.cache, "size=4m,ro")
    said = refused(hub, home, "acme/sample", status=2)
    assert str(home.cache) in said and "read-only" in said.lower()
    assert wire.rows() == []


@needs_root
@needs_program("setpriv")
@pytest.mark.parametrize("exists", [True, False], ids=["a folder of somebody else", "a folder below somebody else's"])
def test_a_cache_folder_that_this_user_may_not_write_is_named(hub, home, wire, exists):
    home.give_to(65534)
    theirs = home.root / "theirs"
    theirs.mkdir(mode=0o755)
    point = home.root / "mine"
    point.mkdir()
    os.chown(point, 65534, 65534)
    cache = theirs if exists else theirs / "cache"
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    log = home.run / "log"
    said = refused(hub, home, "acme/sample", status=3, options=[f"cache_dir={cache}", f"log={log}"], point=point, prefix=user)
    assert str(cache) in said and "denied" in said.lower()
    assert wire.rows() == []


def test_a_cache_folder_that_is_a_file_is_named(hub, home, wire):
    home.cache.write_text("mine")
    said = refused(hub, home, "acme/sample", status=2)
    assert str(home.cache) in said and home.cache.read_text() == "mine"
    assert wire.rows() == []


def test_without_a_home_the_cache_must_be_named(hub, home):
    environment = {"HUGFS_CACHE_DIR": None, "HOME": None}
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    home.give_to(65534)
    point = home.root / "mine"
    point.mkdir()
    said = refused(hub, home, "acme/sample", status=1, environment=environment, point=point, prefix=user)
    assert "cache_dir=" in said and "HOME" in said


@pytest.fixture
def nobodys(mount, sample):
    """A mount by an ordinary user, with a small cache."""
    with fuse_for_everybody():
        yield mount("acme/sample", options=["poll=never", f"cache_size={8 * MIB}"], user=65534)


@needs_root
@needs_program("fusermount3")
def test_a_cache_whose_folders_become_unwritable_leaves_reads_working(nobodys, sample):
    def reads_right(*files):
        command = ["sha256sum", *[nobodys / name for name in files]]
        done = subprocess.run(command, check=True, capture_output=True, text=True, **nobodys.identity())
        return [line.split()[0] for line in done.stdout.splitlines()] == [hashlib.sha256(sample.bytes(name)).hexdigest() for name in files]

    folders = [nobodys.home.cache, nobodys.home.cache / "segments"]
    assert reads_right("noise.bin")
    for folder in folders:
        folder.chmod(0o500)
    assert reads_right("README.md", "mixed.bin", "model.safetensors") and reads_right("notes/deep/er/leaf.txt", "prompts.bin")
    complaint(nobodys, "warn cache")
    for folder in folders:
        folder.chmod(0o700)
    assert reads_right("config.json", "noise.bin")


# ---- full disks


@needs_root
@pytest.mark.parametrize("size", ["2m", "6m", "12m"])
def test_reads_work_on_a_disk_that_is_too_small_for_them(mounted, sample, size):
    made = mounted(size)
    assert all_right(made, sample, FILES + LARGE)
    assert all_right(made, sample)


def fill(path):
    """Write a file until the disk has no byte left."""
    with open(path, "wb", buffering=0) as file:
        for size in (MIB, 4096, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC


@needs_root
def test_a_disk_that_somebody_else_fills_leaves_reads_working(mounted, sample, home):
    made = mounted("24m")
    assert is_right(made, sample, "prompts.bin")
    fill(home.root / "disk" / "filler")
    assert all_right(made, sample, FILES + LARGE)
    (home.root / "disk" / "filler").unlink()
    assert all_right(made, sample)


@needs_root
def test_a_disk_that_somebody_else_fills_leaves_listings_working(mounted, sample, home):
    made = mounted("24m")
    assert is_right(made, sample, "prompts.bin")
    fill(home.root / "disk" / "filler")
    assert names(made / "edges") and names(made / "notes") == ["deep", "first.txt"]
    assert is_right(made, sample, "notes/deep/er/leaf.txt")


@needs_root
def test_a_disk_that_is_full_from_the_start_is_named(hub, home, disk, sample):
    disk(home.cache, "size=1m")
    fill(home.cache / "filler")
    said = refused(hub, home, "acme/sample", status=2)
    assert str(home.cache) in said and "space" in said


@needs_root
def test_a_cache_on_a_full_disk_can_be_cleared(mounted, sample, home):
    made = mounted("6m")
    assert all_right(made, sample)
    made.cli("cache", "clear")
    assert all_right(made, sample)


# ---- damage

GARBAGE = os.urandom(20_000)


def overwrite(path, data, offset=0):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


DAMAGE = {
    "garbage": lambda path: path.write_bytes(GARBAGE),
    "nothing": lambda path: path.write_bytes(b""),
    "half of it": lambda path: os.truncate(path, path.stat().st_size // 2 // 4096 * 4096),
    "a page of garbage": lambda path: overwrite(path, GARBAGE[:4096], 4096),
    "a header of zeros": lambda path: overwrite(path, bytes(100)),
    "another database": lambda path: (path.unlink(), sqlite3.connect(path).executescript("CREATE TABLE run(x); CREATE TABLE node(y);").close()),
}


def left_behind(mount, sample):
    """A mount that has read everything and was unmounted."""
    made = mount("acme/sample", options=["poll=never"])
    assert all_right(made, sample) and names(made / "notes")
    made.umount()
    return made


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_index_is_rebuilt_and_nothing_is_fetched_again(mount, sample, wire, damage):
    made = left_behind(mount, sample)
    for file in index_files(made.home.cache):
        if file.name != "index.db":
            file.unlink()
    DAMAGE[damage](made.home.cache / "index.db")
    (made.home.cache / "index.users").write_text("unclean\n")
    wire.mark()
    made.again()
    assert all_right(made, sample)
    assert wire.count("xorb-range", "resolve") == 0
    complaint(made, " cache: ")


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_tree_store_is_set_aside_and_begun_anew(mount, sample, wire, damage):
    made = left_behind(mount, sample)
    for file in made.home.cache.glob("tree.db-*"):
        file.unlink()
    DAMAGE[damage](made.home.cache / "tree.db")
    (made.home.cache / "tree.users").write_text("unclean\n")
    wire.mark()
    made.again()
    assert all_right(made, sample) and names(made / "notes") == ["deep", "first.txt"]
    assert wire.count("tree") > 0 and wire.count("xorb-range") == 0


SEGMENT = {
    "garbage": lambda path: path.write_bytes(GARBAGE),
    "nothing": lambda path: path.write_bytes(b""),
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "a header of another store": lambda path: overwrite(path, bytes(64)),
    "a megabyte of garbage": lambda path: overwrite(path, os.urandom(MIB), MIB),
    "deleted": lambda path: path.unlink(),
    "a folder in its place": lambda path: (path.unlink(), path.mkdir()),
    "a link in its place": lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
}


@pytest.mark.parametrize("damage", SEGMENT)
def test_a_damaged_segment_is_fetched_again_and_never_shown(mount, sample, damage):
    made = left_behind(mount, sample)
    for path in segments(made.home.cache):
        SEGMENT[damage](path)
    made.again()
    assert all_right(made, sample)
    made.umount()
    made.again()
    assert all_right(made, sample)


@pytest.mark.quick
@pytest.mark.parametrize("file", ["index.db", "tree.db"])
def test_a_newer_schema_is_refused_and_left_alone(mount, hub, sample, file):
    made = left_behind(mount, sample)
    path = made.home.cache / file
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA user_version = 999")
    base.close()
    before = path.read_bytes()
    said = refused(hub, made.home, "acme/sample", status=2)
    assert str(made.home.cache) in said and "newer hugfs" in said and "cache_dir" in said
    assert path.read_bytes() == before


def test_a_cache_command_says_that_the_schema_is_newer(mount, sample):
    made = left_behind(mount, sample)
    with sqlite3.connect(made.home.cache / "index.db") as base:
        base.execute("PRAGMA user_version = 999")
    base.close()
    for action in ("status", "verify", "trim", "clear"):
        done = made.cli("cache", action, status=8 if action == "verify" else 2)  # verify: as fsck(8)
        assert "newer hugfs" in done.err and done.err.count("\n") == 1, action


# ---- gone while in use


@pytest.mark.quick
def test_a_cache_that_is_deleted_while_in_use_is_made_anew(mount, sample, wire):
    made = mount("acme/sample", options=["poll=never"])
    assert all_right(made, sample) and names(made / "notes")
    gone = made.home.fresh("gone")
    made.home.cache.rename(gone)  # at once: the mount must not make a part of it anew meanwhile
    shutil.rmtree(gone)
    assert all_right(made, sample)
    assert names(made / "notes") == ["deep", "first.txt"]
    wait_until(lambda: index_files(made.home.cache), "the cache to be there again")
    made.umount()
    made.again()
    assert all_right(made, sample)


def test_segments_that_are_deleted_while_in_use_are_fetched_again(mount, sample):
    made = mount("acme/sample", options=["poll=never"])
    assert all_right(made, sample)
    for path in segments(made.home.cache):
        path.unlink()
    assert all_right(made, sample)
    made.umount()
    made.again()
    assert all_right(made, sample)


@pytest.mark.parametrize("file", ["index.db", "tree.db"])
def test_a_database_that_is_overwritten_while_in_use_costs_no_wrong_byte(mount, sample, file):
    made = mount("acme/sample", options=QUICKLY)
    assert is_right(made, sample, "noise.bin") and is_right(made, sample, "README.md")
    for name in (file, f"{file}-wal"):
        overwrite(made.home.cache / name, GARBAGE)
    for name in ("noise.bin", "prompts.bin", "config.json"):
        answer = outcome("read", made / name, 0, 4096)
        assert "errno" in answer or (made / name).read_bytes()[:4096] == sample.bytes(name)[:4096]
    made.umount()
    made.again()
    assert all_right(made, sample)


def test_damage_found_and_dropped_by_cache_verify_is_status_1_as_of_fsck(mount, sample):
    made = left_behind(mount, sample)
    for path in segments(made.home.cache):
        overwrite(path, os.urandom(MIB), MIB)
    done = made.cli("cache", "verify", status=1)
    assert "damaged and dropped" in done.out and "checksum does not match" in done.err
    made.cli("cache", "verify")
    made.again()
    assert failing("stat", made / "no-such-file") == errno.ENOENT and all_right(made, sample)
