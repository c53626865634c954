# SPDX-License-Identifier: Apache-2.0
"""Mount points that can't be used: status 32 before anything else happens, and what was there is as it was."""

import os
import subprocess

import pytest
from kernel import mount_entry
from machine import needs_program, needs_root
from refusal import is_right, names, refused, sentence


def refused_at(hub, home, point, **arguments):
    """The sentence of a mount at this point."""
    return refused(hub, home, "acme/sample", status=32, point=point, **arguments)


@pytest.mark.quick
def test_a_mount_point_that_does_not_exist_is_named(hub, home, wire):
    said = refused_at(hub, home, home.root / "nowhere")
    assert str(home.root / "nowhere") in said and "does not exist" in said and "mkdir" in said
    assert not (home.root / "nowhere").exists() and wire.rows() == []


def test_a_mount_point_below_one_that_does_not_exist_is_named(hub, home, wire):
    said = refused_at(hub, home, home.root / "no" / "where")
    assert str(home.root / "no/where") in said and "does not exist" in said and wire.rows() == []


@pytest.mark.quick
def test_a_mount_point_that_is_a_file_is_named_and_left_alone(hub, home, wire):
    (home.root / "file").write_text("mine")
    said = refused_at(hub, home, home.root / "file")
    assert str(home.root / "file") in said and "not a folder" in said
    assert (home.root / "file").read_text() == "mine" and wire.rows() == []


def test_a_mount_point_below_a_file_is_named(hub, home):
    (home.root / "file").write_text("mine")
    assert str(home.root / "file/below") in refused_at(hub, home, home.root / "file" / "below")


def test_a_link_that_leads_nowhere_is_no_mount_point(hub, home):
    (home.root / "link").symlink_to("nowhere")
    assert str(home.root / "link") in refused_at(hub, home, home.root / "link")


@pytest.mark.quick
def test_a_mount_point_that_is_not_empty_is_named_and_nothing_is_hidden(hub, home, wire):
    point = home.root / "full"
    point.mkdir()
    (point / "mine.txt").write_text("mine")
    said = refused_at(hub, home, point)
    assert str(point) in said and "not empty" in said and "nonempty" in said
    assert (point / "mine.txt").read_text() == "mine" and wire.rows() == []


def test_nonempty_hides_what_is_there_until_the_unmount(mount, home, sample):
    point = home.root / "full"
    point.mkdir()
    (point / "mine.txt").write_text("mine")
    made = mount("acme/sample", point=point, options=["nonempty"])
    assert is_right(made, sample, "README.md") and "mine.txt" not in names(point)
    made.umount()
    assert (point / "mine.txt").read_text() == "mine"


@pytest.mark.quick
def test_a_folder_that_is_mounted_already_is_named_and_stays_mounted(hub, home, mount, sample):
    made = mount("acme/sample")
    said = refused_at(hub, home, made.path)
    assert str(made.path) in said and "already a hugfs mount" in said and "hugfs umount" in said
    assert is_right(made, sample, "README.md")


def test_a_folder_inside_a_hugfs_mount_is_no_mount_point(hub, home, mount, sample):
    made = mount("acme/sample")
    said = refused_at(hub, home, made / "notes")
    assert str(made / "notes") in said and str(made.path) in said and "inside the hugfs mount" in said
    assert names(made / "notes") == ["deep", "first.txt"]


@needs_root
@needs_program("setpriv")
def test_a_mount_point_of_another_user_is_refused(hub, home):
    point = home.root / "theirs"
    home.give_to(65534)
    point.mkdir(mode=0o755)
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    assert str(point) in refused_at(hub, home, point, prefix=user)


@needs_root
@needs_program("setpriv")
def test_a_mount_point_that_may_not_be_entered_is_named(hub, home):
    point = home.root / "closed" / "inside"
    home.give_to(65534)
    point.mkdir(parents=True)
    point.parent.chmod(0o700)
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    said = refused_at(hub, home, point, prefix=user)
    assert str(point) in said and "denied" in said.lower()


@needs_root
@needs_program("unshare")
def test_a_machine_without_dev_fuse_says_so(hub, home, sample):
    hidden = ["unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /dev/fuse && exec "$0" "$@"']
    point = home.root / "mnt"
    point.mkdir()
    said = refused_at(hub, home, point, prefix=hidden)
    assert "fuse" in said.lower()


# ---- dead mounts


@pytest.mark.quick
def test_the_dead_mount_of_another_repository_is_cleaned_too(mount, sample, links):
    made = mount("acme/sample")
    made.kill9()
    made.again(source=f"acme/links@{links}")
    assert (made / "README.md").read_text() == "links and modes\n"


def test_a_dead_mount_is_no_mount_to_any_verb(mount, sample):
    made = mount("acme/sample")
    made.kill9()
    for verb in ("info", "prefetch", "refresh", "status"):
        done = made.cli(verb, made.path, status=None)
        assert done.status in (2, 3) and str(made.path) in sentence(done), verb
    made.cli("umount", made.path)
    assert mount_entry(made.path) is None
    made.again()
    assert is_right(made, sample, "README.md")


@needs_root
def test_the_dead_mount_of_another_program_is_not_touched(hub, home):
    point = home.root / "theirs"
    point.mkdir()
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
    subprocess.run(["mount", "-i", "-t", "fuse.somebody", "-o", options, "theirs", point], check=True, pass_fds=[device])
    os.close(device)  # from here on nobody answers
    try:
        said = refused_at(hub, home, point)
        assert str(point) in said and "another program (fuse.somebody)" in said
        assert mount_entry(point).type == "fuse.somebody"
    finally:
        subprocess.run(["umount", point], check=True)


def test_a_dead_mount_under_a_dead_mount_is_cleaned_too(mount, sample):
    below = mount("acme/sample")
    below.kill9()
    below.again()
    below.kill9()
    below.again()
    assert is_right(below, sample, "README.md")


# ---- the cache beside the mount


@pytest.mark.quick
@pytest.mark.parametrize("inside", ["", "deep/cache"])
def test_a_cache_inside_the_mount_point_is_refused_before_it_is_made(hub, home, wire, inside):
    point = home.root / "mnt"
    point.mkdir()
    said = refused(hub, home, "acme/sample", status=1, point=point, options=[f"cache_dir={point / inside}"])
    assert str(point) in said and "inside the mount point" in said and "cache_dir=" in said
    assert list(point.iterdir()) == [] and wire.rows() == []


def test_a_cache_inside_the_mount_point_by_way_of_a_link_is_refused(hub, home, wire):
    point = home.root / "mnt"
    point.mkdir()
    (home.root / "link").symlink_to(point)
    said = refused(hub, home, "acme/sample", status=1, point=point, options=[f"cache_dir={home.root}/link/cache"])
    assert "inside the mount point" in said and wire.rows() == []


def test_a_mount_point_inside_the_cache_is_refused(hub, home, wire):
    point = home.cache / "mnt"
    point.mkdir(parents=True)
    said = refused_at(hub, home, point)
    assert str(point) in said and str(home.cache) in said and "inside the cache folder" in said
    assert wire.rows() == []


def test_a_mount_that_fails_leaves_no_mount_no_process_and_no_socket(hub, home):
    point = home.root / "mnt"
    point.mkdir()
    refused(hub, home, "acme/nothing-here", status=3, point=point)
    assert mount_entry(point) is None and names(point) == []
    assert [path for path in home.run.rglob("*") if path.is_socket()] == []
