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
import errno
import os
import subprocess
import time
from collections import Counter

from bench.measure import Meter, Sample, drop_caches

FREE_USER = {"quota_api": 1000, "quota_resolvers": 5000}  # requests a window of 300 s
HAS_SIZE = ("-size", "-1000000k")  # true of all files, and find has to stat each of them
PEERS = ("hugfs", "hugfs hf://", "hf-mount", "HfFileSystem", "local disk")  # rclone would ask for each file


def find(folder, *tests):
    """GNU find over all of it; says how many names it saw, and which errors."""
    done = subprocess.run(["find", folder, *tests, "-printf", "\n"], capture_output=True, check=False,
                          env=dict(os.environ, LC_ALL="C"))
    words = Counter(line.rsplit(": ", 1)[-1] for line in done.stderr.decode(errors="replace").splitlines())
    codes = {os.strerror(code): name for code, name in errno.errorcode.items()}
    errors = "".join(f", {codes.get(text, text)} {count}" for text, count in words.items())
    return f"{len(done.stdout)} names{errors}"


def timed(context, view, action):
    with Meter(context.hub, view.pids) as meter:
        note = action()
    return meter.sample(meter.seconds, note)


def client_sample(context, peer, repo, program):
    with Meter(context.hub) as meter:
        try:
            seconds, names, cpu, peak = peer.run(program, repo)
            note = f"{names:.0f} names"
        except subprocess.CalledProcessError as error:
            seconds, cpu, peak = 0.0, 0.0, 0.0
            note = f"failed: {error.stderr.strip().splitlines()[-1][:60]}"
    return Sample(seconds or meter.seconds, seconds or meter.seconds, cpu, peak, meter.requests, meter.bytes_sent, note=note)


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
    samples = {}
    if peer.mounts and peer.has_latency:
        with free_user(context), peer.fresh(repo) as view:
            end = time.monotonic() + context.quota_window  # it began with the mount's first request
            first = samples["quota cold"] = timed(context, view, lambda: find(view.path()))
            if first.note.count(","):
                time.sleep(max(0.0, end + 1 - time.monotonic()))
                samples["quota again"] = timed(context, view, lambda: find(view.path()))
    elif not peer.mounts:
        with free_user(context):
            samples["quota cold"] = client_sample(context, peer, repo, "filesystem-find")
    return samples


def trees(peer, context, name):
    repo = context.repos[name]
    if peer.name not in PEERS:
        return {}
    samples = {}
    if peer.mounts:
        with peer.fresh(repo) as view:
            drop_caches()
            samples["first ls"] = timed(context, view, lambda: f"{len(os.listdir(view.path()))} names")
            drop_caches()
            samples["find cold"] = timed(context, view, lambda: find(view.path()))
            samples["find warm"] = timed(context, view, lambda: find(view.path()))
            samples["stat first"] = timed(context, view, lambda: find(view.path(), *HAS_SIZE))
            samples["stat warm"] = timed(context, view, lambda: find(view.path(), *HAS_SIZE))
            view.remount()
            drop_caches()
            samples["find store"] = timed(context, view, lambda: find(view.path()))
    else:
        samples["first ls"] = client_sample(context, peer, repo, "filesystem-ls")
        samples["find cold"] = client_sample(context, peer, repo, "filesystem-find")
    return {**samples, **(under_quota(peer, context, repo) if context.quota_window else {})}


def trees_100k(peer, context):
    return trees(peer, context, "trees-100k")


def trees_1m(peer, context):
    return trees(peer, context, "trees-1m")
