# SPDX-License-Identifier: Apache-2.0
"""The control port: faults, request log, settings, and quick ways to make content.  README.md has examples."""

import asyncio
import base64
import json

from .errors import HubError
from .git_store import Moved
from .reply import Response, json_response
from .repos import Repo
from .router import route


async def _body(req):
    data = await req.body()
    try:
        return json.loads(data) if data else {}
    except ValueError as error:
        raise HubError(400, f"not JSON: {error}") from error


@route("control", "GET", r"/_hub/faults", "control")
async def faults(server, _req):
    """The plan, and how often each rule fired."""
    return json_response(server.world.faults.report())


@route("control", "POST", r"/_hub/faults", "control")
async def add_faults(server, req):
    """Append rules."""
    body = await _body(req)
    try:
        numbers = server.world.faults.add(body if isinstance(body, list) else [body])
    except (ValueError, KeyError, TypeError) as error:
        raise HubError(400, f"bad fault rule: {error!r}") from error
    return json_response({"ids": numbers})


@route("control", "DELETE", r"/_hub/faults", "control")
async def clear_faults(server, _req):
    """No more faults; stalled requests end."""
    server.world.faults.clear()
    return Response(204)


@route("control", "POST", r"/_hub/release", "control")
async def release(server, _req):
    """Let stalled requests end, keep the plan."""
    server.world.faults.release()
    return Response(204)


@route("control", "GET", r"/_hub/requests", "control")
async def requests(server, req):
    """The request log, or what came after id `since`."""
    return json_response(server.world.journal.since(int(req.one("since") or 0)))


@route("control", "DELETE", r"/_hub/requests", "control")
async def reset_requests(server, _req):
    """Forget the log."""
    server.world.journal.reset()
    return Response(204)


@route("control", "GET", r"/_hub/violations", "control")
async def violations(server, _req):
    """What no correct client does."""
    return json_response(server.world.journal.violations)


@route("control", "DELETE", r"/_hub/violations", "control")
async def reset_violations(server, _req):
    """Forget them."""
    server.world.journal.violations.clear()
    return Response(204)


@route("control", "GET", r"/_hub/config", "control")
async def config(server, _req):
    """All settings, the URLs, and how many requests are stalled now."""
    world = server.world
    state = {"stalled": world.faults.stalled, "connections": len(server.connections)}
    return json_response({"settings": world.settings.as_dict(), "urls": world.urls, **state})


@route("control", "POST", r"/_hub/config", "control")
async def change_config(server, req):
    """Change settings; quotas start anew."""
    try:
        server.world.settings.change(await _body(req))
    except (KeyError, ValueError, TypeError) as error:
        raise HubError(400, f"bad setting: {error!r}") from error
    server.apply_bandwidth()
    server.world.quota.reset()
    return json_response(server.world.settings.as_dict())


def _repo(world, body):
    repo = world.repos.get(body.get("type", "model"), body["id"])
    if repo is None:
        raise HubError(404, f"no such repository: {body['id']}")
    return repo


@route("control", "POST", r"/_hub/repos", "control")
async def put_repo(server, req):
    """Create a repository, or change private, gated, disabled, collaborators, approved, sdk of one."""
    world, body = server.world, await _body(req)
    kind, repo_id = body.pop("type", "model"), body.pop("id")
    unknown = set(body) - {"private", "gated", "disabled", "collaborators", "approved", "sdk"}
    if unknown:
        raise HubError(400, f"unknown fields {sorted(unknown)}")
    repo = world.repos.get(kind, repo_id) or world.repos.create(kind, repo_id)
    for name, value in body.items():
        setattr(repo, name, type(getattr(Repo(kind, repo_id), name))(value))
    world.repos.save(repo)
    return json_response({"uid": repo.uid, "git": world.repos.git_path(repo), "head": world.repos.git(repo).resolve("main")})


@route("control", "DELETE", r"/_hub/repos", "control")
async def delete_repo(server, req):
    """Delete a repository behind everybody's back."""
    server.world.repos.delete(_repo(server.world, await _body(req)))
    return Response(204)


@route("control", "POST", r"/_hub/users", "control")
async def put_user(server, req):
    """{"user", "orgs"?, "tokens"?: {token: role or {"role", "repos"}}}"""
    world, body = server.world, await _body(req)
    if "orgs" in body or body["user"] not in world.users.users:
        world.users.add(body["user"], body.get("orgs", []))
        world.database.put("user", body["user"], body.get("orgs", []))
    for token, spec in body.get("tokens", {}).items():
        spec = {"role": spec} if isinstance(spec, str) else spec
        world.users.add_token(token, body["user"], **spec)
        world.database.put("token", token, world.users.tokens[token])
    return Response(204)


@route("control", "DELETE", r"/_hub/tokens/(\S+)", "control")
async def revoke(server, _req, token):
    """From now on the token is invalid."""
    server.world.users.revoke(token)
    server.world.database.drop("token", token)
    return Response(204)


def _operation(git, parent, item):
    if "delete" in item:
        return "delete", item["delete"]
    if "chmod" in item:
        return "link", item["chmod"], item["mode"], git.lookup(parent, item["chmod"]).oid
    if "oid" in item:
        return "link", item["add"], item["mode"], item["oid"]
    data = base64.b64decode(item["content_b64"]) if "content_b64" in item else item.get("text", "").encode()
    return "put", item["add"], item.get("mode", "100644"), data


@route("control", "POST", r"/_hub/commit", "control")
async def commit(server, req):
    """{"type"?, "id", "ref"?, "message"?, "author"?, "date"?, "ops"}; an op is one of {"add", "text"|"content_b64", "mode"?},
    {"delete"}, {"chmod", "mode"}."""
    world, body = server.world, await _body(req)
    repo, ref = _repo(world, body), body.get("ref", "main")
    ref = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    git = world.repos.git(repo)
    old = git.refs().get(ref) or git.resolve("main")
    operations = [_operation(git, old, item) for item in body.get("ops", [])]
    arguments = body.get("message", "Commit by a test"), body.get("author", repo.owner), body.get("date")
    try:
        if ref not in git.refs():
            git.update_ref(ref, old, "0" * 40)
        new = await asyncio.to_thread(git.commit, ref, old, operations, *arguments)
    except Moved as error:
        raise HubError(412, str(error)) from error
    return json_response({"commit": new, "parent": old})


@route("control", "POST", r"/_hub/bulk", "control")
async def bulk(server, req):
    """{"type"?, "id", "files": n, "size"?: bytes, "dirs"?: n, "prefix"?}: many small different files in one commit."""
    world, body = server.world, await _body(req)
    kind, repo_id = body.get("type", "model"), body["id"]
    repo = world.repos.get(kind, repo_id) or world.repos.create(kind, repo_id)
    git = world.repos.git(repo)
    args = body["files"], body.get("size", 16), body.get("dirs", 1), body.get("prefix", "")
    message = f"Add {body['files']} files"
    new = await asyncio.to_thread(git.commit, "refs/heads/main", git.resolve("main"), bulk_operations(*args), message, repo.owner)
    return json_response({"commit": new})


def bulk_operations(files, size, dirs, prefix):
    """File i is `{prefix}d0003/f000017.txt` (no directory when dirs is 0); its bytes are its number, repeated to `size`."""
    for number in range(files):
        directory = f"d{number % dirs:04d}/" if dirs else ""
        text = f"{number:09d}\n".encode()
        yield "put", f"{prefix}{directory}f{number:06d}.txt", "100644", (text * (size // 10 + 1))[:size]
