# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 requests from a raw non-blocking socket.

Own framing, because a test Hub must be able to break it on purpose: see reply.py for the other direction.
"""

import asyncio
import socket
import struct
from functools import cached_property
from urllib.parse import parse_qs, unquote

MAX_HEAD = 256 * 1024
READ_SIZE = 256 * 1024
IN_PLACE = 64 * 1024
MAX_BODY = 8 * 1024**3


class BadRequest(Exception):
    """The peer does not speak HTTP/1.1 as we understand it."""


class Connection:
    """One accepted socket and the bytes read from it but not yet used."""

    def __init__(self, sock, number, origin):
        self.sock = sock
        self.number = number
        self.origin = origin
        self.buffer = bytearray()
        self.loop = asyncio.get_running_loop()

    async def fill(self):
        """Read some more bytes; False at end of stream."""
        data = await self.loop.sock_recv(self.sock, READ_SIZE)
        self.buffer += data
        return bool(data)

    async def take_line(self):
        """One CRLF-terminated line, for chunk sizes and trailers."""
        while (end := self.buffer.find(b"\r\n")) < 0:
            if len(self.buffer) > MAX_HEAD or not await self.fill():
                raise BadRequest("line not terminated")
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return line

    async def take(self, count):
        """Yield exactly `count` bytes in pieces as they come."""
        while count:
            if self.buffer:
                piece = bytes(self.buffer[:count])
                del self.buffer[: len(piece)]
            else:
                piece = await self.loop.sock_recv(self.sock, min(count, READ_SIZE))
            if not piece:
                raise ConnectionResetError("body ended early")
            count -= len(piece)
            yield piece

    async def take_into(self, view):
        """Fill a memoryview with the next bytes, without a copy in between."""
        at = min(len(self.buffer), len(view))
        view[:at] = self.buffer[:at]
        del self.buffer[:at]
        while at < len(view):
            got = await self.loop.sock_recv_into(self.sock, view[at:])
            if not got:
                raise ConnectionResetError("body ended early")
            at += got

    def abort(self):
        """Close with RST instead of FIN, as a crashing peer or a middlebox does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Request:
    """One parsed request head; the body is read only when a handler asks for it."""

    def __init__(self, conn, method, target, headers):
        self.conn = conn
        self.origin = conn.origin
        self.method = method
        self.target = target
        self.headers = headers
        self.path, _, self.query_string = target.partition("?")
        self.kind = "unknown"  # set by the route, for the request log
        self.who = None
        self.received = 0  # body bytes read so far
        self._body_done = self.complete = not self.has_body

    @property
    def has_body(self):
        """Whether bytes of a body follow the head."""
        return "chunked" in self.headers.get("transfer-encoding", "") or self.headers.get("content-length", "0") != "0"

    @cached_property
    def query(self):
        """Query parameters: name to list of values."""
        return parse_qs(self.query_string, keep_blank_values=True)

    @property
    def segments(self):
        """Path segments, each percent-decoded on its own so that %2F stays inside its segment."""
        return [unquote(part, errors="surrogateescape") for part in self.path.split("/")[1:]]

    def one(self, name, default=None):
        """The last value of a query parameter; `name[]` is the same parameter."""
        values = self.query.get(name) or self.query.get(name + "[]")
        return values[-1] if values else default

    def many(self, name):
        """All values of a repeatable query parameter, either spelling."""
        return self.query.get(name, []) + self.query.get(name + "[]", [])

    def flag(self, name):
        """A boolean query parameter the way clients spell it."""
        return (self.one(name) or "").lower() in ("1", "true", "yes", "on")

    async def pieces(self):
        """The body in pieces; may be used once."""
        try:
            async for piece in self._pieces():
                self.received += len(piece)
                yield piece
        except ValueError as error:
            raise BadRequest(f"chunk size: {error}") from error
        self.complete = True

    async def _begin_body(self):
        """Refuse what is too long, and tell a client that waits for it to go on."""
        self._body_done = True
        if int(self.headers.get("content-length", 0)) > MAX_BODY:
            raise BadRequest("body too large")
        if self.headers.get("expect", "").lower() == "100-continue":
            await self.conn.loop.sock_sendall(self.conn.sock, b"HTTP/1.1 100 Continue\r\n\r\n")

    async def _pieces(self):
        await self._begin_body()
        if "chunked" in self.headers.get("transfer-encoding", ""):
            while size := int((await self.conn.take_line()).split(b";")[0], 16):
                async for piece in self.conn.take(size):
                    yield piece
                await self.conn.take_line()
            while await self.conn.take_line():
                pass
            return
        async for piece in self.conn.take(int(self.headers.get("content-length", 0))):
            yield piece

    async def body(self):
        """The whole body in memory; one of known length is received in place, since xorbs are large."""
        if self._body_done:
            return b""
        length = int(self.headers.get("content-length", 0))
        if length <= IN_PLACE:
            return b"".join([piece async for piece in self.pieces()])
        await self._begin_body()
        data = bytearray(length)
        await self.conn.take_into(memoryview(data))
        self.received, self.complete = length, True
        return data

    async def drain(self):
        """Read what the handler left, so that the next request on this connection starts at its first byte."""
        if not self._body_done:
            async for _ in self.pieces():
                pass


def parse_head(conn, head):
    """Turn the bytes before the blank line into a Request."""
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest(f"bad request line {lines[0][:80]!r}")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest(f"bad header line {line[:80]!r}")
        headers[name.strip().lower()] = value.strip()
    if not headers.get("content-length", "0").isdigit():
        raise BadRequest(f"Content-Length {headers['content-length'][:40]!r}")
    return Request(conn, parts[0], parts[1], headers)


async def read_request(conn):
    """The next request of a connection, or None when the peer closed it between requests."""
    while (end := conn.buffer.find(b"\r\n\r\n")) < 0:
        if len(conn.buffer) > MAX_HEAD:
            raise BadRequest("head too long")
        if not await conn.fill():
            if conn.buffer:
                raise BadRequest("head cut off")
            return None
    head = bytes(conn.buffer[:end])
    del conn.buffer[: end + 4]
    return parse_head(conn, head)
