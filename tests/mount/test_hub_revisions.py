# SPDX-License-Identifier: Apache-2.0
"""What happens to a mount when revisions and repositories change on the Hub: moved, forced, renamed, deleted.

`shown` mounts one repository ("one") or the whole Hub ("hub") and gives a View of a revision in it, so
that what is promised of both is tested of both; what only one promises says so in its name.
"""

import errno
import os
import re
import signal
import subprocess
import time

import pytest
from harness import wait_until
from hub.client import WRITE_TOKEN
from machine import PROMPT, RELEASE
from refusal import complaint, failing
from test_memory import status_bytes
from views import BIG, Held, View, count_rows


@pytest.fixture
def repo(hub, request):
    """A repository of this test alone, with two commits: (id, first, second)."""
    name = "acme/x" + re.sub("[^a-z0-9]+", "-", request.node.name[5:]).strip("-")[:85].strip("-")
    hub.repo(name)
    kept = [{"add": "kept.txt", "text": "kept\n"}, {"add": "big.txt", "text": BIG.decode()}]
    far = [{"add": "far/in.txt", "text": "far\n"}, {"add": "d/in.txt", "text": "in 1\n"}]
    first = hub.commit(name, [{"add": "a.txt", "text": "version 1\n"}, *kept, *far])
    second = hub.commit(name, [{"add": "a.txt", "text": "version 2\n"}, {"add": "d/in.txt", "text": "in 2\n"}])
    return name, first, second


@pytest.fixture
def in_one(mount):
    def make(name, revision="", poll="never"):
        made = mount(f"{name}@{revision}" if revision else name, options=[f"poll={poll}"])
        return View(made, made.path)

    return make


@pytest.fixture
def in_hub(mount):
    def make(name, revision="", poll="never"):
        made = mount("hf://", options=[f"poll={poll}"])
        return View(made, made / f"models/{name}{'@' if revision else ''}{revision.replace('/', '%2F')}")

    return make


@pytest.fixture(params=["one", "hub"])
def shown(request, in_one, in_hub):
    return in_one if request.param == "one" else in_hub


# ---- heads that move


@pytest.mark.quick
def test_the_whole_hub_follows_a_branch_in_use(in_hub, hub, repo):
    """V2 in the whole Hub: what is looked at is asked for again when `poll` has passed."""
    view = in_hub(repo[0], poll=1)
    assert view.text() == "version 2\n"
    hub.put(repo[0], "a.txt", "version 3\n")
    wait_until(lambda: view.text() == "version 3\n", "the new version")


def test_the_whole_hub_with_poll_never_asks_once(in_hub, hub, repo, wire):
    """With poll=never a branch stays where it was first seen until somebody asks."""
    view = in_hub(repo[0])
    assert view.text() == "version 2\n"
    hub.put(repo[0], "a.txt", "version 3\n")
    wire.mark()
    end = time.monotonic() + 2.5  # the kernel forgets the name after a second
    while time.monotonic() < end:
        assert view.text() == "version 2\n"
        time.sleep(0.1)
    assert wire.kinds() == {}
    view.refresh()
    assert view.text() == "version 3\n"


def test_sighup_makes_the_whole_hub_ask_again(in_hub, hub, repo):
    """SIGHUP: nothing that is known is young enough any more."""
    view = in_hub(repo[0])
    assert view.text() == "version 2\n"
    hub.put(repo[0], "a.txt", "version 3\n")
    view.made.process.send_signal(signal.SIGHUP)
    wait_until(lambda: view.text() == "version 3\n", "the new version")


@pytest.mark.parametrize(
    "path",
    ["models/acme/NAME", "models/acme/NAME/a.txt", "models/acme/NAME/d/in.txt", "models/acme/NAME@main"]
    + ["models/acme/NAME@main/d", "", "models/acme", "datasets"],
    ids=["repository", "file", "file-below", "revision", "folder-of-revision", "root", "owner", "kind"],
)
def test_refresh_in_the_whole_hub_takes_any_path(in_hub, hub, repo, path):
    """When `hugfs refresh PATH` returns, PATH is shown where it stands now; a folder above the repositories
    stands for all that is in it."""
    view = in_hub(repo[0])
    branch = View(view.made, f"{view.base}@main")
    assert view.text() == branch.text() == "version 2\n"
    os.listdir(view.base.parent)  # a listing tells heads too: it must not hide the news
    hub.put(repo[0], "a.txt", "version 3\n")
    view.made.cli("refresh", view.made / path.replace("NAME", view.base.name))
    assert view.text() == branch.text() == "version 3\n"


def test_refresh_in_the_whole_hub_believes_no_older_listing(in_hub, hub, repo):
    """A listing that is younger than what was known of a repository, but older than the refresh, is no news."""
    view = in_hub(repo[0])
    assert view.text() == "version 2\n"
    time.sleep(1.1)  # checks are known to the second
    os.listdir(view.base.parent)
    hub.put(repo[0], "a.txt", "version 3\n")
    view.made.cli("refresh", view.base.parent)
    assert view.text() == "version 3\n"


def test_refresh_of_what_does_not_exist_says_so(in_hub, repo):
    """`hugfs refresh` of a name that the Hub does not know: status 3 and a sentence."""
    view = in_hub(repo[0])
    said = view.made.cli("refresh", f"{view.base}-is-missing", status=3)
    assert f"{repo[0]}-is-missing" in said.err
    assert view.text() == "version 2\n"


def test_refresh_without_the_hub_says_so(shown, repo):
    """`hugfs refresh` while offline: status 4, and everything stays as it is."""
    view = shown(repo[0])
    assert view.text() == "version 2\n"
    view.made.cli("offline", view.made.path)
    view.refresh(status=4)
    assert view.text() == "version 2\n"


def test_refresh_is_not_satisfied_by_a_question_that_was_under_way(in_hub, hub, repo):
    """An answer that the Hub gave before `hugfs refresh` began is no news."""
    view = in_hub(repo[0], poll=1)
    assert view.text() == "version 2\n"
    time.sleep(2)
    rule = hub.faults({"match": {"path_regex": f"^/api/models/{repo[0]}$"}, "count": 1, "action": {"stall": {"after": 4}}})[0]
    asking = os.spawnlp(os.P_NOWAIT, "ls", "ls", "-d", f"{view.base}/.")
    hub.wait_stalled(1, PROMPT)
    assert hub.fired(rule) == 1
    hub.put(repo[0], "a.txt", "version 3\n")
    pid = os.fork()
    if pid == 0:
        time.sleep(1)
        hub.release()
        os._exit(0)
    view.refresh()
    os.waitpid(pid, 0)
    os.waitpid(asking, 0)
    assert view.text() == "version 3\n"


def test_only_what_is_in_use_is_asked_for_in_the_whole_hub(in_hub, hub, repo, wire):
    """However many revisions have been seen: no request without a reader, and one per `poll` for what is read."""
    view = in_hub(repo[0], poll=2)
    hub.repo("acme/beside")
    hub.put("acme/beside", "a.txt", "beside\n")
    beside = View(view.made, view.base.parent / "beside")
    assert (view.text(), beside.text()) == ("version 2\n", "beside\n")
    wire.mark()
    time.sleep(4)
    assert wire.kinds() == {}, "nobody looks"
    begun = time.monotonic()
    while time.monotonic() < begun + 6:
        assert view.text() == "version 2\n"
        time.sleep(0.05)
    rows = wire.rows()
    assert {row["path"] for row in rows} == {f"/api/models/{repo[0]}"}
    assert 2 <= len(rows) <= (time.monotonic() - begun) / 2 + 1


# ---- what is open stays


@pytest.mark.quick
def test_open_files_maps_and_folders_keep_their_version(shown, hub, repo):
    """V4, in both kinds of mount."""
    view = shown(repo[0])
    with Held(view) as held:
        hub.commit(repo[0], [{"add": "a.txt", "text": "version 3, longer\n"}, {"add": "d/in.txt", "text": "in 3\n"}])
        view.refresh()
        assert view.text() == "version 3, longer\n" and view.text("d/in.txt") == "in 3\n"
        assert held.is_kept()
        assert os.pread(held.far, 16, 0) == BIG[:16]


def test_a_working_directory_keeps_its_version_in_the_whole_hub(in_hub, hub, repo):
    """V4 for a process whose working directory is the root of a repository: all below it is of one commit."""
    view = in_hub(repo[0])
    script = "cat a.txt; read line; cat a.txt d/in.txt far/in.txt; ls"
    with subprocess.Popen(["bash", "-c", script], cwd=view.base, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as inside:
        assert inside.stdout.readline() == b"version 2\n"
        hub.commit(repo[0], [{"add": "a.txt", "text": "version 3\n"}, {"add": "d/in.txt", "text": "in 3\n"}, {"delete": "kept.txt"}])
        view.refresh()
        assert view.text() == "version 3\n" and not (view / "kept.txt").exists()
        said, _ = inside.communicate(b"\n", timeout=PROMPT)
    assert said.split() == b"version 2 in 2 far a.txt big.txt d far kept.txt".split()


@pytest.mark.quick
@pytest.mark.parametrize("is_held", [True, False])
def test_unchanged_files_keep_inode_and_content(shown, hub, repo, wire, is_held):
    """V5, in both kinds of mount: after a move an unchanged file has the same inode number and costs no request, and
    while somebody has it open (or in the mount of one repository) the kernel keeps its pages; some it may give up at
    any time, as it did in a mount that nobody touched (1 to 12 of 196, one time in 40 on a busy machine). In the
    whole Hub the kernel gives up the files of a root with its name, and their pages, unless they are open."""
    view = shown(repo[0])
    is_one = view.base == view.made.path
    names = ["kept.txt", "far/in.txt", "big.txt"]

    def bytes_read():
        return view.status()["reads"]["bytes_read"]

    before, changed = [(view / name).stat().st_ino for name in names], (view / "a.txt").stat().st_ino
    texts = [view.text(name) for name in names]
    assert texts == ["kept\n", "far\n", BIG.decode()]
    held = [os.open(view / name, os.O_RDONLY) for name in names if is_held]
    count = bytes_read()
    hub.put(repo[0], "a.txt", "version 3\n")
    view.refresh()
    wire.mark()
    assert [view.text(name) for name in names] == texts
    assert [(view / name).stat().st_ino for name in names] == before and (view / "a.txt").stat().st_ino != changed
    assert not (is_held or is_one) or bytes_read() - count < len(BIG) // 4
    assert wire.count("resolve", "resolve-cache") == 0
    for fd in held:
        os.close(fd)


# ---- branches, tags and histories


def test_a_deleted_branch_stays_in_a_mount_of_it(in_one, hub, repo):
    """A mount of one repository stays at the last commit; its log says so once, its status for as long as it is so."""
    hub.put(repo[0], "a.txt", "on side\n", ref="side")
    view = in_one(repo[0], "side", poll=1)
    assert view.text() == "on side\n"
    hub.ref(repo[0], "side", None)
    complaint(view.made, "no revision side")
    time.sleep(2.5)
    assert view.made.log.count("no revision side") == 1, "said once"
    assert view.text() == "on side\n" and view.text("big.txt") == BIG.decode() and view.text("far/in.txt") == "far\n"
    assert "no revision side" in view.made.cli("status", view.made.path).out
    assert "no revision side" in (view / ".hub/status").read_text()
    view.refresh(status=3)


def test_the_name_of_a_deleted_branch_disappears_from_the_whole_hub(in_hub, hub, repo):
    """The name is gone at the next poll; what is open is read on, also what had not been fetched before."""
    hub.put(repo[0], "a.txt", "on side\n", ref="side")
    view = in_hub(repo[0], "side", poll=1)
    with Held(view) as held:
        hub.ref(repo[0], "side", None)
        wait_until(lambda: not view.base.exists(), "the name to disappear")
        assert held.is_kept()
        assert os.pread(held.far, 16, 0) == BIG[:16]
        assert os.listdir(f"/proc/self/fd/{held.root}/far") == ["in.txt"]
    complaint(view.made, "no revision side")


@pytest.mark.parametrize("is_one", [True, False])
def test_a_branch_that_is_made_anew_is_followed_again(in_one, in_hub, hub, repo, is_one):
    """Deleted and made anew at another commit: the mount goes there; in the whole Hub when the missing name has been
    forgotten, after ten seconds."""
    hub.put(repo[0], "a.txt", "on side\n", ref="side")
    view = (in_one if is_one else in_hub)(repo[0], "side", poll=1)
    assert view.text() == "on side\n"
    hub.ref(repo[0], "side", None)
    view.refresh(status=3)
    assert view.base.exists() == is_one
    hub.ref(repo[0], "side", repo[1])
    wait_until(lambda: view.base.exists() and view.text() == "version 1\n", "the new branch")
    if is_one:
        assert view.status()["refresh_error"] is None


def test_a_force_push_to_another_history_moves_the_mount(shown, hub, repo):
    """A branch is where the Hub says, whatever the history: the mount moves, and what is open stays."""
    from huggingface_hub import HfApi

    view = shown(repo[0])
    with Held(view) as held:
        kept = (view / "kept.txt").stat().st_ino
        HfApi(endpoint=hub.endpoint, token=WRITE_TOKEN).super_squash_history(repo[0])
        view.refresh()
        assert view.text() == "version 2\n" and (view / "kept.txt").stat().st_ino == kept
        assert repo[2] not in (view / ".hub/commit").read_text()
        hub.put(repo[0], "a.txt", "another history\n")
        view.refresh()
        assert view.text() == "another history\n"
        assert held.is_kept()
        hub.ref(repo[0], "main", repo[1])
        view.refresh()
        assert view.text() == "version 1\n"
        assert held.is_kept()


def test_a_tag_that_is_moved_is_followed(shown, hub, repo):
    """A tag is followed like a branch."""
    hub.ref(repo[0], "refs/tags/v1", repo[1])
    view = shown(repo[0], "v1", poll=1)
    assert view.text() == "version 1\n"
    hub.ref(repo[0], "refs/tags/v1", repo[2])
    wait_until(lambda: view.text() == "version 2\n", "the tag's new commit")


def test_a_head_that_flips_between_two_commits_costs_nothing_more(shown, hub, repo, wire):
    """Each flip is one small request: no listing, nothing new in the store, no memory, no error."""
    view = shown(repo[0])

    def flip(times):
        for number in range(times):
            hub.ref(repo[0], "main", repo[1 + number % 2])
            view.refresh()
            assert view.text() == f"version {1 + number % 2}\n"
            assert view.text("d/in.txt") == f"in {1 + number % 2}\n"

    flip(4)
    wire.mark()
    rows, memory = count_rows(view.made.home.cache), status_bytes(view.made.process.pid, "VmRSS")
    flip(12)
    assert wire.kinds() == {"repo-info": 12}
    assert count_rows(view.made.home.cache) == rows
    assert not RELEASE or status_bytes(view.made.process.pid, "VmRSS") < memory + (1 << 20)
    assert " warn " not in view.made.log.lower() and " error " not in view.made.log.lower()


# ---- repositories


def test_a_deleted_repository_leaves_what_is_here_readable(shown, hub, repo):
    """What was read before is read on; what is not here is ESTALE, for a file that is open is not missing."""
    view = shown(repo[0], poll=1)
    with Held(view) as held:
        hub.delete_repo(repo[0])
        assert held.is_kept()
        far = f"/proc/{os.getpid()}/fd/{held.far}"
        assert failing("read", far, 0, 4096) == errno.ESTALE
        assert failing("list", f"/proc/{os.getpid()}/fd/{held.root}/far") == errno.ESTALE
        assert failing("stat", f"/proc/{os.getpid()}/fd/{held.root}/far/in.txt") == errno.ESTALE
        complaint(view.made, repo[0])
        if view.base == view.made.path:
            assert view.text() == "version 2\n"
            wait_until(lambda: repo[0] in (view.status()["refresh_error"] or ""), "the status to say so")
        else:
            wait_until(lambda: not view.base.exists(), "the name to disappear")
        assert held.is_kept()


def test_a_repository_that_is_made_anew_is_another_one(shown, hub, repo):
    """Deleted and made anew under the same name: its files are those of the new one, and what is open stays."""
    view = shown(repo[0], poll=1)
    with Held(view) as held:
        hub.delete_repo(repo[0])
        hub.repo(repo[0])
        hub.commit(repo[0], [{"add": "a.txt", "text": "anew\n"}, {"add": "d/in.txt", "text": "in anew\n"}])
        wait_until(lambda: (view / "a.txt").exists() and view.text() == "anew\n", "the new repository")  # empty at first
        assert view.text("d/in.txt") == "in anew\n" and not (view / "kept.txt").exists()
        assert held.is_kept()


def test_a_renamed_repository_is_followed_by_a_mount_of_it(in_one, hub, repo):
    """A mount by the old name goes on through the Hub's redirects; its status tells the new name."""
    view = in_one(repo[0])
    with Held(view) as held:
        hub.move(repo[0], repo[0] + "-moved")
        assert os.pread(held.far, 16, 0) == BIG[:16], "through the redirect"
        hub.put(repo[0] + "-moved", "a.txt", "version 3\n")
        view.refresh()
        assert view.text() == "version 3\n" and view.text("far/in.txt") == "far\n"
        assert held.is_kept()
        assert view.status()["repo"] == repo[0] + "-moved"
        complaint(view.made, f"{repo[0]}-moved")


def test_the_old_name_of_a_repository_becomes_a_symlink_in_the_whole_hub(in_hub, hub, repo):
    """The old name is a link to the new one, and what is open under it stays readable."""
    new = repo[0] + "-moved"
    view = in_hub(repo[0], poll=1)
    with Held(view) as held:
        hub.move(repo[0], new)
        wait_until(view.base.is_symlink, "the link")
        assert os.readlink(view.base) == new.partition("/")[2]
        assert view.text() == "version 2\n" and view.text("far/in.txt") == "far\n"
        assert held.is_kept()
        assert os.pread(held.far, 16, 0) == BIG[:16]
        hub.put(new, "a.txt", "version 3\n")
        view.refresh()
        assert view.text() == "version 3\n"
        assert (view.base.parent / new.partition("/")[2] / "a.txt").read_text() == "version 3\n"
