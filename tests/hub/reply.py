# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 responses: what a handler returns, and how it reaches the socket (sendfile, pacing, deliberate cuts)."""

import asyncio
import gzip
import json
import os
import socket
import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

BLOCK = 256 * 1024
STEPS = 20  # a second of limited bandwidth is spent in at least as many writes
NO_LINE_BREAKS = {10: " ", 13: " "}  # a file name must not end a header
GZIP_FROM = 1024  # bytes: shorter JSON is sent as it is
SMALL = 64 * 1024  # below this a head and its body go out in one write


class CutHere(Exception):
    """The fault plan says that the body ends at this byte."""


class FilePart:
    """A byte range of a file, sent by the kernel."""

    __slots__ = ("path", "offset", "length")

    def __init__(self, path, offset, length):
        self.path, self.offset, self.length = path, offset, length

    def read(self):
        """The bytes, for faults that must change them."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(self.length)


class Stream:
    """Bytes from an async generator; `length` None means chunked."""

    __slots__ = ("source", "length")

    def __init__(self, source, length=None):
        self.source, self.length = source, length


async def once(data):
    """A stream of one piece: a body sent chunked."""
    yield data


class Response:
    """Status, headers and body parts; `head_length` is the Content-Length of a HEAD answer."""

    def __init__(self, status=200, body=b"", headers=(), content_type=None, head_length=None):
        self.status = status
        self.headers = list(headers)
        if isinstance(body, str):
            body = body.encode()
        self.parts = body if isinstance(body, list) else [body]
        self.head_length = head_length
        if content_type:
            self.headers.append(("Content-Type", content_type))

    @property
    def length(self):
        """Body length, or None when it is sent chunked."""
        total = 0
        for part in self.parts:
            length = len(part) if isinstance(part, bytes) else part.length
            if length is None:
                return None
            total += length
        return total

    def header(self, name):
        """The value of a header, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def set_header(self, name, value):
        """Replace a header; a value of None removes it."""
        self.headers = [(key, old) for key, old in self.headers if key.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, str(value)))

    async def whole_body(self):
        """All body bytes in memory, for faults that edit them."""
        pieces = []
        for part in self.parts:
            if isinstance(part, bytes):
                pieces.append(part)
            elif isinstance(part, FilePart):
                pieces.append(part.read())
            else:
                pieces.extend([piece async for piece in part.source])
        return b"".join(pieces)

    def head_bytes(self, keep_alive):
        """The serialised head."""
        lines = [f"HTTP/1.1 {self.status} {phrase(self.status)}"]
        lines += [f"{name}: {value}".translate(NO_LINE_BREAKS) for name, value in self.headers]
        if not self.header("content-length") and self.status not in (204, 304):
            length = self.head_length if self.head_length is not None else self.length
            lines.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
        lines.append(f"Date: {http_date(int(time.time()))}")
        lines.append("Connection: keep-alive" if keep_alive else "Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


@lru_cache(maxsize=4)
def http_date(second):
    """The Date header, formatted once a second."""
    return formatdate(second, usegmt=True)


@lru_cache
def phrase(status):
    """Reason phrase of a status code."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def json_response(value, status=200, headers=()):
    """A JSON body as the Hub sends it."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, body, headers, "application/json; charset=utf-8")


def compress_json(response, req):
    """gzip a JSON body worth it, only for those who ask."""
    body = response.parts[0]
    if "gzip" not in req.headers.get("accept-encoding", "") or not isinstance(body, bytes) or len(response.parts) > 1:
        return
    if len(body) < GZIP_FROM or not (response.header("content-type") or "").startswith("application/json"):
        return
    response.parts = [gzip.compress(body, 1)]
    response.set_header("Content-Encoding", "gzip")
    response.set_header("Vary", "Accept-Encoding")


class Sender:
    """Writes one response; counts body bytes and obeys cuts, drips and the common bandwidth budget."""

    def __init__(self, conn, budget):
        self.conn = conn
        self.budget = budget
        self.body_bytes = 0
        self.cut_after = None  # body bytes after which CutHere is raised
        self.drip = None  # (bytes, seconds)

    async def send(self, response, keep_alive, head_only):
        """Head, then body parts."""
        head = response.head_bytes(keep_alive)
        if head_only or response.status in (204, 304):
            await self.raw(head)
            return
        chunked = response.length is None and not response.header("content-length")
        if len(response.parts) == 1 and isinstance(response.parts[0], bytes) and self._is_plain(response.parts[0]):
            await self.budget.take(len(response.parts[0]))
            await self.raw(head + response.parts[0])
            self.body_bytes += len(response.parts[0])
            return
        cork = isinstance(response.parts[0], FilePart) and self.cut_after is None and self.drip is None
        if cork:
            self._cork(1)
        await self.raw(head)
        for part in response.parts:
            await self._part(part, chunked)
        if cork:
            self._cork(0)
        if chunked:
            await self.raw(b"0\r\n\r\n")

    def _cork(self, on):
        """Head and first body bytes in one segment."""
        self.conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, on)

    def _is_plain(self, data):
        return len(data) <= SMALL and self.cut_after is None and self.drip is None

    async def _part(self, part, chunked):
        if isinstance(part, bytes):
            await self._bytes(part, chunked)
        elif isinstance(part, FilePart):
            await self._file(part)
        else:
            async for piece in part.source:
                await self._bytes(piece, chunked)

    def _allowed(self, want):
        """How many of `want` body bytes may go out in the next step."""
        want = min(want, self.drip[0]) if self.drip else want
        if self.budget.rate:
            want = min(want, BLOCK, max(self.budget.rate // STEPS, 1024))
        if self.cut_after is None:
            return want
        if self.body_bytes >= self.cut_after:
            raise CutHere
        return min(want, self.cut_after - self.body_bytes)

    async def _before(self, count):
        await self.budget.take(count)
        if self.drip:
            await asyncio.sleep(self.drip[1])

    async def _bytes(self, data, chunked):
        view = memoryview(data)
        while view:
            count = self._allowed(len(view))
            await self._before(count)
            if chunked:
                await self.raw(b"%x\r\n%b\r\n" % (count, bytes(view[:count])))
            else:
                await self.raw(view[:count])
            self.body_bytes += count
            view = view[count:]
        if self.cut_after is not None and self.body_bytes >= self.cut_after:
            raise CutHere

    async def raw(self, data):
        """Bytes that are in memory, as they are."""
        await self.conn.loop.sock_sendall(self.conn.sock, data)

    async def _file(self, part):
        """os.sendfile until the socket is full, then wait for it: the bytes never enter this process."""
        fd = os.open(part.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            offset, end = part.offset, part.offset + part.length
            while offset < end:
                count = self._allowed(end - offset)
                await self._before(count)
                offset += await self._sendfile(fd, offset, count)
        finally:
            os.close(fd)
        if self.cut_after is not None and self.body_bytes >= self.cut_after:
            raise CutHere

    async def _sendfile(self, fd, offset, count):
        sent = 0
        while sent < count:
            try:
                step = os.sendfile(self.conn.sock.fileno(), fd, offset + sent, count - sent)
            except BlockingIOError:
                await writable(self.conn)
                continue
            if step == 0:
                raise ConnectionResetError("file is shorter than its response")
            sent += step
            self.body_bytes += step
        return sent


async def writable(conn):
    """Wait until the socket takes bytes again."""
    done = conn.loop.create_future()
    fd = conn.sock.fileno()
    conn.loop.add_writer(fd, lambda: done.done() or done.set_result(None))
    try:
        await done
    finally:
        conn.loop.remove_writer(fd)
