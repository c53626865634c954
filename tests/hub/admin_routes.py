# SPDX-License-Identifier: Apache-2.0
"""Repositories as a whole (create, delete, move, settings), branches and tags."""

from .content import commit_of, take_revision
from .errors import HubError, forbidden, json_body, repo_not_found, revision_not_found
from .git_store import ZERO, Moved
from .hub_dispatch import require_write
from .reply import Response, json_response
from .router import route, verb
from .users import may_write

EMPTY_TREE_MESSAGE = "Empty branch"


def _namespace(req, body):
    if req.who.user is None:
        raise HubError(401, "Invalid username or password.")
    owner, name = body.get("organization"), body["name"]
    if "/" in name:
        owner, name = name.split("/", 1)
    return f"{owner or req.who.user}/{name}"


def _require_owner(req, repo_id):
    if repo_id.split("/")[0] not in req.who.namespaces:
        raise HubError(403, "You don't have the rights to create a repository under this namespace")
    if req.who.role == "read":
        raise forbidden()


@route("hub", "POST", r"/api/repos/create", "repo-create")
async def create(world, req):
    """409 with the URL when it exists: clients build `exist_ok` on that."""
    body = await json_body(req)
    kind, repo_id = body.get("type") or "model", _namespace(req, body)
    old = world.repos.get(kind, repo_id)
    if old and (repo_id.split("/")[0] in req.who.namespaces):
        url = f"{world.url('hub')}/{old.prefix}{old.id}"
        return json_response({"error": f"You already created this {kind} repo", "url": url}, 409)
    _require_owner(req, repo_id)
    private = body.get("visibility") == "private" or bool(body.get("private"))
    repo = world.repos.create(kind, repo_id, private=private, sdk=body.get("sdk") or "")
    return json_response({"url": f"{world.url('hub')}/{repo.prefix}{repo.id}", "name": repo.id, "id": repo.uid})


def _owned(world, req, kind, repo_id):
    repo = world.repos.get(kind, repo_id)
    if repo is None:
        raise repo_not_found()
    if not may_write(req.who, repo):
        raise forbidden()
    return repo


@route("hub", "DELETE", r"/api/repos/delete", "repo-delete")
async def delete(world, req):
    """Gone for good."""
    body = await json_body(req)
    world.repos.delete(_owned(world, req, body.get("type") or "model", _namespace(req, body)))
    return Response(200, "OK", content_type="text/plain; charset=utf-8")


@route("hub", "POST", r"/api/repos/move", "repo-move")
async def move(world, req):
    """Rename; the old name redirects."""
    body = await json_body(req)
    kind = body.get("type") or "model"
    repo = _owned(world, req, kind, body["fromRepo"])
    if world.repos.get(kind, body["toRepo"]) not in (None, repo):
        raise HubError(409, f"A {kind} repository called {body['toRepo']} already exists")
    _require_owner(req, body["toRepo"])
    world.repos.move(repo, body["toRepo"])
    return Response(200, "OK", content_type="text/plain; charset=utf-8")


@verb("PUT", "settings")
async def settings(world, req, repo, _rest):
    """Visibility and gate."""
    require_write(req, repo)
    body = await json_body(req)
    if "visibility" in body or "private" in body:
        repo.private = body.get("visibility") == "private" or bool(body.get("private"))
    if "gated" in body:
        repo.gated = body["gated"] or ""
    world.repos.save(repo)
    return json_response({"private": repo.private, "gated": repo.gated or False})


def _new_ref(world, repo, ref, commit, overwrite=False):
    git = world.repos.git(repo)
    old = git.refs().get(ref)
    if old and not overwrite:
        raise HubError(409, f"Reference {ref} already exists")
    try:
        git.update_ref(ref, commit, old or ZERO)
    except Moved as error:
        raise HubError(409, f"Reference {ref} already exists") from error


@verb("POST", "branch")
async def create_branch(world, req, repo, rest):
    """From a starting point, from main, or empty."""
    require_write(req, repo)
    name = "/".join(rest)
    body = await json_body(req)
    if name.startswith("refs/"):
        raise HubError(400, f"Invalid reference for a branch: {name}")
    ref = f"refs/heads/{name}"
    if body.get("emptyBranch"):
        if ref in world.repos.git(repo).refs():
            raise HubError(409, f"Reference {ref} already exists")
        world.repos.git(repo).commit(ref, ZERO, [], EMPTY_TREE_MESSAGE, req.who.user)
    else:
        _new_ref(world, repo, ref, commit_of(world, repo, body.get("startingPoint") or "main"), bool(body.get("overwrite")))
    return Response(200, "OK", content_type="text/plain; charset=utf-8")


def _delete_ref(world, repo, ref, name):
    git = world.repos.git(repo)
    if ref not in git.refs():
        raise revision_not_found(name)
    git.update_ref(ref, ZERO, git.ref_value(ref))
    return Response(200, "OK", content_type="text/plain; charset=utf-8")


@verb("DELETE", "branch")
async def delete_branch(world, req, repo, rest):
    """Any but main."""
    require_write(req, repo)
    name = "/".join(rest)
    if name == "main":
        raise HubError(403, "Cannot delete refs/heads/main")
    return _delete_ref(world, repo, f"refs/heads/{name}", name)


@verb("POST", "tag")
async def create_tag(world, req, repo, rest):
    """Lightweight, or annotated when a message is given."""
    require_write(req, repo)
    commit, _, _ = take_revision(world, repo, rest)
    body = await json_body(req)
    ref = f"refs/tags/{body['tag']}"
    if ref in world.repos.git(repo).refs():
        raise HubError(409, f"Tag reference exists already: {ref}")
    if body.get("message"):
        commit = world.repos.git(repo).tag_object(body["tag"], commit, body["message"], req.who.user)
    _new_ref(world, repo, ref, commit)
    return Response(200, "OK", content_type="text/plain; charset=utf-8")


@verb("DELETE", "tag")
async def delete_tag(world, req, repo, rest):
    """By name."""
    require_write(req, repo)
    name = "/".join(rest)
    return _delete_ref(world, repo, f"refs/tags/{name}", name)


@verb("POST", "super-squash")
async def super_squash(world, req, repo, rest):
    """One commit without history; the old ids stay readable until git forgets them."""
    commit, rev, _ = take_revision(world, repo, rest)
    require_write(req, repo, rev)
    ref = rev if rev.startswith("refs/") else f"refs/heads/{rev}"
    message = (await json_body(req)).get("message") or "Super-squash branch using huggingface_hub"
    new = world.repos.git(repo).squash(ref, commit, message, req.who.user)
    return json_response({"commitId": new})


@verb("GET", "auth-check")
async def auth_check(_world, req, repo, rest):
    """Reading was checked on the way here."""
    if rest == ["write"] and not may_write(req.who, repo):
        raise forbidden()
    return Response(200, "OK", content_type="text/plain; charset=utf-8")


@route("hub", "HEAD", r"/", "ignored")
@route("cas", "HEAD", r"/", "ignored")
@route("cdn", "HEAD", r"/", "ignored")
@route("hub", "GET", r"/api/agent-harnesses", "ignored")
@route("hub", "GET", r"/api/telemetry/.*", "ignored")
async def nothing_here(_world, _req, *_groups):
    """Asked by clients out of habit, or to see whether anybody is there; 404 is a fine answer."""
    raise HubError(404, "Not found")
