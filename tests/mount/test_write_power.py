# SPDX-License-Identifier: Apache-2.0
"""Power cuts: what close() and fsync() have confirmed is on the disk, and is committed once.

The state directory is on a CutDisk, which loses whatever was not flushed to its device. The cut comes at a
random moment while saver.py saves and commits are made. The cache is lost altogether.
"""

import os
import random
import shutil
import subprocess
import time

import pytest
from crash import FIRST, Crash
from cut_disk import CutDisk
from harness import wait_until
from machine import PATIENCE, needs_root
from tier import scaled, seeds

pytestmark = needs_root
SEALED = bytes(300_000)


@pytest.fixture
def cut_disk():
    """cut_disk(seed, ext4 options) -> a CutDisk; skips where there can be none."""
    made = []

    def make(seed, options=()):
        disk = CutDisk(seed, options)
        try:
            made.append(disk.__enter__())
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no ext4 on a loop device on a file of FUSE: {error}")
        return disk

    yield make
    for disk in made:
        disk.__exit__()


def outlives_a_cut(disk):
    """Whether a file that was synced does."""
    with open(disk.path / "synced", "wb") as file:
        file.write(SEALED)
        os.fsync(file.fileno())
    (disk.path / "unsynced").write_bytes(SEALED)
    try:
        disk.cut()
        assert not (disk.path / "unsynced").exists()
        return (disk.path / "synced").read_bytes() == SEALED
    except (OSError, subprocess.CalledProcessError):
        return False


def test_the_disk_keeps_what_was_flushed_and_nothing_else(cut_disk):
    assert all(outlives_a_cut(cut_disk(seed)) for seed in range(3))


def test_the_disk_finds_out_who_does_not_flush(cut_disk):
    assert not all(outlives_a_cut(cut_disk(seed, ["barrier=0"])) for seed in range(3))


def cut_again_and_again(crash, disk, source, cuts):
    """Save, and cut the power at a random moment, so often; each time all that was confirmed is in the folder."""
    for _ in range(cuts):
        noted = crash.noted()
        process = crash.saving(10_000)
        wait_until(lambda noted=noted: crash.noted() > noted, "a saver at work")
        time.sleep(source.random() ** 2 * 1.5)
        disk.cut(crash.made.process)
        process.communicate(timeout=PATIENCE)
        shutil.rmtree(crash.made.home.cache)
        crash.revive()
        crash.compare()


def mounted_on(disk, writable, *options):
    return writable(FIRST, options=[f"state_dir={disk.path / 'state'}", *options])


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(1))
def test_power_cuts_lose_nothing_that_waits(writable, cut_disk, seed):
    disk = cut_disk(seed)
    made = mounted_on(disk, writable, "commit=manual")
    crash = Crash(made, seed)
    cut_again_and_again(crash, disk, random.Random(seed), scaled(2, 6, 50))
    made.cli("commit", made.path)
    crash.judge()
    made.umount()


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(1))
def test_power_cuts_while_commits_are_made_lose_nothing(writable, cut_disk, seed):
    disk = cut_disk(seed)
    made = mounted_on(disk, writable, "quiet=0.1", "max_delay=0.3")
    crash = Crash(made, seed)
    cut_again_and_again(crash, disk, random.Random(seed), scaled(2, 6, 50))
    crash.judge()
    made.umount()
