# SPDX-License-Identifier: Apache-2.0
"""The unmodified npm package @huggingface/hub, with its own chunker and Xet code, against the local Hub."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from .folders import tree

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The package installed as package.json pins it, outside of the source tree."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    root = tmp_path_factory.mktemp("js")
    for name in ("package.json", "client.mjs"):
        shutil.copy(HERE / name, root)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=root, check=True, timeout=300)
    return root


@pytest.fixture
def js(hub, package, tmp_path):
    """Runs one action of client.mjs."""

    def run(*args, token="hf_test_write_token"):
        command = ["node", "client.mjs", *map(str, args)]
        env = hub.environment(tmp_path / "jshome", token=token)
        done = subprocess.run(command, cwd=package, env=env, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def readable(files):
    """What this client can read at all: it pastes paths into URLs as they are, and asks for byte 0 of empty files."""
    return {name: content for name, content in files.items() if content and not set(name) & set("#?%")}


@pytest.mark.parametrize("v1_only", [False, True])
def test_js_upload_with_xet_then_download_gives_the_same_bytes(hub, js, folder, tmp_path, v1_only):
    hub.config(v1_only=v1_only)
    js("create", "alice/m")
    js("upload", "alice/m", folder)
    assert {"xorb-post", "shard-v1"} <= {row["kind"] for row in hub.requests()}
    files = tree(folder)
    listed = {row["path"]: row for row in js("list", "alice/m") if row["type"] == "file"}
    assert set(listed) == set(files) | {".gitattributes"}
    for name, content in files.items():
        assert listed[name]["size"] == len(content)
    if v1_only:  # this client uploads without /v2 but does not read without it
        return
    for name, content in readable(files).items():
        assert js("download", "alice/m", name, tmp_path / "one") == len(content)
        assert (tmp_path / "one").read_bytes() == content
    js("download", "alice/m", "model.safetensors", tmp_path / "part", 1_000_000, 1_000_100)
    assert (tmp_path / "part").read_bytes() == files["model.safetensors"][1_000_000:1_000_100]


def test_python_reads_what_js_wrote_and_js_reads_what_python_wrote(hub, js, client, folder, tmp_path):
    js("create", "datasets/alice/from-js")
    js("upload", "datasets/alice/from-js", folder)
    client.hf("download", "alice/from-js", "--repo-type", "dataset", "--local-dir", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(folder)
    for name in set(tree(folder)) - set(readable(tree(folder))):
        (folder / name).unlink()
    client.hf("upload", "alice/from-python", folder)
    root = js("snapshot", "alice/from-python", tmp_path / "cache")
    assert tree(root) == tree(folder)


def test_js_uploads_the_same_content_twice_without_sending_it(hub, js, folder):
    js("create", "alice/m")
    js("upload", "alice/m", folder)
    hub.reset_requests()
    js("create", "alice/again")
    js("upload", "alice/again", folder)
    assert not hub.requests(kind="xorb-post")


def test_js_deletes_lists_and_asks(hub, js):
    for number in range(3):
        hub.repo("alice/m")
        hub.commit("alice/m", [{"add": f"f{number}.txt", "text": "x"}], message=f"Commit {number}")
    hub.commit("alice/m", [{"add": "pr.txt", "text": "x"}], ref="refs/pr/1")
    assert js("exists", "alice/m", "f1.txt") is True
    js("delete", "alice/m", "f1.txt")
    assert js("exists", "alice/m", "f1.txt") is False
    assert js("info", "alice/m", "f0.txt")[0]["size"] == 1
    assert js("download", "alice/m", "f1.txt", "/dev/null") is None
    assert js("commits", "alice/m", "main")[1:] == ["Commit 2", "Commit 1", "Commit 0", "initial commit"]
    assert "pr.txt" in {row["path"] for row in js("list", "alice/m", "refs/pr/1")}
    assert js("models", "-", "alice") == ["alice/m"] and js("whoami") == "alice"
    js("destroy", "alice/m")
    assert js("models", "-", "alice") == []
