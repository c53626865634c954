# SPDX-License-Identifier: Apache-2.0
"""Bandwidth: per connection by the kernel (SO_MAX_PACING_RATE), in total by a token bucket."""

import asyncio
import socket
import struct
import time

SO_MAX_PACING_RATE = 47  # linux/socket.h; Python does not name it
UNLIMITED = 2**64 - 1


def set_connection_rate(sock, bytes_per_second):
    """Works on loopback without a queueing discipline, costs no CPU and keeps sendfile."""
    rate = struct.pack("@Q", bytes_per_second or UNLIMITED)  # eight bytes: the kernel's unsigned long
    sock.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, rate)


class Budget:
    """A token bucket shared by all connections; rate 0 lets everything through."""

    def __init__(self, rate=0):
        self.rate = rate
        self._free_at = 0.0

    async def take(self, count):
        """Wait until `count` bytes may go out: each taker queues behind the bytes promised before it."""
        if not self.rate:
            return
        now = time.monotonic()
        start = max(now, self._free_at)
        self._free_at = start + count / self.rate
        if start > now:
            await asyncio.sleep(start - now)
