# SPDX-License-Identifier: Apache-2.0
"""A process that reads, so that it can hang, be interrupted and be killed instead of the test.

Run as a program it prints "ready", does one thing, and prints the outcome as one JSON line:
{"sha256": ..., "bytes": n} or {"errno": n}. `Reader` starts it and watches it.

  read PATH OFFSET LENGTH            one pread
  direct PATH OFFSET LENGTH          the same with O_DIRECT
  fault PATH OFFSET                  touch one mapped byte
  crowd PATH COUNT STRIDE            COUNT threads, each preads 4 KiB at its own offset
  stat PATH | list PATH              one lookup; one readdir
"""

import hashlib
import json
import mmap
import os
import signal
import subprocess
import sys
import threading


def _read(path, offset, length, flags=0):
    fd = os.open(path, os.O_RDONLY | flags)
    buffer = mmap.mmap(-1, max(int(length), 4096))  # page aligned, as O_DIRECT wants it
    print("ready", flush=True)
    done = os.preadv(fd, [memoryview(buffer)[: int(length)]], int(offset))
    return buffer[:done]


def _fault(path, offset):
    with open(path, "rb") as file:
        view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    print("ready", flush=True)
    return view[int(offset) : int(offset) + 1]


def _crowd(path, count, stride):
    """Each thread opens for itself: one shared file description would serialise read-ahead state."""

    def one(number):
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        os.pread(fd, 4096, number * int(stride))
        os.close(fd)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(int(count))]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for thread in threads:
        thread.join()
    return b""


def _listing(path):
    print("ready", flush=True)
    return "\n".join(os.listdir(path)).encode()


def _stat(path):
    print("ready", flush=True)
    return str(os.stat(path).st_size).encode()


ACTIONS = {
    "read": _read,
    "direct": lambda path, offset, length: _read(path, offset, length, os.O_DIRECT),
    "fault": _fault,
    "crowd": _crowd,
    "list": _listing,
    "stat": _stat,
}


def main(arguments):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        data = ACTIONS[arguments[0]](*arguments[1:])
    except OSError as error:
        print(json.dumps({"errno": error.errno}), flush=True)
    else:
        print(json.dumps({"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}), flush=True)


def pread(path, offset, length):
    """One pread(2) of a path."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.pread(fd, length, offset)
    finally:
        os.close(fd)


class Reader:
    """A running reader.py; always ended by the `with` block that started it."""

    def __init__(self, *arguments, prefix=()):
        command = [*prefix, sys.executable, "-S", "-E", __file__, *map(str, arguments)]
        # Unbuffered: what a buffer had taken beyond the first line would be lost to communicate().
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, bufsize=0)
        self.first = self.process.stdout.readline().decode().strip()

    @property
    def has_ended(self):
        return self.process.poll() is not None

    def outcome(self, seconds):
        """The JSON answer, or subprocess.TimeoutExpired."""
        out, _ = self.process.communicate(timeout=seconds)
        return json.loads(out if self.first == "ready" else self.first)

    def gone_after(self, number, seconds):
        """Send a signal and wait for the process to be gone; its return code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.has_ended:
            self.process.kill()
        self.process.stdout.close()
        self.process.wait()


class Lines:
    """A program that goes on printing: its lines so far, gathered by a thread; killed in the end."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True, **options)
        self.lines = []
        self._thread = threading.Thread(target=self._gather, daemon=True)
        self._thread.start()

    def _gather(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._thread.join()
        self.process.stdout.close()


if __name__ == "__main__":
    main(sys.argv[1:])
