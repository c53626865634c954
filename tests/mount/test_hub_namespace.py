# SPDX-License-Identifier: Apache-2.0
"""The whole Hub as one folder: what is found by name, what is listed, what a name leads to, and who may see it."""

import errno
import os
import subprocess
import time

import pytest
from hub.client import OTHER_TOKEN, READ_TOKEN, WRITE_TOKEN
from machine import PATIENCE
from refusal import complaint, failing, names

MOMENT = 1.5  # seconds: what an owner's folder shows is a second old at most
CAROL = "hf_carol_of_the_shelf"
NOBODY = {"HF_TOKEN": None}


@pytest.fixture(scope="module")
def shelf(_hub_process):
    """Owner "shelf": a public repository, a private one, a private one that bob may see; carol is a member."""
    hub = _hub_process
    hub.user("carol", orgs=["shelf"], tokens={CAROL: "read"})
    for name, fields in {"open": {}, "secret": {"private": True}, "shared": {"private": True, "collaborators": ["bob"]}}.items():
        hub.repo(f"shelf/{name}", **fields)
        hub.put(f"shelf/{name}", "README.md", f"I am shelf/{name}\n")


@pytest.fixture(scope="module")
def versions(_hub_process):
    """acme/versions: v.txt says which revision it is; {revision: commit}."""
    hub = _hub_process
    hub.repo("acme/versions")
    first = hub.put("acme/versions", "v.txt", "first")
    hub.ref("acme/versions", "refs/tags/v1", first)
    made = {"v1": first}
    for name in ("refs/pr/1", "refs/convert/parquet", "side", "feature/deep"):
        made[name] = hub.put("acme/versions", "v.txt", name, ref=name)
    made["main"] = hub.put("acme/versions", "v.txt", "main")
    return made


# ---- by name


@pytest.mark.quick
def test_a_repository_is_found_by_name_without_any_listing(mount, sample, wire):
    made = mount("hf://")
    wire.mark()
    assert names(made.path) == ["datasets", "hf-cache", "models", "spaces"]
    assert (made / "models/acme").is_dir() and (made / "datasets/nobody-at-all").is_dir()
    assert wire.kinds() == {}, "no owner costs a request"
    assert (made / "models/acme/sample").is_dir()
    assert wire.kinds() == {"repo-info": 1}
    assert (made / "models/acme/sample/README.md").read_bytes() == sample.bytes("README.md")
    assert wire.count("list-repos", "whoami", "refs") == 0


def test_datasets_and_spaces_are_found_as_models_are(mount, hub):
    for kind in ("dataset", "space"):
        hub.repo("acme/kinds", kind)
        hub.put("acme/kinds", "kind.txt", kind, type=kind)
    made = mount("hf://")
    for kind in ("dataset", "space"):
        assert (made / f"{kind}s/acme/kinds/kind.txt").read_text() == kind
        assert "kinds" in names(made / f"{kind}s/acme")
    assert failing("stat", made / "models/acme/kinds") == errno.ENOENT


def test_a_revision_of_any_sort_is_a_name_and_costs_one_request(mount, versions, wire):
    made = mount("hf://")
    folder = made / "models/acme/versions"
    spelled = {"main": "main", "side": "side", "v1": "v1", "feature%2Fdeep": "feature/deep"}
    spelled |= {"refs%2Fpr%2F1": "refs/pr/1", "refs%2Fconvert%2Fparquet": "refs/convert/parquet"}
    spelled |= {versions["side"]: "side", versions["side"][:8]: "side"}
    for revision, name in spelled.items():
        wire.mark()
        path = folder.with_name(f"versions@{revision}")
        assert path.is_dir() and wire.kinds() == {"repo-info": 1}, revision
        assert (path / "v.txt").read_text() == ("first" if name == "v1" else name), revision
    assert (folder.with_name("versions@refs%2fpr%2f1") / "v.txt").read_text() == "refs/pr/1"
    assert names(made / "models/acme").count("versions") == 1
    assert not [name for name in names(made / "models/acme") if "@" in name], "revisions are never listed"


def test_a_full_commit_is_never_asked_for_again(mount, versions, wire):
    made = mount("hf://", options=["poll=1"])
    path = f"models/acme/versions@{versions['side']}/v.txt"
    assert (made / path).read_text() == "side"
    made.umount()
    wire.mark()
    made.again()
    time.sleep(2)
    assert (made / path).read_text() == "side"
    assert wire.kinds() == {}


@pytest.mark.parametrize("revision", ["nope", "refs%2Fpr%2F99", "0" * 40, "🤗", "a%b", "%F0%9F%A4%97"])
def test_a_revision_that_there_is_not_is_not_found(mount, versions, wire, revision):
    made = mount("hf://")
    wire.mark()
    assert failing("stat", made / f"models/acme/versions@{revision}") == errno.ENOENT
    assert wire.kinds() == {"repo-info": 1}
    assert "acme/versions has no revision" in complaint(made, "has no revision")


IMPOSSIBLE = [".git", ".Trash", ".hub", ".Trash-1000", "autorun.inf", "AUTORUN.INF", "desktop.ini", "a..b", "a--b", "-x", "x.", "x.git"]
IMPOSSIBLE += ["n" * 97, "ünïcode", "🤗", "a b", "a%2Fb", "%2e%2e", "sample%00", "..%2F..%2Fetc", "a:b", "a\\b", "@main", "sample@"]
IMPOSSIBLE += [f"sample@{text}" for text in ("..", "%2e%2e", "..%2Fmain", "a..b", "%00", "main%00", "a b", "main%2F", "%2Fmain", "a~1", "x?y", "x%23%3F")]


@pytest.mark.quick
def test_names_that_no_repository_can_have_cost_no_request(mount, sample, wire):
    made = mount("hf://")
    wire.mark()
    for name in IMPOSSIBLE[:-1]:
        for folder in ("models/acme", "datasets/acme"):
            assert failing_here(made / folder / name) == errno.ENOENT, name
    for name in (".git", ".Trash", "a b", "ünïcode", "n" * 97, "a@b"):
        assert failing_here(made / "models" / name) == errno.ENOENT, name
    for name in ("bucket", "kernels", ".git", "Models"):
        assert failing_here(made / name) == errno.ENOENT, name
    assert wire.kinds() == {}


def failing_here(path):
    """The errno of a stat in this process: nothing here can hang, for nothing is asked."""
    try:
        os.lstat(path)
    except OSError as error:
        return error.errno
    return 0


@pytest.mark.parametrize("folder", ["", "models", "models/acme", "models/acme/sample", "hf-cache"])
def test_a_name_of_300_bytes_is_too_long_everywhere(mount, sample, wire, folder):
    made = mount("hf://")
    if folder.count("/") == 2:
        os.listdir(made / folder)
    wire.mark()
    for name in ("n" * 300, "n" * 256, "sample@" + "r" * 293, "模" * 86):
        assert failing_here(made / folder / name) == errno.ENAMETOOLONG
    assert wire.kinds() == {}


def test_a_missing_name_is_remembered_for_a_while(mount, hub, wire):
    made = mount("hf://")
    wire.mark()
    assert failing("stat", made / "models/acme/not-there") == errno.ENOENT
    assert failing_here(made / "models/acme/not-there") == errno.ENOENT
    time.sleep(2)
    assert failing_here(made / "models/acme/not-there") == errno.ENOENT
    assert wire.kinds() == {"repo-info": 1}


# ---- other names of a repository


@pytest.fixture
def moved(hub):
    """acme/mv-new, once acme/mv-old and bob/mv-first."""
    hub.repo("bob/mv-first")
    hub.put("bob/mv-first", "who.txt", "moved")
    hub.move("bob/mv-first", "acme/mv-old")
    hub.move("acme/mv-old", "acme/mv-new")
    yield "acme/mv-new"
    hub.delete_repo("acme/mv-new")


@pytest.mark.quick
def test_a_former_name_is_a_relative_symlink_to_the_present_one(mount, moved, wire):
    made = mount("hf://")
    models = made / "models"
    assert os.readlink(models / "acme/mv-old") == "mv-new"
    assert os.readlink(models / "bob/mv-first") == "../acme/mv-new"
    assert os.readlink(models / "acme/mv-old@main") == "mv-new@main"
    for name in ("acme/mv-old", "bob/mv-first", "acme/mv-old@main", "bob/mv-first@main"):
        assert (models / name / "who.txt").read_text() == "moved"
    assert os.path.realpath(models / "bob/mv-first/who.txt") == str(models / "acme/mv-new/who.txt")
    assert not os.path.islink(models / "acme/mv-new")
    assert os.stat(models / "acme/mv-old/who.txt").st_ino == os.stat(models / "acme/mv-new/who.txt").st_ino


def test_another_spelling_is_a_symlink_to_the_canonical_one(mount, sample, versions):
    made = mount("hf://")
    models = made / "models"
    assert os.readlink(models / "acme/SAMPLE") == "sample"
    assert os.readlink(models / "Acme/sample") == "../acme/sample"
    assert os.readlink(models / "ACME/Versions@refs%2Fpr%2F1") == "../acme/versions@refs%2Fpr%2F1"
    assert (models / "ACME/Versions@refs%2Fpr%2F1/v.txt").read_text() == "refs/pr/1"
    assert (models / "ACME/SAMPLE/README.md").read_bytes() == sample.bytes("README.md")
    assert "sample" in names(models / "ACME")
    assert all(os.path.islink(models / "ACME" / name) for name in names(models / "ACME") if name in ("sample", "versions"))


def test_a_name_that_is_taken_again_after_a_rename_is_a_folder_again(mount, hub):
    made = mount("hf://", options=["poll=1"])
    hub.repo("acme/again")
    hub.put("acme/again", "who.txt", "first")
    hub.move("acme/again", "acme/again-moved")
    assert os.readlink(made / "models/acme/again") == "again-moved"
    hub.repo("acme/again")
    hub.put("acme/again", "who.txt", "second")
    time.sleep(2 * MOMENT)
    assert (made / "models/acme/again/who.txt").read_text() == "second"
    assert (made / "models/acme/again-moved/who.txt").read_text() == "first"
    for name in ("again", "again-moved"):
        hub.delete_repo(f"acme/{name}")


# ---- listings


@pytest.mark.quick
@pytest.mark.parametrize(
    "token, shown", [(None, ["open"]), (CAROL, ["open", "secret", "shared"]), (OTHER_TOKEN, ["open", "shared"])], ids=["nobody", "a member", "a collaborator"]
)
def test_an_owners_listing_is_what_the_token_may_see(mount, shelf, wire, token, shown):
    made = mount("hf://", token=token)
    wire.mark()
    assert names(made / "models/shelf") == shown
    assert wire.kinds() == {"list-repos": 1}
    assert names(made / "datasets/shelf") == []
    for name in ("open", "secret", "shared"):
        if name in shown:
            assert (made / f"models/shelf/{name}/README.md").read_text() == f"I am shelf/{name}\n"
        else:
            assert failing("stat", made / f"models/shelf/{name}") == errno.ENOENT


def test_a_long_listing_comes_in_pages(mount, hub, wire):
    hub.bulk_repos("paged", 25)
    hub.config(list_page_size=4)
    made = mount("hf://")
    wire.mark()
    assert names(made / "models/paged") == [f"r{number:06d}" for number in range(25)]
    assert wire.kinds() == {"list-repos": 7}


def official(hub, *command):
    hub.official("repos", *command, token=WRITE_TOKEN)


def test_what_the_official_client_creates_and_deletes_shows_at_the_next_ls(mount, hub):
    made = mount("hf://", token=READ_TOKEN)
    before = names(made / "models/alice")
    assert "fresh" not in before
    official(hub, "create", "alice/fresh")
    time.sleep(MOMENT)
    assert names(made / "models/alice") == sorted([*before, "fresh"])
    assert (made / "models/alice/fresh").is_dir()
    official(hub, "delete", "alice/fresh", "--yes")
    time.sleep(MOMENT)
    assert names(made / "models/alice") == before
    os.listdir(made / "models/alice")


def test_an_open_listing_is_read_to_its_end_though_another_began(mount, hub):
    hub.bulk_repos("scroll", 5000)
    hub.config(list_page_size=500)
    made = mount("hf://")
    with os.scandir(made / "models/scroll") as first:
        seen = {next(first).name for _ in range(10)}
        time.sleep(MOMENT)
        assert len(names(made / "models/scroll")) == 5000
        seen |= {entry.name for entry in first}
    assert len(seen) == 5000


def test_models_lists_the_tokens_own_names_and_those_visited_and_no_others(mount, shelf, sample, hub, wire):
    hub.repo("elsewhere/unvisited")
    made = mount("hf://", token=CAROL)
    wire.mark()
    assert names(made / "models") == ["carol", "shelf"]
    assert names(made / "datasets") == ["carol", "shelf"]
    assert wire.kinds() == {"whoami": 1}
    os.listdir(made / "models/acme/sample")
    time.sleep(MOMENT)
    assert names(made / "models") == ["acme", "carol", "shelf"]
    assert names(made / "datasets") == ["carol", "shelf"], "visited as a model"
    made.remount()
    assert names(made / "models") == ["acme", "carol", "shelf"]
    assert wire.count("whoami") == 1, "once a day, over a remount too"


def test_without_a_token_models_lists_what_was_visited(mount, sample, wire):
    made = mount("hf://")
    assert names(made / "models") == []
    os.listdir(made / "models/acme/sample")
    time.sleep(MOMENT)
    assert names(made / "models") == ["acme"]
    assert wire.count("whoami", "list-repos") == 0


# ---- who may see what


def read(path):
    """What `cat` gets, or its errno."""
    try:
        return path.read_text()
    except OSError as error:
        return error.errno


@pytest.mark.quick
@pytest.mark.parametrize("token", [OTHER_TOKEN, None], ids=["another token", "nobody"])
def test_what_one_token_has_read_the_next_mount_does_not_give_away(mount, shelf, hub, wire, token):
    first = mount("hf://", token=CAROL)
    sha = hub.head("shelf/secret")
    paths = ["models/shelf/secret/README.md", "models/shelf/secret@main/README.md", f"models/shelf/secret@{sha}/README.md"]
    for path in paths:
        assert read(first / path) == "I am shelf/secret\n"
    assert "secret" in names(first / "models/shelf")
    first.umount()
    for options, number in (([], errno.ENOENT), (["offline"], errno.ENETUNREACH)):
        second = mount("hf://", like=first, options=options, environment={"HF_TOKEN": token}, token=token or "")
        for path in paths:
            assert read(second / path) == number, (options, path)
        assert "secret" not in names(second / "models/shelf")
        assert "shelf" not in names(second / "models") or "offline" not in options
        second.umount()
    first.again(options=["offline"])
    for path in paths:
        assert read(first / path) == "I am shelf/secret\n", "its own token still may"
    assert names(first / "models/shelf") == ["secret"]


@pytest.mark.quick
def test_eight_walkers_under_several_names_at_once_never_fail(mount, sample):
    """This is why fs/places.h exists: to the kernel a folder has one name; met under a second one it is moved
    there, and whoever walks the first gets ENOENT or worse. Each of these roots is the same commit's."""
    made = mount("hf://")
    roots = [f"models/acme/{name}" for name in ("sample", "sample@main", f"sample@{sample.head}")]
    roots.append(f"hf-cache/models--acme--sample/snapshots/{sample.head}")
    script = """end=$(($(date +%s) + 4))
        while [ $(date +%s) -lt $end ]; do
            find "$1" -type f -size +0 -printf . >/dev/null || exit 1
            (cd "$1/notes/deep" && ls -la >/dev/null && pwd -P >/dev/null) || exit 2
        done"""
    walkers = [
        subprocess.Popen(["bash", "-c", script, "walker", made / roots[number % 4]], stderr=subprocess.PIPE, text=True) for number in range(8)
    ]
    complaints = [walker.communicate(timeout=PATIENCE)[1] for walker in walkers]
    assert complaints == [""] * 8 and {walker.returncode for walker in walkers} == {0}
    for name in sample.files:
        assert len({os.stat(made / root / name).st_ino for root in roots}) == 1, name
    assert len({os.stat(made / root / "notes").st_ino for root in roots}) == 1
