# SPDX-License-Identifier: Apache-2.0
"""Runs the unmodified official clients (tests/clients/) on hf-cache/ of a mount.

    run("hub_client.py", mount, "acme/minilm", folder)            online
    run("hub_client.py", mount, ..., offline=True)                with HF_HUB_OFFLINE=1

The newest transformers, datasets, duckdb and pyarrow, and those that go with Debian's torch, have
venvs of their own, which tests/run.sh makes in build/. Without them (tests/run.sh quick) their tests
are skipped; where HUGFS_NEEDS_CLIENTS is set they fail instead.
"""

import os
import subprocess
import sys
import tempfile

import pytest
from harness import PATIENCE, Failed
from machine import ROOT

PROGRAMS = ROOT / "tests" / "clients"
VENVS = {"base": None, "newest": ROOT / "build" / "venv-newest", "torch": ROOT / "build" / "venv-torch"}


def python_of(venv):
    """The interpreter of a venv; skips the test where it is not there."""
    if VENVS[venv] is None:
        return sys.executable
    python = VENVS[venv] / "bin" / "python"
    if not python.exists() and not os.environ.get("HUGFS_NEEDS_CLIENTS"):
        pytest.skip(f"{VENVS[venv]} is not there; tests/run.sh makes it")
    return str(python)


def run(program, mount, *arguments, venv="base", offline=False, token=None, endpoint=None):
    """Run a program of tests/clients to its end; what it printed."""
    with tempfile.TemporaryDirectory(prefix="hf-home-") as home:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "HF_HOME": f"{home}/hf",
            "HF_ENDPOINT": endpoint or mount.hub.endpoint,
            "HF_HUB_CACHE": str(mount.path / "hf-cache"),
            **({"HF_HUB_OFFLINE": "1"} if offline else {}),
            **({"HF_TOKEN": token} if token else {}),
        }
        command = [python_of(venv), str(PROGRAMS / program), *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    if done.returncode != 0:
        raise Failed(f"{program}: status {done.returncode}\n{done.stdout}\n{done.stderr[-6000:]}\n--- the mount:\n{mount.log[-3000:]}")
    return done.stdout
