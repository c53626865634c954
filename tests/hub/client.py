# SPDX-License-Identifier: Apache-2.0
"""HubProcess: a Hub for the length of a test, and its control port as methods.  Standard library only."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WRITE_TOKEN = "hf_test_write_token"
READ_TOKEN = "hf_test_read_token"
OTHER_TOKEN = "hf_other_token"
START_SECONDS = 30

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ControlError(Exception):
    """The control port refused a request."""


class Control:
    """The control port of a running Hub."""

    def __init__(self, url):
        self.url = url

    def call(self, method, path, body=None):
        """One request; returns the decoded JSON answer, or None."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with _direct.open(request, timeout=600) as response:
                answer = response.read()
        except urllib.error.HTTPError as error:
            raise ControlError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        return json.loads(answer) if answer else None

    def requests(self, since=0, **equal):
        """The request log after id `since`; keywords filter, e.g. kind="tree", origin="cas"."""
        rows = self.call("GET", f"/_hub/requests?since={since}")
        return [row for row in rows if all(row[key] == value for key, value in equal.items())]

    def reset_requests(self):
        """Forget the log."""
        self.call("DELETE", "/_hub/requests")

    def faults(self, rules):
        """Add fault rules (one dict or a list); returns their ids."""
        return self.call("POST", "/_hub/faults", rules)["ids"]

    def fired(self, number=None):
        """How often a rule fired, or all rules together."""
        return sum(rule["fired"] for rule in self.call("GET", "/_hub/faults") if number in (None, rule["id"]))

    def clear(self):
        """Drop all faults and release what stalls."""
        self.call("DELETE", "/_hub/faults")

    def release(self):
        """Release what stalls, keep the plan."""
        self.call("POST", "/_hub/release")

    def stalled(self):
        """How many requests stall at this moment."""
        return self.call("GET", "/_hub/config")["stalled"]

    def config(self, **settings):
        """Change settings (see settings.py); without arguments, read them."""
        return self.call("POST", "/_hub/config", settings)

    def repo(self, repo_id, type="model", **fields):  # noqa: A002  the Hub's own word
        """Create a repository, or set private, gated, disabled, collaborators, approved, sdk, alias."""
        return self.call("POST", "/_hub/repos", {"id": repo_id, "type": type, **fields})

    def delete_repo(self, repo_id, type="model"):  # noqa: A002
        """Delete a repository."""
        self.call("DELETE", "/_hub/repos", {"id": repo_id, "type": type})

    def user(self, name, orgs=(), tokens=None):
        """Create a user with tokens: {"hf_x": "read"}."""
        self.call("POST", "/_hub/users", {"user": name, "orgs": list(orgs), "tokens": tokens or {}})

    def revoke(self, token):
        """Make a token invalid."""
        self.call("DELETE", f"/_hub/tokens/{token}")

    def commit(self, repo_id, ops, type="model", ref="main", **fields):  # noqa: A002
        """Commit by git: ops are {"add": path, "text"|"content_b64", "mode"?} or {"delete": path}; returns the commit id."""
        return self.call("POST", "/_hub/commit", {"type": type, "id": repo_id, "ref": ref, "ops": ops, **fields})["commit"]

    def bulk(self, repo_id, files, size=16, dirs=1, type="model", **fields):  # noqa: A002
        """A repository with many small files; returns the commit id."""
        body = {"type": type, "id": repo_id, "files": files, "size": size, "dirs": dirs, **fields}
        return self.call("POST", "/_hub/bulk", body)["commit"]

    def bulk_repos(self, owner, count, prefix="r", type="model"):  # noqa: A002
        """`{owner}/{prefix}000000` and so on, with one small file each; returns their common commit."""
        body = {"type": type, "owner": owner, "count": count, "prefix": prefix}
        return self.call("POST", "/_hub/bulk_repos", body)["commit"]

    def ref(self, repo_id, ref, commit, type="model"):  # noqa: A002
        """Make a branch, tag ("refs/tags/v1") or any other ref, move it by force, or delete it (commit None)."""
        return self.call("POST", "/_hub/ref", {"type": type, "id": repo_id, "ref": ref, "commit": commit})["commit"]

    def move(self, repo_id, new_id, type="model"):  # noqa: A002
        """Rename; the old name redirects."""
        self.call("POST", "/_hub/move", {"type": type, "id": repo_id, "to": new_id})

    def violations(self):
        """What no correct client does: credentials at the CDN, unknown routes, internal errors of the Hub."""
        return self.call("GET", "/_hub/violations")

    def clear_violations(self):
        """Forget them."""
        self.call("DELETE", "/_hub/violations")


class HubProcess(Control):
    """`with HubProcess() as hub:` starts one on free ports; `endpoint`, `cas` and `cdn` are its URLs."""

    def __init__(self, *arguments, data=None, python=None):
        super().__init__(None)
        self._arguments = list(arguments)
        self._own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="hub-")
        self._python = python or sys.executable
        self._process = None
        self.urls = {}
        self._port = 0

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        if self._own_data:
            shutil.rmtree(self.data, ignore_errors=True)

    @property
    def endpoint(self):
        """HF_ENDPOINT."""
        return self.urls["hub"]

    @property
    def pid(self):
        """Process id of the server."""
        return self._process.pid

    def environment(self, home, token=WRITE_TOKEN):
        """Environment for an official client: this Hub, a fresh HF_HOME, no outside traffic."""
        gone = ("HF_", "HUGGING", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy")
        env = {key: value for key, value in os.environ.items() if not key.startswith(gone)}
        env |= {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "*"}
        env |= {"HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_XET_TELEMETRY_ENABLED": "0", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        return env | ({"HF_TOKEN": token} if token else {})

    def import_folder(self, folder, repo_id, type="model", lfs_basic=(), revision="main"):  # noqa: A002
        """A folder with symlinks, executables and LFS files becomes a repository; needs huggingface_hub and hf_xet."""
        command = [self._python, "-m", "hub", "import", str(folder), repo_id, "--endpoint", self.endpoint, "--type", type]
        command += ["--revision", revision, *(f"--lfs-basic={glob}" for glob in lfs_basic)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": TESTS}, stdout=subprocess.DEVNULL)

    def start(self):
        """Start, and wait until it listens."""
        command = [self._python, "-m", "hub", "--data", self.data, "--port", str(self._port), *self._arguments]
        env = {**os.environ, "PYTHONPATH": TESTS}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, env=env)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the Hub did not start: exit code {self._process.wait(START_SECONDS)}")
        self.urls = json.loads(line)
        self.url = self.urls["control"]
        self._port = int(self.endpoint.rsplit(":", 1)[1])
        return self

    def stop(self):
        """Stop the server; the data stays."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._process = None

    def restart(self):
        """Stop and start on the same ports with the same data; faults, settings and log are those of a new process."""
        self.stop()
        return self.start()

    def wait_stalled(self, count=1, seconds=60):
        """Wait until that many requests stall."""
        deadline = time.monotonic() + seconds
        while self.stalled() < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.stalled()} of {count} requests stall")
            time.sleep(0.01)
