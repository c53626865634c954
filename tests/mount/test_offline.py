# SPDX-License-Identifier: Apache-2.0
"""Without the Hub: by wish and by itself, noticed within seconds, said once, over when the Hub is back; every answer right or ENETUNREACH."""

import errno
import os
import time

import pytest
import samples
from bad_servers import certificate
from cable import Cable
from harness import wait_until
from local_hub import LocalHub, Repository
from machine import PATIENCE, PROMPT
from refusal import failing, is_right, strike
from workload import Workload, outcome

GONE = "can't be reached ("
BACK = "info hub: "
MOMENT = 10  # seconds; what is known to be out of reach is so within one
FILES = {f"part{number}.bin": samples.noise(200_000, 70 + number) for number in range(4)} | {
    "README.md": "offline\n",
    "sub/one.txt": "one\n",
    "sub/deep/two.txt": "two\n",
    "elsewhere/three.txt": "three\n",
}


@pytest.fixture(scope="module")
def own_hub():
    """A Hub of one's own, to be stopped and started."""
    with LocalHub() as process:
        yield process


@pytest.fixture(scope="module")
def mixed(own_hub, tmp_path_factory):
    """acme/mixed on it."""
    folder = tmp_path_factory.mktemp("mixed")
    samples.write_tree(folder, FILES)
    return Repository("acme/mixed", folder, own_hub.upload(folder, "acme/mixed"))


@pytest.fixture
def stoppable(own_hub, mixed):
    """The Hub with acme/mixed, running, and running again afterwards."""
    own_hub.clear()
    own_hub.config(hub_url="", cas_url="", cdn_url="")
    yield own_hub
    if not own_hub.is_running:
        own_hub.start()


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("pem"), "IP:127.0.0.1", "DNS:localhost")


class Lines:
    """The Hub behind a cable with a line to each origin."""

    def __init__(self, cable, hub, pem):
        self.cable = cable
        self.ports = {name: cable.line(hub.urls[name], pem) for name in ("hub", "cas", "cdn")}
        hosts = {"hub": "127.0.0.1", "cas": "127.0.0.1", "cdn": "localhost"}
        self.urls = {name: f"https://{hosts[name]}:{port}" for name, port in self.ports.items()}
        hub.config(**{f"{name}_url": url for name, url in self.urls.items()})
        self.options = [f"endpoint={self.urls['hub']}", f"ca_file={pem}", "poll=never"]

    def of(self, names):
        return [self.ports[name] for name in names.split()]


@pytest.fixture
def lines(stoppable, pem):
    with Cable() as cable:
        made = Lines(cable, stoppable, pem)
        yield made
        cable.mend(*made.ports.values())
    stoppable.config(hub_url="", cas_url="", cdn_url="")


def state(made):
    return made.cli("status", "--json", made.path).json["mounts"][0]["state"]


def quickly(action):
    """The value or error of something that must not take longer than a moment."""
    value, seconds = outcome(action)
    assert seconds < MOMENT, f"{seconds:.1f} s"
    return value


def error_of(action):
    value = quickly(action)
    assert isinstance(value, OSError), value
    return value.errno


# ---- by wish


@pytest.mark.quick
@pytest.mark.parametrize("way", ["option", "HF_HUB_OFFLINE", "verb"])
def test_offline_by_wish_what_is_here_works_and_nothing_is_asked(mount, stoppable, mixed, way):
    made = mount("acme/mixed", hub=stoppable, options=["poll=never"])
    wanted = sorted({name.partition("/")[0] for name in FILES} | {".gitattributes"})
    assert sorted(os.listdir(made.path)) == wanted
    assert sorted(os.listdir(made / "sub")) == ["deep", "one.txt"]
    assert is_right(made, mixed, "part0.bin") and is_right(made, mixed, "sub/one.txt")
    if way == "verb":
        made.cli("offline", made.path)
    else:
        made.umount()
        made.environment |= {"HF_HUB_OFFLINE": "1"} if way == "HF_HUB_OFFLINE" else {}
        made.again(options=["poll=never", *(["offline"] if way == "option" else [])])
    stoppable.reset_requests()
    assert state(made) == "offline"
    assert sorted(os.listdir(made.path)) == wanted
    made.drop_pages("part0.bin")
    assert is_right(made, mixed, "part0.bin") and is_right(made, mixed, "sub/one.txt")
    assert os.stat(made / "part1.bin").st_size == len(FILES["part1.bin"])
    assert error_of((made / "part1.bin").read_bytes) == errno.ENETUNREACH
    assert error_of(lambda: os.stat(made / "no-such-file")) == errno.ENOENT, "the listing is complete"
    assert error_of(lambda: os.stat(made / "elsewhere/three.txt")) == errno.ENETUNREACH, "the folder was never listed"
    assert error_of(lambda: os.listdir(made / "sub/deep")) == errno.ENETUNREACH
    assert stoppable.requests() == []
    if way == "verb":
        made.cli("online", made.path)
        assert state(made) == "online"
        assert (made / "elsewhere/three.txt").read_text() == "three\n"
        wait_until(lambda: not isinstance(outcome((made / "part1.bin").read_bytes)[0], OSError), "the file", PROMPT)


# ---- by itself


@pytest.mark.parametrize("how", ["cut", "refuse"])
@pytest.mark.parametrize("origins", ["hub cas cdn", "hub", "cas cdn"])
def test_a_lost_network_is_noticed_said_once_and_found_again(mount, stoppable, mixed, lines, how, origins):
    made = mount("acme/mixed", hub=stoppable, options=lines.options)
    os.listdir(made.path)
    assert is_right(made, mixed, "part0.bin") and is_right(made, mixed, "README.md")
    getattr(lines.cable, how)(*lines.of(origins))
    for name in [*(["elsewhere/three.txt"] if "hub" in origins else []), *(["part1.bin"] if "cas" in origins else [])]:
        value, seconds = outcome((made / name).read_bytes)
        assert isinstance(value, OSError) and value.errno == errno.ENETUNREACH, value
        assert seconds < 2 * PROMPT, "within seconds, not at the deadline"
    assert state(made) == ("offline" if "hub" in origins else "online")
    before = len(made.log)
    for number in range(20):
        assert error_of(lambda number=number: os.stat(made / f"sub/unknown{number}")) in (errno.ENETUNREACH, errno.ENOENT)
    if origins != "hub":
        assert error_of((made / "part2.bin").read_bytes) == errno.ENETUNREACH
        assert error_of((made / "part3.bin").read_bytes) == errno.ENETUNREACH
    made.drop_pages("part0.bin")
    assert is_right(made, mixed, "part0.bin")
    assert made.log[before:].count("\n") <= 4, "never per request:\n" + made.log[before:]
    lines.cable.mend(*lines.of(origins))
    names = [name for name in FILES if name != "part0.bin"]
    for name in names:
        wait_until(lambda name=name: quickly((made / name).read_bytes) == mixed.bytes(name), f"{name} again", PATIENCE)
    assert state(made) == "online"
    lost, found = made.log.count(GONE), made.log.count(BACK)
    assert 1 <= lost == found <= len(origins.split()), made.log


@pytest.mark.slow
def test_a_slow_hub_is_not_taken_for_a_lost_one(mount, stoppable, mixed, lines):
    made = mount("acme/mixed", hub=stoppable, options=lines.options)
    os.listdir(made.path)
    rule = strike(stoppable, {"path_regex": "/tree/|/xorbs/"}, {"delay_ms": 10000}, count=2)
    assert (made / "sub/one.txt").read_text() == "one\n"
    assert is_right(made, mixed, "part0.bin")
    assert stoppable.fired(rule) == 2
    assert GONE not in made.log and state(made) == "online"


def test_one_address_that_always_breaks_off_does_not_take_the_host_with_it(mount, stoppable, mixed):
    made = mount("acme/mixed", hub=stoppable, options=["poll=never", "timeout=5"])
    os.listdir(made.path)
    rule = strike(stoppable, {"path_regex": "/tree/.*/sub"}, {"reset": True})
    assert failing("stat", made / "sub/one.txt") != errno.ENOENT
    assert stoppable.fired(rule) > 3
    assert GONE not in made.log and state(made) == "online"
    assert is_right(made, mixed, "part0.bin")


# ---- at every point of a mixed workload


def lose_and_find(made, hub, work, lose, when):
    """The workload, the Hub lost before step `when`, then found again: the same once more, in full."""
    for index, step in enumerate(work.steps):
        if index == when:
            lose()
        work.check(step)
    if not hub.is_running:
        hub.start()
    hub.clear()
    wait_until(work.is_complete, "the workload to be complete again", PATIENCE)
    wait_until(lambda: state(made) == "online", "the mount to be online", PATIENCE)


EVERY = [pytest.param(index, marks=[] if index in (0, 6, 15) else pytest.mark.slow) for index in range(0, 36, 3)]


@pytest.mark.parametrize("when", EVERY)
def test_a_hub_that_stops_at_any_step_leaves_answers_right_or_out_of_reach(mount, stoppable, mixed, when):
    made = mount("acme/mixed", hub=stoppable, options=["poll=never"])
    lose_and_find(made, stoppable, Workload(made.path, mixed), stoppable.stop, when)


@pytest.mark.parametrize("k", [pytest.param(k, marks=[] if k in (0, 4, 11) else pytest.mark.slow) for k in range(24)])
def test_a_network_that_breaks_after_any_request_leaves_answers_right_or_out_of_reach(mount, stoppable, mixed, k):
    made = mount("acme/mixed", hub=stoppable, options=["poll=never"])
    strike(stoppable, {}, {"reset": True}, skip=k)
    lose_and_find(made, stoppable, Workload(made.path, mixed), lambda: None, 0)
