# SPDX-License-Identifier: Apache-2.0
"""The unmodified git against the local Hub, and what it says about the Hub's own store."""

import gzip
import subprocess
import urllib.error
import urllib.request

import pytest


def git(*args, ok=True, cwd=None):
    """A git command without the user's configuration."""
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
    done = subprocess.run(["git", *map(str, args)], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == ok, done.stderr
    return done.stdout if ok else done.stderr


@pytest.fixture
def repo(hub):
    """A repository with modes and a symlink."""
    hub.repo("alice/m")
    ops = [
        {"add": "run.sh", "text": "#!/bin/sh\n", "mode": "100755"},
        {"add": "link", "text": "run.sh", "mode": "120000"},
        {"add": "d/a b#\u00fc.txt", "text": "odd"},
    ]
    return hub.commit("alice/m", ops)


@pytest.mark.parametrize("suffix", ["", ".git"])
def test_git_clone_gives_files_modes_and_links(hub, repo, tmp_path, suffix):
    git("clone", f"{hub.endpoint}/alice/m{suffix}", tmp_path / "c")
    assert git("rev-parse", "HEAD", cwd=tmp_path / "c").strip() == repo
    assert (tmp_path / "c/run.sh").stat().st_mode & 0o100
    assert (tmp_path / "c/link").readlink().name == "run.sh"
    assert (tmp_path / "c/d/a b#\u00fc.txt").read_text() == "odd"


def test_a_private_repository_clones_only_with_a_token(hub, repo, tmp_path):
    hub.repo("alice/m", private=True)
    git("clone", f"{hub.endpoint}/alice/m", tmp_path / "no", ok=False)
    git("clone", f"{hub.endpoint.replace('://', '://any:hf_test_read_token@')}/alice/m", tmp_path / "yes")


def test_one_commit_can_be_fetched_shallow_and_filtered_by_its_id(hub, repo, tmp_path):
    hub.commit("alice/m", [{"add": "later.txt", "text": "later"}, {"add": "large.txt", "text": "x" * 100_000}])
    git("init", tmp_path / "c")
    fetch = ["-c", "protocol.version=2", "fetch", "--depth", "1", "--filter=blob:limit=1000"]
    git(*fetch, f"{hub.endpoint}/alice/m", repo, cwd=tmp_path / "c")
    assert git("rev-list", "--count", "FETCH_HEAD", cwd=tmp_path / "c").strip() == "1"
    assert git("show", "FETCH_HEAD:d/a b#\u00fc.txt", cwd=tmp_path / "c") == "odd"


def test_a_compressed_request_body_is_refused(hub, repo):
    body = gzip.compress(b"0014command=ls-refs\n0000")
    headers = {"Content-Type": "application/x-git-upload-pack-request", "Content-Encoding": "gzip", "Git-Protocol": "version=2"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(f"{hub.endpoint}/alice/m.git/git-upload-pack", body, headers))
    assert refused.value.code == 400


def test_git_finds_nothing_wrong_with_the_store(hub, repo, client):
    client.python("api.upload_file(path_or_fileobj=b'x' * 3_000_000, path_in_repo='w.bin', repo_id='alice/m', create_pr=True)")
    client.python(
        "api.delete_file('run.sh', 'alice/m'); api.super_squash_history('alice/m'); api.create_tag('alice/m', tag='t', tag_message='m')"
    )
    path = hub.repo("alice/m")["git"]
    git("--git-dir", path, "fsck", "--full", "--strict")
