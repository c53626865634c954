# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the Hub's tests: a Hub that must end without violations, official clients, a folder of odd files."""

import math
import random
import subprocess
import sys
from array import array

import pytest

from .client import HubProcess


@pytest.fixture
def hub():
    """A fresh Hub; whatever the test does, clients must not have done what no correct client does."""
    with HubProcess() as process:
        yield process
        assert process.violations() == []


@pytest.fixture
def folder(tmp_path):
    """Regular, empty, oddly named, nested and large files; two large ones share most of their bytes."""
    root = tmp_path / "folder"
    data = random.Random(7).randbytes(9_000_000)
    files = {
        "README.md": b"---\nlicense: mit\n---\n# A model\n",
        "config.json": b'{"a": 1}\n',
        "empty.txt": b"",
        "deep/er/x.txt": b"deep",
        "odd/a b#c%d?e.txt": b"odd",
        "odd/\u00fcn\u00efc\u00f6de \u6f22\u5b57.txt": "\u00fc".encode(),
        "model.safetensors": data,
        "deep/shared.bin": data[:5_000_000] + b"changed" + data[5_000_000:],
        "zeros.bin": bytes(3_000_000),
        "floats.bin": array("f", (math.sin(number) for number in range(400_000))).tobytes(),
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


@pytest.fixture
def client(hub, tmp_path):
    """Runs Python code or the hf command as a user would: own process, fresh HF_HOME each time."""
    return Client(hub, tmp_path)


class Client:
    """The official Python client."""

    def __init__(self, hub, tmp_path):
        self.hub, self.tmp = hub, tmp_path
        self._count = 0

    def home(self):
        """A new, empty HF_HOME."""
        self._count += 1
        return self.tmp / f"home{self._count}"

    def hf(self, *args, ok=True, **env_args):
        """The hf command line."""
        command = [sys.executable, "-m", "huggingface_hub.cli.hf", *map(str, args)]
        return self._run(command, ok, env_args)

    def python(self, code, ok=True, env=None, **env_args):
        """A program against huggingface_hub; returns what it prints."""
        return self._run([sys.executable, "-c", PREAMBLE + code], ok, env_args, env)

    def _run(self, command, ok, env_args, extra=None):
        env = self.hub.environment(env_args.pop("home", None) or self.home(), **env_args) | (extra or {})
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout if ok else done.stderr


PREAMBLE = "from huggingface_hub import *\nfrom huggingface_hub.errors import *\napi = HfApi()\n"
