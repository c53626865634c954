# SPDX-License-Identifier: Apache-2.0
"""Chunks, plans and contents that are not what they claim: refused with EIO, cached never, believed never."""

import base64
import errno
import os

import lz4.frame
import pytest
from harness import Mount, wait_until
from hub.client import READ_TOKEN
from refusal import BOUND, QUICKLY, complaint, failing, is_right, outcome, rss_peak, strike

XORB = {"origin": "cdn", "path_regex": "^/xorbs/"}
PLAN = {"origin": "cas", "path_regex": "/reconstructions/"}
HEADER = 8  # version, packed length (3), scheme, length (3)


@pytest.fixture
def unread(mount, hub, sample):
    """unread(match, action, name, offset) -> (errno, sentence) of a read of 4 KiB that must fail."""

    def provoke(match, action, name="noise.bin", offset=0, options=QUICKLY):
        rule = strike(hub, match, action)
        made = mount("acme/sample", options=options)
        answer = failing("read", made / name, offset, 4096), complaint(made, f'"{name}"')
        assert hub.fired(rule) > 0, "the fault did not strike"
        assert f"acme/sample/{name}" in answer[1], answer[1]
        return answer

    return provoke


def flip(offset, mask=0xFF):
    return {"flip": {"offset": offset, "mask": mask}}


# ---- chunks

PLAIN, LZ4, GROUPED = "noise.bin", "prompts.bin", "model.safetensors"
RECORDS = {
    "of a later version": (PLAIN, flip(0, 7), "version 7"),
    "of an unknown compression": (PLAIN, flip(4, 0x40), "scheme 64"),
    "longer than any chunk": (LZ4, flip(7, 0x80), "its length of"),
    "packed longer than any chunk": (LZ4, flip(3, 0x80), "its packed length of"),
    "plain with two lengths": (PLAIN, flip(1, 1), "stored plain"),
    "of garbage instead of LZ4": (LZ4, flip(HEADER), "LZ4 frame"),
    "of garbage instead of grouped LZ4": (GROUPED, flip(HEADER), "LZ4 frame"),
    "shorter than its LZ4": (LZ4, flip(5, 1), "LZ4 frame|the plan says"),
    "with a frame that goes on": (LZ4, flip(1, 1), "bytes end|LZ4 frame"),
}


@pytest.mark.parametrize("flaw", RECORDS)
def test_a_chunk_that_is_malformed_is_refused_by_number(unread, flaw):
    name, action, words = RECORDS[flaw]
    offset = 70_000 if name == GROUPED else 0  # the beginning is text
    number, said = unread(XORB, action, name, offset)
    assert number in (errno.EIO, errno.ENOTSUP)
    assert "xorb " in said and "chunk" in said and any(word in said for word in words.split("|")), said


def record(data, length, scheme):
    return bytes([0, *len(data).to_bytes(3, "little"), scheme, *length.to_bytes(3, "little")]) + data


def test_an_lz4_bomb_unpacks_no_further_than_it_may(mount, hub, sample, wire):
    made = mount("acme/sample", options=QUICKLY)
    (made / LZ4).open("rb").read(4096)
    first, last = wire.rows("xorb-range")[0]["range"].removeprefix("bytes=").split("-")
    size = int(last) - int(first) + 1
    made.umount()
    frame = lz4.frame.compress(bytes(16 << 20), block_linked=False)
    bomb = record(frame[: min(len(frame), size - HEADER)], 131_072, 1).ljust(size, b"\0")
    rule = strike(hub, XORB, {"replace_body": {"b64": base64.b64encode(bomb).decode()}})
    other = mount("acme/sample", options=QUICKLY)
    before = rss_peak(other)
    assert failing("read", other / LZ4, 0, 4096) == errno.EIO and hub.fired(rule) > 0
    complaint(other, f'"{LZ4}"')
    assert rss_peak(other) - before < 12 << 20, "the bomb went off"


def test_a_damaged_chunk_is_not_cached(mount, hub, sample):
    strike(hub, XORB, flip(HEADER))
    made = mount("acme/sample", options=QUICKLY)
    assert failing("read", made / LZ4, 0, 4096) == errno.EIO
    made.umount()
    hub.clear()
    made.again()
    assert is_right(made, sample, LZ4)


def test_a_damaged_chunk_fails_for_five_seconds_and_is_then_asked_for_anew(mount, hub, sample):
    strike(hub, XORB, flip(HEADER))
    made = mount("acme/sample", options=QUICKLY)
    assert failing("read", made / LZ4, 0, 4096) == errno.EIO
    hub.clear()
    wait_until(lambda: "errno" not in outcome("read", made / LZ4, 0, 4096), "the range to be asked for anew")
    assert is_right(made, sample, LZ4)


def test_damage_in_one_file_leaves_others_alone_and_is_told_by_info_and_prefetch(mount, hub, sample):
    made = mount("acme/sample", options=QUICKLY)
    assert is_right(made, sample, PLAIN)
    rule = strike(hub, XORB, flip(HEADER))
    done = made.cli("prefetch", made / LZ4, status=6)
    assert LZ4 in done.err and "LZ4 frame" in done.err and hub.fired(rule) > 0
    assert "LZ4 frame" in made.cli("info", made / LZ4).out
    made.drop_pages(PLAIN)
    assert is_right(made, sample, PLAIN)


# ---- plans


def edit(*changes, remove=()):
    return {"replace_json": {"set": [list(change) for change in changes], "remove": list(remove)}}


@pytest.fixture(scope="module")
def pointer(_hub_process, sample):
    """Where in the plan of noise.bin its only xorb is."""
    made = Mount("acme/sample", _hub_process, options=QUICKLY).start()
    (made / PLAIN).read_bytes()
    xorb = _hub_process.requests(kind="xorb-range")[-1]["path"].rpartition("/")[2]
    made.close()
    return f"/xorbs/{xorb}/0"


PLANS = {
    "empty": (edit(("/terms", []), ("/xorbs", {})), "empty"),
    "shorter than the range": (edit(("/terms/0/unpacked_length", 100)), "does not cover"),
    "without the xorb of a term": (edit(("/xorbs", {})), "outside of what can be fetched"),
    "for another xorb": (edit(("/terms/0/hash", "f" * 64)), "outside of what can be fetched"),
    "for later chunks": (edit(("/terms/0/range", {"start": 7000, "end": 7001})), "outside of what can be fetched"),
    "beginning before the file": (edit(("/offset_into_first_range", 5)), "5 bytes before"),
    "beginning past its own end": (edit(("/offset_into_first_range", 2**40)), "begins past"),
}


@pytest.mark.parametrize("flaw", PLANS)
def test_a_plan_that_can_not_be_is_refused(unread, flaw):
    action, words = PLANS[flaw]
    number, said = unread(PLAN, action)
    assert number == errno.EIO and words in said


def test_a_plan_that_leads_past_the_end_of_the_file_is_refused(unread, sample):
    size = len(sample.bytes(PLAIN))
    number, said = unread(PLAN, edit(("/terms/0/unpacked_length", 131_072)), PLAIN, size - 1000)
    assert number == errno.EIO and "past the file's end" in said


def test_a_plan_whose_lengths_are_not_those_of_the_chunks_is_refused(unread):
    number, said = unread(PLAN, edit(("/terms/0/unpacked_length", 65_000)))
    assert number == errno.EIO and "the plan says 65000" in said


RANGES = {
    "past the end of any xorb": {"bytes": {"start": 0, "end": 2**45}, "chunks": {"start": 0, "end": 1}},
    "reversed": {"bytes": {"start": 500, "end": 20}, "chunks": {"start": 0, "end": 1}},
    "empty": {"bytes": {"start": 0, "end": 500}, "chunks": {"start": 3, "end": 3}},
    "negative": {"bytes": {"start": -5, "end": 500}, "chunks": {"start": 0, "end": 1}},
    "shorter than its headers": {"bytes": {"start": 0, "end": 20}, "chunks": {"start": 0, "end": 1000}},
    "without bytes": {"chunks": {"start": 0, "end": 1}},
}


@pytest.mark.parametrize("flaw", RANGES)
def test_a_plan_with_an_absurd_range_is_refused(unread, pointer, flaw):
    number, said = unread(PLAN, edit((f"{pointer}/ranges/0", RANGES[flaw])))
    assert number == errno.EIO and ("range" in said or "bytes" in said or "negative" in said)


ADDRESSES = ["file:///etc/passwd", "http://192.0.2.1/x", "http://me:secret@127.0.0.1/x", "", "x" * 40_000, "ftp://127.0.0.1/"]


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda text: text[:24] or "empty")
def test_a_plan_with_an_address_that_can_not_be_used_is_refused(unread, pointer, address):
    number, said = unread(PLAN, edit((f"{pointer}/url", address)))
    assert number == errno.EIO and "address" in said and "secret" not in said and len(said) < 600


def test_a_plan_of_three_hundred_thousand_terms_is_refused(unread):
    text = '{"offset_into_first_range":0,"xorbs":{},"terms":[' + ",".join(['{"a":0}'] * 300_000) + "]}"
    number, said = unread(PLAN, {"replace_body": text}, options=["poll=never"])  # parsing it may take a busy machine seconds
    assert number == errno.EIO and "too many" in said


# ---- addresses and tokens that end


def test_a_signed_address_that_has_expired_is_asked_for_anew(mount, hub, sample, wire):
    rule = strike(hub, XORB, {"status": 403, "body": "Request has expired"}, count=1)
    made = mount("acme/sample", options=QUICKLY)
    assert is_right(made, sample, PLAIN) and hub.fired(rule) == 1
    assert wire.count("reconstruction-v2") >= 2


def test_signed_addresses_that_are_always_expired_are_an_error(mount, hub, sample, wire):
    hub.config(url_ttl=-10)
    made = mount("acme/sample", options=QUICKLY)
    assert failing("read", made / PLAIN, 0, 4096) == errno.EIO
    assert "expired" in complaint(made, f'"{PLAIN}"')
    refused = [row for row in wire.rows("xorb-range") if row["status"] == 403]
    assert 2 <= len(refused) <= 6 and "Signature" not in made.log


@pytest.mark.parametrize("status", [400, 401, 404, 410, 416])
def test_storage_that_denies_what_the_plan_names_is_an_io_error(unread, status):
    number, said = unread(XORB, {"status": status})
    assert number == errno.EIO and str(status) in said


def test_a_xet_token_that_ends_early_is_renewed(mount, hub, sample, wire):
    hub.config(token_ttl=1)
    made = mount("acme/sample", options=QUICKLY)
    assert is_right(made, sample, PLAIN) and is_right(made, sample, LZ4)
    assert wire.count("xet-read-token") >= 1


def test_a_xet_token_that_is_refused_once_is_renewed(mount, hub, sample, wire):
    rule = strike(hub, PLAN, {"status": 401}, count=1)
    made = mount("acme/sample", options=QUICKLY)
    assert is_right(made, sample, PLAIN) and hub.fired(rule) == 1
    assert wire.count("xet-read-token") == 2


def test_xet_tokens_that_are_always_refused_are_an_error(unread):
    number, said = unread(PLAN, {"status": 401})
    assert number == errno.EACCES and "Xet token" in said and READ_TOKEN not in said


# ---- whole contents


def read_through(path):
    """Read a file front to back, past what the first page says."""
    with open(path, "rb", buffering=0) as opened:
        return b"".join(iter(lambda: opened.read(1 << 17), b""))


def test_a_xet_file_that_hashes_wrong_is_found_out_and_fails_from_then_on(mount, hub, sample):
    rule = strike(hub, XORB, flip(HEADER + 1000, 1), count=2)  # a read ahead may be the first
    made = mount("acme/sample", options=["poll=never"])
    try:
        assert read_through(made / PLAIN) != sample.bytes(PLAIN)
    except OSError as error:
        assert error.errno == errno.EIO
    assert hub.fired(rule) == 2
    wait_until(lambda: made.cli("info", "--json", made / PLAIN).json["verified"] == "bad", "the verdict", BOUND)
    assert "hash" in made.cli("info", made / PLAIN).out
    assert "error xet" in complaint(made, "does not have the hash")
    made.drop_pages(PLAIN)
    assert failing("read", made / PLAIN, 0, 4096) == errno.EIO
    assert is_right(made, sample, LZ4)
    made.umount()
    made.again()
    assert failing("read", made / PLAIN, 0, 4096) == errno.EIO, "the verdict outlives the mount"
    other = mount("acme/sample", options=["poll=never"], like=made)
    assert failing("read", other / PLAIN, 0, 4096) == errno.EIO
    made.cli("cache", "clear")
    assert is_right(made, sample, PLAIN) and is_right(other, sample, PLAIN)


def test_an_lfs_file_that_hashes_wrong_is_found_out(mount, hub, basic):
    rule = strike(hub, {"origin": "cdn", "path_regex": "^/lfs/"}, flip(1000, 1), count=1)
    made = mount("acme/basic", options=["poll=never"])
    try:
        assert read_through(made / "exact.bin") != basic.bytes("exact.bin")
    except OSError as error:
        assert error.errno == errno.EIO
    assert hub.fired(rule) == 1
    wait_until(lambda: made.cli("info", "--json", made / "exact.bin").json["verified"] == "bad", "the verdict", BOUND)
    made.drop_pages("exact.bin")
    assert failing("read", made / "exact.bin", 0, 4096) == errno.EIO


@pytest.mark.quick
def test_a_git_file_with_other_bytes_is_never_shown(mount, hub, sample):
    hub.config(resolve_cache=False)
    rule = strike(hub, {"path_regex": "/resolve/.*/config.json$"}, flip(3, 1))
    made = mount("acme/sample", options=QUICKLY)
    assert failing("read", made / "config.json", 0, 10) == errno.EIO
    said = complaint(made, '"config.json"')
    assert "acme/sample/config.json" in said and "not the content that it lists" in said and hub.fired(rule) > 0
    assert os.listdir(made.path)
