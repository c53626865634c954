// SPDX-License-Identifier: Apache-2.0
// What is read back: the rows for fs/, and at opening what the journal itself wants of them.
#include "cache/journal_state.h"

#include <inttypes.h>
#include <stdio.h>

typedef enum err (*row_fn)(struct journal *journal, const struct cell *cells, void *ctx);

// Calls `visit` for each row of a statement whose parameters are bound.
static enum err each_row(struct journal *journal, enum journal_statement which, size_t n,
                         row_fn visit, void *ctx)
{
    sqlite3_stmt *statement = journal->db.statements[which];
    struct cell cells[INODE_CELLS];
    enum err err = ERR_NONE;
    while (!err && !(err = sql_row(statement))) {
        err = row_read(statement, cells, n);
        err = err ? err : visit(journal, cells, ctx);
    }
    sqlite3_reset(statement);
    return err == ERR_ABSENT ? ERR_NONE : err;
}

static enum err load_inode(struct journal *journal, const struct cell *cells, void *ctx)
{
    (void)journal;
    const struct journal_visitor *visitor = ctx;
    struct journal_inode inode = {0};
    enum err err = inode_from_cells(cells, &inode);
    if (!err) {
        err = visitor->inode(visitor->ctx, &inode);
        inode_release(&inode);
    }
    return err;
}

static enum err load_name(struct journal *journal, const struct cell *cells, void *ctx)
{
    (void)journal;
    const struct journal_visitor *visitor = ctx;
    return visitor->name(visitor->ctx, (uint64_t)cells[0].number,
                         cells[1].len ? cells[1].bytes : "", cells[1].len,
                         (uint64_t)cells[2].number, cells[3].bytes, cells[3].len);
}

static enum err load_meta(struct journal *journal, const struct cell *cells, void *ctx)
{
    (void)journal;
    const struct journal_visitor *visitor = ctx;
    if (cells[0].len > 0 && *(const char *)cells[0].bytes == '.') {
        return ERR_NONE; // the journal's own
    }
    AUTO_FREE char *key = strndup(cells[0].len ? cells[0].bytes : "", cells[0].len);
    return key ? visitor->meta(visitor->ctx, key, cells[1].bytes, cells[1].len)
               : ERR_NO_MEMORY;
}

struct item_visit {
    const struct journal_visitor *visitor;
    const char *batch;
};

static enum err load_item(struct journal *journal, const struct cell *cells, void *ctx)
{
    (void)journal;
    const struct item_visit *visit = ctx;
    struct journal_item item = {
        .op = (uint32_t)cells[2].number,
        .path = cells[3].len ? cells[3].bytes : "",
        .path_len = cells[3].len,
        .inode = (uint64_t)cells[4].number,
        .generation = (uint64_t)cells[5].number,
        .extra = cells[6].bytes,
        .extra_len = cells[6].len,
    };
    return visit->visitor->item(visit->visitor->ctx, visit->batch, &item);
}

static enum err load_batch(struct journal *journal, const struct cell *cells, void *ctx)
{
    const struct journal_visitor *visitor = ctx;
    AUTO_FREE char *id = strndup(cells[0].len ? cells[0].bytes : "", cells[0].len);
    AUTO_FREE char *text = strndup(cells[3].len ? cells[3].bytes : "", cells[3].len);
    if (!id || !text) {
        return ERR_NO_MEMORY;
    }
    struct journal_batch batch = {
        .id = id,
        .parent = cells[1].bytes,
        .parent_len = cells[1].len,
        .state = (uint32_t)cells[2].number,
        .description = text,
        .at_s = cells[4].number,
    };
    enum err err = visitor->batch ? visitor->batch(visitor->ctx, &batch) : ERR_NONE;
    if (!err && visitor->item) {
        struct item_visit visit = {visitor, id};
        row_bind_plain(journal->db.statements[LIST_ITEMS], cells, 1);
        err = each_row(journal, LIST_ITEMS, ITEM_CELLS, load_item, &visit);
    }
    return err;
}

enum err journal_load(struct journal *journal, const struct journal_visitor *visitor,
                      struct why *why)
{
    void *ctx = (void *)(uintptr_t)visitor;
    enum err err = ERR_NONE;
    lock_acquire(&journal->db_lock);
    if (visitor->inode) {
        err = each_row(journal, LIST_INODES, INODE_CELLS, load_inode, ctx);
    }
    if (!err && visitor->name) {
        err = each_row(journal, LIST_NAMES, NAME_CELLS, load_name, ctx);
    }
    if (!err && (visitor->batch || visitor->item)) {
        err = each_row(journal, LIST_BATCHES, BATCH_CELLS, load_batch, ctx);
    }
    if (!err && visitor->meta) {
        err = each_row(journal, LIST_METAS, META_CELLS, load_meta, ctx);
    }
    lock_release(&journal->db_lock);
    if (err == ERR_DAMAGED) {
        why_set(why, err,
                "%s is damaged; nothing was changed: `hugfs recover` saves what "
                "waits there",
                journal->path);
    }
    return err;
}

// ------------------------------------------------------------------------- NAMES.txt

// A path as one line: what is no ordinary character is written as \xNN.
static enum err append_path(struct buffer *to, const struct cell *path)
{
    enum err err = ERR_NONE;
    const uint8_t *bytes = path->bytes;
    for (size_t i = 0; i < path->len && !err; i++) {
        err = bytes[i] < ' ' || bytes[i] == 0x7f || bytes[i] == '\\'
                  ? buffer_printf(to, "\\x%02x", bytes[i])
                  : buffer_append(to, &bytes[i], 1);
    }
    return err;
}

static void append_layer_line(const struct cell *cells, const struct cell *layer,
                              struct buffer *to)
{
    enum { LINE_RANGES_MAX = 1000 };
    AUTO(range_set) struct range_set set = range_set_init();
    enum err err =
        range_set_decode(layer[LAYER_RANGES].bytes, layer[LAYER_RANGES].len, &set);
    err =
        err ? err
            : buffer_printf(to, "%016" PRIx64 ".%" PRId64 ".data = ",
                            (uint64_t)cells[INODE_ID].number, layer[LAYER_NUMBER].number);
    err = err ? err : append_path(to, &cells[INODE_PATH]);
    err =
        err ? err
            : buffer_printf(to, ", %" PRId64 " bytes, written", layer[LAYER_SIZE].number);
    for (size_t i = 0; i < set.n && i < LINE_RANGES_MAX && !err; i++) {
        err = buffer_printf(to, " %" PRIu64 "-%" PRIu64, set.ranges[i].start,
                            set.ranges[i].end);
    }
    err = err ? err
              : buffer_append_text(to, set.n > LINE_RANGES_MAX ? " and more\n" : "\n");
    (void)err; // a help for people; the row is what counts
}

void journal_names_line(const struct cell *cells, struct buffer *to)
{
    for (int at = INODE_TOP; at <= INODE_FLIGHT; at += LAYER_CELLS) {
        const struct cell *layer = cells + at;
        if (cells[INODE_KIND].number == JOURNAL_FILE && layer[LAYER_NUMBER].number != 0 &&
            layer[LAYER_STATE].number >= JOURNAL_SEALED) {
            append_layer_line(cells, layer, to);
        }
    }
}

void journal_append_names(struct journal *journal)
{
    staging_names_append(journal->staging, journal->names_lines.bytes,
                         journal->names_lines.len);
    buffer_clear(&journal->names_lines);
}

static enum err name_row(struct journal *journal, const struct cell *cells, void *ctx)
{
    (void)ctx;
    journal_names_line(cells, &journal->names_lines);
    journal_append_names(journal);
    return ERR_NONE;
}

void journal_write_names(struct journal *journal)
{
    buffer_clear(&journal->names_lines);
    staging_names_begin(journal->staging);
    enum err err = each_row(journal, LIST_INODES, INODE_CELLS, name_row, NULL);
    (void)err; // then it holds what could be read
    staging_names_end(journal->staging);
}

// ------------------------------------------------------------------------ at opening

// A file that no row names was never sealed, or its removal was interrupted.
static enum err check_file(void *ctx, uint64_t id, uint32_t number)
{
    struct journal *journal = ctx;
    sqlite3_stmt *get = journal->db.statements[GET_INODE];
    struct cell row[INODE_CELLS];
    const struct cell key = cell_number(id);
    row_bind_plain(get, &key, 1);
    enum err err = sql_row(get);
    err = err ? err : row_read(get, row, INODE_CELLS);
    bool is_named =
        !err && (row[inode_layer(INODE_TOP, LAYER_NUMBER)].number == number ||
                 row[inode_layer(INODE_FLIGHT, LAYER_NUMBER)].number == number);
    sqlite3_reset(get);
    if (!is_named && (!err || err == ERR_ABSENT)) {
        staging_remove(journal->staging, id, number);
    }
    return err == ERR_ABSENT ? ERR_NONE : err;
}

enum err journal_take_stock(struct journal *journal, uint64_t first_id, struct why *why)
{
    sqlite3 *db = journal->db.db;
    int64_t last = 0;
    journal_db_watch(&journal->db);
    enum err err =
        sql_query_i64(db, "SELECT count(*) FROM inode", &journal->counts.inodes);
    err = err ? err
              : sql_query_i64(db, "SELECT count(*) FROM name", &journal->counts.names);
    err = err ? err
              : sql_query_i64(db, "SELECT count(*) FROM batch", &journal->counts.batches);
    err =
        err ? err
            : sql_query_i64(db, "SELECT ifnull(max(seq), 0) FROM sqlite_sequence", &last);
    uint64_t next = (uint64_t)last + 1;
    atomic_store(&journal->next_id, next > first_id ? next : first_id);
    err = err ? err : journal_restore_small(&journal->db, journal->staging, why);
    return err ? err : staging_each(journal->staging, check_file, journal);
}
