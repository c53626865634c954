# SPDX-License-Identifier: Apache-2.0
"""Names that change while a commit is on its way: the folder shows what was done, and so does the Hub in the end.

The Hub holds the commit's first question (`on_its_way`), so what is done then surely comes after the commit
was taken. Folders that were moved or are new stand elsewhere in the repository once the commit is made.
"""

import os
import threading
from contextlib import contextmanager

import pytest
from harness import wait_until
from writing import EXCHANGE, rename2, sha256, tree_of

FIRST = {"a.txt": "aaa\n", "x/a.txt": "x a\n", "x/s/b.txt": "x s b\n", "y/a.txt": "y a\n", "y/s/b.txt": "y s b\n"}
OURS = {"user-agent": "^hugfs"}
PREUPLOAD = {"method": "POST", "path_regex": "/preupload/"}


@contextmanager
def on_its_way(hub):
    """What is done inside is done while what was saved before is being committed."""
    hub.wait_stalled()
    yield
    hub.release()


@pytest.fixture
def made(writable, hub):
    """A mount, listed, whose next commit is held."""
    mount = writable(FIRST)
    tree_of(mount.path)
    hub.faults({"match": PREUPLOAD, "action": {"stall": True}})
    return mount


def agree(made, files, folders=()):
    """The mount shows this, before and after a remount, and the Hub has it."""
    expected = {name: text.encode() for name, text in files.items()}
    for name in [*files, *(f"{folder}/" for folder in folders)]:
        expected |= {"/".join(name.split("/")[:n]): None for n in range(1, name.count("/") + 1)}
    made.settle()
    assert tree_of(made.path) == expected
    assert made.branch.tree() == {name: sha256(text.encode()) for name, text in files.items()}
    made.remount()
    assert tree_of(made.path) == expected


def moved(files, *moves):
    """{name: text} after folders have moved, all at once."""
    found = {}
    for name, text in files.items():
        old, new = next((move for move in moves if name.startswith(move[0] + "/")), ("", ""))
        found[new + name[len(old) :]] = text
    return found


def without(files, *names):
    return {name: text for name, text in files.items() if name not in names}


@pytest.mark.quick
def test_exchanged_folders_keep_what_is_in_their_folders(writable):
    made = writable(FIRST)
    tree_of(made.path)
    rename2(made / "x", made / "y", EXCHANGE)
    agree(made, moved(FIRST, ("x", "y"), ("y", "x")))


@pytest.mark.quick
def test_what_is_deleted_in_exchanged_folders_stays_deleted(made, hub):
    rename2(made / "x", made / "y", EXCHANGE)
    with on_its_way(hub):
        (made / "x/a.txt").unlink()
        (made / "y/s/b.txt").unlink()
    agree(made, without(moved(FIRST, ("x", "y"), ("y", "x")), "x/a.txt", "y/s/b.txt"), folders=["y/s"])


def test_what_is_moved_out_of_a_moved_folder_is_there_once(made, hub):
    os.rename(made / "x", made / "z")
    with on_its_way(hub):
        os.rename(made / "z/a.txt", made / "y/new.txt")
        os.rename(made / "z/s", made / "s")
    agree(made, without(FIRST, "x/a.txt", "x/s/b.txt") | {"y/new.txt": "x a\n", "s/b.txt": "x s b\n"}, folders=["z"])


def test_a_moved_folder_that_is_moved_on_and_back_is_where_it_is(made, hub):
    os.rename(made / "x", made / "z")
    with on_its_way(hub):
        os.rename(made / "z", made / "x")
        os.rename(made / "y", made / "z")
    agree(made, moved(FIRST, ("y", "z")))


def test_exchanged_folders_that_are_exchanged_back_are_what_they_were(made, hub):
    rename2(made / "x", made / "y", EXCHANGE)
    with on_its_way(hub):
        rename2(made / "x", made / "y", EXCHANGE)
        (made / "x/a.txt").write_text("saved\n")
    agree(made, FIRST | {"x/a.txt": "saved\n"})


def new_folder(made):
    (made / "d/e").mkdir(parents=True)
    (made / "d/in.txt").write_text("in\n")
    (made / "d/e/in.txt").write_text("e in\n")


@pytest.mark.quick
def test_a_new_folder_that_is_renamed_is_there_once(made, hub):
    new_folder(made)
    with on_its_way(hub):
        os.rename(made / "d", made / "e")
    agree(made, FIRST | {"e/in.txt": "in\n", "e/e/in.txt": "e in\n"})


def test_a_new_folder_that_is_removed_is_gone(made, hub):
    new_folder(made)
    with on_its_way(hub):
        for name in ("d/in.txt", "d/e/in.txt"):
            (made / name).unlink()
        (made / "d/e").rmdir()
        (made / "d").rmdir()
    agree(made, FIRST)


def test_a_folder_in_the_place_of_a_new_one_has_nothing_of_that(made, hub):
    new_folder(made)
    with on_its_way(hub):
        for name in ("d/in.txt", "d/e/in.txt"):
            (made / name).unlink()
        (made / "d/e").rmdir()
        os.rename(made / "x", made / "d")
    agree(made, moved(FIRST, ("x", "d")))


@pytest.mark.quick
def test_folders_stay_when_their_last_file_goes(made, hub):
    (made / "x/a.txt").unlink()
    (made / "x/s/b.txt").unlink()
    (made / "a.txt").write_text("so that something is asked\n")
    with on_its_way(hub):
        (made / "y/a.txt").unlink()
    expected = without(FIRST, "x/a.txt", "x/s/b.txt", "y/a.txt") | {"a.txt": "so that something is asked\n"}
    agree(made, expected, folders=["x/s"])


def test_an_emptied_folder_that_another_was_moved_into_stays(writable):
    made = writable(FIRST)
    for name in ("x/a.txt", "x/s/b.txt", "y/a.txt", "y/s/b.txt"):
        os.unlink(made / name)
    os.rename(made / "x/s", made / "y/t")
    agree(made, {"a.txt": FIRST["a.txt"]}, ["x", "y/s", "y/t"])


def test_an_emptied_folder_that_was_moved_keeps_its_folders(writable):
    made = writable(FIRST)
    for name in ("x/a.txt", "x/s/b.txt"):
        os.unlink(made / name)
    os.rename(made / "x", made / "z")
    agree(made, without(FIRST, "x/a.txt", "x/s/b.txt"), ["z/s"])


@pytest.mark.parametrize("place", ["z/s/b.txt", "y/b.txt"])
def test_a_folder_that_was_emptied_in_a_moved_one_stays(writable, place):
    made = writable(FIRST)
    os.rename(made / "x", made / "z")
    os.mkdir(made / "z/s/new")
    if place == "z/s/b.txt":
        os.unlink(made / place)
    else:
        os.rename(made / "z/s/b.txt", made / place)
    files = moved(FIRST, ("x", "z"))
    del files["z/s/b.txt"]
    agree(made, files | ({} if place == "z/s/b.txt" else {place: FIRST["x/s/b.txt"]}), ["z/s/new"])


def test_what_takes_the_place_of_a_moved_folder_does_not_keep_its_files_there(made, hub):
    os.unlink(made / "x/a.txt")
    (made / "a.txt").write_text("asked for\n")
    with on_its_way(hub):
        os.rename(made / "x", made / "z")
        os.mkdir(made / "x")
    agree(made, {**without(moved(FIRST, ("x", "z")), "z/a.txt"), "a.txt": "asked for\n"}, ["x"])


def test_a_file_takes_the_place_of_a_folder_that_was_removed(made, hub):
    os.unlink(made / "x/a.txt")
    (made / "a.txt").write_text("asked for\n")
    with on_its_way(hub):
        os.unlink(made / "x/s/b.txt")
        os.rmdir(made / "x/s")
        os.rmdir(made / "x")
        (made / "x").write_text("x\n")
    agree(made, {**without(FIRST, "x/a.txt", "x/s/b.txt"), "a.txt": "asked for\n", "x": "x\n"})


def test_a_folder_in_the_place_of_a_file_takes_its_name_over(made, hub):
    (made / "a.txt").unlink()
    os.rename(made / "x", made / "a.txt")
    with on_its_way(hub):
        (made / "a.txt/new.txt").write_text("new\n")
    agree(made, moved(without(FIRST, "a.txt"), ("x", "a.txt")) | {"a.txt/new.txt": "new\n"})


@pytest.mark.quick
def test_what_was_moved_and_deleted_while_it_is_open_leaves_its_old_name(writable):
    made = writable(FIRST)
    os.rename(made / "a.txt", made / "b.txt")
    with open(made / "b.txt", "r+b", buffering=0) as held:
        held.write(b"never saved\n")
        (made / "b.txt").unlink()
        made.settle()
        assert made.branch.tree() == {name: sha256(text.encode()) for name, text in without(FIRST, "a.txt").items()}


@pytest.mark.quick
def test_a_refresh_while_the_commit_is_made_shows_nothing_else(writable, hub):
    """The Hub shows the commit before the mount has heard of it."""
    made = writable(FIRST)
    tree_of(made.path)
    before = made.branch.head
    hub.faults({"match": {"path_regex": "/paths-info/", "header": OURS}, "action": {"stall": True}})
    rename2(made / "x", made / "y", EXCHANGE)
    expected = tree_of(made.path)
    wait_until(lambda: made.branch.head != before, "the commit to be made")
    hub.wait_stalled()
    refresh = threading.Thread(target=made.cli, args=("refresh", made.path))
    refresh.start()
    for _ in range(5):
        assert tree_of(made.path) == expected
    hub.release()
    refresh.join()
    agree(made, moved(FIRST, ("x", "y"), ("y", "x")))


def test_what_others_changed_is_there_when_refresh_says_so(writable, hub):
    made = writable(FIRST)
    for n in range(3):
        assert (made / "a.txt").exists()
        hub.put(made.branch.id, "a.txt", f"theirs {n}\n")
        made.cli("refresh", made.path)
        assert (made / "a.txt").read_text() == f"theirs {n}\n"
