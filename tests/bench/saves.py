# SPDX-License-Identifier: Apache-2.0
"""The cells of writing. Each saves into a new repository what no Hub has seen; the states are

    to close    the program's own time: from its first system call to the last close()
    to commit   from there to the end of `hugfs commit`; of `hf upload`: all of it
    together    both; for `hf upload`, whose files must lie on a disk first, with the time that takes

The local disk says what the first costs at the least: there the program calls fsync(), for hugfs'
close() means that the file can't be lost any more. `hf upload` finds files that nobody synced."""

import contextlib
import os
import tempfile
from dataclasses import replace

from bench import readers, samples, writers
from bench.cell import Work, client, timed
from bench.measure import warm_memory

README = "# A model\n\n" + "Trained on what there was. " * 40 + "\n"
WRITERS = 8
SUMMED = ("value", "seconds", "cpu_s", "client_cpu_s", "requests", "bytes_sent", "bytes_received")


@contextlib.contextmanager
def saving(context, peer):
    """(repository, a view of it that can be written to): a new one, whose content is forgotten in the end."""
    with context.hub.new_repo(README) as repo:
        with peer.writable(repo) as view:
            yield repo, view


def together(first, second):
    """One sample of two stretches."""
    most = max(first.peak_rss_mb, second.peak_rss_mb)
    sums = {name: getattr(first, name) + getattr(second, name) for name in SUMMED}
    return replace(first, **sums, peak_rss_mb=most)


def to_commit(peer, context, repo, view):
    if peer.mounts:
        return timed(context, view, Work(lambda view: view.commit(), settles=False))
    return client(context, peer, "upload", repo, view.path())


def saved(peer, context, repo, view, action):
    """The three states of one save; the local disk has the first alone."""
    closed = timed(context, view, Work(action, settles=False))
    if peer.mounts:  # else nobody synced it: no peer of those who did
        yield "to close", closed
    if peer.has_latency:  # it is a way to the Hub
        committed = to_commit(peer, context, repo, view)
        yield "to commit", committed
        yield "together", together(closed, committed)


def save_large(write, name):
    """A cell: one file of the big size, copied from the page cache."""

    def run(peer, context):
        if not peer.writes:
            return
        with saving(context, peer) as (repo, view), tempfile.TemporaryDirectory(prefix="bench-") as source:
            path = os.path.join(source, name)
            write(path, context.big_size, samples.new_seed())
            os.sync()
            warm_memory(2 * context.big_size + (3 << 30))  # the mount keeps two pages of each until it is on the disk
            yield from saved(peer, context, repo, view, lambda view: writers.copy(path, view.path(name), view.syncs))

    return run


save_noise = save_large(samples.incompressible, "data.bin")
save_tensors = save_large(samples.safetensors, "model.safetensors")


def save_small(count):
    """A cell: as many small text files as the option says, by so many writers at once."""

    def run(peer, context):
        if not peer.writes:
            return
        data = samples.letters(context.file_count * writers.SMALL, samples.new_seed())
        with saving(context, peer) as (repo, view):
            os.sync()
            yield from saved(peer, context, repo, view, lambda view: writers.small_files(view.path(), data, count, view.syncs))

    return run


def save_readme(peer, context):
    """An editor saves a model card that it has read; in ms."""
    if not peer.writes:
        return
    with saving(context, peer) as (repo, view):
        if peer.name == "hugfs":
            readers.first_bytes(view.path("README.md"), len(README))
        text = (README + "One line more.\n").encode()
        states = saved(peer, context, repo, view, lambda view: writers.save(view.path("README.md"), text, view.syncs))
        for state, sample in states:
            yield state, replace(sample, value=sample.value * 1e3)
