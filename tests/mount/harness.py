# SPDX-License-Identifier: Apache-2.0
"""`Mount`: one `hugfs mount -f` process, watched from start to end.

    with Mount("acme/sample", hub) as mount:
        assert (mount.path / "config.json").read_bytes() == ...

A Mount owns its home, cache, runtime folder and mount point, in one scratch folder with a short
name (a control socket's path has 108 bytes at most), unless it is given another Mount's with
`like=`: that is a remount. Nothing of the person's own environment reaches it.

What umount() and every cli() call check, in every test, without being asked:
  - the exit status (of the daemon too, as far as it is our child);
  - no sanitizer report: exit status 99, or its words in the log;
  - no secret: no token of the Hub, no bearer, no query of a signed URL in anything printed.

A mount that hangs can't hang the test run: a watchdog *process* aborts the connection after a
while (a thread could not: a fault on a mapped page holds Python's lock), whereupon the blocked
system call fails and the test with it.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import kernel
from machine import HUGFS, PATIENCE, PROMPT, SLACK

MOUNTED = "mounted on "  # what the log says when the mount answers
SANITIZER_STATUS = 99
SANITIZER_REPORT = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: |SUMMARY: \w+Sanitizer")
SECRET_SHAPES = re.compile(r"Signature=\w{8}|X-Amz-Signature|[?&]Expires=\d{6}|Bearer [\w.-]{6}|\bhf_[A-Za-z]{12,}|xet_[\w-]{20,}\.")
KEPT_VARIABLES = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS", "LANG", "TZ")


class Failed(AssertionError):
    """The program under test did what it must never do."""


def check_output(text, secrets=()):
    """Fail when the program printed a sanitizer report or a secret."""
    report = SANITIZER_REPORT.search(text)
    if report:
        raise Failed(f"sanitizer report:\n{text[max(0, report.start() - 200):][:6000]}")
    shape = SECRET_SHAPES.search(text)
    if shape:
        line = text[text.rfind("\n", 0, shape.start()) + 1 : shape.end() + 20].partition("\n")[0]
        raise Failed(f"looks like a secret in the output: {line}")
    for secret in secrets:
        if secret and secret in text:
            raise Failed("a token of the Hub appears in the output")


@dataclass
class Result:
    """What a command printed and how it ended."""

    status: int
    out: str
    err: str

    @property
    def text(self):
        return self.out + self.err

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return self.out.splitlines()


class Home:
    """The folders one user has on one machine: home, cache, runtime; and the environment."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="hugfs-"))
        self._given = 0
        self.home, self.cache, self.state, self.run = (self.root / name for name in ("home", "cache", "state", "run"))
        for folder in (self.home, self.run):
            folder.mkdir(mode=0o700)

    def environment(self, extra=None):
        """A clean environment; `extra` adds variables, a value of None removes one."""
        values = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        values |= {
            "HOME": str(self.home),
            "HUGFS_CACHE_DIR": str(self.cache),
            "HUGFS_STATE_DIR": str(self.state),
            "HUGFS_RUNTIME_DIR": str(self.run),
        }
        for name in ("ASAN_OPTIONS", "TSAN_OPTIONS"):
            values[name] = values.get(name, "") + ":handle_abort=1"  # an abort() tells where it was
        values |= extra or {}
        return {name: str(value) for name, value in values.items() if value is not None}

    def fresh(self, name):
        """A path below the root that this home has not given out yet."""
        self._given += 1
        return self.root / f"{name}{self._given}"

    def give_to(self, user, but=None):
        """Make another user (and the group of the same number) the owner of all but a stale mount point."""
        for folder in (self.root, *self.root.iterdir()):
            if folder != but:
                os.chown(folder, user, user)

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)


def run_hugfs(arguments, environment, *, secrets=(), status=0, seconds=PATIENCE, prefix=(), **options):
    """Run a verb (by `prefix`: unshare, ...) to its end and check what every run must keep to; `status` None = any."""
    done = subprocess.run(
        [*prefix, str(HUGFS), *map(str, arguments)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
        **options,
    )
    result = Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
    check_output(result.text, secrets)
    if result.status == SANITIZER_STATUS:
        raise Failed(f"hugfs {arguments[0]} ended with the sanitizers' status:\n{result.text}")
    if status is not None and result.status != status:
        raise Failed(f"hugfs {' '.join(map(str, arguments))}: status {result.status}, not {status}:\n{result.text}")
    return result


def wait_until(condition, what, seconds=PATIENCE):
    """Poll until `condition()` is true and return what it gave; failing says `what` never came.

    The longer it takes the less often it is asked: many a question costs a process, and others work meanwhile.
    """
    start = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - start
        if waited > seconds:
            raise Failed(f"waited {seconds} s in vain: {what}")
        time.sleep(min(max(0.01, waited / 10), 1))


class Mount:
    """A mount in the foreground. See the top of this file."""

    def __init__(self, source, hub=None, *, like=None, options=(), flags=(), environment=None, point=None, token=None, user=None):
        self.source = source
        self.hub = hub or (like and like.hub)
        self.home = like.home if like else Home()
        self._own_home = like is None
        self.options = self._with_endpoint(options)
        self.flags = list(flags)
        self.token = token or (like and like.token)
        self.user = user
        self.environment = self.home.environment({"HF_TOKEN": self.token, **(environment or {})})
        self.path = Path(point) if point else self.home.fresh("mnt")
        self.log_path = self.home.fresh("log")
        self.process = None
        self.connection = None
        self._watchdog = None
        self._is_judged = True  # nothing runs that umount() or kill9() has not seen the end of

    def _with_endpoint(self, options):
        return [*([f"endpoint={self.hub.endpoint}"] if self.hub else []), *options]

    # ---- start

    def command(self):
        """The argument list of the mount process."""
        options = ["-o", ",".join(self.options)] if self.options else []
        return [str(HUGFS), "mount", "-f", *self.flags, *options, self.source, str(self.path)]

    def identity(self):
        """Arguments for subprocess that run a program as the mount's user."""
        return {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}

    def start(self):
        """Start the process and return when it says that the mount answers."""
        if not HUGFS.exists():
            raise Failed(f"{HUGFS} is not built; set HUGFS_BUILD")
        stale = self.is_mounted
        if not stale:
            self.path.mkdir(exist_ok=True)
        if self.user is not None:
            self.home.give_to(self.user, None if not stale else self.path)
        said = self.log.count(MOUNTED)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.identity()
            )
        self._is_judged = False
        # The kernel shows the mount a moment before the daemon answers the control socket, and over
        # a stale mount it shows the old one: only the log tells, unless it goes elsewhere.
        logs_here = not any(option.startswith("log=") for option in self.options)
        is_up = (lambda: self.log.count(MOUNTED) > said) if logs_here else self._entry
        wait_until(lambda: is_up() or self.process.poll() is not None, "the mount")
        if self.process.poll() is not None:
            self._is_judged = True
            self._check_log()
            raise Failed(f"the mount ended with status {self.process.returncode}:\n{self.log}")
        self.adopt()
        return self

    def adopt(self):
        """Take over a mount that somebody else started at our path (a daemon, mount(8))."""
        self.connection = kernel.Connection(self._entry().device)
        self._watch(600 * SLACK)

    def _entry(self):
        entry = kernel.mount_entry(self.path)
        return entry if entry and entry.type.startswith("fuse") else None

    @property
    def entry(self):
        """The mountinfo line of this mount, or None."""
        return self._entry()

    @property
    def is_mounted(self):
        return self._entry() is not None

    def _watch(self, seconds):
        # `read` ends early, and nothing is aborted, when the pipe closes: with us, whatever kills us.
        script = 'read -t "$1"; [ $? -gt 128 ] && echo 1 >"$2"'
        abort = kernel.CONNECTIONS / self.connection.number / "abort"
        self._watchdog = subprocess.Popen(["bash", "-c", script, "watchdog", str(seconds), str(abort)], stdin=subprocess.PIPE)

    # ---- use

    def __truediv__(self, name):
        return self.path / name

    @property
    def log(self):
        """What the daemon has printed so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @property
    def secrets(self):
        return [*(self.hub.secrets if self.hub else ()), *([self.token] if self.token else ())]

    def cli(self, *arguments, status=0, **options):
        """Run another verb as the same user."""
        return run_hugfs(arguments, self.environment, secrets=self.secrets, status=status, **self.identity(), **options)

    def drop_pages(self, name):
        """Forget the kernel's copy of one file, so that reads come to the daemon again."""
        kernel.drop_pages(self.path / name)

    def wait_cached(self, *names):
        """Wait until this mount sees whole files in its cache, which another process may have put there."""
        for name in names:
            wait_until(lambda name=name: self._is_cached(name), f"{name} in the cache")

    def _is_cached(self, name):
        info = self.cli("info", "--json", self.path / name).json
        return info["cached_bytes"] == info["size"]

    def remount(self, **changes):
        """Unmount, and mount the same again with the same home and cache."""
        self.umount()
        return self.again(**changes)

    def again(self, *, source=None, options=None, flags=None):
        """After an umount() or kill9(): mount again, with changes where they are given."""
        self.source = source or self.source
        self.flags = self.flags if flags is None else list(flags)
        self.options = self.options if options is None else self._with_endpoint(options)
        return self.start()

    # ---- end

    def umount(self, how="hugfs"):
        """Unmount by "hugfs", "fusermount3" or a signal's name; everything must end well."""
        if how == "hugfs":
            self.cli("umount", self.path)
        elif how == "fusermount3":
            subprocess.run(["fusermount3", "-u", str(self.path)], check=True, **self.identity())
        else:
            self.process.send_signal(getattr(signal, how))
        self.wait_ended()

    def wait_ended(self):
        """Wait for the process's own end after an unmount, and judge it."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"the daemon is still there after the unmount:\n{self.log[-4000:]}") from error
        self._stop_watchdog()
        self._is_judged = True
        self._check_log()
        if status != 0:
            raise Failed(f"the daemon ended with status {status}:\n{self.log[-6000:]}")
        if self.is_mounted:
            raise Failed("the daemon ended but the mount is still there")

    def kill9(self):
        """Kill the daemon as a crash would; the stale mount stays."""
        self.process.kill()
        self.process.wait(PROMPT)
        self._is_judged = True
        self._stop_watchdog()
        self._check_log()

    def _check_log(self):
        check_output(self.log, self.secrets)

    def _stop_watchdog(self):
        if self._watchdog:
            self._watchdog.stdin.close()
            self._watchdog.wait()
            self._watchdog = None

    def force_away(self):
        """Leave nothing behind, whatever state things are in; judges nothing."""
        self._stop_watchdog()
        while self._entry():
            kernel.Connection(self._entry().device).abort()
            subprocess.run(["fusermount3", "-uz", str(self.path)], check=False, capture_output=True)
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def close(self):
        """The end of a test: unmount properly if it still runs, then remove every trace."""
        try:
            if not self._is_judged:
                self.umount() if self.process.poll() is None else self.wait_ended()
        finally:
            self.force_away()
            if self._own_home:
                self.home.remove()

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.close()
            return
        try:
            self.force_away()
        finally:
            self.home.remove()
