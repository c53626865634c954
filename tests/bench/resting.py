# SPDX-License-Identifier: Apache-2.0
"""The cell of a daemon that has nothing to do: the memory that it keeps."""

import os
import time

from bench.cell import Work, timed
from bench.measure import process_memory_mb

SETTLED_S = 2


def list_and_rest(view):
    os.listdir(view.path())
    time.sleep(SETTLED_S)


def idle(peer, context):
    """Its root was listed, two seconds ago."""
    if peer.has_daemon:
        with peer.fresh(context.repos["small"]) as view:
            work = Work(list_and_rest, lambda meter: sum(process_memory_mb(pid, "VmRSS") for pid in view.pids))
            yield "listed", timed(context, view, work)
