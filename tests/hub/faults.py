# SPDX-License-Identifier: Apache-2.0
"""The fault plan: which request goes wrong, and how, byte by byte.

A rule is {"match": {...}, "skip": n, "every": n, "count": n, "action": {...}}; the first rule that matches and is neither
skipped nor used up fires.  README.md lists the actions.  `fired` is kept for each rule, so a test can assert that its fault happened.
"""

import asyncio
import base64
import json
import re

from .reply import Response, Stream, once

RULE_KEYS = {"match", "skip", "every", "count", "action"}
MATCH_KEYS = {"origin", "method", "path_regex", "query_regex", "header"}
ACTIONS = {
    "status", "body", "body_b64", "headers", "stall", "drip", "reset", "truncate", "flip", "wrong_range", "full_for_range",
    "oversize", "replace_body", "replace_json", "redirect", "drop_header", "add_header", "garbage_head", "reply_lost",
    "foreign_commit", "delay_ms", "endless_pages",
}  # fmt: skip
ENDLESS_BLOCK = b"\xa5" * 65536


class Rule:
    """One line of the plan and how often it fired."""

    def __init__(self, number, spec):
        match = spec.get("match", {})
        unknown = (set(match) - MATCH_KEYS) | (set(spec["action"]) - ACTIONS) | (set(spec) - RULE_KEYS)
        if unknown:
            raise ValueError(f"unknown keys in fault rule: {sorted(unknown)}")
        self.number = number
        self.spec = spec
        self.action = spec["action"]
        self.skip = spec.get("skip", 0)
        self.every = spec.get("every", 1)  # of those that are not skipped, the last of each so many
        self.left = spec.get("count", 1)  # negative: for ever
        self._seen = 0
        self.fired = 0
        self._origin = match.get("origin")
        self._method = match.get("method")
        self._path = _regex(match.get("path_regex", ""))
        self._query = _regex(match.get("query_regex", ""))
        self._headers = {name.lower(): _regex(value) for name, value in match.get("header", {}).items()}

    def matches(self, req):
        """Whether the rule is about this request."""
        return (
            self._origin in (None, req.origin)
            and self._method in (None, req.method)
            and self._path.search(req.path)
            and self._query.search(req.query_string)
            and all(name in req.headers and value.search(req.headers[name]) for name, value in self._headers.items())
        )

    def take(self):
        """Count one matching request; True when the fault strikes it."""
        if self.skip > 0:
            self.skip -= 1
            return False
        self._seen += 1
        if self.left == 0 or self._seen % self.every:
            return False
        self.left -= 1
        self.fired += 1
        return True


def _regex(text):
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"bad regex {text!r}: {error}") from error


class FaultPlan:
    """All rules, and the gate that stalled requests wait at."""

    def __init__(self):
        self.rules = []
        self.stalled = 0
        self._gate = asyncio.Event()

    def add(self, specs):
        """Append rules; returns their numbers."""
        added = [Rule(len(self.rules) + index, spec) for index, spec in enumerate(specs)]
        self.rules += added
        return [rule.number for rule in added]

    def clear(self):
        """Drop all rules and let stalled requests go on to their end."""
        self.rules = []
        self.release()

    def release(self):
        """Open the gate for those who wait now; later stalls wait again."""
        self._gate.set()
        self._gate = asyncio.Event()

    def pick(self, req):
        """The rule that strikes this request, if any."""
        for rule in self.rules:
            if rule.matches(req) and rule.take():
                return rule
        return None

    def report(self):
        """For GET /_hub/faults."""
        return [{"id": rule.number, "fired": rule.fired, "left": rule.left, **rule.spec} for rule in self.rules]

    async def stall(self):
        """Never answer, until released."""
        self.stalled += 1
        try:
            await self._gate.wait()
        finally:
            self.stalled -= 1


def synthetic(action):
    """A response made up by the plan instead of the Hub's own, or None."""
    if "redirect" in action:
        spec = action["redirect"]
        location, status = (spec, 302) if isinstance(spec, str) else (spec["location"], spec.get("status", 302))
        return Response(status, b"", [("Location", location), *action.get("headers", {}).items()])
    if "status" in action:
        body = base64.b64decode(action["body_b64"]) if "body_b64" in action else action.get("body", "")
        body = json.dumps(body) if isinstance(body, (dict, list)) else body
        return Response(action["status"], body, action.get("headers", {}).items(), "text/plain; charset=utf-8")
    return None


async def transform(response, action, reserve):
    """Change a good response as the action says; `reserve` builds the same response without the Range header."""
    if "full_for_range" in action and response.status == 206:
        response = await reserve()
        response.set_header("Content-Range", None)
        response.status = 200
    if "wrong_range" in action and response.status == 206:
        response.set_header("Content-Range", _lie(response.header("content-range"), action["wrong_range"]))
    if "replace_body" in action:
        spec = action["replace_body"]
        response.parts = [base64.b64decode(spec["b64"]) if isinstance(spec, dict) else spec.encode()]
    if "replace_json" in action:
        response.parts = [_edit_json(await response.whole_body(), action["replace_json"])]
    if "flip" in action:
        response.parts = [_flip(await response.whole_body(), action["flip"])]
    if "oversize" in action:
        await _oversize(response, action["oversize"])
    for name in _as_list(action.get("drop_header", [])):
        response.set_header(name, None)
        if name.lower() == "content-length":
            response.parts = [Stream(once(await response.whole_body()))]
    for name, value in action.get("add_header", {}).items():
        response.headers.append((name, value))
    return response


def _as_list(value):
    return [value] if isinstance(value, str) else value


def _lie(content_range, spec):
    """A Content-Range for other bytes than those sent: a string to send, or a number to add to start and end."""
    if isinstance(spec, str):
        return spec
    start, end, total = re.match(r"bytes (\d+)-(\d+)/(\S+)", content_range).groups()
    shift = 1 if spec is True else int(spec)
    return f"bytes {int(start) + shift}-{int(end) + shift}/{total}"


def _flip(body, spec):
    """XOR one byte: an offset (negative counts from the end), or {"offset": k, "mask": m}."""
    spec = spec if isinstance(spec, dict) else {"offset": int(spec)}
    data = bytearray(body)
    if data:
        data[spec["offset"] % len(data)] ^= spec.get("mask", 0x01)
    return bytes(data)


async def _oversize(response, spec):
    """Append bytes; "endless" never stops and never says how long it is (only bytes can be sent chunked)."""
    if spec == "endless":
        response.set_header("Content-Length", None)
        response.parts = [await response.whole_body(), Stream(_endless())]
    else:
        response.parts.append(b"\xa5" * int(spec))


async def _endless():
    while True:
        yield ENDLESS_BLOCK


def _edit_json(body, spec):
    """{"merge": patch} by RFC 7396, or {"set": [[pointer, value], ...], "remove": [pointer, ...]} by JSON pointers."""
    value = json.loads(body)
    if "merge" in spec:
        value = _merge(value, spec["merge"])
    for pointer, new in spec.get("set", []):
        value = _set(value, _tokens(pointer), new)
    for pointer in spec.get("remove", []):
        *path, last = _tokens(pointer)
        parent = _walk(value, path)
        del parent[int(last) if isinstance(parent, list) else last]
    return json.dumps(value).encode()


def _merge(target, patch):
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = _merge(target.get(key), value)
    return target


def _tokens(pointer):
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def _walk(value, path):
    for token in path:
        value = value[int(token)] if isinstance(value, list) else value[token]
    return value


def _set(value, path, new):
    """Set by pointer; "-" appends to a list, an empty pointer replaces everything."""
    if not path:
        return new
    parent = _walk(value, path[:-1])
    if isinstance(parent, list):
        if path[-1] == "-":
            parent.append(new)
        else:
            parent[int(path[-1])] = new
    else:
        parent[path[-1]] = new
    return value
