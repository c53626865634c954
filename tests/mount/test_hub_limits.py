# SPDX-License-Identifier: Apache-2.0
"""The whole Hub used much, and a Hub that loses commits: nothing here runs full, or lasts longer than what it stands for."""

import contextlib
import errno
import os
import subprocess
import threading
import time

import pytest
import samples
from harness import wait_until
from hub.client import WRITE_TOKEN
from local_hub import Repository
from machine import PATIENCE, PROMPT
from refusal import failing, names, strike
from test_large_trees import PAGE, RECURSIVE, files_of, listings

MOMENT = 1.5  # seconds: the kernel remembers names above a repository for one
GONE = {"status": 404, "body": "{}", "headers": {"X-Error-Code": "RevisionNotFound"}}

# ---- many answers, each a file of its own


def assert_still_answers(made, sample):
    cache = made / "hf-cache"
    view = cache / "models--acme--sample"
    assert (view / "refs/main").read_text() == sample.head
    assert (view / f".no_exist/{sample.head}/nothing").read_bytes() == b""
    assert (view / f"trees/{sample.head}.json").read_text().startswith("{")
    assert (cache / "CACHEDIR.TAG").read_text().startswith("Signature: ")
    for path in ("commit", "status", "log", "info/README.md"):
        assert (made / "models/acme/sample/.hub" / path).read_text()


@pytest.mark.quick
def test_three_thousand_missing_files_are_answered(mount, sample):
    made = mount("hf://")
    folder = made / f"hf-cache/models--acme--sample/.no_exist/{sample.head}"
    for number in range(3000):
        assert os.stat(folder / f"missing-{number}.json").st_size == 0
    for number in range(1000):
        assert os.stat(folder / f"notes/missing-{number}.json").st_size == 0
    assert_still_answers(made, sample)


@pytest.mark.parametrize("path", ["hf-cache/models--acme--sample/refs/main", "models/acme/sample/.hub/commit", "models/acme/sample/.hub/status"])
def test_a_file_of_text_can_be_read_two_thousand_times(mount, sample, path):
    made = mount("hf://")
    for _ in range(2000):
        assert (made / path).read_text()
    assert_still_answers(made, sample)


@pytest.fixture(scope="module")
def referred(_hub_process):
    """referred/r000000 and 1,099 more; the one commit that all of them are at."""
    return _hub_process.bulk_repos("referred", 1100)


@pytest.mark.slow
@pytest.mark.parametrize("path, end", [("hf-cache/models--referred--{}/refs/main", ""), ("models/referred/{}/.hub/commit", "\n")], ids=["refs", "commit"])
def test_a_text_of_each_of_a_thousand_repositories_can_be_read(mount, referred, path, end):
    made = mount("hf://")
    for number in range(1100):
        assert (made / path.format(f"r{number:06}")).read_text() == referred + end


def test_info_of_a_folder_of_a_thousand_files_can_be_read(mount, hub):
    hub.bulk("acme/informed", 1500)
    folder = mount("acme/informed") / ".hub/info/d0000"
    done = subprocess.run(["ls", "-l", folder], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr[:200]) == (0, "")
    assert all((folder / name).read_text().startswith("{") for name in os.listdir(folder))


# ---- commits that the Hub has no more


@pytest.fixture
def squashed(_hub_process, tmp_path):
    """A repository of the sample's files, and a branch "dev" with one more; (repository, commit of dev)."""
    samples.write_tree(tmp_path, samples.sample_files())
    name = f"acme/squashed-{time.monotonic_ns()}"
    repository = Repository(name, tmp_path, _hub_process.upload(tmp_path, name))
    yield repository, _hub_process.put(name, "new.txt", "of dev\n", ref="dev")
    _hub_process.delete_repo(name)


@pytest.mark.quick
@pytest.mark.parametrize("waits", [True, False], ids=["later", "at once"])
def test_a_branch_that_is_deleted_and_collected_takes_nothing_of_main_with_it(mount, hub, squashed, waits):
    repository, dev = squashed
    made = mount("hf://")
    assert "config.json" in names(made / f"models/{repository.id}")
    assert "new.txt" in names(made / f"models/{repository.id}@dev")
    hub.ref(repository.id, "dev", None)
    strike(hub, {"path_regex": dev}, GONE)
    if waits:
        time.sleep(MOMENT)
    for name in ("config.json", "mixed.bin", "notes/deep/er/leaf.txt"):
        assert (made / f"models/{repository.id}" / name).read_bytes() == repository.bytes(name)
    assert names(made / f"models/{repository.id}/notes") == ["deep", "first.txt"]
    assert os.stat(made / f"models/{repository.id}/edges/4097.txt").st_size == 4097


@pytest.mark.quick
@pytest.mark.parametrize("name", ["config.json", "mixed.bin"])
def test_a_read_after_the_one_that_found_the_commit_gone_takes_another_commit(mount, hub, squashed, name):
    repository, _ = squashed
    made = mount("hf://")
    assert "new.txt" in names(made / f"models/{repository.id}@dev")
    assert name in names(made / f"models/{repository.id}")
    with open(made / f"models/{repository.id}" / name, "rb", buffering=0) as file:
        rule = strike(hub, {"path_regex": repository.head}, GONE)
        with contextlib.suppress(OSError):  # the kernel may read ahead first, and once more itself
            os.pread(file.fileno(), 10, 0)
        assert hub.fired(rule) >= 1
        assert os.pread(file.fileno(), 10, 0) == repository.bytes(name)[:10]
    assert (made / f"models/{repository.id}@dev" / name).read_bytes() == repository.bytes(name)


def test_a_folder_of_a_commit_that_is_gone_is_listed_at_another(mount, hub, squashed):
    repository, _ = squashed
    made = mount("hf://")
    assert "new.txt" in names(made / f"models/{repository.id}@dev")
    here = os.open(made / f"models/{repository.id}", os.O_RDONLY)
    try:
        assert "notes" in os.listdir(here)
        rule = strike(hub, {"path_regex": repository.head}, GONE)
        folder = os.open("notes", os.O_RDONLY, dir_fd=here)
        assert sorted(os.listdir(folder)) == ["deep", "first.txt"]
        os.close(folder)
        assert os.stat("edges/4097.txt", dir_fd=here).st_size == 4097
        assert hub.fired(rule) >= 1
    finally:
        os.close(here)


# ---- a folder of the repository called .hub


@pytest.fixture(scope="module")
def shadowed(_hub_process):
    """acme/shadowed has folders called .hub; its head."""
    _hub_process.repo("acme/shadowed")
    paths = (".hub/real.txt", ".hub/commit", "README.md", "sub/.hub/real.txt")
    return _hub_process.commit("acme/shadowed", [{"add": path, "text": f"the real {path}\n"} for path in paths])


@pytest.mark.quick
@pytest.mark.parametrize("source, root", [("hf://", "models/acme/shadowed"), ("acme/shadowed", "")], ids=["the whole Hub", "one repository"])
@pytest.mark.parametrize("lister", [["ls", "-la"], ["find"], ["ls", "-laR"]], ids=" ".join)
def test_hub_is_ours_though_the_repository_has_one(mount, shadowed, source, root, lister):
    made = mount(source)
    top = made / root
    for _ in range(2):
        done = subprocess.run([*lister, top], capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert names(top) == [".gitattributes", "README.md", "sub"], "no listing names .hub"
        assert names(top / ".hub") == ["commit", "info", "log", "revisions", "status"]
        assert (top / ".hub/commit").read_text() == f"{shadowed}\n"
        assert failing("stat", top / ".hub/real.txt") == errno.ENOENT
        assert (top / "sub/.hub/real.txt").read_text() == "the real sub/.hub/real.txt\n"


def test_a_page_that_names_nothing_but_hub_leads_to_the_next_one(mount, hub, shadowed):
    tree = f"/api/models/acme/shadowed/tree/{shadowed}"
    page = {"origin": "hub", "path_regex": f"^{tree}/?$"}
    entry = {"type": "directory", "path": ".hub", "oid": "2" * 40, "size": 0}
    more = {"status": 200, "body": [entry], "headers": {"Link": f'<{tree}?cursor=a>; rel="next"'}}
    hub.faults({"match": {**page, "query_regex": "^$"}, "action": more})
    hub.faults({"match": {**page, "query_regex": "cursor=a"}, "action": {"status": 200, "body": [{**entry, "path": "sub"}]}})
    assert names(mount("acme/shadowed").path) == ["sub"]


# ---- refs with slashes


def without_age(folder):
    """The lines of .hub/status but the one that says how long ago the Hub was asked."""
    lines = (folder / ".hub/status").read_text().splitlines()
    assert len(kept := [line for line in lines if not line.startswith("checked")]) == len(lines) - 1
    return kept


@pytest.mark.quick
def test_a_ref_that_there_is_not_changes_nothing_that_is_known_of_others(mount, hub, wire):
    hub.repo("acme/slashes")
    first = hub.put("acme/slashes", "n.txt", "first\n")
    for name in ("x/one", "x/two"):
        hub.ref("acme/slashes", name, first)
    made = mount("hf://", options=["poll=never"])
    one = made / "models/acme/slashes@x%2Fone"
    assert (one / "n.txt").read_text() == "first\n"
    status = without_age(one)
    hub.put("acme/slashes", "n.txt", "second\n", ref="x/one")
    time.sleep(MOMENT)
    assert failing("stat", made / "hf-cache/models--acme--slashes/refs/nope") == errno.ENOENT
    assert failing("stat", made / "hf-cache/models--acme--slashes/refs/x/nope") == errno.ENOENT
    time.sleep(MOMENT)
    wire.mark()
    assert (one / "n.txt").read_text() == "first\n", "nobody asked for news of it"
    assert without_age(one) == status
    assert wire.kinds() == {}
    made.cli("refresh", one)
    assert (one / "n.txt").read_text() == "second\n"
    wire.mark()
    assert failing("stat", made / "hf-cache/models--acme--slashes/refs/nope2") == errno.ENOENT
    time.sleep(MOMENT)
    assert (one / "n.txt").read_text() == "second\n"
    assert wire.kinds() == {"repo-info": 1, "refs": 1}, "the question about nope2"


# ---- a tree file while somebody walks


def test_a_tree_file_asked_for_in_a_walk_does_not_list_all_of_a_large_repository(mount, hub, wire):
    head = hub.bulk("acme/twenty-thousand", 20_000, size=10, dirs=2000)
    hub.config(page_size=PAGE // 10)
    made = mount("hf://", token=WRITE_TOKEN)
    top = made / "models/acme/twenty-thousand"
    tree = files_of(20_000, 2000)
    os.listdir(top)
    rule = strike(hub, RECURSIVE, {"delay_ms": 2000}, count=1)
    walker = threading.Thread(target=lambda: [os.listdir(top / f"d{number:04}") for number in range(5)])
    walker.start()
    wait_until(lambda: hub.fired(rule), "the walk's first page", PROMPT)
    answers = []
    asker = threading.Thread(target=lambda: answers.append(failing("stat", made / f"hf-cache/models--acme--twenty-thousand/trees/{head}.json")))
    asker.start()
    for thread in (walker, asker):
        thread.join(PATIENCE)
    assert answers == [errno.ENOENT], "the client lists for itself"
    recursive, _ = listings(wire)
    assert recursive <= 10 + 10, "ten pages for the file, and what a walk goes ahead; all of it is 221"
    assert sorted(os.listdir(top / "d1999")) == sorted(tree["d1999"])
