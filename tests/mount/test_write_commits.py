# SPDX-License-Identifier: Apache-2.0
"""What commits come of what was written: how many, with which words, by which requests, with which bytes.

Exact, from the Hub's log; what saving may cost at most is in test_write_budget.py. What happens when
others commit too, or the Hub refuses, is in test_write_conflicts.py and test_write_refusals.py.
"""

import os
import shutil
import subprocess
import time

import pytest
import samples
from hub.client import OTHER_TOKEN
from machine import PATIENCE
from writing import ONE_GO, begin, sha256

FIRST = {"README.md": "# one\n", "a.txt": "aaa\n", "d/in.txt": "in\n", "d/deep/er.txt": "deeper\n"}
MANUAL = ["commit=manual"]


class TestRequests:
    def test_saving_the_same_bytes_again_makes_no_commit(self, writable, uploads):
        made = writable(FIRST)
        before = begin(made, uploads)
        (made / "a.txt").write_text("aaa\n")
        made.settle()
        assert uploads.commits == 0 and made.branch.head == before

    @pytest.mark.quick
    def test_a_hundred_small_files_are_one_commit(self, writable, uploads):
        made = writable(FIRST, options=ONE_GO)
        before = begin(made, uploads)
        for number in range(100):
            (made / f"f{number:03}.txt").write_text(f"{number}\n")
        made.settle()
        assert (uploads.preuploads, uploads.commits, uploads.xet_requests) == (1, 1, 0)
        (commit,) = made.branch.commits(before)
        assert len(commit.changes) == 100

    def test_regular_files_of_more_than_64_mib_together_are_several_commits(self, writable, uploads):
        made = writable(FIRST, options=ONE_GO)
        before = begin(made, uploads)
        for number, text in enumerate([samples.text(9 << 20, number) for number in range(9)]):
            (made / f"t{number}.txt").write_bytes(text)
        made.settle()
        commits = made.branch.commits(before)
        # A machine under load does not answer one of these for 90 s; then the commit is looked for, and sent again.
        assert 2 <= len(commits) <= 3 and len(commits) <= uploads.commits and uploads.xet_requests == 0
        assert all(set(commit.changes.values()) == {"A"} for commit in commits)

    def test_a_file_that_is_written_again_and_again_is_committed_while_it_is(self, writable, uploads):
        made = writable(FIRST, options=["quiet=0.5", "max_delay=1"])
        begin(made, uploads)

        end = time.monotonic() + PATIENCE
        while uploads.commits == 0 and time.monotonic() < end:
            with open(made / "a.txt", "a") as file:
                file.write("more\n")
            time.sleep(0.05)
        assert uploads.commits >= 1, "max_delay bounds how long a busy file waits"
        made.settle()
        assert made.branch.tree()["a.txt"] == sha256((made / "a.txt").read_bytes())


class TestBytes:
    @pytest.mark.quick
    def test_a_renamed_xet_file_sends_no_bytes(self, writable, uploads):
        data = samples.mixed(3 << 20, 41)
        made = writable(FIRST, xet={"model.bin": data})
        before = begin(made, uploads)
        os.rename(made / "model.bin", made / "renamed.bin")
        made.settle()
        assert (uploads.commits, uploads.xet_requests) == (1, 0) and uploads.commit_bytes < 2000
        (commit,) = made.branch.commits(before)
        assert commit.changes == {"model.bin": "D", "renamed.bin": "A"}
        assert made.branch.downloaded()["renamed.bin"] == sha256(data)

    def test_a_renamed_folder_of_xet_files_sends_no_bytes(self, writable, uploads):
        made = writable(FIRST, xet={f"old/m{number}.bin": samples.noise(200_000, number) for number in range(5)})
        before = begin(made, uploads)
        os.rename(made / "old", made / "new")
        made.settle()
        assert (uploads.commits, uploads.xet_requests) == (1, 0)
        (commit,) = made.branch.commits(before)
        assert len(commit.changes) == 10

    def test_a_renamed_regular_file_is_sent_again(self, writable, uploads):
        made = writable(FIRST)
        before = begin(made, uploads)
        os.rename(made / "a.txt", made / "b.txt")
        made.settle()
        (commit,) = made.branch.commits(before)
        assert commit.changes == {"a.txt": "D", "b.txt": "A"} and uploads.commits == 1

    @pytest.mark.parametrize("grants", [True, False], ids=["grants", "direct"])
    @pytest.mark.parametrize("v1", [True, False], ids=["v1", "v2"])
    def test_a_new_xet_file_goes_up_once_whatever_the_server_speaks(self, writable, uploads, hub, grants, v1):
        hub.config(grants=grants, v1_only=v1)
        data = samples.noise(3 << 20, 43 + 2 * grants + v1)
        made = writable(FIRST)
        before = begin(made, uploads)
        (made / "new.bin").write_bytes(data)
        made.settle()
        (commit,) = made.branch.commits(before)
        assert commit.changes == {"new.bin": "A"} and made.branch.is_pointer("new.bin")
        assert len(data) <= uploads.xorb_bytes <= len(data) * 1.02
        assert made.branch.downloaded()["new.bin"] == sha256(data)

    def test_a_copy_of_what_was_uploaded_sends_no_xorb(self, writable, uploads):
        data = samples.noise(2 << 20, 47)
        made = writable(FIRST)
        (made / "one.bin").write_bytes(data)
        made.settle()
        uploads.wire.mark()
        (made / "two.bin").write_bytes(data)
        made.settle()
        assert uploads.xorb_bytes == 0 and made.branch.tree()["two.bin"] == sha256(data)


class TestShape:
    """Which operations a commit has."""

    def changes(self, made, before):
        made.settle()
        return {name: letter for commit in made.branch.commits(before) for name, letter in commit.changes.items()}

    @pytest.mark.quick
    def test_a_delete(self, writable, uploads):
        made = writable(FIRST)
        before = begin(made, uploads)
        (made / "a.txt").unlink()
        assert self.changes(made, before) == {"a.txt": "D"}
        assert (uploads.preuploads, uploads.commits) == (0, 1)

    def test_a_deleted_folder(self, writable, uploads):
        made = writable(FIRST, options=ONE_GO)
        before = begin(made, uploads)
        shutil.rmtree(made / "d")
        assert self.changes(made, before) == {"d/in.txt": "D", "d/deep/er.txt": "D"} and uploads.commits == 1

    def test_a_renamed_folder(self, writable, uploads):
        made = writable(FIRST, options=ONE_GO)
        before = begin(made, uploads)
        os.rename(made / "d", made / "e")
        assert self.changes(made, before) == {"d/in.txt": "D", "d/deep/er.txt": "D", "e/in.txt": "A", "e/deep/er.txt": "A"}
        assert uploads.commits == 1

    def test_a_file_that_came_and_went_between_two_commits_leaves_nothing(self, writable, uploads):
        made = writable(FIRST, options=ONE_GO)
        before = begin(made, uploads)
        (made / "tmp.txt").write_text("x\n")
        (made / "tmp.txt").unlink()
        assert self.changes(made, before) == {} and uploads.commits == 0

    def test_an_editors_dance_is_one_change(self, writable, uploads):
        made = writable(FIRST, options=ONE_GO)
        before = begin(made, uploads)
        os.rename(made / "a.txt", made / "a.txt~")
        (made / "a.txt").write_text("new\n")
        (made / "a.txt~").unlink()
        assert self.changes(made, before) == {"a.txt": "M"} and uploads.commits == 1

    def test_files_saved_together_are_in_one_commit_with_the_deletes(self, writable, uploads):
        made = writable(FIRST, options=ONE_GO)
        before = begin(made, uploads)
        (made / "a.txt").write_text("new\n")
        (made / "d/in.txt").unlink()
        (made / "w.bin").write_bytes(samples.noise(100_000, 51))
        (commit,) = (made.settle(), made.branch.commits(before))[1]
        assert commit.changes == {"a.txt": "M", "d/in.txt": "D", "w.bin": "A"}

    def test_gitattributes_written_here_decide_at_once(self, writable):
        made = writable(FIRST, options=ONE_GO)
        rules = (made / ".gitattributes").read_text()
        (made / ".gitattributes").write_text(rules + "*.dat filter=lfs diff=lfs merge=lfs -text\n")
        (made / "small.dat").write_text("small, but LFS by the new rule\n")
        made.settle()
        assert made.branch.is_pointer("small.dat")

    def test_a_file_that_gitignore_names_is_committed_all_the_same(self, writable):
        made = writable({**FIRST, ".gitignore": "*.log\n"})
        (made / "run.log").write_text("log\n")
        made.settle()
        assert "run.log" in made.branch.tree()


class TestWhen:
    """commit=auto, manual and close; the words of a commit; where it goes."""

    @pytest.mark.quick
    def test_manual_waits_for_the_command_and_takes_its_words(self, writable, uploads):
        made = writable(FIRST, options=MANUAL)
        before = begin(made, uploads)
        (made / "a.txt").write_text("new\n")
        time.sleep(2)  # longer than quiet and max_delay
        assert uploads.commits == 0 and made.writes["waiting"] == 1
        made.cli("commit", "-m", "My words\n\nand more of them", made.path)
        (commit,) = made.branch.commits(before)
        assert commit.title == "My words" and commit.body.startswith("and more of them") and commit.id
        assert made.settle()["waiting"] == 0

    def test_the_command_does_not_wait_for_quiet(self, writable):
        made = writable(FIRST, options=["quiet=600", "max_delay=600"])
        before = made.branch.head
        (made / "a.txt").write_text("new\n")
        made.cli("commit", made.path)
        assert len(made.branch.commits(before)) == 1

    def test_the_command_without_anything_to_commit_makes_none(self, writable):
        made = writable(FIRST)
        before = made.branch.head
        made.cli("commit", "-m", "Nothing", made.path)
        assert made.branch.head == before

    @pytest.mark.quick
    def test_the_message_file_gives_the_next_commit_its_words(self, writable):
        made = writable(FIRST)
        before = made.branch.head
        (made / ".hub/message").write_text("From the file\n\nwith a body\n")
        (made / "a.txt").write_text("new\n")
        made.settle()
        (made / "a.txt").write_text("newer\n")
        made.settle()
        first, second = made.branch.commits(before)
        assert first.title == "From the file" and first.body.startswith("with a body")
        assert second.title != "From the file", "for one commit only"

    def test_commit_close_returns_when_the_hub_has_it(self, writable):
        made = writable(FIRST, options=["commit=close"])
        for text in ("one\n", "two\n"):
            (made / "a.txt").write_text(text)
            assert made.branch.tree()["a.txt"] == sha256(text.encode())
        fd = os.open(made / "b.txt", os.O_CREAT | os.O_WRONLY, 0o644)
        os.write(fd, b"synced\n")
        os.fsync(fd)
        assert made.branch.tree()["b.txt"] == sha256(b"synced\n")
        os.close(fd)

    def test_a_new_branch_is_made_and_committed_to(self, writable):
        made = writable(FIRST, options=["branch=work"])
        before = made.branch.head
        (made / "a.txt").write_text("new\n")
        made.settle()
        work = made.branch.at("refs/heads/work")
        assert made.branch.head == before
        (commit,) = work.commits(before)
        assert commit.changes == {"a.txt": "M"} and commit.parent == before

    @pytest.mark.parametrize("token", ["hf_test_write_token", OTHER_TOKEN], ids=["owner", "stranger"])
    def test_a_pull_request_is_opened_once_and_committed_to(self, writable, uploads, token):
        made = writable(FIRST, options=["pr"], token=token)
        before = begin(made, uploads)
        for text in ("one\n", "two\n"):
            (made / "a.txt").write_text(text)
            made.settle()
        assert made.branch.head == before
        assert [ref for ref in made.branch.refs if ref.startswith("refs/pr/")] == ["refs/pr/1"]
        assert [commit.changes for commit in made.branch.at("refs/pr/1").commits(before)] == [{"a.txt": "M"}] * 2
        made.remount()
        (made / "a.txt").write_text("three\n")
        made.settle()
        assert "refs/pr/2" not in made.branch.refs and len(made.branch.at("refs/pr/1").commits(before)) == 3

    def test_a_pull_request_whose_reply_was_lost_is_not_opened_twice(self, writable, hub):
        rule = hub.faults({"match": {"method": "POST", "path_regex": "/discussions"}, "action": {"reply_lost": True}})[0]
        made = writable(FIRST, options=["pr"])
        (made / "a.txt").write_text("new\n")
        made.settle()
        assert hub.fired(rule) == 1
        assert [ref for ref in made.branch.refs if ref.startswith("refs/pr/")] == ["refs/pr/1"]

    def test_an_unmount_sends_what_waits(self, writable):
        made = writable(FIRST, options=["quiet=600", "max_delay=600"])
        (made / "a.txt").write_text("new\n")
        made.umount("SIGTERM")
        assert made.branch.tree()["a.txt"] == sha256(b"new\n")

    def test_a_subfolder_is_committed_below_its_path(self, hub, writable):
        made = writable(FIRST)
        made.umount()
        made.again(source=f"{made.source}@main/d")
        (made / "in.txt").write_text("new\n")
        made.settle()
        assert made.branch.tree() == {**{name: sha256(text.encode()) for name, text in FIRST.items()}, "d/in.txt": sha256(b"new\n")}

    @pytest.mark.parametrize("kind", ["dataset", "space"])
    def test_other_kinds_of_repositories_are_written_too(self, hub, writable, kind):
        made = writable(FIRST)
        made.umount()
        hub.repo("acme/of-kind", kind, **({"sdk": "static"} if kind == "space" else {}))
        hub.commit("acme/of-kind", [{"add": "a.txt", "text": "aaa\n"}], type=kind)
        made.again(source=f"{kind}s/acme/of-kind")
        (made / "a.txt").write_text("new\n")
        (made / "w.bin").write_bytes(samples.noise(70_000, 61))
        made.settle()
        branch = type(made.branch)(hub, "acme/of-kind", kind=kind)
        assert branch.tree()["a.txt"] == sha256(b"new\n") and branch.is_pointer("w.bin")
        assert branch.downloaded() == branch.tree()

    def test_a_shell_loop_that_saves_ends_as_the_last_save(self, writable):
        made = writable(FIRST)
        subprocess.run(["sh", "-c", "for i in $(seq 50); do echo $i > a.txt; done"], cwd=made.path, check=True)
        made.settle()
        assert made.branch.tree()["a.txt"] == sha256(b"50\n")
