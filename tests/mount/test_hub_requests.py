# SPDX-License-Identifier: Apache-2.0
"""What the whole Hub as one folder costs: requests, counted in the Hub's log, and memory of the daemon."""

import os
import subprocess
import time

import pytest
from hub.client import READ_TOKEN
from machine import PATIENCE, RELEASE, release_only
from refusal import names, rss_peak, strike

INTERVALS = 4  # poll intervals of a second that an idle mount is watched for
INFO = {"origin": "hub", "path_regex": "^/api/models/acme/polled"}


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, timeout=PATIENCE).stdout


@pytest.fixture(scope="module")
def two_thousand(_hub_process):
    """acme/two-thousand: 2,000 files in ten folders."""
    return _hub_process.bulk("acme/two-thousand", 2000, size=20, dirs=10)


@pytest.mark.quick
def test_cd_into_a_repository_is_one_request(mount, sample, wire):
    made = mount("hf://", token=READ_TOKEN)
    wire.mark()
    run("bash", "-c", 'cd "$1"', "cd", made / "models/acme/sample")
    assert wire.kinds() == {"repo-info": 1}


def test_ls_lr_of_two_thousand_files_is_the_info_and_tree_pages(mount, two_thousand, wire):
    made = mount("hf://")
    wire.mark()
    listed = run("ls", "-lR", made / "models/acme/two-thousand")
    assert sum(line.endswith(".txt") for line in listed.splitlines()) == 2000
    kinds = wire.kinds()
    assert set(kinds) == {"repo-info", "tree"} and kinds["repo-info"] == 1
    asked = [(row["path"], row["query"]) for row in wire.rows("tree")]
    assert len(asked) == len(set(asked)), "no page twice"
    assert len(asked) <= 1 + 10 + 3, "the root, ten folders, and three pages of all of it where a walk went ahead"
    for _ in range(3):  # the walk may have a page to go
        wire.mark()
        run("ls", "-lR", made / "models/acme/two-thousand")
        if not wire.kinds():
            break
    assert wire.kinds() == {}


@pytest.mark.quick
def test_a_thousand_missing_names_in_a_known_folder_cost_nothing(mount, two_thousand, wire):
    made = mount("hf://")
    folder = made / "models/acme/two-thousand"
    os.listdir(folder / "d0000")
    wire.mark()
    for number in range(1000):
        assert not os.path.lexists(folder / f"d0000/missing-{number}.bin")
    assert not os.path.lexists(folder / "missing")
    assert wire.kinds() == {}


@pytest.mark.quick
def test_ls_l_of_an_owner_costs_no_more_than_ls(mount, hub, wire):
    hub.bulk_repos("many-of", 60)
    made = mount("hf://")
    wire.mark()
    assert len(names(made / "models/many-of")) == 60
    assert wire.kinds() == {"list-repos": 1}
    assert run("ls", "-l", made / "models/many-of").count("r0000") == 60
    assert run("ls", "-l", made / "models/many-of").count("dr-xr-xr-x") == 60
    assert set(wire.kinds()) == {"list-repos"}, "where each of them stands was in the list"


def test_ls_models_asks_who_the_token_is_and_no_more(mount, wire):
    made = mount("hf://", token=READ_TOKEN)
    wire.mark()
    for _ in range(3):
        run("ls", "-l", made / "models", made / "datasets", made / "spaces")
    assert wire.kinds() == {"whoami": 1}


@pytest.mark.parametrize("what", ["branches", "commits"])
def test_fifty_visited_revisions_cost_an_idle_mount_nothing(mount, hub, wire, what):
    hub.repo("acme/fifty")
    made = mount("hf://", options=["poll=1"], token=READ_TOKEN)
    for number in range(50):
        sha = hub.put("acme/fifty", "n.txt", f"{number}\n", ref=f"branch-{number}")
        revision = sha if what == "commits" else f"branch-{number}"
        assert (made / f"models/acme/fifty@{revision}/n.txt").read_text() == f"{number}\n"
    os.listdir(made / "models/acme")
    wire.mark()
    time.sleep(INTERVALS)
    assert wire.kinds() == {}


# ---- a mount of one branch


@pytest.fixture
def polled(hub):
    """acme/polled, a repository to watch."""
    hub.repo("acme/polled")
    return hub.put("acme/polled", "README.md", "watched\n")


def test_a_mount_of_one_branch_asks_one_small_question_an_interval(mount, polled, wire):
    made = mount("acme/polled", options=["poll=1"])
    os.listdir(made.path)
    wire.mark()
    start = time.monotonic()
    time.sleep(INTERVALS)
    rows = wire.rows()
    seconds = time.monotonic() - start
    assert {row["kind"] for row in rows} == {"repo-info"}
    assert INTERVALS // 2 <= len(rows) <= seconds / 0.9 + 1, "fewer where the machine is busy, never more"
    assert all(row["bytes"] < 1000 for row in rows)


@pytest.mark.parametrize("headers, most", [({"RateLimit": '"api";r=0;t=60'}, 0), ({"Retry-After": "60"}, 2)], ids=["RateLimit", "Retry-After"])
def test_a_hub_that_says_429_is_asked_less_and_less(mount, hub, polled, wire, headers, most):
    made = mount("acme/polled", options=["poll=1"])
    assert (made / "README.md").read_text() == "watched\n"
    rule = strike(hub, INFO, {"status": 429, "headers": headers})
    deadline = time.monotonic() + PATIENCE
    while hub.fired(rule) == 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    wire.mark()
    time.sleep(INTERVALS)
    assert wire.count() <= most
    assert (made / "README.md").read_text() == "watched\n"


def test_after_the_time_that_a_429_names_it_is_asked_again(mount, hub, polled):
    made = mount("acme/polled", options=["poll=1"])
    rule = strike(hub, INFO, {"status": 429, "headers": {"Retry-After": "2"}}, count=1)
    later = hub.put("acme/polled", "README.md", "changed\n")
    deadline = time.monotonic() + PATIENCE
    while hub.fired(rule) == 0 or (made / "README.md").read_text() != "changed\n":
        assert time.monotonic() < deadline, f"{later} never shows:\n{made.log[-2000:]}"
        time.sleep(0.2)


def test_a_429_in_the_whole_hub_stops_nothing_that_is_here(mount, hub, polled, wire):
    made = mount("hf://", options=["poll=1"])
    assert (made / "models/acme/polled/README.md").read_text() == "watched\n"
    rule = strike(hub, INFO, {"status": 429, "headers": {"Retry-After": "60"}})
    end = time.monotonic() + INTERVALS
    while time.monotonic() < end:
        assert (made / "models/acme/polled/README.md").read_text() == "watched\n"
        time.sleep(0.05)
    assert 1 <= hub.fired(rule) <= 3


# ---- memory


@release_only
@pytest.mark.slow
def test_a_thousand_repositories_touched_leave_the_daemon_small(mount, hub):
    hub.bulk_repos("thousand", 1000)
    made = mount("hf://")
    for name in names(made / "models/thousand"):
        assert set(os.listdir(made / "models/thousand" / name)) == {".gitattributes", "README.md"}
        assert (made / "models/thousand" / name / "README.md").read_bytes()
    peak = rss_peak(made)
    print(f"peak RSS {peak / (1 << 20):.1f} MiB")
    assert peak < 48 << 20


@pytest.mark.slow
def test_an_owner_with_a_hundred_thousand_repositories_can_be_listed(mount, hub, wire):
    hub.bulk_repos("crowd", 100_000)
    made = mount("hf://")
    before = rss_peak(made)
    wire.mark()
    done = subprocess.run(["ls", "-U", made / "models/crowd"], check=True, capture_output=True, timeout=PATIENCE)
    listed = done.stdout.split()
    assert len(listed) == len(set(listed)) == 100_000
    assert wire.kinds() == {"list-repos": 100}
    if RELEASE:  # sanitizers have their own
        assert rss_peak(made) - before < 64 << 20
    assert (made / "models/crowd/r099999").is_dir()
    assert names(made / "models/crowd/r050000") == [".gitattributes", "README.md"]
