# SPDX-License-Identifier: Apache-2.0
"""HTTP answers that fail, come late, end early, never end, or are for another question.

The way from a mount to a byte has stages, each a request of its own. Every fault strikes at
each stage where it can, with the same promises: the read is right in the end, or fails with
an errno and a sentence within the deadline. Wrong bytes are never shown.
"""

import base64
import errno
import gzip
import hashlib
import re

import pytest
from refusal import QUICKLY, complaint, failing, is_right, names, outcome, refused, strike

STAGES = {
    "repo info": {"origin": "hub", "path_regex": "^/api/models/acme/sample$"},
    "tree": {"origin": "hub", "path_regex": "/tree/"},
    "resolve": {"origin": "hub", "path_regex": "/resolve/"},
    "token": {"origin": "hub", "path_regex": "/xet-read-token/"},
    "plan": {"origin": "cas", "path_regex": "/reconstructions/"},
    "xorb": {"origin": "cdn", "path_regex": "^/xorbs/"},
}
PATIENTLY = ["timeout=20", "poll=never"]  # 16 MiB come first
FILES = {"resolve": "README.md", "token": "noise.bin", "plan": "noise.bin", "xorb": "noise.bin"}


@pytest.fixture
def failing_at(mount, hub, home, sample):
    """failing_at(stage, action, options) -> (errno or exit status, sentence), once the fault has struck."""

    def provoke(stage, action, options=QUICKLY):
        rule = strike(hub, STAGES[stage], action)
        if stage == "repo info":
            answer = 4, refused(hub, home, "acme/sample", status=4)
        else:
            made = mount("acme/sample", options=options)
            if stage == "tree":
                answer = failing("list", made.path), complaint(made, "could not be listed")
            else:
                answer = failing("read", made / FILES[stage], 0, 4096), complaint(made, f'"{FILES[stage]}"')
        assert hub.fired(rule) > 0, "the fault did not strike"
        assert "acme/sample" in answer[1], answer[1]
        return answer

    return provoke


def code(stage, number):
    """What failing_at() gives at this stage where a system call would get errno `number`."""
    return 4 if stage == "repo info" else number


# ---- silence


@pytest.mark.parametrize("stage", STAGES)
def test_a_request_that_is_never_answered_ends_at_the_deadline(failing_at, stage):
    number, said = failing_at(stage, {"stall": True})
    assert number == code(stage, errno.ETIMEDOUT) and "deadline" in said


@pytest.mark.parametrize("stage", ["resolve", "xorb"])
def test_a_body_that_stops_half_way_ends_at_the_deadline(failing_at, stage):
    number, _ = failing_at(stage, {"stall": {"after": 10}})
    assert number == errno.ETIMEDOUT


def test_names_are_asked_for_one_by_one_until_the_deadline(mount, hub, sample):
    hub.config(page_size=3)
    rule = strike(hub, {"path_regex": "/paths-info/"}, {"stall": True})
    made = mount("acme/sample", options=QUICKLY)
    assert failing("stat", made / "prompts.bin") == errno.ETIMEDOUT
    assert "acme/sample/prompts.bin" in complaint(made, "could not be looked up") and hub.fired(rule) > 0


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["tree", "plan", "xorb"])
def test_a_server_that_is_silent_for_longer_than_the_first_patience_is_heard_by_the_next(mount, hub, sample, stage):
    made = mount("acme/sample")
    rule = strike(hub, STAGES[stage], {"delay_ms": 20000})
    if stage == "tree":
        assert names(made / "notes") == ["deep", "first.txt"]
    else:
        with open(made / "noise.bin", "rb") as file:
            assert file.read(4096) == sample.bytes("noise.bin")[:4096]
    assert hub.fired(rule) >= 2


@pytest.mark.slow
def test_a_server_that_fails_at_first_is_not_waited_for_longer_when_it_is_silent(mount, hub, sample):
    made = mount("acme/sample")
    strike(hub, STAGES["plan"], {"status": 503}, count=2)
    silent = strike(hub, STAGES["plan"], {"stall": True}, count=1)
    with open(made / "noise.bin", "rb") as file:
        assert file.read(4096) == sample.bytes("noise.bin")[:4096]
    assert hub.fired(silent) == 1


# ---- the server's own failures


@pytest.mark.parametrize("stage", ["repo info", "tree", "token", "xorb"])
def test_a_server_that_always_fails_is_an_error_at_the_deadline(failing_at, stage):
    number, said = failing_at(stage, {"status": 500, "body": {"error": "Internal Error"}})
    # The last try may be under way at the deadline.
    assert (number, "500" in said) == (code(stage, errno.EIO), True) or (number, "deadline" in said) == (code(stage, errno.ETIMEDOUT), True)


@pytest.mark.parametrize("status", [501, 400, 418])
def test_a_status_that_makes_no_sense_is_an_error_at_once(failing_at, status):
    number, said = failing_at("tree", {"status": status})
    assert number == errno.EIO and str(status) in said


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_failures_that_pass_are_not_seen_at_all(mount, hub, sample, status):
    rules = [strike(hub, match, {"status": status}, count=1) for match in STAGES.values()]
    made = mount("acme/sample")
    assert "README.md" in names(made.path)
    assert is_right(made, sample, "README.md") and is_right(made, sample, "noise.bin")
    assert all(hub.fired(rule) == 1 for rule in rules)


@pytest.mark.parametrize("action", [{"reset": True}, {"reset": {"after": 20}}, {"truncate": 20}, {"truncate": 0}], ids=str)
def test_connections_that_break_once_are_not_seen_at_all(mount, hub, sample, action):
    rules = [strike(hub, match, action, count=1) for match in STAGES.values()]
    made = mount("acme/sample")
    assert "README.md" in names(made.path)
    assert is_right(made, sample, "README.md") and is_right(made, sample, "noise.bin")
    assert all(hub.fired(rule) == 1 for rule in rules)


@pytest.mark.parametrize("stage", ["repo info", "resolve", "plan"])
def test_answers_that_always_end_early_are_an_error_at_the_deadline(failing_at, stage):
    number, said = failing_at(stage, {"truncate": 20})
    assert number in (code(stage, errno.EIO), errno.ETIMEDOUT) and ("ended early" in said or "deadline" in said)


# ---- limits


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_the_server_asks_for_is_kept_within_the_deadline(mount, hub, sample, status):
    action = {"status": status, "headers": {"Retry-After": "1"}}
    rules = [strike(hub, STAGES[stage], action, count=1) for stage in ("repo info", "tree", "plan")]
    made = mount("acme/sample", options=["timeout=20"])
    assert "README.md" in names(made.path) and is_right(made, sample, "noise.bin")
    assert all(hub.fired(rule) == 1 for rule in rules)
    hours = [row["time"] for row in hub.requests() if row["kind"] == "repo-info"]
    assert hours[1] - hours[0] >= 1, "it came back earlier than it was told"


@pytest.mark.parametrize("stage", ["repo info", "tree"])
def test_a_quota_that_is_used_up_for_longer_than_the_deadline_is_busy_at_once(failing_at, stage):
    number, said = failing_at(stage, {"status": 429, "headers": {"RateLimit": '"api";r=0;t=250'}})
    assert number == code(stage, errno.EBUSY) and "rate limit" in said
    # t is rounded down, and a request after the first counts down from what that one heard.
    seconds = int(re.search(r"starts anew in (\d+) s", said)[1])
    assert 150 < seconds <= 251


def test_a_quota_that_is_used_up_leaves_what_is_cached(mount, hub, sample):
    made = mount("acme/sample", options=QUICKLY)
    assert is_right(made, sample, "README.md")
    rule = strike(hub, {"origin": "hub"}, {"status": 429, "headers": {"RateLimit": '"resolvers";r=0;t=250'}})
    assert failing("read", made / "config.json", 0, 10) == errno.EBUSY and hub.fired(rule) > 0
    made.drop_pages("README.md")
    assert is_right(made, sample, "README.md")


@pytest.mark.parametrize("value", ["315360000", "soon", "99999999999999999999999", "Fri, 31 Dec 2199 23:59:59 GMT"])
def test_an_absurd_wish_to_wait_hangs_nobody(failing_at, value):
    number, said = failing_at("tree", {"status": 429, "headers": {"Retry-After": value}})
    assert number == errno.EBUSY and "429" in said


# ---- bodies that are too long


def test_a_repository_info_that_never_ends_is_an_error(failing_at):
    number, said = failing_at("repo info", {"oversize": "endless"})
    assert number == 4 and "longer than" in said


@pytest.mark.parametrize("stage", ["tree", "token", "plan"])
def test_json_that_never_ends_is_an_error(failing_at, stage):
    number, said = failing_at(stage, {"oversize": "endless"}, PATIENTLY)
    assert number == errno.EIO and "longer than" in said


def test_an_error_page_that_never_ends_is_an_error(failing_at):
    number, said = failing_at("tree", {"status": 400, "oversize": "endless"})
    assert number == errno.EIO and "400" in said


def test_json_that_unpacks_to_gigabytes_is_an_error(failing_at, hub):
    hub.config(gzip=False)
    bomb = base64.b64encode(gzip.compress(b" " * (64 << 20), 1)).decode()
    action = {"replace_body": {"b64": bomb}, "add_header": {"Content-Encoding": "gzip"}}
    number, said = failing_at("tree", action, PATIENTLY)
    assert number == errno.EIO and "longer than" in said


@pytest.mark.parametrize("extra", [10, "endless"])
@pytest.mark.parametrize("stage", ["resolve", "xorb"])
def test_more_bytes_than_were_asked_for_are_never_shown(mount, hub, sample, stage, extra):
    hub.config(resolve_cache=False)
    rule = strike(hub, STAGES[stage], {"oversize": extra, "flip": {"offset": 0, "mask": 0}})
    made = mount("acme/sample", options=QUICKLY)
    size = len(sample.bytes(FILES[stage]))
    for offset in (0, size // 2, size - 1):
        answer = outcome("read", made / FILES[stage], offset, 4096)
        part = sample.bytes(FILES[stage])[offset : offset + 4096]
        assert answer in ({"errno": errno.EIO}, {"sha256": hashlib.sha256(part).hexdigest(), "bytes": len(part)})
    assert hub.fired(rule) > 0


# ---- answers that are for another question


@pytest.mark.parametrize("stage", ["resolve", "xorb"])
@pytest.mark.parametrize("wrong", [1, -1, 4096, "bytes 0-0/1", "bytes */77", "bytes 5-1/9", "lines 1-2/3", "bytes 0-18446744073709551615/*"])
def test_a_range_that_was_not_asked_for_is_refused(failing_at, hub, stage, wrong):
    hub.config(resolve_cache=False)
    number, said = failing_at(stage, {"wrong_range": wrong})
    assert number == errno.EIO and "another range" in said


@pytest.mark.parametrize("stage", ["resolve", "xorb"])
@pytest.mark.parametrize("action", [{"drop_header": "Content-Range"}, {"add_header": {"Content-Range": "bytes 0-1/2"}}], ids=["missing", "doubled"])
def test_a_range_that_is_not_told_clearly_is_refused(failing_at, hub, stage, action):
    hub.config(resolve_cache=False)
    number, said = failing_at(stage, action)
    assert number == errno.EIO and "another range" in said


@pytest.mark.parametrize("stage", ["resolve", "xorb"])
def test_a_server_that_ignores_ranges_is_refused(failing_at, hub, stage):
    hub.config(resolve_cache=False)
    number, said = failing_at(stage, {"full_for_range": True})
    assert number == errno.EIO and "ignored the range" in said and "200" in said


@pytest.mark.parametrize("action", [{"wrong_range": 1}, {"full_for_range": True}, {"drop_header": "Content-Range"}], ids=str)
def test_lfs_files_are_as_strict_about_ranges(mount, hub, basic, action):
    rule = strike(hub, {"origin": "cdn", "path_regex": "^/lfs/"}, action)
    made = mount("acme/basic", options=QUICKLY)
    assert failing("read", made / "weights.bin", 70_000, 4096) == errno.EIO
    assert "acme/basic/weights.bin" in complaint(made, '"weights.bin"') and hub.fired(rule) > 0


@pytest.mark.parametrize("stage", STAGES)
def test_an_answer_that_is_not_http_is_an_error(failing_at, stage):
    number, said = failing_at(stage, {"garbage_head": True})
    assert number == code(stage, errno.EIO) and "unusable" in said


def test_a_head_that_never_ends_is_an_error(failing_at):
    endless = "HTTP/1.1 200 OK\r\n" + "".join(f"X-Filler-{n}: {'x' * 4000}\r\n" for n in range(400))
    number, said = failing_at("tree", {"garbage_head": endless + "\r\n"})
    assert number == errno.EIO and "Too large response headers" in said


def test_a_length_that_no_body_has_is_an_error(failing_at):
    number, said = failing_at("tree", {"garbage_head": "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n[]"})
    assert number == errno.EIO and "Content-Length" in said
