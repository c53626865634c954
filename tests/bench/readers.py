# SPDX-License-Identifier: Apache-2.0
"""The programs that read: plain system calls, so that what is timed is the file system."""

import filecmp
import json
import mmap
import os
import random
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

BLOCK = 1 << 20


def sequential(path, size, start=0):
    """Reads so many bytes in blocks of 1 MiB; it is an error if there are fewer."""
    buffer = memoryview(bytearray(BLOCK))
    done = 0
    fd = os.open(path, os.O_RDONLY)
    try:
        while done < size and (got := os.preadv(fd, [buffer[: size - done]], start + done)):
            done += got
    finally:
        os.close(fd)
    if done != size:
        raise AssertionError(f"{done} of {size} bytes in {path}")


def pieces(path, offsets, length):
    """Reads so many bytes at each offset, in that order; it is an error if there are fewer."""
    buffer = bytearray(length)
    fd = os.open(path, os.O_RDONLY)
    try:
        for offset in offsets:
            if os.preadv(fd, [buffer], offset) != length:
                raise AssertionError(f"fewer than {length} bytes at {offset} in {path}")
    finally:
        os.close(fd)


def at_once(actions):
    """Runs each in a thread of its own, begun at the same moment; returns how many seconds each took."""
    start = threading.Barrier(len(actions))

    def one(action):
        start.wait()
        began = time.perf_counter()
        action()
        return time.perf_counter() - began

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(one, actions))


def random_offsets(size, count, seed):
    """4 KiB-aligned offsets, the same for every peer in a round."""
    chooser = random.Random(seed)
    return [chooser.randrange(size // 4096) * 4096 for _ in range(count)]


def random_reads(path, offsets):
    """4 KiB preads without read-ahead, as a database would."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        for offset in offsets:
            if len(os.pread(fd, 4096, offset)) != 4096:
                raise AssertionError(f"short read at {offset}")
    finally:
        os.close(fd)


def safetensors_by_mmap(path):
    """What a loader does: the header, then every tensor in file order, copied out of a map."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as area:
        (header_size,) = struct.unpack_from("<Q", area, 0)
        header = json.loads(area[8 : 8 + header_size])
        spans = sorted(tensor["data_offsets"] for name, tensor in header.items() if name != "__metadata__")
        target = bytearray(max(end - begin for begin, end in spans))
        total = 0
        for begin, end in spans:
            start = 8 + header_size + begin
            memoryview(target)[: end - begin] = memoryview(area)[start : start + end - begin]
            total += end - begin
    return total


def list_tree(root):
    """What `ls -lR` does: every folder read, every entry stat'ed. Returns the files."""
    files = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            os.stat(path)
            files.append(path)
    return files


def cat(files, size):
    """Reads all of them; it is an error if they have fewer bytes together."""
    buffer = bytearray(1 << 16)
    total = 0
    for path in files:
        fd = os.open(path, os.O_RDONLY)
        try:
            while got := os.readv(fd, [buffer]):
                total += got
        finally:
            os.close(fd)
    if total < size:
        raise AssertionError(f"{total} of {size} bytes in {len(files)} files")


def first_bytes(path, count=4096):
    with open(path, "rb", buffering=0) as file:
        if len(file.read(count)) != count:
            raise AssertionError(f"fewer than {count} bytes in {path}")


def same_files(wanted, found):
    """It is an error if a file below the first folder is another one, or none, below the second."""
    for path in list_tree(wanted):
        other = os.path.join(found, os.path.relpath(path, wanted))
        if not filecmp.cmp(path, other, shallow=False):
            raise AssertionError(f"other bytes in {other}")
