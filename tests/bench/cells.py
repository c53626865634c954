# SPDX-License-Identifier: Apache-2.0
"""The cells of the matrix. A cell runs one round for one peer and returns samples by state:
`cold` (nothing cached), `store` (a new process on its own cache, page cache dropped), `page`
(the page cache is warm, and the server sees no request). None = the peer has no such thing."""

import os
from dataclasses import dataclass
from typing import Callable

from bench import readers
from bench.measure import Meter, Sample, drop_caches


@dataclass
class Context:
    hub: object
    repos: dict
    big_size: int
    tensors_size: int
    random_count: int
    round: int


@dataclass
class Cell:
    name: str
    unit: str
    more_is_better: bool
    run: Callable  # (peer, context) -> {state: Sample}


def gigabytes_per_s(size):
    return lambda meter: size / meter.seconds / 1e9


def timed(context, view, action, value):
    with Meter(context.hub, view.pids) as meter:
        action()
    return meter.sample(value(meter))


def python_sample(context, peer, program, arguments, value):
    with Meter(context.hub) as meter:
        seconds, _, cpu, peak = peer.run(program, *arguments)
    return Sample(value(seconds), seconds, cpu, peak, meter.requests, meter.bytes_sent)


def three_states(context, peer, repo, action, value):
    """cold, then a remount on the warm store, then again from the page cache."""
    samples = {}
    with peer.fresh(repo) as view:
        drop_caches()
        samples["cold"] = timed(context, view, lambda: action(view), value)
        view.remount()
        drop_caches()
        samples["store"] = timed(context, view, lambda: action(view), value)
        samples["page"] = timed(context, view, lambda: action(view), value)
        if samples["page"].requests:
            del samples["page"]
    return samples


def sequential(peer, context):
    repo, size = context.repos["big"], context.big_size
    if not peer.mounts:
        program, arguments = {
            "HfFileSystem": ("filesystem-sequential", (repo, "data.bin")),
        }.get(peer.name, ("download", (repo,)))
        return {"cold": python_sample(context, peer, program, arguments, lambda seconds: size / seconds / 1e9)}
    return three_states(context, peer, repo, lambda view: readers.sequential(view.path("data.bin")),
                        gigabytes_per_s(size))


def random_4k(peer, context):
    repo = context.repos["big"]
    offsets = readers.random_offsets(context.big_size, context.random_count, context.round)
    rate = lambda meter: len(offsets) / meter.seconds
    if not peer.mounts:
        if peer.name != "HfFileSystem":
            return {}
        arguments = (repo, "data.bin", *offsets)
        return {"cold": python_sample(context, peer, "filesystem-random", arguments,
                                      lambda seconds: len(offsets) / seconds)}
    return three_states(context, peer, repo, lambda view: readers.random_reads(view.path("data.bin"), offsets), rate)


def tensors(peer, context):
    repo = context.repos["tensors"]
    if not peer.mounts:
        if peer.name == "HfFileSystem":
            return {}
        return {"cold": python_sample(context, peer, "download", (repo,), lambda seconds: seconds)}
    return three_states(context, peer, repo, lambda view: readers.safetensors_by_mmap(view.path("model.safetensors")),
                        lambda meter: meter.seconds)


def small(peer, context):
    repo = context.repos["small"]
    if not peer.mounts:
        program = "filesystem-small" if peer.name == "HfFileSystem" else "download"
        return {"cold": python_sample(context, peer, program, (repo,), lambda seconds: seconds)}
    return three_states(context, peer, repo, lambda view: readers.cat(readers.list_tree(view.path())),
                        lambda meter: meter.seconds)


def listing(peer, context):
    if not peer.mounts:
        return {}
    return three_states(context, peer, context.repos["small"], lambda view: readers.list_tree(view.path()),
                        lambda meter: meter.seconds)


def first_byte(peer, context):
    """Of a fresh mount, in ms: the daemon is up, nothing was asked yet."""
    repo = context.repos["big"]
    if not peer.mounts:
        if peer.name != "HfFileSystem":
            return {}
        return {"cold": python_sample(context, peer, "filesystem-first", (repo, "data.bin"),
                                      lambda seconds: seconds * 1e3)}
    with peer.fresh(repo) as view:
        drop_caches()
        return {"cold": timed(context, view, lambda: readers.first_bytes(os.path.join(view.path(), "data.bin")),
                              lambda meter: meter.seconds * 1e3)}


CELLS = [
    Cell("sequential", "GB/s", True, sequential),
    Cell("random-4k", "reads/s", True, random_4k),
    Cell("safetensors-mmap", "s", False, tensors),
    Cell("small-files", "s", False, small),
    Cell("listing", "s", False, listing),
    Cell("first-byte", "ms", False, first_byte),
]
