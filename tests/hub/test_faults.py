# SPDX-License-Identifier: Apache-2.0
"""Every action of the fault plan does what README.md says, seen from a raw socket."""

import http.client
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from .asking import ask
from .client import WRITE_TOKEN, ControlError

BODY = b"0123456789" * 100
PATH = "/alice/m/raw/main/x.txt"


@pytest.fixture
def file(hub):
    """URL of a file with a known body."""
    hub.repo("alice/m")
    hub.commit("alice/m", [{"add": "x.txt", "text": BODY.decode()}])
    return hub.endpoint + PATH


def raw(url, path=PATH, seconds=5, extra=""):
    """Everything the server sends until it closes, or what came when it stalls; the second value says how it ended."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode())
        data = b""
        try:
            while piece := sock.recv(65536):
                data += piece
                if len(data) > 10_000_000:
                    return data, "endless"
            return data, "closed"
        except ConnectionResetError:
            return data, "reset"
        except TimeoutError:
            return data, "silent"


def body_of(data):
    """What follows the head."""
    return data.partition(b"\r\n\r\n")[2]


def arm(hub, action, **rule):
    """One rule for the file."""
    return hub.faults({"match": {"origin": "hub", "path_regex": "x.txt$"}, "action": action, **rule})[0]


@pytest.mark.parametrize(
    ("action", "sent", "ending"),
    [
        ({"truncate": 100}, BODY[:100], "closed"),
        ({"truncate": 0}, b"", "closed"),
        ({"reset": {"after": 100}}, None, "reset"),
        ({"reset": True}, None, "reset"),
        ({"stall": {"after": 100}}, BODY[:100], "silent"),
        ({"stall": True}, b"", "silent"),
        ({"oversize": "endless"}, None, "endless"),
    ],
)
def test_bodies_that_end_wrongly(hub, file, action, sent, ending):
    number = arm(hub, action)
    data, how = raw(file, seconds=5 if ending == "silent" else 30)
    assert how == ending
    if sent is not None:
        assert body_of(data) == sent
    assert hub.fired(number) == 1
    assert ask(file)[2] == BODY


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ({"flip": 0}, b"1" + BODY[1:]),
        ({"flip": {"offset": -1, "mask": 0x80}}, BODY[:-1] + b"\xb9"),
        ({"replace_body": "other"}, b"other"),
        ({"replace_body": {"b64": "AP8="}}, b"\x00\xff"),
        ({"oversize": 5}, BODY + b"\xa5" * 5),
        ({"drop_header": "Content-Length"}, BODY),
        ({"delay_ms": 100}, BODY),
        ({"drip": {"bytes": 500, "ms": 50}}, BODY),
    ],
)
def test_bodies_that_differ(hub, file, action, expected):
    arm(hub, action)
    started = time.monotonic()
    assert ask(file)[2] == expected
    if action.keys() & {"delay_ms", "drip"}:
        assert time.monotonic() - started >= 0.1
    assert hub.fired() == 1 and ask(file)[2] == BODY


def test_made_up_answers_and_redirects(hub, file):
    arm(hub, {"status": 503, "headers": {"Retry-After": "1"}, "body": "busy"})
    status, headers, body = ask(file)
    assert (status, headers["Retry-After"], body) == (503, "1", b"busy")
    arm(hub, {"redirect": {"location": "http://elsewhere.invalid/", "status": 308}})
    status, headers, _ = ask(file)
    assert (status, headers["Location"]) == (308, "http://elsewhere.invalid/")


def test_garbage_instead_of_a_head(hub, file):
    arm(hub, {"garbage_head": "SSH-2.0-OpenSSH\r\n"})
    assert raw(file) == (b"SSH-2.0-OpenSSH\r\n", "closed")
    arm(hub, {"garbage_head": True})
    with pytest.raises(http.client.HTTPException):
        ask(file)


def test_headers_are_added_and_dropped(hub, file):
    arm(hub, {"add_header": {"X-Odd": "1"}, "drop_header": ["X-Repo-Commit"]})
    _, headers, _ = ask(file)
    assert headers["X-Odd"] == "1" and headers["X-Repo-Commit"] is None


def test_range_answers_that_lie(hub):
    hub.repo("alice/m", private=True)
    hub.commit("alice/m", [{"add": "x.txt", "text": BODY.decode()}])
    url = f"{hub.endpoint}/alice/m/resolve/main/x.txt"
    hub.faults(
        [{"action": {"wrong_range": True}}, {"action": {"wrong_range": "bytes 0-1/2"}}, {"action": {"full_for_range": True}}]
    )
    answers = [ask(url, token=WRITE_TOKEN, Range="bytes=10-19") for _ in range(4)]
    assert [headers["Content-Range"] for _, headers, _ in answers] == [
        "bytes 11-20/1000",
        "bytes 0-1/2",
        None,
        "bytes 10-19/1000",
    ]
    assert answers[2][0] == 200 and answers[2][2] == BODY


def test_json_answers_are_edited(hub, file):
    path = f"{hub.endpoint}/api/models/alice/m/tree/main"
    hub.faults(
        {
            "match": {"path_regex": "/tree/"},
            "action": {"replace_json": {"set": [["/0/path", "../x"], ["/-", {"a": 1}]], "remove": ["/1/oid"]}},
        }
    )
    items = json.loads(ask(path)[2])
    assert items[0]["path"] == "../x" and "oid" not in items[1] and items[2] == {"a": 1}
    hub.faults({"match": {"path_regex": "/revision/"}, "action": {"replace_json": {"merge": {"sha": None, "id": {"x": 1}}}}})
    info = json.loads(ask(f"{hub.endpoint}/api/models/alice/m/revision/main")[2])
    assert "sha" not in info and info["id"] == {"x": 1}


def test_a_fault_that_cannot_be_applied_is_a_violation(hub, file):
    arm(hub, {"replace_json": {"merge": {}}})
    assert ask(file)[0] == 500
    assert hub.violations()[0]["what"].startswith("fault 0 could not be applied")
    hub.clear_violations()


def test_the_log_says_whether_a_credential_came_even_when_a_fault_answers(hub, file):
    hub.reset_requests()
    hub.faults({"count": -1, "action": {"status": 500}})
    ask(file, token=WRITE_TOKEN)
    ask(file)
    ask(hub.urls["cas"] + "/v2/shards", "POST", token="x")
    assert [(row["kind"], row["auth"]) for row in hub.requests()] == [("raw", "write"), ("raw", "none"), ("shard-v2", "unread")]


def commit(hub, parent=None, path="new.txt"):
    """One commit by the API."""
    header = {"summary": "Mine"} | ({"parentCommit": parent} if parent else {})
    lines = [{"key": "header", "value": header}, {"key": "file", "value": {"path": path, "content": "x"}}]
    return ask(f"{hub.endpoint}/api/models/alice/m/commit/main", "POST", "\n".join(map(json.dumps, lines)), WRITE_TOKEN)


def head(hub):
    """Commit of main."""
    return json.loads(ask(f"{hub.endpoint}/api/models/alice/m/revision/main?expand=sha")[2])["sha"]


def test_a_lost_reply_leaves_the_commit_done(hub, file):
    before = head(hub)
    hub.faults({"match": {"method": "POST", "path_regex": "/commit/"}, "action": {"reply_lost": True}})
    with pytest.raises(ConnectionError):
        commit(hub, before)
    assert head(hub) != before
    assert commit(hub, before)[0] == 412


def test_a_foreign_commit_comes_just_before(hub, file):
    before = head(hub)
    hub.faults({"match": {"path_regex": "/commit/"}, "action": {"foreign_commit": {"path": "foreign.txt", "text": "theirs"}}})
    assert commit(hub, before)[0] == 412
    assert ask(f"{hub.endpoint}/alice/m/raw/main/foreign.txt")[2] == b"theirs"
    assert commit(hub, head(hub))[0] == 200


def test_skip_and_count_choose_which_requests_fail(hub, file):
    number = arm(hub, {"status": 500}, skip=1, count=2)
    assert [ask(file)[0] for _ in range(4)] == [200, 500, 500, 200]
    assert hub.fired(number) == 2
    arm(hub, {"status": 500}, count=-1)
    assert [ask(file)[0] for _ in range(3)] == [500] * 3
    hub.clear()
    assert ask(file)[0] == 200 and hub.fired() == 0


def test_matching_looks_at_origin_method_query_and_headers(hub, file):
    hub.faults({"match": {"origin": "cdn", "path_regex": "x.txt"}, "action": {"status": 500}})
    hub.faults({"match": {"method": "HEAD"}, "action": {"status": 501}})
    hub.faults({"match": {"query_regex": "^a=1$"}, "action": {"status": 502}})
    hub.faults({"match": {"header": {"X-Me": "^yes$"}}, "action": {"status": 503}})
    assert ask(file)[0] == 200
    assert [ask(file, "HEAD")[0], ask(file + "?a=1")[0], ask(file, X_Me="yes")[0]] == [501, 502, 503]


def test_a_rule_strikes_each_so_many_requests(hub, file):
    late = hub.faults({"every": 3, "count": 2, "action": {"status": 503}})[0]
    assert [ask(file)[0] for _ in range(9)] == [200, 200, 503, 200, 200, 503, 200, 200, 200]
    assert hub.fired(late) == 2


def test_mistakes_in_a_rule_are_refused(hub):
    for rule in (
        {"action": {"explode": 1}},
        {"match": {"url": "x"}, "action": {"status": 500}},
        {"match": {"path_regex": "("}, "action": {"status": 500}},
    ):
        with pytest.raises(ControlError):
            hub.faults(rule)
    with pytest.raises(ControlError):
        hub.config(latencyms=3)


def test_many_stalled_requests_block_nobody_and_can_be_released(hub, file):
    hub.faults({"match": {"query_regex": "stall"}, "count": -1, "action": {"stall": True}})
    threads = [threading.Thread(target=raw, args=(file, PATH + "?stall", 20)) for _ in range(200)]
    for thread in threads:
        thread.start()
    hub.wait_stalled(200)
    assert len(hub.requests(kind="raw", status=None)) == 200
    assert ask(file)[2] == BODY
    hub.clear()
    for thread in threads:
        thread.join(5)
    assert hub.stalled() == 0


def test_the_log_names_each_request_and_never_a_token(hub, file):
    hub.reset_requests()
    ask(file, token=WRITE_TOKEN, Range="bytes=0-1")
    arm(hub, {"truncate": 10})
    raw(file)
    first, second = hub.requests()
    assert (first["kind"], first["auth"], first["range"], first["status"], first["bytes"]) == (
        "raw",
        "write",
        "bytes=0-1",
        200,
        1000,
    )
    assert (second["fault"], second["bytes"], second["auth"]) == (0, 10, "none")
    assert WRITE_TOKEN not in json.dumps(hub.requests())
    assert hub.requests(since=first["id"]) == [second]
