# SPDX-License-Identifier: Apache-2.0
"""What the programs of this folder share: a safe environment, checks, several at once.

Import it before any library of the Hub, for these read the environment when they are imported.
"""

import errno
import logging
import os
import pathlib
import subprocess
import sys

LOCAL = ("http://127.0.0.1:", "http://localhost:")
QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_XET_TELEMETRY_ENABLED": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "NO_PROXY": "*",
}


def prepare():
    """Refuse to run against anything but a local Hub; returns the folder under test."""
    for name in ("HF_ENDPOINT", "HF_HUB_CACHE", "HF_HOME"):
        if not os.environ.get(name):
            sys.exit(f"{name} must be set")
    if not os.environ["HF_ENDPOINT"].startswith(LOCAL):
        sys.exit(f"HF_ENDPOINT must be a local Hub, not {os.environ['HF_ENDPOINT']}")
    os.environ.update(QUIET)
    return pathlib.Path(os.environ["HF_HUB_CACHE"]).resolve()


def is_offline():
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def check(holds, what):
    """Like assert, but not to be optimised away, and with the values in its text."""
    if not holds:
        raise AssertionError(what)


def check_equal(got, expected, what):
    check(got == expected, f"{what}: {str(got)[:300]} instead of {str(expected)[:300]}")


def check_raises(kinds, call, what):
    """`call` must raise one of `kinds`; returns the exception."""
    try:
        got = call()
    except kinds as error:
        return error
    raise AssertionError(f"{what}: no error but {got!r}")


def check_read_only(folder):
    """No change of any kind gets through, and the answer is always EROFS."""
    file = next(path for path in sorted(folder.rglob("*")) if path.is_file())
    attempts = {
        "open for writing": lambda: open(file, "r+b").close(),
        "create": lambda: open(folder / "new", "xb").close(),
        "mkdir": lambda: (folder / "new").mkdir(),
        "unlink": file.unlink,
        "rename": lambda: file.rename(folder / "new"),
        "symlink": lambda: (folder / "new").symlink_to("x"),
        "chmod": lambda: file.chmod(0o600),
        "utime": lambda: os.utime(file),
    }
    for name, attempt in attempts.items():
        error = check_raises(OSError, attempt, name)
        check_equal(error.errno, errno.EROFS, name)


class Complaints(logging.Handler):
    """Collects what the client logs as warning or error: a good view gives it no reason."""

    def __init__(self, logger="huggingface_hub"):
        super().__init__(logging.WARNING)
        self.lines = []
        logging.getLogger(logger).addHandler(self)

    def emit(self, record):
        self.lines.append(record.getMessage())


def several(count):
    """Run this program `count` times at once, without --processes; all must say the same."""
    command = [sys.executable, sys.argv[0]]
    arguments = iter(sys.argv[1:])
    for argument in arguments:
        if argument == "--processes":
            next(arguments)
        elif not argument.startswith("--processes="):
            command.append(argument)
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    outputs = [process.communicate()[0] for process in running]
    failed = [process.returncode for process in running if process.returncode != 0]
    if failed:
        sys.exit(f"{len(failed)} of {count} failed: {failed}")
    check_equal(len(set(outputs)), 1, "different outputs of the same program")
    print(outputs[0], end="")


def run(parser, main):
    """Parse the arguments and print what main(options) returns, here or in several processes.

    It counts as failure that the client complains of the cache, unless --allow-warnings.
    """
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="run N of these at once")
    parser.add_argument("--allow-warnings", action="store_true", help="let the client complain of the cache")
    options = parser.parse_args()
    if options.processes > 1:
        several(options.processes)
        return
    complaints = Complaints()
    message = main(options)
    if not options.allow_warnings:
        check(not complaints.lines, f"the client complains: {complaints.lines}")
    print(f"{pathlib.Path(sys.argv[0]).stem}: ok, {message}")
