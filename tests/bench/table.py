# SPDX-License-Identifier: Apache-2.0
"""The table on the terminal: a row per cell, state and peer; medians, spread, and the ratio of
hugfs to the peer (above 1 = hugfs is better, whichever way the unit points)."""

HEAD = ("cell", "state", "peer", "median", "min-max", "unit", "hugfs x", "cpu s", "peak MB", "requests", "MB sent", "MB received", "note")


def row(cell, state, peer, samples, own, median):
    values = [sample["value"] for sample in samples]
    middle = median(values)
    ratio = ""
    if own and peer != "hugfs":
        ratio = own / middle if cell.more_is_better else middle / own
        ratio = f"{ratio:.2f}"

    def column(name, scale=1.0):
        return f"{median([sample[name] for sample in samples]) * scale:.1f}"

    return (cell.name, state, peer, f"{middle:.3g}", f"{min(values):.3g}-{max(values):.3g}", cell.unit, ratio,
            column("cpu_s"), column("peak_rss_mb"), f"{median([s['requests'] for s in samples]):.0f}",
            column("bytes_sent", 1e-6), column("bytes_received", 1e-6), samples[-1].get("note", ""))


def rows(results, cells, median):
    for cell in cells:
        by_peer = results.get(cell.name, {})
        seen = dict.fromkeys(state for states in by_peer.values() for state in states)
        for state in seen:
            own = by_peer.get("hugfs", {}).get(state)
            own = median([sample["value"] for sample in own]) if own else None
            for peer, states in by_peer.items():
                if state in states:
                    yield row(cell, state, peer, states[state], own, median)


def print_table(title, results, cells, median):
    lines = [HEAD, *rows(results, cells, median)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    print(f"\n{title}")
    for line in lines:
        print("  ".join(field.ljust(width) for field, width in zip(line, widths)).rstrip())
