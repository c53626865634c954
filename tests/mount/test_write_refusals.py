# SPDX-License-Identifier: Apache-2.0
"""Bad days of the committer: the Hub refuses, hangs, loses replies, answers garbage, or is not what it was.

Each: the data stays, status and log say one sentence, what can be repeated is, and nothing is committed
twice. The fault must have fired.
"""

import os

import pytest
import samples
from harness import wait_until
from writing import ONE_GO, errno_of, fill, sha256

FIRST = {"a.txt": "aaa\n", "b.txt": "bbb\n"}
COMMIT = {"method": "POST", "path_regex": "/commit/"}
PREUPLOAD = {"method": "POST", "path_regex": "/preupload/"}
TOKEN = {"path_regex": "/xet-write-token/"}
XORB = {"origin": "cas", "path_regex": "/xorb"}
PUT = {"origin": "cdn", "method": "PUT"}
SHARD = {"origin": "cas", "path_regex": "/shards"}
STEPS = {"preupload": PREUPLOAD, "token": TOKEN, "xorb": XORB, "put": PUT, "shard": SHARD, "commit": COMMIT}
WAITS = pytest.mark.waits  # for an upload's or a commit's own patience
TROUBLES = {
    "500": {"status": 500},
    "503": {"status": 503, "headers": {"Retry-After": "1"}},
    "429": {"status": 429, "headers": {"Retry-After": "1", "RateLimit": '"api";r=0;t=1'}},
    "reset": {"reset": True},
    "stall": {"stall": True},
    "reply-lost": {"reply_lost": True},
    "truncated": {"truncate": 1},
    "garbage": {"replace_body": "<html>not what you expect</html>"},
    "no-http": {"garbage_head": True},
}


def refuse(hub, match, status, sentence, count=1, **more):
    """A refusal with a sentence, as the Hub says it; the fault's number."""
    headers = {"X-Error-Message": sentence} if sentence.isprintable() else {}
    action = {"status": status, "body": {"error": sentence}, "headers": headers}
    return hub.faults({"match": match, "count": count, "action": action, **more})[0]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("trouble", [pytest.param(trouble, marks=WAITS if trouble == "stall" else ()) for trouble in TROUBLES])
def test_trouble_at_any_step_ends_in_one_commit(writable, hub, step, trouble):
    data = samples.noise(300_000, 5001 + 10 * list(STEPS).index(step) + list(TROUBLES).index(trouble))
    made = writable(FIRST, options=["timeout=3"])
    before = made.branch.head
    rule = hub.faults({"match": STEPS[step], "action": TROUBLES[trouble]})[0]
    (made / "w.bin").write_bytes(data)
    made.settle()
    assert hub.fired(rule) == 1
    (commit,) = made.branch.commits(before)
    assert commit.changes == {"w.bin": "A"} and commit.id
    assert made.branch.downloaded()["w.bin"] == sha256(data)


@pytest.mark.quick
@pytest.mark.parametrize(
    "action",
    [
        pytest.param({"reply_lost": True}, id="lost"),
        pytest.param({"stall": {"after": 0}}, id="silent", marks=WAITS),
        pytest.param({"truncate": 5}, id="cut"),
    ],
)
def test_a_commit_whose_reply_was_lost_is_not_made_again(writable, hub, action):
    made = writable(FIRST, options=["timeout=3"])
    before, rule = made.branch.head, hub.faults({"match": COMMIT, "action": action})[0]
    (made / "a.txt").write_text("mine\n")
    made.settle()
    assert hub.fired(rule) == 1
    assert [commit.changes for commit in made.branch.commits(before)] == [{"a.txt": "M"}]


def test_a_lost_reply_and_then_a_foreign_commit_make_no_conflict(writable, hub):
    made = writable(FIRST, options=["timeout=3"])
    before = made.branch.head
    rules = hub.faults([{"match": COMMIT, "action": {"reply_lost": True}}, {"match": {"path_regex": "/(commits|revision|refs|tree)"}, "action": {"foreign_commit": True}}])
    (made / "a.txt").write_text("mine\n")
    made.settle()
    assert [hub.fired(rule) for rule in rules] == [1, 1]
    assert [commit.changes for commit in made.branch.ours(before)] == [{"a.txt": "M"}]


class TestSentences:
    @pytest.mark.quick
    def test_a_hub_that_forbids_the_commit_is_quoted_and_nothing_is_lost(self, writable, hub):
        sentence = "This branch is protected; ask an administrator"
        made = writable(FIRST)
        before, rule = made.branch.head, refuse(hub, COMMIT, 403, sentence, count=-1)
        (made / "a.txt").write_text("mine\n")
        made.wait_writes(on_their_way=0)
        self.says(made, sentence)
        assert hub.fired(rule) >= 1 and made.branch.head == before
        assert (made / "a.txt").read_text() == "mine\n"
        hub.clear()
        made.remount()
        made.settle()
        assert made.branch.tree()["a.txt"] == sha256(b"mine\n")

    @staticmethod
    def says(made, *words):
        wait_until(lambda: all(word in made.complaints() for word in words), f"status or log to say {words}")
        assert any(word in made.cli("status", made.path).out for word in words), "status tells it"

    @pytest.mark.quick
    @pytest.mark.parametrize("status", [400, 422])
    def test_a_secret_that_the_hub_found_is_said_and_the_file_kept(self, writable, hub, status):
        sentence = "Your push was rejected because a secret was found in config.py"
        made = writable(FIRST)
        before, rule = made.branch.head, refuse(hub, COMMIT, status, sentence, count=-1)
        (made / "config.py").write_text("key = 'looks like a secret'\n")
        made.settle(failed=1)
        assert hub.fired(rule) >= 1 and made.branch.head == before
        self.says(made, sentence)
        assert (made / "config.py").read_text() == "key = 'looks like a secret'\n"
        hub.clear()
        (made / "config.py").write_text("key = read_it()\n")
        made.settle()
        assert made.branch.tree()["config.py"] == sha256(b"key = read_it()\n")

    def test_one_refused_file_does_not_poison_its_batch(self, writable, hub):
        made = writable(FIRST, options=ONE_GO)
        before = made.branch.head
        rule = refuse(hub, COMMIT, 400, "No thanks", count=3)  # all four, the first half, its first file
        for name in ("p1", "p2", "p3", "p4"):
            (made / name).write_text(f"{name}\n")
        made.settle(failed=1)
        assert hub.fired(rule) == 3
        assert len({path for commit in made.branch.commits(before) for path in commit.changes}) == 3

    def test_a_batch_that_is_too_large_is_sent_in_halves(self, writable, hub):
        made = writable(FIRST, options=ONE_GO)
        before, rule = made.branch.head, refuse(hub, COMMIT, 413, "Payload too large")
        for name in ("p1", "p2"):
            (made / name).write_text(f"{name}\n")
        made.settle()
        assert hub.fired(rule) == 1
        assert sorted(path for commit in made.branch.commits(before) for path in commit.changes) == ["p1", "p2"]

    def test_a_file_that_is_too_large_is_told_at_the_next_fsync(self, writable, hub):
        made = writable(FIRST)
        rule = refuse(hub, COMMIT, 413, "Storage quota exceeded", count=-1)
        (made / "a.txt").write_text("mine\n")
        made.settle(failed=1)
        assert hub.fired(rule) >= 1
        self.says(made, "Storage quota exceeded")
        with open(made / "a.txt", "r+b") as file:
            assert errno_of(os.fsync, file.fileno()) in ("EFBIG", "EDQUOT")
            assert errno_of(os.fsync, file.fileno()) is None, "once for each handle"
        assert (made / "a.txt").read_text() == "mine\n"

    def test_a_rate_limit_is_waited_for_and_said(self, writable, hub):
        made = writable(FIRST)
        before = made.branch.head
        rule = hub.faults({"match": COMMIT, "count": 1, "action": {"status": 429, "headers": {"Retry-After": "10", "RateLimit": '"api";r=0;t=10'}}})[0]
        (made / "a.txt").write_text("one\n")
        self.says(made, "rate")
        (made / "b.txt").write_text("two\n")
        made.settle()
        assert hub.fired(rule) == 1
        (commit,) = made.branch.commits(before)
        assert commit.changes == {"a.txt": "M", "b.txt": "M"}, "what came meanwhile goes along"

    def test_a_commit_that_is_put_off_is_sent_again_when_the_hub_said(self, writable, hub):
        made = writable(FIRST)
        (rule,) = hub.faults({"match": COMMIT, "action": {"status": 429, "headers": {"Retry-After": "1"}}})
        (made / "a.txt").write_text("one\n")
        made.settle(seconds=60)  # without being told it would be 120
        assert hub.fired(rule) == 1

    def test_what_the_hub_says_cannot_steer_a_terminal(self, writable, hub):
        made = writable(FIRST)
        refuse(hub, COMMIT, 403, "bad \x1b[31m words\x07", count=-1)
        (made / "a.txt").write_text("mine\n")
        self.says(made, "words")
        assert "\x1b" not in made.complaints() and "\x07" not in made.complaints()

    def test_an_xorb_that_the_hub_forgot_is_sent_again(self, writable, hub):
        data = samples.noise(400_000, 71)
        made = writable(FIRST)
        before = made.branch.head
        rule = refuse(hub, COMMIT, 400, f"LFS pointer pointed to a file that does not exist: {sha256(data)} (w.bin)")
        (made / "w.bin").write_bytes(data)
        made.settle()
        assert hub.fired(rule) == 1 and len(made.branch.commits(before)) == 1
        assert made.branch.downloaded()["w.bin"] == sha256(data)

    def test_a_shard_that_the_hub_refuses_is_made_once_more(self, writable, hub):
        data = samples.noise(400_000, 72)
        made = writable(FIRST)
        rule = refuse(hub, SHARD, 400, "a xorb of this shard is not accessible")
        (made / "w.bin").write_bytes(data)
        made.settle()
        assert hub.fired(rule) == 1 and made.branch.downloaded()["w.bin"] == sha256(data)


class TestNotWhatItWas:
    def test_a_revoked_token_keeps_the_work(self, writable, hub):
        hub.user("carol", ["acme"], {"hf_carols_write_token": "write"})
        made = writable(FIRST, token="hf_carols_write_token")
        assert (made / "a.txt").read_text() == "aaa\n"
        hub.revoke("hf_carols_write_token")
        (made / "a.txt").write_text("mine\n")
        made.wait_writes(on_their_way=0, waiting=0, failed=1)
        assert (made / "a.txt").read_text() == "mine\n"
        hub.user("carol", ["acme"], {"hf_carols_write_token": "write"})
        made.remount()
        made.settle()
        assert made.branch.tree()["a.txt"] == sha256(b"mine\n")

    def test_a_deleted_repository_keeps_the_work(self, writable, hub):
        made = writable(FIRST)
        assert (made / "a.txt").read_text() == "aaa\n"
        hub.delete_repo(made.branch.id)
        (made / "a.txt").write_text("mine\n")
        made.wait_writes(on_their_way=0)
        assert (made / "a.txt").read_text() == "mine\n"
        made.umount()
        assert "wait" in made.log

    def test_a_renamed_repository_is_followed(self, writable, hub):
        made = writable(FIRST)
        assert (made / "a.txt").read_text() == "aaa\n"
        hub.move(made.branch.id, f"{made.branch.id}-new")
        (made / "a.txt").write_text("mine\n")
        made.settle()
        assert made.branch.tree()["a.txt"] == sha256(b"mine\n")

    def test_a_deleted_branch_keeps_the_work(self, writable, hub):
        made = writable(FIRST)
        made.umount()
        hub.ref(made.branch.id, "refs/heads/work", made.branch.head)
        made.again(source=f"{made.branch.id}@work")
        assert (made / "a.txt").read_text() == "aaa\n"
        hub.ref(made.branch.id, "refs/heads/work", None)
        (made / "a.txt").write_text("mine\n")
        made.wait_writes(on_their_way=0)
        assert (made / "a.txt").read_text() == "mine\n"
        assert "refs/heads/work" not in made.branch.refs, "a branch that was deleted is not made again unasked"

    def test_a_hub_that_is_away_for_a_while_gets_it_later(self, writable, hub):
        made = writable(FIRST, options=["timeout=3", *ONE_GO])
        assert (made / "a.txt").read_text() == "aaa\n" and ".gitattributes" in os.listdir(made.path)
        before = made.branch.head
        rule = hub.faults({"match": {"origin": "hub"}, "count": -1, "action": {"reset": True}})[0]
        for text in ("one\n", "two\n", "three\n"):
            (made / "a.txt").write_text(text)
        (made / "new.txt").write_text("new\n")
        wait_until(lambda: hub.fired(rule) >= 2, "tries")
        writes = made.writes  # one answer: the next try may begin or end before another
        assert writes["waiting"] + writes["on_their_way"] == 2
        hub.clear()
        made.settle()
        assert made.branch.tree()["a.txt"] == sha256(b"three\n") and len(made.branch.commits(before)) == 1

    def test_offline_work_is_committed_when_online(self, writable):
        made = writable(FIRST)
        before = made.branch.head
        assert (made / "a.txt").read_text() == "aaa\n"
        made.cli("offline", made.path)
        (made / "a.txt").write_text("offline\n")
        (made / "d").mkdir()
        os.rename(made / "a.txt", made / "d/a.txt")
        assert made.branch.head == before
        made.cli("online", made.path)
        made.settle()
        assert made.branch.tree()["d/a.txt"] == sha256(b"offline\n") and "a.txt" not in made.branch.tree()

    def test_a_repository_that_is_private_is_written_all_the_same(self, hub, writable):
        made = writable(FIRST)
        made.umount()
        fill(hub, "acme/private-writes", FIRST)
        hub.repo("acme/private-writes", private=True)
        made.again(source="acme/private-writes")
        (made / "a.txt").write_text("mine\n")
        made.settle()
        assert type(made.branch)(hub, "acme/private-writes").tree()["a.txt"] == sha256(b"mine\n")
