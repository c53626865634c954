# SPDX-License-Identifier: Apache-2.0
"""What the kernel tells about a FUSE mount, without sending the mount a request.

mountinfo and fusectl answer even when the daemon hangs: so the tests can see that a reader is
really parked, and can end a stuck mount, without becoming stuck themselves.
"""

import fcntl
import os
import re
import stat
import subprocess
from contextlib import contextmanager
from pathlib import Path

CONNECTIONS = Path("/sys/fs/fuse/connections")


def _unescape(text):
    """mountinfo writes space, tab, newline and backslash in octal."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


class MountEntry:
    """One line of /proc/self/mountinfo (proc(5))."""

    def __init__(self, line):
        left, _, right = line.partition(" - ")
        fields, rest = left.split(" "), right.split(" ")
        self.device = fields[2]
        self.point = _unescape(fields[4])
        self.options = fields[5].split(",")
        self.type = rest[0]
        self.source = _unescape(rest[1])
        self.super_options = rest[2].rstrip("\n").split(",")


def mount_entry(point):
    """The topmost mount at a path, or None; asks the mount nothing."""
    found = None
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            entry = MountEntry(line)
            if entry.point == str(point):
                found = entry
    return found


class Connection:
    """The kernel's side of one FUSE mount: fusectl and its backing device information."""

    def __init__(self, device):
        self.device = device
        self.number = device.partition(":")[2]
        ensure_fusectl()

    def _file(self, name):
        return CONNECTIONS / self.number / name

    @property
    def waiting(self):
        """Requests that were sent or queued and have no answer yet."""
        return int(self._file("waiting").read_text())

    @property
    def max_background(self):
        return int(self._file("max_background").read_text())

    @property
    def read_ahead_kb(self):
        return int(Path(f"/sys/class/bdi/{self.device}/read_ahead_kb").read_text())

    def abort(self):
        """End every request now; the mount then answers ENOTCONN."""
        try:
            self._file("abort").write_text("1")
        except OSError:
            pass  # already gone


def ensure_fusectl():
    """Mount fusectl where nothing did (containers); needs root, harmless otherwise."""
    if not os.path.ismount(CONNECTIONS) and os.geteuid() == 0:
        subprocess.run(["mount", "-t", "fusectl", "fusectl", str(CONNECTIONS)], check=False)


@contextmanager
def fuse_for_everybody():
    """What udev does elsewhere: /dev/fuse open to all users. One test at a time: other workers wait for their turn."""
    with open("/dev/fuse", "rb") as device:
        fcntl.flock(device, fcntl.LOCK_EX)
        before = stat.S_IMODE(os.fstat(device.fileno()).st_mode)
        os.fchmod(device.fileno(), 0o666)
        try:
            yield
        finally:
            os.fchmod(device.fileno(), before)


def drop_caches():
    """Forget clean pages, dentries and inodes of every filesystem (root only)."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def drop_pages(path):
    """Forget the page cache of one file; needs no privilege."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)
