# SPDX-License-Identifier: Apache-2.0
"""Cells of 4 KiB reads at random places of one file."""

import os
import statistics
from functools import partial

from bench import readers
from bench.cell import Work, client, cold_read, reads
from bench.chunks import least_bytes

READ = 4096


def _rate(meter):
    return meter.needed / READ / meter.seconds


def _fetched(meter):
    return {"KB a read": meter.bytes_sent / (meter.needed / READ) / 1e3} if meter.bytes_sent else {}


def _fetched_of(context, offsets):
    """And how many times as much as the chunks that are touched."""
    def facts(meter):
        if not meter.bytes_sent:
            return {}
        least = least_bytes(context.hub, context.repos["big"], "data.bin", tuple(offsets), READ)
        return {**_fetched(meter), "fetched/chunks": meter.bytes_sent / least}
    return facts


def random_4k(peer, context):
    """One reader."""
    offsets = readers.random_offsets(context.big_size, context.random_count, context.round)
    needed = len(offsets) * READ
    if peer.mounts:
        work = Work(lambda view: readers.random_reads(view.path("data.bin"), offsets), _rate, needed,
                    _fetched_of(context, offsets))
        yield from reads(peer, context, "big", work)
    elif peer.name == "HfFileSystem":
        yield "cold", client(context, peer, "filesystem-random", context.repos["big"], "data.bin", *offsets,
                             value=_rate, needed=needed)


def random_4k_by(count):
    """A cell: so many readers at once, each with a quarter as many reads as the one reader has."""

    def run(peer, context):
        if not peer.mounts:
            return
        offsets = readers.random_offsets(context.big_size, max(1, context.random_count // 4) * count, context.round)
        work = Work(lambda view: readers.at_once([partial(readers.random_reads, view.path("data.bin"), offsets[number::count])
                                                  for number in range(count)]), _rate, len(offsets) * READ, _fetched)
        yield from reads(peer, context, "big", work)

    return run


def readers_at_once(count):
    """A cell: so many readers of one read each, evenly spread; the median in ms."""

    def run(peer, context):
        if not peer.mounts:
            return

        def read_all(view):
            path = view.path("data.bin")
            os.stat(path)  # its name is known, and nothing else
            step = context.big_size // count // READ * READ
            return readers.at_once([partial(readers.random_reads, path, [number * step]) for number in range(count)])

        work = Work(read_all, lambda meter: statistics.median(meter.result) * 1e3, count * READ,
                    lambda meter: {"max/median": max(meter.result) / statistics.median(meter.result)})
        yield from cold_read(peer, context, "big", work)

    return run
