# SPDX-License-Identifier: Apache-2.0
"""The local Hub as the bench sees it: started for one run, asked what it served."""

import contextlib
import itertools
import socket
import sys
from pathlib import Path

from bench.samples import OWNER
from hub.client import HubProcess


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

    def requests_since(self, last):
        """The finished and unfinished requests after `last`, with their body bytes both ways."""
        return [{"bytes_sent": row["bytes"] or 0, "bytes_received": row["received"] or 0} for row in self.requests(since=last)]

    @contextlib.contextmanager
    def new_repo(self, readme):
        """A repository with a README.md. One with xorbs goes at the end, for the disk would not hold those
        of all rounds, so what is saved into the next one has to be new; others stay (see measure.forget)."""
        repo = f"{OWNER}/bench-new-{next(self._numbers)}"
        self.repo(repo)
        self.commit(repo, [{"add": "README.md", "text": readme}])
        known = self._xorbs()
        try:
            yield repo
        finally:
            if new := self._xorbs() - known:
                self.delete_repo(repo)
            for path in new:
                path.unlink()

    def _xorbs(self):
        return {path for path in Path(self.data, "xorbs").rglob("*") if path.is_file()}

    @staticmethod
    def free_port():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]
