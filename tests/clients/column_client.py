#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""duckdb and pyarrow ask for one narrow column of a parquet file that is mostly another.

    column_client.py make FILE [--rows N]      write the file: "n" is small, "noise" is nearly all of it
    column_client.py query FOLDER ENGINE       sum of "n" over FOLDER/*.parquet, by duckdb or pyarrow; prints it
"""

import pathlib
import sys

ROWS = 40_000
ROW_GROUP = 10_000


def make(path, rows=ROWS):
    import numpy
    import pyarrow
    import pyarrow.parquet

    noise = numpy.random.default_rng(1)
    columns = {
        "n": pyarrow.array(range(rows), pyarrow.int32()),
        "noise": pyarrow.array([noise.bytes(400) for _ in range(rows)], pyarrow.binary()),
    }
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path, row_group_size=ROW_GROUP, use_dictionary=False)


def query(folder, engine):
    if engine == "duckdb":
        import duckdb

        connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        return connection.execute(f"select sum(n) from read_parquet('{folder}/*.parquet')").fetchone()[0]
    import pyarrow.compute
    import pyarrow.parquet

    files = sorted(pathlib.Path(folder).glob("*.parquet"))
    return sum(pyarrow.compute.sum(pyarrow.parquet.read_table(file, columns=["n"])["n"]).as_py() for file in files)


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "make":
        make(rest[0])
    else:
        print(query(*rest))
