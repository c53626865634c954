# SPDX-License-Identifier: Apache-2.0
"""The request log and the list of violations: what tests count and assert."""

import time


class Journal:
    """Every request in order of arrival; never a token, only what kind of credential came."""

    def __init__(self):
        self.entries = []
        self.violations = []
        self._next = 1

    def begin(self, req):
        """Open an entry when the head of a request has arrived."""
        entry = {
            "id": self._next,
            "time": time.time(),
            "origin": req.origin,
            "method": req.method,
            "path": req.path,
            "query": req.query_string,
            "range": req.headers.get("range"),
            "auth": "none",
            "kind": "unknown",
            "conn": req.conn.number,
            "status": None,
            "bytes": 0,
            "received": 0,
            "ms": None,
            "fault": None,
            "user_agent": req.headers.get("user-agent", ""),
        }
        self._next += 1
        self.entries.append(entry)
        return entry

    def since(self, number):
        """Entries with a larger id."""
        if not self.entries or number < self.entries[0]["id"]:
            return self.entries
        return self.entries[number - self.entries[0]["id"] + 1 :]

    def violate(self, what, req=None, **details):
        """Record something no correct client does."""
        where = {"origin": req.origin, "method": req.method, "target": req.target} if req else {}
        self.violations.append({"what": what, "time": time.time(), **where, **details})

    def reset(self):
        """Forget the requests; violations stay until they are cleared on purpose."""
        self.entries.clear()
