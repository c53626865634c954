# SPDX-License-Identifier: Apache-2.0
"""Reconstruction plans: which chunks of which xorbs make up a file range, and signed URLs for exactly those bytes."""

from . import hashes


def fetch_ranges(covered, gap):
    """Per xorb, ascending chunk ranges that contain every term; ranges nearer than `gap` chunks are merged."""
    wanted = {}
    for info, start, end in covered:
        wanted.setdefault(info, []).append((start, end))
    merged = {}
    for info, spans in wanted.items():
        spans.sort()
        out = [list(spans[0])]
        for start, end in spans[1:]:
            if start < out[-1][1] + gap:
                out[-1][1] = max(out[-1][1], end)
            else:
                out.append([start, end])
        merged[info] = out
    return merged


def terms_json(covered):
    """The terms in file order."""
    return [
        {
            "hash": hashes.to_text(info.hash),
            "unpacked_length": info.raw_length(start, end),
            "range": {"start": start, "end": end},
        }
        for info, start, end in covered
    ]


def _signed(world, info, spans, repo_uid, user):
    """A URL for exactly these byte ranges of one xorb."""
    pairs = [info.byte_range(start, end) for start, end in spans]
    text = ",".join(f"{first}-{last - 1}" for first, last in pairs)
    path = f"/xorbs/default/{hashes.to_text(info.hash)}"
    ttl = world.settings.url_ttl
    return world.signer.sign(world.url("cdn"), "GET", path, ttl, ranges=text, repo_id=repo_uid, user_id=user), pairs


def plan_v2(world, covered, skip, claims):
    """`xorbs`: URL entries with several ranges each; byte ranges inclusive, chunk ranges exclusive."""
    xorbs, most = {}, world.settings.ranges_per_url
    for info, spans in fetch_ranges(covered, world.settings.merge_gap).items():
        entries = xorbs[hashes.to_text(info.hash)] = []
        for at in range(0, len(spans), most):
            part = spans[at : at + most]
            url, pairs = _signed(world, info, part, claims["repo"], claims["user"])
            ranges = [
                {"chunks": {"start": start, "end": end}, "bytes": {"start": first, "end": last - 1}}
                for (start, end), (first, last) in zip(part, pairs)
            ]
            entries.append({"url": url, "ranges": ranges})
    return {"offset_into_first_range": skip, "terms": terms_json(covered), "xorbs": xorbs}


def plan_v1(world, covered, skip, claims):
    """`fetch_info`: one URL per range."""
    fetch_info = {}
    for info, spans in fetch_ranges(covered, world.settings.merge_gap).items():
        items = fetch_info[hashes.to_text(info.hash)] = []
        for start, end in spans:
            url, [(first, last)] = _signed(world, info, [(start, end)], claims["repo"], claims["user"])
            url_range = {"start": first, "end": last - 1}
            items.append({"range": {"start": start, "end": end}, "url": url, "url_range": url_range})
    return {"offset_into_first_range": skip, "terms": terms_json(covered), "fetch_info": fetch_info}
