# SPDX-License-Identifier: Apache-2.0
"""Folder to repository: through the official client, and by git and LFS basic transfer what that can't make.

The client (huggingface_hub with hf_xet) chunks and uploads, so nothing here knows how Xet cuts files.  It knows no symlinks and
no executable bits: those are commits through the control port.  LFS files without Xet, which old repositories hold, come by
the LFS batch API.  Run it as `python3 -m hub import`: it needs a process of its own, because HF_HOME is read on import.
"""

import argparse
import fnmatch
import hashlib
import json
import os
import stat
import tempfile
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from .client import WRITE_TOKEN, Control

BLOCK = 1024 * 1024
CONTROL_OFFSET = 3  # the control port of a Hub at P is P + 3


@dataclass
class Folder:
    """What a folder holds, by the way it has to travel; all paths relative, with slashes."""

    regular: list = field(default_factory=list)
    lfs_basic: list = field(default_factory=list)
    executable: list = field(default_factory=list)  # sent like the others, then made executable
    links: list = field(default_factory=list)


def scan(root, lfs_globs):
    """Sort the files of a folder; symlinks are not followed."""
    found = Folder()
    for directory, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name != ".git")
        for name in [*names, *sorted(files)]:
            full = os.path.join(directory, name)
            path = os.path.relpath(full, root)
            mode = os.lstat(full).st_mode
            if stat.S_ISLNK(mode):
                found.links.append(path)
            elif stat.S_ISREG(mode):
                basic = any(fnmatch.fnmatchcase(path, glob) for glob in lfs_globs)
                (found.lfs_basic if basic else found.regular).append(path)
                if mode & stat.S_IXUSR:
                    found.executable.append(path)
    return found


class Importer:
    """One import into one repository."""

    def __init__(self, args):
        self.args = args
        url = urlsplit(args.endpoint)
        self.control = Control(args.control or f"http://{url.hostname}:{url.port + CONTROL_OFFSET}")
        self.prefix = "" if args.type == "model" else f"{args.type}s/"

    def run(self):
        """The whole import."""
        found = scan(self.args.folder, self.args.lfs_basic)
        self._create()
        if found.regular:
            self._upload(found.regular)
        if found.lfs_basic:
            self._commit_lfs([self._send_lfs(path) for path in found.lfs_basic])
        operations = [{"add": path, "mode": "120000", "text": os.readlink(self._full(path))} for path in found.links]
        operations += [{"chmod": path, "mode": "100755"} for path in found.executable]
        if operations:
            self.control.commit(
                self.args.repo, operations, type=self.args.type, ref=self.args.revision, message=self.args.message
            )

    def _full(self, path):
        return os.path.join(self.args.folder, path)

    def _create(self):
        self.control.repo(self.args.repo, self.args.type)
        if self.args.revision != "main":
            self.control.commit(self.args.repo, [], type=self.args.type, ref=self.args.revision, message="Start of the import")

    def _upload(self, paths):
        """By huggingface_hub with a fresh HF_HOME: it remembers what other Hubs hold, and this one would miss it."""
        with tempfile.TemporaryDirectory() as home:
            os.environ |= {"HF_ENDPOINT": self.args.endpoint, "HF_HOME": home, "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "*"}
            os.environ |= {"HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_XET_TELEMETRY_ENABLED": "0"}
            from huggingface_hub import CommitOperationAdd, HfApi

            operations = [CommitOperationAdd(path, self._full(path)) for path in paths]
            HfApi(self.args.endpoint, self.args.token).create_commit(
                self.args.repo,
                operations,
                commit_message=self.args.message,
                repo_type=self.args.type,
                revision=self.args.revision,
            )

    def _request(self, method, url, data, content_type, authorised=True):
        headers = {"Content-Type": content_type}
        if authorised:
            headers["Authorization"] = f"Bearer {self.args.token}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(url, data, headers, method=method)) as response:
            return json.loads(response.read() or b"null")

    def _send_lfs(self, path):
        """LFS batch, PUT, verify; returns the commit line."""
        digest, size = _digest(self._full(path))
        url = f"{self.args.endpoint}/{self.prefix}{self.args.repo}.git/info/lfs/objects/batch"
        body = {"operation": "upload", "transfers": ["basic"], "hash_algo": "sha256", "objects": [{"oid": digest, "size": size}]}
        kind = "application/vnd.git-lfs+json"
        actions = self._request("POST", url, json.dumps(body).encode(), kind)["objects"][0].get("actions")
        if actions:
            with open(self._full(path), "rb") as file:
                headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
                request = urllib.request.Request(actions["upload"]["href"], file, headers, method="PUT")
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()
            self._request("POST", actions["verify"]["href"], json.dumps({"oid": digest, "size": size}).encode(), kind)
        return {"key": "lfsFile", "value": {"path": path, "algo": "sha256", "oid": digest, "size": size}}

    def _commit_lfs(self, lines):
        header = {"key": "header", "value": {"summary": self.args.message}}
        body = "".join(json.dumps(line) + "\n" for line in [header, *lines]).encode()
        url = f"{self.args.endpoint}/api/{self.args.type}s/{self.args.repo}/commit/{quote(self.args.revision, safe='')}"
        self._request("POST", url, body, "application/x-ndjson")


def _digest(path):
    """(SHA-256, size) of a file."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def main(argv):
    """Command line of the import."""
    parser = argparse.ArgumentParser(prog="hub import", description="Put a folder into a repository of a running local Hub.")
    parser.add_argument("folder")
    parser.add_argument("repo", metavar="OWNER/NAME")
    parser.add_argument("--endpoint", default=os.environ.get("HF_ENDPOINT"), required="HF_ENDPOINT" not in os.environ)
    parser.add_argument("--control", help="URL of the control port, when it is not at P+3")
    parser.add_argument("--type", default="model", choices=("model", "dataset", "space"))
    parser.add_argument("--revision", default="main")
    parser.add_argument("--message", default="Import a folder")
    parser.add_argument("--lfs-basic", action="append", default=[], metavar="GLOB", help="LFS files without Xet")
    parser.add_argument("--token", default=WRITE_TOKEN)
    args = parser.parse_args(argv)
    args.endpoint = args.endpoint.rstrip("/")
    Importer(args).run()
    return 0
