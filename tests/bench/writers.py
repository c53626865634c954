# SPDX-License-Identifier: Apache-2.0
"""The programs that write: plain system calls, so that what is timed is the file system. Where a
close() alone keeps nothing (`syncs`), they call fsync() before it."""

import os
import threading

BLOCK = 1 << 20
SMALL = 4096


def copy(source, target, syncs):
    """Copies a file in blocks of 1 MiB, as a program that saves its memory would."""
    buffer = bytearray(BLOCK)
    view = memoryview(buffer)
    reading = os.open(source, os.O_RDONLY)
    writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        while got := os.readv(reading, [buffer]):
            done = 0
            while done < got:
                done += os.write(writing, view[done:got])
        if syncs:
            os.fsync(writing)
    finally:
        os.close(reading)
        os.close(writing)


def _small_files(folder, data, first, step, syncs):
    for number in range(first, len(data) // SMALL, step):
        path = os.path.join(folder, f"note-{number:04d}.txt")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(fd, data[number * SMALL : (number + 1) * SMALL])
        if syncs:
            os.fsync(fd)
        os.close(fd)


def small_files(folder, data, writers, syncs):
    """Creates, writes and closes one file after the other, in each of so many threads."""
    threads = [threading.Thread(target=_small_files, args=(folder, data, first, writers, syncs))
               for first in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def save(path, text, syncs):
    """What an editor does that saves in place."""
    with open(path, "wb", buffering=0) as file:
        file.write(text)
        if syncs:
            os.fsync(file.fileno())
