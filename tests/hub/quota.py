# SPDX-License-Identifier: Apache-2.0
"""Rate limits as the Hub has them: fixed windows, three buckets, a countdown on every response."""

import time


class Quota:
    """Counts requests per caller and bucket."""

    def __init__(self, settings):
        self._settings = settings
        self._windows = {}  # (caller, bucket) -> [start, used]

    def reset(self):
        """Start all windows anew."""
        self._windows.clear()

    def spend(self, caller, bucket):
        """Count one request: (allowed, headers)."""
        settings = self._settings
        limit, window = getattr(settings, "quota_" + bucket), settings.quota_window
        now = time.monotonic()
        entry = self._windows.setdefault((caller, bucket), [now, 0])
        if now - entry[0] >= window:
            entry[:] = [now, 0]
        allowed = entry[1] < limit
        entry[1] = min(entry[1] + 1, limit) if allowed else limit
        left = max(limit - entry[1], 0)
        seconds = max(int(entry[0] + window - now), 0)
        return allowed, [
            ("RateLimit", f'"{bucket}";r={left};t={seconds}'),
            ("RateLimit-Policy", f'"fixed window";"{bucket}";q={limit};w={window}'),
        ]
