# SPDX-License-Identifier: Apache-2.0
"""`Life`: what happens to a writable mount while a Player writes to it, and what must be true then.

Between batches of operations one thing happens, drawn from the seed: nothing, a remount, kill -9 (between
operations or in the midst of them), somebody's commit by the official client, an offline spell begins or
ends, requests fail, or everything settles and the Hub's tree is compared. Others write below theirs/ only.
"""

import random
import threading

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError
from hub.client import WRITE_TOKEN
from write_model import Model
from write_player import Crashed, Player
from writing import PLAIN, sha256, tree_of

THEIRS = "theirs"
TRIES = 20  # of a commit of theirs
OURS = {"user-agent": "^hugfs"}  # requests of the mount, not of others
FAULTS = (
    ("/commit/", {"reply_lost": True}),
    ("/commit/", {"status": 503}),
    ("/commit/", {"reset": True}),
    ("/commit/", {"status": 429, "headers": {"Retry-After": "1"}}),
    ("/commit/", {"foreign_commit": {"path": f"{THEIRS}/meanwhile.txt", "text": "meanwhile\n"}}),
    ("/preupload/", {"status": 500}),
    ("/preupload/", {"truncate": 10}),
    ("xet-write-token", {"status": 502}),
    ("/xorb", {"reset": True}),
    ("/xorb", {"status": 500}),
    ("/shards", {"status": 503}),
    ("/shards", {"reply_lost": True}),
)


class Life:
    """A mount, its model, and the others. `compare()` may be called at any moment."""

    EVENTS = {"nothing": 30, "remount": 8, "kill": 8, "die": 8, "others": 14, "offline": 6, "fault": 12, "settle": 14}

    def __init__(self, made, files, seed):
        self.made, self.hub, self.branch = made, made.hub, made.branch
        self.random = random.Random(seed)
        self.model = Model(files)
        self.player = Player(made.path, self.model, seed + 1)
        self.api = HfApi(endpoint=self.hub.endpoint, token=WRITE_TOKEN)
        self.is_offline = False
        self.theirs = {}
        self.first = self.branch.head
        self.seen = dict.fromkeys(self.EVENTS, 0)

    def run(self, count, batch):
        """So many operations in batches; what is found wrong tells the last operations."""
        try:
            while self.player.count < count:
                event = self.random.choices(list(self.EVENTS), self.EVENTS.values())[0]
                self.player.told.append(f"-- {event}")
                self.seen[event] += 1
                getattr(self, event)(batch) if event == "die" else self._quiet_batch(event, batch)
                self.compare()
            self.end()
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.player.history()}\n{getattr(self.made, 'log', '')[-3000:]}") from error
        print(f"{self.player.count} operations; {self.seen}; {len(self.branch.ours(self.first))} commits")

    def _quiet_batch(self, event, batch):
        getattr(self, event)()
        self.player.play(batch)

    # ---- what must be true

    def _split(self):
        found = tree_of(self.made.path)
        theirs = {path: found.pop(path) for path in list(found) if path.split("/")[0] == THEIRS}
        return found, {path: data for path, data in theirs.items() if data is not None}

    def compare(self):
        """The whole tree is the model's, and what others committed is there."""
        for _ in range(TRIES):  # a fault may let them commit between our look at the Hub and at the folder
            if not self.is_offline:
                self.refresh()
            found, theirs = self._split()
            if PLAIN or theirs == self.theirs:
                break
        self._same(found, self.model.contents(), "the folder")
        if not PLAIN:
            self._same(theirs, self.theirs, "what others committed")

    def _same(self, found, expected, what):
        if found != expected:
            wrong = sorted(path for path in found.keys() | expected.keys() if found.get(path, 0) != expected.get(path, 0))
            rows = [f"{path!r}: {self._told(found, path)}, not {self._told(expected, path)}" for path in wrong[:10]]
            raise AssertionError(f"{what} differs in {len(wrong)} paths:\n  " + "\n  ".join(rows))

    @staticmethod
    def _told(tree, path):
        data = tree.get(path, 0)
        return "missing" if data == 0 else "a folder" if data is None else f"{len(data)} bytes {sha256(data)[:8]}"

    def refresh(self):
        """The mount knows the Hub's head; so do we."""
        self.made.cli("refresh", self.made.path)
        self.theirs = {path: self.branch.bytes(path) for path in self.branch.tree() if path.startswith(f"{THEIRS}/")}

    def hub_is_right(self):
        found = {path: digest for path, digest in self.branch.tree().items() if not path.startswith(f"{THEIRS}/")}
        expected = {path: sha256(data) for path, data in self.model.contents().items() if data is not None}
        wrong = sorted(path for path in found.keys() | expected.keys() if found.get(path) != expected.get(path))
        assert not wrong, f"the Hub's tree differs from the model's in {wrong}"
        self.branch.ours(self.first)

    def end(self):
        """Everything is committed, by the official client's word too."""
        self.player.let_go()
        self.settle()
        self.compare()
        downloaded = self.branch.downloaded()
        assert downloaded == self.branch.tree(), "what the official client downloads is not what the pointers name"

    # ---- events

    def nothing(self):
        pass

    def online(self):
        if self.is_offline:
            self.made.cli("online", self.made.path)
            self.is_offline = False

    def remount(self):
        self.player.let_go()
        self.made.remount()
        self.is_offline = False
        self.model.confirm_all()

    def kill(self):
        self.made.kill9()
        self._after_crash()

    def die(self, batch):
        """kill -9 in the midst of a batch."""
        if PLAIN:
            return
        self.player.is_dying = True
        timer = threading.Timer(self.random.random() * 0.3, self.made.process.kill)
        timer.start()
        try:
            self.player.play(batch)
        except Crashed:
            pass
        timer.join()
        self.made.kill9()
        self._after_crash()

    def _after_crash(self):
        if PLAIN:
            self.player.let_go()
        self.player.forget()
        self.made.again()
        self.is_offline = False
        self.model.crashed(self._split()[0])

    def _their_changes(self):
        name = f"{THEIRS}/{self.random.randrange(8)}.txt"
        if name in self.theirs and len(self.theirs) > 1 and self.random.random() < 0.4:
            return [CommitOperationDelete(name)]
        return [CommitOperationAdd(name, self.random.randbytes(self.random.choice((10, 3000))).hex().encode())]

    def others(self):
        self.online()
        self.refresh()  # a delete must name what is there
        changes = self._their_changes()
        for left in reversed(range(TRIES)):
            try:
                self.api.create_commit(self.branch.id, changes, commit_message="Somebody else")
                return
            except HfHubHTTPError as error:  # the mount commits to the branch too, and was first
                if error.response.status_code != 412 or left == 0:
                    raise

    def offline(self):
        """Begins a spell, or ends one. What will be read meanwhile is in the cache: compare() reads everything,
        and nothing is on its way that could become another commit after that."""
        if self.is_offline:
            self.online()
        else:
            self.settle()
            self.compare()
            self.made.cli("offline", self.made.path)
            self.is_offline = True

    def fault(self):
        path, action = self.random.choice(FAULTS)
        self.player.note(path, action)
        self.hub.faults({"match": {"path_regex": path, "header": OURS}, "action": action})

    def settle(self):
        self.online()
        self.player.sync_all()
        self.made.settle()
        self.hub_is_right()


def seed_files(source):
    """What the repository holds at first: ({path: text}, {path: bytes of an Xet file})."""
    texts = {name: source.randbytes(200).hex() for name in ("a", "c.txt", "d d/a", "d d/b", "x/y/z.json")}
    return texts, {"w.bin": source.randbytes(700_000)}
