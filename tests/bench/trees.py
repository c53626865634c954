# SPDX-License-Identifier: Apache-2.0
"""Very large trees: what it costs to see every name of a repository of 100,000 or 1,000,000 files.

The states, one after the other in one mount:

    first ls      the names of the root
    find cold     every name, nothing cached; the page cache of the disk is dropped
    find warm     again: the kernel may know all of it
    stat first    again, with the size of every file
    stat warm     and again
    find store    a new process on its own cache, page cache dropped
    quota cold    a new mount with a free user's quota: what is found before the Hub says no
    quota again   the same mount when the quota's window is over: what is here is not asked for again
"""

import contextlib
import os
import subprocess
import time

from bench.cell import Work, client, first_time, timed
from bench.measure import Meter
from bench.programs import find, reason

FREE_USER = {"quota_api": 1000, "quota_resolvers": 5000}  # requests a window of 300 s
HAS_SIZE = ("-size", "-1000000k")  # true of all files, and find has to stat each of them
PEERS = ("hugfs", "hugfs hf://", "hf-mount", "HfFileSystem", "local disk")  # rclone would ask for each file


def counted(*tests):
    """find over all of it; its note is how many names it saw, and which errors."""
    return Work(lambda view: find(view.path(), *tests))


def client_find(context, peer, repo, program="filesystem-find"):
    """What stops a client is what this looks for."""
    with Meter(context.hub) as meter:
        try:
            return client(context, peer, program, repo, note=lambda names: f"{names:.0f} names")
        except subprocess.CalledProcessError as error:
            meter.result = f"failed: {reason(error)}"
    return meter.sample(meter.seconds)


@contextlib.contextmanager
def free_user(context):
    """The real Hub's quota for a free user; the window begins with the next request."""
    now = context.hub.call("GET", "/_hub/config")["settings"]
    usual = {name: now[name] for name in (*FREE_USER, "quota_window")}
    context.hub.config(**FREE_USER, quota_window=context.quota_window)
    try:
        yield
    finally:
        context.hub.config(**usual)


def under_quota(peer, context, repo):
    if peer.mounts and peer.has_latency:
        with free_user(context), peer.fresh(repo) as view:
            end = time.monotonic() + context.quota_window  # it began with the mount's first request
            first = timed(context, view, counted())
            yield "quota cold", first
            if first.note.count(","):
                time.sleep(max(0.0, end + 1 - time.monotonic()))
                yield "quota again", timed(context, view, counted())
    elif not peer.mounts:
        with free_user(context):
            yield "quota cold", client_find(context, peer, repo)


def _trees(peer, context, name):
    repo = context.repos[name]
    if peer.name not in PEERS:
        return
    if peer.mounts:
        with peer.fresh(repo) as view:
            yield "first ls", first_time(context, view, Work(lambda view: f"{len(os.listdir(view.path()))} names"))
            yield "find cold", first_time(context, view, counted())
            yield "find warm", timed(context, view, counted())
            yield "stat first", timed(context, view, counted(*HAS_SIZE))
            yield "stat warm", timed(context, view, counted(*HAS_SIZE))
            view.remount()
            yield "find store", first_time(context, view, counted())
    else:
        yield "first ls", client_find(context, peer, repo, "filesystem-ls")
        yield "find cold", client_find(context, peer, repo)
    if context.quota_window:
        yield from under_quota(peer, context, repo)


def trees_100k(peer, context):
    return _trees(peer, context, "trees-100k")


def trees_1m(peer, context):
    return _trees(peer, context, "trees-1m")
