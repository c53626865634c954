# SPDX-License-Identifier: Apache-2.0
"""The networks that the local Hub can pretend to be: what a request waits before the first byte of
its answer, and what one connection carries. There is no limit over all connections. At L3 one answer in a hundred comes
ten times as late, and one request in a thousand gets a 503; each peer meets them at the same places of its
own row of requests."""

from dataclasses import dataclass

LATE = 10  # times the usual wait


@dataclass(frozen=True)
class Profile:
    name: str
    latency_ms: int = 0
    connection_mb_s: int = 0  # 0: no limit
    is_bad: bool = False  # some answers are late, or a 503

    @property
    def title(self):
        limit = f" and {self.connection_mb_s} MB/s per connection" if self.connection_mb_s else ""
        faults = ", some late, a few refused" if self.is_bad else ""
        return f"{self.name}: {self.latency_ms} ms per request{limit}{faults}"

    @property
    def is_local(self):
        """What does not come from the local Hub is measured here alone."""
        return not self.latency_ms and not self.connection_mb_s

    @property
    def rules(self):
        """What goes wrong."""
        if not self.is_bad:
            return []
        return [{"match": {}, "every": every, "count": -1, "action": action}
                for every, action in ((1000, {"status": 503}), (100, {"delay_ms": (LATE - 1) * self.latency_ms}))]

    def apply(self, hub):
        """Before each sample: faults that a cell set are gone, and counting begins anew."""
        hub.clear()
        hub.faults(self.rules)
        hub.config(latency_ms=self.latency_ms, bw_conn=self.connection_mb_s * 1_000_000)


NETWORKS = (Profile("L0"), Profile("L1", 30), Profile("L2", 30, 80), Profile("L3", 30, 80, is_bad=True))
PROFILES = {profile.name: profile for profile in NETWORKS}


def chosen(names):
    """The profiles of these names."""
    return [PROFILES[name] for name in names]
