# SPDX-License-Identifier: Apache-2.0
"""Real programs save into a writable mount: what they mean is committed, and nothing of how they do it.

With HUGFS_TEST_PLAIN (writing.py) they run on the local disk, which proves how the programs are called.
"""

import os
import pty
import select
import subprocess
import sys
import time

import pytest
import samples
from client_programs import python_of
from machine import PROMPT, needs_program
from writing import ONE_GO, PLAIN, sha256

FIRST = {"README.md": "# one\n", "a.txt": "aaa\nbbb\n", "d/in.txt": "in\n"}

SAFETENSORS = """
import numpy, sys
from safetensors.numpy import save_file, load_file
tensors = {"w": numpy.arange(100_000, dtype=numpy.float32), "b": numpy.zeros(10, numpy.float32)}
save_file(tensors, sys.argv[1] + "/model.safetensors", metadata={"step": "1"})
assert (load_file(sys.argv[1] + "/model.safetensors")["w"] == tensors["w"]).all()
"""

MIXIN = """
import sys
from huggingface_hub import ModelHubMixin
class Model(ModelHubMixin):
    def __init__(self, width=3):
        self.width = width
    def _save_pretrained(self, folder):
        (folder / "weights.bin").write_bytes(bytes(range(256)) * 400)
Model(width=5).save_pretrained(sys.argv[1])
"""

TORCH = """
import sys, torch
tensor = torch.arange(200_000, dtype=torch.float32)
for step in range(3):
    torch.save({"step": step, "w": tensor}, sys.argv[1] + "/checkpoint.pt")
assert torch.load(sys.argv[1] + "/checkpoint.pt")["step"] == 2
"""


@pytest.fixture
def made(folder):
    one = folder(FIRST, options=ONE_GO)
    one.before = one.branch.head
    return one


def run(made, *command, **options):
    """A program in the folder; what it printed."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", "TERM": "xterm", "GIT_CONFIG_NOSYSTEM": "1"}
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    done = subprocess.run([str(word) for word in command], cwd=made.path, env=environment, capture_output=True, check=False, stdin=subprocess.DEVNULL, **options)
    assert done.returncode == 0, (command, done.returncode, done.stdout.decode(), done.stderr.decode())
    return done.stdout.decode()


def type_into(made, keys, *command):
    """Run a program on a terminal and type; it must end by itself."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(made.path)
        os.environ.update(TERM="xterm", HOME="/nonexistent", LANG="C.UTF-8")
        os.execvp(command[0], command)
    try:
        seen, end = b"", time.monotonic() + PROMPT
        keys = list(keys)
        while time.monotonic() < end:
            readable, _, _ = select.select([terminal], [], [], 0.5)
            try:
                seen += os.read(terminal, 65536) if readable else b""
            except OSError:
                break  # the program has closed its terminal
            if not readable and keys:  # it waits for a key
                os.write(terminal, keys.pop(0))
        assert not keys and time.monotonic() < end, seen[-2000:]
    finally:
        os.close(terminal)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, seen[-2000:]


def committed(made):
    """{path: letter} of everything that happened, once all is committed; the tree is the folder's."""
    made.settle()
    changes = {}
    for commit in made.branch.commits(made.before):
        changes |= commit.changes
    return changes


class TestEditors:
    @needs_program("vim")
    @pytest.mark.quick
    @pytest.mark.parametrize("backup", ["nobackup writebackup", "backup backupcopy=yes", "backup backupcopy=no"])
    def test_vim(self, made, backup):
        run(made, "vim", "-N", "-u", "NONE", "-i", "NONE", "-es", "-c", f"set {backup} swapfile directory=.", "-c", "%s/aaa/vim/", "-c", "wq", "a.txt")
        assert (made / "a.txt").read_text() == "vim\nbbb\n"
        if not PLAIN:  # a backup that was asked for is litter, which a plain upload does not know
            assert committed(made) == {"a.txt": "M"}

    @needs_program("vim")
    def test_vim_with_a_new_file_and_its_swap_file_open_for_long(self, made):
        type_into(made, [b"ihello\x1b", b":w\r", b":q\r"], "vim", "-N", "-u", "NONE", "-i", "NONE", "--cmd", "set swapfile directory=.", "new.txt")
        assert (made / "new.txt").read_text() == "hello\n"
        assert committed(made) == {"new.txt": "A"}

    @needs_program("nano")
    def test_nano(self, made):
        type_into(made, [b"nano ", b"\x0f", b"\r", b"\x18"], "nano", "--ignorercfiles", "a.txt")
        assert (made / "a.txt").read_text() == "nano aaa\nbbb\n"
        assert committed(made) == {"a.txt": "M"}

    def test_sed_in_place(self, made):
        run(made, "sed", "-i", "s/aaa/sed/", "a.txt", "d/in.txt")
        assert (made / "a.txt").read_text() == "sed\nbbb\n"
        assert committed(made) == {"a.txt": "M"}, "a file that sed wrote without a change is none"

    def test_a_shell_that_appends(self, made):
        run(made, "sh", "-c", "for i in 1 2 3; do echo $i >> a.txt; done; cat a.txt > copy.txt")
        assert (made / "a.txt").read_text() == "aaa\nbbb\n1\n2\n3\n"
        assert committed(made) == {"a.txt": "M", "copy.txt": "A"}


class TestCopies:
    @pytest.fixture
    def source(self, tmp_path):
        files = {"a.txt": "from outside\n", "d/new.txt": "new\n", "w.bin": samples.noise(500_000, 81), "deep/er/x.json": "{}\n"}
        return samples.write_tree(tmp_path / "source", files), {**{name: "A" for name in files}, "a.txt": "M"}

    def same(self, made, source):
        tree = made.branch.tree()
        for path in (path for path in source.rglob("*") if path.is_file()):
            assert tree[str(path.relative_to(source))] == sha256(path.read_bytes())

    @needs_program("rsync")
    @pytest.mark.parametrize("options", [[], ["--inplace"], ["--append"], ["--whole-file", "--fsync"], ["--delay-updates"]], ids=lambda words: "".join(words) or "plain")
    def test_rsync(self, made, source, options):
        run(made, "rsync", "-rt", *options, f"{source[0]}/", ".")
        if options == ["--append"]:
            assert (made / "a.txt").read_bytes() != b"", "what is longer here is left alone"
            return
        assert committed(made) == source[1]
        self.same(made, source[0])
        assert (made / "a.txt").stat().st_mtime == pytest.approx((source[0] / "a.txt").stat().st_mtime, abs=1)
        assert run(made, "rsync", "-rt", "--itemize-changes", f"{source[0]}/", ".").strip() == "", "a second run finds nothing to do"

    @needs_program("rsync")
    def test_rsync_that_deletes_and_a_small_change_in_place(self, made, source):
        run(made, "rsync", "-rt", "--delete", "--exclude=.gitattributes", f"{source[0]}/", ".")
        made.settle()
        assert sorted(made.branch.tree()) == sorted(source[1])
        data = bytearray((source[0] / "w.bin").read_bytes())
        data[250_000:250_004] = b"edit"
        (source[0] / "w.bin").write_bytes(data)
        run(made, "rsync", "-rt", "--inplace", "--no-whole-file", f"{source[0]}/", ".")
        made.settle()
        assert made.branch.tree()["w.bin"] == sha256(bytes(data))

    def test_cp_r(self, made, source):
        run(made, "cp", "-r", f"{source[0]}/.", ".")
        assert committed(made) == source[1]
        self.same(made, source[0])

    def test_tar_out_and_in(self, made, source, tmp_path):
        subprocess.run(["tar", "-C", source[0], "-cf", tmp_path / "s.tar", "."], check=True)
        run(made, "tar", "--no-same-owner", "-xf", tmp_path / "s.tar")
        assert committed(made) == source[1]
        self.same(made, source[0])
        run(made, "tar", "-cf", tmp_path / "back.tar", "a.txt", "d", "w.bin")
        listed = subprocess.run(["tar", "-tf", tmp_path / "back.tar"], check=True, capture_output=True, text=True).stdout
        assert "d/new.txt" in listed and "w.bin" in listed

    def test_mv_from_outside(self, made, source):
        run(made, "mv", source[0] / "w.bin", source[0] / "deep", ".")
        assert committed(made) == {"w.bin": "A", "deep/er/x.json": "A"}


class TestGit:
    @needs_program("git")
    def test_a_git_repository_inside_stays_here(self, writable):
        made = writable(FIRST, options=ONE_GO)
        made.before = made.branch.head
        run(made, "git", "init", "-q", ".")
        run(made, "git", "add", "a.txt", "d")
        run(made, "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "inside")
        assert "inside" in run(made, "git", "log", "--oneline")
        assert committed(made) == {}
        made.remount()
        (made / "a.txt").write_text("changed\n")
        assert "a.txt" in run(made, "git", "diff", "--name-only")
        run(made, "git", "checkout", "-q", "--", "a.txt")
        assert (made / "a.txt").read_text() == "aaa\nbbb\n"
        run(made, "git", "fsck", "--strict")
        assert committed(made) == {} or set(committed(made)) == {"a.txt"}

    @needs_program("git")
    def test_a_checkout_beside_the_folder_is_committed_file_by_file(self, made, tmp_path):
        subprocess.run(["git", "init", "-q", tmp_path / "repo"], check=True)
        samples.write_tree(tmp_path / "repo", {"src/x.py": "x = 1\n", "src/y.py": "y = 1\n"})
        run(made, "git", f"--git-dir={tmp_path}/repo/.git", f"--work-tree={tmp_path}/repo", "add", "-A")
        run(made, "git", f"--git-dir={tmp_path}/repo/.git", "checkout-index", "-a", f"--prefix={made.path}/")
        assert committed(made) == {"src/x.py": "A", "src/y.py": "A"}


class TestLibraries:
    def saved(self, made, script, *arguments, venv="base"):
        run(made, python_of(venv), "-c", script, *arguments)

    @pytest.mark.quick
    def test_safetensors(self, made):
        self.saved(made, SAFETENSORS, made.path)
        assert committed(made) == {"model.safetensors": "A"} and made.branch.is_pointer("model.safetensors")
        assert made.branch.downloaded()["model.safetensors"] == sha256((made / "model.safetensors").read_bytes())

    def test_save_pretrained_of_huggingface_hub(self, made):
        (made / "model").mkdir()
        (made / "model/README.md").write_text("# a card, so that none is made from a template\n")
        self.saved(made, MIXIN, made / "model")
        changes = committed(made)
        assert {"model/weights.bin": "A", "model/config.json": "A"}.items() <= changes.items()
        assert not any(".cache" in path or path.endswith(".lock") for path in changes)

    def test_torch_saves_checkpoints_over_each_other(self, made):
        self.saved(made, TORCH, made.path, venv="torch")
        assert committed(made) == {"checkpoint.pt": "A"}
        assert made.branch.tree()["checkpoint.pt"] == sha256((made / "checkpoint.pt").read_bytes())

    def test_sqlite_on_the_folder(self, made):
        script = (
            "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.execute('CREATE TABLE t(x)')\n"
            "for n in range(100):\n    db.execute('INSERT INTO t VALUES(?)', (n,)); db.commit()\n"
            "assert db.execute('SELECT sum(x) FROM t').fetchone()[0] == 4950\ndb.close()"
        )
        run(made, sys.executable, "-c", script, made / "data.db")
        assert committed(made) == {"data.db": "A"}
        assert made.branch.tree()["data.db"] == sha256((made / "data.db").read_bytes())
