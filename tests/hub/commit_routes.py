# SPDX-License-Identifier: Apache-2.0
"""preupload and commit: the two requests that change content."""

import asyncio
import base64
import json

from . import attributes, discussions
from .content import commit_of, file_facts, take_revision
from .errors import HubError, entry_not_found, json_body, revision_not_found
from .git_store import Moved
from .hub_dispatch import require_write
from .lfs_store import pointer
from .reply import json_response
from .router import route, verb

MAX_PREUPLOAD = 1000
MAX_LFS_FILES = 25_000
STALE = "A commit has happened since. Please refresh and try again."


def check_path(path):
    """Paths git or a file system could misunderstand are refused."""
    parts = path.split("/")
    if not path or "\\" in path or "\0" in path or any(part in ("", ".", "..", ".git") for part in parts):
        raise HubError(422, f"Invalid path in repository: {path!r}")


def blob_at(world, repo, commit, path):
    """Bytes of a regular file at a commit, or None."""
    git = world.repos.git(repo)
    entry = git.lookup(commit, path)
    return None if entry is None or entry.is_dir else git.read(entry.oid)[1]


def _looks_binary(sample):
    if b"\0" in sample:
        return True
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        return error.start < len(sample) - 4  # a character cut off by the sample's end is no sign
    return False


def _current_oid(world, repo, commit, path):
    git = world.repos.git(repo)
    entry = git.lookup(commit, path)
    if entry is None or entry.is_dir:
        return None
    return file_facts(world, repo, entry.oid, git.sizes([entry.oid])[0])[1] or entry.oid


@verb("POST", "preupload")
async def preupload(world, req, repo, rest):
    """How each file is to be sent: regular or LFS, and what is there now."""
    commit, rev, _ = take_revision(world, repo, rest)
    require_write(req, repo, rev)
    body = await json_body(req)
    if len(body["files"]) > MAX_PREUPLOAD:
        raise HubError(400, f"At most {MAX_PREUPLOAD} files")
    paths = [item["path"] for item in body["files"]]
    for path in paths:
        check_path(path)
    rules = body["gitAttributes"].encode() if "gitAttributes" in body else blob_at(world, repo, commit, ".gitattributes")
    ignore = body["gitIgnore"].encode() if "gitIgnore" in body else blob_at(world, repo, commit, ".gitignore")
    git = world.repos.git(repo)
    tracked = await asyncio.to_thread(attributes.lfs_tracked, git, rules, paths)
    ignored = await asyncio.to_thread(attributes.ignored, git, ignore, paths)
    files = []
    for item in body["files"]:
        path, size = item["path"], item.get("size", 0)
        binary = _looks_binary(base64.b64decode(item.get("sample") or ""))
        large = size > world.settings.regular_limit or (binary and size > world.settings.binary_lfs_threshold)
        mode = "lfs" if size and (path in tracked or large) else "regular"
        row = {"path": path, "uploadMode": mode, "shouldIgnore": path in ignored}
        oid = _current_oid(world, repo, commit, path)
        files.append({**row, "oid": oid} if oid else row)
    return json_response({"files": files, "commitOid": commit})


@route("hub", "POST", r"/api/validate-yaml", "validate-yaml")
async def validate_yaml(_world, req):
    """Model cards: only an unterminated front matter is an error here."""
    content = (await json_body(req)).get("content", "")
    if content.startswith("---\n") and "\n---" not in content[3:]:
        return json_response({"errors": [{"message": "front matter is not terminated"}], "warnings": []}, 400)
    return json_response({"errors": [], "warnings": []})


class Commit:
    """One NDJSON commit being turned into git operations."""

    def __init__(self, world, repo, parent):
        self.world, self.repo, self.parent = world, repo, parent
        self.git = world.repos.git(repo)
        self.header = {}
        self.operations = []
        self.lfs_paths = []
        self.too_large = []

    def line(self, key, value):
        """One line of the body."""
        handlers = {
            "header": self.header.update,
            "file": self._file,
            "lfsFile": self._lfs_file,
            "deletedFile": self._delete,
            "deletedFolder": self._delete,
            "deletedEntry": self._delete,
        }
        if key not in handlers:
            raise HubError(400, "Add a line with the key `lfsFile`, `file` or `deletedFile`")
        handlers[key](value)

    def _file(self, value):
        check_path(value["path"])
        text = value["content"]
        data = base64.b64decode(text) if value.get("encoding") == "base64" else text.encode()
        if len(data) > self.world.settings.regular_limit:
            self.too_large.append(value["path"])
        self.operations.append(("put", value["path"], self._mode(value["path"]), data))

    def _mode(self, path):
        """The commit API knows no modes: an executable file stays executable, everything else becomes regular."""
        entry = self.git.lookup(self.parent, path)
        return "100755" if entry and entry.mode == "100755" else "100644"

    def _lfs_file(self, value):
        check_path(value["path"])
        sha256 = value["oid"]
        found = self.world.xet.by_sha256(sha256)
        lfs_size = self.world.lfs.size(sha256)
        size = lfs_size if found is None else found[1]
        if size is None:
            raise HubError(400, f"LFS pointer pointed to a file that does not exist: {sha256} ({value['path']})")
        if "size" in value and value["size"] != size:
            raise HubError(400, f"{value['path']} has {size} bytes, not {value['size']}")
        if found and lfs_size is None:
            self.world.xet.allow(self.repo.uid, found[0])
        self.lfs_paths.append(value["path"])
        self.operations.append(("put", value["path"], self._mode(value["path"]), pointer(sha256, size)))

    def _delete(self, value):
        path = value["path"].rstrip("/")
        if self.git.lookup(self.parent, path) is None:
            raise entry_not_found(self.parent, f"A file with this name doesn't exist: {path}")
        self.operations.append(("delete", path))

    def track_lfs(self):
        """Append rules for LFS files that .gitattributes does not match yet, as the Hub does on its own."""
        puts = {op[1]: op[3] for op in self.operations if op[0] == "put"}
        rules = puts.get(".gitattributes") or blob_at(self.world, self.repo, self.parent, ".gitattributes") or b""
        tracked = attributes.lfs_tracked(self.git, rules, self.lfs_paths)
        missing = [path for path in self.lfs_paths if path not in tracked]
        if missing:
            rules = rules if not rules or rules.endswith(b"\n") else rules + b"\n"
            rules += b"".join(attributes.rule_for(path) for path in missing)
            self.operations.append(("put", ".gitattributes", "100644", rules))

    def check(self):
        """What the Hub refuses as a whole."""
        if self.too_large:
            names = "\n".join(self.too_large)
            raise HubError(400, f"Your push was rejected because it contains files larger than 10 MiB. Offending files:\n{names}")
        if len(self.lfs_paths) > MAX_LFS_FILES:
            raise HubError(400, f"At most {MAX_LFS_FILES} LFS files in one commit")
        if not self.header.get("summary"):
            raise HubError(400, "The commit needs a summary")

    @property
    def message(self):
        """Title, blank line, description."""
        return "\n\n".join(part for part in (self.header.get("summary"), self.header.get("description")) if part)


def _build(world, repo, head, body):
    """Parse and check the lines; slow for large commits, so it runs in a thread."""
    commit = Commit(world, repo, head)
    for line in body.split(b"\n"):
        if line.strip():
            value = json.loads(line)
            commit.line(value["key"], value["value"])
    commit.check()
    if commit.lfs_paths:
        commit.track_lfs()
    return commit


def _branch_ref(world, repo, rev):
    """The full ref a commit may go to."""
    refs = world.repos.git(repo).refs()
    for ref in (rev, f"refs/heads/{rev}"):
        if ref in refs and ref.startswith(("refs/heads/", "refs/pr/", "refs/convert/")):
            return ref
    raise revision_not_found(rev)


@verb("POST", "commit")
async def commit(world, req, repo, rest):
    """All operations or none, on top of the head or of exactly `parentCommit`."""
    rev = "/".join(rest)
    require_write(req, repo, rev)
    ref = _branch_ref(world, repo, rev)
    git, create_pr = world.repos.git(repo), req.flag("create_pr")
    head = git.refs()[ref]
    body = await req.body()
    try:
        change = await asyncio.to_thread(_build, world, repo, head, body)
    except (ValueError, KeyError, TypeError) as error:
        raise HubError(400, f"Invalid commit: {error}") from error
    parent = change.header.get("parentCommit")
    if parent and create_pr:
        head = commit_of(world, repo, parent)
    elif parent and git.resolve(parent) != head:
        raise HubError(412, STALE)
    extra = {}
    if create_pr:
        number = discussions.open_pull_request(world, repo, req.who.user, change.message, "", head)
        ref = f"refs/pr/{number}"
        extra["pullRequestUrl"] = f"{world.url('hub')}/{repo.prefix}{repo.id}/discussions/{number}"
    try:
        new = await asyncio.to_thread(git.commit, ref, head, change.operations, change.message, req.who.user)
    except Moved as error:
        raise HubError(412, STALE) from error
    url = f"{world.url('hub')}/{repo.prefix}{repo.id}/commit/{new}"
    return json_response({"success": True, "commitOid": new, "commitUrl": url, "hookOutput": "", **extra})
