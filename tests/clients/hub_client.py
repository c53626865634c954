#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""huggingface_hub on a read-only HF_HUB_CACHE: every function that reads a cache, and what must fail.

    HF_ENDPOINT=... HF_HUB_CACHE=... HF_HOME=... [HF_HUB_OFFLINE=1]
    hub_client.py OWNER/NAME REFERENCE [--type dataset] [--revision REV]... [--missing FILE]...

REFERENCE is a folder with the same files as the main branch. A --revision must exist on the
Hub and hold the reference's first file. A --missing file must not exist in the repository; on a
view made by make_view.py it must have been named there too.
"""

import argparse
import errno
import os
import pathlib
import subprocess
import sys

import client_run
from client_run import check, check_equal, check_raises

VIEW = client_run.prepare()

import huggingface_hub  # noqa: E402  after prepare()
from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download, try_to_load_from_cache  # noqa: E402
from huggingface_hub.utils import EntryNotFoundError, LocalEntryNotFoundError  # noqa: E402


class Sample:
    """The repository under test beside its reference."""

    def __init__(self, options):
        self.id = options.repo
        self.where = {"repo_id": options.repo, "repo_type": options.type}
        self.folder = VIEW / (f"{options.type}s--" + options.repo.replace("/", "--"))
        self.files = {
            path.relative_to(options.reference).as_posix(): path.read_bytes()
            for path in sorted(options.reference.rglob("*"))
            if path.is_file()
        }
        self.first = next(iter(self.files))
        self.sha = (self.folder / "refs" / "main").read_text()
        check_equal(len(self.sha), 40, "length of refs/main")
        self.snapshot = self.folder / "snapshots" / self.sha

    def download(self, name, **arguments):
        return pathlib.Path(hf_hub_download(filename=name, **self.where, **arguments))

    def check_sizes(self, found, what):
        """`found` is {name: size}; the Hub adds .gitattributes to every repository."""
        expected = {name: len(content) for name, content in self.files.items()}
        check_equal({".gitattributes": found.get(".gitattributes")} | expected, found, what)


def single_files(sample):
    for name, content in sample.files.items():
        path = sample.download(name)
        check_equal(path, sample.snapshot / name, "path")
        check(not path.is_symlink() and path.is_file(), f"{path} is no plain file")
        check_equal(path.stat().st_size, len(content), f"size of {name}")
        check(path.read_bytes() == content, f"bytes of {name} differ")
        check_equal(sample.download(name, revision=sample.sha), path, "by commit")


def revisions(sample, names):
    for revision in names:
        path = sample.download(sample.first, revision=revision)
        sha = (sample.folder / "refs" / revision).read_text()
        check_equal(path, sample.folder / "snapshots" / sha / sample.first, f"path at {revision}")
        snapshot = snapshot_download(**sample.where, revision=revision)
        check_equal(snapshot, str(sample.folder / "snapshots" / sha), f"snapshot at {revision}")


def missing_files(sample, names):
    expected = LocalEntryNotFoundError if client_run.is_offline() else EntryNotFoundError
    for name in names:
        for revision in ("main", sample.sha):
            call = lambda name=name, revision=revision: sample.download(name, revision=revision)  # noqa: E731
            error = check_raises(EntryNotFoundError, call, f"{name} at {revision}")
            check(isinstance(error, expected), f"{name} at {revision}: {error!r}")


def sizes_below(folder):
    found = (path for path in folder.rglob("*") if not path.is_dir())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in found}


def snapshots(sample):
    for arguments in ({}, {"revision": sample.sha}, {"allow_patterns": [sample.first]}, {"ignore_patterns": ["*.txt"]}):
        got = snapshot_download(**sample.where, **arguments)
        check_equal(got, str(sample.snapshot), f"snapshot {arguments}")
    sample.check_sizes(sizes_below(sample.snapshot), "files of the snapshot")


def the_cache_asked_directly(sample, missing):
    for revision in ("main", sample.sha):
        for name in sample.files:
            got = try_to_load_from_cache(filename=name, revision=revision, **sample.where)
            check_equal(got, str(sample.snapshot / name), "try_to_load_from_cache")
        for name in missing:
            got = try_to_load_from_cache(filename=name, revision=revision, **sample.where)
            check(got is huggingface_hub._CACHED_NO_EXIST, f"{name} should be known as missing: {got}")
    if hasattr(huggingface_hub, "get_cached_repo_tree"):
        tree = {file.path: file.size for file in huggingface_hub.get_cached_repo_tree(**sample.where)}
        sample.check_sizes(tree, "cached tree")


def scan(sample):
    info = scan_cache_dir()
    check(not info.warnings, f"scan_cache_dir warns: {info.warnings}")
    repo = next(repo for repo in info.repos if (repo.repo_id, repo.repo_type) == (sample.id, sample.where["repo_type"]))
    revision = next(revision for revision in repo.revisions if revision.commit_hash == sample.sha)
    check("main" in revision.refs, f"refs of {sample.sha}: {revision.refs}")
    found = {file.file_path.relative_to(sample.snapshot).as_posix(): file.size_on_disk for file in revision.files}
    sample.check_sizes(found, "scanned files")


def hf(*arguments):
    command = [str(pathlib.Path(sys.executable).parent / "hf"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})


def command_line(sample):
    if not (pathlib.Path(sys.executable).parent / "hf").exists():
        return
    listed = hf("cache", "ls", "--format", "json")
    check(listed.returncode == 0 and sample.id in listed.stdout, f"hf cache ls: {listed}")
    got = hf("download", sample.id, sample.first, "--repo-type", sample.where["repo_type"])
    check(got.returncode == 0 and str(sample.snapshot) in got.stdout, f"hf download: {got}")
    if not client_run.is_offline():
        verified = hf("cache", "verify", sample.id, "--repo-type", sample.where["repo_type"])
        check(verified.returncode == 0, f"hf cache verify: {verified}")
    removed = hf("cache", "rm", f"{sample.where['repo_type']}/{sample.id}", "-y")
    check(removed.returncode != 0, f"hf cache rm: {removed}")
    check((sample.snapshot / sample.first).is_file(), "hf cache rm removed something")


def what_must_fail(sample):
    client_run.check_read_only(sample.snapshot)
    if not client_run.is_offline():
        error = check_raises(OSError, lambda: sample.download(sample.first, force_download=True), "force_download")
        check_equal(error.errno, errno.EROFS, "force_download")


def main(options):
    sample = Sample(options)
    single_files(sample)
    revisions(sample, options.revision)
    missing_files(sample, options.missing)
    snapshots(sample)
    the_cache_asked_directly(sample, options.missing)
    if not options.no_scan:
        scan(sample)
        command_line(sample)
    what_must_fail(sample)
    return f"{len(sample.files)} files of {sample.id} at {sample.sha}"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="huggingface_hub on a read-only HF_HUB_CACHE.")
    arguments.add_argument("repo")
    arguments.add_argument("reference", type=pathlib.Path)
    arguments.add_argument("--type", default="model")
    arguments.add_argument("--revision", action="append", default=[], help="a branch, tag or refs/pr/N to try too")
    arguments.add_argument("--missing", action="append", default=[], help="a file that does not exist")
    arguments.add_argument("--no-scan", action="store_true", help="skip what walks the whole folder")
    client_run.run(arguments, main)
