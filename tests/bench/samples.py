# SPDX-License-Identifier: Apache-2.0
"""The files that every peer reads: made once, repeatable, uploaded by the official client."""

import itertools
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy

from bench import arrow

OWNER = "alice"
TOKEN = "hf_test_write_token"
TABLE = "table.parquet"

_seeds = itertools.count(1000)


def new_seed():
    """For what the Hub of this run has never seen."""
    return next(_seeds)


def incompressible(path, size, seed=1):
    generator = numpy.random.default_rng(seed)
    with open(path, "wb") as file:
        for start in range(0, size, 1 << 24):
            file.write(generator.bytes(min(1 << 24, size - start)))


PARTS = 8


def parts(folder, size, count=PARTS):
    """What is one big file elsewhere, as so many files."""
    for number in range(count):
        incompressible(os.path.join(folder, f"data-{number}.bin"), size // count, seed=10 + number)


def safetensors(path, size, seed=2):
    """bf16 tensors of 16 MiB with normally distributed values: compressible as real weights."""
    generator = numpy.random.default_rng(seed)
    tensor_bytes = 16 << 20
    count = max(1, size // tensor_bytes)
    header = {}
    for index in range(count):
        header[f"layer.{index}.weight"] = {
            "dtype": "BF16",
            "shape": [2048, tensor_bytes // 4096],
            "data_offsets": [index * tensor_bytes, (index + 1) * tensor_bytes],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _ in range(count):
            values = generator.standard_normal(tensor_bytes // 2, dtype=numpy.float32) * 0.02
            file.write((values.view(numpy.uint32) >> 16).astype(numpy.uint16).tobytes())


def letters(size, seed):
    return numpy.random.default_rng(seed).integers(97, 123, size, dtype=numpy.uint8).tobytes()


def small_files(folder, count, seed=3):
    generator = numpy.random.default_rng(seed)
    for index in range(count):
        sub = os.path.join(folder, f"part-{index // 200:02d}")
        os.makedirs(sub, exist_ok=True)
        with open(os.path.join(sub, f"note-{index:04d}.txt"), "wb") as file:
            text = generator.integers(97, 123, 4095, dtype=numpy.uint8).tobytes()
            file.write(text + b"\n")


UPLOAD = """
import sys
from huggingface_hub import HfApi
api = HfApi()
repo, folder = sys.argv[1:3]
api.create_repo(repo, exist_ok=True)
api.upload_folder(repo_id=repo, folder_path=folder, commit_message="bench sample")
"""


def upload(hub, name, folder):
    """Uploads a folder with huggingface_hub and hf_xet, whose own caches start empty."""
    with tempfile.TemporaryDirectory() as home:
        environment = dict(os.environ, HF_ENDPOINT=hub.endpoint, HF_TOKEN=TOKEN, HF_HOME=home)
        subprocess.run(
            [sys.executable, "-c", UPLOAD, f"{OWNER}/{name}", folder], env=environment, check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return f"{OWNER}/{name}"


TREES = {"trees-100k": (100_000, 1_000), "trees-1m": (1_000_000, 100)}  # files, folders


def tree(hub, root, name):
    """Very many files of no matter what: made on the Hub at once, and as empty files on the disk."""
    files, folders = TREES[name]
    for number in range(folders):
        os.makedirs(os.path.join(root, name, f"d{number:04}"))
    for number in range(files):
        os.mknod(os.path.join(root, name, f"d{number % folders:04}", f"f{number:06}.txt"))
    hub.bulk(f"{OWNER}/bench-{name}", files=files, dirs=folders, size=10)
    return f"{OWNER}/bench-{name}"


def make(hub, root, wanted, big_size, tensors_size, file_count):
    """Writes the wanted samples below `root` (the local-disk peer reads them there) and brings
    them to the Hub. Returns {"big": repo, "tensors": repo, "parts": repo, "small": repo, "trees-100k": repo, ...}."""
    writers = {
        "big": lambda folder: incompressible(os.path.join(folder, "data.bin"), big_size),
        "parts": lambda folder: parts(folder, big_size),
        "tensors": lambda folder: safetensors(os.path.join(folder, "model.safetensors"), tensors_size),
        "table": lambda folder: arrow.make_table(os.path.join(folder, TABLE), tensors_size),
        "small": lambda folder: small_files(folder, file_count),
    }
    if not arrow.is_there():
        wanted = set(wanted) - {"table"}  # its cell says so
    repos = {}
    for name in sorted(wanted):
        if name in TREES:
            repos[name] = tree(hub, root, name)
            continue
        folder = os.path.join(root, name)
        os.makedirs(folder)
        writers[name](folder)
        repos[name] = upload(hub, f"bench-{name}", folder)
    return repos
