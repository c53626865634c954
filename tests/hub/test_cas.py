# SPDX-License-Identifier: Apache-2.0
"""The CAS and CDN origins are strict: what a careless client would get away with elsewhere is refused here."""

import hashlib
import json
import random

import pytest

from . import forge, hashes
from .asking import ask
from .client import OTHER_TOKEN, READ_TOKEN, WRITE_TOKEN

NOISE = random.Random(5)
CHUNKS = [NOISE.randbytes(20_000) for _ in range(10)]


class Xet:
    """A repository with one Xet file of ten chunks, sent by hand."""

    def __init__(self, hub):
        self.hub = hub
        hub.repo("alice/m")
        self.write = self.token("write")
        self.xorb, self.data = forge.xorb(CHUNKS)
        self.file, self.sha256, self.shard = forge.shard_for(CHUNKS)

    def token(self, scope, token=WRITE_TOKEN, repo="alice/m"):
        status, _, body = ask(f"{self.hub.endpoint}/api/models/{repo}/xet-{scope}-token/main", token=token)
        assert status == 200
        return json.loads(body)["accessToken"]

    def post_xorb(self, raw=None, data=None, token=None):
        url = f"{self.hub.urls['cas']}/v1/xorbs/default/{hashes.to_text(raw or self.xorb)}"
        return ask(url, "POST", self.data if data is None else data, token or self.write)

    def post_shard(self, data=None, token=None):
        return ask(f"{self.hub.urls['cas']}/v2/shards", "POST", data or self.shard, token or self.write)

    def upload(self):
        assert self.post_xorb()[0] == 200 and self.post_shard()[0] == 200
        return self

    def plan(self, version="v2", **headers):
        url = f"{self.hub.urls['cas']}/{version}/reconstructions/{hashes.to_text(self.file)}"
        status, _, body = ask(url, token=self.write, **headers)
        return status, json.loads(body) if body else None


@pytest.fixture
def xet(hub):
    return Xet(hub)


def test_a_plan_covers_exactly_the_range_asked_for(xet):
    xet.upload()
    status, plan = xet.plan(Range="bytes=50000-90000")
    assert status == 200
    assert plan["offset_into_first_range"] == 10_000
    assert plan["terms"] == [{"hash": hashes.to_text(xet.xorb), "unpacked_length": 60_000, "range": {"start": 2, "end": 5}}]
    [entry] = plan["xorbs"][hashes.to_text(xet.xorb)]
    assert entry["ranges"] == [{"chunks": {"start": 2, "end": 5}, "bytes": {"start": 2 * 20_008, "end": 5 * 20_008 - 1}}]
    status, headers, body = ask(entry["url"], Range=f"bytes={2 * 20_008}-{5 * 20_008 - 1}")
    assert (status, body) == (206, xet.data[2 * 20_008 : 5 * 20_008])
    assert headers["Content-Range"] == f"bytes {2 * 20_008}-{5 * 20_008 - 1}/{len(xet.data)}"


@pytest.mark.parametrize(("span", "status", "terms"), [("0-0", 200, 1), ("0-19999", 200, 1), ("19999-20000", 200, 2), ("0-", 200, 10),
                                                       ("199999-900000", 200, 1), ("200000-", 416, 0), ("900000-900001", 416, 0)])  # fmt: skip
def test_ranges_at_the_edges(xet, span, status, terms):
    xet.upload()
    for version in ("v1", "v2"):
        got, plan = xet.plan(version, Range=f"bytes={span}")
        assert got == status
        if plan:
            assert sum(t["range"]["end"] - t["range"]["start"] for t in plan["terms"]) == terms


def test_several_ranges_of_one_xorb_share_a_url_and_may_be_asked_for_one_by_one_or_together(xet):
    xet.upload()
    spans = [(7, 9), (0, 2), (2, 3), (8, 10)]
    xet.file, _, data = forge.shard_of_spans(CHUNKS, spans)
    assert xet.post_shard(data)[0] == 200
    plan = xet.plan()[1]
    assert [(term["range"]["start"], term["range"]["end"]) for term in plan["terms"]] == spans
    [entry] = plan["xorbs"][hashes.to_text(xet.xorb)]
    assert [(r["chunks"]["start"], r["chunks"]["end"]) for r in entry["ranges"]] == [(0, 3), (7, 10)]
    asked = [f"{r['bytes']['start']}-{r['bytes']['end']}" for r in entry["ranges"]]
    for span, (start, end) in zip(asked, [(0, 3), (7, 10)], strict=True):
        assert ask(entry["url"], Range=f"bytes={span}")[2] == xet.data[start * 20_008 : end * 20_008]
    status, headers, body = ask(entry["url"], Range=f"bytes={','.join(asked)}")
    assert status == 206 and headers["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert xet.data[: 3 * 20_008] in body and xet.data[7 * 20_008 :] in body
    assert len(xet.plan("v1")[1]["fetch_info"][hashes.to_text(xet.xorb)]) == 2
    xet.hub.config(ranges_per_url=1)
    assert len(xet.plan()[1]["xorbs"][hashes.to_text(xet.xorb)]) == 2
    status, plan = xet.plan(Range="bytes=30000-50000")
    assert plan["offset_into_first_range"] == 10_000
    assert [(t["range"]["start"], t["range"]["end"]) for t in plan["terms"]] == [(8, 9), (0, 1)]


def test_a_signed_url_allows_nothing_else(xet):
    xet.upload()
    [entry] = xet.plan(Range="bytes=50000-90000")[1]["xorbs"][hashes.to_text(xet.xorb)]
    first, last = entry["ranges"][0]["bytes"].values()
    exact = f"bytes={first}-{last}"
    assert ask(entry["url"])[0] == 403
    assert ask(entry["url"], Range=f"bytes={first}-{last - 1}")[0] == 403
    assert ask(entry["url"].replace("Expires=", "Expires=9"), Range=exact)[0] == 403
    assert ask(entry["url"], "PUT", b"x", Range=exact)[0] == 404
    assert ask(entry["url"], Range=exact)[0] == 206
    xet.hub.config(lenient_ranges=True)
    assert ask(entry["url"], Range=f"bytes={first}-{last - 1}")[0] == 206
    xet.hub.config(url_ttl=-1)
    [entry] = xet.plan(Range="bytes=50000-90000")[1]["xorbs"][hashes.to_text(xet.xorb)]
    assert ask(entry["url"], Range=exact)[0] == 403
    assert [v["what"] for v in xet.hub.violations()] == ["unknown route"]
    xet.hub.clear_violations()


def test_a_credential_at_the_cdn_is_refused_and_recorded(xet):
    xet.upload()
    [entry] = xet.plan()[1]["xorbs"][hashes.to_text(xet.xorb)]
    assert ask(entry["url"], token="hf_oops", Range=f"bytes=0-{len(xet.data) - 1}")[0] == 400
    assert [violation["what"] for violation in xet.hub.violations()] == ["credential at the CDN"]
    xet.hub.clear_violations()


def test_a_basic_upload_must_be_the_object_it_was_announced_as(xet):
    oid = hashlib.sha256(b"content").hexdigest()
    body = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": 7}]}
    url = f"{xet.hub.endpoint}/alice/m.git/info/lfs/objects/batch"
    answer = json.loads(ask(url, "POST", json.dumps(body), WRITE_TOKEN)[2])
    actions = answer["objects"][0]["actions"]
    verify = json.dumps({"oid": oid, "size": 7})
    assert ask(actions["verify"]["href"], "POST", verify, WRITE_TOKEN)[0] == 404
    assert ask(actions["upload"]["href"], "PUT", b"another")[0] == 400
    assert ask(actions["upload"]["href"], "PUT", b"content", WRITE_TOKEN)[0] == 400
    xet.hub.clear_violations()
    assert ask(actions["upload"]["href"], "PUT", b"content")[0] == 200
    assert ask(actions["verify"]["href"], "POST", verify, WRITE_TOKEN)[0] == 200
    assert "actions" not in json.loads(ask(url, "POST", json.dumps(body), WRITE_TOKEN)[2])["objects"][0]


def test_tokens_are_bound_to_repository_scope_and_time(xet):
    xet.upload()
    url = f"{xet.hub.urls['cas']}/v2/reconstructions/{hashes.to_text(xet.file)}"
    assert ask(url)[0] == 401 and ask(url, token="xet_forged.00")[0] == 401
    assert ask(url, token=xet.token("read", READ_TOKEN))[0] == 200
    assert xet.post_xorb(token=xet.token("read"))[0] == 403
    xet.hub.repo("bob/other")
    assert ask(url, token=xet.token("read", OTHER_TOKEN, "bob/other"))[0] == 404
    assert ask(f"{xet.hub.endpoint}/api/models/alice/m/xet-write-token/main", token=READ_TOKEN)[0] == 403
    assert ask(f"{xet.hub.endpoint}/api/models/alice/m/xet-write-token/main", token=OTHER_TOKEN)[0] == 403
    xet.hub.config(token_ttl=-1)
    assert ask(url, token=xet.token("read"))[0] == 401


def test_bad_xorbs_are_refused(xet):
    record = forge.chunk_record
    wrong = {
        "another hash": (bytes(32), xet.data),
        "cut off": (xet.xorb, xet.data[:-1]),
        "empty": (xet.xorb, b""),
        "changed byte": (xet.xorb, xet.data[:100] + bytes([xet.data[100] ^ 1]) + xet.data[101:]),
        "unknown compression": (xet.xorb, record(b"x" * 10, scheme=3)),
        "not LZ4": (xet.xorb, record(b"x" * 10, 1, b"y" * 10)),
        "chunk too large": (xet.xorb, record(b"x" * 131073)),
        "version": (xet.xorb, b"\1" + xet.data[1:]),
    }
    for name, (raw, data) in wrong.items():
        assert xet.post_xorb(raw, data)[0] == 400, name
    assert xet.post_xorb()[2] == b'{"was_inserted":true}'
    assert xet.post_xorb()[2] == b'{"was_inserted":false}'


@pytest.mark.parametrize("wrong", [{"file": bytes(32)}, {"length": 199_999}, {"end": 11}, {"end": 9}, {"verification": bytes(32)},
                                   {"xorb": bytes(32)}])  # fmt: skip
def test_shards_that_say_something_untrue_are_refused(xet, wrong):
    xet.post_xorb()
    assert xet.post_shard(forge.shard_for(CHUNKS, **wrong)[2])[0] == 400


def test_a_shard_may_not_name_xorbs_that_were_never_uploaded(xet):
    assert xet.post_shard()[0] == 400
    assert xet.post_shard(forge.shard_for(CHUNKS, xorb_entry=False)[2])[0] == 400


def test_a_shard_of_another_user_may_name_a_xorb_only_after_a_dedup_answer(xet):
    xet.upload()
    xet.hub.repo("bob/other")
    token = xet.token("write", OTHER_TOKEN, "bob/other")
    foreign = forge.shard_for(CHUNKS, xorb_entry=False)[2]
    assert xet.post_shard(foreign, token)[0] == 400
    first = hashes.to_text(hashes.keyed(hashes.DATA_KEY, CHUNKS[0]))
    status, _, answer = ask(f"{xet.hub.urls['cas']}/v1/chunks/default/{first}", token=token)
    assert status == 200
    assert xet.post_shard(foreign, token)[0] == 200
    key = answer[-200 + 72 : -200 + 104]
    keyed = [hashes.keyed(key, hashes.keyed(hashes.DATA_KEY, raw)) for raw in CHUNKS]
    assert [answer[144 + 48 * n : 176 + 48 * n] for n in range(10)] == keyed


def test_a_long_shard_is_read_like_a_short_one(xet):
    chunks = [number.to_bytes(4, "big") * 50 for number in range(2000)]
    raw, data = forge.xorb(chunks)
    assert xet.post_xorb(raw, data)[0] == 200
    assert xet.post_shard(forge.shard_for(chunks)[2])[0] == 200


def test_the_shard_answer_is_ndjson_with_a_result(xet):
    xet.post_xorb()
    lines = [json.loads(line) for line in xet.post_shard()[2].splitlines()]
    assert [line["type"] for line in lines] == ["validating", "committing", "result"] and lines[-1]["result"] == 1


def test_a_granted_upload_must_be_exactly_what_was_granted(xet):
    url = f"{xet.hub.urls['cas']}/v1/xorb-grants/default/{hashes.to_text(xet.xorb)}"
    body = {"length": len(xet.data), "checksum": {"algo": "crc64nvme", "value": str(hashes.crc64_nvme(xet.data))}}
    status, _, answer = ask(url, "POST", json.dumps(body), xet.write)
    grant = json.loads(answer)
    commit = f"{xet.hub.urls['cas']}/v1/xorb-commits/default/{hashes.to_text(xet.xorb)}/grant/{grant['id']}"
    assert status == 201 and ask(commit, "POST", b"", xet.write)[0] == 404
    headers = {name.replace("-", "_"): value for name, value in grant["headers"].items()}
    assert ask(grant["url"], "PUT", xet.data)[0] == 403
    assert ask(grant["url"], "PUT", xet.data[:-1] + bytes([xet.data[-1] ^ 1]), **headers)[0] == 400
    assert ask(grant["url"], "PUT", xet.data[:-1], **headers)[0] == 400
    assert ask(grant["url"], "PUT", xet.data, **headers)[0] == 200
    assert ask(commit, "POST", b"", xet.write)[0] == 200
    assert ask(grant["url"], "PUT", xet.data, **headers)[0] == 412
    assert ask(url, "POST", json.dumps(body), xet.write)[0] == 200
    xet.hub.config(grants=False)
    assert ask(url, "POST", json.dumps(body), xet.write)[0] == 404


def test_a_commit_may_name_only_content_that_is_stored(xet):
    def commit(sha256):
        lines = [{"key": "header", "value": {"summary": "x"}}]
        lines.append({"key": "lfsFile", "value": {"path": "w.xyz", "algo": "sha256", "oid": sha256, "size": 200_000}})
        url = f"{xet.hub.endpoint}/api/models/alice/m/commit/main"
        return ask(url, "POST", "\n".join(map(json.dumps, lines)), WRITE_TOKEN, Content_Type="application/x-ndjson")

    status, _, body = commit(xet.sha256)
    assert status == 400 and b"LFS pointer pointed to a file that does not exist" in body
    xet.upload()
    assert commit(xet.sha256)[0] == 200
    attributes = ask(f"{xet.hub.endpoint}/alice/m/raw/main/.gitattributes")[2].decode()
    assert attributes.endswith("w.xyz filter=lfs diff=lfs merge=lfs -text\n")
    items = json.loads(ask(f"{xet.hub.endpoint}/api/models/alice/m/tree/main")[2])
    [item] = [item for item in items if item["path"] == "w.xyz"]
    assert (item["xetHash"], item["lfs"]["oid"], item["size"]) == (hashes.to_text(xet.file), xet.sha256, 200_000)
    status, headers, _ = ask(f"{xet.hub.endpoint}/alice/m/resolve/main/w.xyz")
    assert status == 302 and headers["X-Xet-Hash"] == item["xetHash"] and headers["X-Linked-Size"] == "200000"
    assert ask(headers["Location"], Range="bytes=19990-20010")[2] == b"".join(CHUNKS)[19990:20011]
    xet.hub.repo("alice/m", gated="manual")
    items = json.loads(ask(f"{xet.hub.endpoint}/api/models/alice/m/tree/main")[2])
    [item] = [item for item in items if item["path"] == "w.xyz"]
    assert item["xetHash"] == item["lfs"]["oid"] == "*" * 64
