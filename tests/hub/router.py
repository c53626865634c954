# SPDX-License-Identifier: Apache-2.0
"""Routes: a table for fixed paths, and verbs below a repository.

Handlers are `async def handler(world, req, *path_groups)` for fixed paths and `async def handler(world, req, repo, rest)`
for repository verbs, where `rest` is the decoded segments after the verb.
"""

import re

FIXED = {"hub": [], "cas": [], "cdn": [], "control": []}
VERBS = {}  # (method, verb) -> (handler, kind, bucket)
WEB_VERBS = {}  # the same for URLs without /api: resolve, raw, git, LFS


def route(origin, method, pattern, kind, bucket="api"):
    """Register a handler for a whole path; `kind` is what the request log calls it."""

    def register(handler):
        FIXED[origin].append((method, re.compile(pattern + r"\Z"), handler, kind, bucket))
        return handler

    return register


def verb(method, name, kind=None, bucket="api", table=VERBS):
    """Register a handler for /api/{type}s/{id}/{name}/..."""

    def register(handler):
        table[method, name] = handler, kind or name, bucket
        return handler

    return register


def web_verb(method, name, kind=None, bucket="pages"):
    """Register a handler for /{prefix}{id}/{name}/..."""
    return verb(method, name, kind, bucket, WEB_VERBS)


def find_fixed(origin, method, path):
    """(handler, groups, kind, bucket) of a fixed route, or None."""
    for wanted, pattern, handler, kind, bucket in FIXED[origin]:
        if wanted == method or (method == "HEAD" and wanted == "GET"):
            match = pattern.match(path)
            if match:
                return handler, match.groups(), kind, bucket
    return None


def find_verb(table, method, name):
    """(handler, kind, bucket) of a repository verb; HEAD falls back to GET."""
    return table.get((method, name)) or (table.get(("GET", name)) if method == "HEAD" else None)


def known_verb(table, name):
    """Whether any method knows the verb: tells `owner/name` from `name/verb` in legacy ids."""
    return any(registered == name for _, registered in table)
