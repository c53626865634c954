# SPDX-License-Identifier: Apache-2.0
"""`Crash`: a writable mount whose end comes at any moment, and the judgement of what it has confirmed."""

import signal
import subprocess
import sys

import saver
from harness import Failed, wait_until
from machine import PATIENCE, PROMPT
from writing import sha256, tree_of

FIRST = {"README.md": "# crash\n", "old/one.txt": "one\n", "old/two.txt": "two\n"}


class Crash:
    """A mount that is killed, and the saver that works in it."""

    def __init__(self, made, seed):
        self.made, self.seed = made, seed
        self.branch, self.first = made.branch, made.branch.head
        self.manifest = made.home.fresh("manifest")

    def saving(self, count):
        """A saver at work."""
        self.seed += 1000
        command = [sys.executable, "-S", "-E", saver.__file__, str(self.made.path), str(self.manifest), str(self.seed), str(count)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def noted(self):
        """How many bytes the savers have noted."""
        return self.manifest.stat().st_size if self.manifest.exists() else 0

    def files(self):
        found = {path: sha256(data) for path, data in tree_of(self.made.path).items() if data is not None}
        return {path: digest for path, digest in found.items() if path not in FIRST}

    def compare(self):
        """What was confirmed is in the folder."""
        wrong = saver.Manifest(self.manifest).judge(self.files())
        assert not wrong, "lost or changed:\n  " + "\n  ".join(wrong)

    def judge(self):
        """Nothing confirmed is lost: in the folder at once, on the Hub in the end, in one commit."""
        self.compare()
        self.made.settle()
        here, there = self.files(), {path: digest for path, digest in self.branch.tree().items() if path not in FIRST}
        assert there == here, {path: (here.get(path), there.get(path)) for path in here.keys() | there.keys() if here.get(path) != there.get(path)}
        self.once()

    def once(self):
        """No commit was made twice, and no version of a file came in two of them."""
        seen = {}
        for commit in self.branch.ours(self.first):
            tree = self.branch.tree(commit.oid)
            for path, letter in commit.changes.items():
                if letter != "D":
                    assert (path, tree[path]) not in seen, f"{path} was committed by {seen[path, tree[path]]} and {commit.oid}"
                    seen[path, tree[path]] = commit.oid

    def has_died(self):
        return self.made.process.poll() == -signal.SIGKILL

    def start_to_die(self, point):
        """Mount with a crash point; no other program gets to know it. Whether the mount came to be."""
        self.made.environment["HUGFS_CRASH_AT"] = point
        try:
            self.made.again()
        except Failed:
            return False
        finally:
            del self.made.environment["HUGFS_CRASH_AT"]
        return True

    def die_of(self, action):
        """An action that a dying daemon may spoil; its failure counts unless the daemon died."""
        try:
            action()
        except (Failed, OSError, ValueError, KeyError, subprocess.TimeoutExpired):
            wait_until(self.has_died, "the death of the daemon", PROMPT)

    def revive(self):
        """Mount again; the kernel's side of the dead mount is still there."""
        self.made.kill9()
        self.made.again()
