# SPDX-License-Identifier: Apache-2.0
"""Processes for test_moving_branch.py: one that moves a branch by commits of the official client,
and readers that look at it meanwhile. Every file tells the commit that it is of:

  top.txt                              changes with every commit
  often/{a,b}.txt, often/deep/c.txt    change with every commit
  often/only-N.txt                     is in commit N alone
  rare/{a,b}.txt                       change with every tenth commit
  still/{a,b}.txt                      never change

  walkers.py commit REPOSITORY FIRST LAST   environment of an official client; prints each number
  walkers.py KIND BASE SCOPE                 reads until its input ends, then prints one JSON line

KIND: "path", "handle" (folders held open), "map" (mapped files), "held" (open files). SCOPE: "whole"
when BASE is the root of one commit, "subtrees" when only the folders below it are of one commit each.
"""

import json
import mmap
import os
import re
import select
import sys
import time
from collections import deque

RARE = 10
HELD = 6  # how many old versions a reader keeps
PAUSE_SECONDS = 0.01
FILES = {
    "top.txt": 1,
    "often/a.txt": 1,
    "often/b.txt": 1,
    "often/deep/c.txt": 1,
    "rare/a.txt": RARE,
    "rare/b.txt": RARE,
    "still/a.txt": 0,
    "still/b.txt": 0,
}


class Wrong(Exception):
    """What a reader must never see."""


def number_of(path, commit):
    """The number that a file has at a commit."""
    every = FILES.get(path, 1)
    return commit - commit % every if every else 0


def body(path, number):
    """All bytes of a file: the number, and padding of a length that differs too."""
    return f"{number}\n".encode() + f"{path} {number}\n".encode() * (20 + number % 7)


def changes(commit):
    """What a commit adds, and what it deletes."""
    paths = [path for path, every in FILES.items() if commit == 0 or (every and commit % every == 0)]
    added = {path: body(path, number_of(path, commit)) for path in paths}
    only = f"often/only-{commit}.txt"
    return added | {only: body(only, commit)}, [f"often/only-{commit - 1}.txt"] if commit else []


def commit_all(repository, first, last):
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi()
    for commit in range(int(first), int(last) + 1):
        added, deleted = changes(commit)
        operations = [CommitOperationAdd(path_in_repo=path, path_or_fileobj=data) for path, data in added.items()]
        operations += [CommitOperationDelete(path_in_repo=path) for path in deleted]
        api.create_commit(repository, operations, commit_message=f"commit {commit}")
        print(commit, flush=True)


# ---- looking


def check(path, data, number=None):
    """The number of a file that was read; it must be that of one commit, and of this one."""
    head = re.match(rb"\d+\n", data)
    if not head or data != body(path, int(head[0])):
        raise Wrong(f"{path} is no version of it: {data[:60]!r}... ({len(data)} bytes)")
    if number is not None and int(head[0]) != number:
        raise Wrong(f"{path} has {int(head[0])} and not {number}")
    if int(head[0]) != number_of(path, int(head[0])):
        raise Wrong(f"{path} has {int(head[0])}, which it never had")
    return int(head[0])


def read_all(fd):
    return os.pread(fd, 1 << 16, 0)


def read_at(path, folder=None):
    fd = os.open(path, os.O_RDONLY, dir_fd=folder)
    try:
        return read_all(fd)
    finally:
        os.close(fd)


def drop_pages(fd):
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def check_names(path, names):
    """A listing is exactly that of one commit; its number when it tells it."""
    only = [name for name in names if name.startswith("only-")]
    rest = sorted(name for name in names if not name.startswith("only-"))
    inside = {"": [".gitattributes", "often", "rare", "still", "top.txt"], "often": ["a.txt", "b.txt", "deep"], "often/deep": ["c.txt"]}
    if rest != inside.get(path, ["a.txt", "b.txt"]) or len(only) != (path == "often"):
        raise Wrong(f"{path or 'the root'} lists {sorted(names)}")
    return int(re.fullmatch(r"only-(\d+)\.txt", only[0])[1]) if only else None


def check_often(folder, number=None):
    """All of often/ through a handle on it; its number."""
    listed = check_names("often", os.listdir(folder))
    if number is not None and listed != number:
        raise Wrong(f"often lists commit {listed} and not {number}")
    for name in ("a.txt", "b.txt", "deep/c.txt", f"only-{listed}.txt"):
        check(f"often/{name}", read_at(name, folder), listed)
    return listed


def check_pair(path, folder, number=None):
    check_names(path, os.listdir(folder))
    first = check(f"{path}/a.txt", read_at("a.txt", folder), number)
    return check(f"{path}/b.txt", read_at("b.txt", folder), first)


def check_whole(folder, number=None):
    """All of a commit through a handle on its root; its number."""
    check_names("", os.listdir(folder))
    number = check("top.txt", read_at("top.txt", folder), number)
    for path in ("often", "rare", "still"):
        inside = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        try:
            if path == "often":
                check_often(inside, number)
            else:
                check_pair(path, inside, number_of(f"{path}/a.txt", number))
        finally:
            os.close(inside)
    return number


# ---- readers


class Walker:
    """A reader: rounds until told to end; what it keeps is looked at again before it is given up."""

    def __init__(self, base, scope):
        self.base, self.is_whole = base, scope == "whole"
        self.held = deque()
        self.seen = set()
        self.last = {}
        self.turn = 0

    def path(self):
        """Everything by its path, from the root of the mount."""
        check_names("", os.listdir(self.base))
        self.note("often", check_names("often", os.listdir(f"{self.base}/often")))
        for path in FILES:
            self.note(path, check(path, read_at(f"{self.base}/{path}")))

    def note(self, path, number):
        """A path never goes back in time, where the mount says when it moves."""
        if number < self.last.get(path, 0) and not self.is_whole:
            raise Wrong(f"{path} went back from {self.last[path]} to {number}")
        self.last[path] = number
        self.seen.add(number)

    def handle(self):
        choices = {"often": check_often, "rare": lambda *all_: check_pair("rare", *all_)}
        if self.is_whole:
            choices[""] = check_whole
        path = list(choices)[self.turn % len(choices)]
        fd = os.open(f"{self.base}/{path}", os.O_RDONLY | os.O_DIRECTORY)
        # Half of them are looked into only when they are old.
        number = choices[path](fd) if self.turn % 2 else None
        self.keep(fd, lambda: self.seen.add(choices[path](fd, number)))

    def some_file(self):
        path = list(FILES)[self.turn % len(FILES)]
        return path, os.open(f"{self.base}/{path}", os.O_RDONLY)

    def map(self):
        path, fd = self.some_file()
        view = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
        number = check(path, view[:])

        def again():
            drop_pages(fd)
            self.seen.add(check(path, view[:], number))
            view.close()

        self.keep(fd, again)

    def held_file(self):
        path, fd = self.some_file()
        number = check(path, read_all(fd)) if self.turn % 2 else None

        def again():
            drop_pages(fd)
            found = check(path, read_all(fd), number)
            if os.fstat(fd).st_size != len(body(path, found)):
                raise Wrong(f"{path} has another size than its content")
            self.seen.add(found)

        self.keep(fd, again)

    def keep(self, fd, again):
        self.held.append((fd, again))
        if len(self.held) > HELD:
            self.give_up_one()

    def give_up_one(self):
        fd, again = self.held.popleft()
        again()
        os.close(fd)

    def run(self, kind):
        turn = {"path": self.path, "handle": self.handle, "map": self.map, "held": self.held_file}[kind]
        while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
            turn()
            self.turn += 1
        while self.held:
            self.give_up_one()


def walk(kind, base, scope):
    walker = Walker(base, scope)
    problem = None
    started = time.monotonic()
    try:
        walker.run(kind)
    except (OSError, Wrong) as error:
        problem = f"{type(error).__name__} {error} (turn {walker.turn}, after {time.monotonic() - started:.1f} s)"
    print(json.dumps({"problem": problem, "turns": walker.turn, "commits": len(walker.seen)}), flush=True)


if __name__ == "__main__":
    commit_all(*sys.argv[2:]) if sys.argv[1] == "commit" else walk(*sys.argv[1:])
