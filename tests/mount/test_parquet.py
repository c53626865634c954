# SPDX-License-Identifier: Apache-2.0
"""Parquet through the mount of the whole Hub: datasets, duckdb and pyarrow, and what they fetch."""

import subprocess

import pytest
from client_programs import PROGRAMS, python_of, run

ROWS = 40_000
SUM = ROWS * (ROWS - 1) // 2
CHUNK = 128 << 10  # the longest a Xet chunk can be


@pytest.fixture(scope="module")
def converted(_hub_process, tmp_path_factory):
    """datasets/acme/wide: one parquet file of 16 MB at refs/convert/parquet; its size."""
    folder = tmp_path_factory.mktemp("wide")
    path = folder / "default" / "train" / "0000.parquet"
    subprocess.run([python_of("newest"), PROGRAMS / "column_client.py", "make", path], check=True)
    _hub_process.repo("acme/wide", type="dataset")
    _hub_process.ref("acme/wide", "refs/convert/parquet", _hub_process.head("acme/wide", "dataset"), type="dataset")
    _hub_process.official("upload", "acme/wide", folder, ".", "--repo-type", "dataset", "--revision", "refs/convert/parquet")
    return path.stat().st_size


@pytest.mark.parametrize("engine", ["duckdb", "pyarrow"])
def test_one_column_costs_the_footer_and_that_column(mount, converted, wire, engine):
    made = mount("hf://")
    folder = made / "datasets/acme/wide@refs%2Fconvert%2Fparquet/default/train"
    wire.mark()
    asked = [python_of("newest"), PROGRAMS / "column_client.py", "query", folder, engine]
    done = subprocess.run(asked, check=True, capture_output=True, text=True)
    assert int(done.stdout) == SUM
    # The column is 160 KB in four pieces far from each other: each, the footer and the magic cost
    # the chunks that they touch. The kernel reads ahead up to 128 KiB around each.
    assert wire.xorb_bytes() < 14 * CHUNK < converted / 8
    assert wire.count("lfs-get", "xet-bridge") == 0


@pytest.fixture(scope="module")
def rows(_hub_process, tmp_path_factory):
    """datasets/acme/rows, the dataset that datasets_client.py knows by heart; its folder."""
    folder = tmp_path_factory.mktemp("rows")
    subprocess.run([python_of("newest"), PROGRAMS / "make_dataset.py", folder], check=True)
    _hub_process.upload(folder, "acme/rows", "dataset")
    return folder


def test_datasets_loads_by_id_and_queries_work_on_both_paths(mount, rows):
    made = mount("hf://")
    run("datasets_client.py", made, "acme/rows", "--parquet", made / "datasets/acme/rows/data", venv="newest")


@pytest.mark.slow
def test_datasets_work_offline_from_four_processes(mount, rows):
    made = mount("hf://")
    parquet = made / "datasets/acme/rows/data"
    run("datasets_client.py", made, "acme/rows", "--parquet", parquet, venv="newest")
    made.cli("offline", made.path)
    run("datasets_client.py", made, "acme/rows", "--parquet", parquet, "--processes", 4, venv="newest", offline=True)
