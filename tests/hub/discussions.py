# SPDX-License-Identifier: Apache-2.0
"""Discussions and pull requests: a pull request is the ref refs/pr/N."""

import time

from .content import commit_of, iso
from .errors import HubError, json_body
from .git_store import ZERO
from .reply import Response, json_response
from .router import verb, web_verb


def open_pull_request(world, repo, user, title, text, base):
    """Add a pull request that starts at commit `base`; returns its number."""
    number = _add(world, repo, user, title, text, True)
    world.repos.git(repo).update_ref(f"refs/pr/{number}", base, ZERO)
    return number


def _add(world, repo, user, title, text, pull_request):
    number = len(repo.discussions) + 1
    event = {
        "id": f"{repo.uid}-{number}",
        "author": {"name": user, "type": "user"},
        "createdAt": iso(time.time()),
        "type": "comment",
        "data": {"edited": False, "hidden": False, "latest": {"raw": text, "html": text, "updatedAt": iso(time.time())}},
    }
    repo.discussions.append(
        {
            "num": number,
            "title": title.split("\n")[0],
            "status": "draft" if pull_request else "open",
            "isPullRequest": pull_request,
            "author": {"name": user, "type": "user"},
            "createdAt": event["createdAt"],
            "events": [event],
        }
    )
    world.repos.save(repo)
    return number


def _get(repo, number):
    if not number.isdigit() or not 1 <= int(number) <= len(repo.discussions):
        raise HubError(404, "Discussion not found")
    return repo.discussions[int(number) - 1]


def _item(repo, discussion):
    summary = {key: value for key, value in discussion.items() if key != "events"}
    return {**summary, "repo": {"name": repo.id, "type": repo.type}, "numComments": len(discussion["events"]), "pinned": False}


def _details(world, repo, discussion):
    details = {**_item(repo, discussion), "events": discussion["events"]}
    if discussion["isPullRequest"]:
        details["filesWithConflicts"] = []
        details["changes"] = {"base": "refs/heads/main", "mergeCommitId": discussion.get("mergeCommitId")}
        ref = f"refs/pr/{discussion['num']}"
        base, head = commit_of(world, repo, "main"), commit_of(world, repo, ref)
        details["diff"] = world.repos.git(repo).diff(base, head)
    return details


@verb("POST", "discussions", "discussion-create")
async def create(world, req, repo, rest):
    """Open a discussion or a pull request, or act on one: status, comment, title, merge."""
    if req.who.user is None:
        raise HubError(401, "Invalid username or password.")
    if req.who.role == "read":
        raise HubError(403, "This token may not write")
    body = await json_body(req)
    if rest:
        return _act(world, req, repo, rest, body)
    title, text = body.get("title") or "", body.get("description") or ""
    if len(title) < 3:
        raise HubError(400, "The title must have at least 3 characters")
    if body.get("pullRequest"):
        number = open_pull_request(world, repo, req.who.user, title, text, commit_of(world, repo, "main"))
    else:
        number = _add(world, repo, req.who.user, title, text, False)
    return json_response({"num": number, "pullRequest": bool(body.get("pullRequest"))})


def _act(world, req, repo, rest, body):
    discussion, action = _get(repo, rest[0]), rest[1] if len(rest) > 1 else ""
    event = {"id": f"{repo.uid}-{discussion['num']}-{len(discussion['events'])}", "createdAt": iso(time.time())}
    event["author"] = {"name": req.who.user, "type": "user"}
    if action == "status":
        discussion["status"] = body["status"]
        event |= {"type": "status-change", "data": {"status": body["status"]}}
    elif action == "title":
        event |= {"type": "title-change", "data": {"from": discussion["title"], "to": body["title"]}}
        discussion["title"] = body["title"]
    elif action == "comment":
        latest = {"raw": body["comment"], "html": body["comment"], "updatedAt": event["createdAt"]}
        event |= {"type": "comment", "data": {"edited": False, "hidden": False, "latest": latest}}
    elif action == "merge":
        _merge(world, req, repo, discussion)
        event |= {"type": "status-change", "data": {"status": "merged"}}
    else:
        raise HubError(404, "No such action")
    discussion["events"].append(event)
    world.repos.save(repo)
    return json_response({"newStatus" if action == "status" else "event": event, "newMessage": event, "newTitle": event})


def _merge(world, req, repo, discussion):
    git = world.repos.git(repo)
    main, head = commit_of(world, repo, "main"), commit_of(world, repo, f"refs/pr/{discussion['num']}")
    new = git.merge("refs/heads/main", main, head, f"{discussion['title']} (#{discussion['num']})", req.who.user)
    if new is None:
        raise HubError(409, "This pull request has conflicts")
    discussion.update(status="merged", mergeCommitId=new)


@verb("GET", "discussions", "discussion")
async def show(world, req, repo, rest):
    """One discussion, or the list of them."""
    if rest:
        return json_response(_details(world, repo, _get(repo, rest[0])))
    kind, status = req.one("type", "all"), req.one("status", "all")
    rows = [
        row
        for row in reversed(repo.discussions)
        if kind in ("all", "pull_request" if row["isPullRequest"] else "discussion")
        and (status == "all" or (status == "open") == (row["status"] in ("open", "draft")))
    ]
    items = [_item(repo, row) for row in rows]
    return json_response({"discussions": items, "count": len(items), "start": 0, "numClosedDiscussions": 0})


@web_verb("GET", "discussions", "page")
async def web_page(_world, _req, repo, _rest):
    """Where the URL of a pull request leads in a browser."""
    return Response(200, f"<title>{repo.id}</title>", content_type="text/html")
