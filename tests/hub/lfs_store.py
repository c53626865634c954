# SPDX-License-Identifier: Apache-2.0
"""LFS objects without Xet: plain files named by their SHA-256."""

import hashlib
import os
import re
import tempfile

POINTER = re.compile(rb"^version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (\d+)\n$")
POINTER_SIZES = range(120, 160)


class LfsStore:
    """Content under data/lfs."""

    def __init__(self, data_dir):
        self._dir = os.path.join(data_dir, "lfs")
        os.makedirs(self._dir, exist_ok=True)

    def path(self, sha256):
        """File of an object."""
        return os.path.join(self._dir, sha256)

    def size(self, sha256):
        """Length of a stored object, or None."""
        try:
            return os.stat(self.path(sha256)).st_size
        except FileNotFoundError:
            return None

    async def receive(self, sha256, pieces):
        """Store a body if it is what its name says; returns its length, or None."""
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self._dir, delete=False) as file:
            length = 0
            async for piece in pieces:
                digest.update(piece)
                file.write(piece)
                length += len(piece)
        if digest.hexdigest() != sha256:
            os.unlink(file.name)
            return None
        os.rename(file.name, self.path(sha256))
        return length


def pointer(sha256, size):
    """The blob that stands in git for an LFS file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def parse_pointer(data):
    """(sha256, size) when a blob is an LFS pointer, else None."""
    match = POINTER.match(data)
    return (match[1].decode(), int(match[2])) if match else None
