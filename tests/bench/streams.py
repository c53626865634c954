# SPDX-License-Identifier: Apache-2.0
"""Cells of reading a large file other than by one reader from its first byte to its last, nothing cached:
several readers that begin at once (GB/s of all together, and how even it was), backward, a part of each
MiB, records here and there."""

import random
from functools import partial

from bench import readers, samples
from bench.cell import Work, cold_read, in_gigabytes_per_s

STRIDE = 1 << 20
STRIP = 128 << 10  # of each stride


def fairness(meter):
    """Of readers of as many bytes each: what the slowest got done in the time of the fastest."""
    return {"slowest/fastest": min(meter.result) / max(meter.result)}


def _streams(peer, context, sample, count, reader):
    if not peer.mounts:
        return
    part = context.big_size // count
    work = Work(lambda view: readers.at_once([partial(reader, view, number, part) for number in range(count)]),
                in_gigabytes_per_s, part * count, fairness)
    yield from cold_read(peer, context, sample, work)


def of_one_file(count):
    """A cell: so many readers, each of a part of its own."""
    return lambda peer, context: _streams(peer, context, "big", count, lambda view, number, part: readers.sequential(
        view.path("data.bin"), part, number * part))


def of_a_file_each(peer, context):
    return _streams(peer, context, "parts", samples.PARTS, lambda view, number, part: readers.sequential(
        view.path(f"data-{number}.bin"), part))


def _pieces(peer, context, offsets, length):
    if peer.mounts:
        work = Work(lambda view: readers.pieces(view.path("data.bin"), offsets, length), in_gigabytes_per_s,
                    len(offsets) * length)
        yield from cold_read(peer, context, "big", work)


def backward(peer, context):
    """The last MiB, the one before it, and so on to the first."""
    return _pieces(peer, context, range(context.big_size - readers.BLOCK, -1, -readers.BLOCK), readers.BLOCK)


def strided(peer, context):
    """The first 128 KiB of each MiB, as one column of a table that lies row by row; GB/s of those."""
    return _pieces(peer, context, range(0, context.big_size - STRIP + 1, STRIDE), STRIP)


def records_by(count):
    """A cell: so many workers that take records of a MiB in any order, every sixteenth of the file in all, as
    a training run does of a shuffled data set; GB/s of those."""

    def run(peer, context):
        if not peer.mounts:
            return
        n = max(count, context.big_size // readers.BLOCK // 16)
        places = random.Random(context.round).sample(range(context.big_size // readers.BLOCK), n)
        offsets = [place * readers.BLOCK for place in places]
        work = Work(lambda view: readers.at_once([partial(readers.pieces, view.path("data.bin"), offsets[number::count],
                                                          readers.BLOCK) for number in range(count)]),
                    in_gigabytes_per_s, n * readers.BLOCK)
        yield from cold_read(peer, context, "big", work)

    return run
