#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a small parquet dataset, the same bytes of content every time.

Row n can be computed from n alone (`row()`), so whoever reads the dataset through a view knows
what it must say without having the files: datasets_client.py does.

    make_dataset.py FOLDER [--rows 20000] [--shards 2] [--test-rows 500]
"""

import argparse
import hashlib
import pathlib

import pyarrow
import pyarrow.parquet

SCHEMA = pyarrow.schema([("id", pyarrow.int64()), ("text", pyarrow.string()), ("score", pyarrow.float64())])
ROW_GROUP = 2000
CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
  - split: test
    path: data/test-*
---
Generated.
"""


def row(number):
    """Row `number` of a split that starts at 0 (train) or at 1,000,000,000 (test)."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return {"id": number, "text": digest * (1 + number % 3), "score": (number * 7919 % 10_000) / 100}


FIRST_TEST_ROW = 1_000_000_000


def _write(path, numbers):
    rows = [row(number) for number in numbers]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, SCHEMA), path, row_group_size=ROW_GROUP)


def make(folder, rows=20_000, shards=2, test_rows=500):
    """Fill `folder` with README.md and data/*.parquet."""
    data = pathlib.Path(folder) / "data"
    data.mkdir(parents=True, exist_ok=True)
    (data.parent / "README.md").write_text(CARD)
    for shard in range(shards):
        numbers = range(rows * shard // shards, rows * (shard + 1) // shards)
        _write(data / f"train-{shard:05}-of-{shards:05}.parquet", numbers)
    _write(data / "test-00000-of-00001.parquet", range(FIRST_TEST_ROW, FIRST_TEST_ROW + test_rows))


def main():
    parser = argparse.ArgumentParser(description="Write a small parquet dataset.")
    parser.add_argument("folder")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--test-rows", type=int, default=500)
    options = parser.parse_args()
    make(options.folder, options.rows, options.shards, options.test_rows)


if __name__ == "__main__":
    main()
