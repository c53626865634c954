# SPDX-License-Identifier: Apache-2.0
"""The cell of a table in Parquet: its footer, and two of its 20 columns of all row groups, by pyarrow."""

import contextlib
import os

from bench.arrow import Arrow
from bench.cell import Work, reads
from bench.samples import TABLE


def two_columns(peer, context):
    if not peer.mounts:
        return
    with contextlib.closing(Arrow()) as arrow:
        wanted = arrow.read(os.path.join(context.samples, "table", TABLE))

        def read(view):
            if arrow.read(view.path(TABLE)) != wanted:
                raise AssertionError(f"other values in {view.path(TABLE)}")

        yield from reads(peer, context, "table", Work(read, needed=int(wanted[1]), helpers=(arrow.process.pid,)))
