# SPDX-License-Identifier: Apache-2.0
"""The networks that the local Hub can pretend to be: what a request waits before the first byte of
its answer, and what one connection carries. There is no limit over all connections."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    name: str
    latency_ms: int = 0
    connection_mb_s: int = 0  # 0: no limit

    @property
    def title(self):
        limit = f" and {self.connection_mb_s} MB/s per connection" if self.connection_mb_s else ""
        return f"{self.name}: {self.latency_ms} ms per request{limit}"

    @property
    def is_local(self):
        """What does not come from the local Hub is measured here alone."""
        return not self.latency_ms and not self.connection_mb_s

    def apply(self, hub):
        hub.config(latency_ms=self.latency_ms, bw_conn=self.connection_mb_s * 1_000_000)


PROFILES = {profile.name: profile for profile in (Profile("L0"), Profile("L1", 30), Profile("L2", 30, 80))}


def chosen(names):
    """The profiles of these names."""
    return [PROFILES[name] for name in names]
