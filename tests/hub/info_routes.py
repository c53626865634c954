# SPDX-License-Identifier: Apache-2.0
"""Repository info, refs, history and listings."""

import asyncio
import hashlib

from . import tree_routes
from .content import commit_of, file_facts, iso, printable, take_revision
from .errors import HubError
from .reply import Response, json_response
from .router import route, verb
from .users import may_read, owns

LISTINGS_KEPT = 8
COMMON_KEYS = {
    "author", "cardData", "createdAt", "disabled", "downloads", "downloadsAllTime", "gated", "lastModified", "likes", "private",
    "resourceGroup", "sha", "siblings", "tags", "trendingScore", "usedStorage", "xetEnabled",
}  # fmt: skip
ALLOWED_KEYS = {
    "model": COMMON_KEYS | {
        "baseModels", "childrenModelCount", "config", "gguf", "inference", "inferenceProviderMapping", "library_name", "mask_token",
        "model-index", "pipeline_tag", "safetensors", "spaces", "transformersInfo", "widgetData", "evalResults", "apps",
    },
    "dataset": COMMON_KEYS | {"citation", "description", "paperswithcode_id", "mainSize"},
    "space": (COMMON_KEYS - {"gated", "downloads", "downloadsAllTime"}) | {"datasets", "models", "region", "runtime", "sdk", "subdomain"},
}  # fmt: skip


def _siblings(world, repo, commit, blobs):
    git = world.repos.git(repo)
    pairs = [(path, entry) for path, entry in git.walk(git.root(commit)) if not entry.is_dir]
    if not blobs:
        return [{"rfilename": printable(path)} for path, _ in pairs]
    rows = []
    for (path, entry), blob_size in zip(pairs, git.sizes([entry.oid for _, entry in pairs])):
        size, sha256, _ = file_facts(world, repo, entry.oid, blob_size)
        row = {"rfilename": printable(path), "size": size, "blobId": entry.oid}
        if sha256:
            row["lfs"] = {"sha256": sha256, "size": size, "pointerSize": blob_size}
        rows.append(row)
    return rows


def _facts(world, repo, commit, blobs=False):
    """Every key we know, as functions, so that only what is asked for is computed."""
    git = world.repos.git(repo)
    head = git.resolve("main") or commit
    return {
        "modelId": lambda: repo.id,
        "author": lambda: repo.owner,
        "sha": lambda: commit,
        "lastModified": lambda: iso(git.commit_time(head)),
        "createdAt": lambda: iso(repo.created),
        "private": lambda: repo.private,
        "gated": lambda: repo.gated or False,
        "disabled": lambda: repo.disabled,
        "downloads": lambda: 0,
        "downloadsAllTime": lambda: 0,
        "likes": lambda: 0,
        "tags": lambda: [],
        "cardData": lambda: {},
        "spaces": lambda: [],
        "sdk": lambda: repo.sdk or "static",
        "xetEnabled": lambda: world.settings.xet,
        "usedStorage": lambda: tree_routes.tree_bytes(world, repo, git.root(commit)),
        "siblings": lambda: _siblings(world, repo, commit, blobs),
    }


FULL_KEYS = (
    "author", "sha", "lastModified", "createdAt", "private", "gated", "disabled", "downloads", "likes", "tags", "cardData",
    "usedStorage", "siblings",
)  # fmt: skip
LIST_KEYS = ("author", "lastModified", "createdAt", "private", "gated", "disabled", "downloads", "likes", "tags")


def _checked_expand(req, repo_type):
    keys = req.many("expand")
    for key in keys:
        if key not in ALLOWED_KEYS[repo_type]:
            allowed = ", ".join(sorted(ALLOWED_KEYS[repo_type]))
            raise HubError(400, f'"expand" must be one of [{allowed}]: {key!r} is not allowed')
    return keys


def describe(world, repo, commit, keys, blobs=False):
    """Ids and the named keys; keys that this repository has no value for are left out, as the Hub does."""
    facts = _facts(world, repo, commit, blobs)
    return {"_id": repo.uid, "id": repo.id} | {key: facts[key]() for key in keys if key in facts}


def _info(world, req, repo, commit):
    expand = _checked_expand(req, repo.type)
    if expand:
        return describe(world, repo, commit, expand)
    full = [key for key in FULL_KEYS if not (repo.type == "space" and key in ("gated", "downloads"))]
    full += {"model": ["modelId", "spaces"], "dataset": [], "space": ["sdk"]}[repo.type]
    return describe(world, repo, commit, full, req.flag("blobs"))


async def _answer_info(world, req, repo, commit):
    response = json_response(await asyncio.to_thread(_info, world, req, repo, commit))
    return conditional(req, response)


def conditional(req, response):
    """Weak ETag of the body, and 304 when the client has it."""
    body = response.parts[0]
    etag = f'W/"{len(body):x}-{hashlib.sha1(body).hexdigest()[:27]}"'
    if etag in req.headers.get("if-none-match", ""):
        return Response(304, b"", [("ETag", etag)])
    response.headers.append(("ETag", etag))
    return response


@verb("GET", "", "repo-info")
async def info(world, req, repo, _rest):
    """The default branch."""
    return await _answer_info(world, req, repo, commit_of(world, repo, "main"))


@verb("GET", "revision", "repo-info")
async def revision_info(world, req, repo, rest):
    """Any revision."""
    return await _answer_info(world, req, repo, take_revision(world, repo, rest)[0])


@verb("GET", "refs")
async def refs(world, req, repo, _rest):
    """Branches, converts and tags; pull requests when asked for."""
    kinds = {"branches": "refs/heads/", "converts": "refs/convert/", "tags": "refs/tags/"}
    if req.flag("include_prs"):
        kinds["pullRequests"] = "refs/pr/"
    found = world.repos.git(repo).refs()
    value = {}
    for key, prefix in kinds.items():
        full_name = key == "pullRequests"
        value[key] = [
            {"name": ref if full_name else ref.removeprefix(prefix), "ref": ref, "targetCommit": commit}
            for ref, commit in sorted(found.items())
            if ref.startswith(prefix)
        ]
    return json_response(value)


@verb("GET", "commits")
async def commits(world, req, repo, rest):
    """History, newest first."""
    commit, _, _ = take_revision(world, repo, rest)
    most = world.settings.commits_page_size
    git, size = world.repos.git(repo), tree_routes.page_size(req, most if req.one("limit") else min(most, 50))
    number = int(req.one("p") or 0)
    total = await asyncio.to_thread(git.count, commit)
    rows = await asyncio.to_thread(git.log, commit, size, number * size)
    headers = [("X-Total-Count", str(total))]
    if (number + 1) * size < total:
        query = f"limit={size}&p={number + 1}" + ("&expand[]=formatted" if "formatted" in req.many("expand") else "")
        headers.append(("Link", f'<{world.url("hub")}{req.path}?{query}>; rel="next"'))
    return json_response([_commit_item(row, "formatted" in req.many("expand")) for row in rows], headers=headers)


def _commit_item(row, formatted):
    item = {
        "id": row["id"],
        "title": row["title"],
        "message": row["message"],
        "authors": [{"user": row["author"], "avatar": ""}],
        "date": iso(row["time"]),
    }
    return {**item, "formatted": {"title": row["title"], "message": row["message"]}} if formatted else item


def visible(world, kind, author, words, who):
    """What a caller may see, newest first; kept until a repository changes, since an owner may have a hundred pages of them."""
    key = world.repos.generation, kind, (author or "").lower(), words, who
    if world.listings.get(key) is None:
        rows = world.repos.owned_by(kind, author) if author else world.repos.all()
        found = [repo for repo in rows if repo.type == kind and may_read(who, repo) and all(word in repo.id.lower() for word in words)]
        if len(world.listings) >= LISTINGS_KEPT:
            world.listings.clear()
        world.listings[key] = found[::-1]
    return world.listings[key]


@route("hub", "GET", r"/api/(model|dataset|space)s", "list-repos")
async def list_repos(world, req, kind):
    """Repositories the caller may see, newest first."""
    expand = _checked_expand(req, kind)
    words = tuple(word.lower() for word in req.many("search"))
    rows = visible(world, kind, req.one("author"), words, req.who)
    rows, headers = tree_routes.page(world, req, rows, tree_routes.page_size(req, world.settings.list_page_size))
    keys = expand or [key for key in LIST_KEYS if not (kind == "space" and key in ("gated", "downloads"))]
    if kind == "model" and not expand:
        keys.append("modelId")
    if req.flag("full"):
        keys = [*keys, "sha", "siblings"]
    return json_response(await asyncio.to_thread(_describe_all, world, rows, keys), headers=headers)


def _describe_all(world, rows, keys):
    return [describe(world, repo, commit_of(world, repo, "main"), keys) for repo in rows]


@route("hub", "GET", r"/api/whoami-v2", "whoami")
async def whoami(world, req):
    """The caller's name, organisations and kind of token."""
    who = req.who
    if who.user is None:
        raise HubError(401, "Invalid username or password.")
    orgs = [{"type": "org", "id": f"org-{name}", "name": name, "fullname": name, "roleInOrg": "admin"} for name in who.orgs]
    token = {"displayName": "test", "role": who.role, "createdAt": iso(0)}
    person = {"type": "user", "id": f"user-{who.user}", "name": who.user, "fullname": who.user.title(), "avatarUrl": ""}
    contact = {"email": f"{who.user}@example.org", "emailVerified": True, "isPro": False, "canPay": False, "periodEnd": None}
    return json_response({**person, **contact, "orgs": orgs, "auth": {"type": "access_token", "accessToken": token}})


@route("hub", "GET", r"/api/(users|organizations)/([^/]+)/overview", "overview")
async def overview(world, req, kind, name):
    """Whether a namespace exists, and what it is."""
    orgs = {org for names in world.users.users.values() for org in names}
    if name in world.users.users and kind == "users":
        return json_response({"user": name, "_id": f"user-{name}", "fullname": name.title(), "type": "user", "avatarUrl": ""})
    if name in orgs and kind == "organizations":
        return json_response({"name": name, "_id": f"org-{name}", "fullname": name, "type": "org", "avatarUrl": ""})
    raise HubError(404, "This user does not exist" if kind == "users" else "This organization does not exist")


@route("hub", "GET", r"/api/settings/repositories", "own-repos")
async def own_repositories(world, req):
    """All repositories of the caller, private ones too."""
    if req.who.user is None:
        raise HubError(401, "Invalid username or password.")
    rows = []
    for repo in world.repos.all():
        if owns(req.who, repo):
            visibility = "private" if repo.private else "public"
            rows.append({"id": repo.id, "type": repo.type, "updatedAt": iso(repo.created), "visibility": visibility})
    return json_response(rows)
