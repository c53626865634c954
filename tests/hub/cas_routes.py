# SPDX-License-Identifier: Apache-2.0
"""The content-addressed store: reconstructions, dedup queries, xorbs (with and without grants), shards."""

import asyncio
import json
import secrets
import time

from . import hashes, ranges, reconstruction, shard
from .errors import HubError
from .reply import Response, Stream, json_response
from .router import route
from .users import Identity
from .xorb import MAX_SERIALIZED, BadXorb

HASH = r"([0-9a-f]{64})"
GRANT_TTL = 900


def require_token(world, req, scope):
    """Claims of the bearer; 401 for none, a forged or an expired one, 403 for the wrong scope."""
    kind, _, token = req.headers.get("authorization", "").partition(" ")
    claims = world.signer.claims("xet", token.strip()) if kind.lower() == "bearer" else None
    if claims is None or claims["exp"] < time.time():
        raise HubError(401, "Unauthorized")
    req.who = Identity(f"xet-{claims['scope']}", claims["user"] or None)
    if scope == "write" and claims["scope"] != "write":
        raise HubError(403, "The token may only read")
    return claims


def scopes(claims):
    """Whose xorbs a token may reference: its repository's and its user's."""
    return [claims["repo"], f"user:{claims['user']}"]


def _hash(text):
    try:
        return hashes.from_text(text)
    except ValueError as error:
        raise HubError(400, "Invalid hash") from error


async def _reconstruct(world, req, text, make_plan):
    claims = require_token(world, req, "read")
    raw = _hash(text)
    found = world.xet.file(raw) if world.xet.may_read(claims["repo"], raw) else None
    if found is None:
        raise HubError(404, "File not found")
    size, terms = found
    first, last = 0, size
    wanted = ranges.parse(req.headers.get("range"), size)
    if wanted is not None and size:
        if not wanted:
            return ranges.unsatisfiable(size)
        first, last = wanted[0]
    covered, skip = world.xet.cover(terms, first, last)
    return json_response(make_plan(world, covered, skip, claims))


@route("cas", "GET", rf"/v2/reconstructions/{HASH}", "reconstruction-v2")
async def reconstruct_v2(world, req, text):
    """The preferred form."""
    if world.settings.v1_only:
        return Response(404, "Not found")
    return await _reconstruct(world, req, text, reconstruction.plan_v2)


@route("cas", "GET", rf"/v1/reconstructions/{HASH}", "reconstruction-v1")
async def reconstruct_v1(world, req, text):
    """The old form."""
    return await _reconstruct(world, req, text, reconstruction.plan_v1)


@route("cas", "GET", rf"/v1/files/{HASH}", "file-head")
async def file_head(world, req, text):
    """HEAD tells the size of a file."""
    claims = require_token(world, req, "read")
    raw = _hash(text)
    found = world.xet.file(raw) if world.xet.may_read(claims["repo"], raw) else None
    if found is None or req.method != "HEAD":
        raise HubError(404, "File not found")
    return Response(200, b"", head_length=found[0])


@route("cas", "GET", rf"/v1/chunks/default(?:-merkledb)?/{HASH}", "dedup-query")
async def dedup_query(world, req, text):
    """A shard of the xorb that holds the chunk, hashes keyed; 404 when nobody uploaded it."""
    claims = require_token(world, req, "read")
    info = world.xet.dedup_xorb(_hash(text)) if world.settings.dedup else None
    if info is None:
        raise HubError(404, "Chunk not found")
    world.xet.allow_xorb(scopes(claims), info.hash)
    key, expiry = world.current_dedup_key()
    return Response(200, shard.dedup_answer([info], key, time.time(), expiry), content_type="application/octet-stream")


# xorbs


@route("cas", "GET", rf"/v1/xorbs/default/{HASH}", "xorb-head")
async def xorb_head(world, req, text):
    """HEAD tells the stored length."""
    require_token(world, req, "read")
    info = world.xet.xorb(_hash(text))
    if info is None or req.method != "HEAD":
        raise HubError(404, "Xorb not found")
    return Response(200, b"", head_length=info.length)


@route("cas", "POST", rf"/v1/xorbs/default/{HASH}", "xorb-post")
async def xorb_post(world, req, text):
    """Upload without a grant."""
    claims = require_token(world, req, "write")
    data = await req.body()
    new = await _store(world, _hash(text), data, claims)
    return json_response({"was_inserted": new})


async def _store(world, raw, data, claims):
    try:
        return await asyncio.to_thread(world.xet.add_xorb, raw, data, scopes(claims))
    except BadXorb as error:
        raise HubError(400, f"Invalid xorb: {error}") from error


@route("cas", "POST", rf"/v1/xorb-grants/default/{HASH}", "grant")
async def grant(world, req, text):
    """Permission to PUT one xorb to the CDN origin; 200 when it is stored already, 404 on a Hub without grants."""
    claims = require_token(world, req, "write")
    body = await req.body()
    if not world.settings.grants:
        raise HubError(404, "Not found")
    if world.xet.xorb(_hash(text)):
        world.xet.allow_xorb(scopes(claims), _hash(text))
        return json_response({"already_exists": True})
    try:
        asked = json.loads(body)
        length, algorithm, value = asked["length"], asked["checksum"]["algo"], int(asked["checksum"]["value"])
    except (ValueError, KeyError, TypeError) as error:
        raise HubError(400, f"Invalid grant request: {error}") from error
    if algorithm != "crc64nvme" or not 0 < length <= MAX_SERIALIZED:
        raise HubError(400, "Invalid grant request")
    number = secrets.token_hex(8)
    world.grants[number] = {"hash": text, "length": length, "crc": value, "repo": claims["repo"], "data": None}
    url = world.signer.sign(world.url("cdn"), "PUT", f"/grants/{number}", GRANT_TTL, length=length)
    headers = {"content-type": "application/octet-stream", "x-amz-checksum-crc64nvme": str(value)}
    return json_response({"id": number, "method": "PUT", "url": url, "headers": headers}, 201)


@route("cas", "POST", rf"/v1/xorb-commits/default/{HASH}/grant/([0-9a-f]+)", "grant-commit")
async def grant_commit(world, req, text, number):
    """Validate what was PUT and make it a xorb."""
    claims = require_token(world, req, "write")
    await req.body()
    found = world.grants.get(number)
    if not found or found["data"] is None or found["hash"] != text or found["repo"] != claims["repo"]:
        raise HubError(404, "Nothing was uploaded under this grant")
    new = await _store(world, _hash(text), found["data"], claims)
    del world.grants[number]
    return json_response({"was_inserted": new})


# shards


async def _register(world, req):
    claims = require_token(world, req, "write")
    data = await req.body()
    try:
        return await asyncio.to_thread(world.xet.add_shard, data, claims["repo"], scopes(claims))
    except shard.BadShard as error:
        raise HubError(400, f"Invalid shard: {error}") from error


@route("cas", "POST", r"/v1/shards(?:/default/[0-9a-f]{64})?", "shard-v1")
async def shard_v1(world, req):
    """1: something new was registered."""
    return json_response({"result": int(await _register(world, req))})


@route("cas", "POST", r"/v2/shards", "shard-v2")
async def shard_v2(world, req):
    """Progress lines, then the result, all on a 200."""
    if world.settings.v1_only:
        require_token(world, req, "write")
        return Response(404, "Not found")
    result = {"type": "result", "result": int(await _register(world, req))}
    events = [{"type": "validating", "verified": n + 1, "total": n + 1} for n in range(world.settings.shard_heartbeats)]
    events += [{"type": "committing", "stage": "syncing"}, result]
    return Response(200, [Stream(_lines(events))], content_type="application/x-ndjson")


async def _lines(events):
    for event in events:
        yield json.dumps(event).encode() + b"\n"


@route("cas", "POST", r"/v1/telemetry", "ignored")
async def telemetry(_world, req):
    """Best effort on both sides."""
    await req.body()
    return Response(204)
