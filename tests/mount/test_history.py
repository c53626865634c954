# SPDX-License-Identifier: Apache-2.0
"""What is told about a repository beside its files: log, revisions, diff, and the folder .hub."""

import os
import re
import stat
import subprocess

import pytest
import samples
from harness import wait_until
from machine import HUGFS, PATIENCE, PROMPT

WHOLE_HUB = "hf://"


class History:
    """A repository with two commits, a branch, a tag, a convert and pull requests."""

    def __init__(self, hub, name):
        self.hub, self.name = hub, name
        hub.repo(name)
        self.first = hub.commit(
            name,
            [
                {"add": "kept.txt", "text": "kept\n"},
                {"add": "notes/old.txt", "text": "old\n"},
                {"add": "notes/same/deep.txt", "text": "deep\n"},
                {"add": "config.json", "text": "{}\n"},
            ],
            message="the first commit",
        )
        hub.ref(name, "refs/tags/v1", self.first)
        self.second = hub.commit(
            name,
            [{"delete": "notes/old.txt"}, {"add": "notes/new.txt", "text": "new one\n"}, {"add": "config.json", "text": '{"a": 1}\n'}],
            message="the second commit",
        )
        self.side = hub.commit(name, [{"add": "side.txt", "text": "side\n"}], ref="feature/100%")
        self.pull = hub.commit(name, [{"add": "pull.txt", "text": "pull\n"}], ref="refs/pr/1")
        hub.ref(name, "refs/convert/parquet", self.first)


@pytest.fixture
def repo(hub, request):
    """A repository of this test alone."""
    return History(hub, "acme/" + re.sub("[^a-z0-9]+", "-", request.node.name[5:]).strip("-")[:80].strip("-"))


@pytest.fixture(params=["one repository", "the whole Hub"])
def shown(request, mount, repo):
    """(mount, folder of the repository), in both kinds of mounts."""
    if request.param == "one repository":
        made = mount(repo.name, options=["poll=never"])
        return made, made.path
    made = mount(WHOLE_HUB, options=["poll=never"])
    return made, made / "models" / repo.name


# ---- log


@pytest.mark.quick
def test_log_tells_the_commits_of_what_is_shown(shown, repo):
    made, folder = shown
    lines = made.cli("log", folder / "kept.txt").lines
    assert [line.split()[0] for line in lines[:2]] == [repo.second, repo.first]
    assert lines[0].endswith("the second commit") and lines[1].endswith("the first commit")
    told = made.cli("log", "--json", folder).json
    assert told["repo"] == repo.name and told["commit"] == repo.second
    assert [(row["id"], row["title"]) for row in told["commits"][:2]] == [(repo.second, "the second commit"), (repo.first, "the first commit")]
    assert all(row["date"] > 0 for row in told["commits"])


def test_a_log_is_asked_for_once(shown, wire):
    made, folder = shown
    first = (folder / ".hub/log").read_text()
    wire.mark()
    assert (folder / ".hub/log").read_text() == first
    assert made.cli("log", folder).out == first
    assert wire.count() == 0


# ---- revisions


@pytest.mark.quick
def test_revisions_tells_all_refs_and_which_is_shown(shown, repo):
    made, folder = shown
    rows = {row.split()[1]: row.split() for row in made.cli("revisions", folder).lines}
    assert rows["main"] == ["branch", "main", repo.second[:12], "shown"]
    assert rows["feature/100%"] == ["branch", "feature/100%", repo.side[:12]]
    assert rows["v1"] == ["tag", "v1", repo.first[:12]]
    assert rows["refs/convert/parquet"] == ["convert", "refs/convert/parquet", repo.first[:12]]
    assert rows["refs/pr/1"] == ["pull", "refs/pr/1", repo.pull[:12]]
    told = made.cli("revisions", "--json", folder).json
    assert told["repo"] == repo.name and told["revision"] == "main"
    assert {row["name"]: row["targetCommit"] for row in told["branches"]} == {"main": repo.second, "feature/100%": repo.side}
    assert [row["shown"] for row in told["branches"] if row["name"] == "main"] == [True]
    assert told["pullRequests"][0]["ref"] == "refs/pr/1"


def test_a_path_above_the_repositories_names_none(mount, repo):
    made = mount(WHOLE_HUB)
    for verb in (["log"], ["revisions"], ["diff"]):
        extra = ["v1", "main"] if verb == ["diff"] else []
        assert made.cli(*verb, made / "models/acme", *extra, status=1).err


def test_a_revision_of_the_whole_hub_is_told_as_shown(mount, repo):
    made = mount(WHOLE_HUB)
    folder = made / "models" / f"{repo.name}@v1"
    assert made.cli("log", "--json", folder / "notes").json["commit"] == repo.first
    shown = [line for line in made.cli("revisions", folder).lines if line.endswith("shown")]
    assert [line.split()[1] for line in shown] == ["v1"]


# ---- diff


def changes(told):
    return {row["path"]: (row["status"], row["old_size"], row["new_size"], row["differing_bytes"]) for row in told["changes"]}


@pytest.mark.quick
def test_diff_tells_what_was_added_deleted_and_modified(shown, repo):
    made, folder = shown
    told = made.cli("diff", "--json", folder, "v1", "main").json
    assert told["from"] == {"revision": "v1", "commit": repo.first}
    assert told["to"] == {"revision": "main", "commit": repo.second}
    assert changes(told) == {
        "config.json": ("M", 3, 9, 9),
        "notes/new.txt": ("A", None, 8, 8),
        "notes/old.txt": ("D", 4, None, 0),
    }
    assert told["totals"] == {
        "added": 1,
        "deleted": 1,
        "modified": 1,
        "old_size": 7,
        "new_size": 17,
        "differing_bytes": 17,
        "is_estimate": False,
    }
    lines = made.cli("diff", folder, "v1", "main").lines
    assert [(line[0], line.split()[-1]) for line in lines[:-1]] == [("M", "config.json"), ("A", "notes/new.txt"), ("D", "notes/old.txt")]
    assert lines[-1] == "3 files differ: 1 added, 1 deleted, 1 modified; 17 B of 17 B are new"


def test_diff_of_the_same_and_of_swapped_revisions(shown, repo):
    made, folder = shown
    assert made.cli("diff", "--json", folder, "main", repo.second).json["changes"] == []
    swapped = changes(made.cli("diff", "--json", folder, "main", "v1").json)
    assert {path: row[0] for path, row in swapped.items()} == {"config.json": "M", "notes/new.txt": "D", "notes/old.txt": "A"}


def test_a_path_below_the_root_limits_a_diff(shown):
    made, folder = shown
    assert sorted(changes(made.cli("diff", "--json", folder / "notes", "v1", "main").json)) == ["notes/new.txt", "notes/old.txt"]
    assert sorted(changes(made.cli("diff", "--json", folder / "config.json", "v1", "main").json)) == ["config.json"]
    assert changes(made.cli("diff", "--json", folder / "notes/same", "v1", "main").json) == {}


def test_a_folder_that_is_the_same_is_never_listed(shown, wire):
    made, folder = shown
    wire.mark()
    made.cli("diff", folder, "v1", "main")
    listed = [row["path"] for row in wire.rows("tree")]
    assert [path for path in listed if "notes" in path.rpartition("tree")[2]]
    assert not [path for path in listed if "same" in path.rpartition("tree")[2]]
    assert wire.count("resolve", "resolve-cache") == 0


def test_a_file_that_became_a_folder_is_both(mount, hub, repo):
    hub.commit(repo.name, [{"delete": "kept.txt"}])
    third = hub.commit(repo.name, [{"add": "kept.txt/in/it", "text": "now a folder\n"}])
    made = mount(repo.name)
    told = changes(made.cli("diff", "--json", made.path, repo.second, third).json)
    assert {path: row[0] for path, row in told.items()} == {"kept.txt": "D", "kept.txt/in/it": "A"}


def test_a_revision_that_does_not_exist_is_told_by_name(shown):
    made, folder = shown
    assert "nowhere" in made.cli("diff", folder, "v1", "nowhere", status=3).err
    assert made.cli("diff", folder, "v1", "a..b", status=1).err


@pytest.mark.quick
def test_a_small_change_in_the_middle_of_a_xet_file_is_a_small_difference(writable, mount, hub, wire):
    # Saved by a mount that has read the old version, the new one surely shares its chunks: the official
    # client's global deduplication may find few of them.
    size = 4 << 20
    saved = writable(xet={"model.bin": samples.noise(size, 31)})
    first = saved.branch.head
    (saved / "model.bin").read_bytes()
    with open(saved / "model.bin", "r+b") as file:
        file.seek(size // 2)
        file.write(samples.noise(100, 32))
    saved.settle()
    made = mount(saved.source)
    wire.mark()
    (row,) = made.cli("diff", "--json", made.path, first, "main").json["changes"]
    assert (row["status"], row["old_size"], row["new_size"]) == ("M", size, size)
    assert 0 < row["differing_bytes"] < size // 4
    assert wire.xorb_bytes() == 0
    (line, total) = made.cli("diff", made.path, first, "main").lines
    assert line.startswith("M    4.0 MiB ->    4.0 MiB ") and line.endswith("  model.bin")
    assert total.startswith("1 file differs: 0 added, 0 deleted, 1 modified; ")


def test_a_diff_without_network_needs_what_was_listed_before(mount, repo):
    made = mount(repo.name)
    before = made.cli("diff", made.path, "v1", "main").out
    made.cli("offline", made.path)
    assert made.cli("diff", made.path, "v1", "main").out == before
    assert made.cli("diff", made.path, "v1", "refs/pr/1", status=4).err


@pytest.mark.parametrize("ending", ["its client", "the mount"])
def test_a_diff_that_waits_for_the_hub_ends_with(mount, hub, repo, ending):
    made = mount(repo.name, options=["poll=never"])
    hub.faults([{"match": {"path_regex": "/tree/.*/notes"}, "count": -1, "action": {"stall": True}}])
    running = subprocess.Popen([HUGFS, "diff", made.path, "v1", "main"], env=made.environment, stderr=subprocess.DEVNULL)
    try:
        hub.wait_stalled(1, PROMPT)
        if ending == "the mount":
            made.umount()
            assert running.wait(PATIENCE) != 0
        else:
            running.kill()
            running.wait(PATIENCE)
            assert made.cli("revisions", made.path).lines  # the daemon's loop goes on
    finally:
        running.kill()
        running.wait()


def test_a_list_that_is_too_long_is_refused(mount, hub):
    hub.bulk("acme/diff-of-many", 30_000, dirs=2)
    made = mount("acme/diff-of-many")
    empty = made.cli("log", "--json", made.path).json["commits"][-1]["id"]
    assert "name a folder" in made.cli("diff", made.path, empty, "main", status=1).err


# ---- .hub


@pytest.mark.quick
def test_the_hidden_folder_is_answered_and_never_listed(shown):
    _, folder = shown
    assert ".hub" not in os.listdir(folder)
    assert sorted(os.listdir(folder / ".hub")) == ["commit", "info", "log", "revisions", "status"]
    assert not (folder / "notes/.hub").exists()


@pytest.mark.quick
def test_the_hidden_texts_tell_of_the_commit_that_is_shown(shown, repo):
    made, folder = shown
    assert (folder / ".hub/commit").read_text() == repo.second + "\n"
    status = (folder / ".hub/status").read_text()
    assert repo.name in status and repo.second in status and "online" in status
    assert [line.split()[0] for line in (folder / ".hub/log").read_text().splitlines()[:2]] == [repo.second, repo.first]
    for name in ("commit", "status", "log"):
        file = folder / ".hub" / name
        assert stat.S_IMODE(file.stat().st_mode) == 0o444
        assert file.stat().st_size > 0
    info = made.cli("info", "--json", folder / "notes/new.txt").json
    assert os.listdir(folder / ".hub/info/notes") and (folder / ".hub/info/notes/new.txt").read_text().endswith("\n")
    assert info["path"] == "notes/new.txt"


def test_the_commit_text_follows_the_branch(mount, hub, repo):
    made = mount(repo.name, options=["poll=never"])
    assert (made / ".hub/commit").read_text() == repo.second + "\n"
    third = hub.put(repo.name, "kept.txt", "changed\n")
    made.cli("refresh", made.path)
    wait_until(lambda: (made / ".hub/commit").read_text() == third + "\n", "the new commit")
    assert (made / ".hub/log").read_text().startswith(third)


REFS = {"branches": {"main", "feature%2F100%25"}, "tags": {"v1"}, "converts": {"parquet"}, "pulls": {"1"}}


@pytest.mark.quick
def test_revisions_are_folders_with_all_refs(shown, repo):
    _, folder = shown
    revisions = folder / ".hub/revisions"
    assert {kind: set(os.listdir(revisions / kind)) for kind in os.listdir(revisions)} == REFS
    assert (revisions / "tags/v1/config.json").read_text() == "{}\n"
    assert (revisions / "branches/feature%2F100%25/side.txt").read_text() == "side\n"
    assert (revisions / "pulls/1/pull.txt").read_text() == "pull\n"
    assert (revisions / "converts/parquet/notes/old.txt").read_text() == "old\n"
    assert (revisions / "tags/v1/.hub/commit").read_text() == repo.first + "\n"
    assert not (revisions / "tags/v2").exists()


def test_a_revision_is_a_link_to_its_place_or_a_folder(mount, repo):
    hub_wide = mount(WHOLE_HUB)
    last = repo.name.partition("/")[2]
    link = hub_wide / "models" / repo.name / ".hub/revisions/branches/feature%2F100%25"
    assert os.readlink(link) == f"../../../../{last}@feature%2F100%25"
    assert os.path.realpath(link) == str(hub_wide / "models" / f"{repo.name}@feature%2F100%25")
    one = mount(repo.name)
    assert stat.S_ISDIR((one / ".hub/revisions/pulls/1").lstat().st_mode)


def test_a_new_branch_appears_within_the_time_of_poll(mount, hub, repo):
    made = mount(repo.name, options=["poll=1"])
    tags = made / ".hub/revisions/tags"
    assert os.listdir(tags) == ["v1"]
    hub.ref(repo.name, "refs/tags/v2", repo.second)
    wait_until(lambda: sorted(os.listdir(tags)) == ["v1", "v2"], "the new tag")


def test_the_hidden_folder_stays_readable_without_the_hub(shown):
    made, folder = shown
    names = [".hub/commit", ".hub/log", ".hub/info/kept.txt"]
    before = {name: (folder / name).read_text() for name in names}
    refs = sorted(os.listdir(folder / ".hub/revisions/branches"))
    made.cli("offline", made.path)
    assert {name: (folder / name).read_text() for name in names} == before
    assert sorted(os.listdir(folder / ".hub/revisions/branches")) == refs
    assert "offline" in (folder / ".hub/status").read_text()


def test_what_was_never_asked_for_is_not_there_without_the_hub(mount, repo):
    made = mount(repo.name)
    made.cli("offline", made.path)
    for path in (".hub/log", ".hub/revisions/tags/v1"):
        with pytest.raises(OSError, match="Network is unreachable"):
            (made / path).stat()
    with pytest.raises(OSError, match="Network is unreachable"):
        os.listdir(made / ".hub/revisions/tags")
