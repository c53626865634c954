# SPDX-License-Identifier: Apache-2.0
"""What the samples of one cell, state and peer say together. Results, here and in the JSON, are
{profile: {cell: {peer: {state: [sample, ...]}}}}."""

import statistics
from dataclasses import dataclass


@dataclass
class Summary:
    low: float
    middle: float
    high: float

    def overlaps(self, other):
        return self.low <= other.high and other.low <= self.high

    @property
    def span(self):
        return f"{self.low:.3g}-{self.high:.3g}"


def summary(samples, field="value"):
    figures = [sample[field] for sample in samples]
    return Summary(min(figures), statistics.median(figures), max(figures))


def median(samples, field="value"):
    return summary(samples, field).middle


def gain(cell, own, other):
    """How much better the first is, whichever way the unit points; above 1: it is."""
    ratio = (own, other) if cell.more_is_better else (other, own)
    return ratio[0] / ratio[1] if ratio[1] else float("inf")


def facts(samples):
    """{name: median} of the further figures, of the samples that have them."""
    found = {}
    for sample in samples:
        for name, figure in sample["facts"].items():
            found.setdefault(name, []).append(figure)
    return {name: statistics.median(figures) for name, figures in found.items()}


def has_failed(report, profile, cell, peer, state):
    """Whether a peer failed in some round before it had this state, or gave wrong bytes."""
    names = {state, f"{state} asked"}
    return any((failure["cell"], failure["peer"]) == (cell, peer) and names.isdisjoint(failure.get("had", ()))
               for failure in report["failures"].get(profile, ()))


def states_of(by_peer):
    """The states that any peer has, in the order in which they were measured."""
    return dict.fromkeys(state for states in by_peer.values() for state in states)
