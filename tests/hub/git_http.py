# SPDX-License-Identifier: Apache-2.0
"""git clone and fetch: the requests of smart HTTP handed to `git http-backend`."""

import asyncio
import os

from .errors import HubError
from .git_store import GIT_ENV
from .reply import Response
from .resolve import check_gate
from .router import web_verb


@web_verb("GET", "info", "git-refs")
async def info_refs(world, req, repo, rest):
    """What there is to fetch."""
    check_gate(req, repo)
    if rest != ["refs"] or req.one("service") != "git-upload-pack":
        raise HubError(403, "Only git-upload-pack is served")
    return await _backend(world, req, repo, "/info/refs", b"")


@web_verb("POST", "git-upload-pack", "git-fetch")
async def upload_pack(world, req, repo, _rest):
    """A pack.  The Hub fails on request bodies that git compressed, so this one refuses them."""
    check_gate(req, repo)
    body = await req.body()
    if req.headers.get("content-encoding", "identity") != "identity":
        raise HubError(400, "expected 'packfile': compressed request bodies are not understood")
    return await _backend(world, req, repo, "/git-upload-pack", body)


async def _backend(world, req, repo, path, body):
    """One CGI call."""
    env = {
        **GIT_ENV,
        "GIT_PROJECT_ROOT": os.path.dirname(world.repos.git_path(repo)),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repo.uid}.git{path}",
        "REQUEST_METHOD": req.method,
        "QUERY_STRING": req.query_string,
        "CONTENT_TYPE": req.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "GIT_PROTOCOL": req.headers.get("git-protocol", ""),
        "REMOTE_ADDR": "127.0.0.1",
    }
    process = await asyncio.create_subprocess_exec(
        "git", "http-backend", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env=env,
    )  # fmt: skip
    out, errors = await process.communicate(body)
    head, separator, rest = out.partition(b"\r\n\r\n")
    if not separator:
        raise HubError(500, f"git http-backend: {errors.decode(errors='replace')}")
    headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")]
    status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
    return Response(status, rest, [(name, value) for name, value in headers if name not in ("Status", "Content-Length")])
