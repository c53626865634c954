# SPDX-License-Identifier: Apache-2.0
"""An exerciser of one file, as fsx is: random operations, each compared with a copy in memory.

    Exerciser(path, seed).run(3000)

Every operation is drawn from the seed alone, so a failure is made again by its seed. A failure tells the
seed, the last operations and the first byte that differs.
"""

import errno
import mmap
import os
import random
from collections import deque

from writing import KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE, fallocate

SIZE_MAX = 400_000
LENGTH_MAX = 70_000
TOLD = 40
WEIGHTS = {
    "read": 20, "write": 20, "append": 4, "truncate": 8, "empty": 1, "map_read": 10, "map_write": 12, "punch": 4,
    "zero": 4, "allocate": 3, "copy": 6, "seek": 5, "sync": 2, "reopen": 3, "drop": 3,
}  # fmt: skip


class Exerciser:
    """One file and its copy. `paranoid`: after every operation close, reopen and drop the page cache."""

    def __init__(self, path, seed, paranoid=False, data=b""):
        self.path, self.seed, self.paranoid = path, seed, paranoid
        self.random = random.Random(seed)
        self.data = bytearray(data)
        self.told = deque(maxlen=TOLD)
        self.fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
        self.names = list(WEIGHTS)

    def run(self, count):
        """So many operations; the whole file is compared every 100th time and at the end."""
        print(f"fsx: seed {self.seed}, {count} operations, {'paranoid' if self.paranoid else 'plain'}")
        for number in range(count):
            name = self.random.choices(self.names, WEIGHTS.values())[0]
            self.told.append(f"{number}: {name}")
            try:
                getattr(self, name)()
            except OSError as error:
                self.fail(f"unexpected {errno.errorcode[error.errno]}")
            if self.paranoid:
                self.drop()
                self.reopen()
            if number % 100 == 99:
                self.compare()
        self.compare()
        os.close(self.fd)

    # ---- what is drawn

    def offset(self, limit):
        """Often at an edge of a page or of the file."""
        at = self.random.randrange(limit + 1)
        kind = self.random.random()
        if kind < 0.25:
            at -= at % 4096
        elif kind < 0.35:
            at = min(limit, len(self.data))
        return at

    def piece(self):
        """(offset, length) inside the file, which is not empty; length at least 1."""
        at = min(self.offset(len(self.data) - 1), len(self.data) - 1)
        return at, 1 + self.random.randrange(min(LENGTH_MAX, len(self.data) - at))

    def note(self, *words):
        self.told[-1] += " " + " ".join(map(str, words))

    def fail(self, what):
        lines = "\n  ".join(self.told)
        raise AssertionError(f"fsx seed {self.seed}: {what}\nlast operations, in a file of {len(self.data)} bytes now:\n  {lines}")

    def same(self, at, found, expected):
        if found != expected:
            where = next((n for n, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]), min(len(found), len(expected)))
            near = f"{bytes(found[where : where + 8])!r} instead of {bytes(expected[where : where + 8])!r}"
            self.fail(f"{len(found)} bytes of {len(expected)} at {at} differ from byte {at + where} on: {near}")

    def compare(self):
        if (size := os.fstat(self.fd).st_size) != len(self.data):
            self.fail(f"size {size}, not {len(self.data)}")
        self.same(0, os.pread(self.fd, len(self.data) + 1, 0), self.data)

    def put(self, at, piece):
        if at > len(self.data):
            self.data.extend(bytes(at - len(self.data)))
        self.data[at : at + len(piece)] = piece

    def resize(self, size):
        del self.data[size:]
        self.data.extend(bytes(size - len(self.data)))

    # ---- operations

    def read(self):
        at, length = self.offset(len(self.data) + 1000), self.random.randrange(LENGTH_MAX)
        self.note(at, length)
        self.same(at, os.pread(self.fd, length, at), self.data[at : at + length])

    def write(self, at=None):
        at = self.offset(min(len(self.data) + 20_000, SIZE_MAX)) if at is None else at
        piece = self.random.randbytes(1 + self.random.randrange(self.random.choice((10, 5000, LENGTH_MAX))))
        self.note(at, len(piece))
        if os.pwrite(self.fd, piece, at) != len(piece):
            self.fail("a short write")
        self.put(at, piece)

    def append(self):
        if len(self.data) < SIZE_MAX:
            self.write(len(self.data))

    def truncate(self):
        size = self.offset(min(SIZE_MAX, len(self.data) + 50_000))
        self.note(size)
        os.ftruncate(self.fd, size) if self.random.random() < 0.5 else os.truncate(self.path, size)
        self.resize(size)

    def empty(self):
        os.close(os.open(self.path, os.O_WRONLY | os.O_TRUNC))
        self.resize(0)

    def map_read(self):
        if not self.data:
            return
        at, length = self.piece()
        self.note(at, length)
        with mmap.mmap(self.fd, len(self.data), prot=mmap.PROT_READ) as view:
            self.same(at, view[at : at + length], self.data[at : at + length])

    def map_write(self):
        if not self.data:
            return
        at, length = self.piece()
        piece = self.random.randbytes(length)
        closes, flushes = self.random.random() < 0.1, self.random.random() < 0.5
        self.note(at, length, "after close" if closes else "", "msync" if flushes else "")
        view = mmap.mmap(self.fd, len(self.data))
        if closes:
            os.close(self.fd)
        view[at : at + length] = piece
        if flushes:
            view.flush()
        view.close()
        if closes:
            self.fd = os.open(self.path, os.O_RDWR)
        self.put(at, piece)

    def punch(self):
        at, length = self.offset(SIZE_MAX), 1 + self.random.randrange(LENGTH_MAX)
        self.note(at, length)
        fallocate(self.fd, PUNCH_HOLE | KEEP_SIZE, at, length)
        end = min(at + length, len(self.data))
        if at < end:
            self.data[at:end] = bytes(end - at)

    def zero(self):
        at, length = self.offset(len(self.data)), 1 + self.random.randrange(LENGTH_MAX)
        keeps = self.random.random() < 0.5 or at + length > SIZE_MAX
        self.note(at, length, "keeping the size" if keeps else "")
        fallocate(self.fd, ZERO_RANGE | (KEEP_SIZE if keeps else 0), at, length)
        end = min(at + length, len(self.data)) if keeps else at + length
        if at < end:
            self.put(at, bytes(end - at))

    def allocate(self):
        at, length = self.offset(len(self.data)), 1 + self.random.randrange(LENGTH_MAX)
        keeps = self.random.random() < 0.5 or at + length > SIZE_MAX
        self.note(at, length, "keeping the size" if keeps else "")
        fallocate(self.fd, KEEP_SIZE if keeps else 0, at, length)
        if not keeps:
            self.resize(max(len(self.data), at + length))

    def copy(self):
        """copy_file_range inside the file; the ranges don't overlap."""
        if len(self.data) < 2:
            return
        at, length = self.piece()
        target = self.offset(min(SIZE_MAX, len(self.data) + 1000))
        if abs(target - at) < length:
            target = at + length
        self.note(at, length, "to", target)
        done = os.copy_file_range(self.fd, self.fd, length, at, target)
        if not 0 < done <= length:
            self.fail(f"copy_file_range copied {done} bytes of {length}")
        self.put(target, bytes(self.data[at : at + done]))

    def places(self, at):
        """Where data and a hole begin from `at` on; without those that there are none of."""
        found = {}
        for kind, whence in (("data", os.SEEK_DATA), ("hole", os.SEEK_HOLE)):
            try:
                found[kind] = os.lseek(self.fd, at, whence)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
        return found

    def seek(self):
        at = self.offset(len(self.data) + 10)
        self.note(at)
        found = self.places(at)
        if at >= len(self.data):
            if found:
                self.fail(f"lseek beyond the end found {found}")
            return
        if at not in found.values():
            # A commit that has landed between the two questions has turned a hole into the zeros
            # of a version: asked again they agree.
            found = self.places(at)
        hole, data = found["hole"], found.get("data", len(self.data))
        if not at <= min(hole, data) == at or hole > len(self.data):
            self.fail(f"data at {data} and a hole at {hole}: neither is where it was asked for")
        if hole == at:
            self.same(at, bytes(data - at), self.data[at:data])

    def sync(self):
        os.fsync(self.fd) if self.random.random() < 0.5 else os.fdatasync(self.fd)

    def reopen(self):
        os.close(self.fd)
        self.fd = os.open(self.path, os.O_RDWR)

    def drop(self):
        os.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_DONTNEED)
