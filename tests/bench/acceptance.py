# SPDX-License-Identifier: Apache-2.0
"""What was asked of hugfs, row by row: reached or not, by the medians of one run. A row whose peer was
not in the run is told as such, one whose cells were not run is only counted."""

from dataclasses import dataclass
from typing import Callable

from bench import summary
from bench.profiles import PROFILES

OWN = "hugfs"
DOWNLOADS = ("hf", "hf HP")  # `hf download` is the better of them
GIB = 1 << 30
MIB = 1 << 20


class NotRun(Exception):
    """No such profile, or cell."""


class PeerAbsent(Exception):
    """It was not in the run."""


class NoFigure(Exception):
    """It was, but has no such state: it failed, or needed the Hub for what should be warm."""


class Figures:
    """Medians of one run; cells are named with their profile: ("L0", "sequential", "cold")."""

    def __init__(self, report, cells):
        self.report = report
        self.results = report["results"]
        self.cells = {cell.name: cell for cell in cells}

    def samples(self, where, peer=OWN):
        profile, cell, state = where
        by_peer = self.results.get(profile, {}).get(cell)
        if not by_peer:
            raise NotRun
        if peer not in by_peer:
            raise PeerAbsent(peer)
        if state not in by_peer[peer]:
            raise NoFigure(f"{peer} has no `{state}`")
        if summary.has_failed(self.report, profile, cell, peer, state):
            raise NoFigure(f"{peer} failed")
        return by_peer[peer][state]

    def median(self, where, peer=OWN, field="value"):
        return summary.median(self.samples(where, peer), field)

    def gain(self, where, peer, own=OWN):
        return summary.gain(self.cells[where[1]], self.median(where, own), self.median(where, peer))

    def fact(self, where, name):
        facts = summary.facts(self.samples(where))
        if name not in facts:
            raise NoFigure(f"there is no `{name}`")
        return facts[name]

    def peaks(self):
        """The memory of every cell and state."""
        found = [sample["peak_rss_mb"] for cells in self.results.values() for by_peer in cells.values()
                 for samples in by_peer.get(OWN, {}).values() for sample in samples]
        if not found:
            raise NotRun
        return found


@dataclass
class Ask:
    what: str
    figure: Callable  # (Figures) -> number
    least: float | None = None
    most: float | None = None
    unit: str = "x"

    def tell(self, figures):
        asked = f"asked >= {self.least:g}" if self.least is not None else f"asked <= {self.most:g}"
        try:
            figure = self.figure(figures)
        except PeerAbsent as peer:
            return f"peer absent: {self.what}: no {peer}, {asked} {self.unit}"
        except NoFigure as why:
            return f"not reached: {self.what}: {why}, {asked} {self.unit}"
        reached = figure >= self.least if self.least is not None else figure <= self.most
        return f"{'reached' if reached else 'not reached'}: {self.what}: {figure:.3g} {asked} {self.unit}"


def named(where):
    return "{1} {2} at {0}".format(*where)


def beats(where, peer, least, own=OWN):
    """So many times as good as a peer."""
    return Ask(f"{named(where)}, {own} against {peer}", lambda figures: figures.gain(where, peer, own), least)


def beats_download(where, least):
    return Ask(f"{named(where)}, {OWN} against hf download",
               lambda figures: min(figures.gain(where, peer) for peer in DOWNLOADS), least)


def at_most(where, most, unit, what, field, scale=1.0):
    return Ask(f"{named(where)}, {what}", lambda figures: figures.median(where, field=field) * scale, most=most, unit=unit)


def cpu_a_gib(where, field, what, most):
    return Ask(f"{named(where)}, {what}", lambda figures: figures.median(where, field=field)
               / figures.median(where, field="bytes_needed") * GIB, most=most, unit="CPU s/GiB")


def fetched_a_byte(where, most):
    return Ask(f"{named(where)}, bytes fetched / needed", lambda figures: figures.median(where, field="bytes_sent")
               / figures.median(where, field="bytes_needed"), most=most)


def round_trips(cell, most):
    """What the latency of L1 adds, in latencies."""
    def figure(figures):
        slow, quick = (figures.median((profile, cell, "cold")) for profile in ("L1", "L0"))
        return (slow - quick) / PROFILES["L1"].latency_ms
    return Ask(f"{cell}, serial round trips", figure, most=most, unit="")


def of_one_stream(profile, cell, least):
    return Ask(f"{cell} at {profile}, against one stream", lambda figures: figures.median((profile, cell, "cold"))
               / figures.median((profile, "sequential", "cold")), least)


def fact(where, name, least=None, most=None):
    return Ask(f"{named(where)}, {name}", lambda figures: figures.fact(where, name), least, most)


def bytes_against(where, peer, most):
    return Ask(f"{named(where)}, bytes fetched against {peer}", lambda figures: figures.median(where, field="bytes_sent")
               / figures.median(where, peer, "bytes_sent"), most=most)


def slower_when_stalled(profile, most):
    return Ask(f"200-stalled at {profile}, against idle", lambda figures: figures.median((profile, "200-stalled", "stalled"))
               / figures.median((profile, "200-stalled", "idle")), most=most)


def _sequential():
    yield beats(("L2", "sequential", "cold"), "hf-mount", 2.5)
    yield beats_download(("L2", "sequential", "cold"), 2.5)
    for profile in ("L0", "L1"):
        cold = (profile, "sequential", "cold")
        yield beats(cold, "hf-mount", 1.2)
        yield beats_download(cold, 1.7)
        yield cpu_a_gib(cold, "client_cpu_s", "the daemon", 2.0)
        yield cpu_a_gib(cold, "cpu_s", "all processes", 2.4)
        yield beats(cold, "hugfs prefetch", 0.75)
        yield fetched_a_byte(cold, 1.02)
    for state in ("dropped", "store"):
        yield beats(("L0", "sequential", state), "hf-mount", 1.6)
        yield beats(("L0", "sequential", state), "local disk", 0.85)


def _page_cache():
    for cell in ("sequential", "small-files", "find", "ls-lR"):
        yield beats(("L0", cell, "page"), "local disk", 0.95)
    yield beats(("L0", "small-files", "grep"), "local disk", 0.95)


def _first_byte():
    yield round_trips("first-byte-mount", 4)
    running = ("L1", "first-byte", "cold")
    yield beats(running, "hf-mount", 1)
    yield at_most(running, 1, "MiB", "fetched", "bytes_sent", 1 / MIB)
    yield at_most(("L1", "first-byte-mount", "cold"), 1, "MiB", "fetched", "bytes_sent", 1 / MIB)


def _random():
    yield beats(("L1", "random-4k", "cold"), "hf-mount", 1)
    yield bytes_against(("L1", "random-4k", "cold"), "hf-mount", 0.1)
    for profile, repeats in (("L0", 10), ("L1", 100)):
        yield beats((profile, "random-4k-16", "cold"), "hf-mount", 4)
        yield beats((profile, "random-4k", "dropped"), "hf-mount", repeats)
        yield fact((profile, "readers-64", "cold"), "max/median", most=3)
        yield fact((profile, "random-4k", "cold"), "fetched/chunks", most=1.02)
        yield slower_when_stalled(profile, 2)


def _tensors_and_small():
    for profile, small in (("L0", 5), ("L1", 10)):
        yield beats((profile, "safetensors-mmap", "cold"), "hf-mount", 1.4)
        yield beats((profile, "safetensors-mmap", "dropped"), "hf-mount", 1.5)
        cold = (profile, "small-files", "cold")
        yield beats(cold, "hf-mount", small)
        yield at_most(cold, 60, "", "requests", "requests")
        yield beats(cold, "hf-mount", 2, own="hugfs no git")


def _streams():
    for profile in ("L0", "L1", "L2"):
        for cell in ("streams-8", "files-8"):
            yield of_one_stream(profile, cell, 0.9)
            yield fact((profile, cell, "cold"), "slowest/fastest", least=0.5)


def _everything_else():
    """Where no more is asked than to be ahead."""
    for profile in ("L0", "L1"):
        for cell in ("records", "records-4", "backward", "strided", "parquet-2-of-20"):
            yield beats((profile, cell, "cold"), "hf-mount", 1)
        yield beats((profile, "first-byte-mount", "cold"), "hf-mount", 1)
    for cell in ("find", "ls-lR"):
        yield beats(("L0", cell, "cold"), "hf-mount", 1)


def _memory():
    yield Ask("peak memory in every cell", lambda figures: max(figures.peaks()), most=130, unit="MiB")
    yield at_most(("L0", "idle", "listed"), 16, "MiB", "memory", "value")


GROUPS = (_sequential, _page_cache, _first_byte, _random, _tensors_and_small, _streams, _everything_else, _memory)
ASKS = [ask for group in GROUPS for ask in group()]


def print_acceptance(report, cells):
    figures = Figures(report, cells)
    left_out = 0
    print("\nacceptance")
    for ask in ASKS:
        try:
            print(f"  {ask.tell(figures).rstrip()}")
        except NotRun:
            left_out += 1
    if left_out:
        print(f"  {left_out} rows are of cells that were not run")
