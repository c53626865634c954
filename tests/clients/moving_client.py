#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A branch that moves under a client that is online: the view must follow at once.

The client asks the Hub what main is, and writes to the cache when refs/main says otherwise. That
write fails here, and for a file that does not exist the failure is an OSError in place of
EntryNotFoundError, which transformers does not survive. So what the Hub just said must hold in the
view, without a delay. Only for a real mount; needs HF_TOKEN with write access.

    moving_client.py OWNER/NAME [--rounds 3]
"""

import argparse
import pathlib

import client_run
from client_run import check_equal, check_raises

VIEW = client_run.prepare()

from huggingface_hub import HfApi, hf_hub_download, snapshot_download  # noqa: E402  after prepare()
from huggingface_hub.utils import EntryNotFoundError  # noqa: E402


def move(api, repo, number):
    """Commit; returns the commit's id."""
    content = f"round {number}\n".encode()
    return api.upload_file(repo_id=repo, path_or_fileobj=content, path_in_repo="moving.txt").oid


def main(options):
    api = HfApi()
    steps = {
        "missing": lambda: check_raises(EntryNotFoundError, lambda: hf_hub_download(options.repo, "no.txt"), "no.txt"),
        "file": lambda: pathlib.Path(hf_hub_download(options.repo, "moving.txt")).read_text(),
        "snapshot": lambda: (pathlib.Path(snapshot_download(options.repo)) / "moving.txt").read_text(),
    }
    for number in range(options.rounds):
        for name, step in steps.items():  # each is the first to see its commit
            label = f"{number} {name}"
            commit = move(api, options.repo, label)
            got = step()
            check_equal(name == "missing" or got == f"round {label}\n", True, f"{label}: {got!r}")
            folder = VIEW / ("models--" + options.repo.replace("/", "--"))
            check_equal((folder / "refs" / "main").read_text(), commit, label)
    return f"{options.rounds * len(steps)} commits"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="A branch that moves under an online client.")
    arguments.add_argument("repo")
    arguments.add_argument("--rounds", type=int, default=3)
    client_run.run(arguments, main)
