# SPDX-License-Identifier: Apache-2.0
"""The local Hub as the mount tests use it: filled by the official client, counted by its log.

`LocalHub` is tests/hub's HubProcess with the `hf` command beside it. `Wire` answers the question
that most tests end with: what did that cost?

    wire.mark()
    (mount / "config.json").read_bytes()
    assert wire.kinds() == {"resolve": 1, "resolve-cache": 1}
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hub.client import OTHER_TOKEN, READ_TOKEN, TESTS, WRITE_TOKEN, HubProcess

# What the request log calls the requests that carry file contents from Xet, LFS and git.
DATA_KINDS = ("xorb-range", "lfs-get", "resolve-cache")
PLAN_KINDS = ("reconstruction-v2", "reconstruction-v1")
SETTLE_SECONDS = 60


@dataclass
class Repository:
    """A repository of the Hub and the folder it was made from."""

    id: str
    folder: Path
    head: str

    def bytes(self, name):
        return (self.folder / name).read_bytes()

    @property
    def files(self):
        """Paths of all files, as strings, sorted."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


class LocalHub(HubProcess):
    """A Hub for a test session, or (in its own `with` block) for one test."""

    secrets = (WRITE_TOKEN, READ_TOKEN, OTHER_TOKEN)

    @property
    def is_running(self):
        return self._process is not None

    def official(self, *command, token=WRITE_TOKEN):
        """Run `hf ...` with a fresh HF_HOME: hf_xet remembers there what it has uploaded before."""
        with tempfile.TemporaryDirectory(prefix="hf-home-") as home:
            done = subprocess.run(
                [str(Path(sys.executable).parent / "hf"), *map(str, command)],
                env=self.environment(home, token),
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode:
            raise AssertionError(f"hf {' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def upload(self, folder, repo_id, kind="model"):
        """Make a repository and fill it by `hf upload`, Xet and all; its head."""
        self.repo(repo_id, kind)
        self.official("upload", repo_id, folder, ".", "--repo-type", kind)
        return self.head(repo_id, kind)

    def import_folder(self, folder, repo_id, *options):
        """What `hf upload` can't make: symlinks, modes, LFS files without Xet."""
        command = [sys.executable, "-m", "hub", "import", str(folder), repo_id, "--endpoint", self.endpoint, *options]
        with tempfile.TemporaryDirectory(prefix="hf-home-") as home:
            environment = self.environment(home) | {"PYTHONPATH": TESTS}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"import of {repo_id}: {done.returncode}\n{done.stdout}{done.stderr}")

    def download(self, repo_id, folder):
        """`hf download` into a folder."""
        self.official("download", repo_id, "--local-dir", folder)

    def head(self, repo_id, kind="model"):
        """The commit that main stands at."""
        return self.repo(repo_id, kind)["head"]

    def put(self, repo_id, path, text, **fields):
        """Commit one text file by git; the new commit."""
        return self.commit(repo_id, [{"add": path, "text": text}], **fields)

    def reset(self):
        """As new for the next test: no faults, no log, default settings."""
        self.clear()
        now = self.call("GET", "/_hub/config")["settings"]
        changed = {name: value for name, value in self.defaults.items() if now[name] != value}
        if changed:
            self.config(**changed)
        self.reset_requests()

    def start(self):
        super().start()
        self.defaults = self.config()
        return self


class Wire:
    """Requests that reached the Hub since the last mark()."""

    def __init__(self, hub):
        self.hub = hub
        self.since = 0
        self.mark()

    def mark(self):
        """Begin to count here, once nothing is under way."""
        self.since = max([row["id"] for row in self.settled(0)], default=0)

    def wait_mounted(self):
        """Wait for what a first mount asks for by itself, the names in its root and the token."""
        end = time.monotonic() + SETTLE_SECONDS
        while not (self.count("tree") and self.count("xet-read-token")):
            assert time.monotonic() < end, f"the mount has not asked for its root: {self.kinds()}"
            time.sleep(0.02)

    def settled(self, since=None):
        """The log since the mark, when no request of it is still being answered."""
        end = time.monotonic() + SETTLE_SECONDS
        while True:
            rows = self.hub.requests(self.since if since is None else since)
            if all(row["ms"] is not None for row in rows):
                return rows
            if time.monotonic() > end:
                raise AssertionError(f"requests that never end: {[row for row in rows if row['ms'] is None][:5]}")
            time.sleep(0.02)

    def rows(self, *kinds):
        """Log entries of these kinds (all without arguments)."""
        return [row for row in self.settled() if not kinds or row["kind"] in kinds]

    def kinds(self):
        """How many of each kind."""
        return Counter(row["kind"] for row in self.settled())

    def count(self, *kinds):
        return len(self.rows(*kinds))

    def body_bytes(self, *kinds):
        """Bytes of bodies that the Hub sent."""
        return sum(row["bytes"] for row in self.rows(*kinds))

    def xorb_bytes(self):
        """Bytes of compressed chunks."""
        return self.body_bytes("xorb-range")
