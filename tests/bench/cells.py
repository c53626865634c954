# SPDX-License-Identifier: Apache-2.0
"""The cells of the matrix. A cell runs one round for one peer and returns samples by state:
`cold` (nothing cached), `store` (a new process on its own cache, page cache dropped), `page`
(the page cache is warm, and the server sees no request). No state = the peer has no such
thing. The cells of large trees and of writing, with their states, have files of their own."""

import os
import statistics
import threading
import time
from dataclasses import dataclass
from typing import Callable

from bench import readers
from bench.measure import Meter, Sample, drop_caches
from bench.saves import WRITERS, save_noise, save_readme, save_small, save_tensors
from bench.trees import trees_100k, trees_1m


@dataclass
class Context:
    hub: object
    repos: dict
    big_size: int
    tensors_size: int
    file_count: int
    random_count: int
    quota_window: int
    round: int


@dataclass
class Cell:
    name: str
    unit: str
    more_is_better: bool
    run: Callable  # (peer, context) -> {state: Sample}
    sample: str  # what it reads (samples.py); none: it writes what is new to the Hub
    has_whole_hub: bool = False  # looks at the sample in a mount of the whole Hub too
    is_long: bool = False  # only when it is named


def gigabytes_per_s(size):
    return lambda meter: size / meter.seconds / 1e9


def timed(context, view, action, value):
    with Meter(context.hub, view.pids) as meter:
        action()
    return meter.sample(value(meter))


def python_sample(context, peer, program, arguments, value):
    with Meter(context.hub) as meter:
        seconds, _, cpu, peak = peer.run(program, *arguments)
    return Sample(value(seconds), seconds, cpu, peak, meter.requests, meter.bytes_sent,
                  meter.bytes_received)


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


STALLED_READERS = 200
PROBES = 200


def probe_us(view, known):
    """Median time of a listing, a stat and a cached read, together, in microseconds."""
    fd = os.open(known, os.O_RDONLY)
    times = []
    try:
        for _ in range(PROBES):
            started = time.perf_counter()
            os.listdir(view.path())
            os.stat(known)
            os.pread(fd, 4096, 0)
            times.append(time.perf_counter() - started)
    finally:
        os.close(fd)
    return statistics.median(times) * 1e6


def read_and_forget(path, offset):
    """A reader that may fail: the mount goes away under it."""
    try:
        with open(path, "rb", buffering=0) as file:
            os.pread(file.fileno(), 4096, offset)
    except OSError:
        pass


def stalled(peer, context):
    """What everybody else notices of 200 reads that the server does not answer."""
    if not peer.mounts or not peer.has_latency:
        return {}
    repo = context.repos["big"]
    samples = {}
    with peer.fresh(repo) as view:
        known = view.path("data.bin")
        readers.first_bytes(known)
        samples["idle"] = timed(context, view, lambda: None, lambda _: probe_us(view, known))
        context.hub.faults({"match": {"origin": "cdn"}, "count": -1, "action": {"stall": True}})
        step = context.big_size // (STALLED_READERS + 1) // 4096 * 4096
        threads = [threading.Thread(target=read_and_forget, args=(known, step * (number + 1)), daemon=True)
                   for number in range(STALLED_READERS)]
        try:
            for thread in threads:
                thread.start()
            time.sleep(1)
            samples["stalled"] = timed(context, view, lambda: None, lambda _: probe_us(view, known))
        finally:
            context.hub.clear()
            for thread in threads:
                thread.join()
    return samples


CELLS = [
    Cell("sequential", "GB/s", True, sequential, "big"),
    Cell("random-4k", "reads/s", True, random_4k, "big"),
    Cell("safetensors-mmap", "s", False, tensors, "tensors"),
    Cell("small-files", "s", False, small, "small"),
    Cell("listing", "s", False, listing, "small"),
    Cell("first-byte", "ms", False, first_byte, "big"),
    Cell("200-stalled", "us", False, stalled, "big"),
    Cell("save-noise", "s", False, save_noise, ""),
    Cell("save-tensors", "s", False, save_tensors, ""),
    Cell("save-small-files", "s", False, save_small(1), ""),
    Cell(f"save-small-files-by-{WRITERS}", "s", False, save_small(WRITERS), ""),
    Cell("save-readme", "ms", False, save_readme, ""),
    Cell("trees-100k", "s", False, trees_100k, "trees-100k", has_whole_hub=True),
    Cell("trees-1m", "s", False, trees_1m, "trees-1m", has_whole_hub=True, is_long=True),
]
