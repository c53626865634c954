# SPDX-License-Identifier: Apache-2.0
"""Those who are measured. A peer that mounts gives a folder for a sample; one that does not
brings its own way to read. Every peer starts with caches of its own that are empty.

    with peer.fresh(repo) as view:     nothing is cached
        view.path("data.bin")          a path to read, for peers that mount
        view.pids                      whose CPU and memory count
        view.remount()                 a new process on the same cache

    with peer.writable(repo) as view:  of peers that write; the repository is a new one
        view.path("data.bin")          a path to write; for `hf upload`, in the folder that it sends
        view.syncs                     close() keeps nothing: the program has to call fsync()
        view.commit()                  of mounts: until the Hub has what was saved
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from bench.measure import forget
from bench.samples import TOKEN

WAIT_S = 60


def wait_until(condition, what):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {WAIT_S} s")
        time.sleep(0.005)


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
        self.mount()

    @property
    def pids(self):
        return [self.process.pid]

    def path(self, name=""):
        return os.path.join(self.folder, self.inside, name)

    def mount(self):
        self.process = self.start(self.repo, self.folder, self.work)
        wait_until(lambda: os.path.ismount(self.folder) or self.process.poll() is not None, "the mount")
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.process.args[0]} ended with {self.process.returncode}")

    def unmount(self):
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


class MountPeer:
    """A peer whose daemon shows the sample as a folder. `is_whole_hub`: the mount is all of the
    Hub, and the sample a folder in it; only some cells look at that."""

    mounts = True
    writes = False
    has_latency = True

    def __init__(self, name, start, is_whole_hub=False):
        self.name = name
        self.start = start
        self.is_whole_hub = is_whole_hub

    @contextlib.contextmanager
    def fresh(self, repo):
        view = MountView(self.start, repo, f"models/{repo}" if self.is_whole_hub else "")
        try:
            yield view
        finally:
            view.close()


class Hugfs(MountPeer):
    """The program under test; writable with what `-o rw` does when nothing else is said."""

    def __init__(self, binary, hub, is_whole_hub=False):
        super().__init__("hugfs hf://" if is_whole_hub else "hugfs", self._start, is_whole_hub)
        self.writes = not is_whole_hub
        self.binary = binary
        self.hub = hub

    def _environment(self, work):
        return dict(os.environ, HF_ENDPOINT=self.hub.endpoint, HF_TOKEN=TOKEN, HOME=work, HUGFS_RUNTIME_DIR=f"{work}/run")

    def _start(self, repo, folder, work, mode="ro"):
        options = f"{mode},cache_dir={work}/cache,state_dir={work}/state,poll=never,log={work}/log"
        return subprocess.Popen(
            [self.binary, "mount", "-f", "-o", options, "hf://" if self.is_whole_hub else repo, folder],
            env=self._environment(work), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @contextlib.contextmanager
    def writable(self, repo):
        view = MountView(lambda *where: self._start(*where, mode="rw"), repo)
        view.syncs = False
        view.commit = lambda: subprocess.run([self.binary, "commit", view.folder], env=self._environment(view.work),
                                             check=True, stdout=subprocess.DEVNULL)
        try:
            yield view
        finally:
            view.close()


def hf_mount(binary, hub):
    def start(repo, folder, work):
        environment = dict(os.environ, HF_TOKEN=TOKEN, HF_HOME=f"{work}/home")
        return subprocess.Popen(
            [binary, "--hub-endpoint", hub.endpoint, "--cache-dir", f"{work}/cache", "--poll-interval-secs", "0",
             "repo", repo, folder],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

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


class LocalDisk:
    """The same files on the local file system: the limit that the machine sets."""

    name = "local disk"
    mounts = True
    writes = True
    has_latency = False
    is_whole_hub = False

    def __init__(self, samples):
        self.samples = samples

    @contextlib.contextmanager
    def fresh(self, repo):
        yield FolderView(os.path.join(self.samples, repo.rsplit("bench-", 1)[1]), True)

    def writable(self, _repo):
        return plain_folder(syncs=True)


class PythonClient:
    """huggingface_hub in a process of its own that imports first and times only the work: it
    prints seconds and peak memory. `environment` chooses defaults or high performance. Its time limit
    for the facts about a repository is raised: the local Hub takes longer than 10 s to name 1,000,000
    files in them."""

    mounts = False
    has_latency = True
    is_whole_hub = False

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
        with tempfile.TemporaryDirectory(prefix="bench-") as home:
            environment = dict(os.environ, HF_ENDPOINT=self.hub.endpoint, HF_TOKEN=TOKEN, HF_HOME=home,
                               HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_ETAG_TIMEOUT="600", **self.environment)
            script = Path(__file__).with_name("clients.py")
            output = subprocess.run(
                [self.python, str(script), program, home, *map(str, arguments)], env=environment, check=True,
                capture_output=True, text=True).stdout.split()
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
