# SPDX-License-Identifier: Apache-2.0
"""hf-cache/ of a mount of the whole Hub: unmodified clients take it for their own cache."""

import os
import time

import pytest
import real_model
import samples
from client_programs import python_of, run
from hub.client import WRITE_TOKEN
from local_hub import Repository

SIZE_LIMIT = 0.02  # of the repository, for configuration and tokenizer
A_MOMENT = 0.05  # seconds: a name in refs/ is asked for again after 0.01


@pytest.fixture(scope="module")
def model(_hub_process, tmp_path_factory):
    """acme/minilm, the real model, with a tag, a nested branch and a pull request."""
    folder = tmp_path_factory.mktemp("model")
    real_model.unpack(folder)
    repository = Repository("acme/minilm", folder, _hub_process.upload(folder, "acme/minilm"))
    for kind, name in (("tag", "v1.0"), ("branch", "feature/x")):
        _hub_process.official("repos", kind, "create", "acme/minilm", name)
    _hub_process.commit("acme/minilm", [{"add": "notes/pr.txt", "text": "from a pull request\n"}], ref="refs/pr/1")
    return repository


@pytest.fixture
def whole(mount):
    """A mount of the whole Hub with an empty store."""
    return mount("hf://")


@pytest.mark.quick
def test_refs_snapshots_trees_and_missing_files_are_answered_from_the_tree(whole, hub, sample):
    view = whole / "hf-cache" / "models--acme--sample"
    head = (view / "refs/main").read_text()
    assert head == hub.head("acme/sample")
    assert (view / "snapshots" / head / "config.json").read_bytes() == sample.bytes("config.json")
    assert (view / ".no_exist" / head / "nothing.json").read_bytes() == b""
    assert not (view / ".no_exist" / head / "config.json").exists()
    assert (view / ".no_exist" / head / "notes/nothing.json").exists()
    assert not (view / ".no_exist" / head / "notes/first.txt").exists()
    assert sorted(os.listdir(view)) == [".no_exist", "blobs", "refs", "snapshots", "trees"]
    assert os.listdir(view / "blobs") == []


@pytest.mark.quick
def test_a_snapshot_is_the_same_inodes_as_the_revision_itself(whole, sample):
    snapshot = whole / "hf-cache" / "models--acme--sample" / "snapshots" / sample.head
    for name in ("config.json", "notes/first.txt"):
        assert (snapshot / name).stat().st_ino == (whole / "models/acme/sample" / name).stat().st_ino


def test_a_ref_is_as_fresh_as_the_hub(whole, hub):
    hub.repo("acme/fresh")
    view = whole / "hf-cache" / "models--acme--fresh"
    for number in range(5):
        head = hub.put("acme/fresh", "n.txt", f"{number}\n")
        time.sleep(A_MOMENT)
        assert (view / "refs/main").read_text() == head
        assert (view / "snapshots" / head / "n.txt").read_text() == f"{number}\n"


@pytest.mark.parametrize("name", ["refs/0123456789abcdef0123456789abcdef01234567", "refs/main.0a1b2c3d.tmp", "snapshots/main", "trees/tmpabc.tmp"])
def test_what_no_client_keeps_is_not_there_and_costs_no_request(whole, wire, sample, name):
    assert not (whole / "hf-cache" / "models--acme--sample" / name).exists()
    assert wire.rows() == []


@pytest.mark.parametrize("name", ["blobs", "models", "models--", "models--a--b--c", "kernels--acme--fast", "models--acme--sample.git", "x--y--z"])
def test_folders_that_no_client_makes_are_not_there_and_cost_no_request(whole, wire, name):
    assert not (whole / "hf-cache" / name).exists()
    assert wire.rows() == []


@pytest.mark.quick
def test_nothing_that_a_client_does_can_change_anything(whole, sample):
    snapshot = whole / "hf-cache" / "models--acme--sample" / "snapshots" / sample.head
    with pytest.raises(OSError, match="Read-only"):
        (snapshot / "config.json").unlink()
    with pytest.raises(OSError, match="Read-only"):
        (snapshot.parent.parent / "refs/new").write_text("x")
    with pytest.raises(FileExistsError):
        (snapshot.parent.parent / "refs").mkdir()


def test_the_official_client_works_and_again_offline(whole, hub, model):
    arguments = ["acme/minilm", model.folder, "--revision", "v1.0", "--revision", "feature/x", "--revision", "refs/pr/1"]
    run("hub_client.py", whole, *arguments)
    run("hub_client.py", whole, *arguments, offline=True)
    whole.cli("offline", whole.path)
    run("hub_client.py", whole, *arguments, offline=True)


def test_four_clients_at_once(whole, model):
    run("hub_client.py", whole, "acme/minilm", model.folder, "--processes", 4)


def test_scanning_the_cache_reads_no_content(whole, hub, wire, model):
    head = (whole / "hf-cache/models--acme--minilm/refs/main").read_text()
    os.listdir(whole / "hf-cache/models--acme--minilm/snapshots" / head)
    wire.mark()
    listing = hub.official("cache", "ls", "--cache-dir", whole / "hf-cache")
    assert "acme/minilm" in listing
    assert wire.count("resolve", "resolve-cache", "xorb-range", "reconstruction-v2") == 0


def test_a_client_that_looks_at_a_moving_branch_finds_what_the_hub_said(whole, hub):
    hub.repo("alice/moving")
    run("moving_client.py", whole, "alice/moving", token=WRITE_TOKEN)


def test_an_id_without_owner_is_what_the_hub_makes_of_it(whole, hub, sample):
    hub.repo("acme/old", alias="oldmodel")
    head = hub.put("acme/old", "config.json", "{}\n")
    view = whole / "hf-cache" / "models--oldmodel"
    assert (view / "refs/main").read_text() == head
    assert (view / "snapshots" / head / "config.json").read_text() == "{}\n"


def test_configuration_and_tokenizer_fetch_two_percent_at_most(whole, wire, model):
    python_of("newest")
    total = sum((model.folder / name).stat().st_size for name in model.files)
    wire.mark()
    run("newest_client.py", whole, "acme/minilm", model.folder, "--tensors", "", venv="newest")
    fetched = wire.body_bytes("xorb-range", "resolve-cache", "lfs-get", "resolve")
    assert fetched < SIZE_LIMIT * total


def test_tensors_are_the_same_through_the_newest_client(whole, model):
    run("newest_client.py", whole, "acme/minilm", model.folder, venv="newest")
    run("newest_client.py", whole, "acme/minilm", model.folder, venv="newest", offline=True)


@pytest.mark.slow
def test_torch_computes_the_same_embeddings_as_from_a_plain_download(whole, hub, model, tmp_path):
    python_of("torch")
    hub.download("acme/minilm", tmp_path)
    run("transformers_client.py", whole, "acme/minilm", "--reference", tmp_path, venv="torch")
    whole.cli("offline", whole.path)
    run("transformers_client.py", whole, "acme/minilm", "--reference", tmp_path, venv="torch", offline=True)
