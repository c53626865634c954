# SPDX-License-Identifier: Apache-2.0
"""What a cell is, and how its samples are taken. A cell runs one round for one peer and yields
(state, sample) as they come: what was measured before something failed counts. Of reading:

    cold        nothing is cached
    store       a new process on its own cache, page cache dropped
    dropped     the same process once more, page cache dropped
    page        and again: the page cache is warm, and the Hub sees no request
    page asked  what should have been `page`, but the Hub was asked
    offline     of some cells: as `store`, but no server answers; who can't do it has a failure to tell

A peer that has no such thing yields nothing. Cells of large trees and of writing have states of
their own."""

import contextlib
import os
import threading
from dataclasses import dataclass
from typing import Callable

from bench import readers
from bench.measure import Meter, forget_pages
from bench.programs import reason

OFFLINE_S = 120  # a daemon that takes longer without the Hub is killed


class OfflineFailed(Exception):
    """A peer can't read its own cache without the Hub."""


@dataclass
class Context:
    hub: object
    repos: dict
    samples: str  # the folder that they were uploaded from
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
    run: Callable  # (peer, context) -> (state, Sample) ...
    sample: str  # what it reads (samples.py); none: it writes what is new to the Hub
    group: str  # of the matrix; one picture shows it
    is_long: bool = False  # only when it is named

    @property
    def more_is_better(self):
        return self.unit.endswith("/s")

    def answers_to(self, name):
        """Its own name, its group's, or the group's number alone."""
        return name in (self.name, self.group, self.group.split()[0])


def in_seconds(meter):
    return meter.seconds


def in_ms(meter):
    return meter.seconds * 1e3


def in_gigabytes_per_s(meter):
    return meter.needed / meter.seconds / 1e9


@dataclass
class Work:
    """What is done in a view and timed. `value` and `facts` look at the meter, whose `result` is what
    `run` returned; a result that is a text is the sample's note."""

    run: Callable  # (view) -> result
    value: Callable = in_seconds
    needed: int = 0  # bytes that it reads
    facts: Callable = lambda meter: {}
    helpers: tuple = ()  # processes whose CPU is the reader's
    settles: bool = True  # what it makes the daemon do later is not timed, but waited for and counted


def timed(context, view, work):
    with Meter(context.hub, view, work.needed, work.settles, work.helpers) as meter:
        meter.result = work.run(view)
    return meter.sample(work.value(meter), work.facts(meter))


def first_time(context, view, work):
    """With no file in the page cache."""
    forget_pages(work.needed, context.hub)
    return timed(context, view, work)


def again(context, view, work, state="page"):
    """(state, sample) of what the page cache should answer."""
    sample = timed(context, view, work)
    return state if not sample.requests else f"{state} asked", sample


def states(context, view, work):
    yield "cold", first_time(context, view, work)
    view.remount()
    yield "store", first_time(context, view, work)
    yield "dropped", first_time(context, view, work)
    yield again(context, view, work)


def reads(peer, context, sample, work, and_offline=False):
    """All states of one work, for a peer that mounts."""
    with peer.fresh(context.repos[sample]) as view:
        yield from states(context, view, work)
        check(context, view, sample)
        if and_offline:
            yield from offline(peer, context, view, work)


def check(context, view, sample):
    """Who is quick with wrong bytes has failed; once in a run."""
    if not context.round and view.pids:
        readers.same_files(os.path.join(context.samples, sample), view.path())


@contextlib.contextmanager
def unreachable(hub, view):
    """Every connection to the Hub and its servers is reset; the profile's own faults are gone afterwards."""
    hub.clear()
    hub.faults({"count": -1, "action": {"reset": True}})
    limit = threading.Timer(OFFLINE_S, lambda: view.process.kill())
    limit.start()
    try:
        yield
    finally:
        limit.cancel()
        hub.clear()


def offline(peer, context, view, work):
    """The last state of a cell, for nothing is measured after a failure."""
    if peer.has_daemon and peer.has_latency:
        with unreachable(context.hub, view):
            try:
                view.remount()
                sample = first_time(context, view, work)
            except Exception as error:
                raise OfflineFailed(reason(error)) from error
        yield "offline", sample


def cold_read(peer, context, sample, work):
    """The first of them alone."""
    with peer.fresh(context.repos[sample]) as view:
        yield "cold", first_time(context, view, work)


def client(context, peer, program, *arguments, value=in_seconds, needed=0, note=None):
    """A sample of a program of clients.py; one that reads finds no file in the page cache. `note` makes
    one of what the program counted."""
    if needed:
        forget_pages(needed, context.hub)
    with Meter(context.hub, needed=needed) as meter:
        seconds, count, cpu, peak = peer.run(program, *arguments)
        meter.result = note(count) if note else count
    meter.replace_client(seconds, cpu, peak)
    return meter.sample(value(meter))
