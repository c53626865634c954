# SPDX-License-Identifier: Apache-2.0
"""hugfs-semantics(7) as tests: the same headings, one test for each sentence that promises something.

A promise that another file of this folder proves in more depth is named in that file; here it
stands in its shortest form, so that page and tests can be read side by side.
"""

import mmap
import os
import re
import signal
import subprocess
import sys

import pytest
from harness import wait_until
from machine import PROMPT, ROOT
from reader import Reader
from store_files import flip_bytes, segments

PAGE = ROOT / "packaging" / "man" / "hugfs-semantics.7"
STALL_DATA = {"match": {"origin": "cdn"}, "count": -1, "action": {"stall": True}}


class TestIntegrity:
    def test_what_is_read_is_what_was_committed_or_an_error(self, mount, hub, sample):
        made = mount("acme/sample", options=["timeout=5"])
        rule = hub.faults({"match": {"origin": "cdn", "path_regex": "^/xorbs/"}, "count": -1, "action": {"flip": 2}})[0]
        with pytest.raises(OSError) as error:
            (made / "mixed.bin").read_bytes()
        assert error.value.errno == 5 and hub.fired(rule) > 0  # EIO
        hub.clear()
        made.remount()
        assert (made / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")

    def test_what_comes_back_from_the_cache_is_checked(self, mount, sample):
        made = mount("acme/sample")
        (made / "mixed.bin").read_bytes()
        made.umount()
        flip_bytes(made.home.cache, 20, 5)
        made.again()
        assert (made / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")

    def test_a_file_seen_whole_is_compared_with_its_published_hash(self, mount, sample):
        made = mount("acme/sample")
        (made / "noise.bin").read_bytes()
        wait_until(lambda: made.cli("info", "--json", made / "noise.bin").json["verified"] == "good", "verified")


class TestVersions:
    @pytest.fixture
    def moved(self, mount, hub, request):
        """(mount, held): a.txt is held open at version 1, the branch stands at version 2."""
        repo = "acme/s-" + str(abs(hash(request.node.name)) % 10**8)
        hub.repo(repo)
        hub.commit(repo, [{"add": "a.txt", "text": "version 1\n"}, {"add": "kept.txt", "text": "kept\n"}])
        made = mount(repo, options=["poll=never"])
        with open(made / "a.txt", "rb") as held:
            inode = (made / "kept.txt").stat().st_ino
            hub.put(repo, "a.txt", "version 2\n")
            made.cli("refresh", made.path)
            yield made, held, inode

    def test_an_open_file_keeps_the_version_it_was_opened_at(self, moved):
        made, held, _ = moved
        assert held.read() == b"version 1\n"
        assert (made / "a.txt").read_text() == "version 2\n"

    def test_a_mapped_file_keeps_its_version(self, moved):
        _, held, _ = moved
        with mmap.mmap(held.fileno(), 0, prot=mmap.PROT_READ) as view:
            assert view[:] == b"version 1\n"

    def test_a_changed_file_is_another_inode_and_an_unchanged_one_is_not(self, moved):
        made, held, kept = moved
        assert (made / "a.txt").stat().st_ino != os.fstat(held.fileno()).st_ino
        assert (made / "kept.txt").stat().st_ino == kept

    def test_a_mount_of_a_commit_never_changes(self, mount, hub, sample):
        made = mount(f"acme/sample@{sample.head}")
        before = sorted(os.listdir(made.path))
        made.cli("refresh", made.path)
        assert sorted(os.listdir(made.path)) == before


class TestNames:
    def test_two_names_never_share_an_inode_number(self, mount, sample):
        made = mount("acme/sample")
        inodes = [os.lstat(made / name).st_ino for name in sample.files]
        assert len(set(inodes)) == len(inodes)

    def test_nothing_can_be_written(self, mount, sample):
        made = mount("acme/sample")
        with pytest.raises(OSError) as error:
            (made / "new").write_text("x")
        assert error.value.errno == 30  # EROFS

    def test_a_symlink_that_leaves_the_repository_is_refused(self, mount, links):
        made = mount("acme/links")
        made.cli("prefetch", made.path)
        made.remount()
        with pytest.raises(PermissionError):
            os.readlink(made / "sub/link-outside")

    def test_extended_attributes_are_not_supported(self, mount, sample):
        with pytest.raises(OSError) as error:
            os.listxattr(mount("acme/sample") / "README.md")
        assert error.value.errno == 95  # ENOTSUP


class TestWaiting:
    def test_a_read_ends_within_its_time_limit(self, mount, hub, sample):
        made = mount("acme/sample", options=["timeout=2"])
        rule = hub.faults(STALL_DATA)[0]
        with Reader("read", made / "noise.bin", 0, 4096) as reader:
            assert reader.outcome(2 * PROMPT) == {"errno": 110}  # ETIMEDOUT
        assert hub.fired(rule) > 0

    def test_a_waiting_process_can_be_killed_at_once(self, mount, hub, sample):
        made = mount("acme/sample")
        hub.faults(STALL_DATA)
        with Reader("read", made / "mixed.bin", 0, 4096) as reader:
            hub.wait_stalled(1, PROMPT)
            assert reader.gone_after(signal.SIGKILL, PROMPT) == -signal.SIGKILL

    def test_what_is_here_is_read_while_other_reads_wait(self, mount, hub, sample):
        made = mount("acme/sample")
        (made / "README.md").read_bytes()
        hub.faults(STALL_DATA)
        with Reader("crowd", made / "mixed.bin", 100, 65536) as crowd:
            hub.wait_stalled(1, PROMPT)
            with Reader("read", made / "README.md", 0, 10) as reader:
                assert reader.outcome(PROMPT)["bytes"] == 10
            assert not crowd.has_ended

    def test_a_mapped_page_that_cannot_be_had_is_sigbus(self, mount, hub, sample):
        made = mount("acme/sample", options=["timeout=2"])
        rule = hub.faults(STALL_DATA)[0]
        script = "import mmap,sys; f=open(sys.argv[1],'rb'); print(mmap.mmap(f.fileno(),0,prot=mmap.PROT_READ)[1<<20])"
        done = subprocess.run([sys.executable, "-c", script, made / "mixed.bin"], capture_output=True, timeout=4 * PROMPT, check=False)
        assert done.returncode == -signal.SIGBUS
        assert hub.fired(rule) > 0


class TestOffline:
    def test_what_is_cached_stays_readable_without_the_hub_and_the_rest_fails(self, mount, hub, sample):
        made = mount(f"acme/sample@{sample.head}")
        (made / "README.md").read_bytes()
        hub.stop()
        try:
            made.remount()
            assert (made / "README.md").read_bytes() == sample.bytes("README.md")
            with pytest.raises(OSError) as error:
                (made / "mixed.bin").read_bytes()
            assert error.value.errno in (101, 110)  # ENETUNREACH, ETIMEDOUT
        finally:
            hub.start()
        wait_until(lambda: readable(made / "mixed.bin"), "recovery by itself")
        assert (made / "mixed.bin").read_bytes() == sample.bytes("mixed.bin")

    def test_a_branch_that_was_mounted_before_mounts_offline_at_the_last_known_commit(self, mount, hub, sample):
        made = mount("acme/sample")
        (made / "README.md").read_bytes()
        made.umount()
        hub.stop()
        try:
            made.again()
            assert (made / "README.md").read_bytes() == sample.bytes("README.md")
            made.umount()
        finally:
            hub.start()


def readable(path):
    """Whether one byte can be read now."""
    try:
        with open(path, "rb") as file:
            return file.read(1)
    except OSError:
        return None


class TestLimits:
    def test_the_cache_keeps_its_budget(self, mount, sample):
        budget = 8 << 20
        made = mount("acme/sample", options=[f"cache_size={budget}"])
        for name in ("model.safetensors", "mixed.bin"):
            assert (made / name).read_bytes() == sample.bytes(name)
        assert sum(file.stat().st_blocks * 512 for file in segments(made.home.cache)) <= budget

    def test_the_cache_may_be_deleted_while_the_mount_runs(self, mount, sample):
        made = mount("acme/sample")
        (made / "mixed.bin").read_bytes()
        subprocess.run(["rm", "-rf", made.home.cache], check=True)
        made.drop_pages("mixed.bin")
        for name in sample.files:
            assert (made / name).read_bytes() == sample.bytes(name), name


def test_the_page_and_this_file_have_the_same_headings():
    """Every .Ss of the promises has a class of that name, and the other way round."""
    titles = re.findall(r"^\.Ss (.+)$", PAGE.read_text(), re.M)
    classes = [name[4:] for name, value in globals().items() if name.startswith("Test") and isinstance(value, type)]
    assert [title.title().replace(" ", "") for title in titles] == classes
