# SPDX-License-Identifier: Apache-2.0
"""Owners, their repositories under every name, histories and refs that move, and all of it in large numbers and in hostile shapes."""

import json
import subprocess
import time
import typing

import pytest

from .asking import ask
from .client import OTHER_TOKEN, READ_TOKEN, WRITE_TOKEN, ControlError
from .info_routes import ALLOWED_KEYS

EXPAND = "expand=sha&expand=lastModified&expand=private&expand=disabled"


def get_json(hub, path, token=None):
    """(status, headers, decoded body)"""
    status, headers, body = ask(path if path.startswith("http") else hub.endpoint + path, token=token)
    return status, headers, json.loads(body) if body else None


def all_pages(hub, path, token=None, most=1000):
    """(items of every page, number of pages)"""
    items, pages, url = [], 0, hub.endpoint + path
    while url and pages < most:
        status, headers, rows = get_json(hub, url, token)
        assert status == 200, rows
        items += rows
        pages += 1
        link = headers.get("Link")
        assert link is None or link.startswith(f"<{hub.endpoint}/api/") and link.endswith('>; rel="next"')
        url = link and link[1 : link.index(">")]
    return items, pages


def ids(rows):
    """Names in the order listed."""
    return [row["id"] for row in rows]


# ---- owners


def test_an_owners_repositories_are_listed_by_any_spelling_to_whom_may_see_them(hub):
    hub.repo("acme/one", type="dataset")
    hub.repo("acme/two", type="dataset", private=True)
    hub.repo("acme/three", type="dataset", gated="manual", disabled=True)
    hub.repo("acme/model")
    hub.repo("acmes/four", type="dataset")
    path = f"/api/datasets?author=ACME&limit=1000&{EXPAND}&expand=gated"
    rows, _ = all_pages(hub, path)
    assert ids(rows) == ["acme/three", "acme/one"]
    assert set(rows[0]) == {"_id", "id", "sha", "lastModified", "private", "disabled", "gated"}
    assert (rows[0]["gated"], rows[0]["disabled"], rows[1]["gated"]) == ("manual", True, False)
    assert ids(all_pages(hub, path, READ_TOKEN)[0]) == ["acme/three", "acme/two", "acme/one"]
    assert ids(all_pages(hub, path, OTHER_TOKEN)[0]) == ["acme/three", "acme/one"]
    hub.repo("acme/two", type="dataset", collaborators=["bob"])
    assert ids(all_pages(hub, path, OTHER_TOKEN)[0]) == ["acme/three", "acme/two", "acme/one"]
    assert get_json(hub, "/api/models?author=nobody")[2] == []
    assert get_json(hub, path, "hf_nobody")[0] == 401


@pytest.mark.parametrize(("kind", "refused"), [("models", "subdomain"), ("datasets", "config"), ("spaces", "gated"), ("spaces", "nonsense")])
def test_expand_is_checked_for_each_kind(hub, kind, refused):
    assert get_json(hub, f"/api/{kind}?author=alice&{EXPAND}")[0] == 200
    assert get_json(hub, f"/api/{kind}?author=alice&expand={refused}")[0] == 400


def test_expand_keys_are_those_of_the_official_client():
    hf_api = pytest.importorskip("huggingface_hub.hf_api")
    for kind in ("Model", "Dataset", "Space"):
        official = set(typing.get_args(getattr(hf_api, f"Expand{kind}Property_T")))
        assert official <= ALLOWED_KEYS[kind.lower()], kind


def test_lists_of_repositories_come_in_pages(hub):
    for number in range(25):
        hub.repo(f"alice/r{number:02}")
    rows, pages = all_pages(hub, "/api/models?author=alice&limit=10&expand=sha")
    assert (ids(rows), pages) == ([f"alice/r{number:02}" for number in reversed(range(25))], 3)
    hub.config(list_page_size=4)
    assert all_pages(hub, "/api/models?author=alice&limit=1000")[1] == 7


def test_whoami_tells_user_and_organisations_and_refuses_the_rest(hub):
    assert [get_json(hub, "/api/whoami-v2", token)[0] for token in (None, "hf_nobody")] == [401, 401]
    for token, name, orgs in ((READ_TOKEN, "alice", ["acme"]), (OTHER_TOKEN, "bob", [])):
        _, _, me = get_json(hub, "/api/whoami-v2", token)
        assert (me["type"], me["name"], [org["name"] for org in me["orgs"]]) == ("user", name, orgs)


# ---- names


def test_another_spelling_redirects_to_the_canonical_one(hub):
    hub.repo("Acme/Model")
    sha = hub.commit("Acme/Model", [{"add": "x", "text": "1"}])
    for path, target in (
        ("/api/models/acme/model/revision/refs%2Fheads%2Fmain?expand=sha", "/api/models/Acme/Model/revision/refs%2Fheads%2Fmain?expand=sha"),
        (f"/ACME/MODEL/resolve/{sha}/x", f"/Acme/Model/resolve/{sha}/x"),
    ):
        status, headers, _ = ask(hub.endpoint + path)
        assert (status, headers["Location"]) == (307, target)
    assert get_json(hub, "/api/models/Acme/Model")[0] == 200
    hub.repo("Acme/Model", private=True)
    assert get_json(hub, "/api/models/acme/model")[0] == 401


def test_ids_without_an_owner_redirect(hub):
    hub.repo("openai-community/gpt2")
    hub.repo("other/gpt2")
    hub.repo("acme/new-name", alias="bert")
    for name, target in (("gpt2", "openai-community/gpt2"), ("GPT2", "openai-community/gpt2"), ("bert", "acme/new-name")):
        for path in ("/api/models/{}", "/api/models/{}/tree/main", "/{}/resolve/main/.gitattributes"):
            status, headers, _ = ask(hub.endpoint + path.format(name))
            assert (status, headers["Location"]) == (307, path.format(target)), path
    assert get_json(hub, "/api/models/none")[0] == get_json(hub, "/api/datasets/gpt2")[0] == 401


def test_renamed_and_deleted_repositories(hub):
    hub.repo("acme/a")
    hub.move("acme/a", "acme/b")
    body = json.dumps({"fromRepo": "acme/b", "toRepo": "acme/c", "type": "model"})
    assert ask(f"{hub.endpoint}/api/repos/move", "POST", body, WRITE_TOKEN)[0] == 200
    for old in ("a", "b", "A"):
        status, headers, _ = ask(f"{hub.endpoint}/api/models/acme/{old}?expand=sha")
        assert (status, headers["Location"]) == (307, "/api/models/acme/c?expand=sha")
    assert ids(all_pages(hub, "/api/models?author=acme")[0]) == ["acme/c"]
    hub.repo("acme/d")
    with pytest.raises(ControlError, match="409"):
        hub.move("acme/c", "acme/d")
    hub.repo("acme/a")
    assert get_json(hub, "/api/models/acme/a")[0] == 200
    hub.delete_repo("acme/c")
    assert [get_json(hub, f"/api/models/acme/{name}", READ_TOKEN)[0] for name in "bc"] == [404, 404]
    assert ids(all_pages(hub, "/api/models?author=acme")[0]) == ["acme/a", "acme/d"]


# ---- histories and refs


def test_histories_come_in_pages_with_their_length(hub):
    hub.repo("alice/m")
    shas = [hub.commit("alice/m", [{"add": "x", "text": str(n)}], message=f"Commit {n}\n\nBody", date=1_700_000_000 + n) for n in range(12)]
    status, headers, rows = get_json(hub, "/api/models/alice/m/commits/main?limit=5&p=1")
    assert (status, headers["X-Total-Count"]) == (200, "13")
    assert ids(rows) == shas[6:1:-1] and rows[0]["title"] == "Commit 6" and rows[0]["authors"][0]["user"] == "alice"
    assert rows[0]["date"] == "2023-11-14T22:13:26.000Z"
    rows, pages = all_pages(hub, "/api/models/alice/m/commits/main?limit=5")
    assert (ids(rows)[:12], len(rows), pages) == (shas[::-1], 13, 3)
    hub.config(commits_page_size=2)
    assert all_pages(hub, "/api/models/alice/m/commits/main?limit=500")[1] == 7
    assert len(get_json(hub, f"/api/models/alice/m/commits/{shas[0]}")[2]) == 2


def test_refs_are_made_moved_and_deleted_by_force(hub):
    hub.repo("alice/m")
    one = hub.commit("alice/m", [{"add": "x", "text": "1"}])
    two = hub.commit("alice/m", [{"add": "x", "text": "2"}])
    path = "/api/models/alice/m/revision/{}?expand=sha"
    for ref, name in (("refs/tags/v1", "v1"), ("dev/x", "dev%2Fx"), ("main", "main"), ("refs/pr/1", "refs%2Fpr%2F1")):
        for commit in (one, two, one):
            assert hub.ref("alice/m", ref, commit) == commit
            assert get_json(hub, path.format(name))[2]["sha"] == commit
    for ref, name in (("refs/tags/v1", "v1"), ("dev/x", "dev%2Fx")):
        hub.ref("alice/m", ref, None)
        assert get_json(hub, path.format(name))[1]["X-Error-Code"] == "RevisionNotFound"
        with pytest.raises(ControlError, match="404"):
            hub.ref("alice/m", ref, None)
    with pytest.raises(ControlError, match="404"):
        hub.ref("alice/m", "main", "nowhere")
    assert get_json(hub, path.format(two))[2]["sha"] == two  # a commit stays readable when nothing names it any more


# ---- recursive listings


def test_recursive_listings_name_each_folder_before_what_is_in_it(hub):
    hub.repo("alice/m")
    paths = ["a.txt", "a/b/c/x", "a/b/y", "a/z", "a0", "b/x"]
    hub.commit("alice/m", [{"add": path, "text": path} for path in paths])
    expected = [".gitattributes", "a.txt", "a", "a/b", "a/b/c", "a/b/c/x", "a/b/y", "a/z", "a0", "b", "b/x"]
    for limit in (1, 2, 3, 100):
        rows, pages = all_pages(hub, f"/api/models/alice/m/tree/main?recursive=true&limit={limit}")
        assert [row["path"] for row in rows] == expected and pages == -(-len(expected) // limit)
        rows, _ = all_pages(hub, f"/api/models/alice/m/tree/main/a?recursive=true&limit={limit}")
        assert [row["path"] for row in rows] == expected[3:8]
    for cursor in ("nonsense", "eyJhZnRlciI6ICJub25lIn0=", "W10="):
        assert get_json(hub, f"/api/models/alice/m/tree/main?recursive=true&cursor={cursor}")[0] == 400


# ---- large numbers


def test_hundreds_of_thousands_of_files_are_made_quickly_and_every_page_comes_quickly(hub):
    hub.repo("alice/many")
    hub.commit("alice/many", [{"add": "sub/d0003/old.txt", "text": "old"}])
    started = time.monotonic()
    sha = hub.bulk("alice/many", 200_000, dirs=20, size=25, prefix="sub/")
    assert time.monotonic() - started < 60
    git = hub.repo("alice/many")["git"]
    assert subprocess.run(["git", "--git-dir", git, "fsck", "--strict", "--no-dangling"], check=True, capture_output=True).stdout == b""
    body = ask(f"{hub.endpoint}/alice/many/raw/main/sub/d0003/f000123.txt")[2]
    assert body == b"000000123\n000000123\n00000"
    paths, took, url = set(), [], f"{hub.endpoint}/api/models/alice/many/tree/{sha}?recursive=true"
    while url and len(took) < 60:
        started = time.monotonic()
        _, headers, rows = get_json(hub, url)
        took.append(time.monotonic() - started)
        paths |= {row["path"] for row in rows}
        url = headers["Link"][1 : headers["Link"].index(">")]
    assert len(paths) == 60_000 and sorted(took)[30] < 5
    rows, pages = all_pages(hub, f"/api/models/alice/many/tree/{sha}/sub/d0003")
    assert (len(rows), pages) == (10_001, 11)


def test_a_hundred_thousand_repositories_are_made_quickly_and_each_is_one(hub):
    hub.repo("many/r000007", private=True)
    started = time.monotonic()
    sha = hub.bulk_repos("many", 100_000)
    assert time.monotonic() - started < 60
    rows, pages = all_pages(hub, f"/api/models?author=Many&limit=1000&{EXPAND}&expand=gated")
    assert (len(rows), len(set(ids(rows))), pages) == (99_999, 99_999, 100) and {row["sha"] for row in rows} == {sha}
    assert get_json(hub, "/api/models/many/r099999/revision/main?expand=sha")[2]["sha"] == sha
    assert [row["path"] for row in get_json(hub, f"/api/models/many/r004711/tree/{sha}")[2]] == [".gitattributes", "README.md"]
    assert ask(f"{hub.endpoint}/many/r004711/raw/main/README.md")[2] == b"One of many.\n"
    changed = hub.commit("many/r000001", [{"add": "x", "text": "1"}])
    hub.delete_repo("many/r000002")
    hub.move("many/r000003", "many/other")
    hub.restart()
    for name, expected in (("r000000", sha), ("r000001", changed), ("other", sha)):
        assert get_json(hub, f"/api/models/many/{name}?expand=sha")[2]["sha"] == expected
    gone = ("r000002", "r000003", "r000007")
    assert [ask(f"{hub.endpoint}/api/models/many/{name}", token=OTHER_TOKEN)[0] for name in gone] == [404, 307, 404]


def test_a_commit_by_a_client_leaves_the_other_repositories_alone(hub):
    sha = hub.bulk_repos("alice", 3, prefix="b", type="dataset")
    lines = [{"key": "header", "value": {"summary": "x"}}, {"key": "file", "value": {"path": "x", "content": "x"}}]
    url = f"{hub.endpoint}/api/datasets/alice/b000001/commit/main"
    assert ask(url, "POST", "\n".join(map(json.dumps, lines)), WRITE_TOKEN)[0] == 200
    shas = [get_json(hub, f"/api/datasets/alice/b00000{n}?expand=sha")[2]["sha"] for n in range(3)]
    assert shas[0] == shas[2] == sha != shas[1]


# ---- hostile lists


def test_a_list_can_name_one_twice_and_name_another_owners(hub):
    hub.repo("acme/one")
    item = {"id": "acme/one", "private": False}
    hub.faults({"match": {"path_regex": "^/api/models$"}, "action": {"replace_json": {"set": [["/-", item]]}}})
    hub.faults({"match": {"path_regex": "^/api/models$"}, "action": {"replace_json": {"set": [["/0/id", "bob/one"]]}}})
    hub.faults({"match": {"path_regex": "whoami"}, "action": {"replace_json": {"set": [["/orgs/-", {"name": "../x"}]]}}})
    assert ids(get_json(hub, "/api/models?author=acme")[2]) == ["acme/one", "acme/one"]
    assert ids(get_json(hub, "/api/models?author=acme")[2]) == ["bob/one"]
    assert [org["name"] for org in get_json(hub, "/api/whoami-v2", READ_TOKEN)[2]["orgs"]] == ["acme", "../x"]


@pytest.mark.parametrize("path", ["/api/models?author=acme&limit=10", "/api/models/acme/one/commits/main", "/api/models/acme/one/tree/main"])
def test_pages_can_go_on_for_ever_under_ever_new_addresses(hub, path):
    hub.repo("acme/one")
    number = hub.faults({"count": -1, "action": {"endless_pages": True}})[0]
    rows, pages = all_pages(hub, path, most=7)
    assert (len(rows), pages, hub.fired(number)) == (7, 7, 7)
    queries = [row["query"] for row in hub.requests()]
    assert len(set(queries)) == 7
    hub.clear()
    assert all_pages(hub, path)[1] == 1
