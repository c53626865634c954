# SPDX-License-Identifier: Apache-2.0
"""hugfs-semantics(7) as tests: its headings are the classes, its numbers (I1, V3 ...) the tests.

Each promise stands here in its shortest form, so that page and tests can be read side by side; the
last heading, Writing, in test_semantics_writing.py. Other files of this folder prove most of them in
more depth. The last test compares the two.
"""

import mmap
import os
import re
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
import test_semantics_writing
from harness import wait_until
from hub.client import READ_TOKEN
from machine import PROMPT, ROOT
from reader import Reader, pread
from store_files import flip_bytes, segments

PAGE = ROOT / "packaging" / "man" / "hugfs-semantics.7"
STALL_DATA = {"match": {"origin": "cdn"}, "count": -1, "action": {"stall": True}}
FLIP_DATA = {"match": {"origin": "cdn", "path_regex": "^/xorbs/"}, "count": -1, "action": {"flip": 2}}
DATA = ("xorb-range", "lfs-get", "resolve", "resolve-cache")


def errno_of(action):
    """The errno that a call fails with; it must fail."""
    with pytest.raises(OSError) as error:
        action()
    return error.value.errno


def is_readable(path):
    try:
        return bool(pread(path, 0, 1))
    except OSError:
        return False


@pytest.fixture
def moved(mount, hub, request):
    """(mount, held): a.txt is held open at version 1; the branch has moved to version 2."""
    repo = "acme/" + re.sub("[^a-z0-9]+", "-", request.node.name[5:])[:80].strip("-")
    hub.repo(repo)
    hub.commit(repo, [{"add": "a.txt", "text": "version 1\n"}, {"add": "d/in.txt", "text": "in 1\n"}, {"add": "kept.txt", "text": "kept\n"}])
    made = mount(repo, options=["poll=never"])
    with open(made / "a.txt", "rb") as held:
        made.before = {name: (made / name).stat() for name in ("a.txt", "kept.txt")}
        made.folder = os.open(made / "d", os.O_RDONLY)
        hub.commit(repo, [{"add": "a.txt", "text": "version 2\n"}, {"add": "d/in.txt", "text": "in 2\n"}])
        made.cli("refresh", made.path)
        yield made, held
        os.close(made.folder)


class TestIntegrity:
    def test_i1_what_is_read_is_right_or_an_error(self, mount, hub, sample):
        made = mount("acme/sample", options=["timeout=5"])
        rule = hub.faults(FLIP_DATA)[0]
        # EIO, or EOPNOTSUPP where it was the name of the compression that was changed.
        assert errno_of((made / "mixed.bin").read_bytes) in (5, 95)
        assert hub.fired(rule) > 0
        hub.clear()
        made.remount()
        assert (made / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")

    def test_i2_a_file_seen_whole_is_compared_with_its_published_hash(self, mount, sample):
        made = mount("acme/sample")
        (made / "noise.bin").read_bytes()
        wait_until(lambda: made.cli("info", "--json", made / "noise.bin").json["verified"] == "good", "verified")

    def test_i3_damage_in_the_cache_is_fetched_again(self, mount, sample, wire):
        made = mount("acme/sample")
        (made / "mixed.bin").read_bytes()
        made.umount()
        flip_bytes(made.home.cache, 20, 5)
        wire.mark()
        made.again()
        assert (made / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")
        assert wire.xorb_bytes() > 0

    def test_i4_a_read_is_short_only_at_the_end(self, mount, sample):
        made, size = mount("acme/sample"), len(sample.bytes("mixed.bin"))
        assert len(pread(made / "mixed.bin", 0, size)) == size
        assert len(pread(made / "mixed.bin", size - 10, 100)) == 10


class TestVersions:
    def test_v1_a_mount_of_a_commit_never_changes(self, mount, hub):
        hub.repo("acme/v1")
        first = hub.put("acme/v1", "a.txt", "version 1\n")
        made = mount(f"acme/v1@{first}")
        hub.put("acme/v1", "a.txt", "version 2\n")
        made.cli("refresh", made.path)
        assert (made / "a.txt").read_text() == "version 1\n"

    def test_v2_a_branch_moves_when_refresh_returns(self, moved):
        assert (moved[0] / "a.txt").read_text() == "version 2\n"

    def test_v2_a_branch_moves_within_poll(self, mount, hub):
        hub.repo("acme/v2")
        hub.put("acme/v2", "a.txt", "version 1\n")
        made = mount("acme/v2", options=["poll=1"])
        hub.put("acme/v2", "a.txt", "version 2\n")
        wait_until(lambda: (made / "a.txt").read_text() == "version 2\n", "the new version")

    def test_v3_a_folder_is_of_one_commit(self, moved):
        made, _ = moved
        assert (made / "d/in.txt").read_text() == "in 2\n"
        old = os.open("in.txt", os.O_RDONLY, dir_fd=made.folder)
        assert os.read(old, 100) == b"in 1\n"
        os.close(old)

    def test_v4_what_is_open_or_mapped_keeps_its_version(self, moved):
        _, held = moved
        with mmap.mmap(held.fileno(), 0, prot=mmap.PROT_READ) as view:
            assert view[:] == held.read() == b"version 1\n"

    def test_v5_a_changed_file_is_another_inode_and_an_unchanged_one_is_not(self, moved, wire):
        made, _ = moved
        assert (made / "a.txt").stat().st_ino != made.before["a.txt"].st_ino
        assert (made / "kept.txt").stat().st_ino == made.before["kept.txt"].st_ino

    def test_v6_a_branch_that_is_forced_back_is_followed(self, mount, hub):
        hub.repo("acme/v6")
        first, _ = (hub.put("acme/v6", "a.txt", f"version {number}\n") for number in (1, 2))
        made = mount("acme/v6", options=["poll=never"])
        assert (made / "a.txt").read_text() == "version 2\n"
        hub.ref("acme/v6", "main", first)
        made.cli("refresh", made.path)
        assert (made / "a.txt").read_text() == "version 1\n"

    def test_v7_a_mount_of_a_deleted_repository_stays_at_its_last_commit(self, moved, hub):
        made, _ = moved
        hub.delete_repo(made.source)
        made.cli("refresh", made.path, status=3)
        assert made.source in made.cli("status", "--json", made.path).json["mounts"][0]["refresh_error"]
        assert errno_of((made / "kept.txt").read_bytes) == 116  # ESTALE

    def test_v8_a_mount_of_a_renamed_repository_goes_on(self, moved, hub):
        made, _ = moved
        hub.move(made.source, made.source + "-new")
        made.cli("refresh", made.path)
        assert (made / "kept.txt").read_text() == "kept\n"
        assert made.cli("status", "--json", made.path).json["mounts"][0]["repo"] == made.source + "-new"

    def test_v9_the_whole_hub_asks_only_for_what_is_looked_at(self, mount, hub, wire):
        hub.repo("acme/v9")
        hub.put("acme/v9", "a.txt", "version 1\n")
        made = mount("hf://", options=["poll=1"])
        assert (made / "models/acme/v9/a.txt").read_text() == "version 1\n"
        wire.mark()
        time.sleep(2.5)
        assert wire.count() == 0
        hub.put("acme/v9", "a.txt", "version 2\n")
        made.cli("refresh", made / "models/acme/v9")
        assert (made / "models/acme/v9/a.txt").read_text() == "version 2\n"

    def test_v10_a_listing_of_the_root_goes_on_as_it_began(self, mount, hub):
        hub.bulk("acme/v10", files=3000, dirs=1)
        made = mount("acme/v10/d0000", options=["poll=never"])
        with os.scandir(made.path) as listing:
            names = [next(listing).name]
            hub.put("acme/v10", "d0000/a", "a name before all others\n")
            made.cli("refresh", made.path)
            names += [entry.name for entry in listing]
        assert len(names) == len(set(names)) == 3000 and "a" not in names


class TestNames:
    def test_n1_names_are_the_bytes_that_the_hub_lists(self, mount, hub):
        hub.repo("acme/n1")
        names = ["a#b%20?.txt", "..a", "back\\slash", "é", "e\u0301", "n" * 255]
        hub.commit("acme/n1", [{"add": name, "text": name} for name in names])
        made = mount("acme/n1")
        assert set(os.listdir(made.path)) >= set(names)
        assert [(made / name).read_text() for name in names] == names

    def test_n2_a_listing_names_every_entry_once_also_over_many_pages(self, mount, hub, sample):
        hub.config(page_size=2)
        made = mount("acme/sample")
        names = [entry.name for entry in os.scandir(made / "edges")]
        assert sorted(names) == sorted(name[6:] for name in sample.files if name.startswith("edges/"))

    def test_n3_a_missing_name_is_enoent_before_and_after_listing(self, mount, sample):
        made = mount("acme/sample")
        assert errno_of(lambda: os.stat(made / "edges/missing")) == 2
        os.listdir(made / "edges")
        assert errno_of(lambda: os.stat(made / "edges/missing")) == 2

    def test_n4_two_names_never_share_an_inode_number(self, mount, sample):
        made = mount("acme/sample")
        inodes = [os.lstat(made / name).st_ino for name in sample.files]
        assert len(set(inodes)) == len(inodes)

    def test_n5_sizes_are_exact_before_anything_is_fetched(self, mount, sample, wire):
        made = mount("acme/sample")
        assert {name: (made / name).stat().st_size for name in sample.files} == {name: len(sample.bytes(name)) for name in sample.files}
        assert wire.count(*DATA) == 0

    def test_n6_times_are_the_commits_and_stay(self, moved):
        made, _ = moved
        assert (made / "kept.txt").stat().st_mtime == made.before["kept.txt"].st_mtime
        assert (made / "a.txt").stat().st_mtime >= made.before["a.txt"].st_mtime

    def test_n7_modes_and_owner(self, mount, sample):
        made = mount("acme/sample")
        for name, mode in (("README.md", 0o444), ("edges", 0o555)):
            got = (made / name).stat()
            assert (stat.S_IMODE(got.st_mode), got.st_uid, got.st_gid) == (mode, os.getuid(), os.getgid())

    def test_n7_executable_files_are_0555_where_git_says_so(self, mount, links):
        made = mount("acme/links")
        made.cli("prefetch", made.path)
        made.remount()
        assert stat.S_IMODE((made / "run.sh").stat().st_mode) == 0o555

    def test_n8_nothing_can_be_changed(self, mount, sample):
        made = mount("acme/sample")
        assert errno_of(lambda: (made / "new").write_text("x")) == 30  # EROFS
        assert errno_of(lambda: os.unlink(made / "README.md")) == 30

    def test_n9_a_symlink_that_leads_out_cannot_be_read(self, mount, links):
        made = mount("acme/links")
        made.cli("prefetch", made.path)
        made.remount()
        assert errno_of(lambda: os.readlink(made / "sub/link-outside")) == 1  # EPERM

    def test_n10_extended_attributes_are_not_supported(self, mount, sample):
        made = mount("acme/sample")
        assert errno_of(lambda: os.getxattr(made / "README.md", "user.any")) == 95  # ENOTSUP


class TestHidden:
    def test_h1_every_root_answers_hub_and_lists_none(self, mount, sample):
        made = mount("acme/sample")
        assert ".hub" not in os.listdir(made.path)
        assert (made / ".hub").is_dir()
        assert not (made / "notes/.hub").exists()

    def test_h2_commit_status_and_log_are_of_the_commit_that_is_shown(self, mount, sample):
        made = mount("acme/sample")
        assert (made / ".hub/commit").read_text() == sample.head + "\n"
        assert re.search(r"^checked +.* ago$", (made / ".hub/status").read_text(), re.M)
        assert (made / ".hub/log").read_text().startswith(sample.head + "  ")

    def test_h3_info_is_that_of_the_verb(self, mount, sample):
        made = mount("acme/sample")
        assert (made / ".hub/info/notes/first.txt").read_text() == made.cli("info", "--json", made / "notes/first.txt").out

    def test_h4_a_text_has_its_size(self, mount, sample):
        made = mount("acme/sample")
        for name in ("commit", "status", "log", "info/config.json"):
            with open(made / ".hub" / name, "rb") as file:
                assert os.fstat(file.fileno()).st_size == len(file.read()) > 0

    def test_h5_revisions_has_an_entry_for_every_ref(self, mount, hub, moved):
        made, _ = moved
        name = made.source
        hub.commit(name, [{"add": "a.txt", "text": "aside\n"}], ref="a/b%")
        assert sorted(os.listdir(made / ".hub/revisions")) == ["branches", "converts", "pulls", "tags"]
        assert sorted(os.listdir(made / ".hub/revisions/branches")) == ["a%2Fb%25", "main"]
        assert (made / ".hub/revisions/branches/a%2Fb%25/a.txt").read_text() == "aside\n"
        wide = mount("hf://") / "models" / name / ".hub/revisions/branches/a%2Fb%25"
        assert wide.is_symlink() and (wide / "a.txt").read_text() == "aside\n"

    def test_h6_what_was_read_can_be_read_without_the_hub(self, mount, sample):
        made = mount("acme/sample")
        names = (".hub/commit", ".hub/log", ".hub/info/config.json")
        before = [(made / name).read_text() for name in names]
        made.cli("offline", made.path)
        assert [(made / name).read_text() for name in names] == before


class TestWaiting:
    def test_w1_a_request_is_answered_within_its_time_limit(self, mount, hub, sample):
        made = mount("acme/sample", options=["timeout=2"])
        rule = hub.faults(STALL_DATA)[0]
        with Reader("read", made / "noise.bin", 0, 4096) as reader:
            assert reader.outcome(2 * PROMPT) == {"errno": 110}  # ETIMEDOUT
        assert hub.fired(rule) > 0

    def test_w2_what_is_here_is_read_while_other_reads_wait(self, mount, hub, sample):
        made = mount("acme/sample")
        (made / "README.md").read_bytes()
        hub.faults(STALL_DATA)
        with Reader("crowd", made / "mixed.bin", 100, 65536) as crowd:
            hub.wait_stalled(1, PROMPT)
            made.drop_pages("README.md")
            with Reader("read", made / "README.md", 0, 10) as reader:
                assert reader.outcome(PROMPT)["bytes"] == 10
            assert not crowd.has_ended

    @pytest.mark.parametrize("action", ["read", "direct"])
    def test_w3_a_waiting_process_can_be_killed_at_once(self, mount, hub, sample, action):
        made = mount("acme/sample")
        hub.faults(STALL_DATA)
        with Reader(action, made / "mixed.bin", 0, 4096) as reader:
            hub.wait_stalled(1, PROMPT)
            assert reader.gone_after(signal.SIGKILL, PROMPT) == -signal.SIGKILL

    def test_w4_a_failed_read_repeats_its_error_and_is_then_asked_again(self, mount, hub, sample):
        made = mount("acme/sample", options=["timeout=2"])
        os.stat(made / "noise.bin")
        hub.faults(STALL_DATA)
        first = errno_of(lambda: pread(made / "noise.bin", 0, 4096))
        asked = len(hub.requests())
        assert errno_of(lambda: pread(made / "noise.bin", 0, 4096)) == first
        assert len(hub.requests()) == asked, "the error was repeated, not asked for"
        hub.clear()
        wait_until(lambda: is_readable(made / "noise.bin"), "the range after its error")

    def test_w5_a_mapped_page_that_cannot_be_had_is_sigbus(self, mount, hub, sample):
        made = mount("acme/sample", options=["timeout=2"])
        rule = hub.faults(STALL_DATA)[0]
        with Reader("fault", made / "mixed.bin", 1 << 20) as reader:
            assert reader.process.wait(4 * PROMPT) == -signal.SIGBUS
        assert hub.fired(rule) > 0


class TestOffline:
    @pytest.fixture
    def cut_off(self, mount, hub, sample):
        """A mount of the branch with README.md cached, and no Hub."""
        made = mount("acme/sample")
        (made / "README.md").read_bytes()
        os.listdir(made.path)
        hub.stop()
        yield made
        if not hub.is_running:
            hub.start()

    def test_o1_what_is_cached_stays_readable_and_the_rest_is_enetunreach(self, cut_off, sample):
        cut_off.drop_pages("README.md")
        assert (cut_off / "README.md").read_bytes() == sample.bytes("README.md")
        wait_until(lambda: errno_of((cut_off / "noise.bin").read_bytes) == 101, "ENETUNREACH")

    def test_o2_the_mount_goes_on_when_the_network_is_back(self, cut_off, hub, sample):
        assert not is_readable(cut_off / "mixed.bin")
        hub.start()
        wait_until(lambda: is_readable(cut_off / "mixed.bin"), "recovery by itself")
        assert (cut_off / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")

    def test_o3_a_branch_mounts_without_network_at_the_last_commit_known(self, cut_off, sample):
        cut_off.remount()
        assert (cut_off / "README.md").read_bytes() == sample.bytes("README.md")


class TestLimits:
    def test_l1_listing_and_stat_fetch_no_content(self, mount, sample, wire):
        made = mount("acme/sample")
        subprocess.run(["ls", "-lR", made.path], check=True, capture_output=True)
        assert wire.count(*DATA) == 0

    def test_l2_a_stray_read_fetches_its_chunks_alone(self, mount, sample, wire):
        made = mount("acme/sample")
        pread(made / "mixed.bin", 4 << 20, 4096)
        assert 0 < wire.xorb_bytes() <= 256 << 10

    def test_l3_what_was_fetched_is_not_fetched_again_after_a_kill(self, mount, sample, wire):
        made = mount(f"acme/sample@{sample.head}")
        (made / "noise.bin").read_bytes()
        made.remount()
        made.kill9()
        wire.mark()
        made.again()
        assert (made / "noise.bin").read_bytes() == sample.bytes("noise.bin")
        assert wire.count() == 0

    def test_l4_a_commit_that_was_read_before_asks_nothing(self, mount, sample, wire):
        made = mount(f"acme/sample@{sample.head}")
        (made / "README.md").read_bytes()
        made.umount()
        wire.mark()
        made.again()
        assert (made / "README.md").read_bytes() == sample.bytes("README.md")
        assert wire.count() == 0

    def test_l5_the_cache_keeps_its_budget(self, mount, sample):
        budget = 8 << 20
        made = mount("acme/sample", options=[f"cache_size={budget}"])
        for name in ("model.safetensors", "mixed.bin"):
            assert (made / name).read_bytes() == sample.bytes(name)
            assert sum(file.stat().st_blocks * 512 for file in segments(made.home.cache)) <= budget

    def test_l6_the_cache_may_be_deleted_while_the_mount_runs(self, mount, sample):
        made = mount("acme/sample")
        (made / "mixed.bin").read_bytes()
        subprocess.run(["rm", "-rf", made.home.cache], check=False)  # the mount may make it anew meanwhile
        made.drop_pages("mixed.bin")
        for name in sample.files:
            assert (made / name).read_bytes() == sample.bytes(name), name

    def test_l7_memory_does_not_grow_with_the_number_of_files(self, mount, hub):
        hub.bulk("acme/l7", 5000, size=10, dirs=10)
        # AddressSanitizer keeps what was freed: that is not the daemon's memory.
        made = mount("acme/l7", environment={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"})

        def resident():
            return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{made.process.pid}/status").read_text())[1]) << 10

        os.listdir(made.path)
        before = resident()
        subprocess.run(["find", made.path, "-size", "+1"], check=True, capture_output=True)
        assert resident() - before < 64 << 20, "test_memory.py has the exact figures, for a release build"

    def test_l8_the_token_goes_to_the_hub_alone_and_is_written_nowhere(self, mount, hub, sample, wire):
        made = mount("acme/sample", token=READ_TOKEN)
        (made / "mixed.bin").read_bytes()
        assert {row["auth"] for row in wire.rows() if row["origin"] == "cdn"} == {"none"}
        assert {row["auth"] for row in wire.rows() if row["origin"] == "hub"} == {"read"}
        made.umount()
        files = [path for path in made.home.root.rglob("*") if path.is_file()]
        assert files and not any(READ_TOKEN.encode() in path.read_bytes() for path in files)

    def test_l9_cached_content_is_not_shown_to_who_may_not_list_it(self, mount, hub, sample, tmp_path):
        (tmp_path / "secret.bin").write_bytes(os.urandom(70_000))
        hub.upload(tmp_path, "acme/l9")
        hub.repo("acme/l9", private=True)
        made = mount("acme/l9", token=READ_TOKEN)
        (made / "secret.bin").read_bytes()
        stranger = [*made.command()[:-2], "acme/l9", made.home.fresh("mnt")]
        stranger[-1].mkdir()
        done = subprocess.run(
            stranger, env=made.home.environment(), capture_output=True, text=True, timeout=6 * PROMPT, check=False
        )
        assert done.returncode == 3 and "private" in done.stderr


def test_the_page_and_its_tests_have_the_same_headings_and_numbers():
    text = PAGE.read_text()
    here = {**globals(), **vars(test_semantics_writing)}
    classes = {name[4:]: value for name, value in here.items() if name.startswith("Test") and isinstance(value, type)}
    assert re.findall(r"^\.Ss (.+)$", text, re.M) == list(classes)
    numbers = {re.match(r"test_([a-z]\d+)_", name)[1].upper() for value in classes.values() for name in vars(value) if name.startswith("test_")}
    assert numbers == set(re.findall(r"^\.It ([A-Z]\d+)$", text, re.M))
