# SPDX-License-Identifier: Apache-2.0
"""Directory data: tree pages, paths-info, tree sizes."""

import asyncio
import base64
import json
from itertools import islice
from urllib.parse import parse_qs, urlencode

from .content import add_last_commits, file_facts, take_revision, tree_items
from .errors import HubError, entry_not_found
from .reply import json_response
from .router import verb
from .users import passes_gate

MAX_PATHS = 2000
MAX_FORM_PATHS = 1000


def _entries_of(world, repo, entry, path):
    """A directory's entries, subdirectories first."""
    prefix = f"{path}/" if path else ""
    entries = world.repos.git(repo).tree(entry.oid).values()
    return [(prefix + e.name, e) for e in sorted(entries, key=lambda e: not e.is_dir)]


def _recursive_page(world, req, repo, entry, path, size):
    """(rows, headers) of one page of everything below a directory; the cursor is the last path of the page before."""
    git, prefix = world.repos.git(repo), f"{path}/" if path else ""
    after = decode_cursor(req, "after", "")
    walk = git.walk_after(entry.oid, prefix, after.removeprefix(prefix)) if after else git.walk(entry.oid, prefix)
    try:
        rows = list(islice(walk, size + 1))
    except KeyError as error:
        raise HubError(400, "Invalid cursor") from error
    headers = [next_link(world, req, encode_cursor(after=rows[size - 1][0]))] if len(rows) > size else []
    return rows[:size], headers


def next_link(world, req, cursor):
    """Link header for the page after this one; absolute, as clients need it."""
    params = {key: values for key, values in parse_qs(req.query_string, keep_blank_values=True).items() if key != "cursor"}
    query = urlencode({**params, "cursor": cursor}, doseq=True)
    return "Link", f'<{world.url("hub")}{req.path}?{query}>; rel="next"'


def turning_link(world, req):
    """Link header to this very page under another address: pages that never end."""
    params = parse_qs(req.query_string, keep_blank_values=True)
    query = urlencode({**params, "turn": int(params.get("turn", ["0"])[0]) + 1}, doseq=True)
    return "Link", f'<{world.url("hub")}{req.path}?{query}>; rel="next"'


def encode_cursor(**place):
    """Opaque to clients."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def decode_cursor(req, key, first):
    """Where the page asked for begins."""
    try:
        return type(first)(json.loads(base64.urlsafe_b64decode(req.one("cursor")))[key]) if req.one("cursor") else first
    except (ValueError, KeyError, TypeError) as error:
        raise HubError(400, "Invalid cursor") from error


def page(world, req, rows, size):
    """(rows of the page asked for, headers)."""
    start = decode_cursor(req, "offset", 0)
    headers = [next_link(world, req, encode_cursor(offset=start + size))] if start + size < len(rows) else []
    return rows[start : start + size], headers


def page_size(req, maximum):
    """`limit`, within what the server allows."""
    try:
        limit = int(req.one("limit") or maximum)
    except ValueError as error:
        raise HubError(400, "limit must be a number") from error
    return max(1, min(limit, maximum))


@verb("GET", "tree")
async def tree(world, req, repo, rest):
    """One page of a directory, or of everything below it."""
    commit, _, parts = take_revision(world, repo, rest)
    path = "/".join(parts).strip("/")
    entry = world.repos.git(repo).lookup(commit, path)
    if entry is None or not entry.is_dir:
        raise entry_not_found(commit, f'{path} does not exist on "{rest[0]}"')
    expand, settings = req.flag("expand"), world.settings
    size = page_size(req, settings.page_size_expand if expand else settings.page_size)
    if req.flag("recursive"):
        rows, headers = await asyncio.to_thread(_recursive_page, world, req, repo, entry, path, size)
    else:
        rows, headers = page(world, req, await asyncio.to_thread(_entries_of, world, repo, entry, path), size)
    items = tree_items(world, repo, rows, not passes_gate(req.who, repo))
    if expand:
        items = await asyncio.to_thread(add_last_commits, world, repo, commit, items)
    return json_response(items, headers=[("X-Repo-Commit", commit), *headers])


def _paths_asked(req, body):
    if "json" in req.headers.get("content-type", ""):
        value = json.loads(body)
        return value["paths"], bool(value.get("expand"))
    form = parse_qs(body.decode(), keep_blank_values=True)
    paths = form.get("paths", []) + form.get("paths[]", [])
    if len(paths) > MAX_FORM_PATHS:
        raise HubError(413, "too many parameters")
    return paths, form.get("expand", ["false"])[0].lower() == "true"


@verb("POST", "paths-info")
async def paths_info(world, req, repo, rest):
    """Items of the named paths; those that do not exist are left out."""
    commit, _, _ = take_revision(world, repo, rest)
    try:
        paths, expand = _paths_asked(req, await req.body())
    except (ValueError, KeyError, TypeError) as error:
        raise HubError(400, "Invalid body") from error
    if len(paths) > MAX_PATHS:
        raise HubError(400, f"At most {MAX_PATHS} paths")
    git = world.repos.git(repo)
    found = [(path.strip("/"), git.lookup(commit, path)) for path in paths]
    pairs = [(path, entry) for path, entry in found if entry is not None and path]
    items = tree_items(world, repo, pairs, not passes_gate(req.who, repo))
    if expand:
        items = await asyncio.to_thread(add_last_commits, world, repo, commit, items)
    return json_response(items)


def tree_bytes(world, repo, tree_oid):
    """Sum of real file sizes below a tree."""
    git = world.repos.git(repo)
    oids = [entry.oid for _, entry in git.walk(tree_oid) if not entry.is_dir]
    return sum(file_facts(world, repo, oid, size)[0] for oid, size in zip(oids, git.sizes(oids)))


@verb("GET", "treesize")
async def treesize(world, req, repo, rest):
    """Recursive size of a directory."""
    commit, _, parts = take_revision(world, repo, rest)
    path = "/".join(parts).strip("/")
    entry = world.repos.git(repo).lookup(commit, path)
    if entry is None or not entry.is_dir:
        raise entry_not_found(commit)
    return json_response({"path": f"/{path}", "size": await asyncio.to_thread(tree_bytes, world, repo, entry.oid)})
