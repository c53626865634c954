# SPDX-License-Identifier: Apache-2.0
"""Random operations, crashes, others' commits and failures, against a model: the mount and the Hub agree.

HUGFS_TEST_WRITES and HUGFS_TEST_SEED: tier.py. With HUGFS_TEST_PLAIN (writing.py) the same operations run
on the local disk, where nothing crashes. The first tests are about the model itself.
"""

import random

import pytest
from tier import scaled, seeds
from write_events import Life, seed_files
from write_model import File, Model

BATCH = 40


class TestTheModel:
    """It allows what a crash may leave, and nothing else."""

    def test_a_confirmed_file_is_there_exactly(self):
        model = Model({"a": b"one"})
        model.names["a"].write(0, b"two")
        model.confirm(model.names["a"])
        model.crashed({"a": b"two"})
        with pytest.raises(AssertionError, match="'a': 3 bytes"):
            model.crashed({"a": b"one"})

    def test_changes_of_names_survive_as_a_prefix(self):
        def changed():
            model = Model({"a": b"1", "b": b"2"})
            model.rename("a", "c")
            model.unlink("b")
            return model

        for left in ({"a": b"1", "b": b"2"}, {"c": b"1", "b": b"2"}, {"c": b"1"}):
            changed().crashed(left)
        for left in ({"a": b"1"}, {}, {"a": b"1", "c": b"1"}):
            with pytest.raises(AssertionError, match="none of the 3 states"):
                changed().crashed(left)

    def test_what_was_confirmed_later_makes_earlier_names_safe(self):
        model = Model({"a": b"1"})
        model.rename("a", "b")
        model.create("c")
        model.confirm(model.names["c"])
        with pytest.raises(AssertionError):
            model.crashed({"a": b"1"})
        with pytest.raises(AssertionError):
            model.crashed({"b": b"1"})

    def test_unconfirmed_bytes_are_those_of_some_version(self):
        file = File(b"aaaaaa")
        file.write(2, b"bb")
        file.write(6, b"cc")
        assert all(file.may_be(data) for data in (b"aaaaaa", b"aabbaa", b"aabbaacc", b"aaaaaacc", b"aabaaa\0c"))
        assert not any(file.may_be(data) for data in (b"aaXaaa", b"aabba", b"bbbbaacc"))

    def test_a_new_file_that_nobody_has_closed_may_be_missing(self):
        def made():
            model = Model({"a": b"1"})
            model.create("b")
            model.mkdir("c")
            model.confirm(model.names["a"])
            return model

        made().crashed({"a": b"1", "b": b"", "c": None})
        made().crashed({"a": b"1", "c": None})
        with pytest.raises(AssertionError):
            made().crashed({"a": b"1", "b": b""})
        with pytest.raises(AssertionError):
            model = made()
            model.confirm(model.names["b"])
            model.crashed({"a": b"1", "c": None})

    def test_renames_fail_as_the_kernel_says(self):
        model = Model({"d/e/f": b"", "g": b"", "h/i": b""})
        assert model.rename("d", "d/e/x") == "EINVAL" and model.rename("d/e", "d") == "ENOTEMPTY"
        assert model.rename("g", "d") == "EISDIR" and model.rename("d", "g") == "ENOTDIR" and model.rename("d", "h") == "ENOTEMPTY"
        assert model.rename("g", "d/e/f", noreplace=True) == "EEXIST" and model.rename("g", "z", exchange=True) == "ENOENT"
        assert model.rename("d", "h", exchange=True) is None and sorted(model.names) == ["d", "d/i", "g", "h", "h/e", "h/e/f"]


def life(folder, seed, **arguments):
    print(f"HUGFS_TEST_SEED={seed}")
    texts, xet = seed_files(random.Random(seed))
    made = folder(texts, xet=xet, **arguments)
    return Life(made, {name: text.encode() for name, text in texts.items()} | xet, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(1, 2, 3, 4))
def test_whatever_happens_the_folder_the_model_and_the_hub_agree(folder, seed):
    life(folder, seed).run(scaled(100, 150, 30_000), BATCH)


@pytest.mark.quick
@pytest.mark.parametrize("seed", seeds(5))
def test_without_crashes_and_failures_they_agree(folder, seed):
    lived = life(folder, seed)
    lived.EVENTS = {"nothing": 5, "settle": 2, "others": 1}
    lived.run(scaled(200, 500, 5000), BATCH)


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(6))
def test_with_many_crashes_between_few_operations_they_agree(folder, seed):
    lived = life(folder, seed)
    lived.EVENTS = {"kill": 2, "die": 4, "nothing": 1, "fault": 1}
    lived.run(scaled(40, 100, 4000), 8)


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(7))
def test_with_many_crashes_while_commits_are_made_they_agree(folder, seed):
    lived = life(folder, seed)
    lived.EVENTS = {"kill": 2, "die": 5, "nothing": 2, "fault": 3, "others": 1, "settle": 1}
    lived.run(scaled(40, 150, 6000), BATCH)
