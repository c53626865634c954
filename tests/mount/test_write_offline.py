# SPDX-License-Identifier: Apache-2.0
"""The connection ends right after a commit: what the mount showed before, it shows and reads still.

Nobody has asked for the listings of the new commit then: the mount knows them, for it made them.
"""

import os
import shutil

import pytest
import samples
from writing import WritableMount, tree_of

FIRST = {
    "README.md": "# one\n", "a.txt": "aaa\n", "d/in.txt": "in\n", "d/deep/er.txt": "deeper\n", "d/deep/est.txt": "deepest\n",
    "e/only.txt": "only\n", "gone/a.txt": "gone a\n", "gone/b.txt": "gone b\n", "x/s/b.txt": "x s b\n", "y/a.txt": "y a\n",
}  # fmt: skip
TOLD = ("kind", "size", "oid", "sha256", "xet_hash")  # by `hugfs info`, of what the Hub says


def change(made):
    """Something of each kind, in several folders."""
    (made / "a.txt").write_text("saved\n")
    (made / "d/deep/er.txt").write_text("saved\n")
    (made / "d/deep/new.txt").write_text("new\n")
    (made / "new/sub").mkdir(parents=True)
    (made / "new/sub/file.txt").write_text("new\n")
    (made / "new/weights.bin").write_bytes(samples.noise(300_000, 7))
    shutil.rmtree(made / "gone")
    (made / "x").rename(made / "z")
    (made / "y/a.txt").rename(made / "d/a.txt")


@pytest.fixture
def changed(writable):
    """A mount that was listed, has committed, and was asked nothing since; what it showed."""
    made = writable(FIRST, xet={"model.bin": samples.noise(200_000, 8)}, options=["quiet=1", "max_delay=60"])
    tree_of(made.path)
    change(made)
    shown = tree_of(made.path)
    made.settle()
    return made, shown


@pytest.mark.quick
def test_everything_is_listed_and_read_offline_right_after_a_commit(changed):
    made, shown = changed
    made.cli("offline", made.path)
    assert tree_of(made.path) == shown
    assert not (made / "gone").exists() and not (made / "d/deep/missing").exists()
    del shown["y"]  # a folder with nothing in it is of this machine
    made.remount(options=["offline"])
    assert {name: data for name, data in tree_of(made.path).items() if name != "y"} == shown


def test_what_the_hub_had_already_is_read_offline_too(writable, uploads):
    """It was written here, so it is not downloaded, although nothing of it was sent."""
    weights = samples.noise(8_000_000, 9)
    made = writable(FIRST, xet={"model.bin": weights})
    before = uploads.xorb_bytes
    (made / "copy.bin").write_bytes(weights)
    made.settle()
    assert uploads.xorb_bytes == before
    assert "copy.bin" in os.listdir(made.path)
    made.remount(options=["offline"])
    assert (made / "copy.bin").read_bytes() == weights


def test_what_is_listed_is_what_the_hub_says(changed, hub):
    made, shown = changed
    made.remount(options=["offline"])
    other = WritableMount(made.source, hub, options=["ro"])
    with other:
        assert {name: data for name, data in shown.items() if name != "y"} == tree_of(other.path)
        for name, data in shown.items():
            if data is not None:
                ours, theirs = (one.cli("info", "--json", one / name).json for one in (made, other))
                assert {key: ours.get(key) for key in TOLD} == {key: theirs.get(key) for key in TOLD}, name


def test_listing_the_folders_of_a_commit_of_ours_asks_nothing(changed, wire):
    made, shown = changed
    wire.mark()
    assert tree_of(made.path) == shown
    assert wire.count("tree", "paths-info") == 0


def test_what_the_hub_changes_along_with_a_commit_is_shown(writable):
    """It notes new kinds of large files in .gitattributes."""
    made = writable(FIRST)
    tree_of(made.path)
    (made / "weights.dat").write_bytes(samples.noise(12 << 20, 9))
    made.settle()
    assert made.branch.bytes(".gitattributes")
    made.cli("offline", made.path)
    assert {".gitattributes", "weights.dat"} <= set(os.listdir(made.path))
