# SPDX-License-Identifier: Apache-2.0
"""Reading many small files that are in git: one fetch for all of a commit, or the next ones of the folder."""

import os

import pytest
from harness import wait_until
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


def read_all_below(root, names=FILES):
    """The files in the order of their folders, as `cp -r` does."""
    for folder, _, found in os.walk(root):
        for name in found:
            path = os.path.relpath(os.path.join(folder, name), root)
            if path in names:
                assert (root / path).read_text() == names[path], path


def read_all(made, names=FILES):
    read_all_below(made.path, names)


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


def test_names_stay_what_they_are_for_who_reads_files(mount, hub, request):
    """A name that turned into a link, or got another number, would break a walk that has seen it before."""
    name = f"acme/tools-{abs(hash(request.node.name)) % 10**8}"
    texts = {f"lib/f{number}": f"{number}\n" for number in range(5)}
    others = [{"add": "run.sh", "text": "#!/bin/sh\n", "mode": "100755"}, {"add": "lib/link", "text": "f1", "mode": "120000"}]
    hub.repo(name)
    hub.commit(name, [{"add": path, "text": text} for path, text in texts.items()] + others)
    for made, root in ((one := mount(name), one.path), (every := mount("hf://"), every / f"models/{name}")):
        before = {path: os.lstat(root / path) for path in (".", "lib", "lib/f0", "run.sh", "lib/link")}
        for path, text in texts.items():
            assert (root / path).read_text() == text
        for path, was in before.items():
            now = os.lstat(root / path)
            assert (now.st_ino, now.st_mode) == (was.st_ino, was.st_mode), path


def test_a_prefetch_brings_small_files_together(mount, many, wire):
    made = mount(many)
    made.cli("prefetch", made / "src")
    wait_until(lambda: made.cli("info", "--json", made / "src/c/m39.py").json["cached_bytes"] > 0, "the last file")
    assert wire.kinds()[RESOLVE] < 20
    wire.mark()
    read_all(made)
    assert wire.kinds() == {}


def test_a_prefetch_of_what_is_here_asks_for_nothing(mount, many, wire):
    made = mount(many)
    made.cli("prefetch", made.path)
    made.remount()
    wire.mark()
    made.cli("prefetch", made / "src")
    assert wire.kinds()[GIT] == wire.kinds()[RESOLVE] == 0


@pytest.mark.parametrize("option", ["max_rate=100M", "cache_size=64M"])
def test_where_a_fetch_of_all_is_not_fit_the_next_files_are_fetched(mount, many, wire, option):
    made = mount(many, options=[option])
    read_all(made)
    assert wire.kinds()[GIT] == 0 and wire.kinds()[RESOLVE] == len(FILES)


def test_a_page_in_place_of_a_git_answer_says_nothing_of_other_repositories(mount, hub, many, wire):
    other, texts = f"{many}-b", {name: f"{text}else\n" for name, text in FILES.items()}
    fill(hub, other, files=texts)
    refuse_git(hub, replace_body="<html>log in</html>")
    made = mount("hf://")
    read_all_below(made / f"models/{many}")
    hub.clear()
    read_all_below(made / f"models/{other}", texts)
    assert wire.kinds()[GIT] == 2


def test_after_a_while_offline_small_files_come_together_again(mount, hub, many, wire):
    made = mount(many)
    names = sorted(FILES)
    for name in names:
        os.stat(made / name)
    made.cli("offline", made.path)
    for name in names[:5]:
        with pytest.raises(OSError):
            (made / name).read_text()
    made.cli("online", made.path)
    wire.mark()
    for name in names[10:]:
        assert (made / name).read_text() == FILES[name]
    assert wire.kinds()[GIT] == 1


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


@pytest.mark.parametrize("timeout", ["60", "4"])
def test_a_git_server_that_says_nothing_holds_readers_up_for_seconds_only(mount, hub, many, wire, timeout):
    rule = refuse_git(hub, stall=True)
    made = mount(many, options=[f"timeout={timeout}"])
    read_all(made)
    fired = hub.fired(rule)
    hub.clear()
    assert fired == 1 and wire.count(RESOLVE) == len(FILES)
