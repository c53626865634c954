# SPDX-License-Identifier: Apache-2.0
"""A picture of a group of cells at one profile: a block per cell and state with its own scale, in it a
bar per peer and a whisker from the least to the most. Plain SVG that follows the reader's choice of
light or dark."""

import itertools
from xml.sax.saxutils import escape

from bench.summary import states_of, summary

WIDTH = 760
LABEL = 150  # to the left of the bars
VALUE = 100  # to the right of the longest
BAR = 14
ROW = 20
HEADING = 26

STYLE = """
svg { font: 12px sans-serif; fill: #1f2328 } .paper { fill: #ffffff }
.title { font-size: 15px; font-weight: bold } .state { font-weight: bold } .bar { fill: #8c959f } .own { fill: #0969da }
.whisker { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
svg { fill: #e6edf3 } .paper { fill: #0d1117 } .bar { fill: #6e7681 } .own { fill: #4493f8 } .whisker { stroke: #e6edf3 } }
"""


def _text(x, y, words, kind=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def _line(x1, y1, x2, y2):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="whisker"/>'


def _bar(y, peer, figures, scale):
    kind = "bar own" if peer.startswith("hugfs") else "bar"
    low, end, high = (LABEL + figure * scale for figure in (figures.low, figures.middle, figures.high))
    middle = y + BAR / 2
    yield _text(8, y + BAR - 3, peer)
    yield f'<rect x="{LABEL}" y="{y:.1f}" width="{max(end - LABEL, 1):.1f}" height="{BAR}" class="{kind}"/>'
    yield _line(low, middle, high, middle)
    yield from (_line(x, middle - 4, x, middle + 4) for x in (low, high))
    yield _text(max(end, high) + 8, y + BAR - 3, f"{figures.middle:.3g}")


def _block(y, cell, state, by_peer):
    """One cell and state, from y down."""
    bars = {peer: summary(states[state]) for peer, states in by_peer.items() if state in states}
    scale = (WIDTH - LABEL - VALUE) / (max(figures.high for figures in bars.values()) or 1)
    better = "more" if cell.more_is_better else "less"
    yield _text(8, y + HEADING - 8, f"{cell.name}, {state}: {cell.unit}, {better} is better", "state")
    for number, (peer, figures) in enumerate(bars.items()):
        yield from _bar(y + HEADING + number * ROW, peer, figures, scale)


def draw(title, results, cells):
    """The SVG, or nothing if nothing was measured."""
    parts, y = [_text(8, 22, title, "title")], 32
    for cell in cells:
        by_peer = results.get(cell.name, {})
        for state in states_of(by_peer):
            parts += _block(y, cell, state, by_peer)
            y += HEADING + ROW * sum(state in states for states in by_peer.values()) + 6
    if len(parts) == 1:
        return ""
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 6}" viewBox="0 0 {WIDTH} {y + 6}">'
            f'<style>{STYLE}</style>\n<rect width="{WIDTH}" height="{y + 6}" class="paper"/>\n' + "\n".join(parts) + "\n</svg>\n")


def write(out, profile, results, cells):
    """Beside the report `out`: a file for each group; returns their paths."""
    paths = []
    for group, members in itertools.groupby(cells, lambda cell: cell.group):
        if drawing := draw(f"{group}, {profile.title}", results, list(members)):
            paths.append(out.with_name(f"{out.stem}-{profile.name}-{group.replace(' ', '-')}.svg"))
            paths[-1].write_text(drawing)
    return paths
