# SPDX-License-Identifier: Apache-2.0
"""Addresses that lead nowhere, and command lines that say nothing: one sentence, and no request where none can help."""

import os
import subprocess

import pytest
from harness import run_hugfs
from machine import HUGFS
from refusal import refused, sentence

NO_COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.quick
@pytest.mark.parametrize(
    "source", ["acme/nothing-here", "nobody/sample", "datasets/acme/sample", "spaces/acme/sample", "no-such-legacy-model"]
)
def test_a_repository_that_does_not_exist_is_not_found_or_private(hub, home, sample, wire, source):
    said = refused(hub, home, source, status=3)
    assert f"{source} is not found, or private" in said and "HF_TOKEN" in said
    assert [(row["kind"], row["status"]) for row in wire.rows()] == [("repo-info", 401)]


@pytest.mark.parametrize("revision", ["no-such-branch", NO_COMMIT, "refs/pr/99", "refs/convert/parquet", "v1%2F0"])
def test_a_revision_that_does_not_exist_is_named(hub, home, sample, wire, revision):
    said = refused(hub, home, f"acme/sample@{revision}", status=3)
    assert f"acme/sample has no revision {revision.replace('%2F', '/')}" in said
    assert [row["status"] for row in wire.rows()] == [404]


def test_a_revision_given_as_an_option_is_named_too(hub, home, sample):
    said = refused(hub, home, "acme/sample", options=["rev=no-such-branch"], status=3)
    assert "acme/sample has no revision no-such-branch" in said


@pytest.mark.parametrize("subdir", ["no-such-folder", "notes/no-such-folder", "notes/deep/er/leaf/4/more"])
def test_a_subfolder_that_does_not_exist_is_named(hub, home, sample, wire, subdir):
    said = refused(hub, home, f"acme/sample/{subdir}", status=3)
    assert "acme/sample" in said and f'no folder "{subdir}"' in said
    assert "tree" in wire.kinds()


@pytest.mark.parametrize("subdir", ["README.md", "notes/first.txt", "README.md/below"])
def test_a_subfolder_that_is_a_file_is_no_folder(hub, home, sample, subdir):
    said = refused(hub, home, f"acme/sample/{subdir}", status=3)
    assert "acme/sample" in said and f'"{subdir}"' in said and "not a folder" in said


@pytest.mark.parametrize("source", ["buckets/acme/things", "hf://kernels/acme/fast", "collections/acme/list", "papers/2401.00001"])
def test_kinds_that_are_not_supported_are_said_to_be_so_without_a_request(hub, home, wire, source):
    said = refused(hub, home, source, status=1)
    assert "not supported" in said
    assert wire.rows() == []


BAD_NAMES = {
    "no owner": "/sample",
    "two dots": "acme/..",
    "a hidden folder of another program": "acme/.git",
    "a space": "acme/my model",
    "a letter that no id has": "acme/sämple",
    "a question mark": "acme/sample?x=1",
    "97 bytes": "acme/" + "n" * 97,
    "a web address": "https://huggingface.co/acme/sample",
    "an empty revision": "acme/sample@",
    "a revision with two dots": "acme/sample@a..b",
    "a revision with a control character": "acme/sample@a\nb",
    "a branch with a plain slash": "acme/sample@refs/heads/main",
    "a subfolder that climbs": "acme/sample/notes/../..",
    "a subfolder with an empty part": "acme/sample/notes//deep",
}


@pytest.mark.quick
@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_no_repository_has_costs_no_request(hub, home, wire, name):
    refused(hub, home, BAD_NAMES[name], status=1)
    assert wire.rows() == []


USAGE = {
    "an unknown option": (["-o", "no_such_option"], "no_such_option"),
    "an unknown flag": (["--no-such-flag"], "--no-such-flag"),
    "an option without its value": (["-o", "cache_size"], "cache_size"),
    "an empty value": (["-o", "cache_dir="], "cache_dir"),
    "no size": (["-o", "cache_size=lots"], "lots"),
    "a size beyond all bounds": (["-o", "cache_size=99999999999999999999G"], "cache_size"),
    "a negative size": (["-o", "cache_size=-1"], "cache_size"),
    "no time": (["-o", "timeout=soon"], "soon"),
    "no time at all": (["-o", "timeout=0"], "timeout"),
    "no connections": (["-o", "max_conns=0"], "max_conns"),
    "no umask": (["-o", "umask=999"], "umask"),
    "a pull request without writing": (["-o", "pr"], "rw"),
    "two revisions": (["-o", "rev=other"], "rev"),
    "an endpoint with a password": (["-o", "endpoint=https://user:pass@127.0.0.1"], "endpoint"),
    "an endpoint of no scheme": (["-o", "endpoint=127.0.0.1:1"], "endpoint"),
    "plain http to another host": (["-o", "endpoint=http://192.0.2.1"], "insecure_http"),
    "one argument too many": (["surplus"], "surplus"),
}


@pytest.mark.parametrize("mistake", USAGE)
def test_wrong_usage_of_mount_is_status_1_and_names_the_mistake(hub, home, wire, mistake):
    arguments, word = USAGE[mistake]
    point = home.fresh("mnt")
    point.mkdir()
    words = ["mount", "-o", f"endpoint={hub.endpoint}", "acme/sample@main", point, *arguments]
    done = run_hugfs(words, home.environment(), status=1)
    assert word in sentence(done) and "pass@" not in done.text
    assert wire.rows() == [] and not os.path.ismount(point)


def test_a_token_as_an_option_is_refused_and_not_repeated(hub, home):
    said = refused(hub, home, "acme/sample", options=["token=not-for-your-eyes"], status=1)
    assert "token_file=" in said and "HF_TOKEN" in said and "eyes" not in said


@pytest.mark.parametrize("verb", ["prefetch", "pin", "unpin", "info"])
def test_a_verb_names_the_path_that_does_not_exist(mount, sample, verb):
    made = mount("acme/sample")
    done = made.cli(verb, made / "no-such-file", status=None)
    assert done.status in (2, 3) and "no-such-file" in sentence(done)


@pytest.mark.parametrize("verb", ["prefetch", "pin", "unpin", "info", "refresh", "trace", "status"])
def test_a_verb_names_the_path_that_is_in_no_mount(hugfs, home, verb):
    done = hugfs(verb, home.home, status=None)
    assert done.status in (1, 2) and str(home.home) in sentence(done)


def test_standard_output_that_is_full_is_an_error(home):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([HUGFS, "--help"], stdout=full, stderr=subprocess.PIPE, env=home.environment(), check=False)
    assert done.returncode == 2 and b"hugfs: " in done.stderr
