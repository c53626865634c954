# SPDX-License-Identifier: Apache-2.0
"""Programs that people run over a tree: find, ls and grep, as they are."""

import errno
import os
import subprocess
from collections import Counter


def run(*command):
    return subprocess.run(command, capture_output=True, check=False, env=dict(os.environ, LC_ALL="C"))


def errors(done):
    """Which errors a program told, and how often: ", EIO 3"."""
    words = Counter(line.rsplit(": ", 1)[-1] for line in done.stderr.decode(errors="replace").splitlines())
    codes = {os.strerror(code): name for code, name in errno.errorcode.items()}
    return "".join(f", {codes.get(text, text)} {count}" for text, count in words.items())


def find(folder, *tests):
    """Says how many names it saw, and which errors."""
    done = run("find", folder, *tests, "-printf", "\n")
    return f"{len(done.stdout)} names{errors(done)}"


def ls(folder):
    """ls -lR: every entry's status is asked for too."""
    done = run("ls", "-lR", folder)
    return f"{done.stdout.count(b'.txt')} files{errors(done)}"


def grep(folder):
    """grep -r for what is in no file: all of them are read to the end."""
    done = run("grep", "-rF", "no line has THIS", folder)
    return f"{len(done.stdout)} bytes found{errors(done)}"


def first_line(*command):
    """What a program says first; nothing if it can't be run."""
    try:
        return run(*command).stdout.decode(errors="replace").partition("\n")[0]
    except OSError:
        return ""


def reason(error):
    """Why something failed, in a line: the last one of the program that did, if it was one."""
    told = (getattr(error, "stderr", None) or "").strip().splitlines()
    return (told[-1] if told else f"{type(error).__name__}: {error}")[:160]
