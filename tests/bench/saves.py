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
from bench.measure import Meter, Sample, warm_memory

README = "# A model\n\n" + "Trained on what there was. " * 40 + "\n"
WRITERS = 8


@contextlib.contextmanager
def saving(context, peer):
    """(repository, a view of it that can be written to): a new one, whose content is forgotten in the end."""
    with context.hub.new_repo(README) as repo:
        with peer.writable(repo) as view:
            yield repo, view


def together(first, second):
    """One sample of two stretches."""
    return Sample(
        first.value + second.value, first.seconds + second.seconds, first.cpu_s + second.cpu_s,
        max(first.peak_rss_mb, second.peak_rss_mb), first.requests + second.requests,
        first.bytes_sent + second.bytes_sent, first.bytes_received + second.bytes_received)


def timed(context, view, action):
    with Meter(context.hub, view.pids) as meter:
        action()
    return meter.sample(meter.seconds)


def to_commit(peer, context, repo, view):
    if peer.mounts:
        return timed(context, view, view.commit)
    with Meter(context.hub) as meter:
        seconds, _, cpu, peak = peer.run("upload", repo, view.path())
    return replace(meter.sample(seconds), seconds=seconds, cpu_s=cpu, peak_rss_mb=peak)


def saved(peer, context, repo, view, action):
    """The three states of one save; the local disk has the first alone."""
    states = {"to close": timed(context, view, action)}
    if peer.has_latency:  # it is a way to the Hub
        states["to commit"] = to_commit(peer, context, repo, view)
        states["together"] = together(states["to close"], states["to commit"])
    if not peer.mounts:
        del states["to close"]  # nobody synced it: no peer of those who did
    return states


def save_large(write, name):
    """A cell: one file of the big size, copied from the page cache."""

    def run(peer, context):
        if not peer.writes:
            return {}
        with saving(context, peer) as (repo, view), tempfile.TemporaryDirectory(prefix="bench-") as source:
            path = os.path.join(source, name)
            write(path, context.big_size, samples.new_seed())
            os.sync()
            warm_memory(2 * context.big_size + (3 << 30))  # the mount keeps two pages of each until it is on the disk
            return saved(peer, context, repo, view, lambda: writers.copy(path, view.path(name), view.syncs))

    return run


save_noise = save_large(samples.incompressible, "data.bin")
save_tensors = save_large(samples.safetensors, "model.safetensors")


def save_small(count):
    """A cell: as many small text files as the option says, by so many writers at once."""

    def run(peer, context):
        if not peer.writes:
            return {}
        data = samples.letters(context.file_count * writers.SMALL, samples.new_seed())
        with saving(context, peer) as (repo, view):
            os.sync()
            return saved(peer, context, repo, view, lambda: writers.small_files(view.path(), data, count, view.syncs))

    return run


def save_readme(peer, context):
    """An editor saves a model card that it has read; in ms."""
    if not peer.writes:
        return {}
    with saving(context, peer) as (repo, view):
        if peer.name == "hugfs":
            readers.first_bytes(view.path("README.md"), len(README))
        text = (README + "One line more.\n").encode()
        states = saved(peer, context, repo, view, lambda: writers.save(view.path("README.md"), text, view.syncs))
    return {state: replace(sample, value=sample.value * 1e3) for state, sample in states.items()}
