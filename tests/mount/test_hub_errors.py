# SPDX-License-Identifier: Apache-2.0
"""Errors that people meet in the whole Hub as one folder: the errno, the sentence in the log, and that everything else goes on."""

import errno
import os
import subprocess

import pytest
from harness import wait_until
from hub.client import OTHER_TOKEN, READ_TOKEN
from machine import PATIENCE
from refusal import QUICKLY, complaint, failing, names, strike

WRONG = "hf_neverIssuedToAnybody1234"
INFO = {"origin": "hub", "path_regex": "^/api/models/acme/sample$"}
LIST = {"origin": "hub", "path_regex": "^/api/models$"}


@pytest.fixture(scope="module")
def ward(_hub_process):
    """Owner "ward": one repository of each unhappy sort, and a sound one."""
    hub = _hub_process
    for name in ("sound", "gated", "disabled", "private"):
        hub.repo(f"ward/{name}")
        hub.put(f"ward/{name}", "README.md", f"I am ward/{name}\n")
    hub.repo("ward/gated", gated="manual")
    hub.repo("ward/disabled", disabled=True)
    hub.repo("ward/private", private=True)


@pytest.mark.parametrize("token, words", [(None, "not found, or private"), (OTHER_TOKEN, "the token in HF_TOKEN may not see it")], ids=["nobody", "bob"])
def test_what_is_missing_or_private_is_not_found_and_the_log_says_so(mount, ward, token, words):
    made = mount("hf://", options=QUICKLY, token=token)
    for name in ("nowhere", "private", "private@main"):
        assert failing("stat", made / "models/ward" / name) == errno.ENOENT
    for name in ("nowhere", "private"):
        assert words in complaint(made, f"ward/{name} is not found")


@pytest.mark.quick
@pytest.mark.parametrize("token", [None, OTHER_TOKEN], ids=["nobody", "bob"])
def test_a_gated_repository_is_listed_and_its_files_refused(mount, ward, token):
    made = mount("hf://", options=QUICKLY, token=token)
    file = made / "models/ward/gated/README.md"
    assert "README.md" in names(made / "models/ward/gated") and file.stat().st_size == len("I am ward/gated\n")
    assert failing("read", file, 0, 10) == errno.EACCES
    assert "ward/gated is gated: accept the terms" in complaint(made, '"README.md"')
    assert "ward/gated is gated" in made.cli("info", file).out
    assert (made / "models/ward/sound/README.md").read_text() == "I am ward/sound\n"


@pytest.mark.parametrize("token", [None, READ_TOKEN], ids=["nobody", "alice"])
def test_a_disabled_repository_is_access_denied(mount, ward, token):
    made = mount("hf://", options=QUICKLY, token=token)
    assert failing("stat", made / "models/ward/disabled") == errno.EACCES
    said = complaint(made, "disabled")
    assert "ward/disabled" in said


@pytest.mark.quick
def test_one_broken_repository_does_not_break_ls_l_of_the_rest(mount, ward, hub):
    made = mount("hf://", options=QUICKLY)
    failing_one = strike(hub, {"path_regex": "^/api/models/ward/failing$"}, {"status": 500})
    listing = strike(hub, LIST, {"replace_json": {"set": [["/-", {"id": "ward/missing"}], ["/-", {"id": "ward/failing"}]]}})
    done = subprocess.run(["ls", "-l", made / "models/ward"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert hub.fired(listing) >= 1 and hub.fired(failing_one) >= 1
    assert done.returncode == 1
    lines = {line.split()[-1]: line for line in done.stdout.splitlines()[1:]}
    assert lines["sound"].startswith("dr-xr-xr-x") and lines["gated"].startswith("dr-xr-xr-x")
    assert "disabled" in done.stderr and "Permission denied" in done.stderr
    assert "missing" in done.stderr and "No such file" in done.stderr
    assert "failing" in done.stderr and ("Input/output error" in done.stderr or "timed out" in done.stderr)


def test_a_token_that_is_not_valid_is_access_denied_and_traced(mount, sample):
    made = mount("hf://", options=QUICKLY, token=WRONG)
    assert failing("stat", made / "models/acme/sample") == errno.EACCES
    assert "the token in HF_TOKEN is not valid" in complaint(made, "acme/sample")
    assert failing("list", made / "models/acme") == errno.EACCES
    complaint(made, "could not be listed")
    assert names(made / "models") == []
    complaint(made, "whose the token is")
    assert WRONG not in made.log


@pytest.mark.parametrize("where, action", [(INFO, "stat"), (LIST, "list")], ids=["a name", "a listing"])
def test_a_used_up_quota_is_busy_until_it_is_over(mount, hub, sample, where, action):
    rule = strike(hub, where, {"status": 429, "headers": {"RateLimit": '"api";r=0;t=250'}})
    made = mount("hf://", options=QUICKLY)
    for _ in range(5):
        assert failing(action, made / ("models/acme/sample" if action == "stat" else "models/acme")) == errno.EBUSY
    assert "rate limit is used up" in complaint(made, "rate limit")
    assert hub.fired(rule) == 1, "the Hub said for how long"


# The last try of a server that fails may be under way at the deadline.
SERVER = {
    "a failing server": ({"status": 500}, {errno.EIO: "HTTP status 500", errno.ETIMEDOUT: "deadline"}),
    "silence": ({"stall": True}, {errno.ETIMEDOUT: "acme"}),
}


@pytest.mark.parametrize("where, action", [(INFO, "stat"), (LIST, "list")], ids=["a name", "a listing"])
@pytest.mark.parametrize("kind", SERVER)
def test_a_server_that_fails_is_an_error_in_time_and_right_afterwards(mount, hub, sample, where, action, kind):
    fault, expected = SERVER[kind]
    path = "models/acme/sample" if action == "stat" else "models/acme"
    rule = strike(hub, where, fault)
    made = mount("hf://", options=QUICKLY)
    number = failing(action, made / path)
    assert number in expected and expected[number] in complaint(made, "looked up" if action == "stat" else "listed")
    assert 1 <= hub.fired(rule) <= 20, "0.2 s and more between them, with jitter"
    hub.clear()
    wait_until(lambda: works(action, made / path), "the fault is gone, so is the error")
    assert (made / "models/acme/sample/README.md").read_bytes() == sample.bytes("README.md")
    wait_until(lambda: works("list", made / "models/acme"), "an answer within the short deadline")
    assert "sample" in names(made / "models/acme")


def works(action, path):
    try:
        return bool(os.stat(path) if action == "stat" else os.listdir(path))
    except OSError:
        return False
