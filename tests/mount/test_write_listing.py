# SPDX-License-Identifier: Apache-2.0
"""Listing a folder of a writable mount while it changes: each name once, and an end."""

import os
import shutil

import pytest
from writing import sha256

NAMES = [f"d/{number:04}" for number in range(2000)]


@pytest.mark.quick
def test_a_file_that_is_changed_while_its_folder_is_listed_comes_once(folder):
    made = folder({name: "x\n" for name in ("d/1", "d/2", "d/3")})
    seen = []
    for entry in os.scandir(made / "d"):
        seen.append(entry.name)
        with open(entry.path, "a") as file:
            file.write("y\n")
    assert sorted(seen) == ["1", "2", "3"]
    made.settle()
    assert {name: digest for name, digest in made.branch.tree().items() if name[:2] == "d/"} == {f"d/{n}": sha256(b"x\ny\n") for n in (1, 2, 3)}


@pytest.mark.parametrize("what", ["copies", "renames", "replaces"])
@pytest.mark.parametrize("where", ["of the repository", "new"])
def test_a_listing_ends_though_names_are_made_while_it_is_read(folder, what, where):
    made = folder({f"d/{number}": "x\n" for number in range(5)})
    top = made / "d"
    if where == "new":
        top = made / "new"
        top.mkdir()
        for number in range(5):
            (top / str(number)).write_text("x\n")
    rounds = 0
    for entry in os.scandir(top):
        rounds += 1
        assert rounds < 50
        if what == "copies":
            shutil.copy(entry.path, entry.path + ".bak")
        elif what == "renames":
            os.rename(entry.path, top / f"x{entry.name}")
        else:
            os.rename(entry.path, top / "other")
            os.rename(top / "other", entry.path)
    assert len(os.listdir(top)) == (10 if what == "copies" else 5)


def test_a_listing_goes_on_over_commits_of_others(writable, hub):
    made = writable({name: "x\n" for name in NAMES}, options=["commit=manual"])
    listing = os.scandir(made / "d")
    seen = [next(listing).name]
    hub.commit(made.branch.id, [*({"delete": name} for name in NAMES[:100]), *({"add": f"d/!{n}", "text": "new\n"} for n in range(100))])
    made.cli("refresh", made.path)
    seen += [entry.name for entry in listing]
    assert len(seen) == len(set(seen))
    assert {name[2:] for name in NAMES[100:]} <= set(seen)


def test_every_file_is_visited_though_those_before_it_are_deleted_and_committed(writable):
    made = writable({name: "x\n" for name in NAMES})
    for number, entry in enumerate(os.scandir(made / "d")):
        os.unlink(entry.path)
        if number == 500:
            made.settle()
    os.rmdir(made / "d")
    made.settle()
    assert made.branch.tree() == {}


def test_a_folder_that_is_removed_while_it_is_listed_lists_nothing_more(folder):
    made = folder({f"d/{number}": "x\n" for number in range(3)})
    listing = os.scandir(made / "d")
    shutil.rmtree(made / "d")
    assert [entry.name for entry in listing] in ([], ["0", "1", "2"])
