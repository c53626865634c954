# SPDX-License-Identifier: Apache-2.0
"""The cells of the matrix, in the order in which they are measured and shown."""

from bench import programs
from bench.cell import Cell
from bench.columns import two_columns
from bench.resting import idle
from bench.saves import WRITERS, save_noise, save_readme, save_small, save_tensors
from bench.scattered import random_4k, random_4k_by, readers_at_once
from bench.sequential import sequential_or_prefetch, tensors
from bench.small import names_by, small_files
from bench.streams import backward, of_a_file_each, of_one_file, records_by, strided
from bench.trees import trees_100k, trees_1m
from bench.waiting import first_byte, first_byte_of_mount, stalled

CELLS = [
    Cell("sequential", "GB/s", sequential_or_prefetch, "big", "W1 sequential"),
    *(Cell(f"streams-{count}", "GB/s", of_one_file(count), "big", "W1 sequential") for count in (2, 4, 8)),
    Cell("files-8", "GB/s", of_a_file_each, "parts", "W1 sequential"),
    Cell("backward", "GB/s", backward, "big", "W1 sequential"),
    Cell("strided", "GB/s", strided, "big", "W1 sequential"),
    Cell("records", "GB/s", records_by(1), "big", "W6 records"),
    Cell("records-4", "GB/s", records_by(4), "big", "W6 records"),
    Cell("random-4k", "reads/s", random_4k, "big", "W2 random"),
    Cell("random-4k-16", "reads/s", random_4k_by(16), "big", "W2 random"),
    Cell("readers-64", "ms", readers_at_once(64), "big", "W2 random"),
    Cell("safetensors-mmap", "s", tensors, "tensors", "W4 tensors"),
    Cell("parquet-2-of-20", "s", two_columns, "table", "W5 parquet"),
    Cell("find", "s", names_by(programs.find, "filesystem-find"), "small", "W7 names"),
    Cell("ls-lR", "s", names_by(programs.ls), "small", "W7 names"),
    Cell("small-files", "s", small_files, "small", "W8 small files"),
    Cell("first-byte", "ms", first_byte, "big", "W10 waiting"),
    Cell("first-byte-mount", "ms", first_byte_of_mount, "big", "W10 waiting"),
    Cell("200-stalled", "us", stalled, "big", "W10 waiting"),
    Cell("idle", "MB", idle, "small", "W12 at rest"),
    Cell("save-noise", "s", save_noise, "", "saving"),
    Cell("save-tensors", "s", save_tensors, "", "saving"),
    Cell("save-small-files", "s", save_small(1), "", "saving"),
    Cell(f"save-small-files-by-{WRITERS}", "s", save_small(WRITERS), "", "saving"),
    Cell("save-readme", "ms", save_readme, "", "saving"),
    Cell("trees-100k", "s", trees_100k, "trees-100k", "trees"),
    Cell("trees-1m", "s", trees_1m, "trees-1m", "trees", is_long=True),
]
