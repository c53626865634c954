# SPDX-License-Identifier: Apache-2.0
"""Disks of a test's own, for the state directory of a writable mount (root only).

`FrozenDisk` is an ext4 image that can be held up: freezing flushes it, and from then on whoever writes
(a journal's transaction, above all) waits. `SmallDisk` is a tmpfs that is soon full.
"""

import fcntl
import os
import subprocess
import tempfile
import time
from pathlib import Path

FIFREEZE = 0xC0045877
WATCHDOG_SECONDS = 120  # a disk that stays frozen would hang whatever touches it


def unmount(path):
    """Whether what is there could be unmounted, not only hidden; who has just been killed, and a loop device, let go a moment later."""
    for _ in range(100):
        done = subprocess.run(["umount", str(path)], check=False, capture_output=True)
        if done.returncode == 0:
            return True
        time.sleep(0.05)
    subprocess.run(["umount", "-l", str(path)], check=False)
    return False


class _Disk:
    def __init__(self, *mount):
        self.root = Path(tempfile.mkdtemp(prefix="disk-"))
        self.path = self.root / "mnt"
        self.path.mkdir()
        self._mount = mount

    def __enter__(self):
        subprocess.run(["mount", *self._mount, str(self.path)], check=True)
        self.path.chmod(0o700)
        return self

    def __exit__(self, *_):
        unmount(self.path)
        subprocess.run(["rm", "-rf", "--one-file-system", str(self.root)], check=True)


class SmallDisk(_Disk):
    """A tmpfs of so many KiB."""

    def __init__(self, kib):
        super().__init__("-t", "tmpfs", "-o", f"size={kib}k,mode=700", "tmpfs")


class FrozenDisk(_Disk):
    """An ext4 image; freeze() and thaw()."""

    def __init__(self, mib=64):
        self.image = Path(tempfile.mkdtemp(prefix="image-")) / "disk.img"
        with open(self.image, "wb") as file:
            file.truncate(mib << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self.image)], check=True)
        super().__init__("-o", "loop", str(self.image))
        self._watchdog = None

    def __enter__(self):
        super().__enter__()
        command = ["bash", "-c", 'read -t "$1"; fsfreeze -u "$2"', "thaw", str(WATCHDOG_SECONDS), str(self.path)]
        # In a session of its own: what kills the test run must not kill whoever thaws the disk after it.
        self._watchdog = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        return self

    def freeze(self):
        """By ioctl: a child process would close its copies of our handles, and each close is a FLUSH."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, FIFREEZE, 0)
        finally:
            os.close(fd)

    def thaw(self):
        """By the watchdog, which has it open: read(1) of a closed pipe ends."""
        if self._watchdog:
            self._watchdog.stdin.close()
            self._watchdog.wait()
            self._watchdog = None

    def __exit__(self, *arguments):
        self.thaw()
        super().__exit__(*arguments)
        self.image.unlink()
        self.image.parent.rmdir()
