# SPDX-License-Identifier: Apache-2.0
"""The table of README.md, from a report: a row per cell and state, the median of hugfs and how many times as
good as each peer that is. What asks the Hub for nothing is told for one network alone."""

import textwrap
from pathlib import Path

from bench import summary
from bench.profiles import chosen

OWN = "hugfs"
BEGIN = "<!-- what tests/bench/run --readme writes -->"
END = "<!-- to here -->"
WIDTH = 110


def number(value):
    """Three digits that count."""
    return f"{float(f'{value:.3g}'):,.10g}"


def peers_of(results):
    """In the order in which they were measured; other ways to use hugfs are none."""
    names = dict.fromkeys(peer for cells in results.values() for by_peer in cells.values() for peer in by_peer)
    return [name for name in names if not name.startswith(OWN)]


def ratio(cell, state, own, states, has_failed):
    """One field; a peer whose page cache was not enough is compared by what it did then, and marked."""
    samples = states.get(state) or states.get(f"{state} asked")
    if not samples:
        return "failed" if has_failed else ""
    mark = "" if states.get(state) else "*"
    return number(summary.gain(cell, own, summary.median(samples))) + mark + (" (failed)" if has_failed else "")


def rows(report, cells):
    """Lists of fields; the same for each peer of the whole report."""
    peers = peers_of(report["results"])
    told = set()
    for name, results in report["results"].items():
        for cell in cells:
            by_peer = results.get(cell.name, {})
            for state, samples in by_peer.get(OWN, {}).items():
                if (cell.name, state) in told and not summary.median(samples, "requests"):
                    continue
                told.add((cell.name, state))
                failed = {peer: summary.has_failed(report, name, cell.name, peer, state) for peer in (OWN, *peers)}
                own = summary.median(samples)
                ratios = [ratio(cell, state, own, by_peer.get(peer, {}), failed[peer]) for peer in peers]
                said = f"{number(own)} {cell.unit}" + (" (failed)" if failed[OWN] else "")
                yield [name, cell.name, state, said, *ratios]


def heading(report):
    options, rounds = report["options"], report["options"]["rounds"]
    of = "one round, so without a spread" if rounds == 1 else f"the medians of {rounds} rounds"
    networks = "; ".join(profile.title for profile in chosen(report["results"]))
    text = (f"{report['when'][:10]}, {report['cores']} cores, Linux {report['kernel']}: {of}. The large file has "
            f"{options['big_mb']} MiB, and there are {options['files']:,} small ones. {networks}. Under a peer's name: "
            "how many times as good hugfs is; above 1, hugfs is better.")
    return textwrap.fill(text, WIDTH)


def section(report, cells):
    """Markdown."""
    head = ["network", "cell", "state", OWN, *peers_of(report["results"])]
    lines = [head, ["---"] * len(head), *rows(report, cells)]
    return heading(report) + "\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def write(path, text):
    """Between the marks of the file, which has to have both."""
    head, begin, rest = Path(path).read_text().partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not end:
        raise ValueError(f"{path} lacks {BEGIN if not begin else END}")
    Path(path).write_text(f"{head}{BEGIN}\n{text}{END}{tail}")
