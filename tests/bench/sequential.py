# SPDX-License-Identifier: Apache-2.0
"""Cells of one reader from the first byte of a file to its last: GB/s of read(), seconds of a loader
that maps safetensors."""

from bench import readers
from bench.cell import Work, client, cold_read, in_gigabytes_per_s, in_seconds, reads

PREFETCH = "hugfs prefetch"  # the peer that only brings the file here


def sequential(peer, context):
    size = context.big_size
    if peer.mounts:
        work = Work(lambda view: readers.sequential(view.path("data.bin"), size), in_gigabytes_per_s, size)
        yield from reads(peer, context, "big", work, and_offline=True)
        return
    program, *arguments = ("filesystem-sequential", "data.bin") if peer.name == "HfFileSystem" else ("download",)
    yield "cold", client(context, peer, program, context.repos["big"], *arguments, value=in_gigabytes_per_s, needed=size)


def prefetch(peer, context):
    work = Work(lambda view: view.verb("prefetch", view.path("data.bin")), in_gigabytes_per_s, context.big_size)
    yield from cold_read(peer, context, "big", work)


def sequential_or_prefetch(peer, context):
    return prefetch(peer, context) if peer.name == PREFETCH else sequential(peer, context)


def tensors(peer, context):
    size = context.tensors_size
    if peer.mounts:
        work = Work(lambda view: readers.safetensors_by_mmap(view.path("model.safetensors")), in_seconds, size)
        yield from reads(peer, context, "tensors", work)
    elif peer.name != "HfFileSystem":
        yield "cold", client(context, peer, "download", context.repos["tensors"], needed=size)
