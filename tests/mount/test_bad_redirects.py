# SPDX-License-Identifier: Apache-2.0
"""Redirects that go in circles, nowhere, or to strangers: followed a few times, and never with a credential to another host."""

import errno

import pytest
from bad_servers import Servers
from hub.client import READ_TOKEN
from refusal import QUICKLY, complaint, failing, is_right, refused, strike

INFO = {"origin": "hub", "path_regex": "^/api/models/acme/sample$"}
RESOLVE = {"origin": "hub", "path_regex": "/resolve/"}


@pytest.fixture
def servers():
    with Servers() as made:
        yield made


@pytest.fixture
def unread(mount, hub, sample):
    """unread(location) -> (errno, sentence) of reading README.md when its resolve redirects there."""

    def provoke(location, status=302, match=RESOLVE):
        rule = strike(hub, match, {"redirect": {"location": location, "status": status}})
        made = mount("acme/sample", options=QUICKLY, token=READ_TOKEN)
        answer = failing("read", made / "README.md", 0, 10), complaint(made, '"README.md"')
        assert hub.fired(rule) > 0 and "acme/sample/README.md" in answer[1]
        return answer

    return provoke


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_itself_is_a_loop(unread, hub, sample, status):
    number, said = unread(f"/acme/sample/resolve/{sample.head}/README.md", status)
    assert number == errno.EIO and "loop" in said


def test_two_redirects_to_each_other_are_a_loop(unread, hub):
    back = strike(hub, {"path_regex": "^/somewhere$"}, {"redirect": "/elsewhere"})
    strike(hub, {"path_regex": "^/elsewhere$"}, {"redirect": "/somewhere"})
    number, said = unread("/somewhere")
    assert number == errno.EIO and "loop" in said and hub.fired(back) > 0


def test_redirects_without_end_end_after_five(unread, hub, wire):
    for step in range(1, 9):
        strike(hub, {"path_regex": f"^/step{step}$"}, {"redirect": f"/step{step + 1}"})
    number, said = unread("/step1")
    assert number == errno.EIO and "more than 5 redirects" in said
    assert len([row for row in wire.rows() if row["path"].startswith("/step")]) == 5


def test_a_repository_info_that_redirects_to_itself_is_status_4(hub, home, sample):
    rule = strike(hub, INFO, {"redirect": {"location": "/api/models/acme/sample", "status": 307}})
    said = refused(hub, home, "acme/sample", status=4)
    assert "acme/sample" in said and "redirects" in said and hub.fired(rule) > 0


NOWHERE = ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/_x", "http://", "http://[::1", "http://127.0.0.1:99999/", "javascript:x", "x" * 40_000]


@pytest.mark.parametrize("location", NOWHERE, ids=lambda text: text[:24])
def test_a_redirect_to_no_address_is_refused(unread, location):
    number, said = unread(location)
    assert number == errno.EIO and len(said) < 600


def test_a_redirect_without_an_address_is_refused(mount, hub, sample):
    rule = strike(hub, RESOLVE, {"status": 302})
    made = mount("acme/sample", options=QUICKLY)
    assert failing("read", made / "README.md", 0, 10) == errno.EIO
    assert "no usable address" in complaint(made, '"README.md"') and hub.fired(rule) > 0


def test_a_redirect_with_a_password_in_it_is_refused_and_not_repeated(unread, servers):
    number, said = unread(f"http://user:hunter2@127.0.0.1:{servers.stranger()}/x")
    assert number == errno.EIO and "hunter2" not in said and servers.heard == []


def test_a_redirect_to_plain_http_on_another_host_is_refused(unread):
    number, said = unread("http://192.0.2.1/x")
    assert number == errno.EIO and "plain http is refused" in said and "192.0.2.1" in said


# ---- strangers


def reply_for(data):
    """An answer with these bytes for a read of the whole file."""
    head = f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-{len(data) - 1}/{len(data)}\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


@pytest.mark.quick
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("status", [302, 307])
def test_another_host_or_port_gets_no_credential(mount, hub, sample, servers, host, status):
    port = servers.stranger(reply_for(sample.bytes("README.md")))
    rule = strike(hub, RESOLVE, {"redirect": {"location": f"http://{host}:{port}/mirror/README.md", "status": status}})
    made = mount("acme/sample", options=QUICKLY, token=READ_TOKEN)
    assert is_right(made, sample, "README.md") and hub.fired(rule) == 1
    assert len(servers.heard) == 1
    asked = servers.heard[0].lower()
    assert asked.startswith("get /mirror/readme.md ") and "range: bytes=" in asked
    assert "authorization" not in asked and "cookie" not in asked and READ_TOKEN not in asked


@pytest.mark.parametrize("stage", ["/api/models/acme/sample$", "/tree/", "/xet-read-token/", "/reconstructions/"])
def test_a_question_that_is_redirected_to_a_stranger_is_not_asked_there(mount, hub, home, sample, servers, stage):
    port = servers.stranger(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    rule = strike(hub, {"path_regex": stage}, {"redirect": {"location": f"http://127.0.0.1:{port}/x", "status": 307}})
    if stage.endswith("$"):
        said = refused(hub, home, "acme/sample", status=4, environment={"HF_TOKEN": READ_TOKEN})
    else:
        made = mount("acme/sample", options=QUICKLY, token=READ_TOKEN)
        assert failing("read", made / "noise.bin", 0, 10) == errno.EIO
        said = made.log
    assert hub.fired(rule) > 0 and not servers.heard and "to another server" in said


def test_a_strangers_redirect_back_to_the_hub_gets_no_credential_again(mount, hub, sample, servers, wire):
    back = f"{hub.endpoint}/acme/sample/resolve/main/README.md"
    port = servers.stranger(f"HTTP/1.1 302 Found\r\nLocation: {back}\r\nContent-Length: 0\r\n\r\n".encode())
    strike(hub, {"path_regex": f"/resolve/{sample.head}/"}, {"redirect": f"http://localhost:{port}/x"})
    made = mount("acme/sample", options=QUICKLY, token=READ_TOKEN)
    assert is_right(made, sample, "README.md")
    returned = [row for row in wire.rows("resolve") if "/resolve/main/" in row["path"]]
    assert returned and {row["auth"] for row in returned} == {"none"} and servers.heard


def test_a_strangers_wrong_bytes_are_refused(mount, hub, sample, servers):
    wrong = bytes(len(sample.bytes("README.md")))
    strike(hub, RESOLVE, {"redirect": f"http://127.0.0.1:{servers.stranger(reply_for(wrong))}/x"})
    made = mount("acme/sample", options=QUICKLY)
    assert failing("read", made / "README.md", 0, 10) == errno.EIO
    assert "not the content that it lists" in complaint(made, '"README.md"')


def test_a_signed_xorb_that_redirects_is_followed_without_a_credential(mount, hub, sample, servers):
    rule = strike(hub, {"origin": "cdn"}, {"redirect": f"http://127.0.0.1:{servers.stranger()}/x"})
    made = mount("acme/sample", options=QUICKLY, token=READ_TOKEN)
    assert failing("read", made / "noise.bin", 0, 10) == errno.EIO
    complaint(made, '"noise.bin"')
    assert hub.fired(rule) > 0 and servers.heard and all("authorization" not in head.lower() for head in servers.heard)
