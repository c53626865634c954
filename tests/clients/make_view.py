#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds by hand, in a folder, what hf-cache/ of a mount shows: an HF_HUB_CACHE of plain files.

It is the reference for the layout: mounted read-only (`mount --bind`, then `mount -o
remount,bind,ro`) the programs of this folder must pass on it as they do on a real mount. What a
mount answers without bound (any missing file below .no_exist, any name below .locks) is limited
here to what is asked for.

    HF_ENDPOINT=http://127.0.0.1:PORT make_view.py FOLDER [TYPE:]OWNER/NAME... [--missing FILE]...
                                                          [--no-trees] [--no-refs REV]
"""

import argparse
import json
import os
import pathlib
import shutil
import tempfile

import huggingface_hub

TAG = "Signature: 8a477f597d28d172789f06886806bc55\n"


def _refs(api, repo_id, repo_type):
    """What refs/ holds: {revision as a client spells it: commit}."""
    refs = api.list_repo_refs(repo_id, repo_type=repo_type, include_pull_requests=True)
    found = {ref.name: ref.target_commit for ref in [*refs.branches, *refs.tags]}
    special = [*refs.converts, *(refs.pull_requests or [])]
    return found | {ref.ref: ref.target_commit for ref in special}


def _entry(file):
    entry = {"size": file.size, "blob_id": file.blob_id}
    if file.lfs is not None:
        entry |= {"lfs_sha256": file.lfs.sha256, "lfs_size": file.lfs.size}
    if file.xet_hash is not None:
        entry["xet_hash"] = file.xet_hash
    return entry


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _snapshot(api, folder, repo, commit, options):
    """snapshots/COMMIT, trees/COMMIT.json and .no_exist/COMMIT of one repository."""
    repo_type, repo_id = repo
    tree = api.list_repo_tree(repo_id, recursive=True, revision=commit, repo_type=repo_type)
    files = {entry.path: _entry(entry) for entry in tree if isinstance(entry, huggingface_hub.hf_api.RepoFile)}
    target = folder / "snapshots" / commit
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name in files:
            got = api.hf_hub_download(repo_id, name, repo_type=repo_type, revision=commit, cache_dir=scratch)
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(got, target / name)
    if not options.no_trees:
        listing = {"format_version": 1, "files": dict(sorted(files.items()))}
        _write(folder / "trees" / f"{commit}.json", json.dumps(listing, indent=1))
    (folder / ".no_exist" / commit).mkdir(parents=True)
    for name in options.missing:
        if name not in files:
            _write(folder / ".no_exist" / commit / name, "")


def _repository(api, view, name, options):
    repo_type, _, repo_id = name.rpartition(":")
    repo = (repo_type or "model", repo_id)
    flat = f"{repo[0]}s--" + repo_id.replace("/", "--")
    folder = view / flat
    refs = _refs(api, repo_id, repo[0])
    for commit in sorted(set(refs.values())):
        _snapshot(api, folder, repo, commit, options)
    for revision, commit in refs.items():
        if revision not in options.no_refs:
            _write(folder / "refs" / revision, commit)
    (folder / "blobs").mkdir()
    (view / ".locks" / flat).mkdir(parents=True)


def main():
    parser = argparse.ArgumentParser(description="Build a read-only HF_HUB_CACHE by hand.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("repos", nargs="+", help="OWNER/NAME, dataset:OWNER/NAME, space:OWNER/NAME")
    parser.add_argument("--missing", action="append", default=[], help="put this file into .no_exist")
    parser.add_argument("--no-refs", action="append", default=[], help="leave out this revision")
    parser.add_argument("--no-trees", action="store_true", help="leave out trees/")
    options = parser.parse_args()
    options.folder.mkdir(parents=True)
    _write(options.folder / "CACHEDIR.TAG", TAG)
    api = huggingface_hub.HfApi(endpoint=os.environ["HF_ENDPOINT"])
    for name in options.repos:
        _repository(api, options.folder, name, options)


if __name__ == "__main__":
    main()
