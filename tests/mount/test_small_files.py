# SPDX-License-Identifier: Apache-2.0
"""Reading many small files that are in git: one fetch for all of a commit, or the next ones of the folder."""

import os
import stat
import subprocess

import pytest
from harness import wait_until
from machine import PATIENCE
from writing import fill

GIT = "git-fetch"
RESOLVE = "resolve"
UPLOAD_PACK = {"method": "POST", "path_regex": "git-upload-pack"}
FILES = {f"src/{folder}/m{number:02}.py": f"# {folder} {number}\n" * (number + 1) for folder in "abc" for number in range(40)}
TEXTS = FILES | {"big.txt": "not small\n" * 10_000, "empty.txt": "", "README.md": "many\n"}


@pytest.fixture
def many(hub, request):
    """A repository of its own with 120 small files in three folders, one larger one and an empty one; its name."""
    name = f"acme/many-{abs(hash(request.node.name)) % 10**8}"
    fill(hub, name, files=TEXTS)
    return name


def read_all(made, names=FILES):
    """The files in the order of their folders, as `cp -r` does."""
    for folder, _, found in os.walk(made.path):
        for name in found:
            path = os.path.relpath(os.path.join(folder, name), made.path)
            if path in names:
                assert (made / path).read_text() == names[path], path


def refuse_git(hub, **action):
    return hub.faults([{"match": UPLOAD_PACK, "count": -1, "action": action or {"status": 404}}])[0]


@pytest.mark.quick
def test_the_third_small_file_brings_all_of_the_commit_by_one_git_fetch(mount, many, wire):
    made = mount(many)
    read_all(made)
    kinds = wire.kinds()
    assert kinds[GIT] == 1 and kinds[RESOLVE] == 3
    wire.mark()
    made.drop_pages("src/c/m39.py")
    read_all(made)
    assert wire.kinds() == {}


def test_two_small_files_are_fetched_by_themselves(mount, many, wire):
    made = mount(many)
    for name in ("README.md", "src/a/m00.py"):
        assert (made / name).read_text() == TEXTS[name]
    assert wire.kinds()[GIT] == 0 and wire.kinds()[RESOLVE] == 2


def test_with_prefetch_off_every_file_is_fetched_by_itself(mount, many, wire):
    made = mount(many, options=["prefetch=off"])
    read_all(made)
    assert wire.kinds()[GIT] == 0 and wire.kinds()[RESOLVE] == len(FILES)


def test_what_is_not_small_does_not_come_along(mount, many, wire):
    made = mount(many)
    read_all(made)
    wire.mark()
    assert (made / "big.txt").read_text() == TEXTS["big.txt"]
    assert wire.kinds()[RESOLVE] == 1
    assert (made / "empty.txt").read_text() == ""


def test_what_came_by_git_is_there_after_a_remount_without_a_hub(mount, hub, many):
    made = mount(many)
    read_all(made)
    made.umount()
    hub.faults([{"match": {"path_regex": many}, "count": -1, "action": {"reset": True}}])
    made.again()
    read_all(made)


def test_a_later_commit_costs_its_new_files_only(mount, hub, many, wire):
    first = mount(many)
    read_all(first)
    changed = TEXTS | {"src/b/m03.py": "changed\n"}
    hub.put(many, "src/b/m03.py", changed["src/b/m03.py"])
    first.cli("refresh", first.path)
    wire.mark()
    read_all(first, {name: changed[name] for name in FILES})
    assert wire.kinds()[GIT] == 0 and wire.kinds()[RESOLVE] == 1


def test_executables_and_links_show_when_the_files_have_come(mount, hub, request):
    name = f"acme/tools-{abs(hash(request.node.name)) % 10**8}"
    texts = {f"lib/f{number}": f"{number}\n" for number in range(5)}
    hub.repo(name)
    hub.commit(name, [{"add": path, "text": text} for path, text in texts.items()] + [{"add": "run.sh", "text": "#!/bin/sh\necho ran\n", "mode": "100755"}])
    made = mount(name)
    assert not (made / "run.sh").stat().st_mode & stat.S_IXUSR
    read_all(made, texts)
    wait_until(lambda: (made / "run.sh").stat().st_mode & stat.S_IXUSR, "the mode")
    assert subprocess.run([made / "run.sh"], check=True, capture_output=True, text=True, timeout=PATIENCE).stdout == "ran\n"


def test_a_prefetch_brings_small_files_together(mount, many, wire):
    made = mount(many)
    made.cli("prefetch", made / "src")
    wait_until(lambda: made.cli("info", "--json", made / "src/c/m39.py").json["cached_bytes"] > 0, "the last file")
    assert wire.kinds()[RESOLVE] < 20
    wire.mark()
    read_all(made)
    assert wire.kinds() == {}


def test_without_a_git_server_the_next_files_of_the_folder_are_fetched_ahead(mount, hub, many, wire):
    rule = refuse_git(hub)
    made = mount(many)
    read_all(made)
    kinds = wire.kinds()
    assert hub.fired(rule) == 1
    assert kinds[RESOLVE] == len(FILES)  # each once
    wire.mark()
    assert (made / "README.md").read_text() == "many\n"
    assert wire.kinds()[RESOLVE] == 1


def test_files_that_are_not_read_in_order_are_not_read_ahead(mount, hub, many, wire):
    refuse_git(hub)
    made = mount(many)
    names = [name for name in sorted(FILES) if name.startswith("src/a/")][::-1]
    for name in names[:12]:
        assert (made / name).read_text() == FILES[name]
    assert wire.kinds()[RESOLVE] == 12


@pytest.mark.parametrize(
    "action",
    [{"truncate": 3000}, {"flip": 2500}, {"status": 500}, {"status": 401}, {"reset": True}, {"body": "<html>"}, {"replace_body": "0000"}],
    ids=["cut off", "damaged", "500", "401", "reset", "a page", "empty"],
)
def test_a_broken_git_answer_costs_nobody_his_files(mount, hub, many, action):
    rule = refuse_git(hub, **action)
    made = mount(many)
    read_all(made)
    assert hub.fired(rule) >= 1


def test_a_git_server_that_says_nothing_holds_readers_up_for_seconds_only(mount, hub, many, wire):
    rule = refuse_git(hub, stall=True)
    made = mount(many, options=["timeout=60"])
    read_all(made)
    fired = hub.fired(rule)
    hub.clear()
    assert fired == 1 and wire.count(RESOLVE) == len(FILES)
