# SPDX-License-Identifier: Apache-2.0
"""A branch moves under eight readers, and each of them sees commits and nothing between commits.

HUGFS_TEST_MOVES is how often it moves. Every commit is one of the official client's. What the
files say and how the readers judge it: walkers.py.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack

import pytest
import walkers
from harness import wait_until
from machine import PATIENCE, PROMPT

MOVES = int(os.environ.get("HUGFS_TEST_MOVES") or 400)
KINDS = ("path", "handle", "map", "held")
SOURCE = walkers.__file__


class Program:
    """walkers.py as a process of its own; killed in the end, whatever happened."""

    def __init__(self, *arguments, **options):
        command = [sys.executable, SOURCE, *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def verdict(self):
        """Let a reader end; what it says."""
        out, _ = self.process.communicate("end\n", timeout=PATIENCE)
        return json.loads(out.splitlines()[-1])


@pytest.fixture
def branch(hub, request):
    """A repository of this test alone at commit 0."""
    name = f"acme/moving-{'hub' if 'hub' in request.node.name else 'one'}"
    hub.repo(name)
    added, _ = walkers.changes(0)
    hub.commit(name, [{"add": path, "text": data.decode()} for path, data in added.items()])
    return name


def commit_all(hub, name):
    """Commits 1 to MOVES by the official client; each number as it is made."""
    with (
        tempfile.TemporaryDirectory(prefix="hf-home-") as home,
        Program("commit", name, 1, MOVES, env=hub.environment(home)) as program,
    ):
        lines = [line.strip() for line in program.process.stdout]
        assert program.process.wait(PROMPT) == 0, "\n".join(lines[-20:])
    assert lines == [str(number) for number in range(1, MOVES + 1)]


def judge(readers):
    """End the readers. None has failed, and all have seen more than a few commits."""
    verdicts = {kind: reader.verdict() for kind, reader in readers.items()}
    assert {kind: said["problem"] for kind, said in verdicts.items() if said["problem"]} == {}
    assert min(said["commits"] for said in verdicts.values()) >= min(MOVES // 40, 10), verdicts
    return verdicts


def read_while_moving(hub, name, bases):
    """Two readers of each kind, one at each base, while all commits are made."""
    with ExitStack() as stack:
        readers = {}
        for number, (base, scope) in enumerate(bases):
            readers |= {(kind, number): stack.enter_context(Program(kind, base, scope)) for kind in KINDS}
        commit_all(hub, name)
        base = bases[0][0]
        wait_until(lambda: f"only-{MOVES}.txt" in os.listdir(f"{base}/often"), "the last commit")
        return judge(readers)


@pytest.mark.slow
def test_readers_of_one_repository_see_commits_and_nothing_between_them(mount, hub, branch):
    """Every file and every folder below the root is one commit's, by path and through what is held open, which
    stays at its version; nothing fails."""
    made = mount(branch, options=["poll=1"])
    is_over = threading.Event()

    def refresh():
        while not is_over.wait(0.05):
            made.cli("refresh", made.path)

    thread = threading.Thread(target=refresh)
    thread.start()
    try:
        verdicts = read_while_moving(hub, branch, [(made.path, "subtrees")] * 2)
    finally:
        is_over.set()
        thread.join()
    moved = made.log.count("the mount moved to a new commit")
    print(f"{MOVES} commits, {moved} moves of the mount, {verdicts}")
    assert moved >= min(MOVES // 10, 50)
    assert walkers.read_at(made / "top.txt") == walkers.body("top.txt", MOVES)


@pytest.mark.slow
def test_readers_of_the_whole_hub_see_commits_and_nothing_between_them(mount, hub, branch):
    """The same; and here a handle on the root of a repository shows all of one commit, by NAME and by NAME@REV."""
    made = mount("hf://", options=["poll=1"])
    verdicts = read_while_moving(
        hub, branch, [(made / f"models/{branch}", "whole"), (made / f"models/{branch}@main", "whole")]
    )
    print(f"{MOVES} commits, {verdicts}")
    assert walkers.read_at(made / f"models/{branch}/top.txt") == walkers.body("top.txt", MOVES)


def test_a_listing_of_the_root_that_was_begun_goes_on_to_its_end(mount, hub):
    """A program in the middle of a long listing of the root when the mount moves: it sees the names of the commit
    that it began with, each once, and reads what the mount shows now."""
    hub.bulk("acme/wide", files=4000, dirs=1)
    made = mount("acme/wide/d0000", options=["poll=never"])
    kept = sorted(os.listdir(made.path))
    assert len(kept) == 4000
    hub.put("acme/wide", "d0000/a", "so that the kernel has no copy of the listing")
    made.cli("refresh", made.path)
    with os.scandir(made.path) as listing:
        names = [next(listing).name]
        first = [{"add": f"d0000/a{number}", "text": "new"} for number in range(3)]
        hub.commit("acme/wide", [*first, {"add": f"d0000/{kept[-1]}", "text": "changed\n"}, {"delete": f"d0000/{kept[-2]}"}])
        made.cli("refresh", made.path)
        names += [entry.name for entry in listing]
    assert sorted(names) == ["a", *kept]
    assert (made / kept[-1]).read_text() == "changed\n" and not (made / kept[-2]).exists()
    assert sorted(os.listdir(made.path)) == ["a", "a0", "a1", "a2", *kept[:-2], kept[-1]]
