# SPDX-License-Identifier: Apache-2.0
"""The chunk store's files, seen from outside: what is indexed, what was fetched, and damage.

The index is read from a copy, so that looking never disturbs WAL or locks. Which chunks a
request fetched comes from the Hub's own database: the two sides share no code.
"""

import bisect
import random
import shutil
import sqlite3
import tempfile
from pathlib import Path

from hub import hashes, xorb

XORB = 1  # object.kind


def segments(cache):
    """Segment files, oldest first."""
    return sorted((Path(cache) / "segments").iterdir())


def index_files(cache):
    """index.db and what SQLite keeps beside it."""
    return sorted(Path(cache).glob("index.db*"))


def indexed_chunks(cache):
    """{(xorb hash as text, chunk number)} that the index names."""
    with tempfile.TemporaryDirectory(prefix="index-") as folder:
        for file in index_files(cache):
            shutil.copy(file, folder)
        base = sqlite3.connect(f"{folder}/index.db")
        rows = base.execute(
            "SELECT object.hash, run.id & 0xffffff, run.n FROM run JOIN object ON object.id = run.id >> 24 WHERE object.kind = ?",
            (XORB,),
        ).fetchall()
        base.close()
    return {(hashes.to_text(raw), chunk) for raw, first, n in rows for chunk in range(first, first + n)}


def fetched_chunks(hub, rows):
    """{(xorb hash as text, chunk number)} that these xorb-range log entries asked for, as a list with repetitions."""
    base = sqlite3.connect(f"file:{hub.data}/hub.db?mode=ro", uri=True)
    found, ends = [], {}
    for row in rows:
        name = row["path"].rpartition("/")[2]
        if name not in ends:
            packed = base.execute("SELECT ends FROM xorb WHERE hash = ?", (hashes.from_text(name),)).fetchone()[0]
            ends[name] = xorb.unpack_numbers(packed)
        first, last = (int(number) for number in row["range"].partition("=")[2].split("-"))
        start, end = bisect.bisect_right(ends[name], first), bisect.bisect_right(ends[name], last)
        found += [(name, chunk) for chunk in range(start, end + 1)]
    base.close()
    return found


def flip_bytes(cache, count, seed, first=4096):
    """XOR random bytes past the header of random segments; returns the places, for the failure message."""
    source, places = random.Random(seed), []
    files = [file for file in segments(cache) if file.stat().st_size > first]
    for _ in range(count):
        file = source.choice(files)
        place = source.randrange(first, file.stat().st_size)
        with open(file, "r+b") as opened:
            opened.seek(place)
            value = opened.read(1)[0]
            opened.seek(place)
            opened.write(bytes([value ^ (1 << source.randrange(8))]))
        places.append((file.name, place))
    return places
