# SPDX-License-Identifier: Apache-2.0
"""What is told of a run: the table, the comparison, the acceptance and the section of README.md, of figures
made up here. Nothing is measured."""

import pytest

from bench import readme, summary
from bench.acceptance import ASKS, Ask, Figures, NotRun, PeerAbsent, at_most, beats, print_acceptance
from bench.cell import Cell
from bench.cells import CELLS
from bench.compare import print_comparison, verdict
from bench.measure import Sample
from bench.picture import draw
from bench.profiles import PROFILES
from bench.table import print_table

SPEED = Cell("sequential", "GB/s", None, "big", "W1 sequential")
TIME = Cell("small-files", "s", None, "small", "W8 small files")
BOTH = [SPEED, TIME]
MIB = 1 << 20


def samples(*values, **fields):
    return [Sample(value, 1.0, **fields).as_dict() for value in values]


def report(results, failures=(), rounds=3, network="L0"):
    return {"when": "2026-11-29T14:54:29Z", "kernel": "6.1", "cores": 2, "results": {network: results},
            "failures": {network: list(failures)}, "options": {"rounds": rounds, "big_mb": 64, "files": 2000}}


RESULTS = {
    "sequential": {
        "hugfs": {"cold": samples(0.5, 0.25, 1.0, requests=9, bytes_sent=3 * MIB, bytes_needed=2 * MIB), "page": samples(8.0)},
        "hugfs prefetch": {"cold": samples(2.0)},
        "hf-mount": {"cold": samples(0.25), "page asked": samples(2.0, requests=1)},
        "local disk": {"cold": samples(2.0), "page": samples(8.0)},
    },
    "small-files": {"hugfs": {"cold": samples(3.0), "offline": samples(0.1)}, "hf-mount": {"cold": samples(12.0)}},
}
FAILURE = {"cell": "small-files", "peer": "hf-mount", "round": 1, "reason": "OfflineFailed: no server", "had": ["cold"]}
WRONG = {"cell": "sequential", "peer": "hf-mount", "round": 1, "reason": "AssertionError: other bytes", "had": []}


def test_a_gain_is_above_one_for_the_better_whichever_way_the_unit_points():
    assert summary.gain(SPEED, 4.0, 2.0) == 2
    assert summary.gain(TIME, 2.0, 4.0) == 2
    assert summary.gain(TIME, 0.0, 4.0) == float("inf")


def test_facts_are_medians_of_the_samples_that_have_them():
    rows = samples(1.0, facts={"even": 1.0}) + samples(1.0) + samples(1.0, facts={"even": 3.0})
    assert summary.facts(rows) == {"even": 2.0}


def test_the_table_has_a_row_a_state_and_peer_and_the_failures_below(capsys):
    print_table("L0: here", RESULTS, BOTH, [FAILURE])
    title, head, *lines = [" ".join(line.split()) for line in capsys.readouterr().out.strip().splitlines()]
    assert title == "L0: here" and head.startswith("cell state peer median min-max unit hugfs x")
    assert lines[0] == "sequential cold hugfs 0.5 0.25-1 GB/s 0.0 0.0 0.0 9 3.1 1.5 0.0"
    assert lines[2].startswith("sequential cold hf-mount 0.25 0.25-0.25 GB/s 2.00 ")
    assert "sequential page asked hf-mount 2 2-2 GB/s 0.0 0.0 0.0 1 0.0 0.0" in lines  # no ratio: hugfs had a warm page cache
    assert lines[-1] == "failed: small-files, hf-mount, round 1: OfflineFailed: no server"


@pytest.mark.parametrize(("cell", "old", "new", "rounds", "said"), [
    (SPEED, (1, 2), (3, 4), 2, "better"),
    (SPEED, (3, 4), (1, 2), 2, "worse"),
    (TIME, (3, 4), (1, 2), 2, "better"),
    (TIME, (1, 3), (2, 4), 2, "within noise"),
    (SPEED, (1, 1), (3, 3), 1, "one round"),
])
def test_a_change_counts_only_if_the_spreads_do_not_overlap(cell, old, new, rounds, said):
    before, after = (summary.summary(samples(*values)) for values in (old, new))
    assert verdict(cell, before, after, rounds) == said


def test_a_comparison_shows_what_both_have_and_says_if_the_runs_differ(capsys):
    old, new = report({"sequential": {"hugfs": {"cold": samples(1.0, 1.1)}}}, rounds=2), report(RESULTS)
    print_comparison(old, new, BOTH)
    out = capsys.readouterr().out
    assert "not the same run: rounds was 2, is 3" in out
    assert out.count("\nsequential") == 1 and "1.05 (1-1.1)" in out and "0.48" in out


COLD = ("L0", "sequential", "cold")


@pytest.mark.parametrize(("ask", "said"), [
    (beats(COLD, "hf-mount", 2), "reached: sequential cold at L0, hugfs against hf-mount: 2 asked >= 2 x"),
    (beats(COLD, "local disk", 0.5), "not reached: sequential cold at L0, hugfs against local disk: 0.25 asked >= 0.5 x"),
    (beats(COLD, "rclone", 2), "peer absent: sequential cold at L0, hugfs against rclone: no rclone, asked >= 2 x"),
    (beats(("L0", "sequential", "page"), "hf-mount", 2), "not reached: sequential page at L0, hugfs against hf-mount: "
     "hf-mount has no `page`, asked >= 2 x"),
    (at_most(COLD, 3, "MiB", "fetched", "bytes_sent", 1 / MIB), "reached: sequential cold at L0, fetched: 3 asked <= 3 MiB"),
])
def test_an_ask_is_told_as_reached_or_why_not(ask, said):
    assert ask.tell(Figures(report(RESULTS), BOTH)) == said


def test_figures_of_what_was_not_run_are_no_failure(capsys):
    figures = Figures(report(RESULTS), BOTH)
    with pytest.raises(NotRun):
        figures.median(("L1", "sequential", "cold"))
    with pytest.raises(PeerAbsent):
        figures.median(COLD, "hf")
    print_acceptance(report({}), CELLS)
    assert f"{len(ASKS)} rows are of cells that were not run" in capsys.readouterr().out


def test_a_peer_that_failed_in_one_round_reaches_nothing_there():
    figures = Figures(report(RESULTS, [WRONG, FAILURE]), BOTH)
    assert beats(COLD, "hf-mount", 1).tell(figures).endswith("hf-mount failed, asked >= 1 x")
    assert beats(("L0", "small-files", "cold"), "hf-mount", 1).tell(figures).startswith("reached: ")
    rows = readme.section(report(RESULTS, [WRONG, FAILURE]), BOTH).splitlines()
    assert "| L0 | sequential | cold | 0.5 GB/s | 2 (failed) | 0.25 |" in rows
    assert "| L0 | small-files | cold | 3 s | 4 |  |" in rows
    later = WRONG | {"had": ["cold", "page asked"]}
    assert "| L0 | sequential | page | 8 GB/s | 4* | 1 |" in readme.section(report(RESULTS, [later]), BOTH).splitlines()


def test_every_ask_is_about_a_cell_that_there_is():
    everything = {profile: {cell.name: {"nobody": {}} for cell in CELLS} for profile in PROFILES}
    for ask in ASKS:
        assert isinstance(ask, Ask) and (ask.least is None) != (ask.most is None)
        if ask.what != "peak memory in every cell":
            assert ask.tell(Figures({"results": everything, "failures": {}}, CELLS)).startswith("peer absent: ")


def test_cells_have_names_of_their_own_and_groups_lie_together():
    names = [cell.name for cell in CELLS]
    groups = [cell.group for cell in CELLS]
    assert len(set(names)) == len(names)
    assert [group for group, before in zip(groups, ["", *groups]) if group != before] == list(dict.fromkeys(groups))


def test_a_picture_has_a_bar_for_each_peer_and_none_is_drawn_of_nothing():
    assert draw("title", RESULTS, [SPEED]).count("<rect") == 1 + 7
    assert draw("title", {}, BOTH) == ""


def test_the_readme_has_a_row_a_state_and_a_ratio_a_peer():
    text = readme.section(report(RESULTS, [FAILURE]), BOTH)
    assert text.startswith("2026-11-29, 2 cores, Linux 6.1: the medians of 3 rounds.")
    assert text.split("\n\n")[1].splitlines() == [
        "| network | cell | state | hugfs | hf-mount | local disk |",
        "| --- | --- | --- | --- | --- | --- |",
        "| L0 | sequential | cold | 0.5 GB/s | 2 | 0.25 |",
        "| L0 | sequential | page | 8 GB/s | 4* | 1 |",
        "| L0 | small-files | cold | 3 s | 4 |  |",
        "| L0 | small-files | offline | 0.1 s | failed |  |",
    ]


def test_the_readme_tells_what_asks_for_nothing_once_and_how_many_rounds_there_were():
    both = report(RESULTS, rounds=1)
    both["results"]["L1"], both["failures"]["L1"] = RESULTS, []
    text = readme.section(both, [SPEED])
    assert "one round, so without a spread" in text
    assert [line.split(" | ")[:3] for line in text.splitlines() if "| L1 |" in line] == [["| L1", "sequential", "cold"]]


def test_numbers_of_the_readme_have_three_digits_and_no_exponent():
    assert list(map(readme.number, (555123.4, 0.012345, 1.0))) == ["555,000", "0.0123", "1"]


def test_the_readme_is_written_between_its_marks_and_the_rest_stays(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    for text in ("new\n", "newer\n"):
        readme.write(path, text)
        assert path.read_text() == f"before\n{readme.BEGIN}\n{text}{readme.END}\nafter\n"
    path.write_text("no marks\n")
    with pytest.raises(ValueError, match="lacks"):
        readme.write(path, "new\n")


def test_the_bad_network_is_the_slow_one_with_faults():
    assert [len(profile.rules) for profile in PROFILES.values()] == [0, 0, 0, 2]
    late = PROFILES["L3"].rules[1]
    assert late["every"] == 100 and late["action"] == {"delay_ms": 270}
