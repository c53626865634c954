# SPDX-License-Identifier: Apache-2.0
"""A Hub that answers nonsense to a mount of all of it: the right errno and a sentence in time, and when it has come to its senses everything is right."""

import errno
import os
import subprocess
import time

import pytest
from bad_servers import Servers
from harness import wait_until
from hub.client import READ_TOKEN
from machine import PATIENCE
from refusal import DEADLINE, complaint, failing, names, strike

INFO = {"origin": "hub", "path_regex": "^/api/models/acme/sample$"}
LIST = {"origin": "hub", "path_regex": "^/api/models$"}
WHOAMI = {"origin": "hub", "path_regex": "^/api/whoami"}
SHA = "f" * 40
OPTIONS = [f"timeout={DEADLINE}", "poll=1"]
SAMPLE = "models/acme/sample"
# Of a listing never ENOENT: the C library takes that for the end, and shows an empty folder.
NOTHING = (errno.EIO, errno.ESTALE)


@pytest.fixture
def servers():
    with Servers() as made:
        yield made


@pytest.fixture(scope="module")
def twins(_hub_process):
    """bob/other: another repository, whose content must never show as anything else's."""
    _hub_process.repo("bob/other")
    return _hub_process.put("bob/other", "README.md", "I am bob/other\n")


def edit(*changes):
    return {"replace_json": {"set": [list(change) for change in changes]}}


def added(*items):
    return edit(*[("/-", item) for item in items])


def lists_sample(made):
    """Whether ls works and shows acme/sample; never an exception."""
    try:
        return "sample" in names(made / "models/acme")
    except OSError:
        return False


def recovers(made, hub, sample):
    """With the faults gone everything is right; what was remembered meanwhile lasts no longer than DESIGN.md says."""
    hub.clear()
    wait_until(lambda: shows(made, sample), f"{SAMPLE} is right again:\n{made.log[-1500:]}", PATIENCE)
    assert not os.path.islink(made / SAMPLE)
    wait_until(lambda: lists_sample(made), "acme is listed again")


def shows(made, sample):
    try:
        return (made / SAMPLE / "README.md").read_bytes() == sample.bytes("README.md")
    except OSError:
        return False


# ---- answers about a name


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_name_that_redirects_to_itself_is_a_loop(mount, hub, sample, status):
    rule = strike(hub, INFO, {"redirect": {"location": "/api/models/acme/sample", "status": status}})
    made = mount("hf://", options=OPTIONS)
    assert failing("stat", made / SAMPLE) == errno.EIO
    assert "loop" in complaint(made, "redirects") and hub.fired(rule) <= 6
    recovers(made, hub, sample)


def test_redirects_without_end_come_to_one(mount, hub, sample, wire):
    strike(hub, INFO, {"redirect": "/step1"})
    for step in range(1, 9):
        strike(hub, {"path_regex": f"^/step{step}$"}, {"redirect": f"/step{step + 1}"})
    made = mount("hf://", options=OPTIONS)
    assert failing("stat", made / SAMPLE) == errno.EIO
    complaint(made, "more than 5 redirects")
    assert wire.count() <= 7
    recovers(made, hub, sample)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("where, action", [(INFO, "stat"), (LIST, "list")], ids=["a name", "a listing"])
def test_another_host_is_not_asked_and_gets_no_token(mount, hub, sample, servers, where, action, host):
    port = servers.stranger(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]')
    rule = strike(hub, where, {"redirect": {"location": f"http://{host}:{port}/x", "status": 307}})
    made = mount("hf://", options=OPTIONS, token=READ_TOKEN)
    assert failing(action, made / (SAMPLE if action == "stat" else "models/acme")) == errno.EIO
    assert f"{host}:{port}" in complaint(made, "another server")
    assert hub.fired(rule) >= 1 and servers.heard == []
    recovers(made, hub, sample)


ANSWERS = {
    "another repository's id": (edit(("/id", "bob/other")), "answered about bob/other"),
    "an id that climbs": (edit(("/id", "../../etc")), "legal id"),
    "an id of three parts": (edit(("/id", "acme/sample/x")), "legal id"),
    "an empty id": (edit(("/id", "")), "legal id"),
    "an id with a NUL": (edit(("/id", "acme/sample\0x")), "NUL"),
    "an id that is a revision": (edit(("/id", "acme/sample@main")), "legal id"),
    "an endless id": (edit(("/id", "acme/" + "x" * 100_000)), "legal id"),
    "no commit": (edit(("/sha", None)), '"sha"'),
    "half a commit": (edit(("/sha", "f" * 39)), "no commit id"),
    "a branch for a commit": (edit(("/sha", "main")), "no commit id"),
    "a list": ({"replace_body": "[]"}, "acme/sample"),
    "no JSON": ({"replace_body": "<html>sign in</html>"}, "acme/sample"),
    "too much": ({"replace_body": '{"id": "' + "x" * (2 << 20) + '"}'}, "acme/sample"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_that_can_not_be_is_an_error_and_nothing_of_it_stays(mount, hub, sample, twins, wire, kind):
    action, words = ANSWERS[kind]
    rule = strike(hub, INFO, action)
    made = mount("hf://", options=OPTIONS)
    assert failing("stat", made / SAMPLE) == errno.EIO
    assert words in complaint(made, "looked up") and 1 <= hub.fired(rule) <= 6
    assert (made / "models/bob/other/README.md").read_text() == "I am bob/other\n"
    recovers(made, hub, sample)


@pytest.mark.quick
def test_a_commit_that_is_answered_with_another_is_refused(mount, hub, sample, twins):
    strike(hub, {"path_regex": f"/acme/sample/revision/{sample.head}$"}, edit(("/sha", twins)))
    made = mount("hf://", options=OPTIONS)
    assert failing("stat", made / f"{SAMPLE}@{sample.head}") == errno.EIO
    complaint(made, "answered about another")
    hub.clear()
    assert (made / f"{SAMPLE}@{sample.head}/README.md").read_bytes() == sample.bytes("README.md")


@pytest.mark.parametrize("sha", [SHA, None], ids=["no commit at all", "another repository's commit"])
def test_a_branch_that_points_to_nothing_shows_nothing_wrong(mount, hub, sample, twins, sha):
    rule = strike(hub, INFO, edit(("/sha", sha or twins)))
    made = mount("hf://", options=OPTIONS)
    assert failing("list", made / SAMPLE) in NOTHING
    assert "acme/sample" in complaint(made, "could not be listed")
    assert failing("read", made / SAMPLE / "README.md", 0, 10) in NOTHING
    assert 1 <= hub.fired(rule) <= 10
    recovers(made, hub, sample)


def test_a_ref_of_dot_hub_that_points_to_nothing_is_a_dangling_symlink(mount, hub, sample):
    ghost = {"name": "ghost", "ref": "refs/heads/ghost", "targetCommit": SHA}
    climbing = {"name": "../../../etc", "ref": "refs/heads/x", "targetCommit": SHA}
    rule = strike(hub, {"path_regex": "^/api/models/acme/sample/refs$"}, edit(("/branches/-", ghost), ("/branches/-", climbing)))
    made = mount("hf://", options=OPTIONS)
    branches = made / SAMPLE / ".hub/revisions/branches"
    assert names(branches) == ["ghost", "main"] and hub.fired(rule) >= 1
    assert failing("stat", branches / "ghost") == errno.ENOENT
    complaint(made, "acme/sample has no revision ghost")
    assert (branches / "main/README.md").read_bytes() == sample.bytes("README.md")


# ---- answers about an owner


def test_a_name_that_is_listed_twice_is_shown_once(mount, hub, sample, wire):
    strike(hub, LIST, added({"id": "acme/sample", "sha": SHA}, {"id": "acme/sample"}))
    made = mount("hf://", options=OPTIONS)
    assert names(made / "models/acme").count("sample") == 1
    assert (made / SAMPLE / "README.md").read_bytes() == sample.bytes("README.md")
    assert wire.count("list-repos") == 1


OTHERS = [{"id": text} for text in ("bob/other", "acme", "acme/../bob", "../etc", "acme/.git", "", "acme/a/b", "acmes/x", "acme/" + "x" * 300)]


@pytest.mark.quick
def test_what_is_not_the_owners_or_no_name_is_left_out_and_said(mount, hub, sample, twins):
    items = [*OTHERS, {}, 7, None, [], {"id": 7}, {"id": "bob/other", "sha": SHA}]
    made = mount("hf://", options=OPTIONS)
    before = names(made / "models/acme")
    time.sleep(1.5)
    rule = strike(hub, LIST, added(*items))
    assert names(made / "models/acme") == before and hub.fired(rule) == 1
    said = complaint(made, "unusable names")
    assert "acme" in said and f"refused={len(items)}" in said
    assert (made / "models/bob/other/README.md").read_text() == "I am bob/other\n"


def test_a_listed_name_that_there_is_not_or_that_moved_never_shows_wrong_content(mount, hub, sample, twins):
    hub.repo("acme/bi-first")
    hub.put("acme/bi-first", "who.txt", "moved")
    hub.move("acme/bi-first", "bob/bi-second")
    listed = [{"id": f"acme/{name}"} for name in ("ghost", "bi-first", "SAMPLE")] + [{"id": "acme/phantom", "sha": twins}]
    strike(hub, LIST, added(*listed))
    made = mount("hf://", options=OPTIONS)
    models = made / "models"
    assert {"ghost", "bi-first", "SAMPLE", "phantom"} <= set(names(models / "acme"))
    assert failing("stat", models / "acme/ghost") == errno.ENOENT
    assert os.readlink(models / "acme/bi-first") == "../bob/bi-second" and (models / "acme/bi-first/who.txt").read_text() == "moved"
    assert os.readlink(models / "acme/SAMPLE") == "sample"
    # The list told a commit, which is not there; soon the name itself is asked for.
    assert failing("list", models / "acme/phantom") in (*NOTHING, errno.ENOENT)
    done = subprocess.run(["ls", "-l", models / "acme"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "sample" in done.stdout and "README.md" not in done.stdout
    hub.clear()
    wait_until(lambda: "phantom" not in names(models / "acme"), "a list without phantoms")
    wait_until(lambda: not os.path.lexists(models / "acme/phantom"), "the phantom is gone")
    hub.delete_repo("bob/bi-second")


def test_names_that_differ_in_case_only_lead_to_what_the_hub_calls_canonical(mount, hub):
    hub.repo("bob/Twin")
    hub.put("bob/Twin", "who.txt", "Twin")
    strike(hub, LIST, added({"id": "bob/twin"}, {"id": "BOB/tWIN"}))
    made = mount("hf://", options=OPTIONS)
    bob = made / "models/bob"
    assert {"Twin", "twin", "tWIN"} <= set(names(bob))
    assert os.readlink(bob / "twin") == os.readlink(bob / "tWIN") == "Twin" and not os.path.islink(bob / "Twin")
    assert {(bob / name / "who.txt").stat().st_ino for name in ("Twin", "twin", "tWIN")} == {(bob / "Twin/who.txt").stat().st_ino}
    hub.delete_repo("bob/Twin")


LISTINGS = {
    "an object": {"replace_body": "{}"},
    "null": {"replace_body": "null"},
    "no JSON": {"replace_body": "<html>sign in</html>"},
    "half a list": {"replace_body": '[{"id": "acme/sample"}'},
    "a redirect to itself": {"redirect": "/api/models?author=acme"},
    "not found": {"status": 404},
    "too many": {"replace_body": "[" + "{}," * 10_000 + "{}]"},
    "more than any page": {"oversize": "endless"},
}


@pytest.mark.parametrize("kind", LISTINGS)
def test_a_listing_that_is_none_is_an_error_and_names_still_work(mount, hub, sample, kind):
    rule = strike(hub, LIST, LISTINGS[kind])
    made = mount("hf://", options=OPTIONS)
    assert failing("list", made / "models/acme") in (errno.EIO, errno.ETIMEDOUT)
    complaint(made, "could not be listed")
    assert 1 <= hub.fired(rule) <= 8
    assert (made / SAMPLE / "README.md").read_bytes() == sample.bytes("README.md")
    recovers(made, hub, sample)


# ---- pages


def test_pages_of_a_listing_that_never_end_come_to_an_end(mount, hub, sample, wire):
    rule = strike(hub, LIST, {"endless_pages": True})
    made = mount("hf://", options=OPTIONS)
    wire.mark()
    assert failing("list", made / "models/acme") in (errno.EIO, errno.ETIMEDOUT)
    complaint(made, "could not be listed")
    assert 1 < hub.fired(rule) < 60
    asked = hub.fired(rule)
    time.sleep(2)
    assert hub.fired(rule) == asked, "nobody asks any more"
    recovers(made, hub, sample)


NEXT = {
    "itself": "/api/models?author=acme&limit=1000",
    "a password": "http://user:hunter2@127.0.0.1/x",
    "a file": "file:///etc/passwd",
    "nothing": "http://[",
}


@pytest.mark.parametrize("kind", NEXT)
def test_a_next_page_that_can_not_be_is_refused(mount, hub, sample, kind):
    rule = strike(hub, LIST, {"add_header": {"Link": f'<{NEXT[kind]}>; rel="next"'}})
    made = mount("hf://", options=OPTIONS)
    assert failing("list", made / "models/acme") == errno.EIO
    assert "hunter2" not in complaint(made, "could not be listed")
    assert 1 <= hub.fired(rule) < 60
    recovers(made, hub, sample)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_next_page_at_another_host_is_never_asked_for(mount, hub, sample, servers, host):
    rule = strike(hub, LIST, {"add_header": {"Link": f'<http://{host}:{servers.stranger()}/api/models?cursor=x>; rel="next"'}})
    made = mount("hf://", options=OPTIONS, token=READ_TOKEN)
    assert failing("list", made / "models/acme") == errno.EIO
    assert "another host" in complaint(made, "could not be listed")
    assert hub.fired(rule) >= 1 and servers.heard == []
    recovers(made, hub, sample)


# ---- who the token is

PEOPLE = {
    "names that can not be": edit(("/name", "../alice"), ("/orgs/0/name", "acme/x"), ("/orgs/-", {"name": "."}), ("/orgs/-", {"name": "sound"})),
    "no JSON": {"replace_body": "<html>sign in</html>"},
    "a list": {"replace_body": "[]"},
    "nobody": {"replace_body": "{}"},
    "a failing server": {"status": 500},
}


@pytest.mark.parametrize("kind", PEOPLE)
def test_nonsense_about_the_token_leaves_a_listing_of_what_is_known(mount, hub, sample, wire, kind):
    rule = strike(hub, WHOAMI, PEOPLE[kind])
    made = mount("hf://", options=OPTIONS, token=READ_TOKEN)
    expected = ["sound"] if kind == "names that can not be" else []
    assert names(made / "models") == expected
    complaint(made, "the token")
    asked = hub.fired(rule)
    assert 1 <= asked <= (20 if kind == "a failing server" else 1)
    for kind_of_repository in ("models", "datasets", "spaces"):
        assert names(made / kind_of_repository) == expected
    assert hub.fired(rule) == asked, "it is not asked again at once"
    assert (made / SAMPLE / "README.md").read_bytes() == sample.bytes("README.md")
