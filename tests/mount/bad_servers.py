# SPDX-License-Identifier: Apache-2.0
"""Servers that stand beside or before the local Hub: TLS, a proxy, a stranger, a deaf one.

    with Servers() as servers:
        port = servers.tls(hub.urls["cas"], certificate)   # decrypts and passes on
        port = servers.proxy()                             # HTTP proxy: CONNECT only; servers.tunnels has its targets
        port = servers.stranger(reply)                     # answers everybody the same; servers.heard has the requests
        port = servers.deaf()                              # accepts, and never says a word

All on 127.0.0.1, in one thread, gone at the end of the block.
"""

import asyncio
import ssl
import subprocess
import threading
from urllib.parse import urlsplit

BLOCK = 1 << 16


def certificate(folder, *subject_names):
    """A self-signed certificate for these names ("IP:127.0.0.1", "DNS:localhost"); the path of certificate and key in one."""
    path = folder / f"{subject_names[0].partition(':')[2]}.pem"
    key = folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ",".join(subject_names)
    subprocess.run(
        [*command, "-subj", "/CN=hugfs test", "-addext", f"subjectAltName={names}", "-keyout", key, "-out", path],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + key.read_text())
    return path


def closed_port():
    """A port of 127.0.0.1 on which nobody listens."""
    with asyncio.Runner() as runner:
        server = runner.run(asyncio.start_server(lambda *_: None, "127.0.0.1", 0))
        port = server.sockets[0].getsockname()[1]
        server.close()
    return port


async def _pump(reader, writer):
    try:
        while data := await reader.read(BLOCK):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def _join(reader, writer, host, port):
    """Pass bytes both ways until one side is done."""
    try:
        far_reader, far_writer = await asyncio.open_connection(host, port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _head(reader):
    """One HTTP head as text, or "" when the other side has gone."""
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
        return ""


class Servers:
    """An event loop in a thread, and the servers that were started on it."""

    def __init__(self):
        self.heard = []  # heads of requests that strangers got
        self.tunnels = []  # "host:port" of CONNECT requests
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self):
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _listen(self, handler, context=None):
        async def guarded(reader, writer):
            try:
                await handler(reader, writer)
            except (OSError, asyncio.CancelledError):
                pass
            finally:
                writer.close()

        start = asyncio.start_server(guarded, "127.0.0.1", 0, ssl=context)
        server = asyncio.run_coroutine_threadsafe(start, self._loop).result()
        return server.sockets[0].getsockname()[1]

    def tls(self, target, pem):
        """Speak TLS with this certificate, and pass what is inside on to an http address."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        address = urlsplit(target)
        return self._listen(lambda reader, writer: _join(reader, writer, address.hostname, address.port), context)

    def proxy(self):
        """An HTTP proxy that makes tunnels; each target is noted in `tunnels`."""

        async def handler(reader, writer):
            words = (await _head(reader)).split(" ")
            if words[0] != "CONNECT":
                writer.write(b"HTTP/1.1 405 Only CONNECT\r\nContent-Length: 0\r\n\r\n")
                return
            self.tunnels.append(words[1])
            host, _, port = words[1].rpartition(":")
            writer.write(b"HTTP/1.1 200 Go on\r\n\r\n")
            await _join(reader, writer, host, int(port))

        return self._listen(handler)

    def stranger(self, reply=b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"):
        """Give everybody this reply; the heads of what they asked are in `heard`."""

        async def handler(reader, writer):
            head = await reader.read(BLOCK)  # not up to an empty line: it may be TLS
            if head:
                self.heard.append(head.decode("latin-1"))
                writer.write(reply)
                await writer.drain()

        return self._listen(handler)

    def deaf(self):
        """Accept connections, and never answer."""

        async def handler(reader, _):
            while await reader.read(BLOCK):
                pass

        return self._listen(handler)
