# SPDX-License-Identifier: Apache-2.0
"""A mount's life: how it begins, who may use it, how it ends, and what a crash leaves behind."""

import os
import shutil
import signal
import stat
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from harness import Mount, run_hugfs, wait_until
from kernel import fuse_for_everybody, mount_entry
from machine import HUGFS, PATIENCE, PROMPT, needs_program, needs_root
from reader import Reader

NOBODY = 65534
HELPER = Path("/sbin/mount.fuse.hugfs")


def daemon_of(path):
    """The process id of the daemon that serves a mount point, found by its command line; None when there is none."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if os.fsencode(path) in words and (folder / "exe").resolve() == HUGFS.resolve():
                return int(folder.name)
        except OSError:
            continue
    return None


@pytest.fixture
def background(hub):
    """background(source, *options) -> Mount whose daemon runs in the background with a log file."""
    made = []

    def make(source, *options, command=None):
        one = Mount(source, hub)
        made.append(one)
        one.path.mkdir()
        one.options += [f"log={one.log_path}", *options]
        one.environment["ASAN_OPTIONS"] = one.environment.get("ASAN_OPTIONS", "") + f":log_path={one.log_path}.asan"
        arguments = command(one) if command else [str(HUGFS), "mount", "-o", ",".join(one.options), source, str(one.path)]
        done = subprocess.run(arguments, env=one.environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        one.adopt()
        return one

    yield make
    hub.clear()
    for one in made:
        pid = daemon_of(one.path)
        if one.is_mounted:
            one.cli("umount", one.path)
        wait_until(lambda: daemon_of(one.path) is None, f"the end of daemon {pid}")
        reports = [path.read_text() for path in one.home.root.glob("*.asan*")]
        one.force_away()
        log = one.log
        one.home.remove()
        assert reports == [] and "Sanitizer" not in log


@pytest.mark.quick
@pytest.mark.parametrize("how", ["hugfs", "fusermount3", "SIGTERM", "SIGINT"])
def test_it_is_unmounted_by_command_by_fusermount3_and_by_signal(mount, sample, how):
    made = mount("acme/sample")
    assert (made / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")
    made.umount(how)
    assert not made.is_mounted
    assert os.listdir(made.path) == []


@needs_root
def test_it_is_unmounted_by_umount_8(mount, sample):
    made = mount("acme/sample")
    subprocess.run(["umount", made.path], check=True)
    made.wait_ended()


@pytest.mark.quick
def test_unmounting_while_a_file_is_open_says_busy_and_leaves_the_mount_working(mount, sample):
    made = mount("acme/sample")
    with open(made / "README.md", "rb"):
        done = made.cli("umount", made.path, status=None)
        assert done.status != 0 and "in use" in done.text.lower() or "busy" in done.text.lower()
        assert (made / "config.json").read_bytes() == sample.bytes("config.json")
    made.umount()


def test_unmounting_what_is_not_mounted_says_so(hugfs, home):
    done = hugfs("umount", home.home, status=None)
    assert done.status != 0
    assert str(home.home) in done.err and done.err.count("\n") == 1


@pytest.mark.quick
def test_the_parent_of_a_daemon_returns_when_the_mount_answers(background, sample):
    made = background("acme/sample")
    assert mount_entry(made.path), "mounted when the parent returned"
    assert (made / "config.json").read_bytes() == sample.bytes("config.json")
    made.cli("umount", made.path)
    wait_until(lambda: daemon_of(made.path) is None, "the end of the daemon")


@pytest.mark.quick
def test_the_parent_waits_while_the_hub_does_not_answer(hub, sample, home):
    hub.faults({"match": {"path_regex": "^/api/models/acme/sample"}, "count": 1, "action": {"stall": True}})
    made = Mount("acme/sample", hub)
    made.path.mkdir()
    options = ",".join(made.options)
    parent = subprocess.Popen([HUGFS, "mount", "-o", options, "acme/sample", made.path], env=made.environment)
    try:
        hub.wait_stalled(1, PROMPT)
        assert parent.poll() is None and not made.is_mounted
        hub.clear()
        assert parent.wait(PATIENCE) == 0
        assert made.is_mounted
        made.adopt()
        assert "README.md" in os.listdir(made.path)
        made.cli("umount", made.path)
        wait_until(lambda: daemon_of(made.path) is None, "the end of the daemon")
    finally:
        made.close()


def test_a_command_that_is_stopped_while_it_waits_leaves_no_mount(hub, sample):
    hub.faults({"match": {"path_regex": "^/api/models/acme/sample"}, "count": 1, "action": {"stall": True}})
    made = Mount("acme/sample", hub)
    made.path.mkdir()
    try:
        parent = subprocess.Popen([HUGFS, "mount", "-o", ",".join(made.options), "acme/sample", made.path], env=made.environment)
        hub.wait_stalled(1, PROMPT)
        parent.send_signal(signal.SIGINT)
        assert parent.wait(PATIENCE) != 0 and daemon_of(made.path)
        hub.clear()
        wait_until(lambda: daemon_of(made.path) is None, "the end of the daemon")
        assert not made.is_mounted
    finally:
        made.close()


def test_the_short_form_without_a_verb_mounts_too(background, sample):
    made = background("acme/sample", command=lambda one: [HUGFS, "acme/sample", one.path, "-o", ",".join(one.options)])
    assert (made / "README.md").read_bytes() == sample.bytes("README.md")


@pytest.mark.quick
def test_the_stale_mount_of_a_killed_daemon_is_cleaned_at_the_next_mount(mount, sample):
    made = mount("acme/sample")
    assert (made / "config.json").read_bytes() == sample.bytes("config.json")
    made.kill9()
    with pytest.raises(OSError) as error:
        os.listdir(made.path)
    assert error.value.errno == 107  # ENOTCONN
    made.again()
    assert (made / "config.json").read_bytes() == sample.bytes("config.json")


def test_a_stale_mount_with_an_open_file_is_cleaned_too(mount, sample):
    made = mount("acme/sample")
    held = os.open(made / "README.md", os.O_RDONLY)
    made.kill9()
    try:
        made.again()
        assert (made / "README.md").read_bytes() == sample.bytes("README.md")
    finally:
        with suppress(OSError):  # the old connection is gone: close() may say so
            os.close(held)


def test_readers_of_a_killed_daemon_are_told_at_once(mount, hub, sample):
    made = mount("acme/sample")
    hub.faults({"match": {"origin": "cdn"}, "count": -1, "action": {"stall": True}})
    with Reader("read", made / "mixed.bin", 0, 4096) as reader:
        hub.wait_stalled(1, PROMPT)
        made.kill9()
        assert reader.outcome(PROMPT)["errno"] in (103, 107)  # ECONNABORTED, ENOTCONN
    made.force_away()


def test_two_mounts_at_once_share_one_cache(mount, sample, wire):
    one = mount("acme/sample")
    for name in sample.files:
        (one / name).read_bytes()
    wire.mark()
    two = mount("acme/sample", like=one)
    two.wait_cached(*sample.files)
    for name in sample.files:
        assert (two / name).read_bytes() == sample.bytes(name), name
    assert wire.count("xorb-range", "resolve-cache", "tree") == 0


def test_two_mounts_that_read_different_files_fill_one_cache(mount, sample, wire):
    one = mount("acme/sample")
    two = mount("acme/sample", like=one)
    assert (one / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")
    assert (two / "noise.bin").read_bytes() == sample.bytes("noise.bin")
    one.umount()
    two.remount()
    wire.mark()
    for name in ("mixed.bin", "noise.bin"):
        assert (two / name).read_bytes() == sample.bytes(name)
    assert wire.xorb_bytes() == 0


@pytest.mark.quick
def test_a_cache_inside_the_mount_point_is_refused(hub, home, sample):
    point = home.root / "mnt"
    point.mkdir()
    done = run_hugfs(
        ["mount", "-f", "-o", f"endpoint={hub.endpoint},cache_dir={point}/cache", "acme/sample", point],
        home.environment(),
        secrets=hub.secrets,
        status=None,
    )
    assert done.status in (1, 2, 32) and "inside" in done.err and str(point) in done.err
    assert mount_entry(point) is None


def test_folders_of_the_cache_are_the_owners_alone(mount, sample):
    made = mount("acme/sample")
    (made / "mixed.bin").read_bytes()
    assert stat.S_IMODE(made.home.cache.stat().st_mode) == 0o700
    assert (made.home.cache / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    for path in made.home.cache.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077 or path.name == "CACHEDIR.TAG", path


@needs_root
@needs_program("fusermount3")
def test_an_ordinary_user_mounts_reads_and_unmounts(mount, sample):
    with fuse_for_everybody():
        made = mount("acme/sample", user=NOBODY)
        read = subprocess.run(["cat", made / "config.json"], capture_output=True, check=True, timeout=PATIENCE, **made.identity())
        assert read.stdout == sample.bytes("config.json")
        digest = subprocess.run(["cat", made / "mixed.bin"], capture_output=True, check=True, timeout=PATIENCE, **made.identity())
        assert digest.stdout == sample.bytes("mixed.bin")
        with pytest.raises(PermissionError):
            os.listdir(made.path)  # not even root: no allow_other
        made.umount()


@needs_root
@needs_program("fusermount3")
def test_an_ordinary_users_stale_mount_is_cleaned_too(mount, sample):
    with fuse_for_everybody():
        made = mount("acme/sample", user=NOBODY)
        made.kill9()
        made.again()
        read = subprocess.run(["cat", made / "config.json"], capture_output=True, check=True, timeout=PATIENCE, **made.identity())
        assert read.stdout == sample.bytes("config.json")
        made.umount()


@needs_root
def test_other_users_are_let_in_by_allow_other_alone(mount, sample):
    for options, status in (([], 1), (["allow_other"], 0)):
        made = mount("acme/sample", options=options)
        os.chmod(made.home.root, 0o755)
        done = subprocess.run(["ls", made.path], capture_output=True, check=False, user=NOBODY, group=NOBODY, extra_groups=[])
        assert (done.returncode != 0) == bool(status), done.stderr


@pytest.fixture
def helper():
    """/sbin/mount.fuse.hugfs, as the package installs it."""
    if HELPER.exists():
        pytest.skip(f"{HELPER} is installed already")
    HELPER.symlink_to(HUGFS)
    yield
    HELPER.unlink()


@needs_root
def test_mount_8_mounts_it(background, helper, sample):
    made = background("acme/sample", command=lambda one: ["mount", "-t", "fuse.hugfs", "-o", ",".join(one.options), "acme/sample", one.path])
    assert (made / "config.json").read_bytes() == sample.bytes("config.json")
    assert made.entry.type == "fuse.hugfs" and "acme/sample" in made.entry.source
    subprocess.run(["umount", made.path], check=True)


@needs_root
def test_a_line_of_fstab_mounts_it(background, helper, sample):
    def command(one):
        table = one.home.root / "fstab"
        options = ",".join(["ro", "_netdev", "nofail", "x-systemd.automount", *one.options])
        table.write_text(f"hf://acme/sample@main {one.path} fuse.hugfs {options} 0 0\n")
        return ["mount", "-T", table, one.path]

    made = background("acme/sample", command=command)
    assert (made / "config.json").read_bytes() == sample.bytes("config.json")


@needs_root
def test_mount_8_hears_of_a_failure(hub, home, helper):
    point = home.root / "mnt"
    point.mkdir()
    command = ["mount", "-t", "fuse.hugfs", "-o", f"endpoint={hub.endpoint}", "acme/no-such-repo", point]
    done = subprocess.run(command, env=home.environment(), capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode != 0 and "acme/no-such-repo" in done.stderr
    assert mount_entry(point) is None


@needs_root
def test_a_mount_from_before_the_first_login_is_found_after_it(mount, sample):
    """The daemon found no /run/user/UID, and put its socket elsewhere than a login session looks first."""
    login = Path(f"/run/user/{NOBODY}")
    if login.exists():
        pytest.skip(f"{login} is there")
    with fuse_for_everybody():
        made = mount("acme/sample", user=NOBODY, environment={"HUGFS_RUNTIME_DIR": None})
        login.mkdir(parents=True)
        try:
            os.chown(login, NOBODY, NOBODY)
            (own,) = [part for part in made.cli("status").out.split("\n\n") if str(made.path) in part]
            assert "acme/sample" in own and "dead" not in own
            assert made.cli("info", made.path).out
        finally:
            shutil.rmtree(login)
