# SPDX-License-Identifier: Apache-2.0
"""pyarrow, in the venv that has it (arrow.py):

    arrow_program.py make FILE BYTES    a table of that size: 20 columns that nothing compresses, in row groups
    arrow_program.py read               for each path that comes in, reads two columns of all row groups;
                                        a line "SUM BYTES": of their values, and what they have in the file
"""

import sys

import numpy
import pyarrow
import pyarrow.compute
import pyarrow.parquet

COLUMNS = 20
WANTED = ["c03", "c11"]
ROW_GROUP = 16 << 20  # bytes


def make(path, size):
    rows = ROW_GROUP // (8 * COLUMNS)
    generator = numpy.random.default_rng(4)
    names = [f"c{number:02d}" for number in range(COLUMNS)]
    schema = pyarrow.schema([(name, pyarrow.float64()) for name in names])
    with pyarrow.parquet.ParquetWriter(path, schema, use_dictionary=False) as file:
        for _ in range(max(1, size // ROW_GROUP)):
            file.write_table(pyarrow.table({name: generator.random(rows) for name in names}, schema))


def stored_bytes(metadata):
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    return sum(column.total_compressed_size for group in groups for column in map(group.column, range(COLUMNS))
               if column.path_in_schema in WANTED)


def read(path):
    with pyarrow.parquet.ParquetFile(path, pre_buffer=True) as file:  # as read_table() does it
        table = file.read(columns=WANTED)
        stored = stored_bytes(file.metadata)
    return f"{sum(pyarrow.compute.sum(table[name]).as_py() for name in WANTED):.6f} {stored}"


def main():
    verb, *arguments = sys.argv[1:]
    if verb == "make":
        make(arguments[0], int(arguments[1]))
        return
    for line in sys.stdin:
        path = line.rstrip("\n")
        try:
            print(read(path), flush=True)
        except OSError as error:
            print("failed:", str(error).replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()
