# SPDX-License-Identifier: Apache-2.0
"""Two reports side by side: what a change did. A ratio counts only if the spreads do not overlap, and
if there is a spread: one round has none."""

from bench.summary import summary
from bench.table import print_lines

HEAD = ("cell", "state", "peer", "unit", "old", "new", "new/old", "")
TOLD = ("profile", "cell", "peers", "out", "compare", "build")  # options that change no figure


def verdict(cell, old, new, rounds):
    if rounds < 2:
        return "one round"
    if old.overlaps(new):
        return "within noise"
    return "better" if (new.middle > old.middle) == cell.more_is_better else "worse"


def rows(old, new, cells):
    """Of what both have."""
    for cell in cells:
        for peer, states in new.get(cell.name, {}).items():
            for state, samples in states.items():
                if before := old.get(cell.name, {}).get(peer, {}).get(state):
                    was, is_now = summary(before), summary(samples)
                    ratio = f"{is_now.middle / was.middle:.2f}" if was.middle else "-"
                    rounds = min(len(before), len(samples))
                    yield (cell.name, state, peer, cell.unit, f"{was.middle:.3g} ({was.span})",
                           f"{is_now.middle:.3g} ({is_now.span})", ratio, verdict(cell, was, is_now, rounds))


def print_comparison(old, new, cells):
    for name, value in new["options"].items():
        if name not in TOLD and old["options"].get(name) != value:
            print(f"not the same run: {name} was {old['options'].get(name)}, is {value}")
    for profile, results in new["results"].items():
        lines = list(rows(old["results"].get(profile, {}), results, cells))
        if lines:
            print_lines(f"{profile}: {old['when']} and {new['when']}", [HEAD, *lines])
