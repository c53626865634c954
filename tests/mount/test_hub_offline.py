# SPDX-License-Identifier: Apache-2.0
"""The whole Hub without the Hub: what was seen once is there, what cannot be known is out of reach, and both end when it is back."""

import errno
import json
import os

import pytest
import samples
from harness import wait_until
from local_hub import WRITE_TOKEN, LocalHub, Repository
from machine import PATIENCE
from refusal import strike
from test_offline import FILES, error_of, lose_and_find, state
from workload import Workload, read_whole

NAME = "models/acme/mixed"


@pytest.fixture(scope="module")
def own_hub():
    """A Hub of one's own, to be stopped and started: acme/mixed, acme/old that is called acme/new now, acme/unseen."""
    with LocalHub() as process:
        process.repo("acme/old")
        process.put("acme/old", "a.txt", "a\n")
        process.move("acme/old", "acme/new")
        process.repo("acme/unseen")
        yield process


@pytest.fixture(scope="module")
def mixed(own_hub, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    samples.write_tree(folder, FILES)
    head = own_hub.upload(folder, "acme/mixed")
    own_hub.ref("acme/mixed", "refs/tags/v1", head)
    return Repository("acme/mixed", folder, head)


@pytest.fixture
def stoppable(own_hub, mixed):
    own_hub.clear()
    yield own_hub
    if not own_hub.is_running:
        own_hub.start()


@pytest.fixture
def made(mount, stoppable):
    return mount("hf://", hub=stoppable, token=WRITE_TOKEN)


def listed(path):
    return sorted(name for name in os.listdir(path) if name != ".gitattributes")


def look(made, mixed):
    """Everything that is to be there without the Hub: a value for each thing that was asked."""
    root, cache = made / NAME, made / "hf-cache/models--acme--mixed"
    return {
        "/models": listed(made / "models"),
        "the owner": listed(made / "models/acme"),
        "the root": listed(root),
        "a folder": listed(root / "sub"),
        "a tag": listed(made / f"{NAME}@v1"),
        "a commit": listed(made / f"{NAME}@{mixed.head}"),
        "a file": read_whole(root / "part0.bin"),
        "a file of a commit": read_whole(made / f"{NAME}@{mixed.head}/part0.bin"),
        "a file of a tag": read_whole(made / f"{NAME}@v1/README.md"),
        "sizes": [os.stat(root / name).st_size for name in ("part1.bin", "part2.bin")],
        "an old name": os.readlink(made / "models/acme/old"),
        "behind an old name": read_whole(made / "models/acme/old/a.txt"),
        "another spelling": os.readlink(made / "models/ACME/Mixed"),
        ".hub/commit": read_whole(root / ".hub/commit"),
        ".hub/log": read_whole(root / ".hub/log"),
        "info": json.loads(read_whole(root / ".hub/info/part0.bin"))["size"],
        "refs": read_whole(cache / "refs/main"),
        "snapshots": listed(cache / "snapshots"),
        "a snapshot": listed(cache / "snapshots" / mixed.head),
        "a file of a snapshot": read_whole(cache / "snapshots" / mixed.head / "part0.bin"),
    }


def unknowable(made):
    """Things that were never asked, and their errno."""
    root = made / NAME
    questions = {
        "an unlisted folder": lambda: os.listdir(root / "elsewhere"),
        "a name in it": lambda: os.stat(root / "elsewhere/three.txt"),
        "no name in it": lambda: os.stat(root / "elsewhere/nothing"),
        "an unlisted repository": lambda: os.listdir(made / "models/acme/unseen"),
        "an unknown repository": lambda: os.stat(made / "models/bob/unseen"),
        "no repository": lambda: os.stat(made / "models/acme/nothing-there"),
        "an unknown revision": lambda: os.stat(made / f"{NAME}@v2"),
        "an unknown commit": lambda: os.stat(made / f"{NAME}@{'5' * 40}"),
        "bytes": lambda: read_whole(root / "part1.bin"),
        "a ref": lambda: read_whole(made / "hf-cache/models--bob--unseen/refs/main"),
    }
    return {name: error_of(ask) for name, ask in questions.items()}


KINDS = [pytest.param("stopped", marks=pytest.mark.quick), "verb", "remount", "remount stopped"]


@pytest.mark.parametrize("how", KINDS)
def test_what_was_seen_is_there_and_what_cannot_be_known_is_out_of_reach(made, stoppable, mixed, how):
    seen = look(made, mixed)
    assert error_of(lambda: os.stat(made / NAME / "no-such-file")) == errno.ENOENT
    if how == "verb":
        made.cli("offline", made.path)
    elif how == "remount":
        made.remount(options=["offline"])
    elif how == "stopped":
        stoppable.stop()
    else:
        made.umount()
        stoppable.stop()
        made.again()
    if how == "verb" or how == "remount":
        stoppable.reset_requests()
    reached = unknowable(made)
    assert set(reached.values()) == {errno.ENETUNREACH}, reached
    assert state(made) == "offline"
    again = look(made, mixed)
    # Who finds a snapshot without the Hub takes it for whole: one with an unlisted folder is not shown (a second later).
    wait_until(lambda: listed(made / "hf-cache/models--acme--mixed/snapshots") == [], "the snapshot to be hidden")
    again["snapshots"] = seen["snapshots"]
    if "remount" in how:  # an owner's list is not kept on disk: what was visited is
        seen["the owner"] = ["mixed", "new"]
    assert again == seen
    assert error_of(lambda: os.stat(made / NAME / "no-such-file")) == errno.ENOENT, "that is known"
    if how == "verb" or how == "remount":
        assert stoppable.requests() == []
    if how == "remount":
        return
    if how == "verb":
        made.cli("online", made.path)
    else:
        stoppable.start()
    wait_until(lambda: state(made) == "online", "the Hub to be noticed", PATIENCE)
    assert (made / NAME / "elsewhere/three.txt").read_text() == "three\n", "not remembered as missing"
    assert os.path.isdir(made / "models/acme/unseen") and "unseen" in wait_until(
        lambda: "unseen" in os.listdir(made / "models/acme") and os.listdir(made / "models/acme"), "a fresh list", PATIENCE
    )
    assert error_of(lambda: os.stat(made / "models/acme/nothing-there")) == errno.ENOENT
    wait_until(lambda: read_whole_or_none(made / NAME / "part1.bin") == mixed.bytes("part1.bin"), "bytes", PATIENCE)


def read_whole_or_none(path):
    try:
        return read_whole(path)
    except OSError:
        return None


def test_what_is_pinned_works_after_a_remount_offline_and_survives_a_trim(made, stoppable, mixed):
    assert made.cli("pin", made / NAME).status == 0
    made.umount()
    stoppable.stop()
    made.again()
    for name in ("README.md", "sub/deep/two.txt", "elsewhere/three.txt", "part3.bin"):
        assert read_whole(made / NAME / name) == mixed.bytes(name)
    made.cli("cache", "trim", "0", "-o", f"cache_dir={made.home.cache}")
    assert read_whole(made / "hf-cache/models--acme--mixed/refs/main").decode() == mixed.head
    for name in FILES:
        made.drop_pages(f"{NAME}/{name}")
        assert read_whole(made / NAME / name) == mixed.bytes(name)
        assert read_whole(made / "hf-cache/models--acme--mixed/snapshots" / mixed.head / name) == mixed.bytes(name)
    assert error_of(lambda: os.stat(made / NAME / "elsewhere/nothing")) == errno.ENOENT
    assert listed(made / "hf-cache/models--acme--mixed/snapshots") == [mixed.head]
    here = made.cli("status", "--json", made / NAME).json["mounts"][0]["here"]
    assert here["files_complete"] == here["files_total"] == len(FILES) + 1
    assert all(file["pinned"] for file in here["files"] if file["size"] > 0)


# ---- what is here


@pytest.mark.quick
def test_status_of_a_path_tells_what_share_of_each_file_is_here(made, stoppable, mixed):
    listed(made / NAME)
    listed(made / NAME / "sub")
    read_whole(made / NAME / "part0.bin")
    with open(made / NAME / "part1.bin", "rb", buffering=0) as file:
        file.read(1)
    made.cli("offline", made.path)
    stoppable.reset_requests()
    here = made.cli("status", "--json", made / NAME).json["mounts"][0]["here"]
    files = {file["path"]: file for file in here["files"]}
    assert set(files) == {".gitattributes", "README.md", "sub/one.txt", *(f"part{number}.bin" for number in range(4))}
    assert files["part0.bin"]["cached_bytes"] == files["part0.bin"]["size"] == 200_000
    assert 0 < files["part1.bin"]["cached_bytes"] < 200_000 and files["part2.bin"]["cached_bytes"] == 0
    assert here["files"][-1]["path"] == "part0.bin", "those that are not complete come first"
    assert here["unlisted_folders"] == 2 and here["path"] == ""
    assert here["files_total"] == 7 and here["files_complete"] == 1
    assert here["bytes_total"] == sum(file["size"] for file in files.values())
    assert here["bytes_cached"] == sum(file["cached_bytes"] for file in files.values())
    text = made.cli("status", made / NAME).out
    assert "not listed              elsewhere\n" in text and "not listed              sub/deep\n" in text
    assert "     100 %   195.3 KiB  part0.bin\n" in text and "       0 %   195.3 KiB  part2.bin\n" in text
    assert "1 of 7 files complete; 2 folders are not listed\n" in text
    one = made.cli("status", "--json", made / NAME / "part0.bin").json["mounts"][0]["here"]
    assert one["files"] == [files["part0.bin"]] and one["files_total"] == 1 and one["path"] == "part0.bin"
    below = made.cli("status", "--json", made / NAME / "sub").json["mounts"][0]["here"]
    assert [file["path"] for file in below["files"]] == ["sub/one.txt"] and below["unlisted_folders"] == 1
    for above in ("", "models", "models/acme", "hf-cache"):
        assert "here" not in made.cli("status", "--json", made / above).json["mounts"][0]
    assert "here" not in made.cli("status", "--json").json["mounts"][0]
    missing = made.cli("status", made / NAME / "no-such-file", status=None)
    assert missing.status != 0 and "no-such-file" in missing.err and "offline" in missing.out
    assert stoppable.requests() == []


def test_status_of_a_mount_of_one_repository_tells_it_for_the_mount_point(mount, stoppable, mixed):
    one = mount("acme/mixed", hub=stoppable)
    one.cli("prefetch", one / "sub")
    here = one.cli("status", "--json", one.path).json["mounts"][0]["here"]
    assert {"sub/one.txt", "sub/deep/two.txt"} < {file["path"] for file in here["files"]}
    assert here["files_complete"] == 2 and here["unlisted_folders"] == 1
    assert "here" not in one.cli("status", "--json").json["mounts"][0]
    assert "2 of 8 files complete; 1 folder is not listed" in one.cli("status", one.path).out


def test_status_of_many_files_prints_a_thousand_and_counts_them_all(made, stoppable):
    stoppable.bulk("acme/many", files=3000, dirs=3)
    stoppable.faults([{"match": {"path_regex": "git-upload-pack"}, "count": -1, "action": {"status": 404}}])  # it would bring all
    made.cli("prefetch", made / "models/acme/many/d0001")
    here = made.cli("status", "--json", made / "models/acme/many").json["mounts"][0]["here"]
    assert here["files_complete"] == 1000 and len(here["files"]) <= 1000
    for folder in ("d0000", "d0002"):
        listed(made / "models/acme/many" / folder)
    here = made.cli("status", "--json", made / "models/acme/many").json["mounts"][0]["here"]
    assert len(here["files"]) == 1000 and not any(file["cached_bytes"] for file in here["files"])
    assert here["files_total"] == 3001 and here["files_complete"] == 1000 and here["unlisted_folders"] == 0
    text = made.cli("status", made / "models/acme/many").out
    assert "\n... and 2001 more\n" in text and "1000 of 3001 files complete\n" in text


def test_status_says_which_files_are_gated(mount, stoppable, tmp_path):
    samples.write_tree(tmp_path, {"secret.bin": samples.noise(100_000, 9)})
    stoppable.upload(tmp_path, "acme/gated")
    stoppable.repo("acme/gated", gated="manual")
    made = mount("hf://", hub=stoppable)
    listed(made / "models/acme/gated")
    assert "secret.bin  (gated" in made.cli("status", made / "models/acme/gated").out
    stoppable.repo("acme/gated", gated="")


def test_info_of_a_file_works_offline(made, stoppable, mixed):
    listed(made / NAME)
    read_whole(made / NAME / "part0.bin")
    stoppable.stop()
    told = made.cli("info", "--json", made / NAME / "part0.bin").json
    assert told["repo"] == "acme/mixed" and told["cached_bytes"] == told["size"] == 200_000 and told["path"] == "part0.bin"
    told = made.cli("info", "--json", made / NAME / "part1.bin").json
    assert told["cached_bytes"] == 0 and told["commit"] == mixed.head
    snapshot = made / "hf-cache/models--acme--mixed/snapshots" / mixed.head / "part0.bin"
    assert made.cli("info", "--json", snapshot).json["path"] == "part0.bin"


# ---- at every point of a mixed workload


def hub_workload(made, mixed):
    cache = made / "hf-cache/models--acme--mixed"
    extra = [
        ("refs", lambda: read_whole(cache / "refs/main").decode(), mixed.head),
        ("a snapshot", lambda: read_whole(cache / "snapshots" / mixed.head / "part1.bin"), mixed.bytes("part1.bin")),
        ("an old name", lambda: os.readlink(made / "models/acme/old"), "new"),
        ("a tag", lambda: read_whole(made / f"{NAME}@v1/README.md"), mixed.bytes("README.md")),
        ("no repository", lambda: os.stat(made / "models/acme/nothing-there"), errno.ENOENT),
    ]
    return Workload(made / NAME, mixed, extra)


@pytest.mark.parametrize("when", [pytest.param(index, marks=[] if index in (1, 9) else pytest.mark.slow) for index in range(0, 40, 4)])
def test_a_hub_that_stops_at_any_step_leaves_answers_right_or_out_of_reach(made, stoppable, mixed, when):
    lose_and_find(made, stoppable, hub_workload(made, mixed), stoppable.stop, when)


@pytest.mark.parametrize("k", [pytest.param(k, marks=[] if k in (0, 3, 7) else pytest.mark.slow) for k in range(30)])
def test_a_network_that_breaks_after_any_request_leaves_answers_right_or_out_of_reach(made, stoppable, mixed, k):
    strike(stoppable, {}, {"reset": True}, skip=k)
    lose_and_find(made, stoppable, hub_workload(made, mixed), lambda: None, 0)
