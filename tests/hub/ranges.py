# SPDX-License-Identifier: Apache-2.0
"""HTTP byte ranges (RFC 9110 section 14)."""

import re

from .reply import FilePart, Response

SPEC = re.compile(r"^bytes=(.+)$")
ONE = re.compile(r"^(\d*)-(\d*)$")
BOUNDARY = "hub-byteranges-8c1f2b"


def parse(header, size):
    """[(first, last_exclusive)] within `size`; None: no usable Range header; []: nothing satisfiable."""
    match = SPEC.match(header or "")
    if not match:
        return None
    found = []
    for part in match[1].split(","):
        one = ONE.match(part.strip())
        if not one or one[0] == "-":
            return None
        first, last = one[1], one[2]
        if not first:
            found.append((max(size - int(last), 0), size))
        elif last and int(last) < int(first):
            return None
        else:
            found.append((int(first), min(int(last) + 1, size) if last else size))
    return [(first, last) for first, last in found if first < min(last, size)]


def unsatisfiable(size):
    """416 with the true size."""
    return Response(416, b"", [("Content-Range", f"bytes */{size}")])


def slice_response(header, size, part_of, headers=(), content_type="application/octet-stream"):
    """200, 206 or 416; `part_of(first, last)` makes a body part."""
    headers = [("Accept-Ranges", "bytes"), *headers]
    wanted = parse(header, size)
    if wanted is None:
        return Response(200, [part_of(0, size)], headers, content_type)
    if not wanted:
        return unsatisfiable(size)
    if len(wanted) > 1:
        return multipart(wanted, size, part_of, headers, content_type)
    first, last = wanted[0]
    headers.append(("Content-Range", f"bytes {first}-{last - 1}/{size}"))
    return Response(206, [part_of(first, last)], headers, content_type)


def multipart(wanted, size, part_of, headers, content_type):
    """multipart/byteranges, in the order asked for."""
    parts = []
    for first, last in wanted:
        head = f"\r\n--{BOUNDARY}\r\nContent-Type: {content_type}\r\nContent-Range: bytes {first}-{last - 1}/{size}\r\n\r\n"
        parts += [head.encode(), part_of(first, last)]
    parts.append(f"\r\n--{BOUNDARY}--\r\n".encode())
    return Response(206, parts, headers, f"multipart/byteranges; boundary={BOUNDARY}")


def file_response(header, path, size, headers=()):
    """A range of a file by sendfile."""
    return slice_response(header, size, lambda first, last: FilePart(path, first, last - first), headers)
