# SPDX-License-Identifier: Apache-2.0
"""A network between a mount and its Hub that can fail: `Cable`.

    with Cable() as cable:
        port = cable.line(hub.urls["cas"], certificate)   # TLS in front of an address of the Hub
        cable.cut(port)       # from now on packets vanish: nothing is refused, nothing is answered
        cable.refuse(port)    # nobody listens there, and what was open is reset
        cable.mend(port)      # as before; what was held back by cut() arrives

A cut line keeps what was sent, as TCP does, and delivers it when it is mended.
"""

import asyncio
from urllib.parse import urlsplit

from bad_servers import BLOCK, Servers


class _Line:
    def __init__(self, far, port=0):
        self.far, self.port = far, port
        self.is_up = asyncio.Event()
        self.is_up.set()
        self.server = None
        self.writers = set()

    async def listen(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def refuse(self):
        self.server.close()
        for writer in list(self.writers):
            writer.transport.abort()

    async def _pump(self, reader, writer):
        try:
            while data := await reader.read(BLOCK):
                await self.is_up.wait()
                writer.write(data)
                await writer.drain()
        finally:
            await self.is_up.wait()
            writer.close()

    async def _serve(self, reader, writer):
        self.writers.add(writer)
        try:
            await self.is_up.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.far)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer), return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()


class Cable(Servers):
    """Lines by the port that the mount connects to. See the top of this file."""

    def __init__(self):
        super().__init__()
        self._lines = {}

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def line(self, target, pem=None):
        """A line to an http address; with a certificate, TLS is spoken on it. Its port."""

        async def make(far):
            line = _Line(far)
            await line.listen()
            return line

        line = self._run(make(self.tls(target, pem) if pem else urlsplit(target).port))
        self._lines[line.port] = line
        return line.port

    def cut(self, *ports):
        for port in ports:
            self._loop.call_soon_threadsafe(self._lines[port].is_up.clear)

    def refuse(self, *ports):
        for port in ports:
            self._run(self._lines[port].refuse())

    def mend(self, *ports):
        for port in ports:
            line = self._lines[port]
            self._loop.call_soon_threadsafe(line.is_up.set)
            if not line.server.is_serving():
                self._run(line.listen())
