# SPDX-License-Identifier: Apache-2.0
"""What bad input leads to: one clear sentence, the right exit status or errno, in time.

`refused()` is for a mount that must not come to be, `failing()` for a system call that must
fail, `complaint()` for the sentence that the daemon then writes. Mounts here have a short
`timeout=`; that nothing hangs means that an answer comes within ten times that.
"""

import os
import re
import subprocess

import kernel
from harness import Failed, check_output, run_hugfs, wait_until
from machine import SLACK
from reader import Reader

DEADLINE = 2  # seconds
BOUND = 10 * DEADLINE * SLACK
QUICKLY = [f"timeout={DEADLINE}", "poll=never"]
TRY_HELP = re.compile(r"Try 'hugfs .*--help'\.\n$")


def sentence(result):
    """The one line that a command said when it failed, without its "hugfs: "."""
    text = TRY_HELP.sub("", result.err)
    assert result.out == "", f"an error belongs on stderr:\n{result.out}"
    assert re.fullmatch(r"hugfs: [^\n]+\n", text), f"not one sentence:\n{result.err}"
    assert "ERR_" not in text and "errno" not in text, text
    return text.removeprefix("hugfs: ").rstrip("\n")


def refused(hub, home, source, *, status, options=(), environment=None, point=None, prefix=()):
    """Try to mount, as a daemon; it must end with `status`; its sentence. An `endpoint=` of one's own replaces the Hub's."""
    if point is None:
        point = home.fresh("mnt")
        point.mkdir()
    where = [] if any(option.startswith("endpoint=") for option in options) else [f"endpoint={hub.endpoint}"]
    log = home.fresh("log")
    words = ["mount", "-o", ",".join([*where, *QUICKLY, f"log={log}", *options]), source, point]
    done = run_hugfs(words, home.environment(environment), secrets=hub.secrets, status=None, seconds=BOUND, prefix=prefix)
    entry = kernel.mount_entry(point)
    if entry and entry.source != "tmpfs" and done.status == 0:
        subprocess.run(["fusermount3", "-uz", str(point)], check=False)
        raise Failed(f"{source} was mounted after all")
    assert done.status == status, f"status {done.status}, not {status}: {done.text}"
    if log.exists():
        check_output(log.read_text(errors="replace"), hub.secrets)
    return sentence(done)


def outcome(*action):
    """What a reader.py of its own came to, as a dict; never hangs longer than BOUND."""
    with Reader(*action) as reader:
        return reader.outcome(BOUND)


def failing(*action):
    """The errno that an action of reader.py fails with; it must fail."""
    answer = outcome(*action)
    assert "errno" in answer, f"{action} worked: {answer}"
    return answer["errno"]


def complaint(made, words, after=0):
    """The line of the daemon's log, after so many characters, that has these words; it is one clear sentence too."""

    def found():
        return next((line for line in made.log[after:].splitlines() if words in line), None)

    line = wait_until(found, f"a line with {words!r} in the log:\n{made.log[-2000:]}", 3 * DEADLINE * SLACK)
    assert "ERR_" not in line, line
    return line


def strike(hub, match, action, count=-1, skip=0):
    """One rule of the fault plan, for ever unless `count` says otherwise; its number."""
    return hub.faults({"match": match, "count": count, "skip": skip, "action": action})[0]


def is_right(made, repository, name):
    """Whether the mounted file has the bytes it was made of."""
    return (made / name).read_bytes() == repository.bytes(name)


def rss_peak(made):
    """Most memory that the daemon has ever used, in bytes."""
    with open(f"/proc/{made.process.pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def names(path):
    """What a folder lists, sorted."""
    return sorted(os.listdir(path))
