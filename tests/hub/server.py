# SPDX-License-Identifier: Apache-2.0
"""Listening, connections, and the way of one request: log, latency, fault, handler, reply."""

import asyncio
import os
import random
import socket
import uuid

from . import faults, hub_dispatch, tree_routes
from . import routes as _routes  # noqa: F401  fills the route tables
from .errors import HubError
from .http1 import BadRequest, Connection, read_request
from .pacing import set_connection_rate
from .reply import CutHere, Response, Sender, compress_json
from .router import find_fixed

HOSTS = {"hub": "127.0.0.1", "cas": "127.0.0.1", "cdn": "localhost", "control": "127.0.0.1"}
RUN = uuid.uuid4().hex[:16]  # makes request ids of different runs differ
# Below the ephemeral range, so that no outgoing connection takes one between restarts; an eighth for each worker of
# the tests, so that no Hub of another one does (who is no worker shares the last).
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw7").removeprefix("gw")
FIRST_PORT = 20000 + int(WORKER) % 8 * 1500
PORTS = range(FIRST_PORT, FIRST_PORT + 1500, 4)


def bind_four(port):
    """Listening sockets on four consecutive ports; port 0 tries until four are free."""
    bases = [port] if port else random.sample(PORTS, len(PORTS))
    for base in bases:
        socks = []
        try:
            for offset in range(len(HOSTS)):
                socks.append(socket.create_server(("127.0.0.1", base + offset), backlog=1024))
            return socks
        except OSError:
            for sock in socks:
                sock.close()
            if base == bases[-1]:
                raise
    raise OSError("no free ports")


class Server:
    """Four listening sockets and their connections."""

    def __init__(self, world):
        self.world = world
        self.connections = set()
        self._tasks = set()
        self._listeners = []
        self._count = 0

    def listen(self, port):
        """Bind the origins to consecutive ports (0: free ones); returns the URLs."""
        for sock, (origin, host) in zip(bind_four(port), HOSTS.items()):
            sock.setblocking(False)
            self._listeners.append((sock, origin))
            self.world.urls[origin] = f"http://{host}:{sock.getsockname()[1]}"
        return dict(self.world.urls)

    def start(self):
        """Begin to accept."""
        for sock, origin in self._listeners:
            self._spawn(self._accept(sock, origin))

    def _spawn(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self):
        """Close everything."""
        for task in list(self._tasks):
            task.cancel()
        for sock, _ in self._listeners:
            sock.close()

    def apply_bandwidth(self):
        """Apply a changed bandwidth to open connections."""
        self.world.budget.rate = self.world.settings.bw_total
        for conn in self.connections:
            set_connection_rate(conn.sock, self.world.settings.bw_conn)

    async def _accept(self, listener, origin):
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(listener)
            self._spawn(self._serve(sock, origin))

    async def _serve(self, sock, origin):
        self._count += 1
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conn = Connection(sock, self._count, origin)
        if origin != "control":
            self.connections.add(conn)
            if self.world.settings.bw_conn:
                set_connection_rate(sock, self.world.settings.bw_conn)
        try:
            while await self._one_request(conn):
                pass
        except (OSError, BadRequest):  # the peer is gone, or a fault cut the connection
            pass
        finally:
            self.connections.discard(conn)
            sock.close()

    async def _one_request(self, conn):
        """True when the connection may carry another request."""
        try:
            req = await read_request(conn)
        except BadRequest as error:
            self.world.journal.violate(f"not HTTP: {error}", origin=conn.origin)
            await Sender(conn, self.world.budget).send(Response(400, str(error)), False, False)
            return False
        if req is None:
            return False
        if conn.origin == "control":
            return await self._control(conn, req)
        return await Exchange(self.world, conn, req).run()

    async def _control(self, conn, req):
        """Control requests have no latency, no faults and no log entry."""
        response = await answer(self.world, req, self)
        await req.drain()
        await Sender(conn, type(self.world.budget)()).send(response, True, False)
        return True


class Exchange:
    """One request and its reply on a Hub, CAS or CDN connection."""

    def __init__(self, world, conn, req):
        self.world, self.conn, self.req = world, conn, req
        self.entry = world.journal.begin(req)
        self.rule = world.faults.pick(req)
        self.action = self.rule.action if self.rule else {}
        self.sender = Sender(conn, world.budget)

    async def run(self):
        """The whole exchange; True when the connection stays open."""
        if self.rule:
            self.entry["fault"] = self.rule.number
            self.req.kind = self.entry["kind"] = hub_dispatch.kind_of(self.world, self.req)
            if self.req.origin == "hub":
                self.req.who = self.world.users.identify(self.req.headers)
        started = self.conn.loop.time()
        try:
            return await self._run()
        finally:
            self.entry["bytes"] = self.sender.body_bytes
            self.entry["received"] = self.req.received
            self.entry["kind"] = self.req.kind
            unread = "unread" if "authorization" in self.req.headers else "none"
            self.entry["auth"] = self.req.who.kind if self.req.who else unread
            self.entry["ms"] = round((self.conn.loop.time() - started) * 1000, 3)

    async def _run(self):
        delay = self.world.settings.latency_ms + self.action.get("delay_ms", 0)
        if delay:
            await asyncio.sleep(delay / 1000)
        if await self._broken_before():
            return False
        response = faults.synthetic(self.action)
        if response is None:
            response = await self._handle()
        await self.req.drain()
        trace = self.req.headers.get("x-amzn-trace-id")
        number = f"Root=1-{RUN}-{self.entry['id']:08x}" + (f";{trace}" if trace else "")
        response.headers.append(("X-Request-Id", number))
        if self.world.settings.gzip and self.req.origin != "cdn":
            compress_json(response, self.req)
        if self.action.get("reply_lost"):
            self.entry["status"] = response.status
            self.conn.abort()
            return False
        return await self._send(response)

    async def _handle(self):
        """The handler's answer, changed as the fault says; a fault that cannot be applied must not pass for one that was."""
        try:
            if "foreign_commit" in self.action:
                await hub_dispatch.foreign_commit(self.world, self.req, self.action["foreign_commit"])
            response = await answer(self.world, self.req)
            if "endless_pages" in self.action:
                response.set_header(*tree_routes.turning_link(self.world, self.req))
            return await faults.transform(response, self.action, self._reserve)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            self.world.journal.violate(f"fault {self.rule.number} could not be applied: {error!r}", self.req)
            return Response(500, "the fault could not be applied")

    async def _reserve(self):
        """The same request answered as if it had no Range header."""
        self.req.headers.pop("range", None)
        return await answer(self.world, self.req)

    async def _broken_before(self):
        """Faults that strike before any handler runs; True when the connection is finished."""
        stall, reset = self.action.get("stall"), self.action.get("reset")
        if stall is True:
            await self.world.faults.stall()
            return True
        if reset is True:
            self.conn.abort()
            return True
        if "garbage_head" in self.action:
            text = self.action["garbage_head"]
            await self.sender.raw(text.encode("latin-1") if isinstance(text, str) else b"\x00\xff\x16\x03garbage\r\n\r\n")
            return True
        return False

    async def _send(self, response):
        action = self.action
        cut = next((action[name] for name in ("stall", "reset", "truncate") if name in action), None)
        if cut is not None:
            self.sender.cut_after = cut["after"] if isinstance(cut, dict) else int(cut)
        if "drip" in action:
            self.sender.drip = (action["drip"].get("bytes", 1), action["drip"].get("ms", 100) / 1000)
        self.entry["status"] = response.status
        keep = self.req.headers.get("connection", "").lower() != "close" and self.req.complete
        try:
            await self.sender.send(response, keep, self.req.method == "HEAD")
        except CutHere:
            if "stall" in action:
                await self.world.faults.stall()
            elif "reset" in action:
                self.conn.abort()
            return False
        return keep


async def answer(world, req, server=None):
    """Run the handler of a request; every failure becomes a response."""
    try:
        if req.origin == "hub":
            return await hub_dispatch.dispatch(world, req)
        found = find_fixed(req.origin, req.method, req.path)
        if found is None:
            world.journal.violate("unknown route", req)
            return Response(404, "no such route")
        handler, groups, req.kind, _ = found
        return await handler(server or world, req, *groups)
    except HubError as error:
        return error.response()
    except (ConnectionError, BadRequest, asyncio.CancelledError):
        raise
    except Exception as error:  # a bug of the Hub must fail the test, not hang it
        world.journal.violate(f"internal error: {type(error).__name__}: {error}", req)
        return Response(500, f"{type(error).__name__}: {error}")
