# SPDX-License-Identifier: Apache-2.0
"""Credentials that are missing, wrong, unreadable or taken back: the sentence says which one, never what it holds."""

import errno
import os

import pytest
from harness import PATIENCE, wait_until
from hub.client import OTHER_TOKEN, READ_TOKEN
from machine import needs_root
from reader import Reader
from refusal import QUICKLY, complaint, failing, is_right, refused, strike

SIZE = 80_000
WRONG = "hf_neverIssuedToAnybody1234"


@pytest.fixture(scope="module")
def gated(_hub_process, tmp_path_factory):
    """acme/gated: a git file and a Xet file that need accepted terms; bob has not accepted."""
    folder = tmp_path_factory.mktemp("gated")
    (folder / "README.md").write_text("terms apply\n")
    (folder / "weights.bin").write_bytes(os.urandom(100_000))
    _hub_process.upload(folder, "acme/gated")
    _hub_process.repo("acme/gated", gated="manual")
    return folder


@pytest.fixture(scope="module")
def hidden(_hub_process, tmp_path_factory):
    """acme/hidden: a private repository with two Xet files."""
    folder = tmp_path_factory.mktemp("hidden")
    (folder / "first.bin").write_bytes(os.urandom(SIZE))
    (folder / "second.bin").write_bytes(os.urandom(SIZE))
    _hub_process.upload(folder, "acme/hidden")
    _hub_process.repo("acme/hidden", private=True)
    return folder


@pytest.mark.quick
def test_a_private_repository_without_a_token_asks_for_one(hub, home, hidden, wire):
    said = refused(hub, home, "acme/hidden", status=3)
    assert "acme/hidden is not found, or private" in said and "HF_TOKEN" in said
    assert [(row["auth"], row["status"]) for row in wire.rows()] == [("none", 401)]


def test_a_private_repository_with_anothers_token_says_which_token_may_not_see_it(hub, home, hidden, wire):
    said = refused(hub, home, "acme/hidden", status=3, environment={"HF_TOKEN": OTHER_TOKEN})
    assert "acme/hidden" in said and "HF_TOKEN" in said and "not found" in said
    assert [row["status"] for row in wire.rows()] == [404]


@pytest.mark.quick
@pytest.mark.parametrize("place", ["token_file=", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HOME", "HOME"])
def test_a_wrong_token_is_traced_to_where_it_came_from(hub, home, sample, wire, place):
    folder = home.home / ".cache" / "huggingface"
    folder.mkdir(parents=True)
    file = folder / "token"
    if place not in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        file.write_text(WRONG + "\n")
    environment = {"HF_TOKEN_PATH": file, "HF_HOME": folder, "HF_TOKEN": WRONG, "HUGGING_FACE_HUB_TOKEN": WRONG}
    environment = {name: value for name, value in environment.items() if name == place}
    options = [f"token_file={file}"] if place == "token_file=" else []
    said = refused(hub, home, "acme/sample", status=3, environment=environment, options=options)
    source = place if place in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") else str(file)
    assert f"the token in {source} is not valid" in said and "acme/sample" in said and WRONG not in said
    assert {(row["auth"], row["status"]) for row in wire.rows()} == {("invalid", 401)}


def test_a_token_file_that_is_missing_is_named(hub, home, wire):
    said = refused(hub, home, "acme/sample", status=3, options=[f"token_file={home.home}/no-such-token"])
    assert "token file" in said and f"{home.home}/no-such-token" in said
    assert wire.rows() == []


def test_a_token_file_that_is_a_folder_is_named(hub, home, wire):
    said = refused(hub, home, "acme/sample", status=3, options=[f"token_file={home.home}"])
    assert "token file" in said and str(home.home) in said
    assert wire.rows() == []


def test_an_empty_token_file_is_named(hub, home, wire):
    (home.home / "token").write_text("\n")
    said = refused(hub, home, "acme/sample", status=3, options=[f"token_file={home.home}/token"])
    assert f"{home.home}/token" in said and "empty" in said
    assert wire.rows() == []


@needs_root
def test_a_token_file_that_this_user_may_not_read_is_named(hub, home, wire):
    file = home.home / "token"
    file.write_text(READ_TOKEN)
    home.give_to(65534)
    os.chown(file, 0, 0)
    file.chmod(0o600)
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    (home.root / "mine").mkdir()
    os.chown(home.root / "mine", 65534, 65534)
    options = [f"token_file={file}"]
    said = refused(hub, home, "acme/sample", status=3, options=options, point=home.root / "mine", prefix=user)
    assert f"{file}" in said and "denied" in said.lower()
    assert wire.rows() == []


UNUSABLE = {"a newline": "hf_abc\ndef", "a colour": "hf_\x1b[31mabc", "a space": "hf_abc def", "a header": "x\r\nHost: evil", "ümlaut": "hf_äbc"}


@pytest.mark.parametrize("flaw", UNUSABLE)
@pytest.mark.parametrize("place", ["HF_TOKEN", "file"])
def test_a_token_with_a_character_that_no_token_has_is_refused_unsent(hub, home, wire, flaw, place):
    file = home.home / "token"
    file.write_text(UNUSABLE[flaw])
    environment = {"HF_TOKEN": UNUSABLE[flaw]} if place == "HF_TOKEN" else {"HF_TOKEN_PATH": file}
    said = refused(hub, home, "acme/sample", status=3, environment=environment)
    assert (place if place == "HF_TOKEN" else str(file)) in said and "copy it again" in said
    assert not any(part in said for part in ("abc", "def", "evil", "\x1b"))
    assert wire.rows() == []


def test_an_empty_variable_is_no_token(mount, sample, wire):
    made = mount("acme/sample", environment={"HF_TOKEN": "", "HUGGING_FACE_HUB_TOKEN": " "})
    assert is_right(made, sample, "README.md")
    assert {row["auth"] for row in wire.rows("repo-info", "tree", "resolve")} == {"none"}


# ---- gated and disabled


@pytest.mark.parametrize("token", [None, OTHER_TOKEN], ids=["nobody", "somebody without access"])
def test_a_gated_repository_can_be_listed_but_not_read(mount, gated, token):
    made = mount("acme/gated", token=token, options=QUICKLY)
    assert sorted(os.listdir(made.path)) == [".gitattributes", "README.md", "weights.bin"]
    assert (made / "weights.bin").stat().st_size == 100_000
    for name in ("README.md", "weights.bin"):
        assert failing("read", made / name, 0, 4096) == errno.EACCES
        said = complaint(made, f'"{name}"')
        assert f"acme/gated/{name}" in said and "acme/gated is gated: accept the terms" in said


def test_a_gated_file_that_can_not_be_read_says_so_in_info(mount, gated):
    made = mount("acme/gated", options=QUICKLY)
    assert failing("read", made / "README.md", 0, 10) == errno.EACCES
    assert failing("read", made / "weights.bin", 0, 10) == errno.EACCES
    for name in ("README.md", "weights.bin"):
        assert "acme/gated is gated" in made.cli("info", made / name).out


def test_prefetching_a_gated_file_ends_with_the_status_for_access(mount, gated):
    made = mount("acme/gated", options=QUICKLY)
    done = made.cli("prefetch", made.path, status=3)
    assert "gated" in done.err


def test_accepted_terms_open_a_gated_repository(mount, gated, hub):
    hub.repo("acme/gated", approved=["bob"])
    try:
        made = mount("acme/gated", token=OTHER_TOKEN)
        assert (made / "weights.bin").read_bytes() == (gated / "weights.bin").read_bytes()
    finally:
        hub.repo("acme/gated", approved=[])


@pytest.mark.parametrize("token", [None, READ_TOKEN], ids=["nobody", "the owner"])
def test_a_disabled_repository_is_said_to_be_disabled(hub, home, token):
    hub.repo("acme/forbidden", disabled=True)
    said = refused(hub, home, "acme/forbidden", status=3, environment={"HF_TOKEN": token})
    assert "acme/forbidden" in said and "disabled" in said


# ---- taken back while mounted


def test_a_token_that_is_revoked_while_mounted_leaves_what_is_cached(mount, hub, hidden):
    hub.user("carol", tokens={"hf_carol_token_of_one_day": "read"})
    hub.repo("acme/hidden", collaborators=["carol"])
    made = mount("acme/hidden", token="hf_carol_token_of_one_day", options=QUICKLY)
    assert (made / "first.bin").read_bytes() == (hidden / "first.bin").read_bytes()
    hub.revoke("hf_carol_token_of_one_day")
    made.drop_pages("first.bin")
    assert (made / "first.bin").read_bytes() == (hidden / "first.bin").read_bytes()
    made.cli("refresh", made.path, status=3)
    said = made.cli("status", made.path).text
    assert "the token in HF_TOKEN is not valid" in said


def test_a_new_token_in_the_file_is_used_after_the_old_one_was_revoked(mount, hub, hidden, wire, tmp_path):
    hub.user("dave", tokens={"hf_dave_old_token_0001": "read", "hf_dave_new_token_0002": "read"})
    hub.repo("acme/hidden", collaborators=["dave"])
    file = tmp_path / "token"
    file.write_text("hf_dave_old_token_0001")
    made = mount("acme/hidden", options=[*QUICKLY, f"token_file={file}"])
    assert (made / "first.bin").read_bytes() == (hidden / "first.bin").read_bytes()
    hub.revoke("hf_dave_old_token_0001")
    file.write_text("hf_dave_new_token_0002")
    wire.mark()
    made.cli("refresh", made.path)
    assert (made / "second.bin").read_bytes() == (hidden / "second.bin").read_bytes()
    assert "read" in {row["auth"] for row in wire.rows("repo-info")}


def test_a_token_that_changes_while_two_reads_wait_for_an_access_token_holds_nobody(mount, hub, hidden, wire, tmp_path):
    hub.user("erin", tokens={"hf_erin_old_token_0001": "read", "hf_erin_new_token_0002": "read"})
    hub.repo("acme/hidden", collaborators=["erin"])
    file = tmp_path / "token"
    file.write_text("hf_erin_old_token_0001")
    strike(hub, {"origin": "hub", "path_regex": "/xet-read-token/"}, {"delay_ms": 10000}, count=1)
    made = mount("acme/hidden", options=[f"token_file={file}"])
    first, second = (Reader("read", made / name, 0, SIZE) for name in ("first.bin", "second.bin"))
    with first, second:
        wait_until(lambda: made.connection.waiting >= 2, "both reads to wait")
        file.write_text("hf_erin_new_token_0002")
        assert "bytes" in first.outcome(PATIENCE) and "bytes" in second.outcome(PATIENCE)
    assert wire.count("xet-read-token") == 2


def test_a_private_repositorys_listing_is_not_shown_to_the_next_token(mount, hub, hidden):
    made = mount("acme/hidden", token=READ_TOKEN)
    assert "first.bin" in os.listdir(made.path)
    made.umount()
    for source in ("acme/hidden", f"acme/hidden@{hub.head('acme/hidden')}"):
        for token in (OTHER_TOKEN, None):
            said = refused(hub, made.home, source, status=3, environment={"HF_TOKEN": token})
            assert "acme/hidden is not found" in said
