# SPDX-License-Identifier: Apache-2.0
"""The daemon's memory has a ceiling, whatever is read (release build: sanitizers have their own)."""

import os
import subprocess
from pathlib import Path

import pytest
import samples
from machine import BIG, PATIENCE, needs_root, release_only

MIB = 1 << 20
READERS = 8
GROUP_LIMIT = 512 * MIB  # RSS, socket buffers and the page cache of the segments
PARENTS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))


def status_bytes(pid, name):
    """VmRSS or VmHWM of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


@release_only
def test_an_idle_daemon_takes_less_than_16_mib(mount, sample):
    made = mount("acme/sample")
    os.listdir(made.path)
    assert status_bytes(made.process.pid, "VmRSS") < 16 * MIB


@pytest.fixture(scope="module")
def eight(_hub_process, tmp_path_factory):
    """acme/eight: eight files of machine.BIG bytes with nothing in common."""
    for number in range(READERS):
        folder = tmp_path_factory.mktemp(f"eight{number}")
        samples.write_big(folder / f"part-{number}.bin", BIG, seed=100 + number)
        _hub_process.upload(folder, "acme/eight")
        (folder / f"part-{number}.bin").unlink()


@pytest.fixture
def memory_group():
    """A cgroup in which the daemon must live: page cache is reclaimed there, memory is not (v1 or v2)."""
    parent = next((path for path in PARENTS if (path / "cgroup.procs").exists()), None)
    if parent is None:
        pytest.skip("no memory cgroup")
    group = parent / "hugfs-test"
    group.mkdir()
    limit = next(path for name in ("memory.max", "memory.limit_in_bytes") if (path := group / name).exists())
    limit.write_text(str(GROUP_LIMIT))
    yield group
    group.rmdir()


@release_only
@needs_root
@pytest.mark.slow
def test_eight_cold_readers_take_less_than_130_mib(memory_group, mount, eight):
    made = mount("acme/eight", options=[f"cache_size={2 * READERS * BIG}"])
    (memory_group / "cgroup.procs").write_text(str(made.process.pid))
    readers = [subprocess.Popen(["cat", made / f"part-{number}.bin"], stdout=subprocess.DEVNULL) for number in range(READERS)]
    for reader in readers:
        assert reader.wait(PATIENCE * 10) == 0
    peak = status_bytes(made.process.pid, "VmHWM")
    print(f"peak RSS {peak / MIB:.1f} MiB")
    assert peak <= 130 * MIB
    made.umount()


@release_only
@pytest.mark.slow
def test_a_walk_over_many_files_leaves_the_daemon_small(mount, hub):
    hub.bulk("acme/wide", 50_000, size=12, dirs=50)
    made = mount("acme/wide")
    subprocess.run(["find", made.path, "-size", "+1"], check=True, capture_output=True, timeout=PATIENCE * 5)
    assert status_bytes(made.process.pid, "VmRSS") < 48 * MIB
