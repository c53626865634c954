# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the mount tests; README.md in this folder is the introduction.

Session: `hub` (with the sample repositories), `sample`, `basic`, `big`: what the Hub holds and
the reference bytes. Function: `mount` (a factory whose mounts are unmounted and judged at the
end of the test), `writable` and `folder` (factories of writable mounts, writing.py), `wire` (counts
requests), and an automatic reset of faults, settings and log.
"""

import re
import signal
import zlib

import pytest
import samples
from harness import Failed, Home, Mount, run_hugfs
from local_hub import LocalHub, Repository, Wire
from machine import BIG, HUGFS
from writing import Uploads, make_folder, need_a_mount

LINKS = [
    {"add": "run.sh", "text": "#!/bin/sh\necho hello from the Hub\n", "mode": "100755"},
    {"add": "link-to-readme", "text": "README.md", "mode": "120000"},
    {"add": "sub/link-up", "text": "../README.md", "mode": "120000"},
    {"add": "sub/link-absolute", "text": "/etc/passwd", "mode": "120000"},
    {"add": "sub/link-outside", "text": "../../outside", "mode": "120000"},
    {"add": "README.md", "text": "links and modes\n"},
]


def pytest_configure(config):
    # Who is started in the background (nohup, setsid) ignores SIGINT, and so would all that we start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "quick: the core; part of tests/run.sh quick")
    config.addinivalue_line("markers", "slow: long in a sanitizer build; skipped under TSan")
    config.addinivalue_line("markers", "waits: a minute and more for a deadline")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Who waits for minutes begins at once, each in another worker: the others do their work meanwhile."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    patient = [item for item in items if item.get_closest_marker("waits")]
    items[:] = [item for item in items if item not in patient]
    share = (len(items) + len(patient)) // workers + 1  # what --dist worksteal gives to a worker, or one more
    for number, item in enumerate(patient):
        items.insert(number % workers * share, item)


@pytest.fixture(scope="session", autouse=True)
def _built():
    if not HUGFS.exists():
        pytest.exit(f"{HUGFS} is not built; set HUGFS_BUILD", 2)


@pytest.fixture(scope="session")
def _hub_process():
    with LocalHub() as process:
        yield process


@pytest.fixture
def hub(_hub_process):
    """The session's Hub with nothing wrong; a violation of the protocol fails the test."""
    _hub_process.reset()
    _hub_process.clear_violations()
    yield _hub_process
    violations = _hub_process.violations()
    _hub_process.reset()
    assert violations == [], "hugfs did what no client may do"


@pytest.fixture
def wire(hub):
    return Wire(hub)


@pytest.fixture
def uploads(wire):
    return Uploads(wire)


def _uploaded(process, folder, repo_id, files, kind="model"):
    samples.write_tree(folder, files)
    return Repository(repo_id, folder, process.upload(folder, repo_id, kind))


@pytest.fixture(scope="session")
def sample(_hub_process, tmp_path_factory):
    """acme/sample: text, edges, an empty file, and Xet files of some MiB."""
    folder = tmp_path_factory.mktemp("sample")
    return _uploaded(_hub_process, folder, "acme/sample", samples.sample_files())


@pytest.fixture(scope="session")
def links(_hub_process):
    """acme/links: an executable, and symlinks inside and out of the repository; its head."""
    _hub_process.repo("acme/links")
    return _hub_process.commit("acme/links", LINKS)


@pytest.fixture(scope="session")
def basic(_hub_process, tmp_path_factory):
    """acme/basic: LFS files that are not in Xet."""
    folder = tmp_path_factory.mktemp("basic")
    files = {"weights.bin": samples.mixed(3 * (1 << 20) + 17, 21), "exact.bin": samples.noise(4 * 65536, 22), "README.md": "LFS\n"}
    samples.write_tree(folder, files)
    _hub_process.import_folder(folder, "acme/basic", "--lfs-basic", "*.bin")
    return Repository("acme/basic", folder, _hub_process.head("acme/basic"))


@pytest.fixture(scope="session")
def big(_hub_process, tmp_path_factory):
    """acme/big: one Xet file of machine.BIG bytes, big.bin."""
    folder = tmp_path_factory.mktemp("big")
    samples.write_big(folder / "big.bin", BIG)
    return Repository("acme/big", folder, _hub_process.upload(folder, "acme/big"))


@pytest.fixture
def mount(hub):
    """mount(source, options=[...], ...) -> a started Mount, judged when the test ends."""
    mounts = []

    def make(source, **arguments):
        made = Mount(source, arguments.pop("hub", hub), **arguments)
        mounts.append(made)
        return made.start()

    yield make
    _judge(mounts, hub)


def _judge(mounts, hub):
    hub.clear()  # whatever is still stalled must not hold the unmount
    failures = []
    for made in reversed(mounts):
        try:
            made.close()
        except (Failed, OSError) as error:
            failures.append(error)
    if failures:
        raise failures[0]


@pytest.fixture
def folder(hub, request):
    """folder(files={...}, xet={...}, ...) -> a started WritableMount of a fresh repository.

    With HUGFS_TEST_PLAIN it is a PlainFolder: a test that takes it asks for nothing but a folder.
    """
    name, made = request.node.name, []
    title = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
    if len(title) > 70:  # which may leave parameters out that tell one test from another
        title = f"{title[:60].rstrip('-')}-{zlib.crc32(name.encode()):08x}"

    def make(files=None, xet=None, **arguments):
        one = make_folder(hub, f"acme/{title}-{len(made)}", files, xet, **arguments)
        made.append(one)
        return one.start()

    yield make
    _judge(made, hub)


@pytest.fixture
def writable(folder):
    """The same for a test that asks for a mount: commands, requests, crashes."""
    need_a_mount()
    return folder


@pytest.fixture
def home():
    """The folders of one user, for commands without a mount and for shared caches."""
    made = Home()
    yield made
    made.remove()


@pytest.fixture
def hugfs(hub, home):
    """hugfs("cache", "status", status=0): run a command as a user who has no mount."""

    def run(*arguments, environment=None, status=0, **options):
        variables = home.environment({"HF_ENDPOINT": hub.endpoint, **(environment or {})})
        return run_hugfs(arguments, variables, secrets=hub.secrets, status=status, **options)

    return run
