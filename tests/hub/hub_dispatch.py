# SPDX-License-Identifier: Apache-2.0
"""From a Hub URL to its handler: identity, quota, repository, permission."""

import uuid

from . import router
from .errors import HubError, anonymous_not_found, bad_credentials, forbidden, repo_not_found
from .git_store import Moved
from .reply import Response
from .users import may_read, may_write

GIT_PATHS = ("/info/refs", "/git-upload-pack", "/info/lfs/")  # git sends a password only to who asks for Basic
READING_POSTS = {"paths-info", "git-fetch", "lfs-batch"}
TYPES = {"models": "model", "datasets": "dataset", "spaces": "space"}


async def dispatch(world, req):
    """Answer a request to the Hub origin, with RateLimit headers whatever happens."""
    bucket = "resolvers" if "/resolve/" in req.path or "/resolve-cache/" in req.path else "pages"
    if req.path.startswith("/api/") and bucket == "pages":
        bucket = "api"
    req.who = world.users.identify(req.headers)
    allowed, limits = world.quota.spend(req.who.user or "anonymous", bucket)
    try:
        if not allowed:
            raise HubError(429, f"You have reached your '{bucket}' rate limit.")
        if req.who.kind == "invalid":
            raise bad_credentials()
        response = await _route(world, req)
    except HubError as error:
        response = error.response(plain_text="/resolve/" in req.path)
        if response.status == 401 and any(part in req.path for part in GIT_PATHS):
            response.set_header("WWW-Authenticate", 'Basic realm="Authentication required", charset="UTF-8"')
    response.headers += limits
    return response


def _match(world, req):
    """(found verb or None, repository or None, segments of its id, segments after the verb) of a URL below a repository."""
    segments = req.segments
    is_api = segments[0] == "api" and len(segments) > 1 and segments[1] in TYPES
    if is_api:
        kind, rest, table = TYPES[segments[1]], segments[2:], router.VERBS
    else:
        kind, rest, table = TYPES.get(segments[0], "model"), segments[segments[0] in TYPES :], router.WEB_VERBS
    rest = _split_git(rest)
    used, repo = _find_repo(world, kind, rest, table)
    found = router.find_verb(table, req.method, rest[used] if len(rest) > used else "")
    return found, repo, rest[:used], rest[used + 1 :]


def kind_of(world, req):
    """What the request log calls a request that no handler will see, because a fault strikes it."""
    found = router.find_fixed(req.origin, req.method, req.path)
    if found:
        return found[2]
    found = _match(world, req)[0] if req.origin == "hub" else None
    return found[1] if found else "unknown"


async def _route(world, req):
    found = router.find_fixed("hub", req.method, req.path)
    if found:
        handler, groups, req.kind, _ = found
        return await handler(world, req, *groups)
    found, repo, name, rest = _match(world, req)
    if found is None:
        world.journal.violate("unknown route", req)
        raise HubError(404, "Sorry, we can't find the page you are looking for.")
    handler, req.kind, _ = found
    if repo is None or not may_read(req.who, repo):
        raise missing(world, req)
    if repo.disabled:
        raise HubError(403, "Access to this resource is disabled.")
    if "/".join(name) != repo.id:
        return _redirect(req, repo, "/".join(name))
    if repo.store and req.method not in ("GET", "HEAD") and req.kind not in READING_POSTS:
        world.repos.unshare(repo)
    return await handler(world, req, repo, rest)


def _split_git(rest):
    """`name.git/info/refs` and `name/info/refs` are the same; both become `name`, `info`, `refs`."""
    return [part[:-4] if index < 2 and part.endswith(".git") else part for index, part in enumerate(rest)]


def _find_repo(world, kind, rest, table):
    """(number of segments the id takes, repository or None)."""
    two = "/".join(rest[:2])
    if len(rest) >= 2 and "/" not in rest[1]:
        repo = world.repos.get(kind, two) or world.repos.moved_to(kind, two)
        if repo or not router.known_verb(table, rest[1]):
            return 2, repo
    return 1, world.repos.alias(kind, rest[0])


def _redirect(req, repo, asked):
    """A renamed repository, another spelling, or a legacy id: 307 with a relative Location, query kept."""
    path = req.path.replace(f"/{asked}", f"/{repo.id}", 1)
    query = f"?{req.query_string}" if req.query_string else ""
    return Response(307, f"Temporary Redirect. Redirecting to {path}", [("Location", path + query)], "text/plain; charset=utf-8")


def missing(world, req):
    """What this caller hears about a repository it may not know of."""
    if req.who.user is None:
        return anonymous_not_found(world.settings.error_code_on_401)
    return repo_not_found()


def require_write(req, repo, revision=None):
    """403 unless the caller may write; pull request refs need only read access and a name."""
    if may_write(req.who, repo):
        return
    pull_request = req.flag("create_pr") or (revision or "").startswith("refs/pr/")
    if pull_request and req.who.user is not None and req.who.role != "read":
        return
    if req.who.user is None:
        raise HubError(401, "Invalid username or password.")
    raise forbidden()


async def foreign_commit(world, req, spec):
    """The fault in which somebody else commits just before this request is handled."""
    spec = spec if isinstance(spec, dict) else {}
    segments = req.segments
    repo = world.repos.get(TYPES.get(segments[1], "model"), spec.get("id") or "/".join(segments[2:4]))
    world.repos.unshare(repo)
    git, ref = world.repos.git(repo), spec.get("ref", "refs/heads/main")
    path, text = spec.get("path", f"foreign-{uuid.uuid4().hex[:8]}.txt"), spec.get("text", "somebody else was here\n")
    for _ in range(10):
        try:
            return git.commit(ref, git.refs()[ref], [("put", path, "100644", text.encode())], "Foreign commit", "mallory")
        except Moved:
            continue
    raise HubError(500, "the foreign commit kept losing its race")
