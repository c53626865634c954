# SPDX-License-Identifier: Apache-2.0
"""The verbs: what they print for people and for programs, and their exit codes."""

import json
import os
import re
import signal
from pathlib import Path

import pytest
from harness import Mount, run_hugfs, wait_until
from hub.client import OTHER_TOKEN, READ_TOKEN
from machine import HUGFS, PROMPT
from reader import Lines

VERBS = ["mount", "umount", "status", "info", "prefetch", "pin", "unpin", "refresh", "trace", "cache"]


def one_sentence(result):
    """An error is one line on stderr, nothing on stdout."""
    assert result.out == "" and result.err.endswith("\n"), result.text
    assert len(result.err.splitlines()) <= 2, result.err
    return result.err


# ---- help and usage


@pytest.mark.quick
def test_help_goes_to_stdout_and_names_every_verb(hugfs):
    for option in ("--help", "-h"):
        done = hugfs(option)
        assert done.err == ""
        for verb in VERBS:
            assert re.search(rf"^\s+{verb}\b", done.out, re.M), verb


@pytest.mark.quick
def test_d_prints_the_requests_of_the_kernel(mount, sample):
    made = mount("acme/sample", flags=["-d"])
    os.listdir(made.path)
    wait_until(lambda: "opcode: READDIR" in made.log, "the kernel's READDIR in the log")


@pytest.mark.quick
@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_its_own_help(hugfs, verb):
    done = hugfs(verb, "--help")
    assert done.out.startswith(f"usage: hugfs {verb}") and done.err == ""


@pytest.mark.quick
def test_version_names_the_libraries_and_the_blake3_in_use(hugfs):
    done = hugfs("--version")
    assert re.match(r"hugfs \d+\.\d+\.\d+", done.out)
    for word in ("fuse", "curl", "SQLite", "BLAKE3"):
        assert word.lower() in done.out.lower(), word
    assert re.search(r"AVX-512|AVX2|SSE4\.1|NEON", done.out), "a scalar BLAKE3 is a defect"


@pytest.mark.quick
@pytest.mark.parametrize(
    "arguments",
    [[], ["no-such-verb"], ["mount"], ["mount", "acme/sample"], ["status", "--no-such-option"], ["mount", "-o", "nonsense=1", "a/b", "/tmp"], ["cache"], ["cache", "burn"]],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_status_1(hugfs, arguments):
    done = hugfs(*arguments, status=1)
    assert "hugfs" in one_sentence(done)


# ---- status


@pytest.mark.quick
def test_status_tells_about_a_mount(mount, sample):
    made = mount("acme/sample")
    (made / "mixed.bin").read_bytes()
    done = made.cli("status", made.path)
    assert "acme/sample" in done.out and str(made.path) in done.out and sample.head[:7] in done.out


@pytest.mark.quick
def test_status_as_json_is_one_object_for_each_mount(mount, sample):
    made = mount("acme/sample")
    (made / "mixed.bin").read_bytes()
    text = made.cli("status", "--json").out
    assert "acme/sample" in text and sample.head in text
    assert json.loads(text)


def test_status_as_metrics_is_prometheus_text(mount, sample):
    made = mount("acme/sample")
    (made / "mixed.bin").read_bytes()
    lines = made.cli("status", "--metrics").lines
    samples = [line for line in lines if line and not line.startswith("#")]
    assert samples and all(re.fullmatch(r"hugfs_\w+(\{[^}]*\})? [-+0-9.e]+", line) for line in samples), lines
    assert {line.split()[2] for line in lines if line.startswith("# TYPE")} >= {re.split(r"[{ ]", line)[0] for line in samples}


def test_status_without_a_mount_says_that_there_is_none(hugfs):
    assert hugfs("status", status=None).status in (0, 2)


# ---- info


@pytest.mark.quick
def test_info_tells_where_a_file_stands(mount, sample):
    made = mount("acme/sample")
    before = made.cli("info", "--json", made / "mixed.bin").json
    assert before["repo"] == "acme/sample" and before["commit"] == sample.head and before["path"] == "mixed.bin"
    assert before["size"] == len(sample.bytes("mixed.bin")) and before["cached_bytes"] == 0
    assert re.fullmatch("[0-9a-f]{64}", before["xet_hash"]) and re.fullmatch("[0-9a-f]{40}", before["oid"])
    (made / "mixed.bin").read_bytes()
    after = made.cli("info", "--json", made / "mixed.bin").json
    assert after["cached_bytes"] == after["size"]
    assert "mixed.bin" in made.cli("info", made / "mixed.bin").out


def test_info_after_a_remount_still_knows_what_is_here(mount, sample):
    made = mount("acme/sample")
    for name in ("mixed.bin", "README.md"):
        (made / name).read_bytes()
    made.remount()
    for name in ("mixed.bin", "README.md"):
        assert made.cli("info", "--json", made / name).json["cached_bytes"] == len(sample.bytes(name)), name


@pytest.mark.quick
@pytest.mark.parametrize("name", ["mixed.bin", "README.md"])
def test_a_file_that_was_read_whole_is_verified(mount, sample, name):
    made = mount("acme/sample")
    (made / name).read_bytes()
    wait_until(lambda: made.cli("info", "--json", made / name).json["verified"] == "good", "verified")


def test_info_about_something_that_is_not_there_is_one_sentence(mount, sample):
    made = mount("acme/sample")
    done = made.cli("info", made / "nothing-here", status=None)
    assert done.status == 3 or done.status == 2
    assert "nothing-here" in one_sentence(done)


def test_a_path_that_is_in_no_mount_is_one_sentence(hugfs, home):
    done = hugfs("info", home.home, status=None)
    assert done.status != 0 and str(home.home) in one_sentence(done)


# ---- environment and tokens


def test_options_come_from_the_environment(hub, sample):
    made = Mount("acme/sample", environment={"HF_ENDPOINT": hub.endpoint})
    with made:
        assert (made / "README.md").read_bytes() == sample.bytes("README.md")
        assert made.home.cache.exists(), "HUGFS_CACHE_DIR"


@pytest.fixture(scope="module")
def private(_hub_process, tmp_path_factory):
    """acme/private: secret.bin, for alice's tokens alone; its bytes."""
    folder = tmp_path_factory.mktemp("private")
    (folder / "secret.bin").write_bytes(os.urandom(50_000))
    _hub_process.upload(folder, "acme/private")
    _hub_process.repo("acme/private", private=True)
    return (folder / "secret.bin").read_bytes()


@pytest.mark.quick
def test_the_owners_token_opens_a_private_repository(mount, private):
    assert (mount("acme/private", token=READ_TOKEN) / "secret.bin").read_bytes() == private


def test_a_token_may_come_from_a_file(mount, private, tmp_path):
    file = tmp_path / "token"
    file.write_text(READ_TOKEN + "\n")
    file.chmod(0o600)
    assert (mount("acme/private", options=[f"token_file={file}"]) / "secret.bin").read_bytes() == private
    assert (mount("acme/private", environment={"HF_TOKEN_PATH": file}) / "secret.bin").read_bytes() == private


@pytest.mark.quick
@pytest.mark.parametrize("token", [None, OTHER_TOKEN], ids=["no token", "another's token"])
def test_without_the_owners_token_it_is_not_found_or_private(hub, home, private, token):
    point = home.root / "mnt"
    point.mkdir()
    arguments = ["mount", "-f", "-o", f"endpoint={hub.endpoint}", "acme/private", point]
    done = run_hugfs(arguments, home.environment({"HF_TOKEN": token}), secrets=hub.secrets, status=3)
    assert "acme/private" in one_sentence(done) and "private" in done.err


def test_the_token_is_on_no_command_line_and_in_no_file_of_ours(mount, private):
    made = mount("acme/private", token=READ_TOKEN)
    (made / "secret.bin").read_bytes()
    assert READ_TOKEN.encode() not in Path(f"/proc/{made.process.pid}/cmdline").read_bytes()
    made.umount()
    for path in made.home.root.rglob("*"):
        if path.is_file():
            assert READ_TOKEN.encode() not in path.read_bytes(), path


# ---- trace


@pytest.mark.quick
def test_trace_prints_a_line_for_each_request_and_agrees_with_the_hub(mount, sample, wire):
    made = mount("acme/sample", options=["poll=never"])
    with Lines([HUGFS, "trace", "--json", made.path], env=made.environment) as tracer:
        wait_until(lambda: made.cli("refresh", made.path) and tracer.lines, "the tracer's first line")
        wire.mark()
        (made / "mixed.bin").read_bytes()
        fetched = sorted(row["bytes"] for row in wire.rows("xorb-range"))
        wait_until(lambda: sum('"xorb"' in line for line in tracer.lines) >= len(fetched), "a line for each range")
        tracer.process.send_signal(signal.SIGINT)
        assert tracer.process.wait(PROMPT) in (0, -signal.SIGINT)
    lines = [json.loads(line) for line in tracer.lines]
    xorbs = [line for line in lines if line.get("what") == "xorb"]
    assert sorted(line["bytes"] for line in xorbs) == fetched
    assert {"class", "status", "queued_ms", "ttfb_ms", "reused", "reason"} <= set(xorbs[0])
    assert {line["event"] for line in lines} == {"http", "kernel"}
