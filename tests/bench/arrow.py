# SPDX-License-Identifier: Apache-2.0
"""pyarrow, which is in the venv of tests/clients/ alone: arrow_program.py, run by that venv's Python."""

import subprocess
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[2] / "build/venv-newest/bin/python"
PROGRAM = Path(__file__).with_name("arrow_program.py")


def is_there():
    return PYTHON.exists()


def make_table(path, size):
    subprocess.run([PYTHON, PROGRAM, "make", path, str(size)], check=True, stderr=subprocess.PIPE, text=True)


class Arrow:
    """A reader that has started, and imported what it needs, before it is timed."""

    def __init__(self):
        if not is_there():
            raise FileNotFoundError(f"{PYTHON} is not there; tests/run.sh makes it")
        self.process = subprocess.Popen([PYTHON, PROGRAM, "read"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self, path):
        """[sum of all values, bytes that they have in the file] of two columns, as texts."""
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line or line.startswith("failed:"):
            raise OSError(line.strip() or "pyarrow ended")
        return line.split()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
