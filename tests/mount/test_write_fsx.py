# SPDX-License-Identifier: Apache-2.0
"""One file under random operations (fsx.py) while its versions go to the Hub one after the other.

HUGFS_TEST_WRITES and HUGFS_TEST_SEED: tier.py. With HUGFS_TEST_PLAIN the file is on the local disk.
"""

import threading

import pytest
import samples
from fsx import Exerciser
from tier import scaled, seeds
from writing import sha256

BASE = samples.mixed(200_000, 3)


def ends_on_the_hub(made, exerciser):
    made.settle()
    made.drop_pages("file.bin")
    assert (made / "file.bin").read_bytes() == exerciser.data
    assert made.branch.tree()["file.bin"] == sha256(bytes(exerciser.data))
    assert made.branch.downloaded()["file.bin"] == sha256(bytes(exerciser.data))


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(101))
def test_a_new_file_is_always_what_its_copy_in_memory_is(folder, seed):
    made = folder({"README.md": "fsx\n"})
    exerciser = Exerciser(made / "file.bin", seed)
    exerciser.run(scaled(300, 3000, 50_000))
    ends_on_the_hub(made, exerciser)


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(102))
def test_a_file_in_xet_is_always_what_its_copy_in_memory_is(folder, seed):
    made = folder(xet={"file.bin": BASE})
    exerciser = Exerciser(made / "file.bin", seed, data=BASE)
    exerciser.run(scaled(300, 3000, 50_000))
    ends_on_the_hub(made, exerciser)


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(103))
def test_closed_reopened_and_forgotten_after_each_operation_it_still_is(folder, seed):
    made = folder(xet={"file.bin": BASE})
    exerciser = Exerciser(made / "file.bin", seed, paranoid=True, data=BASE)
    exerciser.run(scaled(100, 1000, 50_000))
    ends_on_the_hub(made, exerciser)


@pytest.mark.quick
@pytest.mark.parametrize("seed", seeds(104))
def test_without_any_commit_between_it_is_the_same(folder, seed):
    made = folder(xet={"file.bin": BASE}, options=["commit=manual"])
    exerciser = Exerciser(made / "file.bin", seed, data=BASE)
    exerciser.run(scaled(200, 1000, 10_000))
    made.cli("commit", made.path)
    ends_on_the_hub(made, exerciser)


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(105))
def test_many_files_at_once_are_all_right(folder, seed):
    made = folder({"README.md": "fsx\n"})
    exercisers = [Exerciser(made / f"file{number}.bin", seed * 1000 + number) for number in range(8)]
    failures = []

    def run(exerciser):
        try:
            exerciser.run(scaled(50, 300, 5000))
        except AssertionError as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(exerciser,)) for exerciser in exercisers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
    made.settle()
    assert {path: digest for path, digest in made.branch.tree().items() if path != "README.md"} == {
        exerciser.path.name: sha256(bytes(exerciser.data)) for exerciser in exercisers
    }
