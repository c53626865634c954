# SPDX-License-Identifier: Apache-2.0
"""What one timed run costs: wall time, CPU of every process involved, peak memory, and what
the server saw. Also the traps of the machine: cold caches, memory that was never touched."""

import atexit
import os
import resource
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
KEPT_BYTES_MAX = 256 << 20


@dataclass
class Sample:
    """One run. `value` is in the cell's unit (GB/s, operations/s or seconds)."""

    value: float
    seconds: float
    cpu_s: float = 0.0  # of all processes, the local Hub too
    client_cpu_s: float = 0.0  # of the daemon, or of the program that is a client by itself
    peak_rss_mb: float = 0.0
    requests: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    bytes_needed: int = 0  # what the reader asked for
    facts: dict = field(default_factory=dict)  # further figures, for the last column of the table
    note: str = ""  # what else came of it, there too

    def as_dict(self):
        return asdict(self)


def drop_caches():
    """Empties the page cache of files (needs root): what is read next comes from its source."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n")


def warm_memory(size=3 << 30):
    """Touches memory right before a timed run, as the page cache of a file without blocks: pages that the
    host took back cost ten times as much on their first touch as on the next."""
    buffer = bytearray(1 << 20)
    with tempfile.TemporaryFile() as file:
        file.truncate(size)
        while file.readinto(buffer):
            pass


def forget_pages(needed, hub):
    """Before a run that reads so many bytes from their source: memory for them is warm, and no file is
    in the page cache but the Hub's own: it stands for another machine, which does not read them from
    the client's disk while that writes."""
    warm_memory(min(max(3 * needed, 256 << 20), 3 << 30) + hub.stored_bytes())
    drop_caches()
    hub.warm_files()


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


def process_memory_mb(pid, name):
    """VmRSS or VmHWM of a process; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)


def reset_peak(pid):
    """Begins VmHWM anew, so that a peak belongs to the run and not to the one before."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5\n")
    except OSError:
        pass


class NoView:
    """Of a client that has no daemon."""

    pids = ()


class Meter:
    """Measures what happens inside a `with` block: time, CPU of the view's daemon, of this process with the
    programs it runs (`helpers`: those that go on running) and of the local Hub; the daemon's peak memory;
    requests and body bytes, both ways, of the local Hub. The daemon may be started in it."""

    def __init__(self, hub, view=NoView, needed=0, settles=True, helpers=()):
        self.hub = hub
        self.view = view
        self.needed = needed
        self.settles = settles
        self.helpers = helpers
        self.result = None

    def _cpu(self):
        own = own_cpu_s() + sum(map(process_cpu_s, self.helpers))
        return [sum(map(process_cpu_s, self.view.pids)), own, process_cpu_s(self.hub.pid)]

    def __enter__(self):
        for pid in self.view.pids:
            reset_peak(pid)
        self.last_request = self.hub.last_request()
        self.cpu = self._cpu()
        self.started = time.perf_counter()
        return self

    def __exit__(self, failed, *_):
        self.seconds = time.perf_counter() - self.started
        before_settling = self._cpu()
        self.client_cpu, self.own_cpu, self.hub_cpu = (now - then for now, then in zip(before_settling, self.cpu))
        self.log = [] if failed else self.hub.requests_since(self.last_request, self.settles)
        if self.settles and not failed:  # what was left to be done costs CPU and memory, too
            self.client_cpu += self._cpu()[0] - before_settling[0]
        self.peak = max((process_memory_mb(pid, "VmHWM") for pid in self.view.pids), default=0.0)

    def replace_client(self, seconds, cpu, peak):
        """What a program measured of itself, its start and its imports left out."""
        self.seconds, self.client_cpu, self.own_cpu, self.peak = seconds, cpu, 0.0, peak

    @property
    def bytes_sent(self):
        return sum(entry["bytes_sent"] for entry in self.log)

    def sample(self, value, facts=None):
        return Sample(
            value, self.seconds, self.client_cpu + self.own_cpu + self.hub_cpu, self.client_cpu, self.peak, len(self.log),
            self.bytes_sent, sum(entry["bytes_received"] for entry in self.log), self.needed, facts or {},
            self.result if isinstance(self.result, str) else "")
