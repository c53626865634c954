# SPDX-License-Identifier: Apache-2.0
"""File content over plain HTTP: resolve, resolve-cache and raw."""

import gzip
import time
from urllib.parse import quote, unquote

from . import ranges
from .content import file_facts, lookup_file, take_revision
from .errors import CHALLENGE, HubError
from .hub_dispatch import missing
from .reply import Response, Stream, json_response, once
from .router import route, verb, web_verb
from .users import passes_gate

XET_INFO = "application/vnd.xet-fileinfo+json"


def check_gate(req, repo):
    """The gate comes before revision and file."""
    if passes_gate(req.who, repo):
        return
    anonymous = req.who.user is None
    end = "You must have access to it and be authenticated to access it." if anonymous else "Visit the page to ask for access."
    message = f"Access to {repo.type} {repo.id} is restricted and you are not in the authorized list. {end}"
    raise HubError(401 if anonymous else 403, message, "GatedRepo", [CHALLENGE] if anonymous else [])


def _facts(world, repo, entry):
    git = world.repos.git(repo)
    return file_facts(world, repo, entry.oid, git.sizes([entry.oid])[0])


def _disposition(req, path):
    name = path.rsplit("/", 1)[-1].encode("ascii", "replace").decode().replace('"', "_").replace("\n", "_")
    kind = "attachment" if req.flag("download") else "inline"
    return (
        "Content-Disposition",
        f"{kind}; filename*=UTF-8''{quote(path.rsplit('/', 1)[-1], errors='surrogateescape')}; filename=\"{name}\";",
    )


def _regular(world, req, repo, commit, path, entry):
    """A git blob, with Range and If-None-Match."""
    etag = f'"{entry.oid}"'
    headers = [("ETag", etag), ("X-Repo-Commit", commit), _disposition(req, path)]
    if etag in req.headers.get("if-none-match", ""):
        return Response(304, b"", headers)
    data = world.repos.git(repo).read(entry.oid)[1]
    if world.settings.gzip_files and "gzip" in req.headers.get("accept-encoding", ""):
        headers[0] = ("ETag", f"W/{etag}")
        return Response(
            200, [Stream(once(gzip.compress(data)))], [*headers, ("Content-Encoding", "gzip")], "text/plain; charset=utf-8"
        )
    return ranges.slice_response(
        req.headers.get("range"), len(data), lambda a, b: data[a:b], headers, "text/plain; charset=utf-8"
    )


def _linked_headers(world, repo, commit, sha256, size, xet_hash):
    headers = [("X-Repo-Commit", commit), ("X-Linked-Size", str(size)), ("X-Linked-Etag", f'"{sha256}"'), ("ETag", f'"{sha256}"')]
    if xet_hash and world.settings.xet:
        auth = f"{world.url('hub')}{repo.api}/xet-read-token/{commit}"
        plan = f"{world.url('cas')}/v1/reconstructions/{xet_hash}"
        link = f'<{auth}>; rel="xet-auth", <{plan}>; rel="xet-reconstruction-info"'
        headers += [("X-Xet-Hash", xet_hash), ("Link", link)]
    return headers


def _linked(world, req, repo, commit, path, facts):
    """An LFS or Xet file: 302 to a signed URL on another origin, or its Xet facts when the client asks for those."""
    size, sha256, xet_hash = facts
    headers = _linked_headers(world, repo, commit, sha256, size, xet_hash)
    if f'"{sha256}"' in req.headers.get("if-none-match", ""):
        return Response(304, b"", headers)
    if xet_hash and world.settings.xet and XET_INFO in req.headers.get("accept", ""):
        auth = f"{world.url('hub')}{repo.api}/xet-read-token/{commit}"
        plan = f"{world.url('cas')}/v1/reconstructions/{xet_hash}"
        value = {"hash": xet_hash, "refreshUrl": auth, "reconstructionUrl": plan, "etag": f'"{sha256}"', "size": size}
        response = json_response(value, headers=headers)
        response.set_header("Content-Type", f"{XET_INFO}; charset=utf-8")
        return response
    name = xet_hash or sha256
    target = f"/xet-bridge/{name}" if xet_hash else f"/lfs/{name}"
    url = world.signer.sign(world.url("cdn"), "GET", target, world.settings.url_ttl, repo_id=repo.uid, size=size)
    body = f"Found. Redirecting to {url}"
    return Response(302, body, [*headers, _disposition(req, path), ("Location", url)], "text/plain; charset=utf-8")


@web_verb("GET", "resolve", bucket="resolvers")
async def resolve(world, req, repo, rest):
    """307 for public regular files, the content for private ones, 302 for LFS and Xet files."""
    check_gate(req, repo)
    commit, _, parts = take_revision(world, repo, rest)
    path = "/".join(parts)
    entry = lookup_file(world, repo, commit, path)
    facts = _facts(world, repo, entry)
    if facts[1]:
        return _linked(world, req, repo, commit, path, facts)
    if repo.private or repo.gated or not world.settings.resolve_cache:
        return _regular(world, req, repo, commit, path, entry)
    target = f"/api/resolve-cache/{repo.type}s/{repo.id}/{commit}/{quote(path, errors='surrogateescape')}"
    query = f"?{req.query_string}&etag=%22{entry.oid}%22" if req.query_string else f"?etag=%22{entry.oid}%22"
    headers = [("Location", target + query), ("X-Repo-Commit", commit), _disposition(req, path)]
    return Response(307, f"Temporary Redirect. Redirecting to {target}", headers, "text/plain; charset=utf-8")


@route("hub", "GET", r"/api/resolve-cache/(model|dataset|space)s/([^/]+/[^/]+)/(.+)", "resolve-cache", "resolvers")
async def resolve_cache(world, req, kind, repo_id, rest):
    """Where the 307 leads; only public repositories are here."""
    repo = world.repos.get(kind, repo_id)
    if repo is None or repo.private or repo.gated:
        raise missing(world, req)
    commit, _, parts = take_revision(world, repo, [unquote(part, errors="surrogateescape") for part in rest.split("/")])
    path = "/".join(parts)
    return _regular(world, req, repo, commit, path, lookup_file(world, repo, commit, path))


@web_verb("GET", "raw", bucket="pages")
async def raw(world, req, repo, rest):
    """The blob itself: the pointer of an LFS file."""
    check_gate(req, repo)
    commit, _, parts = take_revision(world, repo, rest)
    entry = lookup_file(world, repo, commit, "/".join(parts))
    data = world.repos.git(repo).read(entry.oid)[1]
    return Response(200, data, [("X-Repo-Commit", commit)], "text/plain; charset=utf-8")


@verb("GET", "xet-read-token")
async def read_token(world, req, repo, rest):
    """A CAS token for one repository and revision, read only."""
    check_gate(req, repo)
    return token_response(world, req, repo, take_revision(world, repo, rest)[0], "read")


def xet_claims(world, repo, ref, scope, user):
    """(token, expiry) with scope bound to repository and ref."""
    expires = time.time() + world.settings.token_ttl
    token = world.signer.token("xet", repo=repo.uid, ref=ref, scope=scope, user=user or "", exp=int(expires))
    return token, int(expires)


def token_response(world, req, repo, ref, scope):
    """The JSON body and the headers that older clients read."""
    if not world.settings.xet:
        raise HubError(404, "Xet is not enabled for this repository")
    token, expires = xet_claims(world, repo, ref, scope, req.who.user)
    headers = [("X-Xet-Access-Token", token), ("X-Xet-Token-Expiration", str(expires)), ("X-Xet-Cas-Url", world.url("cas"))]
    return json_response({"accessToken": token, "exp": expires, "casUrl": world.url("cas")}, headers=headers)
