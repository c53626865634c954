# SPDX-License-Identifier: Apache-2.0
"""The Hub origin behaves as the real one does, above all where that hurts."""

import gzip
import hashlib
import json
import time

import pytest

from .asking import ask
from .client import OTHER_TOKEN, READ_TOKEN, WRITE_TOKEN, HubProcess


def get_json(hub, path, token=None, **headers):
    """(status, headers, decoded body)"""
    status, answer, body = ask(hub.endpoint + path, token=token, **headers)
    return status, answer, json.loads(body) if body else None


def next_url(headers):
    """Target of Link rel=next, or None."""
    link = headers.get("Link")
    return link[1 : link.index(">")] if link else None


def test_full_info_lists_every_file_and_expand_gives_only_what_was_asked(hub):
    hub.bulk("alice/m", 2500, dirs=10)
    _, _, full = get_json(hub, "/api/models/alice/m")
    assert len(full["siblings"]) == 2501 and "xetEnabled" not in full
    status, _, few = get_json(hub, "/api/models/alice/m/revision/main?expand=sha&expand[]=gated")
    assert status == 200 and set(few) == {"_id", "id", "sha", "gated"}
    assert get_json(hub, "/api/models/alice/m?expand=nonsense")[0] == 400


def test_spaces_refuse_gated_in_expand(hub):
    hub.repo("alice/s", type="space")
    assert get_json(hub, "/api/spaces/alice/s?expand=gated")[0] == 400
    assert get_json(hub, "/api/spaces/alice/s?expand=sha&expand=private")[0] == 200


@pytest.mark.parametrize(
    ("query", "entries", "pages"), [("", 10 + 1, 1), ("?recursive=true", 2511, 3), ("?recursive=true&limit=100", 2511, 26)]
)
def test_trees_come_in_pages(hub, query, entries, pages):
    hub.bulk("alice/m", 2500, dirs=10)
    url, seen, count = f"{hub.endpoint}/api/models/alice/m/tree/main{query}", [], 0
    while url:
        status, headers, body = ask(url)
        assert status == 200
        seen += [item["path"] for item in json.loads(body)]
        count += 1
        url = next_url(headers)
    assert (len(seen), len(set(seen)), count) == (entries, entries, pages)


def test_tree_items_have_no_modes_and_expand_adds_the_last_commit(hub):
    hub.repo("alice/m")
    hub.commit("alice/m", [{"add": "run", "text": "x", "mode": "100755"}], message="First")
    sha = hub.commit("alice/m", [{"add": "d/link", "text": "run", "mode": "120000"}], message="Second")
    _, _, items = get_json(hub, "/api/models/alice/m/tree/main")
    assert [item["path"] for item in items] == ["d", ".gitattributes", "run"]
    assert all(set(item) == {"type", "oid", "size", "path"} for item in items)
    _, _, items = get_json(hub, "/api/models/alice/m/tree/main/d?expand=true")
    assert items[0]["lastCommit"]["id"] == sha and items[0]["lastCommit"]["title"] == "Second"


def test_paths_info_leaves_out_what_does_not_exist(hub):
    hub.bulk("alice/m", 10)
    url = f"{hub.endpoint}/api/models/alice/m/paths-info/main"
    for body, kind in (
        ("paths=d0000&paths=no&paths=d0000/f000001.txt&expand=False", "application/x-www-form-urlencoded"),
        ('{"paths": ["d0000", "no", "d0000/f000001.txt"], "expand": false}', "application/json"),
    ):
        status, _, answer = ask(url, "POST", body, Content_Type=kind)
        assert status == 200
        assert [(item["type"], item["path"]) for item in json.loads(answer)] == [
            ("directory", "d0000"),
            ("file", "d0000/f000001.txt"),
        ]


def test_revisions_resolve_encoded_raw_short_and_full(hub):
    hub.repo("alice/m")
    sha = hub.commit("alice/m", [{"add": "x", "text": "1"}], ref="refs/pr/3")
    hub.commit("alice/m", [{"add": "x", "text": "2"}], ref="refs/convert/parquet")
    branch = hub.commit("alice/m", [{"add": "d/x", "text": "3"}], ref="dev/one")
    for rev, expected in [
        ("refs%2Fpr%2F3", sha),
        ("refs/pr/3", sha),
        (sha, sha),
        (sha[:7], sha),
        ("dev%2Fone", branch),
        ("dev/one", branch),
    ]:
        status, _, info = get_json(hub, f"/api/models/alice/m/revision/{rev}")
        assert (status, info["sha"]) == (200, expected), rev
    assert get_json(hub, "/api/models/alice/m/tree/dev/one/d")[2][0]["path"] == "d/x"
    assert get_json(hub, "/api/models/alice/m/tree/refs/pr/3")[0] == 200
    status, headers, body = get_json(hub, "/api/models/alice/m/revision/refs%252Fpr%252F3")
    assert (status, headers["X-Error-Code"], body["error"]) == (404, "RevisionNotFound", "Invalid rev id: refs%2Fpr%2F3")


def test_regular_files_redirect_relatively_when_public_and_come_directly_when_private(hub):
    hub.repo("alice/m")
    sha = hub.commit("alice/m", [{"add": "a b#.txt", "text": "0123456789"}])
    url = f"{hub.endpoint}/alice/m/resolve/main/a%20b%23.txt"
    status, headers, _ = ask(url, "HEAD")
    assert status == 307 and headers["Location"].startswith(f"/api/resolve-cache/models/alice/m/{sha}/a%20b%23.txt?etag=")
    status, headers, body = ask(hub.endpoint + headers["Location"], Range="bytes=2-4")
    assert (status, body, headers["Content-Range"], headers["X-Repo-Commit"]) == (206, b"234", "bytes 2-4/10", sha)
    etag = headers["ETag"]
    hub.repo("alice/m", private=True)
    status, headers, body = ask(url, token=READ_TOKEN)
    assert (status, body, headers["ETag"]) == (200, b"0123456789", etag)
    assert ask(url, token=READ_TOKEN, If_None_Match=etag)[0] == 304
    assert ask(url, token=READ_TOKEN, Range="bytes=10-")[0] == 416
    status, headers, body = ask(url, token=READ_TOKEN, Range="bytes=-3")
    assert (status, body) == (206, b"789")


def test_polling_a_revision_with_its_etag_is_answered_304_until_it_moves(hub):
    hub.repo("alice/m")
    path = "/api/models/alice/m/revision/main?expand=sha"
    etag = get_json(hub, path)[1]["ETag"]
    assert etag.startswith('W/"') and get_json(hub, path, If_None_Match=etag)[0] == 304
    hub.commit("alice/m", [{"add": "x", "text": "1"}])
    assert get_json(hub, path, If_None_Match=etag)[0] == 200


def test_missing_and_private_repositories_look_the_same(hub):
    hub.repo("alice/private", private=True)
    for name in ("alice/private", "alice/none"):
        status, headers, body = get_json(hub, f"/api/models/{name}")
        assert (status, headers["X-Error-Code"], body["error"]) == (401, None, "Invalid username or password.")
        assert headers["WWW-Authenticate"].startswith("Bearer")
        status, headers, _ = get_json(hub, f"/api/models/{name}", OTHER_TOKEN)
        assert (status, headers["X-Error-Code"]) == (404, "RepoNotFound")
    assert get_json(hub, "/api/models/alice/private", READ_TOKEN)[0] == 200
    status, headers, _ = get_json(hub, "/api/models/alice/private", "hf_nobody")
    assert (status, headers["X-Error-Message"]) == (401, "Invalid credentials in Authorization header")


def test_gated_repositories_list_but_do_not_read(hub):
    hub.repo("alice/m", gated="manual")
    hub.commit("alice/m", [{"add": "x", "text": "1"}])
    assert get_json(hub, "/api/models/alice/m/tree/main")[0] == 200
    for token, expected in ((None, 401), (OTHER_TOKEN, 403)):
        for path in ("/alice/m/resolve/nonsense/x", "/api/models/alice/m/xet-read-token/main"):
            status, headers, body = ask(hub.endpoint + path, token=token)
            assert (status, headers["X-Error-Code"]) == (expected, "GatedRepo")
    hub.repo("alice/m", approved=["bob"])
    assert ask(f"{hub.endpoint}/alice/m/resolve/main/x", token=OTHER_TOKEN)[0] == 200


def test_disabled_repositories_say_so(hub):
    hub.repo("alice/m", disabled=True)
    status, headers, _ = get_json(hub, "/api/models/alice/m", WRITE_TOKEN)
    assert (status, headers["X-Error-Message"]) == (403, "Access to this resource is disabled.")


def test_legacy_ids_other_spellings_and_renamed_repositories_lead_to_the_canonical_id(hub):
    hub.repo("acme/Old")
    hub.commit("acme/Old", [{"add": "x", "text": "1"}])
    status, headers, _ = ask(f"{hub.endpoint}/api/models/ACME/old?expand=sha")
    assert (status, headers["Location"]) == (307, "/api/models/acme/Old?expand=sha")
    status, headers, _ = ask(f"{hub.endpoint}/api/models/old/tree/main?recursive=true")
    assert (status, headers["Location"]) == (307, "/api/models/acme/Old/tree/main?recursive=true")
    body = json.dumps({"fromRepo": "acme/Old", "toRepo": "acme/New", "type": "model"})
    assert ask(f"{hub.endpoint}/api/repos/move", "POST", body, WRITE_TOKEN)[0] == 200
    status, headers, _ = ask(f"{hub.endpoint}/acme/Old/resolve/main/x")
    assert (status, headers["Location"]) == (307, "/acme/New/resolve/main/x")
    hub.restart()
    assert ask(f"{hub.endpoint}/api/models/acme/old")[0] == 307


def test_every_response_carries_its_quota_with_a_real_countdown(hub):
    hub.repo("alice/m")
    hub.config(quota_api=3, quota_window=10)
    path = "/api/models/alice/m/refs"
    status, headers, _ = get_json(hub, path)
    assert headers["RateLimit"].startswith('"api";r=2;t=') and headers["RateLimit-Policy"] == '"fixed window";"api";q=3;w=10'
    assert [get_json(hub, path)[0] for _ in range(4)] == [200, 200, 429, 429]
    assert get_json(hub, path, READ_TOKEN)[0] == 200
    assert ask(f"{hub.endpoint}/alice/m/resolve/main/.gitattributes")[0] == 307
    time.sleep(10.1)
    assert get_json(hub, path)[0] == 200


def test_large_regular_files_and_bad_paths_are_refused(hub):
    hub.repo("alice/m")

    def commit(path, text):
        lines = [{"key": "header", "value": {"summary": "x"}}, {"key": "file", "value": {"path": path, "content": text}}]
        return ask(f"{hub.endpoint}/api/models/alice/m/commit/main", "POST", "\n".join(map(json.dumps, lines)), WRITE_TOKEN)

    assert commit("x.txt", "x" * 11_000_000)[0] == 400
    for path in ("../x", "a//b", "a\\b", ".git/config", ""):
        assert commit(path, "x")[0] == 422, path
    assert commit("dir/x.txt", "x")[0] == 200
    assert get_json(hub, "/api/models/alice/m/commits/main")[2][0]["title"] == "x"


def test_preupload_follows_gitattributes_and_gitignore(hub):
    hub.repo("alice/m")
    hub.commit("alice/m", [{"add": ".gitignore", "text": "*.log\n"}, {"add": "same.txt", "text": "same"}])
    files = [{"path": path, "size": size, "sample": "aGk="} for path, size in [("a.bin", 5), ("b.txt", 5), ("c.log", 5), ("d.bin", 0),
                                                                              ("same.txt", 4), ("huge.txt", 11_000_000)]]  # fmt: skip
    url = f"{hub.endpoint}/api/models/alice/m/preupload/main"
    answer = json.loads(ask(url, "POST", json.dumps({"files": files}), WRITE_TOKEN)[2])
    modes = {item["path"]: (item["uploadMode"], item["shouldIgnore"]) for item in answer["files"]}
    assert modes == {
        "a.bin": ("lfs", False), "b.txt": ("regular", False), "c.log": ("regular", True), "d.bin": ("regular", False),
        "same.txt": ("regular", False), "huge.txt": ("lfs", False),
    }  # fmt: skip
    assert answer["files"][4]["oid"] == hashlib.sha1(b"blob 4\0same").hexdigest()
    own = json.dumps({"files": files[:2], "gitAttributes": "*.txt filter=lfs\n"})
    answer = json.loads(ask(url, "POST", own, WRITE_TOKEN)[2])
    assert [item["uploadMode"] for item in answer["files"]] == ["regular", "lfs"]


def test_latency_and_bandwidth_are_what_was_set():
    with HubProcess("--latency-ms", "50") as hub:
        hub.repo("alice/m", private=True)
        hub.commit("alice/m", [{"add": "x.txt", "text": "x" * 4_000_000}])
        url = f"{hub.endpoint}/alice/m/resolve/main/x.txt"
        started = time.monotonic()
        ask(url, "HEAD", token=READ_TOKEN)
        assert 0.05 <= time.monotonic() - started < 10
        for setting in ("bw_conn", "bw_total"):
            hub.config(latency_ms=0, bw_conn=0, bw_total=0)
            hub.config(**{setting: 8_000_000})
            started = time.monotonic()
            assert len(ask(url, token=READ_TOKEN)[2]) == 4_000_000
            assert 0.25 < time.monotonic() - started < 30, setting


def test_a_hundred_thousand_files_are_made_quickly_and_listed(hub):
    hub.bulk("alice/many", 100_000, size=64, dirs=100)
    status, headers, items = get_json(hub, "/api/models/alice/many/tree/main?recursive=true")
    assert status == 200 and len(items) == 1000 and headers["Link"]
    assert get_json(hub, "/api/models/alice/many/tree/main/d0042?limit=1000")[2][0] | {"oid": ""} == {
        "type": "file", "oid": "", "size": 64, "path": "d0042/f000042.txt",
    }  # fmt: skip
    assert get_json(hub, "/api/models/alice/many/treesize/main/d0042")[2]["size"] == 64_000


def test_many_repositories_are_listed_with_few_git_processes(hub):
    for number in range(60):
        hub.repo(f"alice/r{number}")
    _, headers, rows = get_json(hub, "/api/models?author=alice&limit=50&expand=lastModified&expand=private")
    assert len(rows) == 50 and set(rows[0]) == {"_id", "id", "lastModified", "private"}
    assert rows[0]["id"] == "alice/r59" and len(json.loads(ask(next_url(headers))[2])) == 10
    with open(f"/proc/{hub.pid}/task/{hub.pid}/children", encoding="ascii") as children:
        assert len(children.read().split()) <= 33


def test_users_and_tokens_can_be_added_and_revoked(hub):
    hub.user("carol", orgs=["acme"], tokens={"hf_c": "write", "hf_fine": {"role": "fineGrained", "repos": ["acme/x"]}})
    hub.repo("acme/x", private=True)
    hub.repo("acme/y", private=True)
    assert get_json(hub, "/api/models/acme/y", "hf_c")[0] == 200
    assert [get_json(hub, f"/api/models/acme/{name}", "hf_fine")[0] for name in "xy"] == [200, 404]
    hub.restart()
    assert get_json(hub, "/api/whoami-v2", "hf_c")[2]["orgs"][0]["name"] == "acme"
    hub.revoke("hf_c")
    assert get_json(hub, "/api/models/acme/y", "hf_c")[0] == 401


def test_bodies_are_compressed_only_for_those_who_ask(hub):
    hub.bulk("alice/m", 100)
    url = f"{hub.endpoint}/api/models/alice/m/tree/main/d0000"
    _, headers, plain = ask(url)
    assert headers["Content-Encoding"] is None
    _, headers, packed = ask(url, Accept_Encoding="gzip")
    assert headers["Content-Encoding"] == "gzip" and gzip.decompress(packed) == plain
    file = f"{hub.endpoint}/api/resolve-cache/models/alice/m/main/.gitattributes"
    assert ask(file, Accept_Encoding="gzip", Range="bytes=0-1")[0] == 206
    hub.config(gzip_files=True)
    status, headers, packed = ask(file, Accept_Encoding="gzip", Range="bytes=0-1")
    assert (status, headers["Content-Length"], gzip.decompress(packed)[:4]) == (200, None, b"*.7z")


def test_unknown_routes_are_violations(hub):
    assert ask(f"{hub.endpoint}/api/models/alice/none/made-up")[0] == 404
    assert ask(f"{hub.urls['cas']}/v9/things")[0] == 404
    assert [violation["what"] for violation in hub.violations()] == ["unknown route", "unknown route"]
    hub.clear_violations()
