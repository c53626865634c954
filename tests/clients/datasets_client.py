#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""datasets, duckdb and pyarrow on a dataset made by make_dataset.py.

    datasets_client.py OWNER/NAME [--parquet FOLDER] [--rows 20000] [--test-rows 500]

datasets loads it by repository id (or, offline, from the snapshot's files, for datasets itself
must list them on the Hub), then again offline from its own arrow copy. duckdb and pyarrow query
the parquet files: those of the snapshot, and those of FOLDER, any path of a mount.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import client_run
import make_dataset
from client_run import check, check_equal

VIEW = client_run.prepare()

PROBES = (0, 1, 1999, 2000, 7919, -1)  # rows to look at, some at the edges of row groups


def by_datasets(options, source):
    """Load everything and compare some rows; `source` is what load_dataset gets."""
    import datasets

    data = datasets.load_dataset(*source[0], **source[1])
    check_equal({name: part.num_rows for name, part in data.items()},
                {"train": options.rows, "test": options.test_rows}, "rows")
    for probe in PROBES:
        number = probe % options.rows
        check_equal(data["train"][number], make_dataset.row(number), f"row {number}")
    check_equal(data["test"][0], make_dataset.row(make_dataset.FIRST_TEST_ROW), "first test row")
    check_equal(sum(data["train"]["id"]), options.rows * (options.rows - 1) // 2, "sum of ids")


def streamed(options):
    """The first rows without loading the rest; goes to the Hub by itself, not through the view."""
    import datasets

    rows = datasets.load_dataset(options.repo, split="train", streaming=True).take(3)
    check_equal(list(rows), [make_dataset.row(number) for number in range(3)], "streamed rows")


def by_duckdb(options, folder):
    import duckdb

    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    table = f"read_parquet('{folder}/train-*.parquet')"
    ask = lambda query: connection.execute(query.format(table=table)).fetchall()  # noqa: E731
    check_equal(ask("select count(*), min(id), max(id), sum(id) from {table}"),
                [(options.rows, 0, options.rows - 1, options.rows * (options.rows - 1) // 2)], "duckdb aggregates")
    number = options.rows // 2 + 1
    expected = make_dataset.row(number)
    check_equal(ask(f"select id, text, score from {{table}} where id = {number}"),
                [tuple(expected.values())], "duckdb row")
    matching = [n for n in range(options.rows) if make_dataset.row(n)["score"] >= 99.5]
    check_equal(ask("select id from {table} where score >= 99.5 order by id"), [(n,) for n in matching], "duckdb filter")


def by_pyarrow(options, folder):
    import pyarrow.dataset
    import pyarrow.parquet

    files = sorted(str(path) for path in pathlib.Path(folder).glob("train-*.parquet"))
    table = pyarrow.dataset.dataset(files, format="parquet")
    check_equal(table.count_rows(), options.rows, "pyarrow rows")
    number = options.rows - 2
    found = table.to_table(filter=pyarrow.dataset.field("id") == number).to_pylist()
    check_equal(found, [make_dataset.row(number)], "pyarrow row")
    with pyarrow.parquet.ParquetFile(files[-1], memory_map=True) as file:
        last = file.read_row_group(file.num_row_groups - 1, columns=["id"]).column("id").to_pylist()
    check_equal(last[-1], options.rows - 1, "last row of a mapped file")


def snapshot_data(options):
    from huggingface_hub import snapshot_download

    folder = pathlib.Path(snapshot_download(options.repo, repo_type="dataset")) / "data"
    check(VIEW in folder.parents, f"{folder} is not in the view")
    return folder


def again_offline():
    """The same program with HF_HUB_OFFLINE=1, on the arrow copy that datasets made."""
    command = [sys.executable, *sys.argv, "--only-cached"]
    subprocess.run(command, env={**os.environ, "HF_HUB_OFFLINE": "1"}, check=True, stdout=sys.stderr)


def main(options):
    if options.only_cached:
        by_datasets(options, ((options.repo,), {}))
        return f"{options.repo} from its copy"
    with tempfile.TemporaryDirectory() as scratch:  # several at once each make a copy of their own
        os.environ["HF_DATASETS_CACHE"] = scratch
        data = snapshot_data(options)
        if client_run.is_offline():
            files = {"train": f"{data}/train-*.parquet", "test": f"{data}/test-*.parquet"}
            by_datasets(options, (("parquet",), {"data_files": files}))
        else:
            by_datasets(options, ((options.repo,), {}))
            streamed(options)
            again_offline()
        for folder in filter(None, [data, options.parquet]):
            by_duckdb(options, folder)
            by_pyarrow(options, folder)
    return f"{options.rows} rows of {options.repo}"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="datasets, duckdb and pyarrow on a read-only HF_HUB_CACHE.")
    arguments.add_argument("repo")
    arguments.add_argument("--parquet", help="another folder with the parquet files to query")
    arguments.add_argument("--rows", type=int, default=20_000)
    arguments.add_argument("--test-rows", type=int, default=500)
    arguments.add_argument("--only-cached", action="store_true", help=argparse.SUPPRESS)
    client_run.run(arguments, main)
