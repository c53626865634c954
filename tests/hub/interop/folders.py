# SPDX-License-Identifier: Apache-2.0
"""What two folders are compared by."""

import os
from pathlib import Path


def tree(root, skip=(".cache", ".gitattributes", ".git")):
    """{relative path: bytes} of a folder."""
    return {
        os.path.relpath(os.path.join(base, name), root): Path(base, name).read_bytes()
        for base, _, names in os.walk(root)
        for name in names
        if not set(os.path.relpath(os.path.join(base, name), root).split("/")) & set(skip)
    }
