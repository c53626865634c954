# SPDX-License-Identifier: Apache-2.0
"""The local Hub as the bench sees it: started for one run, asked what it served."""

import socket
import sys

from hub.client import HubProcess


class MeteredHub(HubProcess):
    """A HubProcess that tells which requests came after a given one."""

    def __init__(self):
        super().__init__(python=sys.executable)

    def last_request(self):
        """The id of the newest request; older ones are forgotten, so that asking stays cheap."""
        rows = self.requests()
        self.reset_requests()
        return rows[-1]["id"] if rows else 0

    def requests_since(self, last):
        """The finished and unfinished requests after `last`, with their body bytes."""
        return [{"body_bytes": row["bytes"] or 0} for row in self.requests(since=last)]

    @staticmethod
    def free_port():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]
