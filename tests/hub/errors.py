# SPDX-License-Identifier: Apache-2.0
"""Errors as the Hub words them: status, X-Error-Code, X-Error-Message and a JSON body."""

import json

from .reply import Response, json_response


class HubError(Exception):
    """Raised by handlers; becomes the response."""

    def __init__(self, status, message, code=None, headers=()):
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, list(headers)

    def response(self, plain_text=False):
        """Under /resolve/ the body is plain text, elsewhere JSON."""
        headers = [("X-Error-Message", self.message)] + self.headers
        if self.code:
            headers.append(("X-Error-Code", self.code))
        if plain_text:
            return Response(self.status, self.message, headers, "text/plain; charset=utf-8")
        return json_response({"error": self.message}, self.status, headers)


async def json_body(req):
    """The JSON object a request carries; an empty body is an empty object."""
    try:
        value = json.loads(await req.body() or b"{}")
    except ValueError as error:
        raise HubError(400, f"Invalid JSON: {error}") from error
    if not isinstance(value, dict):
        raise HubError(400, "Invalid JSON: not an object")
    return value


CHALLENGE = ("WWW-Authenticate", 'Bearer realm="Authentication required", charset="UTF-8"')


def repo_not_found():
    """What a logged-in user is told about a missing or a private repository."""
    return HubError(404, "Repository not found", "RepoNotFound")


def anonymous_not_found(with_code):
    """What an anonymous caller is told about the same."""
    return HubError(401, "Invalid username or password.", "RepoNotFound" if with_code else None, [CHALLENGE])


def bad_credentials():
    """A token nobody has."""
    return HubError(401, "Invalid credentials in Authorization header", None, [CHALLENGE])


def revision_not_found(rev):
    """No branch, tag, ref or commit of that name."""
    return HubError(404, f"Invalid rev id: {rev}", "RevisionNotFound")


def entry_not_found(commit=None, message="Entry not found"):
    """No such path; X-Repo-Commit lets clients remember the absence."""
    return HubError(404, message, "EntryNotFound", [("X-Repo-Commit", commit)] if commit else [])


def forbidden():
    """Readable, but not writable."""
    return HubError(403, "You have read access but not the required permissions for this operation")
