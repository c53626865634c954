# SPDX-License-Identifier: Apache-2.0
"""A mount of the whole Hub whose token file changes: what one token has seen is not there for the next one."""

import errno
import os
import signal
import time

import pytest
from harness import wait_until
from hub.client import OTHER_TOKEN, READ_TOKEN, WRITE_TOKEN
from refusal import names

MOMENT = 1.5  # seconds: the kernel remembers names above a repository for one
MISSING = 10  # seconds: and names that there are not for ten
CHECK = 2.5  # seconds: how often a request looks at the token file, and a little
CHANGED = "has changed"  # what the log says of the token


@pytest.fixture(scope="module")
def closed(_hub_process):
    """alice/closed and alice/unread, which are private, and alice/open."""
    for name in ("closed", "unread", "open"):
        _hub_process.repo(f"alice/{name}", private=name != "open")
        for path in ("README.md", "sub/leaf.txt"):
            _hub_process.put(f"alice/{name}", path, f"I am {path} of {name}\n")
    return _hub_process.head("alice/closed")


class Keyring:
    """A mount and the token file that it reads."""

    def __init__(self, mount, folder, options=()):
        self.file = folder / "token"
        self.write(WRITE_TOKEN)
        self.made = mount("hf://", options=[f"token_file={self.file}", *options])

    def write(self, token):
        self.file.write_text(f"{token}\n")
        self.file.chmod(0o600)

    def change(self, token, how):
        """The file has another token; return when the mount has noticed, and the kernel has forgotten."""
        said = self.made.log.count(CHANGED)
        self.write(token)
        if how == "SIGHUP":
            self.made.process.send_signal(signal.SIGHUP)
        else:  # the next request notices: of a name that nobody has asked for before
            time.sleep(CHECK)
            os.path.lexists(self.made / f"models/alice/open@never-{said}")
        wait_until(lambda: self.made.log.count(CHANGED) > said, "the new token")
        time.sleep(MOMENT)


@pytest.fixture
def keyring(mount, tmp_path, closed):
    return Keyring(mount, tmp_path)


def places_of(sha):
    """Where the files of alice/closed are, as one folder each."""
    return [
        "models/alice/closed",
        "models/alice/closed@main",
        f"models/alice/closed@{sha}",
        f"hf-cache/models--alice--closed/snapshots/{sha}",
    ]


def answers_of(sha):
    """Paths that tell something about alice/closed without being in it."""
    cache = "hf-cache/models--alice--closed"
    there = [f"{cache}/refs/main", f"{cache}/trees/{sha}.json", f"{cache}/.no_exist/{sha}", f"{cache}/.no_exist/{sha}/nothing.json"]
    return [*there, f"{cache}/.no_exist/{sha}/sub", f"{cache}/.no_exist/{sha}/sub/nothing.json", "models/alice/closed/.hub/commit"]


def look_everywhere(made, sha):
    assert names(made / "models/alice")[:1] == ["closed"] and "unread" in names(made / "models/alice")
    for place in places_of(sha):
        assert (made / place / "README.md").read_text() == "I am README.md of closed\n"
        assert (made / place / "sub/leaf.txt").read_text() == "I am sub/leaf.txt of closed\n"
        assert names(made / place / "sub") == ["leaf.txt"]
    for path in answers_of(sha):
        assert os.path.lexists(made / path), path


def seen(made, paths):
    """Those of the paths that are answered by anything but "no such file"."""
    found = {}
    for path in paths:
        try:
            os.lstat(made / path)
            found[path] = "there"
        except OSError as error:
            if error.errno != errno.ENOENT:
                found[path] = error.strerror
    return found


def assert_nothing_shows(made, sha):
    in_places = [f"{place}{tail}" for place in places_of(sha) for tail in ("", "/README.md", "/sub", "/sub/leaf.txt")]
    # The deepest first: names that the kernel keeps lead there without the ones above being asked for again.
    assert seen(made, sorted([*in_places, *answers_of(sha)], key=len, reverse=True)) == {}
    assert seen(made, ["models/alice/unread", "models/alice/unread/README.md", "models/alice/unread@main"]) == {}, "it was listed only"
    listed = names(made / "models/alice")
    assert "open" in listed and not {"closed", "unread"} & {*listed}
    assert sha not in "".join(names(made / "hf-cache")) and "models--alice--closed" not in names(made / "hf-cache")


@pytest.mark.quick
@pytest.mark.parametrize("how", ["SIGHUP", "by itself"])
def test_what_the_token_before_has_seen_is_not_there_for_the_next(keyring, closed, how):
    look_everywhere(keyring.made, closed)
    keyring.change(OTHER_TOKEN, how)
    assert_nothing_shows(keyring.made, closed)
    assert (keyring.made / "models/alice/open/README.md").read_text() == "I am README.md of open\n"


def test_with_the_first_token_again_all_of_it_is_there_again(keyring, closed):
    look_everywhere(keyring.made, closed)
    keyring.change(OTHER_TOKEN, "SIGHUP")
    assert_nothing_shows(keyring.made, closed)
    keyring.change(WRITE_TOKEN, "SIGHUP")
    time.sleep(MISSING)
    look_everywhere(keyring.made, closed)


def test_nor_with_polls_that_never_come(mount, tmp_path, closed):
    keyring = Keyring(mount, tmp_path, ["poll=never"])
    look_everywhere(keyring.made, closed)
    keyring.change(OTHER_TOKEN, "by itself")
    assert_nothing_shows(keyring.made, closed)


def test_nor_while_a_file_of_it_is_open(keyring, closed):
    look_everywhere(keyring.made, closed)
    with open(keyring.made / "models/alice/closed/README.md", "rb"):
        keyring.change(OTHER_TOKEN, "SIGHUP")
        assert_nothing_shows(keyring.made, closed)


def test_nor_offline(keyring, closed):
    look_everywhere(keyring.made, closed)
    keyring.change(OTHER_TOKEN, "SIGHUP")
    keyring.made.cli("offline", keyring.made.path)
    time.sleep(MOMENT)
    for path in [*places_of(closed), *answers_of(closed), "models/alice/unread"]:
        with pytest.raises(OSError) as caught:
            os.lstat(keyring.made / path)
        assert caught.value.errno in (errno.ENOENT, errno.ENETUNREACH), path
    assert not {"closed", "unread"} & {*names(keyring.made / "models/alice")}


def test_another_token_of_the_same_user_sees_it_by_its_own_listing(keyring, closed, wire):
    look_everywhere(keyring.made, closed)
    keyring.change(READ_TOKEN, "SIGHUP")
    wire.mark()
    look_everywhere(keyring.made, closed)
    assert wire.count("repo-info") >= 1 and wire.count("tree") >= 1 and wire.count("list-repos") in (1, 2)
