# SPDX-License-Identifier: Apache-2.0
"""`Player`: random operations on a writable folder and on its model (write_model.py), side by side.

Each operation is a few system calls; each call is one `_do(...)`, which changes the model only when the
call did what it should, and compares the errno with the model's. Everything is drawn from one seed. A
daemon that dies in the middle (`is_dying`) ends a batch with Crashed: the call that met the death may
have happened or not.
"""

import errno
import mmap
import os
import random
from collections import deque

from write_model import Model
from writing import EXCHANGE, KEEP_SIZE, NOREPLACE, PLAIN, PUNCH_HOLE, fallocate, rename2

GONE = (errno.ENOTCONN, errno.ECONNABORTED, errno.EIO, errno.ENODEV)
NAMES = ("a", "b", "c.txt", "d d", "é.md", "w.bin", "t.safetensors", "x", "y", "z.json")
DEPTH_MAX, FILES_MAX, HANDLES_MAX = 3, 60, 5
SIZES = (0, 1, 100, 4096, 5000, 40_000, 120_000)
TOLD = 60


class Crashed(Exception):
    """The daemon died under an operation."""


class Player:
    """See the top of this file."""

    WEIGHTS = {
        "save": 14, "edit": 12, "append": 6, "truncate": 5, "rewrite": 5, "map_write": 6, "copy": 4, "punch": 2, "read": 10,
        "hold": 5, "held_write": 10, "held_sync": 4, "held_read": 4, "release": 4, "rename": 12, "rename_over": 5,
        "exchange": 3, "noreplace": 3, "unlink": 8, "mkdir": 5, "rmdir": 4, "sync_folder": 2, "symlink": 1,
    }  # fmt: skip

    def __init__(self, root, model: Model, seed):
        self.root, self.model, self.random = str(root), model, random.Random(seed)
        self.held = {}  # handle: [File, whether it wrote since it was confirmed]
        self.is_dying = False
        self.told = deque(maxlen=TOLD)
        self.count = 0

    def play(self, count):
        """So many operations; Crashed when the daemon dies meanwhile."""
        names, weights = list(self.WEIGHTS), list(self.WEIGHTS.values())
        for _ in range(count):
            name = self.random.choices(names, weights)[0]
            if name == "map_write" and self.is_dying:
                continue  # a page that can't be had would be SIGBUS for us
            self.count += 1
            self.told.append(f"{self.count}: {name}")
            getattr(self, name)()

    def history(self):
        return "\n  ".join(["last operations:", *self.told])

    def note(self, *words):
        self.told[-1] += " " + " ".join(map(str, words))

    def fail(self, what):
        raise AssertionError(f"{what}\n{self.history()}")

    def path(self, name):
        return f"{self.root}/{name}"

    def _do(self, call, *arguments, change=None, expect=None):
        """One system call, and what it does to the model; its result."""
        result, found = None, None
        try:
            result = call(*arguments)
        except OSError as error:
            if self.is_dying and error.errno in GONE:
                if change and expect is None:
                    change()
                raise Crashed from error
            found = errno.errorcode[error.errno]
        if found != expect:
            self.fail(f"{call.__name__} gave {found}, not {expect}")
        if found is None and change:
            change()
        return result

    # ---- what is drawn

    def any_folder(self):
        return self.random.choice([path for path in self.model.folders if path.count("/") < DEPTH_MAX - 1])

    def any_name(self):
        """A name in a folder that is there; it may be taken."""
        folder = self.any_folder()
        name = self.random.choice(NAMES)
        return f"{folder}/{name}" if folder else name

    def any_file(self):
        """A file, or None when there is none."""
        files = self.model.files
        return self.random.choice(files) if files else None

    def any_bytes(self):
        return self.random.randbytes(self.random.choice(SIZES))

    def any_offset(self, file):
        return self.random.randrange(len(file.data) + self.random.choice((1, 1, 3000)))

    # ---- handles

    def _open(self, path, flags):
        fd = self._do(os.open, self.path(path), flags, 0o644)
        self.held[fd] = [self.model.names[path], False]
        return fd

    def _close(self, fd):
        file, wrote = self.held[fd]
        try:
            self._do(os.close, fd)
        finally:
            del self.held[fd]
        if wrote:
            self._confirmed(file)

    def _confirmed(self, file):
        self.model.confirm(file)
        for handle in self.held.values():
            if handle[0] is file:
                handle[1] = False

    def _wrote(self, fd):
        self.held[fd][1] = True

    def _write(self, fd, at, piece):
        file = self.held[fd][0]
        before = bytes(file.data)
        self.note(f"[{at}, +{len(piece)}]")
        done = self._do(os.pwrite, fd, piece, at, change=lambda: file.write(at, piece) if piece else None)
        if done != len(piece) and self.is_dying:  # the kernel sends a write in pieces
            file.may_also_be(before, at, piece[:done])
            raise Crashed
        if done != len(piece):
            self.fail(f"a write of {len(piece)} bytes wrote {done}")
        if piece:  # else nothing has changed that the close would confirm
            self._wrote(fd)

    def _create(self, path):
        """Open for writing, whether the file is there or not; None when the name is a folder's."""
        if self.model.is_folder(path):
            self._do(os.open, self.path(path), os.O_CREAT | os.O_RDWR, 0o644, expect="EISDIR")
            return None
        is_new = path not in self.model.names
        if is_new and len(self.model.files) >= FILES_MAX:
            return None
        change = (lambda: self.model.create(path)) if is_new else None
        fd = self._do(os.open, self.path(path), os.O_CREAT | os.O_RDWR, 0o644, change=change)
        self.held[fd] = [self.model.names[path], is_new]
        return fd

    def let_go(self):
        """Close every handle, as before an unmount."""
        for fd in list(self.held):
            self._close(fd)

    def sync_all(self):
        """fsync every handle that has written."""
        for fd, (file, wrote) in list(self.held.items()):
            if wrote:
                self._do(os.fsync, fd)
                self._confirmed(file)

    def forget(self):
        """After a crash: handles lead nowhere."""
        for fd in list(self.held):
            try:
                os.close(fd)
            except OSError:
                pass
        self.held.clear()
        self.is_dying = False

    # ---- operations on contents

    def save(self):
        path = self.any_name()
        self.note(path)
        fd = self._create(path)
        if fd is not None:
            self._write(fd, 0, self.any_bytes())
            self._close(fd)

    def edit(self):
        if path := self.any_file():
            self.note(path)
            fd = self._open(path, os.O_RDWR)
            for _ in range(self.random.randrange(1, 4)):
                self._write(fd, self.any_offset(self.held[fd][0]), self.any_bytes()[:5000])
            self._close(fd)

    def append(self):
        if path := self.any_file():
            fd = self._open(path, os.O_WRONLY | os.O_APPEND)
            file, piece = self.held[fd][0], self.any_bytes()[:5000]
            self.note(path, len(piece))
            self._do(os.write, fd, piece, change=lambda: file.write(len(file.data), piece) if piece else None)
            if piece:
                self._wrote(fd)
            self._close(fd)

    def truncate(self):
        if path := self.any_file():
            file = self.model.names[path]
            size = self.any_offset(file)
            self.note(path, size)
            self._do(os.truncate, self.path(path), size, change=lambda: file.resize(size))

    def rewrite(self):
        if path := self.any_file():
            file = self.model.names[path]
            self.note(path)
            fd = self._do(os.open, self.path(path), os.O_WRONLY | os.O_TRUNC, change=lambda: file.resize(0))
            self.held[fd] = [file, True]
            self._write(fd, 0, self.any_bytes())
            self._close(fd)

    def map_write(self):
        path = self.any_file()
        if path and self.model.names[path].data:
            fd = self._open(path, os.O_RDWR)
            file = self.held[fd][0]
            at = self.random.randrange(len(file.data))
            piece = self.any_bytes()[: len(file.data) - at]
            self.note(path, at, len(piece))
            with mmap.mmap(fd, len(file.data)) as view:
                view[at : at + len(piece)] = piece
            file.write(at, piece)
            self._wrote(fd)
            self._close(fd)

    def copy(self):
        source, target = self.any_file(), self.any_name()
        if source is None or target in self.model.names or len(self.model.files) >= FILES_MAX:
            return
        self.note(source, "to", target)
        old, new = self._open(source, os.O_RDONLY), self._create(target)
        data, done = bytes(self.held[old][0].data), 0
        while done < len(data):
            step = self._do(os.copy_file_range, old, new, len(data) - done, done, done)
            if step == 0:
                self.fail("copy_file_range found an early end")
            self.held[new][0].write(done, data[done : done + step])
            done += step
        self._close(old)
        self._close(new)

    def punch(self):
        path = self.any_file()
        if path and self.model.names[path].data:
            fd = self._open(path, os.O_RDWR)
            file = self.held[fd][0]
            at = self.random.randrange(len(file.data))
            length = self.random.randrange(1, len(file.data) - at + 1)
            self.note(path, at, length)
            self._do(fallocate, fd, PUNCH_HOLE | KEEP_SIZE, at, length, change=lambda: file.write(at, bytes(length)))
            self._wrote(fd)
            self._close(fd)

    def read(self):
        if path := self.any_file():
            self.note(path)
            fd = self._open(path, os.O_RDONLY)
            self._compare(fd)
            self._close(fd)

    def _compare(self, fd):
        file = self.held[fd][0]
        at = self.any_offset(file)
        found, expected = self._do(os.pread, fd, 50_000, at), file.data[at : at + 50_000]
        if self.is_dying and len(found) < len(expected) and expected.startswith(found):
            raise Crashed  # the pages before the one that could not be had
        if found != expected:
            self.fail(f"wrong bytes at {at}")

    # ---- operations on held handles

    def hold(self):
        path = self.any_name()
        if len(self.held) < HANDLES_MAX and not self.model.is_folder(path):
            self.note(path)
            self._create(path)

    def any_held(self):
        return self.random.choice(list(self.held)) if self.held else None

    def held_write(self):
        if (fd := self.any_held()) is not None:
            self._write(fd, self.any_offset(self.held[fd][0]), self.any_bytes()[:8000])

    def held_read(self):
        if (fd := self.any_held()) is not None:
            self._compare(fd)

    def held_sync(self):
        if (fd := self.any_held()) is not None:
            self._do(os.fsync, fd)
            if self.held[fd][1]:
                self._confirmed(self.held[fd][0])

    def release(self):
        if (fd := self.any_held()) is not None:
            self._close(fd)

    # ---- operations on names

    def _rename(self, old, new, flags=0):
        self.note(old, "to", new)
        noreplace, exchange = flags == NOREPLACE, flags == EXCHANGE
        if self._too_deep(old, new, exchange):
            return
        error = self.model.rename_error(old, new, noreplace, exchange)
        call = (rename2, self.path(old), self.path(new), flags) if flags else (os.rename, self.path(old), self.path(new))
        self._do(*call, change=lambda: self.model.rename(old, new, noreplace, exchange), expect=error)

    def _too_deep(self, old, new, exchange):
        """Folders that would grow below DEPTH_MAX are left where they are."""
        pairs = [(old, new), *([(new, old)] if exchange else [])]
        return any(name.count("/") - a.count("/") + b.count("/") >= DEPTH_MAX for a, b in pairs for name in [a, *self.model.below(a)])

    def _any_old(self):
        return self.random.choice([*self.model.names, self.any_name()]) if self.model.names else self.any_name()

    def rename(self):
        self._rename(self._any_old(), self.any_name())

    def rename_over(self):
        old, new = self.any_file(), self.any_file()
        if old and new:
            self._rename(old, new)

    def exchange(self):
        self._rename(self._any_old(), self._any_old(), EXCHANGE)

    def noreplace(self):
        self._rename(self._any_old(), self.any_name(), NOREPLACE)

    def unlink(self):
        path = self.random.choice((self.any_file, self.any_file, self._any_old))()
        if path:
            self.note(path)
            error = self._error_of(self.model.unlink, path)
            self._do(os.unlink, self.path(path), change=lambda: self.model.unlink(path), expect=error)

    def mkdir(self):
        path = self.any_name()
        self.note(path)
        error = "EEXIST" if path in self.model.names else None
        self._do(os.mkdir, self.path(path), change=lambda: self.model.mkdir(path), expect=error)

    def rmdir(self):
        folders = self.model.folders[1:]
        path = self.random.choice([*folders, self._any_old()])
        self.note(path)
        error = self._error_of(self.model.rmdir, path)
        self._do(os.rmdir, self.path(path), change=lambda: self.model.rmdir(path), expect=error)

    def _error_of(self, method, path):
        """What the model would answer, without changing it."""
        trial = Model()
        trial.names = dict(self.model.names)
        return getattr(trial, method.__name__)(path)

    def sync_folder(self):
        fd = self._do(os.open, self.path(self.any_folder()), os.O_RDONLY | os.O_DIRECTORY)
        self._do(os.fsync, fd)
        self.model.durable()  # a fsync that the daemon did not live to answer makes nothing safe
        os.close(fd)

    def symlink(self):
        path = self.any_name()
        if path not in self.model.names and not PLAIN:
            self._do(os.symlink, "a", self.path(path), expect=errno.errorcode[errno.ENOTSUP])
