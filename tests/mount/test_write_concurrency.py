# SPDX-License-Identifier: Apache-2.0
"""Many writers and readers at once in one mount, while it commits: what ThreadSanitizer is to look at.

With HUGFS_TEST_PLAIN (writing.py) they are in a folder of the local disk.
"""

import os
import random
import signal
import threading
import time

import pytest
from local_disk import FrozenDisk
from machine import needs_program, needs_root
from tier import scaled
from writing import errno_of, sha256

WORKERS = 32  # of each kind
FIRST = {"shared.txt": "", "seed/a.txt": "aaa\n"}


def together(*jobs):
    """Run jobs at once; the first failure is the test's."""
    failures = []

    def guarded(job):
        try:
            job()
        except BaseException as error:  # also what pytest raises
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class Writer:
    """Saves, renames and deletes in a folder of its own, and knows what must be there."""

    def __init__(self, root, number, rounds):
        self.folder, self.random, self.rounds = root / f"w{number:02}", random.Random(number), rounds
        self.files = {}

    def __call__(self):
        self.folder.mkdir()
        for step in range(self.rounds):
            name, data = f"{self.random.randrange(6)}.bin", self.random.randbytes(self.random.choice((0, 100, 9000, 120_000)))
            (self.folder / name).write_bytes(data)
            self.files[name] = data
            if step % 3 == 1:
                os.rename(self.folder / name, self.folder / "moved.bin")
                self.files["moved.bin"] = self.files.pop(name)
            if step % 5 == 4:
                gone = self.random.choice(list(self.files))
                (self.folder / gone).unlink()
                del self.files[gone]
            for name, data in self.files.items():
                assert (self.folder / name).read_bytes() == data
        assert sorted(os.listdir(self.folder)) == sorted(self.files)


@pytest.mark.quick
def test_many_writers_and_readers_do_not_disturb_each_other(folder):
    made = folder(FIRST)
    rounds, ends = scaled(4, 8, 60), threading.Event()
    writers = [Writer(made.path, number, rounds) for number in range(WORKERS)]

    def read():
        while not ends.is_set():
            assert (made / "seed/a.txt").read_bytes() == b"aaa\n"
            for name in os.listdir(made.path):
                if name.startswith("w"):
                    for inner in os.listdir(made / name):
                        assert errno_of((made / name / inner).stat) in (None, "ENOENT")

    readers = [threading.Thread(target=read) for _ in range(WORKERS)]
    for thread in readers:
        thread.start()
    try:
        together(*writers)
    finally:
        ends.set()
        for thread in readers:
            thread.join()
    made.settle()
    tree = made.branch.tree()
    expected = {f"{writer.folder.name}/{name}": sha256(data) for writer in writers for name, data in writer.files.items()}
    assert {path: digest for path, digest in tree.items() if path.startswith("w")} == expected


def test_appends_from_many_threads_to_one_file_all_arrive(folder):
    made, rounds = folder(FIRST), scaled(5, 20, 100)

    def append(number):
        for step in range(rounds):
            with open(made / "shared.txt", "ab", buffering=0) as file:
                file.write(b"%02d %04d\n" % (number, step))

    together(*(lambda number=number: append(number) for number in range(WORKERS)))
    lines = (made / "shared.txt").read_text().splitlines()
    assert sorted(lines) == sorted(f"{number:02} {step:04}" for number in range(WORKERS) for step in range(rounds))
    made.settle()
    assert made.branch.tree()["shared.txt"] == sha256((made / "shared.txt").read_bytes())


def test_writes_to_different_parts_of_one_file_all_arrive(folder):
    made, part = folder(FIRST), 30_000
    (made / "parts.bin").write_bytes(bytes(part * WORKERS))

    def write(number):
        fd = os.open(made / "parts.bin", os.O_RDWR)
        for at in range(0, part, 1000):
            os.pwrite(fd, bytes([number + 1]) * 1000, number * part + at)
        assert os.pread(fd, part, number * part) == bytes([number + 1]) * part
        os.close(fd)

    together(*(lambda number=number: write(number) for number in range(WORKERS)))
    data = b"".join(bytes([number + 1]) * part for number in range(WORKERS))
    assert (made / "parts.bin").read_bytes() == data
    made.settle()
    assert made.branch.tree()["parts.bin"] == sha256(data)


def test_a_name_that_many_want_goes_to_one(folder):
    made, won = folder(FIRST), []

    def take(number):
        if errno_of(lambda: os.close(os.open(made / "lock", os.O_CREAT | os.O_EXCL | os.O_WRONLY))) is None:
            won.append(number)

    for _ in range(scaled(3, 10, 50)):
        together(*(lambda number=number: take(number) for number in range(WORKERS)))
        assert len(won) == 1
        won.clear()
        (made / "lock").unlink()


@needs_root
@needs_program("mkfs.ext4", "fsfreeze", "losetup")
def test_an_end_while_the_disk_is_slow_waits_for_it_and_keeps_what_was_written(writable):
    leaks = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}  # nobody tells it that the file is closed
    with FrozenDisk() as disk:
        made = writable({"a.txt": "a\n"}, options=[f"state_dir={disk.path / 'state'}", "commit=manual"], environment=leaks)
        file = open(made / "w.bin", "w+b", buffering=0)  # noqa: SIM115  (its close fails)
        file.write(b"w" * (1 << 20))
        disk.freeze()
        made.process.send_signal(signal.SIGTERM)
        time.sleep(1)  # nothing tells how far it has come: to where it waits for its own thread
        assert made.process.poll() is None
        disk.thaw()
        assert errno_of(file.close) == "ENOTCONN"
        made.wait_ended()
        made.again()
        assert (made / "w.bin").read_bytes() == b"w" * (1 << 20)
        made.umount()
