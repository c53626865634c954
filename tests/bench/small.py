# SPDX-License-Identifier: Apache-2.0
"""Cells of many small files: their names by find and ls, their bytes by cat and grep."""

from bench import programs, readers
from bench.cell import Work, again, check, client, offline, reads, states

SMALL = 4096


def small_files(peer, context):
    """cat; then `grep` of the same files from the page cache."""
    repo, needed = context.repos["small"], context.file_count * SMALL
    if not peer.mounts:
        program = "filesystem-small" if peer.name == "HfFileSystem" else "download"
        yield "cold", client(context, peer, program, repo, needed=needed)
        return
    with peer.fresh(repo) as view:
        work = Work(lambda view: readers.cat(readers.list_tree(view.path()), needed), needed=needed)
        yield from states(context, view, work)
        yield again(context, view, Work(lambda view: programs.grep(view.path()), needed=needed), "grep")
        check(context, view, "small")
        yield from offline(peer, context, view, work)


def names_by(program, client_program=None):
    """A cell: every name that the program sees."""

    def run(peer, context):
        if peer.mounts:
            yield from reads(peer, context, "small", Work(lambda view: program(view.path())))
        elif peer.name == "HfFileSystem" and client_program:
            yield "cold", client(context, peer, client_program, context.repos["small"])

    return run
