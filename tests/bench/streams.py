# SPDX-License-Identifier: Apache-2.0
"""Cells of eight readers that begin at once, nothing cached: GB/s of all together, and how even it was."""

from functools import partial

from bench import readers
from bench.cell import Work, cold_read, in_gigabytes_per_s

STREAMS = 8


def fairness(meter):
    """Of readers of as many bytes each: what the slowest got done in the time of the fastest."""
    return {"slowest/fastest": min(meter.result) / max(meter.result)}


def _streams(peer, context, sample, reader):
    if not peer.mounts:
        return
    part = context.big_size // STREAMS
    work = Work(lambda view: readers.at_once([partial(reader, view, number, part) for number in range(STREAMS)]),
                in_gigabytes_per_s, part * STREAMS, fairness)
    yield from cold_read(peer, context, sample, work)


def of_one_file(peer, context):
    return _streams(peer, context, "big", lambda view, number, part: readers.sequential(
        view.path("data.bin"), part, number * part))


def of_a_file_each(peer, context):
    return _streams(peer, context, "parts", lambda view, number, part: readers.sequential(
        view.path(f"data-{number}.bin"), part))
