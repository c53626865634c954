# SPDX-License-Identifier: Apache-2.0
"""JSON that is none, or that says what can't be: refused as a whole, with a sentence that says what is wrong with it."""

import base64
import errno
import json

import pytest
from harness import Mount
from refusal import QUICKLY, complaint, failing, names, refused, strike

STAGES = {
    "repo info": {"origin": "hub", "path_regex": "^/api/models/acme/sample$"},
    "tree": {"origin": "hub", "path_regex": "/tree/"},
    "paths-info": {"origin": "hub", "path_regex": "/paths-info/"},
    "token": {"origin": "hub", "path_regex": "/xet-read-token/"},
    "plan": {"origin": "cas", "path_regex": "/reconstructions/"},
}
SHA = "1" * 40


@pytest.fixture(scope="module")
def unlisted(_hub_process, sample):
    """{"tree": mount, "paths-info": mount}: a failed listing or lookup leaves nothing behind, so one mount serves many."""
    options = [*QUICKLY, "prefetch=off"]  # which asks for nothing before it is looked at
    with Mount("acme/sample", _hub_process, options=options) as one, Mount("acme/sample", _hub_process, options=options) as other:
        yield {"tree": one, "paths-info": other}


@pytest.fixture
def refused_at(mount, hub, home, sample, unlisted):
    """refused_at(stage, action) -> the sentence, when the answer was refused as an unusable one."""

    def try_to_look(stage):
        made = unlisted[stage]
        start = len(made.log)
        if stage == "tree":
            assert failing("list", made.path) == errno.EIO
            return complaint(made, "could not be listed", start)
        hub.config(page_size=3)
        assert failing("stat", made / "prompts.bin") == errno.EIO
        return complaint(made, "could not be looked up", start)

    def try_to_read():
        made = mount("acme/sample", options=QUICKLY)
        assert failing("read", made / "noise.bin", 0, 4096) == errno.EIO
        return complaint(made, '"noise.bin"')

    def provoke(stage, action):
        rule = strike(hub, STAGES[stage], action)
        if stage == "repo info":
            said = refused(hub, home, "acme/sample", status=4)
        else:
            said = try_to_look(stage) if stage in unlisted else try_to_read()
        assert hub.fired(rule) > 0, "the fault did not strike"
        assert "acme/sample" in said, said
        return said

    return provoke


def body(data):
    return {"replace_body": {"b64": base64.b64encode(data).decode()}}


BODIES = {
    "nothing": (b"", "not JSON"),
    "a page of HTML": (b"<html><body>Bad Gateway</body></html>", "JSON"),
    "half an object": (b'{"id": "acme/sample", "sha": "', "ends"),
    "two values": (b"{} {}", "goes on after its end"),
    "a NUL byte": (b'{"id": "acme/\0sample"}', "JSON"),
    "an escaped NUL": (b'{"id": "acme/sample\\u0000.evil"}', "NUL"),
    "a raw newline in a string": (b'{"id": "acme\nsample"}', "control character"),
    "bytes that are not UTF-8": (b'{"id": "acme/\xff\xfe"}', "UTF-8"),
    "overlong UTF-8": (b'{"id": "acme\xc0\xafsample"}', "UTF-8"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "JSON"),
    "a key twice": (b'{"id": "a", "sha": "b", "id": "c"}', "twice"),
    "a thousand levels": (b"[" * 1000 + b"]" * 1000, "nested too deeply"),
    "closing brackets alone": (b"]]]", "JSON"),
    "a number": (b"42", "JSON|list"),
    "null": (b"null", "JSON|list"),
}


BEHIND_A_READ = ("nothing", "half an object", "an escaped NUL", "a key twice", "a number")
DOCUMENTS = [(stage, flaw) for stage in STAGES for flaw in BODIES if stage not in ("token", "plan") or flaw in BEHIND_A_READ]


@pytest.mark.parametrize("stage, flaw", DOCUMENTS)
def test_what_is_not_the_json_that_was_asked_for_is_refused(refused_at, stage, flaw):
    data, words = BODIES[flaw]
    said = refused_at(stage, body(data))
    assert any(word in said for word in words.split("|")), said


@pytest.mark.parametrize("stage", ["tree", "plan"])
def test_a_million_values_are_too_many(refused_at, stage):
    assert "too many values" in refused_at(stage, body(b"[" + b"0," * (1 << 20) + b"0]"))


def test_a_page_with_ten_thousand_and_one_entries_is_too_long(refused_at):
    entries = [{"type": "file", "path": f"f{number}", "oid": SHA, "size": 1} for number in range(10_001)]
    assert "more than 10000 entries" in refused_at("tree", body(json.dumps(entries).encode()))


def edit(pointer, value):
    return {"replace_json": {"set": [[pointer, value]]}}


def without(pointer):
    return {"replace_json": {"remove": [pointer]}}


FIELDS = {
    "repo info": {
        "no id": (without("/id"), '"id"'),
        "an id that is a number": (edit("/id", 7), '"id"'),
        "an id that climbs": (edit("/id", "../../etc"), "legal id"),
        "an id that never ends": (edit("/id", "acme/" + "x" * 100_000), "legal id"),
        "no commit": (without("/sha"), '"sha"'),
        "a commit that is null": (edit("/sha", None), '"sha"'),
        "a commit that is a list": (edit("/sha", [SHA]), '"sha"'),
        "a commit of 39 digits": (edit("/sha", SHA[1:]), "no commit id"),
        "a commit with a path in it": (edit("/sha", "../" + SHA[3:]), "no commit id"),
    },
    "tree": {
        "no type": (without("/0/type"), '"type"'),
        "no path": (without("/0/path"), '"path"'),
        "a path that is a number": (edit("/0/path", 5), '"path"'),
        "no oid": (without("/0/oid"), '"oid"'),
        "an oid that is no hash": (edit("/0/oid", "zz" * 20), "git id"),
        "a size that is negative": (edit("/-", {"type": "file", "path": "x", "oid": SHA, "size": -1}), "negative"),
        "a size that is fractional": (edit("/-", {"type": "file", "path": "x", "oid": SHA, "size": 1.5}), "fractional"),
        "a size beyond all files": (edit("/-", {"type": "file", "path": "x", "oid": SHA, "size": 1e300}), "too large"),
        "a size past what doubles hold": (edit("/-", {"type": "file", "path": "x", "oid": SHA, "size": 2**53}), "too large"),
        "a size that is a text": (edit("/-", {"type": "file", "path": "x", "oid": SHA, "size": "1"}), '"size"'),
        "no size": (edit("/-", {"type": "file", "path": "x", "oid": SHA}), '"size"'),
        "an entry that is a text": (edit("/-", "x"), '"type"'),
        "a Xet hash of 5 digits": (edit("/-", {"type": "file", "path": "x", "oid": SHA, "size": 1, "xetHash": "abcde"}), "Xet hash"),
        "an LFS hash of no digits": (
            edit("/-", {"type": "file", "path": "x", "oid": SHA, "size": 1, "lfs": {"oid": "g" * 64, "size": 1}}),
            "LFS hash",
        ),
    },
    "paths-info": {
        "an object": (edit("", {"entries": []}), "not a list"),
        "no oid": (without("/0/oid"), '"oid"'),
        "a size that is negative": (edit("/0/size", -5), "negative"),
    },
    "token": {
        "no token": (without("/accessToken"), '"accessToken"'),
        "a token that is a number": (edit("/accessToken", 12345678901234), '"accessToken"'),
        "an empty token": (edit("/accessToken", ""), "unusable Xet token"),
        "a token with a line end": (edit("/accessToken", "abc\r\nHost: evil"), "unusable Xet token"),
        "a token that never ends": (edit("/accessToken", "x" * 100_000), "unusable Xet token"),
        "no storage address": (without("/casUrl"), '"casUrl"'),
        "a storage address of another kind": (edit("/casUrl", "file:///etc"), "casUrl"),
        "a storage address with a password": (edit("/casUrl", "http://a:b@127.0.0.1:1"), "casUrl"),
        "a storage address with a query": (edit("/casUrl", "http://127.0.0.1:1/?x="), "casUrl"),
        "a storage address without encryption": (edit("/casUrl", "http://192.0.2.1"), "without encryption"),
        "no end": (without("/exp"), '"exp"'),
        "an end before the beginning": (edit("/exp", -1), "negative"),
        "an end that is a text": (edit("/exp", "tomorrow"), '"exp"'),
    },
    "plan": {
        "no terms": (without("/terms"), '"terms"'),
        "no xorbs": (without("/xorbs"), '"xorbs"'),
        "no offset": (without("/offset_into_first_range"), "offset_into_first_range"),
        "an offset that is negative": (edit("/offset_into_first_range", -1), "negative"),
        "terms that are an object": (edit("/terms", {}), '"terms"'),
        "a term without a hash": (without("/terms/0/hash"), '"hash"'),
        "a term with half a hash": (edit("/terms/0/hash", "ab" * 16), "no hash"),
        "a term of no length": (edit("/terms/0/unpacked_length", 0), "impossible length"),
        "a term of a fractional length": (edit("/terms/0/unpacked_length", 0.5), "fractional"),
        "a term of an absurd length": (edit("/terms/0/unpacked_length", 2**52), "impossible length"),
        "a term that is reversed": (edit("/terms/0/range", {"start": 5, "end": 1}), "impossible length"),
        "a term past any xorb": (edit("/terms/0/range", {"start": 0, "end": 2**40}), "past the end"),
    },
}
CASES = [(stage, flaw) for stage, flaws in FIELDS.items() for flaw in flaws]


@pytest.mark.parametrize("stage, flaw", CASES)
def test_a_field_that_can_not_be_is_named(refused_at, stage, flaw):
    action, words = FIELDS[stage][flaw]
    assert words in refused_at(stage, action)


def test_an_answer_that_was_refused_is_asked_for_anew(mount, hub, sample):
    rule = strike(hub, STAGES["tree"], body(b"<html>"), count=1)
    made = mount("acme/sample", options=[*QUICKLY, "prefetch=off"])
    assert failing("list", made.path) == errno.EIO and hub.fired(rule) == 1
    assert "README.md" in names(made.path)


@pytest.mark.parametrize("stage", ["tree", "token"])
def test_what_was_refused_while_mounting_is_asked_for_by_who_needs_it(mount, hub, sample, wire, stage):
    rule = strike(hub, STAGES[stage], body(b"<html>"), count=1)
    made = mount("acme/sample", options=QUICKLY)
    wire.wait_mounted()
    assert hub.fired(rule) == 1
    assert (made / "noise.bin").read_bytes() == sample.bytes("noise.bin")


def test_fields_that_nobody_asked_for_do_no_harm(mount, hub, sample):
    extra = {"set": [["/surprise", {"deep": [1, {"er": None}]}], ["/private", "maybe"], ["/gated", 17], ["/lastModified", "yesterday"]]}
    rule = strike(hub, STAGES["repo info"], {"replace_json": extra})
    made = mount("acme/sample", options=QUICKLY)
    assert "README.md" in names(made.path) and hub.fired(rule) == 1
