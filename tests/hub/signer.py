# SPDX-License-Identifier: Apache-2.0
"""Tokens and signed URLs: HMACs over exactly what they allow."""

import base64
import hmac
import json
import time
from urllib.parse import parse_qsl, urlencode


class Signer:
    """One secret for the life of the data directory, so that URLs outlive a restart."""

    def __init__(self, secret):
        self._secret = secret

    def _mac(self, text):
        return hmac.digest(self._secret, text.encode(), "sha256").hex()

    # Xet tokens

    def token(self, prefix, **claims):
        """An opaque bearer token that says what it is for."""
        body = base64.urlsafe_b64encode(json.dumps(claims, sort_keys=True).encode()).decode().rstrip("=")
        return f"{prefix}_{body}.{self._mac(prefix + body)}"

    def claims(self, prefix, token):
        """The claims of a genuine token of that kind, expired or not; None for any other string."""
        start, _, rest = token.partition("_")
        body, _, mac = rest.partition(".")
        if start != prefix or not hmac.compare_digest(mac, self._mac(prefix + body)):
            return None
        return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))

    # signed URLs

    def sign(self, base, method, path, ttl, **allowed):
        """A URL good for one method, one path, the given parameters and `ttl` seconds."""
        query = urlencode({**allowed, "Expires": int(time.time() + ttl)})
        return f"{base}{path}?{query}&Signature={self._mac(f'{method} {path}?{query}')}"

    def check(self, method, path, query):
        """The parameters of a genuine, unexpired URL; None otherwise."""
        signed, _, mac = query.partition("&Signature=")
        if not hmac.compare_digest(mac, self._mac(f"{method} {path}?{signed}")):
            return None
        params = dict(parse_qsl(signed, keep_blank_values=True))
        return params if time.time() < int(params["Expires"]) else None
