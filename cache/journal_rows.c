// SPDX-License-Identifier: Apache-2.0
// SQLite checks its pages' structure but not what they say: a flipped bit in a range would
// commit wrong bytes. So each row carries a checksum of all that it says.
#include "cache/journal_rows.h"

struct cell cell_signed(int64_t number)
{
    return (struct cell){.kind = CELL_NUMBER, .number = number};
}

struct cell cell_number(uint64_t number)
{
    return cell_signed((int64_t)number);
}

struct cell cell_bytes(const void *bytes, size_t len)
{
    return (struct cell){.kind = CELL_BYTES, .bytes = bytes, .len = len};
}

struct cell cell_text(const char *text)
{
    text = text ? text : "";
    return (struct cell){.kind = CELL_TEXT, .bytes = text, .len = strlen(text)};
}

bool cell_equal(const struct cell *a, const struct cell *b)
{
    if ((a->kind == CELL_NUMBER) != (b->kind == CELL_NUMBER)) {
        return false;
    }
    if (a->kind == CELL_NUMBER) {
        return a->number == b->number;
    }
    return a->len == b->len && (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

// A cell counts with its kind and length, so that bytes cannot wander between columns.
static uint32_t checksum(const struct cell *cells, size_t n)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_number = cells[i].kind == CELL_NUMBER;
        uint8_t head[9] = {is_number ? 1 : 2};
        store_u64(head + 1, is_number ? (uint64_t)cells[i].number : cells[i].len);
        crc = crc32c(crc, head, sizeof(head));
        if (!is_number && cells[i].len > 0) {
            crc = crc32c(crc, cells[i].bytes, cells[i].len);
        }
    }
    return crc;
}

void row_bind_plain(sqlite3_stmt *statement, const struct cell *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct cell *cell = &cells[i];
        int at = (int)i + 1;
        if (cell->kind == CELL_NUMBER) {
            sqlite3_bind_int64(statement, at, cell->number);
        } else if (cell->kind == CELL_TEXT) {
            sqlite3_bind_text(statement, at, cell->bytes ? cell->bytes : "",
                              (int)cell->len, SQLITE_STATIC);
        } else {
            sqlite3_bind_blob(statement, at, cell->bytes ? cell->bytes : "",
                              (int)cell->len, SQLITE_STATIC);
        }
    }
}

void row_bind(sqlite3_stmt *statement, const struct cell *cells, size_t n)
{
    row_bind_plain(statement, cells, n);
    sqlite3_bind_int64(statement, (int)n + 1, checksum(cells, n));
}

enum err row_read(sqlite3_stmt *statement, struct cell *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int at = (int)i;
        int type = sqlite3_column_type(statement, at);
        if (type == SQLITE_INTEGER) {
            cells[i] = cell_signed(sqlite3_column_int64(statement, at));
        } else {
            const void *bytes = sqlite3_column_blob(statement, at);
            int len = sqlite3_column_bytes(statement, at);
            cells[i] = cell_bytes(bytes, bytes ? (size_t)len : 0);
            cells[i].kind = type == SQLITE_TEXT ? CELL_TEXT : CELL_BYTES;
        }
    }
    return sqlite3_column_int64(statement, (int)n) == checksum(cells, n) ? ERR_NONE
                                                                         : ERR_DAMAGED;
}

static enum err layer_from_cells(const struct cell *cells, struct journal_layer *out)
{
    *out = (struct journal_layer){
        .number = (uint32_t)cells[LAYER_NUMBER].number,
        .state = (enum journal_state)cells[LAYER_STATE].number,
        .generation = (uint64_t)cells[LAYER_GENERATION].number,
        .size = (uint64_t)cells[LAYER_SIZE].number,
        .below_valid = (uint64_t)cells[LAYER_BELOW_VALID].number,
        .mtime_ns = cells[LAYER_MTIME].number,
    };
    enum err err = range_set_decode(cells[LAYER_RANGES].bytes, cells[LAYER_RANGES].len,
                                    &out->ranges);
    return err == ERR_MALFORMED ? ERR_DAMAGED : err;
}

static enum err text_from_cell(const struct cell *cell, const char **out)
{
    char *text = malloc(cell->len + 1);
    if (!text) {
        return ERR_NO_MEMORY;
    }
    if (cell->len > 0) {
        memcpy(text, cell->bytes, cell->len);
    }
    text[cell->len] = '\0';
    *out = text;
    return ERR_NONE;
}

void inode_release(struct journal_inode *inode)
{
    range_set_release(&inode->top.ranges);
    range_set_release(&inode->flight.ranges);
    free((char *)(uintptr_t)inode->path); // made by text_from_cell()
    free((char *)(uintptr_t)inode->error);
    inode->path = NULL;
    inode->error = NULL;
}

enum err inode_from_cells(const struct cell *cells, struct journal_inode *out)
{
    struct journal_inode inode = {
        .id = (uint64_t)cells[INODE_ID].number,
        .kind = (enum journal_kind)cells[INODE_KIND].number,
        .base = cells[INODE_BASE].bytes,
        .base_len = cells[INODE_BASE].len,
        .not_before_s = cells[INODE_NOT_BEFORE].number,
        .tries = (uint32_t)cells[INODE_TRIES].number,
    };
    enum err err = layer_from_cells(cells + INODE_TOP, &inode.top);
    err = err ? err : layer_from_cells(cells + INODE_FLIGHT, &inode.flight);
    err = err ? err : text_from_cell(&cells[INODE_PATH], &inode.path);
    err = err ? err : text_from_cell(&cells[INODE_ERROR], &inode.error);
    if (err) {
        inode_release(&inode);
        return err;
    }
    *out = inode;
    return ERR_NONE;
}
