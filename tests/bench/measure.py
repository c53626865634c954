# SPDX-License-Identifier: Apache-2.0
"""What one timed run costs: wall time, CPU of every process involved, peak memory, and what
the server saw. Also the traps of the machine: cold caches, memory that was never touched."""

import atexit
import mmap
import os
import resource
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
KEPT_BYTES_MAX = 256 << 20


@dataclass
class Sample:
    """One run. `value` is in the cell's unit (GB/s, operations/s or seconds)."""

    value: float
    seconds: float
    cpu_s: float = 0.0
    peak_rss_mb: float = 0.0
    requests: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    note: str = ""  # what else came of it, for the last column of the table

    def as_dict(self):
        return asdict(self)


def drop_caches():
    """Empties the page cache of files (needs root): what is read next comes from its source."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n")


def warm_memory(size=3 << 30):
    """Touches memory once before a timed run: pages that the host took back cost ten times as
    much on their first touch as on the next, and would be billed to whoever runs first."""
    area = mmap.mmap(-1, size)
    step = mmap.PAGESIZE
    for offset in range(0, size, step):
        area[offset] = 1
    area.close()


def forget(folder):
    """Deletes a sample's folder; one of small files only when the bench ends. ext4 gives no inode away that
    was deleted in the last five minutes and searches past all of those, one by one, for each new file:
    a sample would pay for the deletion of the one before."""
    used = sum(entry.lstat().st_blocks * 512 for entry in Path(folder).rglob("*"))
    if used > KEPT_BYTES_MAX:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


def process_cpu_s(pid):
    """User and system seconds of a process, its dead children included; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / TICK


def own_cpu_s():
    """Of this process and of the programs that it ran to their end."""
    programs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + programs.ru_utime + programs.ru_stime


def process_peak_mb(pid):
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def reset_peak(pid):
    """Begins VmHWM anew, so that a peak belongs to the run and not to the one before."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5\n")
    except OSError:
        pass


class Meter:
    """Measures what happens inside a `with` block: time, CPU of `pids`, of this process and
    of the programs it runs, the peak memory of `pids`, requests and body bytes, both ways, of the
    local Hub."""

    def __init__(self, hub, pids=()):
        self.hub = hub
        self.pids = list(pids)

    def __enter__(self):
        for pid in self.pids:
            reset_peak(pid)
        self.last_request = self.hub.last_request() if self.hub else 0
        self.cpu = sum(map(process_cpu_s, self.pids)) + own_cpu_s()
        self.started = time.perf_counter()
        return self

    def __exit__(self, *_):
        self.seconds = time.perf_counter() - self.started
        self.cpu = sum(map(process_cpu_s, self.pids)) + own_cpu_s() - self.cpu
        self.peak = max(map(process_peak_mb, self.pids), default=0.0)
        log = self.hub.requests_since(self.last_request) if self.hub else []
        self.requests = len(log)
        self.bytes_sent = sum(entry["bytes_sent"] for entry in log)
        self.bytes_received = sum(entry["bytes_received"] for entry in log)

    def sample(self, value, note=""):
        return Sample(value, self.seconds, self.cpu, self.peak, self.requests, self.bytes_sent, self.bytes_received, note)
