# SPDX-License-Identifier: Apache-2.0
"""Everything a running Hub consists of; each handler gets it as its first argument."""

import os
import secrets
import time

from .database import Database
from .faults import FaultPlan
from .journal import Journal
from .lfs_store import LfsStore
from .pacing import Budget
from .quota import Quota
from .repos import Repos
from .settings import Settings
from .signer import Signer
from .users import Users
from .xet_store import XetStore


class World:
    """State on disk (repositories, Xet, LFS, tokens) and of this run (requests, faults, settings)."""

    def __init__(self, data_dir, settings=None):
        os.makedirs(data_dir, exist_ok=True)
        self.data_dir = data_dir
        self.settings = settings or Settings()
        self.database = Database(os.path.join(data_dir, "hub.db"))
        self.repos = Repos(data_dir, self.database)
        self.xet = XetStore(data_dir, self.database)
        self.lfs = LfsStore(data_dir)
        self.users = Users()
        self.signer = Signer(self._secret())
        self.journal = Journal()
        self.faults = FaultPlan()
        self.quota = Quota(self.settings)
        self.budget = Budget(self.settings.bw_total)
        self.urls = {}
        self.grants = {}
        self.listings = {}  # of repositories, for info_routes
        self.dedup_key = secrets.token_bytes(32)
        self.dedup_key_expiry = 0.0
        for name, orgs in self.database.all("user").items():
            self.users.add(name, orgs)
        self.users.tokens.update(self.database.all("token"))

    def _secret(self):
        stored = self.database.all("secret").get("signing")
        if stored is None:
            stored = secrets.token_hex(32)
            self.database.put("secret", "signing", stored)
        return bytes.fromhex(stored)

    def url(self, origin):
        """Public base URL of an origin, without a slash at the end."""
        return (getattr(self.settings, origin + "_url", "") or self.urls[origin]).rstrip("/")

    def current_dedup_key(self):
        """(key, expiry) for dedup answers; a new key when the old one ran out."""
        if time.time() >= self.dedup_key_expiry:
            self.dedup_key = secrets.token_bytes(32)
            self.dedup_key_expiry = time.time() + self.settings.dedup_key_ttl
        return self.dedup_key, self.dedup_key_expiry

    def close(self):
        """Stop the processes and close the files."""
        self.repos.close()
        self.database.close()
