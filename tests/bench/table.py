# SPDX-License-Identifier: Apache-2.0
"""The table on the terminal: a row per cell, state and peer; medians, spread, and the ratio of
hugfs to the peer (above 1 = hugfs is better, whichever way the unit points)."""

from bench.summary import facts, gain, median, states_of, summary

HEAD = ("cell", "state", "peer", "median", "min-max", "unit", "hugfs x", "cpu s", "client cpu", "peak MB", "requests",
        "MB sent", "sent/read", "MB received", "note")


def row(cell, state, peer, samples, own):
    """`own`: the median of hugfs, if it has one."""
    whole = summary(samples)
    needed = median(samples, "bytes_needed")

    def column(name, scale=1.0):
        return f"{median(samples, name) * scale:.1f}"

    notes = [samples[-1]["note"], *(f"{name} {value:.3g}" for name, value in facts(samples).items())]
    return (cell.name, state, peer, f"{whole.middle:.3g}", whole.span, cell.unit,
            f"{gain(cell, own, whole.middle):.2f}" if own and peer != "hugfs" else "",
            column("cpu_s"), column("client_cpu_s"), column("peak_rss_mb"), f"{median(samples, 'requests'):.0f}",
            column("bytes_sent", 1e-6), f"{median(samples, 'bytes_sent') / needed:.3g}" if needed else "",
            column("bytes_received", 1e-6), ", ".join(filter(None, notes)))


def rows(results, cells):
    for cell in cells:
        by_peer = results.get(cell.name, {})
        for state in states_of(by_peer):
            own = by_peer.get("hugfs", {}).get(state)
            for peer, states in by_peer.items():
                if state in states:
                    yield row(cell, state, peer, states[state], own and median(own))


def print_lines(title, lines):
    """Lines of as many fields each, in columns."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    print(f"\n{title}")
    for line in lines:
        print("  ".join(field.ljust(width) for field, width in zip(line, widths)).rstrip())


def print_table(title, results, cells, failures):
    print_lines(title, [HEAD, *rows(results, cells)])
    for failure in failures:
        print("failed: {cell}, {peer}, round {round}: {reason}".format(**failure))
