// SPDX-License-Identifier: Apache-2.0
// One transaction for many changes. A change that turns out not to apply is marked and the
// transaction begins again without it: that is rare, and so nothing needs savepoints, whose
// pages SQLite may put into a temporary file.
#include "cache/journal_state.h"

#include <assert.h>

enum { SYNCED_MAX = 4 };

// A rule is broken: a mistake of ours, found before it is stored.
static void refuse(struct journal_change *change, const char *rule)
{
    log_error("cache", "journal: %s", rule);
    assert(!rule);
    change->err =
        why_set(&change->why, ERR_SYSTEM, "the journal refused a change: %s", rule);
}

// The row of an inode; the cells are valid until the statement is reset. ERR_ABSENT.
static enum err get_inode(struct journal *journal, const struct cell *id,
                          struct cell cells[INODE_CELLS])
{
    sqlite3_stmt *get = journal->db.statements[GET_INODE];
    sqlite3_reset(get);
    row_bind_plain(get, id, 1);
    enum err err = sql_row(get);
    return err ? err : row_read(get, cells, INODE_CELLS);
}

static void end_get(struct journal *journal)
{
    sqlite3_reset(journal->db.statements[GET_INODE]);
}

static bool exists(struct journal *journal, enum journal_statement which,
                   const struct cell *cells, size_t n)
{
    sqlite3_stmt *find = journal->db.statements[which];
    row_bind_plain(find, cells, n);
    enum err err = sql_row(find);
    sqlite3_reset(find);
    return err == ERR_NONE;
}

// Deletes and says how many rows that were.
static enum err drop(struct journal *journal, enum journal_statement which,
                     const struct cell *cells, size_t n, int64_t *out_rows)
{
    enum err err = journal_db_run(&journal->db, which, cells, n);
    *out_rows = err ? 0 : sqlite3_changes64(journal->db.db);
    return err;
}

// (8) A layer under way moves by move_state alone: a row that is put keeps its stored state.
static void keep_states(const struct cell *old, struct cell *row)
{
    static const int layers[] = {INODE_TOP, INODE_FLIGHT};
    for (size_t i = 0; i < 4; i++) {
        const struct cell *before = old + layers[i / 2];
        struct cell *layer = row + layers[i % 2];
        int64_t state = before[LAYER_STATE].number;
        if (before[LAYER_GENERATION].number != 0 && state >= JOURNAL_UPLOADING &&
            state <= JOURNAL_COMMITTING &&
            cell_equal(&before[LAYER_GENERATION], &layer[LAYER_GENERATION])) {
            layer[LAYER_STATE] = before[LAYER_STATE];
        }
    }
}

static enum err put_inode(struct journal *journal, struct journal_change *change,
                          const struct op *op)
{
    uint32_t numbers[SYNCED_MAX];
    struct journal_synced synced = {numbers, 0};
    synced.n =
        journal_change_synced(change, op->cells[INODE_ID].number, numbers, SYNCED_MAX);
    struct cell row[INODE_CELLS];
    struct cell old[INODE_CELLS];
    memcpy(row, op->cells, sizeof(row));
    enum err err = get_inode(journal, &row[INODE_ID], old);
    bool is_new = err == ERR_ABSENT;
    if (err && !is_new) {
        end_get(journal);
        return err;
    }
    if (!is_new) {
        keep_states(old, row);
    }
    const char *wrong = journal_rule_put(is_new ? NULL : old, row, &synced);
    end_get(journal);
    if (wrong) {
        refuse(change, wrong);
        return ERR_NONE;
    }
    journal->counts.inodes += is_new;
    journal_names_line(row, &journal->names_lines);
    return journal_db_put(&journal->db, PUT_INODE, row, INODE_CELLS);
}

static enum err drop_inode(struct journal *journal, struct journal_change *change,
                           const struct op *op)
{
    struct cell old[INODE_CELLS];
    enum err err = get_inode(journal, &op->cells[0], old);
    const char *wrong = err ? NULL : journal_rule_drop(old);
    end_get(journal);
    if (wrong) {
        refuse(change, wrong);
    }
    if (err || wrong) {
        return err == ERR_ABSENT ? ERR_NONE : err;
    }
    journal->counts.inodes--;
    err = journal_db_run(&journal->db, DROP_INODE, op->cells, 1);
    return err ? err : journal_db_run(&journal->db, DROP_SMALLS, op->cells, 1);
}

// (8): ERR_STALE when the layer is not as the submitter thought.
static enum err check_move(struct journal *journal, struct journal_change *change,
                           const struct op *op, const struct cell *row,
                           enum inode_cell at)
{
    const struct cell *layer = row + at;
    if (!cell_equal(&layer[LAYER_STATE], &op->cells[MOVE_FROM])) {
        enum journal_state is = (enum journal_state)layer[LAYER_STATE].number;
        change->err = why_set(
            &change->why, ERR_STALE, "the file is %s, not %s", journal_state_name(is),
            journal_state_name((enum journal_state)op->cells[MOVE_FROM].number));
        return ERR_ABSENT;
    }
    uint32_t numbers[SYNCED_MAX];
    struct journal_synced synced = {numbers, 0};
    synced.n =
        journal_change_synced(change, op->cells[MOVE_ID].number, numbers, SYNCED_MAX);
    bool in_batch = exists(journal, FIND_ITEM, op->cells, 2);
    const char *wrong = journal_rule_move(
        row, at, (enum journal_state)op->cells[MOVE_TO].number, &synced, in_batch);
    if (wrong) {
        refuse(change, wrong);
        return ERR_ABSENT;
    }
    return ERR_NONE;
}

static enum err move(struct journal *journal, struct journal_change *change,
                     const struct op *op)
{
    struct cell row[INODE_CELLS];
    enum err err = get_inode(journal, &op->cells[MOVE_ID], row);
    const struct cell *generation = &op->cells[MOVE_GENERATION];
    int at = -1;
    if (!err && cell_equal(&row[inode_layer(INODE_TOP, LAYER_GENERATION)], generation)) {
        at = INODE_TOP;
    } else if (!err && cell_equal(&row[inode_layer(INODE_FLIGHT, LAYER_GENERATION)],
                                  generation)) {
        at = INODE_FLIGHT;
    }
    if (at < 0) {
        end_get(journal);
        if (!err || err == ERR_ABSENT) {
            change->err = why_set(&change->why, ERR_STALE, "the file changed meanwhile");
            err = ERR_NONE;
        }
        return err;
    }
    err = check_move(journal, change, op, row, (enum inode_cell)at);
    if (!err) {
        row[at + LAYER_STATE] = op->cells[MOVE_TO];
        row[INODE_ERROR] = op->cells[MOVE_ERROR];
        row[INODE_NOT_BEFORE] = op->cells[MOVE_NOT_BEFORE];
        row[INODE_TRIES] = op->cells[MOVE_TRIES];
        // The row's bytes are the statement's: it is reset after the row was written.
        err = journal_db_put(&journal->db, PUT_INODE, row, INODE_CELLS);
    }
    end_get(journal);
    return err == ERR_ABSENT ? ERR_NONE : err;
}

static enum err put_name(struct journal *journal, const struct op *op)
{
    int64_t rows = 0;
    enum err err = drop(journal, DROP_NAME, op->cells, 2, &rows);
    journal->counts.names += 1 - rows;
    return err ? err : journal_db_put(&journal->db, PUT_NAME, op->cells, NAME_CELLS);
}

static enum err drop_name(struct journal *journal, const struct op *op)
{
    int64_t rows = 0;
    enum err err = drop(journal, DROP_NAME, op->cells, 2, &rows);
    journal->counts.names -= rows;
    return err;
}

static enum err put_batch(struct journal *journal, const struct op *op)
{
    journal->counts.batches = -1; // counted again when it is stored
    enum err err = journal_db_run(&journal->db, DROP_ITEMS, op->cells, 1);
    return err ? err : journal_db_put(&journal->db, PUT_BATCH, op->cells, BATCH_CELLS);
}

static enum err drop_batch(struct journal *journal, struct journal_change *change,
                           const struct op *op)
{
    if (exists(journal, FIND_COMMITTING, op->cells, 1)) {
        refuse(change, "(5) a batch vanished while its commit was not answered");
        return ERR_NONE;
    }
    journal->counts.batches = -1;
    enum err err = journal_db_run(&journal->db, DROP_ITEMS, op->cells, 1);
    return err ? err : journal_db_run(&journal->db, DROP_BATCH, op->cells, 1);
}

static enum err sync_small(struct journal *journal, const struct op *op)
{
    return op->is_small ? journal_db_put(&journal->db, PUT_SMALL, op->cells, SMALL_CELLS)
                        : journal_db_run(&journal->db, DROP_SMALL, op->cells, 2);
}

static enum err remove_staging(struct journal *journal, struct journal_change *change,
                               const struct op *op)
{
    struct cell row[INODE_CELLS];
    enum err err = get_inode(journal, &op->cells[0], row);
    const char *wrong =
        err ? NULL : journal_rule_remove_staging(row, (uint32_t)op->cells[1].number);
    end_get(journal);
    if (wrong) {
        refuse(change, wrong);
    }
    if (wrong || (err && err != ERR_ABSENT)) {
        return wrong ? ERR_NONE : err;
    }
    return journal_db_run(&journal->db, DROP_SMALL, op->cells, 2);
}

static enum err apply_op(struct journal *journal, struct journal_change *change,
                         const struct op *op)
{
    switch (op->kind) {
    case OP_PUT_INODE:
        return put_inode(journal, change, op);
    case OP_DROP_INODE:
        return drop_inode(journal, change, op);
    case OP_PUT_NAME:
        return put_name(journal, op);
    case OP_DROP_NAME:
        return drop_name(journal, op);
    case OP_MOVE:
        return move(journal, change, op);
    case OP_PUT_BATCH:
        return put_batch(journal, op);
    case OP_PUT_ITEM:
        return journal_db_put(&journal->db, PUT_ITEM, op->cells, ITEM_CELLS);
    case OP_DROP_BATCH:
        return drop_batch(journal, change, op);
    case OP_PUT_META:
        return journal_db_put(&journal->db, PUT_META, op->cells, META_CELLS);
    case OP_DROP_META:
        return journal_db_run(&journal->db, DROP_META, op->cells, 1);
    case OP_SYNC:
        return sync_small(journal, op);
    case OP_REMOVE_STAGING:
        return remove_staging(journal, change, op);
    }
    return ERR_SYSTEM;
}

// *out_again: a change did not apply; the transaction has to begin again without it.
static enum err apply_all(struct journal *journal, bool *out_again)
{
    enum err err = sql_exec(journal->db.db, "BEGIN IMMEDIATE");
    for (struct journal_change *change = journal->line; change && !err;
         change = change->next) {
        if (change->err) {
            continue;
        }
        for (const struct op *op = change->first; op && !err && !change->err;
             op = op->next) {
            err = apply_op(journal, change, op);
        }
        *out_again = *out_again || (!err && change->err);
    }
    return err;
}

enum err journal_apply(struct journal *journal)
{
    const struct journal_counts counts = journal->counts;
    enum err err = ERR_NONE;
    bool again = true;
    while (again && !err) {
        again = false;
        journal->counts = counts;
        buffer_clear(&journal->names_lines);
        err = apply_all(journal, &again);
        if (!err && !again) {
            CRASH_POINT("journal.commit");
            err = sql_exec(journal->db.db, "COMMIT");
        }
        if (err || again) {
            // After some errors SQLite has rolled back already.
            enum err rolled = sqlite3_get_autocommit(journal->db.db)
                                  ? ERR_NONE
                                  : sql_exec(journal->db.db, "ROLLBACK");
            err = err ? err : rolled;
            journal->counts = counts;
        }
    }
    return err;
}
