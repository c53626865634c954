# SPDX-License-Identifier: Apache-2.0
"""The unmodified huggingface_hub with the real hf_xet wheel against the local Hub."""

import json
import subprocess
from pathlib import Path

import pytest

from .folders import tree


def xorb_bytes_sent(hub):
    """Bytes of xorbs that clients uploaded, by either way."""
    return sum(row["received"] for row in hub.requests() if row["kind"] in ("xorb-post", "grant-put"))


def kinds(hub):
    """Kinds of requests seen."""
    return {row["kind"] for row in hub.requests()}


@pytest.mark.parametrize("grants", [True, False])
@pytest.mark.parametrize("v1_only", [False, True])
def test_hf_upload_then_download_gives_the_same_bytes(hub, client, folder, tmp_path, grants, v1_only):
    hub.config(grants=grants, v1_only=v1_only)
    client.hf("upload", "alice/m", folder)
    client.hf("download", "alice/m", "--local-dir", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(folder)
    seen = kinds(hub)
    assert ("grant-put" in seen) == grants and ("xorb-post" in seen) == (not grants)
    assert ("reconstruction-v1" in seen) == v1_only
    assert {"resolve", "tree", "xet-read-token", "xorb-range"} <= seen


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_every_kind_of_repository_round_trips_by_snapshot_download(hub, client, folder, tmp_path, kind):
    sdk = 'space_sdk="static", ' if kind == "space" else ""
    client.python(f"""
api.create_repo("alice/r", repo_type="{kind}", {sdk} private=True)
api.upload_folder(folder_path={str(folder)!r}, repo_id="alice/r", repo_type="{kind}")
""")
    out = client.python(f'print(snapshot_download("alice/r", repo_type="{kind}"))').strip().splitlines()[-1]
    assert tree(out) == tree(folder)


def test_a_second_upload_of_the_same_content_transfers_no_xorb_bytes(hub, client, folder):
    client.hf("upload", "alice/one", folder)
    assert xorb_bytes_sent(hub) > 8_000_000
    hub.reset_requests()
    client.hf("upload", "alice/two", folder)
    assert xorb_bytes_sent(hub) == 0
    assert {200} == {row["status"] for row in hub.requests(kind="dedup-query")}


def test_without_dedup_answers_the_same_upload_is_sent_again_and_accepted(hub, client, folder):
    client.hf("upload", "alice/one", folder)
    hub.config(dedup=False, grants=False)
    hub.reset_requests()
    client.hf("upload", "alice/two", folder)
    assert xorb_bytes_sent(hub) > 8_000_000


def test_upload_without_hf_xet_uses_lfs_and_reads_back(hub, client, folder, tmp_path):
    client.python(
        f'api.create_repo("alice/m"); api.upload_folder(folder_path={str(folder)!r}, repo_id="alice/m")',
        env={"HF_HUB_DISABLE_XET": "1"},
    )
    assert "lfs-put" in kinds(hub)
    out = client.python('print(snapshot_download("alice/m"))').strip().splitlines()[-1]
    assert tree(out) == tree(folder)
    assert "lfs-get" in kinds(hub)


def test_xet_files_download_over_plain_http(hub, client, folder):
    client.hf("upload", "alice/m", folder)
    out = client.python('print(snapshot_download("alice/m"))', env={"HF_HUB_DISABLE_XET": "1"}).strip().splitlines()[-1]
    assert tree(out) == tree(folder)
    assert "xet-bridge" in kinds(hub)


def test_uploads_use_every_compression_scheme_and_all_are_decoded(hub, client, folder):
    client.hf("upload", "alice/m", folder)
    schemes = set()
    for path in Path(hub.data, "xorbs").rglob("*/*"):
        data, at = path.read_bytes(), 0
        while at < len(data):
            schemes.add(data[at + 4])
            at += 8 + int.from_bytes(data[at + 1 : at + 4], "little")
    assert schemes == {0, 1, 2}


def test_anybody_reads_a_public_repository_without_a_token(hub, client, folder, tmp_path):
    client.hf("upload", "alice/m", folder)
    hub.reset_requests()
    client.hf("download", "alice/m", "--local-dir", tmp_path / "out", token=None)
    assert tree(tmp_path / "out") == tree(folder)
    assert {row["auth"] for row in hub.requests()} == {"none", "xet-read"}


def test_hf_file_system_lists_reads_ranges_and_writes(hub, client, folder):
    client.hf("upload", "alice/d", folder, "--repo-type", "dataset")
    out = client.python("""
import json
fs = HfFileSystem()
root = "datasets/alice/d"
names = sorted(fs.find(root))
with fs.open(root + "/model.safetensors", block_size=65536) as file:
    file.seek(4_000_000)
    middle = file.read(1000).hex()
with fs.open(root + "/new.txt", "w") as file:
    file.write("written")
fs.rm(root + "/config.json")
fs.cp_file(root + "/model.safetensors", root + "/copy.safetensors")
info = fs.info(root + "/copy.safetensors", expand_info=True)
print(json.dumps([names, middle, fs.cat(root + "/new.txt").decode(), fs.exists(root + "/config.json"), info["size"],
                  str(fs.modified(root + "/new.txt"))]))
""")
    names, middle, text, exists, size, modified = json.loads(out.splitlines()[-1])
    files = tree(folder)
    assert {name.removeprefix("datasets/alice/d/") for name in names} == set(files) | {".gitattributes"}
    assert middle == files["model.safetensors"][4_000_000:4_001_000].hex()
    assert (text, exists, size) == ("written", False, len(files["model.safetensors"]))
    assert modified.startswith("20")


def test_branches_tags_pull_requests_and_refs(hub, client):
    hub.repo("alice/m")
    hub.commit("alice/m", [{"add": "data.txt", "text": "converted"}], ref="refs/convert/parquet")
    out = client.python("""
import json
api.create_branch("alice/m", branch="dev/x")
api.create_tag("alice/m", tag="v1", tag_message="first")
api.create_tag("alice/m", tag="light")
pr = api.create_pull_request("alice/m", title="My change")
api.upload_file(path_or_fileobj=b"in the pr", path_in_repo="pr.txt", repo_id="alice/m", revision=f"refs/pr/{pr.num}")
other = api.upload_file(path_or_fileobj=b"quick", path_in_repo="q.txt", repo_id="alice/m", create_pr=True)
api.upload_file(path_or_fileobj=b"on dev", path_in_repo="dev.txt", repo_id="alice/m", revision="dev/x")
refs = api.list_repo_refs("alice/m", include_pull_requests=True)
files = {rev: sorted(api.list_repo_files("alice/m", revision=rev))
         for rev in ("main", "dev/x", "v1", "refs/pr/1", "refs/pr/2", "refs/convert/parquet")}
api.merge_pull_request("alice/m", pr.num)
api.delete_branch("alice/m", branch="dev/x")
api.delete_tag("alice/m", tag="light")
for broken in (lambda: api.create_branch("alice/m", branch="main"), lambda: api.delete_branch("alice/m", branch="main")):
    try:
        broken()
        raise SystemExit("must fail")
    except HfHubHTTPError:
        pass
after = api.list_repo_refs("alice/m")
talk = api.create_discussion("alice/m", title="A question")
api.comment_discussion("alice/m", talk.num, comment="An answer")
api.change_discussion_status("alice/m", talk.num, new_status="closed")
open_prs = [d.num for d in api.get_repo_discussions("alice/m", discussion_type="pull_request", discussion_status="open")]
print(json.dumps({
    "branches": [r.name for r in refs.branches], "tags": [r.name for r in refs.tags], "converts": [r.name for r in refs.converts],
    "prs": [r.ref for r in refs.pull_requests], "files": files, "url": other.pr_url, "status": api.get_discussion_details("alice/m", 1).status,
    "merged": sorted(api.list_repo_files("alice/m")), "after": [r.name for r in after.branches], "tags_after": [r.name for r in after.tags],
    "open": open_prs, "titles": [c.title for c in api.list_repo_commits("alice/m")]}))
""")
    seen = json.loads(out.splitlines()[-1])
    assert seen["branches"] == ["dev/x", "main"] and seen["tags"] == ["light", "v1"] and seen["converts"] == ["parquet"]
    assert seen["prs"] == ["refs/pr/1", "refs/pr/2"] and seen["url"] == f"{hub.endpoint}/alice/m/discussions/2"
    assert seen["files"]["refs/pr/1"] == [".gitattributes", "pr.txt"] and seen["files"]["dev/x"] == [".gitattributes", "dev.txt"]
    assert seen["files"]["refs/pr/2"] == [".gitattributes", "q.txt"] and seen["files"]["main"] == seen["files"]["v1"] == [
        ".gitattributes"
    ]
    assert seen["files"]["refs/convert/parquet"] == [".gitattributes", "data.txt"]
    assert seen["status"] == "merged" and seen["merged"] == [".gitattributes", "pr.txt"]
    assert seen["after"] == ["main"] and seen["tags_after"] == ["v1"]
    assert seen["open"] == [2]
    assert seen["titles"][-1] == "initial commit"


def test_a_commit_on_a_moved_branch_is_refused_with_412(hub, client):
    hub.repo("alice/m")
    old = hub.commit("alice/m", [{"add": "a", "text": "1"}])
    hub.commit("alice/m", [{"add": "a", "text": "2"}])
    out = client.python(f"""
try:
    api.upload_file(path_or_fileobj=b"3", path_in_repo="a", repo_id="alice/m", parent_commit="{old}")
except HfHubHTTPError as error:
    print(error.response.status_code)
""")
    assert out.splitlines()[-1] == "412"


def test_errors_are_the_ones_the_client_knows(hub, client):
    hub.repo("alice/private", private=True)
    hub.repo("alice/gated", gated="manual")
    hub.commit("alice/gated", [{"add": "x.txt", "text": "x"}])
    hub.repo("alice/off", disabled=True)
    hub.repo("alice/m")
    code = """
import json
def name(call):
    try:
        call()
        return "ok"
    except Exception as error:
        return type(error).__name__
print(json.dumps([
    name(lambda: api.model_info("alice/none")), name(lambda: api.model_info("alice/private")), name(lambda: api.model_info("alice/off")),
    name(lambda: api.model_info("alice/m", revision="nope")), name(lambda: hf_hub_download("alice/m", "nope.txt")),
    name(lambda: hf_hub_download("alice/gated", "x.txt")), name(lambda: api.list_repo_tree("alice/m", "nope").__next__()),
    name(lambda: api.upload_file(path_or_fileobj=b"x", path_in_repo="../x", repo_id="bob/x")),
    name(lambda: api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="alice/m")),
    name(lambda: api.file_exists("alice/gated", "x.txt")), len(list(api.list_repo_tree("alice/gated")))]))
"""
    bob = json.loads(client.python(code, token="hf_other_token").splitlines()[-1])
    assert bob == [
        "RepositoryNotFoundError", "RepositoryNotFoundError", "DisabledRepoError", "RevisionNotFoundError", "RemoteEntryNotFoundError",
        "GatedRepoError", "RemoteEntryNotFoundError", "ValueError", "HfHubHTTPError", "GatedRepoError", 2,
    ]  # fmt: skip
    alice = json.loads(client.python(code).splitlines()[-1])
    assert alice[1] == "ok" and alice[5] == "ok" and alice[8] == "ok" and alice[9] == "ok"


def test_a_renamed_repository_answers_under_its_old_name(hub, client, folder):
    client.hf("upload", "alice/old", folder)
    out = client.python("""
api.move_repo("alice/old", "alice/new")
print(api.model_info("alice/old").id, open(hf_hub_download("alice/old", "config.json")).read().strip(), len(api.list_repo_files("alice/old")))
api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="alice/old")
print(open(hf_hub_download("alice/old", "model.safetensors"), "rb").read(4).hex(), api.file_exists("alice/new", "x"))
""")
    lines = out.splitlines()
    assert lines[-2] == 'alice/new {"a": 1} 11'
    assert lines[-1] == (folder / "model.safetensors").read_bytes()[:4].hex() + " True"


def test_another_spelling_and_a_legacy_id_are_followed_for_reading_and_writing(hub, client):
    hub.repo("Acme/Gpt2")
    printed = client.python(
        """
api.upload_file(path_or_fileobj=b"hello", path_in_repo="a.txt", repo_id="acme/gpt2")
print(open(hf_hub_download("ACME/GPT2", "a.txt"), "rb").read())
print(model_info("gpt2").id, len(api.list_repo_commits("acme/gpt2")), [m.id for m in api.list_models(author="ACME")])
"""
    )
    assert printed.splitlines()[0] == "b'hello'"
    assert printed.splitlines()[1] == "Acme/Gpt2 2 ['Acme/Gpt2']"


def test_lists_of_repositories_and_users(hub, client):
    for number in range(5):
        hub.repo(f"alice/m{number}", private=number == 0)
    hub.repo("bob/other")
    hub.config(list_page_size=2)
    code = """
print(sorted(m.id for m in api.list_models(author="alice")), api.whoami()["name"], api.repo_exists("alice/m0"),
      sorted(m.id for m in api.list_models(author="alice", expand=["private"])), len(list(api.list_models(search="oth"))))
"""
    out = client.python(code).splitlines()[-1]
    names = [f"alice/m{number}" for number in range(5)]
    assert out == f"{names} alice True {names} 1"
    assert client.python(code, token="hf_other_token").splitlines()[-1] == f"{names[1:]} bob False {names[1:]} 1"


def test_a_folder_of_every_kind_is_imported(hub, client, folder, tmp_path):
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("config.json")
    (folder / "linked-dir").symlink_to("deep")
    (folder / "old.pt").write_bytes(b"lfs without xet" * 1000)
    hub.import_folder(folder, "alice/m", lfs_basic=["*.pt"])
    git = hub.repo("alice/m")["git"]
    listing = subprocess.run(
        ["git", "--git-dir", git, "ls-tree", "-r", "main"], capture_output=True, text=True, check=True
    ).stdout
    modes = {line.split("\t")[1]: line[:6] for line in listing.splitlines()}
    assert (modes["run.sh"], modes["link"], modes["linked-dir"], modes["config.json"]) == ("100755", "120000", "120000", "100644")
    rows = json.loads(
        client.python("""
import json
print(json.dumps({f.path: [bool(f.lfs), bool(f.xet_hash)] for f in api.list_repo_tree("alice/m") if hasattr(f, "lfs")}))
""").splitlines()[-1]
    )
    assert rows["old.pt"] == [True, False] and rows["model.safetensors"] == [True, True] and rows["config.json"] == [False, False]


def test_interrupted_and_refused_requests_are_retried_to_the_same_bytes(hub, client, folder, tmp_path):
    client.hf("upload", "alice/m", folder)
    hub.faults(
        [
            {"match": {"origin": "cdn", "path_regex": "^/xorbs/"}, "action": {"truncate": 1000}},
            {"match": {"origin": "cas", "path_regex": "reconstructions"}, "action": {"status": 503}},
            {"match": {"origin": "hub", "path_regex": "config.json"}, "action": {"delay_ms": 50}},
        ]
    )
    client.hf("download", "alice/m", "--local-dir", tmp_path / "out")
    assert [rule["fired"] for rule in hub.call("GET", "/_hub/faults")] == [1, 1, 1]
    assert tree(tmp_path / "out") == tree(folder)


def test_expired_urls_are_asked_for_again(hub, client, folder, tmp_path):
    client.hf("upload", "alice/m", folder)
    hub.faults({"match": {"origin": "cdn", "path_regex": "^/xorbs/"}, "action": {"status": 403}})
    client.hf("download", "alice/m", "--local-dir", tmp_path / "out")
    assert hub.fired() == 1
    assert tree(tmp_path / "out") == tree(folder)


def test_the_data_survives_a_restart(hub, client, folder, tmp_path):
    client.hf("upload", "alice/m", folder)
    hub.restart()
    client.hf("download", "alice/m", "--local-dir", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(folder)


def test_the_same_content_may_be_lfs_in_one_repository_and_xet_in_another(hub, client, tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "w.bin").write_bytes(b"same content" * 10_000)
    client.hf("upload", "alice/xet", folder)
    hub.import_folder(folder, "alice/lfs", lfs_basic=["*"])
    code = 'print([bool(api.get_paths_info(f"alice/{name}", ["w.bin"])[0].xet_hash) for name in ("xet", "lfs")])'
    assert client.python(code).splitlines()[-1] == "[True, False]"
    for name in ("xet", "lfs"):
        client.hf("download", f"alice/{name}", "--local-dir", tmp_path / name)
        assert tree(tmp_path / name) == tree(folder)
