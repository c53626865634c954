# SPDX-License-Identifier: Apache-2.0
"""Those who are measured. A peer that mounts gives a folder for a sample; one that does not
brings its own way to read. Every peer starts with caches of its own that are empty.

    peer.takes_part("sequential")      some are there for a few cells only
    with peer.fresh(repo) as view:     nothing is cached; `mounted=False`: not yet mounted either
        view.path("data.bin")          a path to read, for peers that mount
        view.pids                      whose CPU and memory count
        view.mount()                   of those with a daemon
        view.remount()                 a new process on the same cache

    with peer.writable(repo) as view:  of peers that write; the repository is a new one
        view.path("data.bin")          a path to write; for `hf upload`, in the folder that it sends
        view.syncs                     close() keeps nothing: the program has to call fsync()
        view.commit()                  of mounts: until the Hub has what was saved
"""

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from bench.measure import forget
from bench.samples import TOKEN

WAIT_S = 60
DAY_MS = 86_400_000
LIMIT_S = 1800  # for one cell and round: a daemon that takes longer is killed, and who reads gets an error

# hugfs without the git endpoint has to ask for each small file.
NO_GIT = {"match": {"path_regex": "/info/refs$|/git-upload-pack$"}, "count": -1, "action": {"status": 404}}


def wait_until(condition, what):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {WAIT_S} s")
        time.sleep(0.001)


class MountView:
    """A mounted repository: `start(repo, folder, work)` starts the daemon and returns its Popen.
    `inside`: where in the mount the repository is."""

    def __init__(self, start, repo, inside=""):
        self.start = start
        self.repo = repo
        self.inside = inside
        self.work = tempfile.mkdtemp(prefix="bench-")
        self.folder = os.path.join(self.work, "mnt")
        os.mkdir(self.folder)
        self.process = None

    @property
    def pids(self):
        return [self.process.pid] if self.process else []

    def path(self, name=""):
        return os.path.join(self.folder, self.inside, name)

    def mount(self):
        self.process = self.start(self.repo, self.folder, self.work)
        wait_until(lambda: os.path.ismount(self.folder) or self.process.poll() is not None, "the mount")
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.process.args[0]} ended with {self.process.returncode}")

    def unmount(self):
        if not self.process:
            return
        subprocess.run(["fusermount3", "-u", self.folder], check=False, stderr=subprocess.DEVNULL)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        subprocess.run(["fusermount3", "-uz", self.folder], check=False, stderr=subprocess.DEVNULL)

    def remount(self):
        self.unmount()
        self.mount()

    def close(self):
        self.unmount()
        forget(self.work)


class Peer:
    """What most of them have in common. `only`: the cells that it is there for; none: all of them."""

    mounts = True  # the sample is a folder
    has_daemon = False  # which has to be mounted
    has_latency = True  # it is a way to the Hub
    writes = False
    only = ()

    def takes_part(self, cell_name):
        return not self.only or cell_name in self.only


class MountPeer(Peer):
    """A peer whose daemon shows the sample as a folder."""

    has_daemon = True

    def __init__(self, name, start, only=()):
        self.name = name
        self.start = start
        self.only = only

    def _view(self, repo):
        return MountView(self.start, repo)

    @contextlib.contextmanager
    def fresh(self, repo, mounted=True):
        view = self._view(repo)
        limit = threading.Timer(LIMIT_S, lambda: view.process.kill())
        limit.start()
        try:
            if mounted:
                view.mount()
            yield view
        finally:
            limit.cancel()
            view.close()


class Hugfs(MountPeer):
    """The program under test; writable with what `-o rw` does when nothing else is said. `is_whole_hub`:
    the mount is all of the Hub, and the sample a folder in it. `fault`: a rule of the local Hub for as
    long as it is mounted."""

    def __init__(self, binary, hub, name="hugfs", only=(), is_whole_hub=False, fault=None):
        super().__init__(name, self._start, only)
        self.writes = not only
        self.binary = binary
        self.hub = hub
        self.is_whole_hub = is_whole_hub
        self.fault = fault

    def _view(self, repo):
        view = MountView(self.start, repo, f"models/{repo}" if self.is_whole_hub else "")
        view.verb = lambda *words: subprocess.run(
            [self.binary, *words], env=self._environment(view.work), check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        return view

    @contextlib.contextmanager
    def fresh(self, repo, mounted=True):
        if self.fault:
            self.hub.faults(self.fault)
        try:
            with super().fresh(repo, mounted) as view:
                yield view
        finally:
            if self.fault:
                self.hub.clear()

    def _environment(self, work):
        return self.hub.environment(f"{work}/home", TOKEN) | {"HOME": work, "HUGFS_RUNTIME_DIR": f"{work}/run"}

    def _start(self, repo, folder, work, mode="ro"):
        options = f"{mode},cache_dir={work}/cache,state_dir={work}/state,poll=never,log={work}/log"
        return subprocess.Popen(
            [self.binary, "mount", "-f", "-o", options, "hf://" if self.is_whole_hub else repo, folder],
            env=self._environment(work), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @contextlib.contextmanager
    def writable(self, repo):
        with super().fresh(repo, mounted=False) as view:
            view.start = functools.partial(self._start, mode="rw")
            view.mount()
            view.syncs = False
            view.commit = lambda: view.verb("commit", view.folder)
            yield view


def hf_mount(binary, hub):
    """As hugfs is started here: neither asks whether a file has changed."""
    def start(repo, folder, work):
        return subprocess.Popen(
            [binary, "--hub-endpoint", hub.endpoint, "--cache-dir", f"{work}/cache", "--poll-interval-secs", "0",
             "--metadata-ttl-ms", str(DAY_MS), "repo", repo, folder],
            env=hub.environment(f"{work}/home", TOKEN), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return MountPeer("hf-mount", start)


class Rclone(MountPeer):
    """rclone mounts an nginx directory listing of the same files: plain HTTP, no Hub, and so no
    latency profile either."""

    has_latency = False

    def __init__(self, port, samples):
        super().__init__("rclone", self._start)
        self.port = port
        self.samples = samples

    def _start(self, repo, folder, work):
        name = repo.rsplit("bench-", 1)[1]
        return subprocess.Popen(
            ["rclone", "mount", f":http:{name}", folder, "--http-url", f"http://127.0.0.1:{self.port}/",
             "--cache-dir", f"{work}/cache", "--config", "/dev/null", "--vfs-cache-mode", "full", "--read-only"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class FolderView:
    """A plain folder."""

    pids = ()

    def __init__(self, folder, syncs):
        self.folder = folder
        self.syncs = syncs

    def path(self, name=""):
        return os.path.join(self.folder, name)

    def remount(self):
        pass


@contextlib.contextmanager
def plain_folder(syncs):
    folder = tempfile.mkdtemp(prefix="bench-")
    try:
        yield FolderView(folder, syncs)
    finally:
        forget(folder)


class LocalDisk(Peer):
    """The same files on the local file system: the limit that the machine sets."""

    name = "local disk"
    has_latency = False
    writes = True

    def __init__(self, samples):
        self.samples = samples

    @contextlib.contextmanager
    def fresh(self, repo):
        yield FolderView(os.path.join(self.samples, repo.rsplit("bench-", 1)[1]), True)

    def writable(self, _repo):
        return plain_folder(syncs=True)


class PythonClient(Peer):
    """huggingface_hub in a process of its own that imports first and times only the work: it
    prints seconds and peak memory. `environment` chooses defaults or high performance. Its time limit
    for the facts about a repository is raised: the local Hub takes longer than 10 s to name 1,000,000
    files in them."""

    mounts = False

    def __init__(self, name, hub, python, environment=None, writes=True):
        self.name = name
        self.writes = writes
        self.hub = hub
        self.python = python
        self.environment = environment or {}

    def writable(self, _repo):
        return plain_folder(syncs=False)

    def run(self, program, *arguments):
        """(seconds, result text, cpu seconds, peak MB) of one of the programs of clients.py."""
        home = tempfile.mkdtemp(prefix="bench-")
        environment = self.hub.environment(home, TOKEN) | {"HF_HUB_ETAG_TIMEOUT": "600"} | self.environment
        script = Path(__file__).with_name("clients.py")
        try:
            output = subprocess.run(
                [self.python, str(script), program, home, *map(str, arguments)], env=environment, check=True,
                capture_output=True, text=True, timeout=LIMIT_S).stdout.split()
        finally:
            forget(home)
        return [float(field) for field in output[-4:]]


class Nginx:
    """nginx with autoindex over the samples, for rclone."""

    def __init__(self, samples, port):
        self.work = tempfile.mkdtemp(prefix="bench-nginx-")
        config = os.path.join(self.work, "nginx.conf")
        Path(config).write_text(
            f"daemon off; pid {self.work}/pid; error_log {self.work}/error.log; worker_processes 1; user root;"
            "events { worker_connections 256; }"
            f"http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{port}; root {samples};"
            " autoindex on; } }")
        self.process = subprocess.Popen(["nginx", "-p", self.work, "-c", config], stderr=subprocess.DEVNULL)

    def close(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(timeout=20)
        shutil.rmtree(self.work, ignore_errors=True)
