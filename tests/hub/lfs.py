# SPDX-License-Identifier: Apache-2.0
"""LFS batch for git clients and for uploads without hf_xet, and the write token of uploads with it."""

from .content import commit_of
from .errors import HubError, json_body
from .hashes import to_text
from .hub_dispatch import require_write
from .reply import json_response
from .resolve import check_gate, token_response, xet_claims
from .router import verb, web_verb

LFS_JSON = "application/vnd.git-lfs+json"


@verb("GET", "xet-write-token")
async def write_token(world, req, repo, rest):
    """`None` as revision is what clients send when the pull request does not exist yet."""
    rev = "/".join(rest)
    require_write(req, repo, rev)
    if not (rev == "None" and req.flag("create_pr")):
        commit_of(world, repo, rev)
    return token_response(world, req, repo, rev, "write")


@web_verb("POST", "info", "lfs-batch", bucket="api")
async def batch(world, req, repo, rest):
    """Both operations of the LFS batch API; `xet` is chosen when the client offers it."""
    if rest[:3] == ["lfs", "objects", "verify"]:
        return await _verify(world, req)
    if rest != ["lfs", "objects", "batch"]:
        raise HubError(404, "Not found")
    body = await json_body(req)
    if body["operation"] == "download":
        check_gate(req, repo)
        objects = [_download(world, repo, item) for item in body["objects"]]
        return _lfs_json({"transfer": "basic", "objects": objects})
    ref = (body.get("ref") or {}).get("name") or "main"
    require_write(req, repo, ref)
    transfer = "xet" if "xet" in body.get("transfers", []) and world.settings.xet else "basic"
    upload = _upload_xet if transfer == "xet" else _upload_basic
    return _lfs_json({"transfer": transfer, "objects": [upload(world, req, repo, ref, item) for item in body["objects"]]})


def _lfs_json(value, status=200):
    response = json_response(value, status)
    response.set_header("Content-Type", LFS_JSON)
    return response


def _download(world, repo, item):
    raw = world.xet.readable(repo.uid, item["oid"])
    if raw is None and world.lfs.size(item["oid"]) is None:
        return {**item, "error": {"code": 404, "message": "Object does not exist"}}
    target = f"/xet-bridge/{to_text(raw)}" if raw else f"/lfs/{item['oid']}"
    url = world.signer.sign(world.url("cdn"), "GET", target, world.settings.url_ttl, repo_id=repo.uid, size=item["size"])
    return {**item, "authenticated": True, "actions": {"download": {"href": url}}}


def _upload_xet(world, req, repo, ref, item):
    if world.xet.by_sha256(item["oid"]) or world.lfs.size(item["oid"]) is not None:
        return item
    token, expires = xet_claims(world, repo, ref, "write", req.who.user)
    header = {"X-Xet-Cas-Url": world.url("cas"), "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(expires)}
    href = f"{world.url('hub')}{repo.api}/xet-write-token/{ref}"
    return {**item, "actions": {"upload": {"href": href, "header": header}}}


def _upload_basic(world, req, repo, _ref, item):
    if world.lfs.size(item["oid"]) is not None:
        return item
    path = f"/lfs/{item['oid']}"
    href = world.signer.sign(world.url("cdn"), "PUT", path, world.settings.url_ttl, repo_id=repo.uid, size=item["size"])
    verify = f"{world.url('hub')}/{repo.prefix}{repo.id}.git/info/lfs/objects/verify"
    return {**item, "actions": {"upload": {"href": href}, "verify": {"href": verify}}}


async def _verify(world, req):
    body = await json_body(req)
    if world.lfs.size(body["oid"]) != body["size"]:
        raise HubError(404, "Object does not exist")
    return _lfs_json({})
