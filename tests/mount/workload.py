# SPDX-License-Identifier: Apache-2.0
"""A mixed workload on a repository, whose every answer is judged: right, or ENETUNREACH, and in time.

    work = Workload(made / "models/acme/mixed", repository, extra=[...])
    for step in work.steps:
        work.check(step)                 # anything but a right answer or ENETUNREACH fails
    assert work.is_complete()            # every step is right now

A step is a name, an action, and what it must come to: a value, or an errno. Steps that read through a
mapping run in a process of their own, which a missing byte kills by SIGBUS.
"""

import errno
import os
import random
import signal
import subprocess
import sys
import time

from machine import PROMPT
from reader import pread

MAPPED = """
import mmap, sys
with open(sys.argv[1], "rb") as file:
    view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
sys.stdout.buffer.write(view[int(sys.argv[2]) : int(sys.argv[2]) + 4096])
"""


def read_mapped(path, offset):
    """4 KiB by a mapping; a missing byte is told as the errno that a read would have given."""
    done = subprocess.run([sys.executable, "-S", "-E", "-c", MAPPED, path, str(offset)], capture_output=True, check=False)
    if done.returncode == -signal.SIGBUS or f"[Errno {errno.ENETUNREACH}]".encode() in done.stderr:
        raise OSError(errno.ENETUNREACH, "SIGBUS")
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_whole(path):
    with open(path, "rb") as file:
        return file.read()


def outcome(action):
    """What an action came to: its value, or an errno; and how long it took."""
    started = time.monotonic()
    try:
        value = action()
    except OSError as error:
        value = error
    return value, time.monotonic() - started


class Workload:
    """See the top of this file. `extra`: further steps (name, action, value)."""

    def __init__(self, root, repository, extra=(), seed=1):
        self.has_noticed = False
        files = repository.files
        source = random.Random(seed)
        big = max(files, key=lambda name: len(repository.bytes(name)))
        folders = sorted({name.rpartition("/")[0] for name in files})
        self.steps = [self._missing(root, "no-such-file"), *extra]
        for folder in folders:
            prefix = folder + "/" if folder else ""
            wanted = sorted({name[len(prefix) :].partition("/")[0] for name in files if name.startswith(prefix)})
            self.steps.append((f"list {folder}", lambda at=root / folder: sorted(os.listdir(at)), wanted))
            self.steps.append(self._missing(root, prefix + "missing.txt"))
        for name in files:
            self.steps.append((f"stat {name}", lambda at=root / name: os.stat(at).st_size, len(repository.bytes(name))))
        for _ in range(3):
            offset = source.randrange(len(repository.bytes(big)) - 4096)
            right = repository.bytes(big)[offset : offset + 4096]
            self.steps.append((f"read {big} {offset}", lambda at=offset: pread(root / big, at, 4096), right))
        offset = source.randrange(len(repository.bytes(big)) // 4096 - 1) * 4096
        self.steps.append(("map", lambda: read_mapped(root / big, offset), repository.bytes(big)[offset : offset + 4096]))
        for name in files:
            self.steps.append((f"read {name}", lambda at=root / name: read_whole(at), repository.bytes(name)))

    @staticmethod
    def _missing(root, name):
        return f"missing {name}", lambda: os.stat(root / name), errno.ENOENT

    def check(self, step, may_fail=True):
        """True when it is right; False for ENETUNREACH; anything else, or slowness once the loss was noticed, fails."""
        name, action, wanted = step
        value, seconds = outcome(action)
        number = value.errno if isinstance(value, OSError) else None
        limit = 10 if self.has_noticed else 6 * PROMPT
        assert seconds < limit, f"{name}: {seconds:.1f} s"
        if number == errno.ENETUNREACH:
            self.has_noticed = True
            assert may_fail, f"{name} is out of reach"
            return False
        if isinstance(value, list):  # the Hub adds a file of its own
            value = [entry for entry in value if entry != ".gitattributes"]
        assert (number if number else value) == wanted, f"{name}: {value!r:.200}"
        return True

    def is_complete(self):
        """Whether every step is right now."""
        self.has_noticed = False
        return all([self.check(step) for step in self.steps])
