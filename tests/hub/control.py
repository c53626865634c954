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


async def json_of(req):
    """The JSON body of a control request."""
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
    body = await json_of(req)
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
        server.world.settings.change(await json_of(req))
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


def own_repo(world, body):
    """The repository named, with a git repository of its own: it is going to be written to."""
    repo = _repo(world, body)
    world.repos.unshare(repo)
    return repo


@route("control", "POST", r"/_hub/repos", "control")
async def put_repo(server, req):
    """Create a repository, or change private, gated, disabled, collaborators, approved, sdk, alias of one."""
    world, body = server.world, await json_of(req)
    kind, repo_id = body.pop("type", "model"), body.pop("id")
    unknown = set(body) - {"private", "gated", "disabled", "collaborators", "approved", "sdk", "alias"}
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
    server.world.repos.delete(_repo(server.world, await json_of(req)))
    return Response(204)


@route("control", "POST", r"/_hub/users", "control")
async def put_user(server, req):
    """{"user", "orgs"?, "tokens"?: {token: role or {"role", "repos"}}}"""
    world, body = server.world, await json_of(req)
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


@route("control", "POST", r"/_hub/move", "control")
async def move_repo(server, req):
    """{"type"?, "id", "to"}: rename; the old name redirects."""
    world, body = server.world, await json_of(req)
    repo = _repo(world, body)
    if world.repos.get(repo.type, body["to"]) not in (None, repo):
        raise HubError(409, f"{body['to']} exists")
    world.repos.move(repo, body["to"])
    return Response(204)


def full_ref(name):
    """A branch's ref, or the ref that was named in full."""
    return name if name.startswith("refs/") else f"refs/heads/{name}"


@route("control", "POST", r"/_hub/ref", "control")
async def put_ref(server, req):
    """{"type"?, "id", "ref", "commit": revision or null}: make, move by force, or delete a branch, tag or any other ref."""
    world, body = server.world, await json_of(req)
    ref, revision = full_ref(body["ref"]), body["commit"]
    git = world.repos.git(own_repo(world, body))
    new = "0" * 40 if revision is None else git.resolve(revision)
    if new is None or (revision is None and ref not in git.refs()):
        raise HubError(404, f"no such revision: {revision or ref}")
    try:
        git.update_ref(ref, new, git.ref_value(ref) if ref in git.refs() else "0" * 40)
    except Moved as error:
        raise HubError(412, str(error)) from error
    return json_response({"commit": None if revision is None else new})


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
    world, body = server.world, await json_of(req)
    repo, ref = own_repo(world, body), full_ref(body.get("ref", "main"))
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
