# SPDX-License-Identifier: Apache-2.0
"""The block device below a `CutDisk`: a program that serves one file by the FUSE protocol, from memory.

A loop device lies on that file and a file system on the loop device, so this sees each write and each flush of
the block layer, in their order. What was written before a flush is on the platters; of what came later a cut
keeps nothing, everything, or any of its sectors, as the seed has it.

    cut_device.py POINT SIZE SEED       POINT is a file to mount on

One byte on its standard input is an order, and is answered when it is done:
  "c"  the power is cut: nothing that is asked of the device is answered
  "g"  whatever is asked is answered, nothing is kept: who waits for the device can end
  "b"  the power is back, once nobody has the device open: what is read is what was left
It ends when it is unmounted, or when its standard input does.
"""

import ctypes
import mmap
import os
import random
import select
import struct
import sys

SECTOR = 512
MAX_WRITE = 1 << 20
BIG_WRITES, MAX_PAGES = 1 << 5, 1 << 22
FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, RELEASE, FSYNC, FLUSH, INIT = 2, 3, 4, 14, 15, 16, 18, 20, 25, 26
INTERRUPT, DESTROY, BATCH_FORGET = 36, 38, 42
NO_REPLY = (FORGET, INTERRUPT, BATCH_FORGET)
IN_HEADER_SIZE, WRITE_IN_SIZE = 40, 40
OUT_HEADER, ATTRIBUTES = struct.Struct("<IiQ"), struct.Struct("<QII6Q10I")
ENOSYS, NOSUID_NODEV = 38, 6


class Platters:
    """The bytes of a disk: as they are read, as they would survive, and the writes between the two."""

    def __init__(self, size, seed):
        self.random = random.Random(seed)
        self.now, self.kept = mmap.mmap(-1, size), mmap.mmap(-1, size)
        self.unflushed, self.is_off = [], False

    def write(self, offset, data):
        self.now[offset : offset + len(data)] = data
        self.unflushed.append((offset, data))

    def flush(self):
        if not self.is_off:
            for offset, data in self.unflushed:
                self.kept[offset : offset + len(data)] = data
            self.unflushed = []

    def cut(self):
        """Sectors are written whole or not at all."""
        share = self.random.choice((0, 1, self.random.random()))
        for offset, data in self.unflushed:
            for start in range(0, len(data), SECTOR):
                if self.random.random() < share:
                    sector = data[start : start + SECTOR]
                    self.kept[offset + start : offset + start + len(sector)] = sector
        self.is_off = True

    def back(self):
        for offset, data in self.unflushed:
            self.now[offset : offset + len(data)] = self.kept[offset : offset + len(data)]
        self.unflushed, self.is_off = [], False


class Device:
    """The FUSE protocol for a file system that is one file."""

    def __init__(self, point, platters):
        self.platters = platters
        self.handles, self.is_answering = 0, True
        self.fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        libc = ctypes.CDLL(None, use_errno=True)
        options = f"fd={self.fuse},rootmode=100000,user_id=0,group_id=0,max_read={MAX_WRITE}"
        if libc.mount(b"cut-disk", os.fsencode(point), b"fuse", NOSUID_NODEV, options.encode()) != 0:
            raise OSError(ctypes.get_errno(), "mount")

    def run(self):
        while True:
            ready, _, _ = select.select([0, self.fuse] if self.is_answering else [0], [], [])
            if 0 in ready:
                order = os.read(0, 1)
                if not order:
                    return
                self._obey(order)
            elif not self._serve():
                return

    def _obey(self, order):
        self.is_answering = order != b"c"
        if order == b"c":
            self.platters.cut()
        elif order == b"b":
            while self.handles > 0:
                self._serve()
            self.platters.back()
        os.write(1, b".")

    def _serve(self):
        """One request; False: unmounted."""
        try:
            request = os.read(self.fuse, MAX_WRITE + 8192)
        except OSError:
            return False
        opcode, unique = struct.unpack_from("<4xIQ", request)
        if opcode not in NO_REPLY:
            error, body = self._answer(opcode, memoryview(request)[IN_HEADER_SIZE:])
            os.write(self.fuse, OUT_HEADER.pack(OUT_HEADER.size + len(body), -error, unique) + body)
        return opcode != DESTROY

    def _answer(self, opcode, body):
        """(errno, bytes)"""
        size = len(self.platters.now)
        if opcode == INIT:
            limits = (MAX_WRITE, BIG_WRITES | MAX_PAGES, 12, 9, MAX_WRITE, 1, MAX_WRITE // 4096, 0, 0, 0)
            return 0, struct.pack("<IIIIHHIIHHII24x", 7, 31, *limits)
        if opcode in (GETATTR, SETATTR):
            return 0, ATTRIBUTES.pack(3600, 0, 0, 1, size, size // 512, 0, 0, 0, 0, 0, 0, 0o100600, 1, 0, 0, 0, 4096, 0)
        if opcode == READ:
            offset, length = struct.unpack_from("<8xQI", body)
            return 0, self.platters.now[offset : offset + length]
        if opcode == WRITE:
            offset, length = struct.unpack_from("<8xQI", body)
            self.platters.write(offset, bytes(body[WRITE_IN_SIZE : WRITE_IN_SIZE + length]))
            return 0, struct.pack("<II", length, 0)
        if opcode == FSYNC:
            self.platters.flush()
        self.handles += {OPEN: 1, RELEASE: -1}.get(opcode, 0)
        if opcode == OPEN:
            return 0, struct.pack("<QIi", 0, 0, 0)
        return (0, b"") if opcode in (FSYNC, FLUSH, RELEASE, DESTROY) else (ENOSYS, b"")


if __name__ == "__main__":
    device = Device(sys.argv[1], Platters(int(sys.argv[2]), int(sys.argv[3])))
    os.write(1, b".")
    device.run()
