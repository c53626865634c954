# SPDX-License-Identifier: Apache-2.0
"""Importing this module fills the route tables: each module below registers its handlers."""

from . import (
    admin_routes,
    bulk,
    cas_routes,
    cdn_routes,
    commit_routes,
    control,
    discussions,
    git_http,
    info_routes,
    lfs,
    resolve,
    tree_routes,
)

__all__ = [
    "admin_routes",
    "bulk",
    "cas_routes",
    "cdn_routes",
    "commit_routes",
    "control",
    "discussions",
    "git_http",
    "info_routes",
    "lfs",
    "resolve",
    "tree_routes",
]
