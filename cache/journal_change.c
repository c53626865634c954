// SPDX-License-Identifier: Apache-2.0
// Builds changes. Nothing of a change points outside of it, so the submitter may go on at
// once. Errors are remembered until the end: a change with one is never stored in part.
#include "cache/journal_change.h"

struct block {
    struct block *next;
    uint8_t bytes[];
};

struct journal_change *journal_change_new(void)
{
    struct journal_change *change = calloc(1, sizeof(*change));
    if (change) {
        change->end = &change->first;
    }
    return change;
}

void journal_change_free(struct journal_change *change)
{
    if (!change) {
        return;
    }
    while (change->first) {
        struct op *op = change->first;
        change->first = op->next;
        if (op->fd >= 0) {
            close(op->fd);
        }
        free(op);
    }
    while (change->blocks) {
        struct block *block = change->blocks;
        change->blocks = block->next;
        free(block);
    }
    free(change);
}

static void fail(struct journal_change *change, enum err err)
{
    if (change && !change->err) {
        change->err = err;
    }
}

void *journal_change_take(struct journal_change *change, size_t len)
{
    struct block *block = malloc(sizeof(*block) + len);
    if (!block) {
        fail(change, ERR_NO_MEMORY);
        return NULL;
    }
    block->next = change->blocks;
    change->blocks = block;
    change->bytes += len;
    return block->bytes;
}

static bool keep(struct journal_change *change, struct cell *cell)
{
    if (cell->kind == CELL_NUMBER || cell->len == 0) {
        return true;
    }
    void *copy = journal_change_take(change, cell->len);
    if (copy) {
        memcpy(copy, cell->bytes, cell->len);
        cell->bytes = copy;
    }
    return copy != NULL;
}

static struct op *add(struct journal_change *change, enum op_kind kind,
                      const struct cell *cells, size_t n)
{
    if (!change || change->err) {
        return NULL;
    }
    struct op *op = calloc(1, sizeof(*op) + n * sizeof(*cells));
    if (!op) {
        fail(change, ERR_NO_MEMORY);
        return NULL;
    }
    op->kind = kind;
    op->fd = -1;
    op->n = n;
    *change->end = op;
    change->end = &op->next;
    change->bytes += sizeof(*op) + n * sizeof(*cells);
    for (size_t i = 0; i < n; i++) {
        op->cells[i] = cells[i];
        if (!keep(change, &op->cells[i])) {
            op->cells[i] = cell_bytes(NULL, 0);
            return NULL;
        }
    }
    return op;
}

// `encoded` holds the ranges until the cells were copied.
static enum err fill_layer(const struct journal_layer *layer, struct buffer *encoded,
                           struct cell cells[LAYER_CELLS])
{
    enum err err = range_set_encode(&layer->ranges, encoded);
    cells[LAYER_NUMBER] = cell_number(layer->number);
    cells[LAYER_STATE] = cell_signed((int64_t)layer->state);
    cells[LAYER_GENERATION] = cell_number(layer->generation);
    cells[LAYER_SIZE] = cell_number(layer->size);
    cells[LAYER_BELOW_VALID] = cell_number(layer->below_valid);
    cells[LAYER_MTIME] = cell_signed(layer->mtime_ns);
    cells[LAYER_RANGES] = cell_bytes(encoded->bytes, encoded->len);
    return err;
}

void journal_change_put_inode(struct journal_change *change,
                              const struct journal_inode *inode)
{
    struct cell cells[INODE_CELLS];
    AUTO(buffer) struct buffer top = buffer_init(RANGE_SET_BYTES_MAX);
    AUTO(buffer) struct buffer flight = buffer_init(RANGE_SET_BYTES_MAX);
    enum err err = fill_layer(&inode->top, &top, cells + INODE_TOP);
    err = err ? err : fill_layer(&inode->flight, &flight, cells + INODE_FLIGHT);
    cells[INODE_ID] = cell_number(inode->id);
    cells[INODE_KIND] = cell_signed((int64_t)inode->kind);
    cells[INODE_NOT_BEFORE] = cell_signed(inode->not_before_s);
    cells[INODE_TRIES] = cell_number(inode->tries);
    cells[INODE_BASE] = cell_bytes(inode->base, inode->base_len);
    cells[INODE_PATH] = cell_text(inode->path);
    cells[INODE_ERROR] = cell_text(inode->error);
    if (!err && (inode->base_len > JOURNAL_BASE_MAX ||
                 cells[INODE_PATH].len + cells[INODE_ERROR].len > JOURNAL_VALUE_MAX)) {
        err = ERR_TOO_LARGE;
    }
    if (err) {
        fail(change, err);
        return;
    }
    add(change, OP_PUT_INODE, cells, INODE_CELLS);
}

void journal_change_drop_inode(struct journal_change *change, uint64_t id)
{
    add(change, OP_DROP_INODE, (struct cell[]){cell_number(id)}, 1);
}

void journal_change_put_name(struct journal_change *change, uint64_t dir,
                             const char *name, size_t len, uint64_t inode,
                             const void *extra, size_t extra_len)
{
    const struct cell cells[] = {cell_number(dir), cell_bytes(name, len),
                                 cell_number(inode), cell_bytes(extra, extra_len)};
    if (extra_len > JOURNAL_VALUE_MAX) {
        fail(change, ERR_TOO_LARGE);
        return;
    }
    add(change, OP_PUT_NAME, cells, NAME_CELLS);
}

void journal_change_drop_name(struct journal_change *change, uint64_t dir,
                              const char *name, size_t len)
{
    add(change, OP_DROP_NAME, (struct cell[]){cell_number(dir), cell_bytes(name, len)},
        2);
}

void journal_change_move_state(struct journal_change *change, uint64_t id,
                               uint64_t generation, enum journal_state from,
                               enum journal_state to, const char *error,
                               int64_t not_before_s, uint32_t tries)
{
    const struct cell cells[MOVE_CELLS] = {
        [MOVE_ID] = cell_number(id),
        [MOVE_GENERATION] = cell_number(generation),
        [MOVE_FROM] = cell_signed((int64_t)from),
        [MOVE_TO] = cell_signed((int64_t)to),
        [MOVE_ERROR] = cell_text(error),
        [MOVE_NOT_BEFORE] = cell_signed(not_before_s),
        [MOVE_TRIES] = cell_number(tries),
    };
    if (cells[MOVE_ERROR].len > JOURNAL_VALUE_MAX) {
        fail(change, ERR_TOO_LARGE);
        return;
    }
    if (add(change, OP_MOVE, cells, MOVE_CELLS) && to == JOURNAL_COMMITTING) {
        change->durable = true; // (4): before the request is sent
    }
}

void journal_change_put_batch(struct journal_change *change,
                              const struct journal_batch *batch,
                              const struct journal_item *items, size_t n)
{
    const struct cell cells[BATCH_CELLS] = {
        cell_text(batch->id),      cell_bytes(batch->parent, batch->parent_len),
        cell_number(batch->state), cell_text(batch->description),
        cell_signed(batch->at_s),
    };
    bool is_too_large =
        batch->parent_len > JOURNAL_VALUE_MAX || cells[3].len > JOURNAL_VALUE_MAX;
    add(change, OP_PUT_BATCH, cells, BATCH_CELLS);
    for (size_t i = 0; i < n; i++) {
        const struct cell item[ITEM_CELLS] = {
            cell_text(batch->id),
            cell_number(i),
            cell_number(items[i].op),
            cell_bytes(items[i].path, items[i].path_len),
            cell_number(items[i].inode),
            cell_number(items[i].generation),
            cell_bytes(items[i].extra, items[i].extra_len),
        };
        is_too_large = is_too_large || items[i].path_len > JOURNAL_VALUE_MAX ||
                       items[i].extra_len > JOURNAL_VALUE_MAX;
        add(change, OP_PUT_ITEM, item, ITEM_CELLS);
    }
    if (is_too_large) {
        fail(change, ERR_TOO_LARGE);
    }
}

void journal_change_drop_batch(struct journal_change *change, const char *id)
{
    add(change, OP_DROP_BATCH, (struct cell[]){cell_text(id)}, 1);
}

void journal_change_put_meta(struct journal_change *change, const char *key,
                             const void *value, size_t len)
{
    if (len > JOURNAL_VALUE_MAX) {
        fail(change, ERR_TOO_LARGE);
        return;
    }
    add(change, OP_PUT_META, (struct cell[]){cell_text(key), cell_bytes(value, len)},
        META_CELLS);
}

void journal_change_drop_meta(struct journal_change *change, const char *key)
{
    add(change, OP_DROP_META, (struct cell[]){cell_text(key)}, 1);
}

void journal_change_sync(struct journal_change *change, uint64_t id, uint32_t number,
                         int fd)
{
    const struct cell cells[SMALL_CELLS] = {cell_number(id), cell_number(number),
                                            cell_bytes(NULL, 0), cell_bytes(NULL, 0)};
    struct op *op = add(change, OP_SYNC, cells, SMALL_CELLS);
    if (op) {
        op->caller_fd = fd;
    }
}

void journal_change_remove_staging(struct journal_change *change, uint64_t id,
                                   uint32_t number)
{
    const struct cell cells[] = {cell_number(id), cell_number(number)};
    if (add(change, OP_REMOVE_STAGING, cells, 2)) {
        change->durable = true; // (2): a power cut must not bring the row back
    }
}

size_t journal_change_synced(const struct journal_change *change, int64_t id,
                             uint32_t *out_numbers, size_t max)
{
    size_t n = 0;
    for (const struct op *op = change->first; op && n < max; op = op->next) {
        if (op->kind == OP_SYNC && op->cells[0].number == id) {
            out_numbers[n++] = (uint32_t)op->cells[1].number;
        }
    }
    return n;
}

void journal_change_finish(struct journal_change *change, enum err err, bool queued,
                           const char *sentence)
{
    journal_done_fn done = change->done;
    if (done) {
        change->done = NULL;
        struct journal_result result = {err, queued, sentence ? sentence : ""};
        done(change->ctx, &result);
    }
}
