# SPDX-License-Identifier: Apache-2.0
"""A real model: uploaded by `hf upload`, it is the same through the mount and through `hf download`."""

import hashlib
import os
from pathlib import Path

import numpy
import pytest
import real_model
import samples
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


# hf download refuses a few names that git allows; these are the odd ones that it takes.
ODD_NAMES = ("with space.txt", "a#b.txt", "100%.txt", "a%2Fb.txt", "what?.txt", "a+b&c=d.txt", "it's \"quoted\".txt",
             "模型.txt", "🤗.txt", "..a", "n" * 200 + ".txt", "deep/" * 20 + "leaf.txt")


@pytest.fixture(scope="module")
def every_case(_hub_process, tmp_path_factory):
    """acme/every: Xet, LFS without Xet, git files, empty ones, odd names, an executable file, a symlink."""
    folder = tmp_path_factory.mktemp("every")
    files = {name: f"I am {name}\n" for name in ODD_NAMES}
    files |= {"xet.bin": samples.mixed(5 * (1 << 20) + 3, 31), "no-xet.lfs": samples.noise(3 * 65536 + 1, 32)}
    files |= {"empty.txt": b"", "one.txt": b"1", "run.sh": "#!/bin/sh\n"}
    samples.write_tree(folder, files)
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("one.txt")
    _hub_process.import_folder(folder, "acme/every", "--lfs-basic", "*.lfs")
    return Repository("acme/every", folder, _hub_process.head("acme/every"))


def contents(folder):
    """{path: bytes} of all files below; a symlink is what it says, as git stores it."""
    found = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = Path(base) / name
            found[os.path.relpath(path, folder)] = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
    return found


def test_every_kind_of_file_is_the_same_through_the_mount_through_hf_download_and_after_clearing(
    mount, hub, every_case, tmp_path
):
    expected = contents(every_case.folder)
    made = mount("acme/every")
    through_mount = contents(made.path)
    through_mount.pop(".gitattributes", None)
    assert through_mount == expected
    hub.download("acme/every", tmp_path)
    downloaded = {path: data for path, data in contents(tmp_path).items() if not path.startswith(".cache/")}
    downloaded.pop(".gitattributes", None)
    assert downloaded == expected
    made.cli("cache", "clear")
    made.remount()
    assert contents(made.path) | {".gitattributes": b""} == expected | {".gitattributes": b""}
