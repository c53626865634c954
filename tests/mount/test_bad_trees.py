# SPDX-License-Identifier: Apache-2.0
"""Listings with names that can't be, or pages that lead astray: nothing hostile becomes a name, and the rest stays usable."""

import errno
import os

import pytest
from bad_servers import Servers
from hub.client import READ_TOKEN
from refusal import QUICKLY, complaint, failing, is_right, names, strike

ROOT = {"origin": "hub", "path_regex": "/tree/[0-9a-f]{40}/?$"}
NOTES = {"origin": "hub", "path_regex": "/tree/[0-9a-f]{40}/notes$"}
OID = "2" * 40


def file(path, size=5, **fields):
    return {"type": "file", "path": path, "oid": OID, "size": size, **fields}


def folder(path):
    return {"type": "directory", "path": path, "oid": OID, "size": 0}


def added(*entries):
    return {"replace_json": {"set": [["/-", entry] for entry in entries]}}


HOSTILE = {
    "two dots": file(".."),
    "one dot": file("."),
    "nothing": file(""),
    "the root": folder("/"),
    "an absolute path": file("/etc/passwd"),
    "a path that climbs": file("../outside"),
    "a path that climbs inside": file("notes/../../outside"),
    "a path in another folder": file("notes/smuggled"),
    "a path with an empty part": file("notes//smuggled"),
    "a path that ends in a slash": folder("smuggled/"),
    "256 bytes": file("n" * 256),
    "258 bytes of Unicode": file("模" * 86),
    "a path longer than any": file("/".join(["n" * 200] * 30)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_no_file_can_have_is_left_out_and_said(mount, hub, sample, name):
    rule = strike(hub, ROOT, added(HOSTILE[name]))
    made = mount("acme/sample", options=QUICKLY)
    listed = names(made.path)
    assert set(listed) == {path.partition("/")[0] for path in sample.files} | {".gitattributes"}
    assert hub.fired(rule) == 1
    assert "acme/sample" in complaint(made, "left out")
    assert is_right(made, sample, "config.json")
    assert names(made / "notes") == ["deep", "first.txt"]


def test_a_nul_in_a_name_refuses_the_page(mount, hub, sample):
    rule = strike(hub, ROOT, added(file("README.md\0.exe")))
    made = mount("acme/sample", options=QUICKLY)
    assert failing("list", made.path) == errno.EIO
    assert "NUL" in complaint(made, "could not be listed") and hub.fired(rule) > 0


def test_of_two_entries_with_one_name_the_first_counts(mount, hub, sample):
    rule = strike(hub, ROOT, added(file("README.md", 99), folder("config.json"), file("notes")))
    made = mount("acme/sample", options=QUICKLY)
    listed = names(made.path)
    assert len(listed) == len(set(listed)) and hub.fired(rule) == 1
    assert "duplicate=3" in complaint(made, "unusable names")
    assert is_right(made, sample, "README.md") and is_right(made, sample, "config.json")
    assert (made / "notes").is_dir()


def test_hostile_entries_in_a_subfolder_stay_out_of_every_folder(mount, hub, sample):
    entries = [file("README.md"), file("notes"), folder("notes/.."), file("notesx/y"), file("other/first.txt"), file("notes/deep/er")]
    rule = strike(hub, NOTES, added(*entries))
    made = mount("acme/sample", options=QUICKLY)
    assert names(made / "notes") == ["deep", "first.txt"] and hub.fired(rule) == 1
    complaint(made, "left out")
    assert is_right(made, sample, "README.md") and names(made / "notes/deep") == ["er"]


def test_an_answer_about_another_name_is_not_believed(mount, hub, sample):
    hub.config(page_size=3)
    rule = strike(hub, {"path_regex": "/paths-info/"}, {"replace_json": {"set": [["/0/path", "../prompts.bin"]]}})
    made = mount("acme/sample", options=QUICKLY)
    assert failing("stat", made / "prompts.bin") == errno.ENOENT and hub.fired(rule) == 1
    assert not (made.path.parent / "prompts.bin").exists()


def test_entries_of_an_unknown_kind_are_left_out(mount, hub, sample):
    submodule = {"type": "commit", "path": "submodule", "oid": OID, "size": 0}
    rule = strike(hub, ROOT, added(submodule, {**file("device"), "type": "blockdev"}))
    made = mount("acme/sample", options=QUICKLY)
    assert {"submodule", "device"}.isdisjoint(names(made.path)) and hub.fired(rule) == 1


def test_names_that_only_look_odd_are_kept_as_they_are(mount, hub, sample):
    odd = ["Readme.md", "\u00e9t\u00e9", "e\u0301te\u0301", "line\nend", "\u202etxt.exe", "n" * 255, "...", ".git", "con", "a\\..\\b"]
    rule = strike(hub, ROOT, added(*[file(name) for name in odd]))
    made = mount("acme/sample", options=QUICKLY)
    assert set(odd) <= set(names(made.path)) and hub.fired(rule) == 1


def test_a_file_of_an_enormous_size_can_be_listed(mount, hub, sample):
    rule = strike(hub, ROOT, added(file("huge.bin", 2**53 - 1)))
    made = mount("acme/sample", options=QUICKLY)
    assert names(made.path) and (made / "huge.bin").stat().st_size == 2**53 - 1 and hub.fired(rule) == 1
    assert failing("read", made / "huge.bin", 2**52, 4096) in (errno.EIO, errno.ESTALE)


@pytest.mark.parametrize("size", [3, 100_000])
def test_a_size_that_is_not_the_files_own_is_an_error_when_read(mount, hub, sample, size):
    rule = strike(hub, ROOT, {"replace_json": {"set": [["/-", file("zz.txt", size)]]}})
    content = strike(hub, {"path_regex": "/resolve/.*/zz.txt$"}, {"status": 200, "body": "12345"})
    made = mount("acme/sample", options=QUICKLY)
    assert names(made.path) and (made / "zz.txt").stat().st_size == size
    assert failing("read", made / "zz.txt", 0, 10) == errno.EIO
    assert hub.fired(rule) == 1 and hub.fired(content) > 0 and "zz.txt" in complaint(made, '"zz.txt"')


# ---- pages


@pytest.fixture
def servers():
    with Servers() as made:
        yield made


def page_link(address):
    return {"add_header": {"Link": f'<{address}>; rel="next"'}}


@pytest.mark.quick
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_next_page_at_another_host_is_refused(mount, hub, sample, servers, host):
    rule = strike(hub, ROOT, page_link(f"http://{host}:{servers.stranger()}/api/models/acme/sample/tree/{sample.head}?cursor=x"))
    made = mount("acme/sample", options=QUICKLY, token=READ_TOKEN)
    assert failing("list", made.path) == errno.EIO
    assert "another host" in complaint(made, "could not be listed")
    assert hub.fired(rule) > 0 and servers.heard == []


@pytest.mark.parametrize("address", ["file:///etc/passwd", "http://user:pass@127.0.0.1/", "//192.0.2.1/x", "http://[", ""])
def test_a_next_page_at_no_address_is_never_asked_for(mount, hub, sample, address):
    rule = strike(hub, ROOT, page_link(address))
    made = mount("acme/sample", options=QUICKLY)
    assert failing("list", made.path) == errno.EIO
    assert "pass" not in complaint(made, "could not be listed")
    assert hub.fired(rule) > 0


def test_a_link_that_somebody_in_between_has_added_cuts_no_listing_short(mount, hub, sample):
    tree = f"/api/models/acme/sample/tree/{sample.head}"
    link = {"Link": '<https://example.com/style.css>; rel="preload"', "link": f'<{tree}?cursor=a>; rel="next"'}
    strike(hub, {**ROOT, "query_regex": "^$"}, {"status": 200, "body": [file("one.txt")], "headers": link})
    strike(hub, {**ROOT, "query_regex": "cursor=a"}, {"status": 200, "body": [file("two.txt")]})
    made = mount("acme/sample", options=QUICKLY)
    assert names(made.path) == ["one.txt", "two.txt"]


def test_a_page_that_leads_to_itself_is_a_loop(mount, hub, sample):
    tree = f"/api/models/acme/sample/tree/{sample.head}"
    first = strike(hub, {**ROOT, "query_regex": "^$"}, page_link(f"{hub.endpoint}{tree}?cursor=a"))
    again = strike(hub, {**ROOT, "query_regex": "cursor=a"}, {"status": 200, "body": "[]", "headers": {"Link": f'<{tree}?cursor=a>; rel="next"'}})
    made = mount("acme/sample", options=QUICKLY)
    assert failing("list", made.path) == errno.EIO
    complaint(made, "could not be listed")
    assert hub.fired(first) == 1 and hub.fired(again) < 5


@pytest.mark.parametrize("entries", [[], [file("twice.txt")]], ids=["empty", "the same entry"])
def test_pages_that_lead_to_each_other_end(mount, hub, sample, entries):
    tree = f"/api/models/acme/sample/tree/{sample.head}"
    strike(hub, {**ROOT, "query_regex": "^$"}, page_link(f"{tree}?cursor=a"))
    turns = []
    for here, there in ("ab", "ba"):
        action = {"status": 200, "body": entries, "headers": {"Link": f'<{tree}?cursor={there}>; rel="next"'}}
        turns.append(strike(hub, {**ROOT, "query_regex": f"cursor={here}"}, action))
    made = mount("acme/sample", options=QUICKLY)
    assert failing("list", made.path) in (errno.EIO, errno.ETIMEDOUT)
    complaint(made, "could not be listed")
    assert all(0 < hub.fired(turn) < 1000 for turn in turns)
    asked = hub.fired(turns[0])
    assert is_right(made, sample, "README.md")
    assert hub.fired(turns[0]) - asked < 10, "nobody asks any more"


def test_a_later_page_that_fails_leaves_what_came_before_usable(mount, hub, sample):
    hub.config(page_size=3)
    rule = strike(hub, {**ROOT, "query_regex": "cursor"}, {"status": 500}, skip=1)
    made = mount("acme/sample", options=QUICKLY)
    assert failing("list", made.path) in (errno.EIO, errno.ETIMEDOUT) and hub.fired(rule) > 0
    assert is_right(made, sample, "config.json")
    hub.clear()
    assert "README.md" in os.listdir(made.path)
