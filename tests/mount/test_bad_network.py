# SPDX-License-Identifier: Apache-2.0
"""A Hub that can't be reached, or not safely: one sentence with status 4, and what is here already goes on working."""

import errno
import os

import pytest
from bad_servers import Servers, certificate, closed_port
from harness import wait_until
from local_hub import LocalHub
from machine import needs_program, needs_root
from refusal import BOUND, DEADLINE, QUICKLY, complaint, failing, is_right, outcome, refused, strike

CUT_OFF = ["unshare", "--net", "--"]


@pytest.fixture
def servers():
    with Servers() as made:
        yield made


@pytest.fixture(scope="session")
def pem(tmp_path_factory):
    """A certificate that nobody has signed, for 127.0.0.1 and localhost."""
    return certificate(tmp_path_factory.mktemp("pem"), "IP:127.0.0.1", "DNS:localhost")


# ---- nobody there


@pytest.mark.quick
def test_a_hub_that_refuses_connections_is_said_to_be_out_of_reach(hub, home):
    said = refused(hub, home, "acme/sample", status=4, options=[f"endpoint=http://127.0.0.1:{closed_port()}"])
    assert "127.0.0.1 can't be reached" in said


@needs_root
@needs_program("unshare")
def test_a_name_that_can_not_be_resolved_is_said(hub, home):
    said = refused(hub, home, "acme/sample", status=4, options=["endpoint=https://hub.invalid"], prefix=CUT_OFF)
    assert "hub.invalid can't be reached" in said and "resolve" in said


@needs_root
@needs_program("unshare")
def test_a_machine_without_a_network_says_so(hub, home):
    said = refused(hub, home, "acme/sample", status=4, options=["endpoint=https://192.0.2.1"], prefix=CUT_OFF)
    assert "192.0.2.1 can't be reached" in said


@pytest.mark.parametrize("how", ["the deadline of a plain connection", "the deadline of a TLS handshake"])
def test_a_hub_that_accepts_and_says_nothing_ends_at_the_deadline(hub, home, servers, how):
    scheme = "https" if "TLS" in how else "http"
    said = refused(hub, home, "acme/sample", status=4, options=[f"endpoint={scheme}://127.0.0.1:{servers.deaf()}"])
    assert "127.0.0.1" in said and "deadline" in said


@pytest.mark.quick
@pytest.mark.parametrize("way", ["option", "HF_HUB_OFFLINE"])
def test_offline_by_wish_opens_no_connection_and_says_whose_wish_it_was(hub, home, sample, wire, way):
    options, environment = (["offline"], {}) if way == "option" else ([], {"HF_HUB_OFFLINE": "1"})
    said = refused(hub, home, "acme/sample", status=4, options=options, environment=environment)
    assert "offline" in said and "HF_HUB_OFFLINE" in said
    assert wire.rows() == []


@pytest.fixture
def own_hub(tmp_path):
    """A Hub of one's own, to be stopped and started: acme/small with a few files."""
    with LocalHub() as process:
        process.repo("acme/small")
        for name in ("here.txt", "there.txt"):
            process.put("acme/small", name, f"I am {name}\n")
        yield process


def test_a_hub_that_goes_away_leaves_what_is_cached_and_its_return_is_noticed(mount, own_hub):
    made = mount("acme/small", hub=own_hub, options=QUICKLY)
    assert {"here.txt", "there.txt"} < set(os.listdir(made.path))
    assert (made / "here.txt").read_text() == "I am here.txt\n"
    own_hub.stop()
    assert failing("read", made / "there.txt", 0, 10) == errno.ENETUNREACH
    assert "can't be reached" in complaint(made, '"there.txt"')
    made.drop_pages("here.txt")
    assert (made / "here.txt").read_text() == "I am here.txt\n"
    own_hub.start()
    wait_until(lambda: made.cli("refresh", made.path, status=None).status == 0, "the Hub to be noticed again", BOUND)
    wait_until(lambda: outcome("read", made / "there.txt", 0, 100).get("bytes"), "that the failure is forgotten", BOUND)
    assert (made / "there.txt").read_text() == "I am there.txt\n"


def test_a_branch_is_mounted_from_what_was_last_known_when_the_hub_is_gone(mount, own_hub):
    made = mount("acme/small", hub=own_hub, options=QUICKLY)
    assert (made / "here.txt").read_text() == "I am here.txt\n"
    assert {"here.txt", "there.txt"} < set(os.listdir(made.path))
    made.umount()
    own_hub.stop()
    made.again()
    assert (made / "here.txt").read_text() == "I am here.txt\n"
    assert "can't be reached" in complaint(made, "mounting what was last known")
    assert failing("read", made / "there.txt", 0, 10) == errno.ENETUNREACH


def test_a_mount_without_anything_stored_does_not_come_to_be_without_a_hub(hub, home):
    said = refused(hub, home, "acme/small", status=4, options=[f"endpoint=http://127.0.0.1:{closed_port()}"])
    assert "can't be reached" in said


# ---- TLS


@pytest.mark.quick
def test_a_certificate_that_nobody_has_signed_is_refused(hub, home, servers, pem, wire):
    port = servers.tls(hub.endpoint, pem)
    said = refused(hub, home, "acme/sample", status=4, options=[f"endpoint=https://127.0.0.1:{port}"])
    assert "the TLS connection to 127.0.0.1 failed" in said and "ca_file" in said
    assert wire.rows() == []


def test_a_certificate_for_another_host_is_refused(hub, home, servers, tmp_path, wire):
    other = certificate(tmp_path, "DNS:hub.example")
    options = [f"endpoint=https://127.0.0.1:{servers.tls(hub.endpoint, other)}", f"ca_file={other}"]
    said = refused(hub, home, "acme/sample", status=4, options=options)
    assert "the TLS connection to 127.0.0.1 failed" in said
    assert wire.rows() == []


def test_a_server_that_speaks_no_tls_is_refused(hub, home, servers):
    port = servers.stranger(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    said = refused(hub, home, "acme/sample", status=4, options=[f"endpoint=https://127.0.0.1:{port}"])
    assert "the TLS connection to 127.0.0.1 failed" in said


@pytest.mark.parametrize("way", ["ca_file=", "SSL_CERT_FILE"])
def test_a_certificate_file_that_is_missing_is_named(hub, home, way):
    missing = f"{home.home}/no-such.pem"
    options, environment = ([f"ca_file={missing}"], {}) if way == "ca_file=" else ([], {"SSL_CERT_FILE": missing})
    said = refused(hub, home, "acme/sample", status=4, options=options, environment=environment)
    assert f"the certificate file {missing} can't be read" in said


@pytest.fixture
def tls_hub(hub, servers, pem):
    """The Hub behind TLS, all three origins; the endpoint."""
    ports = {name: servers.tls(hub.urls[name], pem) for name in ("hub", "cas", "cdn")}
    urls = {name: f"https://{'localhost' if name == 'cdn' else '127.0.0.1'}:{port}" for name, port in ports.items()}
    hub.config(hub_url=urls["hub"], cas_url=urls["cas"], cdn_url=urls["cdn"])
    return urls["hub"]


@pytest.mark.parametrize("way", ["ca_file=", "SSL_CERT_FILE"])
def test_a_private_authority_is_trusted_when_it_is_named(mount, sample, tls_hub, pem, way):
    options = [*QUICKLY, f"endpoint={tls_hub}", *([f"ca_file={pem}"] if way == "ca_file=" else [])]
    made = mount("acme/sample", options=options, environment={"SSL_CERT_FILE": pem} if way == "SSL_CERT_FILE" else {})
    assert is_right(made, sample, "README.md") and is_right(made, sample, "noise.bin")


def test_a_redirect_from_https_to_http_is_refused(mount, hub, sample, tls_hub, pem, servers):
    port = servers.stranger()
    rule = strike(hub, {"path_regex": "/resolve/"}, {"redirect": f"http://127.0.0.1:{port}/plain"})
    made = mount("acme/sample", options=[*QUICKLY, f"endpoint={tls_hub}", f"ca_file={pem}"])
    assert failing("read", made / "README.md", 0, 10) == errno.EIO
    assert "without encryption" in complaint(made, '"README.md"')
    assert hub.fired(rule) > 0 and servers.heard == []


@pytest.mark.parametrize("name", ["cas_url", "cdn_url"])
def test_storage_addresses_without_encryption_are_refused_behind_https(mount, hub, sample, tls_hub, pem, servers, name):
    hub.config(**{name: f"http://127.0.0.1:{servers.stranger()}"})
    made = mount("acme/sample", options=[*QUICKLY, f"endpoint={tls_hub}", f"ca_file={pem}"])
    assert failing("read", made / "noise.bin", 0, 4096) == errno.EIO
    complaint(made, '"noise.bin"')
    assert servers.heard == []


# ---- proxies


def test_a_proxy_is_used_and_gets_neither_token_nor_path(mount, sample, tls_hub, pem, servers):
    proxy = {"HTTPS_PROXY": f"http://127.0.0.1:{servers.proxy()}"}
    made = mount("acme/sample", options=[*QUICKLY, f"endpoint={tls_hub}", f"ca_file={pem}"], environment=proxy)
    assert is_right(made, sample, "noise.bin")
    assert tls_hub.removeprefix("https://") in servers.tunnels
    assert len({target.rpartition(":")[2] for target in servers.tunnels}) == 3, "Hub, CAS and CDN all by the proxy"


def test_a_host_named_in_no_proxy_is_reached_directly(mount, sample, tls_hub, pem, servers):
    environment = {"HTTPS_PROXY": f"http://127.0.0.1:{servers.proxy()}", "NO_PROXY": "127.0.0.1,localhost"}
    made = mount("acme/sample", options=[*QUICKLY, f"endpoint={tls_hub}", f"ca_file={pem}"], environment=environment)
    assert is_right(made, sample, "noise.bin")
    assert servers.tunnels == []


def test_a_proxy_that_is_not_there_is_suspected_in_the_sentence(hub, home):
    environment = {"HTTPS_PROXY": f"http://127.0.0.1:{closed_port()}"}
    said = refused(hub, home, "acme/sample", status=4, options=["endpoint=https://192.0.2.1"], environment=environment)
    assert "can't be reached" in said and "proxy" in said


def test_a_proxy_that_refuses_the_tunnel_is_suspected_in_the_sentence(hub, home, servers):
    reply = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    environment = {"HTTPS_PROXY": f"http://127.0.0.1:{servers.stranger(reply)}"}
    said = refused(hub, home, "acme/sample", status=4, options=["endpoint=https://192.0.2.1"], environment=environment)
    assert "proxy" in said and "407" in said
    assert servers.heard and "Authorization: Bearer" not in servers.heard[0]


def test_a_proxys_password_is_not_repeated(hub, home):
    environment = {"HTTPS_PROXY": f"http://me:hunter2hunter2@127.0.0.1:{closed_port()}"}
    said = refused(hub, home, "acme/sample", status=4, options=["endpoint=https://192.0.2.1"], environment=environment)
    assert "hunter2" not in said


def test_the_deadline_is_the_one_that_was_asked_for(hub, home, sample):
    rule = strike(hub, {"path_regex": "^/api/models/acme/sample"}, {"stall": True})
    said = refused(hub, home, "acme/sample", status=4, options=[f"timeout={DEADLINE * 1000 // 2}ms"])
    assert "acme/sample" in said and "deadline" in said and hub.fired(rule) == 1
