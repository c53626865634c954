# SPDX-License-Identifier: Apache-2.0
"""The CDN origin: signed URLs only; a credential here is the worst mistake a client can make."""

import asyncio

from . import hashes, ranges
from .hashes import crc64_nvme
from .reply import FilePart, Response, Stream
from .router import route

HASH = r"([0-9a-f]{64})"
CRC_LIMIT = 1024 * 1024  # bytes: plain Python needs 0.1 s per MiB; the BLAKE3 check at commit covers all lengths


def credential_seen(world, req):
    """400 and a violation when a request carries one."""
    if "authorization" not in req.headers:
        return None
    world.journal.violate("credential at the CDN", req)
    return Response(400, "Only one auth mechanism allowed")


def _params(world, req):
    """Signed parameters, or the refusing response."""
    refused = credential_seen(world, req)
    if refused:
        return None, refused
    method = "GET" if req.method == "HEAD" else req.method
    params = world.signer.check(method, req.path, req.query_string)
    return (params, None) if params else (None, Response(403, "Signature is wrong or expired"))


def _allowed(header, signed, lenient):
    """Whether the Range header asks for exactly what was signed: one of the ranges, or all of them in order."""
    asked = (header or "").removeprefix("bytes=").replace(" ", "")
    if asked and (asked in signed.split(",") or asked == signed):
        return True
    if not lenient or not asked or "," in asked:
        return False
    first, _, last = asked.partition("-")
    spans = [tuple(map(int, span.split("-"))) for span in signed.split(",")]
    return first.isdigit() and last.isdigit() and any(a <= int(first) <= int(last) <= b for a, b in spans)


@route("cdn", "GET", rf"/xorbs/default/{HASH}", "xorb-range")
async def xorb_range(world, req, text):
    """Bytes of a xorb: exactly a signed range."""
    params, refused = _params(world, req)
    if refused:
        return refused
    if not _allowed(req.headers.get("range"), params["ranges"], world.settings.lenient_ranges):
        return Response(403, "Range is not the signed one")
    raw = hashes.from_text(text)
    info = world.xet.xorb(raw)
    etag = [("ETag", f'"{text}"'), ("Cache-Control", "public, max-age=31536000, immutable")]
    return ranges.file_response(req.headers.get("range"), world.xet.xorb_path(raw), info.length, etag)


@route("cdn", "GET", rf"/lfs/{HASH}", "lfs-get")
async def lfs_get(world, req, sha256):
    """Bytes of an LFS object."""
    _, refused = _params(world, req)
    if refused:
        return refused
    path, size = world.lfs.path(sha256), world.lfs.size(sha256)
    if size is None:
        return Response(404, "No such object")
    return ranges.slice_response(
        req.headers.get("range"), size, lambda a, b: FilePart(path, a, b - a), [("ETag", f'"{sha256[:32]}"')]
    )


@route("cdn", "PUT", rf"/lfs/{HASH}", "lfs-put")
async def lfs_put(world, req, sha256):
    """The body of a basic upload."""
    params, refused = _params(world, req)
    if refused:
        return refused
    length = await world.lfs.receive(sha256, req.pieces())
    if length is None or length != int(params["size"]):
        return Response(400, "The body is not the object it was announced as")
    return Response(200, b"")


@route("cdn", "GET", rf"/xet-bridge/{HASH}", "xet-bridge")
async def bridge(world, req, text):
    """A Xet file as plain bytes, for clients that know no Xet."""
    _, refused = _params(world, req)
    if refused:
        return refused
    raw = hashes.from_text(text)
    size, _ = world.xet.file(raw)
    header = req.headers.get("range")
    return ranges.slice_response(
        header, size, lambda a, b: Stream(_decoded(world, raw, a, b), b - a), [("ETag", f'"{text[:32]}"')]
    )


async def _decoded(world, raw, first, last):
    """File bytes, decoded in a thread a few MiB at a time."""
    pieces = iter(world.xet.pieces(raw, first, last))
    while (data := await asyncio.to_thread(next, pieces, None)) is not None:
        yield data


@route("cdn", "PUT", r"/grants/([0-9a-f]+)", "grant-put")
async def grant_put(world, req, number):
    """The body of a granted upload."""
    params, refused = _params(world, req)
    if refused:
        return refused
    found = world.grants.get(number)
    if found is None:
        return Response(412, "Already uploaded")
    if req.headers.get("x-amz-checksum-crc64nvme") != str(found["crc"]):
        return Response(403, "The headers of the grant are part of its signature")
    data = await req.body()
    if len(data) != int(params["length"]):
        return Response(400, f"{len(data)} bytes, granted {params['length']}")
    if len(data) <= CRC_LIMIT and await asyncio.to_thread(crc64_nvme, data) != found["crc"]:
        return Response(400, "BadDigest: the checksum does not match")
    found["data"] = data
    return Response(200, b"", [("ETag", f'"{number}"')])
