// SPDX-License-Identifier: Apache-2.0
// Rows of journal.db as arrays of cells: bound, checksummed and read by one loop for all
// tables. The CRC-32C of a row is its last column.
#pragma once

#include "cache/cache.h"
#include "cache/sqlite_db.h"

enum cell_kind { CELL_NUMBER, CELL_BYTES, CELL_TEXT };

struct cell {
    enum cell_kind kind;
    int64_t number;
    const void *bytes; // not owned
    size_t len;
};

struct cell cell_number(uint64_t number);
struct cell cell_signed(int64_t number);
struct cell cell_bytes(const void *bytes, size_t len);
struct cell cell_text(const char *text); // NULL = ""

bool cell_equal(const struct cell *a, const struct cell *b);

// Binds cells to parameters 1..n; row_bind() the checksum to n + 1. The bytes must live
// until the statement was stepped.
void row_bind_plain(sqlite3_stmt *statement, const struct cell *cells, size_t n);
void row_bind(sqlite3_stmt *statement, const struct cell *cells, size_t n);
// The columns of a row; bytes are valid until the next step. ERR_DAMAGED when column n is
// not their checksum.
NODISCARD enum err row_read(sqlite3_stmt *statement, struct cell *cells, size_t n);

// The cells of a layer, and of an inode.
enum layer_cell {
    LAYER_NUMBER,
    LAYER_STATE,
    LAYER_GENERATION,
    LAYER_SIZE,
    LAYER_BELOW_VALID,
    LAYER_MTIME,
    LAYER_RANGES,
    LAYER_CELLS
};
enum inode_cell {
    INODE_ID,
    INODE_KIND,
    INODE_NOT_BEFORE,
    INODE_TRIES,
    INODE_TOP,
    INODE_FLIGHT = INODE_TOP + LAYER_CELLS,
    INODE_BASE = INODE_FLIGHT + LAYER_CELLS,
    INODE_PATH,
    INODE_ERROR,
    INODE_CELLS
};
// The cell of a layer, INODE_TOP or INODE_FLIGHT.
static inline int inode_layer(enum inode_cell layer, enum layer_cell cell)
{
    return (int)layer + (int)cell;
}
enum {
    NAME_CELLS = 4,  // dir, name, inode, extra
    BATCH_CELLS = 5, // id, parent, state, description, at_s
    ITEM_CELLS = 7,  // batch, position, op, path, inode, generation, extra
    META_CELLS = 2,  // key, value
    SMALL_CELLS = 4, // inode, number, ranges, bytes
};

// Takes the encodings apart: ERR_DAMAGED. inode_release() frees the ranges. `path` and
// `error` are copied to NUL-terminated strings of the inode's own.
NODISCARD enum err inode_from_cells(const struct cell *cells, struct journal_inode *out);
void inode_release(struct journal_inode *inode);
