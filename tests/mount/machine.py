# SPDX-License-Identifier: Apache-2.0
"""What this run tests and on what machine: the build, its sanitizers, how patient to be.

Everything that depends on the environment is decided here, once:

  HUGFS_BUILD     build directory (tests/run.sh sets it); default build/debug
  HUGFS_TEST_BIG  bytes of the "big" file; default 1 GiB in release builds, 256 MiB in
                  sanitizer builds, where a gigabyte costs minutes
"""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("HUGFS_BUILD") or ROOT / "build" / "debug").resolve()
HUGFS = BUILD / "fs" / "hugfs"


def _cmake_value(name):
    try:
        lines = (BUILD / "CMakeCache.txt").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition("=")[2] for line in lines if line.startswith(name + ":")), "")


SANITIZERS = _cmake_value("HUGFS_SANITIZE")
RELEASE = not SANITIZERS and _cmake_value("CMAKE_BUILD_TYPE") in ("Release", "RelWithDebInfo")

# Only to tell an answer from a hang. An answer takes well under a second (a few in a sanitizer
# build on a busy machine); a hang lasts until the test releases it or the deadline of 60 s.
SLACK = 4 if SANITIZERS else 1
PROMPT = 10 * SLACK  # "at once"
PATIENCE = 120 * SLACK  # "at all"

BIG = int(os.environ.get("HUGFS_TEST_BIG") or (1 << 30 if RELEASE else 1 << 28))

IS_ROOT = os.geteuid() == 0

needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root")
release_only = pytest.mark.skipif(not RELEASE, reason="measures a release build")


def needs_program(*names):
    """A mark that skips, saying why, where a program is not installed."""
    missing = [name for name in names if shutil.which(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")
