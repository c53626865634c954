# SPDX-License-Identifier: Apache-2.0
"""What saving may cost on the wire at most, counted in the Hub's own log; sizes are those of the build
(machine.BIG) and of the tier (tier.py)."""

import itertools
import os

import numpy
import pytest
import samples
from machine import BIG, PATIENCE
from safetensors.numpy import save_file
from tier import scaled
from writing import ONE_GO, begin, sha256

FIRST = {"README.md": "# one\n"}
MIB = 1 << 20
TENSORS = 10
TENSOR_BYTES = scaled(4, 4, 16) * MIB
CHECKPOINTS = scaled(3, 5, 20)


@pytest.mark.quick
def test_editing_a_readme_is_one_preupload_and_one_commit(writable, uploads):
    made = writable(FIRST)
    assert (made / "README.md").read_text() == "# one\n"
    before = begin(made, uploads)
    (made / "README.md").write_text("# two\n")
    made.settle()
    kinds = uploads.wire.kinds()
    assert (kinds["preupload"], kinds["commit"]) == (1, 1) and kinds.total() <= 3, kinds
    (commit,) = made.branch.commits(before)
    assert commit.parent == before and commit.changes == {"README.md": "M"} and commit.id
    assert "README.md" in commit.title


def test_a_thousand_small_files_are_at_most_twelve_commits(writable, uploads):
    made = writable(FIRST, options=ONE_GO)
    before = begin(made, uploads)
    for number in range(1000):
        (made / f"f{number:04}.txt").write_text(f"{number}\n")
    made.settle()
    assert 10 <= uploads.commits <= 12 and uploads.xet_requests == 0
    commits = made.branch.commits(before)
    names = [name for commit in commits for name in commit.changes]
    assert len(names) == len(set(names)) == 1000, "each file in one commit"
    assert all(len(commit.changes) <= 100 for commit in commits)


def test_new_names_in_a_folder_of_several_pages_cost_its_pages_once_a_commit(writable, uploads):
    """The Hub lists a thousand names at a time."""
    made = writable({**FIRST, **{f"f{number:04}.txt": "x\n" for number in range(1500)}}, options=ONE_GO)
    uploads.wire.mark()
    for number in range(20):
        (made / f"new{number}.txt").write_text("new\n")
    assert not (made / "missing").exists()
    made.settle()
    kinds = uploads.wire.kinds()
    assert (kinds["preupload"], kinds["commit"]) == (1, 1) and kinds["tree"] <= 4 and kinds["paths-info"] <= 4, kinds
    assert {f"new{number}.txt" for number in range(20)} <= set(made.branch.tree())


def test_a_file_that_is_saved_anew_and_renamed_over_the_old_one_uploads_what_changed(writable, uploads):
    """As editors and safetensors do, with a file that was uploaded by somebody else and read here."""
    old = samples.noise(24 * MIB, 31)
    made = writable(FIRST, xet={"model.bin": old}, options=["commit=manual"])
    assert (made / "model.bin").read_bytes() == old
    begin(made, uploads)
    new = b"\x5a" * 4096 + old[4096:]  # by a file's first chunk the Hub would tell all of them
    (made / ".model.new").write_bytes(new)
    os.replace(made / ".model.new", made / "model.bin")
    made.cli("commit", made.path)
    assert 0 < uploads.xorb_bytes <= MIB
    assert made.branch.tree()["model.bin"] == sha256(new)


class TestBigFile:
    """A file that the official client uploaded, none of which is on this machine."""

    @pytest.fixture
    def made(self, writable, uploads, big):
        made = writable(FIRST)
        made.hub.official("upload", made.branch.id, big.folder, ".")
        made.cli("refresh", made.path)
        return made

    @pytest.mark.slow
    def test_four_kib_in_the_middle_upload_less_than_a_mebibyte(self, made, uploads, big):
        before = begin(made, uploads)
        with open(made / "big.bin", "r+b") as file:
            file.seek(BIG // 2)
            file.write(b"\x5a" * 4096)
        made.settle(seconds=10 * PATIENCE)
        assert 0 < uploads.xorb_bytes <= MIB
        (commit,) = made.branch.commits(before)
        assert commit.changes == {"big.bin": "M"} and uploads.preuploads == 1
        assert uploads.wire.xorb_bytes() <= 1.01 * BIG, "the rest is read once, for the SHA-256"

    @pytest.mark.slow
    def test_its_rename_uploads_nothing_and_reads_nothing(self, made, uploads):
        before = begin(made, uploads)
        old = made.branch.tree()["big.bin"]
        os.rename(made / "big.bin", made / "renamed.bin")
        made.settle()
        assert (uploads.commits, uploads.xet_requests, uploads.wire.xorb_bytes()) == (1, 0, 0)
        assert uploads.commit_bytes < 2000
        (commit,) = made.branch.commits(before)
        assert commit.changes == {"big.bin": "D", "renamed.bin": "A"} and made.branch.tree()["renamed.bin"] == old


@pytest.mark.slow
@pytest.mark.parametrize("names", ["checkpoint-{}.safetensors", "model.safetensors"], ids=["beside each other", "over the last"])
def test_checkpoints_upload_what_changed(writable, uploads, names):
    """One tensor of ten changes from one to the next, to what nothing compresses. A remount in the middle
    forgets neither what was uploaded nor the version that is saved over."""
    new = map(tensor, itertools.count(sum(names.encode())))  # what no other test has brought to the Hub
    tensors = {f"layer.{number}": next(new) for number in range(TENSORS)}
    made = writable(FIRST)
    for step in range(CHECKPOINTS):
        tensors[f"layer.{step % TENSORS}"] = next(new)
        if step == CHECKPOINTS // 2:
            made.remount()
        begin(made, uploads)
        path = made / names.format(step)
        save_file(tensors, path, metadata={"step": str(step)})
        made.settle(seconds=10 * PATIENCE)
        size = path.stat().st_size
        print(f"checkpoint {step}: {uploads.xorb_bytes / size:.3f} of {size} bytes")
        assert uploads.commits == 1
        assert step == 0 or uploads.xorb_bytes <= 0.12 * size, step
        assert made.branch.tree()[path.name] == sha256(path.read_bytes())


def tensor(seed):
    return numpy.frombuffer(samples.noise(TENSOR_BYTES, seed), numpy.float16)
