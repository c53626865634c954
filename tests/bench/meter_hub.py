# SPDX-License-Identifier: Apache-2.0
"""The local Hub as the bench sees it: started for one run, asked what it served."""

import contextlib
import itertools
import socket
import sys
import time
from pathlib import Path

from bench.samples import OWNER
from hub.client import HubProcess

QUIET_S = 0.05
SETTLE_S = 3.0


class MeteredHub(HubProcess):
    """A HubProcess that tells which requests came after a given one."""

    def __init__(self):
        super().__init__(python=sys.executable)
        self._numbers = itertools.count()

    def last_request(self):
        """The id of the newest request; older ones are forgotten, so that asking stays cheap."""
        rows = self.requests()
        self.reset_requests()
        return rows[-1]["id"] if rows else 0

    def requests_since(self, last, settles):
        """The requests after `last`, with their body bytes both ways. If it `settles`, those that are still
        under way, and what they lead to, are waited for: what comes next must not see them."""
        rows = self.requests(since=last)
        if rows and settles:
            rows = self._settled(last, rows)
        return [{"bytes_sent": row["bytes"] or 0, "bytes_received": row["received"] or 0} for row in rows]

    def _settled(self, last, rows):
        deadline = time.monotonic() + SETTLE_S
        before = None
        while time.monotonic() < deadline and (len(rows) != before or any(row["status"] is None for row in rows)):
            before = len(rows)
            time.sleep(QUIET_S)
            rows = self.requests(since=last)
        return rows

    @contextlib.contextmanager
    def new_repo(self, readme):
        """A repository with a README.md. One with xorbs goes at the end, for the disk would not hold those
        of all rounds, so what is saved into the next one has to be new; others stay (see measure.forget)."""
        repo = f"{OWNER}/bench-new-{next(self._numbers)}"
        self.repo(repo)
        self.commit(repo, [{"add": "README.md", "text": readme}])
        known = self._files("xorbs")
        try:
            yield repo
        finally:
            if new := self._files("xorbs") - known:
                self.delete_repo(repo)
            for path in new:
                path.unlink()

    def _files(self, folder=""):
        return {path for path in Path(self.data, folder).rglob("*") if path.is_file()}

    def stored_bytes(self):
        return sum(path.stat().st_size for path in self._files())

    def warm_files(self):
        """Reads all that it has stored into the page cache."""
        buffer = bytearray(1 << 20)
        for path in self._files():
            with open(path, "rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass

    @staticmethod
    def free_port():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]
