# SPDX-License-Identifier: Apache-2.0
"""A real model: uploaded by `hf upload`, it is the same through the mount and through `hf download`."""

import hashlib

import numpy
import pytest
import real_model
from local_hub import Repository
from safetensors import safe_open


@pytest.fixture(scope="module")
def model(_hub_process, tmp_path_factory):
    """acme/minilm, by the unmodified official client."""
    folder = tmp_path_factory.mktemp("model")
    real_model.unpack(folder)
    return Repository("acme/minilm", folder, _hub_process.upload(folder, "acme/minilm"))


def digests(folder, names):
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def tensors(path):
    """Every tensor of a safetensors file, read by mmap."""
    with safe_open(path, framework="numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def test_the_model_is_the_same_through_the_mount_and_through_hf_download(mount, hub, model, tmp_path):
    made = mount("acme/minilm")
    expected = digests(model.folder, model.files)
    assert digests(made.path, model.files) == expected
    hub.download("acme/minilm", tmp_path)
    assert digests(tmp_path, model.files) == expected


def test_the_model_is_the_same_after_the_cache_was_cleared(mount, model, wire):
    made = mount("acme/minilm")
    expected = digests(model.folder, model.files)
    assert digests(made.path, model.files) == expected
    made.cli("cache", "clear")
    made.remount()
    wire.mark()
    assert digests(made.path, model.files) == expected
    assert wire.xorb_bytes() > 0, "the cache was not clear"


def test_safetensors_opens_the_mounted_file_and_every_tensor_is_equal(mount, model):
    made = mount("acme/minilm")
    expected, got = tensors(model.folder / "model.safetensors"), tensors(made / "model.safetensors")
    assert got.keys() == expected.keys() and got
    for name, tensor in expected.items():
        assert got[name].dtype == tensor.dtype, name
        assert numpy.array_equal(got[name], tensor), name


def test_one_tensor_is_loaded_without_the_rest_of_the_file(mount, model, wire):
    made = mount("acme/minilm")
    size = (model.folder / "model.safetensors").stat().st_size
    wire.mark()
    with safe_open(made / "model.safetensors", framework="numpy") as file:
        name = min(file.keys(), key=lambda key: numpy.prod(file.get_slice(key).get_shape()))
        tensor = file.get_tensor(name)
    with safe_open(model.folder / "model.safetensors", framework="numpy") as file:
        assert numpy.array_equal(tensor, file.get_tensor(name))
    assert wire.xorb_bytes() < size // 10
