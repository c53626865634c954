# SPDX-License-Identifier: Apache-2.0
"""Repositories of very many files: what walking them costs, and that a recursive listing leads to the same folders as one by one."""

import json
import os
import subprocess
import time
import urllib.request

import pytest
from hub.client import WRITE_TOKEN
from machine import PATIENCE, release_only
from refusal import QUICKLY, rss_peak, strike

MIB = 1 << 20
PAGE = 1000
SETTLED = 0.5  # seconds without a request: nothing more is coming
AHEAD_FIRST = 2  # pages that a walk may go ahead at first
RECURSIVE = {"origin": "hub", "path_regex": "/tree/", "query_regex": "recursive=true"}


def files_of(count, folders):
    """The paths that `bulk` makes, by folder."""
    tree = {f"d{number:04}": [] for number in range(folders)}
    for number in range(count):
        tree[f"d{number % folders:04}"].append(f"f{number:06}.txt")
    return tree | {"": [".gitattributes", *tree]}


def assert_right(folder, tree):
    """Every folder lists its own entries, each once."""
    for name, entries in tree.items():
        assert sorted(os.listdir(folder / name)) == sorted(entries), name or "the root"


def find(folder, status=0):
    """Names and errors of GNU find."""
    done = subprocess.run(["find", str(folder)], capture_output=True, text=True, timeout=PATIENCE * 2, check=False, env={**os.environ, "LC_ALL": "C"})
    assert done.returncode == status, done.stderr[:1000]
    return done.stdout.splitlines(), done.stderr.splitlines()


def listings(wire):
    """(recursive, one folder) requests since the mark, when no more are coming; none is made twice."""
    before, rows = None, wire.rows("tree")
    while before != len(rows):
        before = len(rows)
        time.sleep(SETTLED)
        rows = wire.rows("tree")
    asked = [(row["path"], row["query"]) for row in rows]
    assert len(asked) == len(set(asked)), "a page was asked for twice"
    recursive = sum("recursive=true" in query for _, query in asked)
    return recursive, len(asked) - recursive


@pytest.fixture(scope="module")
def small_folders(_hub_process):
    """acme/small-folders: 3,000 files in 300 folders, four pages."""
    _hub_process.bulk("acme/small-folders", 3000, size=10, dirs=300)
    return files_of(3000, 300)


# ---- requests


@pytest.mark.quick
def test_find_through_small_folders_costs_little_more_than_its_pages(mount, small_folders, wire):
    made = mount("acme/small-folders")
    wire.wait_mounted()
    wire.mark()
    names, _ = find(made.path)
    assert len(names) == len(set(names)) == 3000 + 300 + 2
    assert sum(listings(wire)) <= -(-3301 // PAGE) + 6
    assert set(wire.kinds()) == {"tree"}
    assert_right(made.path, small_folders)
    made.remount()
    wire.mark()
    assert sorted(find(made.path)[0]) == sorted(names) and wire.count("tree") == 0


@pytest.mark.quick
def test_a_walk_through_three_of_many_folders_does_not_list_all(mount, hub, wire):
    hub.bulk("acme/twenty-thousand", 20_000, size=10, dirs=500)
    wire.mark()
    made = mount("acme/twenty-thousand")
    for name in ("", "d0100", "d0300", "d0499"):
        assert len(os.listdir(made / name)) in (40, 501)
    recursive, single = listings(wire)
    assert single == 4 and recursive <= AHEAD_FIRST, "all of it is 21 pages"
    for number in range(20):
        os.listdir(made / f"d{number:04}")
    recursive, again = listings(wire)
    assert again == single and recursive <= AHEAD_FIRST, "what was listed ahead is here"


def test_who_reads_a_few_of_many_folders_makes_a_walk_list_few_of_them_in_vain(mount, hub, wire):
    """It goes on at every third of them, or where one waits for it at its end, each time twice as far."""
    hub.bulk("acme/ninety-thousand", 90_000, size=10, dirs=900)
    made = mount("acme/ninety-thousand")
    wire.mark()
    for number in range(0, 900, 150):
        os.listdir(made / f"d{number:04}")
    recursive, single = listings(wire)
    assert single <= 1 + 6 and recursive <= AHEAD_FIRST * (1 + 2 + 4 + 8), "all of it is 91 pages"


def test_folders_of_more_than_a_page_are_listed_one_by_one(mount, hub, wire):
    hub.bulk("acme/large-folders", 10_000, size=10, dirs=4)
    wire.mark()
    made = mount("acme/large-folders")
    assert len(find(made.path)[0]) == 10_000 + 4 + 2
    assert listings(wire) == (0, 1 + 4 * 3)


def test_a_second_find_beside_the_first_costs_nothing_more(mount, small_folders, hub, wire):
    hub.config(latency_ms=20)
    made = mount("acme/small-folders")
    wire.mark()
    finds = [subprocess.Popen(["find", str(made.path)], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [len(process.communicate(timeout=PATIENCE)[0].splitlines()) for process in finds] == [3302] * 3
    assert sum(listings(wire)) <= -(-3301 // PAGE) + 6
    assert_right(made.path, small_folders)


@pytest.mark.quick
def test_the_tree_file_of_the_clients_cache_is_one_recursive_listing(mount, small_folders, hub, wire):
    made = mount("hf://")
    head = hub.head("acme/small-folders")
    wire.mark()
    content = json.loads((made / f"hf-cache/models--acme--small-folders/trees/{head}.json").read_text())
    files = {f"{folder}/{name}" for folder, names in small_folders.items() if folder for name in names}
    assert set(content["files"]) == files | {".gitattributes"}
    assert listings(wire) == (4, 0)
    assert_right(made / "models/acme/small-folders", small_folders)
    assert listings(wire) == (4, 0)


def test_a_walk_begins_where_the_reader_is(mount, hub, wire):
    inside = [f"n{number:02}" for number in range(40)]
    odd = ["a", "a-b", "a.b", "a b", "a0", "a~", "A", "\u00e4", "a+b"]  # on both sides of the slash in git's order
    folders = [f"beside/{name}" for name in inside] + [f"far/down/{name}" for name in odd + inside]
    paths = [f"{folder}/{tail}" for folder in folders for tail in ("x", "deep/er/y", "deep.txt")]
    hub.repo("acme/nested")
    hub.commit("acme/nested", [{"add": path, "text": "n\n"} for path in paths])
    made = mount("acme/nested")
    wire.mark()
    found = {os.path.relpath(os.path.join(top, name), made / "far") for top, _, names in os.walk(made / "far") for name in names}
    assert found == {path.removeprefix("far/") for path in paths if path.startswith("far/")}
    asked = [row["path"] for row in wire.rows("tree") if "recursive=true" in row["query"]]
    assert asked and all("/far" in path for path in asked)


# ---- a server with an order of its own


@pytest.fixture(scope="module")
def lists(_hub_process):
    """acme/lists, 120 files in 12 folders, and the Hub's own recursive listing of it."""
    sha = _hub_process.bulk("acme/lists", 120, size=10, dirs=12)
    request = urllib.request.Request(
        f"{_hub_process.endpoint}/api/models/acme/lists/tree/{sha}?recursive=true", headers={"Authorization": f"Bearer {WRITE_TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def moved(entries, path, after):
    """The entry at `path` comes right after the one at `after`."""
    rest = [entry for entry in entries if entry["path"] != path]
    at = next(number for number, entry in enumerate(rest) if entry["path"] == after) + 1
    return [*rest[:at], next(entry for entry in entries if entry["path"] == path), *rest[at:]]


SCRAMBLED = {
    "folders first": lambda entries: sorted(entries, key=lambda entry: entry["type"] != "directory"),
    "files first": lambda entries: sorted(entries, key=lambda entry: entry["type"] == "directory"),
    "backwards": lambda entries: entries[::-1],
    "no folders": lambda entries: [entry for entry in entries if entry["type"] != "directory"],
    "by length": lambda entries: sorted(entries, key=lambda entry: (len(entry["path"]), entry["path"])),
    "a file behind the next folder": lambda entries: moved(entries, "d0006/f000006.txt", "d0007/f000019.txt"),
    "a file at the end": lambda entries: moved(entries, "d0006/f000006.txt", entries[-1]["path"]),
    "a file of the root last": lambda entries: moved(entries, ".gitattributes", entries[-1]["path"]),
}


def scramble(hub, entries, in_pages):
    """Recursive listings of acme/lists come in this order; the rule of the first page."""
    size = -(-len(entries) // 3) if in_pages else len(entries)
    pages = [entries[start : start + size] for start in range(0, len(entries), size)]
    address = f"/api/models/acme/lists/tree/{hub.head('acme/lists')}?recursive=true&cursor=mine"
    for number, page in reversed(list(enumerate(pages))):
        headers = {"Link": f'<{hub.endpoint}{address}{number + 1}>; rel="next"'} if number + 1 < len(pages) else {}
        query = f"cursor=mine{number}" if number else "recursive=true"
        first = strike(hub, {**RECURSIVE, "query_regex": query}, {"status": 200, "body": page, "headers": headers})
        if not number:
            return first
    raise AssertionError("no page")


@pytest.mark.parametrize("in_pages", [False, True], ids=["one page", "pages"])
@pytest.mark.parametrize("order", SCRAMBLED)
def test_whatever_the_order_of_a_recursive_listing_every_folder_is_right(mount, hub, lists, order, in_pages):
    tree = files_of(120, 12)
    rule = scramble(hub, SCRAMBLED[order](lists), in_pages)
    made = mount("acme/lists")
    for name in ("", "d0000", "d0001", "d0002"):
        assert sorted(os.listdir(made / name)) == sorted(tree[name])
    time.sleep(SETTLED)  # the walk is over
    assert_right(made.path, tree)
    assert 1 <= hub.fired(rule) <= 3
    made.remount(options=["offline"])
    assert_right(made.path, tree)
    assert (made / "d0006/f000006.txt").stat().st_size == 10


@pytest.mark.parametrize("order", SCRAMBLED)
def test_a_tree_file_is_whole_or_is_not_there(mount, hub, lists, order):
    tree = files_of(120, 12)
    rule = scramble(hub, SCRAMBLED[order](lists), True)
    made = mount("hf://")
    path = made / f"hf-cache/models--acme--lists/trees/{hub.head('acme/lists')}.json"
    if path.exists():
        assert len(json.loads(path.read_text())["files"]) == 121
    assert hub.fired(rule) >= 1
    assert_right(made / "models/acme/lists", tree)


# ---- walks that are cut


@pytest.mark.parametrize("action", [{"status": 500}, {"reset": {"after": 200}}, {"replace_body": "[{"}, {"status": 404}], ids=["500", "reset", "garbage", "404"])
@pytest.mark.parametrize("skip", [0, 1], ids=["first page", "second page"])
def test_a_walk_that_fails_leaves_right_folders(mount, small_folders, hub, action, skip):
    rule = strike(hub, RECURSIVE, action, skip=skip)
    made = mount("acme/small-folders", options=["timeout=6", "poll=never"])  # half of it is for the walk
    names, _ = find(made.path)
    assert len(names) == len(set(names)) == 3302 and hub.fired(rule) >= 1
    assert_right(made.path, small_folders)


def test_a_walk_that_always_fails_is_not_tried_at_every_folder(mount, small_folders, hub, wire):
    rule = strike(hub, RECURSIVE, {"replace_body": "[{"})
    wire.mark()
    made = mount("acme/small-folders", options=QUICKLY)
    assert len(find(made.path)[0]) == 3302
    assert wire.count("tree") - hub.fired(rule) == 301 and hub.fired(rule) < 100


@pytest.mark.quick
def test_a_walk_that_the_quota_ends_goes_on_later_from_where_it_was(mount, small_folders, hub, wire):
    made = mount("acme/small-folders")
    wire.mark()
    hub.config(quota_api=6, quota_window=3600)
    _, errors = find(made.path, status=1)
    assert errors and all("Device or resource busy" in line for line in errors)
    got = {(row["path"], row["query"]) for row in wire.rows("tree") if row["status"] == 200}
    hub.config(quota_api=100_000)
    made.remount()  # which knows nothing of the quota
    wire.mark()
    assert len(find(made.path)[0]) == 3302
    assert_right(made.path, small_folders)
    again = {(row["path"], row["query"]) for row in wire.rows("tree") if "recursive=true" not in row["query"]}
    assert not got & again, "no folder that is here is listed again"
    assert sum(listings(wire)) <= -(-3301 // PAGE) + 6


def test_readers_use_the_share_of_the_quota_that_is_left_to_them(mount, hub, wire):
    hub.bulk("acme/one-folder", 10_000, size=10, dirs=1)
    for _ in range(3):
        hub.config(quota_api=100_000)
        made = mount("acme/one-folder", options=["prefetch=off"])
        hub.config(quota_api=1 + 10, quota_window=3600)  # the root and ten pages; reading ahead leaves a fifth
        wire.mark()
        assert len(find(made.path)[0]) == 10_000 + 3
        assert listings(wire) == (0, 11)


def test_an_unmount_ends_a_walk_and_the_next_mount_goes_on(mount, small_folders, hub):
    rule = strike(hub, RECURSIVE, {"stall": True}, skip=1)
    made = mount("acme/small-folders")
    for name in ("", "d0000", "d0001", "d0002"):
        os.listdir(made / name)
    hub.wait_stalled(1, PATIENCE)
    made.umount()
    assert hub.fired(rule) == 1
    hub.clear()
    made.again()
    assert len(find(made.path)[0]) == 3302
    assert_right(made.path, small_folders)


def test_a_crash_in_a_walk_leaves_right_folders(mount, small_folders, hub):
    strike(hub, RECURSIVE, {"stall": True}, skip=2)
    made = mount("acme/small-folders")
    for name in ("", "d0000", "d0001", "d0002"):
        os.listdir(made / name)
    with subprocess.Popen(["find", str(made.path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        hub.wait_stalled(1, PATIENCE)
        made.kill9()
    hub.clear()
    made.again()
    assert len(find(made.path)[0]) == 3302
    assert_right(made.path, small_folders)


@release_only
@pytest.mark.slow
def test_two_hundred_thousand_files_leave_the_daemon_small(mount, hub):
    hub.bulk("acme/flat", 200_000, size=10, dirs=2000)
    made = mount("acme/flat")
    os.listdir(made / "d0000")
    at_first = rss_peak(made)
    assert len(find(made.path)[0]) == 200_000 + 2000 + 2
    assert rss_peak(made) < at_first + 16 * MIB
    assert len(find(made.path)[0]) == 200_000 + 2000 + 2
    assert rss_peak(made) < at_first + 16 * MIB
