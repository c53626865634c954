# SPDX-License-Identifier: Apache-2.0
"""What scattered reads of a file have to fetch at the least: each chunk that they touch, once, as the
local Hub plans it for exactly those bytes."""

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from bench.samples import TOKEN

AT_ONCE = 16


def _ask(url, token, **headers):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}", **headers})
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        if error.code != 503:  # of the profile
            raise
        return _ask(url, token, **headers)


@lru_cache
def least_bytes(hub, repo, name, offsets, length):
    """Of reads of `length` bytes each."""
    api = f"{hub.endpoint}/api/models/{repo}"
    digest = next(entry["xetHash"] for entry in _ask(f"{api}/tree/main", TOKEN) if entry["path"] == name)
    access = _ask(f"{api}/xet-read-token/main", TOKEN)

    def touched(offset):
        plan = _ask(f"{access['casUrl']}/v1/reconstructions/{digest}", access["accessToken"],
                    Range=f"bytes={offset}-{offset + length - 1}")
        return {(xorb, part["url_range"]["start"], part["url_range"]["end"])
                for xorb, parts in plan["fetch_info"].items() for part in parts}

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(end + 1 - start for _, start, end in set().union(*pool.map(touched, offsets)))
