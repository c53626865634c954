# SPDX-License-Identifier: Apache-2.0
"""Which version is shown: branches follow their head, everything else stands still."""

import mmap
import os
import re
import signal

import pytest
from harness import wait_until


@pytest.fixture
def repo(hub, request):
    """A repository of this test alone, with two commits: (id, first, second)."""
    name = "acme/" + re.sub("[^a-z0-9]+", "-", request.node.name[5:]).strip("-")[:90].strip("-")
    hub.repo(name)
    ops = [{"add": "a.txt", "text": "version 1\n"}, {"add": "kept.txt", "text": "kept\n"}, {"add": "d/in.txt", "text": "in 1\n"}]
    first = hub.commit(name, ops)
    second = hub.commit(name, [{"add": "a.txt", "text": "version 2\n"}, {"add": "d/in.txt", "text": "in 2\n"}])
    return name, first, second


@pytest.mark.quick
def test_a_branch_mount_follows_its_head_by_itself(mount, hub, repo):
    made = mount(repo[0], options=["poll=1"])
    assert (made / "a.txt").read_text() == "version 2\n"
    hub.put(repo[0], "a.txt", "version 3\n")
    wait_until(lambda: (made / "a.txt").read_text() == "version 3\n", "the new version")


@pytest.mark.quick
def test_refresh_follows_the_head_at_once(mount, hub, repo):
    made = mount(repo[0], options=["poll=never"])
    assert (made / "a.txt").read_text() == "version 2\n"
    hub.put(repo[0], "a.txt", "version 3\n")
    assert (made / "a.txt").read_text() == "version 2\n", "poll=never"
    made.cli("refresh", made.path)
    assert (made / "a.txt").read_text() == "version 3\n"


def test_sighup_refreshes(mount, hub, repo):
    made = mount(repo[0], options=["poll=never"])
    assert (made / "a.txt").read_text() == "version 2\n"
    hub.put(repo[0], "a.txt", "version 3\n")
    made.process.send_signal(signal.SIGHUP)
    wait_until(lambda: (made / "a.txt").read_text() == "version 3\n", "the new version")


@pytest.mark.quick
def test_open_files_maps_and_working_directories_keep_their_version(mount, hub, repo):
    made = mount(repo[0], options=["poll=never"])
    folder = os.open(made / "d", os.O_RDONLY)
    with open(made / "a.txt", "rb") as held, mmap.mmap(held.fileno(), 0, prot=mmap.PROT_READ) as view:
        hub.put(repo[0], "a.txt", "version 3, longer than before\n")
        hub.put(repo[0], "d/in.txt", "in 3\n")
        made.cli("refresh", made.path)
        assert (made / "a.txt").read_text() == "version 3, longer than before\n"
        assert held.read() == b"version 2\n"
        os.posix_fadvise(held.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        assert os.pread(held.fileno(), 100, 0) == b"version 2\n"
        assert view[:] == b"version 2\n"
        inside = os.open("in.txt", os.O_RDONLY, dir_fd=folder)
        assert os.read(inside, 100) == b"in 2\n"
        os.close(inside)
    os.close(folder)
    assert (made / "d/in.txt").read_text() == "in 3\n"


@pytest.mark.quick
def test_unchanged_files_keep_inode_and_pages_across_a_head_move(mount, hub, repo, wire):
    made = mount(repo[0], options=["poll=never"])
    kept, changed = (made / "kept.txt").stat().st_ino, (made / "a.txt").stat().st_ino
    assert (made / "kept.txt").read_text() == "kept\n"
    hub.put(repo[0], "a.txt", "version 3\n")
    made.cli("refresh", made.path)
    wire.mark()
    assert (made / "kept.txt").read_text() == "kept\n"
    assert (made / "kept.txt").stat().st_ino == kept
    assert (made / "a.txt").stat().st_ino != changed
    assert wire.count("resolve", "resolve-cache") == 0


@pytest.mark.quick
def test_a_head_move_costs_one_listing_of_the_root(mount, hub, repo, wire):
    made = mount(repo[0], options=["poll=never"])
    os.listdir(made / "d")
    hub.put(repo[0], "a.txt", "version 3\n")
    wire.wait_mounted()
    wire.mark()
    made.cli("refresh", made.path)
    assert wire.kinds() == {"repo-info": 1, "tree": 1}


def test_a_refresh_without_a_new_commit_costs_one_request(mount, repo, wire):
    made = mount(repo[0], options=["poll=never"])
    wire.wait_mounted()
    wire.mark()
    made.cli("refresh", made.path)
    assert wire.kinds() == {"repo-info": 1}


@pytest.mark.quick
def test_a_deleted_file_disappears_and_a_held_one_stays_readable(mount, hub, repo):
    made = mount(repo[0], options=["poll=never"])
    with open(made / "a.txt", "rb") as held:
        hub.commit(repo[0], [{"delete": "a.txt"}])
        made.cli("refresh", made.path)
        assert not (made / "a.txt").exists()
        assert "a.txt" not in os.listdir(made.path)
        assert held.read() == b"version 2\n"


def test_a_file_may_become_a_folder_and_a_folder_a_file(mount, hub, repo):
    made = mount(repo[0], options=["poll=never"])
    assert (made / "d/in.txt").read_text() == "in 2\n"
    hub.commit(repo[0], [{"delete": "a.txt"}, {"delete": "d/in.txt"}])
    hub.commit(repo[0], [{"add": "a.txt/now/a/folder", "text": "deep\n"}, {"add": "d", "text": "a file\n"}])
    made.cli("refresh", made.path)
    assert (made / "a.txt/now/a/folder").read_text() == "deep\n"
    assert (made / "d").read_text() == "a file\n"


@pytest.mark.quick
def test_a_commit_mount_never_changes(mount, hub, repo):
    name, first, _ = repo
    made = mount(f"{name}@{first}", options=["poll=1"])
    hub.put(name, "a.txt", "version 3\n")
    made.cli("refresh", made.path)
    assert (made / "a.txt").read_text() == "version 1\n"


def test_a_short_commit_id_is_understood(mount, repo):
    name, first, _ = repo
    assert (mount(f"{name}@{first[:8]}") / "a.txt").read_text() == "version 1\n"


@pytest.mark.parametrize("revision", ["side", "refs/pr/1", "refs/convert/parquet"])
def test_branches_pull_requests_and_converts_are_mounted_by_name(mount, hub, repo, revision):
    hub.commit(repo[0], [{"add": "a.txt", "text": f"on {revision}\n"}], ref=revision)
    made = mount(f"{repo[0]}@{revision}")
    assert (made / "a.txt").read_text() == f"on {revision}\n"
    assert (mount(repo[0]) / "a.txt").read_text() == "version 2\n"


def test_a_slash_in_a_branch_name_is_written_escaped(mount, hub, repo):
    hub.commit(repo[0], [{"add": "a.txt", "text": "escaped\n"}], ref="feature/with-slash")
    assert (mount(f"{repo[0]}@feature%2Fwith-slash") / "a.txt").read_text() == "escaped\n"


def test_a_pull_request_mount_follows_its_ref(mount, hub, repo):
    hub.commit(repo[0], [{"add": "a.txt", "text": "proposed\n"}], ref="refs/pr/1")
    made = mount(f"{repo[0]}@refs/pr/1", options=["poll=never"])
    assert (made / "a.txt").read_text() == "proposed\n"
    hub.commit(repo[0], [{"add": "a.txt", "text": "proposed again\n"}], ref="refs/pr/1")
    made.cli("refresh", made.path)
    assert (made / "a.txt").read_text() == "proposed again\n"


def test_a_tag_is_mounted_by_name(mount, hub, repo):
    name, first, _ = repo
    hub.official("repos", "tag", "create", name, "v1", "--revision", first)
    assert (mount(f"{name}@v1") / "a.txt").read_text() == "version 1\n"


def test_rev_and_subdir_options_say_the_same_as_the_address(mount, repo):
    name, first, _ = repo
    made = mount(name, options=[f"rev={first}", "subdir=d"])
    assert os.listdir(made.path) == ["in.txt"]
    assert (made / "in.txt").read_text() == "in 1\n"


@pytest.mark.quick
def test_a_subfolder_is_mounted_as_the_root_and_follows_its_branch(mount, hub, repo):
    made = mount(f"{repo[0]}/d", options=["poll=never"])
    assert os.listdir(made.path) == ["in.txt"]
    hub.commit(repo[0], [{"add": "d/more.txt", "text": "more\n"}, {"add": "d/in.txt", "text": "in 3\n"}])
    made.cli("refresh", made.path)
    assert sorted(os.listdir(made.path)) == ["in.txt", "more.txt"]
    assert (made / "in.txt").read_text() == "in 3\n"


@pytest.mark.parametrize("kind", ["dataset", "space"])
def test_datasets_and_spaces_are_mounted_by_their_prefix(mount, hub, kind, tmp_path):
    data = os.urandom(300_000)
    (tmp_path / "data.bin").write_bytes(data)
    (tmp_path / "README.md").write_text(f"---\nsdk: static\n---\na {kind}\n")
    hub.repo(f"acme/a-{kind}", kind, **({"sdk": "static"} if kind == "space" else {}))
    hub.upload(tmp_path, f"acme/a-{kind}", kind)
    for source in (f"{kind}s/acme/a-{kind}", f"hf://{kind}s/acme/a-{kind}@main"):
        made = mount(source)
        assert (made / "data.bin").read_bytes() == data
        assert f"a {kind}" in (made / "README.md").read_text()


def test_a_renamed_repository_is_mounted_by_its_old_name(mount, hub, repo):
    hub.official("repos", "move", repo[0], repo[0] + "-moved")
    try:
        assert (mount(repo[0]) / "a.txt").read_text() == "version 2\n"
    finally:
        hub.official("repos", "move", repo[0] + "-moved", repo[0])


def test_two_revisions_of_one_repository_share_what_they_have_in_common(mount, repo, wire):
    name, first, _ = repo
    made = mount(name)
    assert (made / "kept.txt").read_text() == "kept\n"
    wire.mark()
    old = mount(f"{name}@{first}", like=made)
    old.wait_cached("kept.txt")
    assert (old / "kept.txt").read_text() == "kept\n"
    assert (old / "a.txt").read_text() == "version 1\n"
    assert wire.count("resolve-cache") == 1, "a.txt alone"


@pytest.mark.slow
def test_readers_never_see_a_mixture_while_heads_move(mount, hub, repo):
    """40 heads under a reader: each read of a.txt is one whole version, and inode and content agree."""
    made = mount(repo[0], options=["poll=never"])
    seen = {}
    for number in range(3, 43):
        hub.put(repo[0], "a.txt", f"version {number}\n" * 50)
        made.cli("refresh", made.path)
        with open(made / "a.txt", "rb") as file:
            inode, data = os.fstat(file.fileno()).st_ino, file.read()
        assert data == f"version {number}\n".encode() * 50
        assert seen.setdefault(inode, data) == data
    assert len(seen) == 40
