# SPDX-License-Identifier: Apache-2.0
"""A revision of a repository in a mount, what is held of it, and the rows of the tree store."""

import mmap
import os
import sqlite3
from pathlib import Path

BIG = b"0123456789abcdef" * 50_000  # too long to come along with a small read


class View:
    """A revision of a repository in a mount: the mount and the path of the root."""

    def __init__(self, made, base):
        self.made, self.base = made, Path(base)

    def __truediv__(self, name):
        return self.base / name

    def refresh(self, **options):
        return self.made.cli("refresh", self.base, **options)

    def text(self, name="a.txt"):
        return (self.base / name).read_text()

    def status(self):
        """What `hugfs status --json` tells of the mount."""
        return self.made.cli("status", "--json", self.made.path).json["mounts"][0]


class Held:
    """An open file, a mapping of it, a file of which nothing was read, and handles on folders."""

    def __init__(self, view):
        self.file, self.far = os.open(view / "a.txt", os.O_RDONLY), os.open(view / "big.txt", os.O_RDONLY)
        self.folder, self.root = os.open(view / "d", os.O_RDONLY), os.open(view.base, os.O_RDONLY)
        self.map = mmap.mmap(self.file, 0, prot=mmap.PROT_READ)
        self.first = self.look()

    def look(self):
        """What is read through the handles, without the kernel's pages."""
        os.posix_fadvise(self.file, 0, 0, os.POSIX_FADV_DONTNEED)
        inside = os.open("in.txt", os.O_RDONLY, dir_fd=self.folder)
        seen = os.pread(self.file, 100, 0), self.map[:], os.pread(inside, 100, 0), os.listdir(self.folder)
        os.close(inside)
        return seen

    def is_kept(self):
        return self.look() == self.first

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.map.close()
        for fd in (self.file, self.far, self.folder, self.root):
            os.close(fd)


def count_rows(cache):
    """Rows of all tables of the tree store, by table."""
    base = sqlite3.connect(f"file:{next(Path(cache).glob('tree*.db'))}?mode=ro", uri=True)
    tables = [row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    counts = {table: base.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables}
    base.close()
    return counts
