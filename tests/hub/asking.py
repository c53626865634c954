# SPDX-License-Identifier: Apache-2.0
"""One plain HTTP request, for tests that look at a single answer."""

import http.client
from urllib.parse import urlsplit


def ask(url, method="GET", body=None, token=None, **headers):
    """(status, headers, body) of one request."""
    parts = urlsplit(url)
    conn = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    conn.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
    response = conn.getresponse()
    answer = response.status, response.headers, response.read()
    conn.close()
    return answer
