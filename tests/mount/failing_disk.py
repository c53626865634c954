# SPDX-License-Identifier: Apache-2.0
"""`FailingDisk`: a disk that takes writes into the page cache and fails when they are flushed (root only).

An ext4 without a journal in a sparse image, on a tmpfs. fail() fills the tmpfs: from then on a block that
the image has not had before can't be written. The file system is not full and write(2) goes on; its
fsync(2) fails once, the next one says that all is well, and the bytes are gone: as with every bad disk.
Files must grow by whole blocks of 4096 bytes: a loop device takes a write that was cut short for a whole one.
"""

import errno
import subprocess

from local_disk import SmallDisk, _Disk


class FailingDisk(_Disk):
    """fail() and mend()."""

    def __init__(self):
        self._below = SmallDisk(16 << 10)
        self._ballast = self._below.path / "ballast"
        self.image = self._below.path / "disk.img"
        super().__init__("-o", "loop,errors=continue", str(self.image))

    def __enter__(self):
        self._below.__enter__()
        with open(self.image, "wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-b", "4096", "-O", "^has_journal", "-E", "nodiscard,lazy_itable_init=0", str(self.image)], check=True)
        return super().__enter__()

    def fail(self):
        subprocess.run(["sync", "-f", str(self.path)], check=True)
        with open(self._ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as error:
                assert error.errno == errno.ENOSPC, error

    def mend(self):
        self._ballast.unlink(missing_ok=True)

    def __exit__(self, *arguments):
        self.mend()
        super().__exit__(*arguments)
        self._below.__exit__(*arguments)
