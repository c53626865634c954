# SPDX-License-Identifier: Apache-2.0
"""Writable mounts: `WritableMount`, and `PlainFolder`, which stands in for one.

    made = writable({"a.txt": "one\\n"})        # a fresh repository, mounted with -o rw
    (made / "a.txt").write_text("two\\n")
    made.settle()                               # until nothing waits; no conflict, nothing failed
    assert made.branch.tree()["a.txt"] == sha256(b"two\\n")

A test that takes `folder` instead of `writable` asks for nothing but an ordinary writable folder. With
HUGFS_TEST_PLAIN=DIR it gets one on the local disk, below DIR, and its settle() uploads the folder by
the official client: so it is known that the *test* is right. A mount must behave the same.
"""

import ctypes
import errno
import os
import shutil
import tempfile
from pathlib import Path

import kernel
import pytest
from branch import Branch, sha256
from harness import PATIENCE, Failed, Mount, wait_until
from hub.client import WRITE_TOKEN

__all__ = [
    "COMMIT", "ONE_GO", "PLAIN", "PlainFolder", "Uploads", "WritableMount", "begin", "errno_of", "fallocate", "fill", "meanwhile", "rename2", "sha256", "tree_of",
]  # fmt: skip

PLAIN = os.environ.get("HUGFS_TEST_PLAIN")
QUICK = ("rw", "quiet=0.2", "max_delay=1", "poll=never")
ONE_GO = ["quiet=3", "max_delay=600"]  # everything that a test does without a pause is one batch
HIDDEN = (".hub", ".gitattributes")  # the mount's own folder; the file that the Hub keeps itself
COMMIT = {"method": "POST", "path_regex": "/commit/"}
NO_WORK = {"dirty": 0, "waiting": 0, "on_their_way": 0}  # dirty: written, neither closed nor synced

NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4
KEEP_SIZE, PUNCH_HOLE, COLLAPSE_RANGE, ZERO_RANGE = 1, 2, 8, 16
AT_FDCWD = -100

_libc = ctypes.CDLL(None, use_errno=True)
_libc.renameat2.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
_libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


def _checked(status):
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def rename2(old, new, flags=0):
    """renameat2(2)."""
    _checked(_libc.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags))


def fallocate(fd, mode, offset, length):
    """fallocate(2)."""
    _checked(_libc.fallocate(fd, mode, offset, length))


def errno_of(action, *arguments):
    """The name of the errno that a call fails with, or None when it does not fail."""
    try:
        action(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return None


def tree_of(path):
    """{relative path: bytes, or None for a folder} of everything in a folder."""
    found = {}
    for at, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in HIDDEN)
        for name in folders:
            found[os.path.relpath(os.path.join(at, name), path)] = None
        for name in names:
            if name not in HIDDEN:
                found[os.path.relpath(os.path.join(at, name), path)] = (Path(at) / name).read_bytes()
    return found


def fill(hub, repo_id, files=None, xet=None, kind="model"):
    """A repository with these files; those of `xet` are uploaded by the official client."""
    hub.repo(repo_id, kind)
    if xet:
        with tempfile.TemporaryDirectory(prefix="seed-") as folder:
            for name, data in xet.items():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / name).write_bytes(data)
            hub.official("upload", repo_id, folder, ".", "--repo-type", kind)
    if files:
        hub.commit(repo_id, [{"add": name, "text": text} for name, text in files.items()], type=kind)


class WritableMount(Mount):
    """A mount with -o rw that commits almost at once. See the top of this file."""

    branch = None  # what it commits to

    def __init__(self, source, hub=None, **arguments):
        arguments.setdefault("token", WRITE_TOKEN)
        super().__init__(source, hub, **arguments)

    def _with_endpoint(self, options):
        given = {option.partition("=")[0] for option in options}
        return super()._with_endpoint([*(option for option in QUICK if option.partition("=")[0] not in given), *options])

    def start(self):
        try:
            return super().start()
        except Failed as failure:
            raise Failed(f"no writable mount came to be (does this build know -o rw?): {failure}") from failure

    @property
    def status(self):
        return self.cli("status", "--json", self.path).json["mounts"][0]

    @property
    def writes(self):
        """What `hugfs status --json` says: dirty, waiting, on_their_way, conflicts, failed, local."""
        return self.status["writes"]

    def wait_writes(self, seconds=PATIENCE, **wanted):
        """Wait until these numbers are what status says; the last answer."""
        last = {}

        def holds():
            last.update(self.writes)
            return all(last.get(name, 0) == value for name, value in wanted.items())

        try:
            wait_until(holds, f"writes to be {wanted}", seconds)
        except Failed as failure:
            raise Failed(f"{failure}\nstatus says {last}\n{self.cli('status', self.path).out}\n{self.log[-3000:]}") from failure
        return last

    def settle(self, conflicts=0, failed=0, seconds=PATIENCE):
        """Wait until all that can be committed is, and nothing else went wrong than what is said here."""
        return self.wait_writes(seconds, **NO_WORK, conflicts=conflicts, failed=failed)

    def complaints(self):
        """Status and log as one text: where a person looks when something did not work."""
        return self.cli("status", self.path).text + self.log


class PlainFolder:
    """A folder of the local disk with the face of a WritableMount."""

    def __init__(self, branch):
        self.branch, self.hub = branch, branch.hub
        self.root = tempfile.mkdtemp(prefix="plain-", dir=PLAIN)
        self.path = Path(self.root)
        self.hub.official("download", branch.id, "--local-dir", self.root)
        shutil.rmtree(self.path / ".cache", ignore_errors=True)

    def __truediv__(self, name):
        return self.path / name

    def start(self):
        return self

    def settle(self, **_):
        self.hub.official("upload", self.branch.id, self.root, ".", "--delete", "*")

    def drop_pages(self, name):
        kernel.drop_pages(self.path / name)

    def remount(self, **_):
        return self

    def again(self, **_):
        return self

    def umount(self, *_):
        pass

    def kill9(self):
        pass

    def cli(self, *_, **__):
        """Commands of hugfs do nothing here."""

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)


def meanwhile(hub, path="other.txt", text="theirs\n", **rule):
    """Somebody commits a file just before our commit is handled; the fault's number."""
    return hub.faults({"match": COMMIT, "action": {"foreign_commit": {"path": path, "text": text}}, **rule})[0]


def make_folder(hub, repo_id, files=None, xet=None, **arguments):
    """What the fixtures `writable` and `folder` give; not started when it is a mount."""
    fill(hub, repo_id, files, xet)
    branch = Branch(hub, repo_id)
    if PLAIN:
        return PlainFolder(branch)
    made = WritableMount(repo_id, hub, **arguments)
    made.branch = branch
    return made


def need_a_mount():
    """The test asks for what only a mount has; the plain folder can't prove it."""
    if PLAIN:
        pytest.skip("HUGFS_TEST_PLAIN: a plain folder is no mount")


def begin(made, uploads):
    """From here on everything counts; the branch's head."""
    os.listdir(made.path)
    made.settle()
    uploads.wire.mark()
    return made.branch.head


class Uploads:
    """What one stretch of work sent to the Hub, from a Wire."""

    XET = ("xorb-post", "grant", "grant-put", "grant-commit", "shard-v2", "shard-v1", "xorb-head")
    BODIES = ("xorb-post", "grant-put")

    def __init__(self, wire):
        self.wire = wire

    @property
    def commits(self):
        return self.wire.count("commit")

    @property
    def preuploads(self):
        return self.wire.count("preupload")

    @property
    def xet_requests(self):
        return self.wire.count(*self.XET)

    @property
    def xorb_bytes(self):
        """Bytes of xorbs that arrived."""
        return sum(row["received"] for row in self.wire.rows(*self.BODIES))

    @property
    def commit_bytes(self):
        return sum(row["received"] for row in self.wire.rows("commit"))
