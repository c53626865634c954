# SPDX-License-Identifier: Apache-2.0
"""`CutDisk`: an ext4 whose power can be cut; it forgets what was not flushed to the device (root only).

    with CutDisk(seed) as disk:
        ...                     # work below disk.path
        disk.cut(process)       # `process` is killed, and the disk is what a power cut left of it

Between the cut and the death of the process its device answers nothing: nobody can tell others of what the
disk does not have. See cut_device.py.
"""

import subprocess
import sys

import cut_device
from local_disk import _Disk, unmount

SIZE = 1 << 30


class CutDisk(_Disk):
    """cut(); `options` are ext4's."""

    def __init__(self, seed, options=()):
        super().__init__()
        self._point = self.root / "device"
        self._mount = ("-o", ",".join(["loop", *options]), str(self._point))
        self._seed, self._device = seed, None

    def __enter__(self):
        self._point.touch()
        command = [sys.executable, "-S", "-E", cut_device.__file__, str(self._point), str(SIZE), str(self._seed)]
        self._device = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._answer()
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=0", "-N", "8192", str(self._point)], check=True)
        return super().__enter__()

    def _answer(self):
        if self._device.stdout.read(1) != b".":
            raise OSError(f"the device has ended: {self._device.wait()}")

    def _order(self, letter):
        self._device.stdin.write(letter)
        self._device.stdin.flush()
        self._answer()

    def cut(self, process=None):
        """Cut the power, and bring it back: `process` ends, what has not reached the disk is gone."""
        self._order(b"c")
        if process:
            process.kill()
        self._order(b"g")
        if process:
            process.wait()
        if not unmount(self.path):
            raise OSError(f"{self.path} is still in use after the cut")
        self._order(b"b")
        super().__enter__()

    def __exit__(self, *arguments):
        unmount(self.path)
        unmount(self._point)
        self._device.communicate()
        self._device = None
        subprocess.run(["rm", "-rf", "--one-file-system", str(self.root)], check=True)
