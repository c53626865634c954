# SPDX-License-Identifier: Apache-2.0
"""Cells of what one has to wait for: the first byte, and others' reads that the server does not answer."""

import contextlib
import os
import statistics
import threading
import time

from bench import readers
from bench.cell import Work, client, cold_read, in_ms, timed
from bench.measure import forget_pages

FIRST = 4096
STALLED_READERS = 200
PROBES = 200
GIVE_UP_S = 60  # a daemon that lets the others wait for so long is killed


def first_byte(peer, context):
    """The daemon is up, nothing was asked yet."""
    if peer.mounts:
        work = Work(lambda view: readers.first_bytes(view.path("data.bin"), FIRST), in_ms, FIRST)
        yield from cold_read(peer, context, "big", work)
    elif peer.name == "HfFileSystem":
        yield "cold", client(context, peer, "filesystem-first", context.repos["big"], "data.bin", value=in_ms, needed=FIRST)


def first_byte_of_mount(peer, context):
    """From the start of the daemon to the byte."""

    def mount_and_read(view):
        view.mount()
        readers.first_bytes(view.path("data.bin"), FIRST)

    if peer.has_daemon:
        with peer.fresh(context.repos["big"], mounted=False) as view:
            forget_pages(FIRST, context.hub)
            yield "cold", timed(context, view, Work(mount_and_read, in_ms, FIRST))


def probe_us(view, path):
    """Times of a listing, of a lookup and of a read that the daemon has to answer, together, in microseconds: a name
    that nobody has asked for before, and a page that has been read but is not in the page cache. It is an error if
    they do not end, and the daemon is killed for it."""
    times = []
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        while len(times) < PROBES and sum(times) < GIVE_UP_S / 2:
            os.posix_fadvise(fd, 0, FIRST, os.POSIX_FADV_DONTNEED)
            started = time.perf_counter()
            os.listdir(view.path())
            os.path.lexists(view.path(f"missing-{time.monotonic_ns()}"))
            os.pread(fd, FIRST, 0)
            times.append(time.perf_counter() - started)
            if view.process.poll() is not None:
                raise RuntimeError(f"probes did not end within {GIVE_UP_S} s")
    finally:
        os.close(fd)
    return [seconds * 1e6 for seconds in times]


def read_and_forget(path, offset):
    """A reader that may fail: the mount goes away under it."""
    try:
        with open(path, "rb", buffering=0) as file:
            os.pread(file.fileno(), FIRST, offset)
    except OSError:
        pass


@contextlib.contextmanager
def stalled_readers(context, view, path):
    """Reads that the server does not answer, all over the file."""
    context.hub.faults({"match": {"origin": "cdn"}, "count": -1, "action": {"stall": True}})
    step = context.big_size // (STALLED_READERS + 1) // 4096 * 4096
    threads = [threading.Thread(target=read_and_forget, args=(path, step * (number + 1)), daemon=True)
               for number in range(STALLED_READERS)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    limit = threading.Timer(GIVE_UP_S, view.process.kill)
    limit.start()
    try:
        yield
    finally:
        limit.cancel()
        context.hub.clear()
        for thread in threads:
            thread.join()


def stalled(peer, context):
    """What everybody else notices of 200 reads that the server does not answer."""
    if not peer.has_daemon or not peer.has_latency:
        return
    with peer.fresh(context.repos["big"]) as view:
        path = view.path("data.bin")
        probe = Work(lambda view: probe_us(view, path), lambda meter: statistics.median(meter.result),
                     facts=lambda meter: {"slowest": max(meter.result)}, settles=False)
        readers.first_bytes(path, FIRST)
        yield "idle", timed(context, view, probe)
        with stalled_readers(context, view, path):
            yield "stalled", timed(context, view, probe)
