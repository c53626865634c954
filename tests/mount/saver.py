# SPDX-License-Identifier: Apache-2.0
"""A process that saves files and notes what was confirmed, so that a crash can be judged.

Run as a program it works through a plan drawn from a seed, in the folder FOLDER, and appends one line of
JSON to MANIFEST, outside of the folder, for each thing that a close() or fsync() has confirmed:
{"path": ..., "sha256": ...}. {"try": ..., "path": ...} comes before the first system call that could make it
true, {"gone": path} after an unlink or a rename away: that is safe with whatever is confirmed next. It ends
when the plan ends or the mount dies.

    saver.py FOLDER MANIFEST SEED COUNT

`Manifest` reads that: what must be there, what may be.
"""

import hashlib
import json
import os
import random
import sys
from pathlib import Path

ANYTHING = "*"  # a file that was being written in place may hold any part of the old and the new
SIZES = (0, 10, 3000, 20_000, 150_000, 1_500_000)


class _Notes:
    def __init__(self, path):
        self.fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def say(self, **row):
        os.write(self.fd, json.dumps(row).encode() + b"\n")


def _put(path, data, syncs):
    fd = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
    for start in range(0, len(data), 65536):
        os.write(fd, data[start : start + 65536])
    if syncs:
        os.fsync(fd)
    os.close(fd)


class Saver:
    """One plan. Each path is saved with contents that no other save has, so that commits can be told apart."""

    def __init__(self, folder, manifest, seed):
        self.folder, self.notes, self.random = Path(folder), _Notes(manifest), random.Random(seed)
        self.number = 0
        self.tag = f"{seed}-"
        self.names = []
        self.notes.say(begin=seed)

    def bytes(self):
        self.number += 1
        head = f"save {self.tag}{self.number}\n".encode()
        return head + self.random.randbytes(self.random.choice(SIZES))

    def put(self, name, data):
        digest = hashlib.sha256(data).hexdigest()
        self.notes.say(**{"try": digest}, path=name, in_place=True)
        _put(self.folder / name, data, self.random.random() < 0.3)
        self.notes.say(path=name, sha256=digest)

    def save(self):
        folder = self.random.choice(("", "sub/", "sub/deep/"))
        (self.folder / folder).mkdir(parents=True, exist_ok=True)
        name = f"{folder}{self.tag}{self.number}{self.random.choice(('.txt', '.bin', '.safetensors'))}"
        self.put(name, self.bytes())
        self.names.append(name)

    def save_again(self):
        if self.names:
            self.put(self.random.choice(self.names), self.bytes())

    def replace(self):
        """As editors do: write beside it, fsync, rename over it, fsync the folder."""
        if not self.names:
            return
        name, data = self.random.choice(self.names), self.bytes()
        digest = hashlib.sha256(data).hexdigest()
        beside = f"{name}.new"
        self.notes.say(**{"try": digest}, path=beside, in_place=True)
        self.notes.say(**{"try": digest}, path=name)
        _put(self.folder / beside, data, True)
        self.notes.say(path=beside, sha256=digest)
        self.notes.say(**{"try": None}, path=beside)
        os.rename(self.folder / beside, self.folder / name)
        self.notes.say(gone=beside)
        fd = os.open((self.folder / name).parent, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(fd)
        os.close(fd)
        self.notes.say(path=name, sha256=digest)

    def remove(self):
        if len(self.names) > 3:
            name = self.names.pop(self.random.randrange(len(self.names)))
            self.notes.say(**{"try": None}, path=name)
            os.unlink(self.folder / name)
            self.notes.say(gone=name)

    def run(self, count):
        steps = (self.save, self.save, self.save, self.save_again, self.replace, self.remove)
        for _ in range(count):
            self.random.choice(steps)()


class Manifest:
    """What a saver has noted: of each path what was confirmed last, and what may be there instead."""

    def __init__(self, path):
        self.sure, self.maybe = {}, {}
        gone = []
        for line in Path(path).read_text().splitlines() if Path(path).exists() else []:
            row = json.loads(line)
            if "begin" in row:
                gone.clear()  # what nothing confirmed before a crash may never have happened
            elif "try" in row:
                self.maybe.setdefault(row["path"], set()).update({row["try"], *([ANYTHING] if "in_place" in row else [])})
            elif "gone" in row:
                gone.append(row["gone"])
            else:
                self._confirm(row["path"], row["sha256"])
                while gone:
                    self._confirm(gone.pop(), None)

    def _confirm(self, path, digest):
        self.sure[path] = digest
        self.maybe[path] = set()

    def judge(self, found):
        """{path: sha256} as it is found; what is wrong, in words."""
        wrong = []
        for path, digest in self.sure.items():
            now, maybe = found.get(path), self.maybe[path]
            if now != digest and now not in maybe and not (now and ANYTHING in maybe):
                wrong.append(f"{path}: {str(now)[:8]}, confirmed {str(digest)[:8]}")
        wrong += [f"{path}: nobody saved that" for path in found if path not in self.sure and path not in self.maybe]
        return wrong


if __name__ == "__main__":
    saver = Saver(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    try:
        saver.run(int(sys.argv[4]))
    except OSError as error:
        print(f"ended by {error}", flush=True)
        sys.exit(3)
