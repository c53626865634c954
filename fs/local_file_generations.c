// SPDX-License-Identifier: Apache-2.0
// A local file's generations: sealed into the journal, frozen, landed or thawed (local_file.c says
// how layers lie).
#include "fs/local_file_inside.h"

#include <errno.h>

// ------------------------------------------------------------------------- the journal

static struct journal_layer row_of(const struct layer *layer, enum journal_state state)
{
    return (struct journal_layer){
        .number = layer->number,
        .state = state,
        .generation = layer->generation,
        .size = layer->size,
        .below_valid = layer->below_valid,
        .mtime_ns = layer->mtime_ns,
        .ranges = layer->ranges,
    };
}

static void seal(struct local_file *file, struct journal_change *change)
    REQUIRES(file->lock)
{
    journal_change_sync(change, file->id, file->top.number, file->top.fd);
    file->top.generation = file->generation;
    file->top.size = file->size;
    file->top.mtime_ns = file->mtime_ns;
    file->top.is_sealed = true;
    file->is_dirty = false;
}

void local_file_put_row(struct local_file *file, struct journal_change *change,
                        const struct local_file_row *row)
{
    lock_acquire(&file->lock);
    if (file->is_dirty && has_layer(&file->top)) {
        seal(file, change);
    }
    struct journal_inode inode = {
        .id = file->id,
        .kind = JOURNAL_FILE,
        .base = row->base,
        .base_len = row->base_len,
        .path = row->path,
        .error = row->error,
    };
    bool has_top = is_sealed(&file->top);
    if (has_top) {
        inode.top = row_of(&file->top, row->state);
    }
    if (has_layer(&file->flight)) {
        struct journal_layer flight = row_of(&file->flight, JOURNAL_SEALED);
        if (has_top) {
            inode.flight = flight;
        } else {
            inode.top = flight;
            inode.top.state = row->state;
        }
    }
    if (!has_top && !has_layer(&file->flight)) {
        inode.top = (struct journal_layer){.state = row->state,
                                           .generation = file->generation,
                                           .size = file->size,
                                           .below_valid = file->size,
                                           .mtime_ns = file->mtime_ns};
    }
    journal_change_put_inode(change, &inode); // copies, ranges too
    lock_release(&file->lock);
}

void local_file_drop_staging(struct local_file *file, struct journal_change *change)
{
    lock_acquire(&file->lock);
    if (has_layer(&file->top)) {
        journal_change_remove_staging(change, file->id, file->top.number);
    }
    if (has_layer(&file->flight)) {
        journal_change_remove_staging(change, file->id, file->flight.number);
    }
    lock_release(&file->lock);
}

// ---------------------------------------------------------------------- the committer

bool local_file_freeze(struct local_file *file, uint64_t generation)
{
    lock_acquire(&file->lock);
    bool may =
        file->generation == generation && !file->is_dirty && !has_layer(&file->flight);
    if (may && is_sealed(&file->top)) {
        file->flight = file->top;
        file->top = local_file_no_layer();
    }
    lock_release(&file->lock);
    return may;
}

// Copies what the top has into the staging file below it: until the row says otherwise the top
// still lies over the same bytes.
static enum err merge_down(struct local_file *file, struct why *why) REQUIRES(file->lock)
{
    enum { BLOCK = 1 << 20 };
    AUTO_FREE uint8_t *block = malloc(BLOCK);
    struct layer *flight = &file->flight;
    const struct layer *top = &file->top;
    struct range_set merged = range_set_init();
    enum err err =
        block == NULL ? ERR_NO_MEMORY : range_set_copy(&flight->ranges, &merged);
    range_set_clip(&merged, top->below_valid);
    if (err == ERR_NONE && top->ranges.n > 0) {
        uint64_t end = top->ranges.ranges[top->ranges.n - 1].end;
        err = local_file_make_room(file, flight, end, top->ranges.n, why);
    }
    for (size_t i = 0; i < top->ranges.n && err == ERR_NONE; i++) {
        struct byte_range range = top->ranges.ranges[i];
        err = range_set_add(&merged, range.start, range.end);
        for (uint64_t at = range.start; at < range.end && err == ERR_NONE;) {
            size_t n = range.end - at < BLOCK ? (size_t)(range.end - at) : BLOCK;
            err = file_pread(top->fd, block, n, at);
            if (err == ERR_NONE) {
                err = file_pwrite(flight->fd, block, n, at);
            }
            at += n;
        }
    }
    if (err != ERR_NONE) {
        range_set_release(&merged);
        return why_set(why, err, "two layers of a file could not be merged: %s",
                       strerror(errno));
    }
    range_set_release(&flight->ranges);
    flight->ranges = merged;
    flight->below_valid =
        flight->below_valid < top->below_valid ? flight->below_valid : top->below_valid;
    if (top->is_sealed) { // else it is dirty, and the next row seals it; or it is nothing
        flight->size = top->size;
        flight->generation = top->generation;
        flight->mtime_ns = top->mtime_ns;
    }
    return ERR_NONE;
}

enum err local_file_thaw(struct local_file *file, struct journal_change *change,
                         struct why *why, uint32_t *out_gone)
{
    enum err err = ERR_NONE;
    *out_gone = 0;
    lock_acquire(&file->lock);
    bool has_both = has_layer(&file->flight) && has_layer(&file->top);
    bool says_all = file->top.below_valid == 0 && (file->top.is_sealed || file->is_dirty);
    if (has_both && says_all) {
        *out_gone = file->flight.number;
        local_file_release_layer(file, &file->flight);
    } else if (has_both) {
        local_file_end_scan(&file->flight);
        err = merge_down(file, why);
        if (err == ERR_NONE) {
            journal_change_sync(change, file->id, file->flight.number, file->flight.fd);
            *out_gone = file->top.number;
            local_file_release_layer(file, &file->top);
        }
    }
    if (err == ERR_NONE && has_layer(&file->flight)) {
        file->top = file->flight;
        file->flight = local_file_no_layer();
    }
    lock_release(&file->lock);
    return err;
}

static enum err set_base(struct local_file *file, const struct file_version *version)
    REQUIRES(file->lock)
{
    struct file_version copy = {.path = NULL};
    enum err err = version != NULL ? file_version_copy(version, &copy) : ERR_NONE;
    if (err != ERR_NONE) {
        return err;
    }
    if (file->content != NULL) {
        content_discard(file->parts.contents, file->content);
        file->content = NULL;
    }
    if (file->has_base) {
        file_version_release(&file->base);
    }
    file->base = copy;
    file->has_base = version != NULL;
    return ERR_NONE;
}

enum err local_file_landed(struct local_file *file, const struct file_version *version,
                           uint32_t *out_gone)
{
    *out_gone = 0;
    lock_acquire(&file->lock);
    enum err err = set_base(file, version);
    if (err == ERR_NONE && has_layer(&file->flight)) {
        *out_gone = file->flight.number;
        local_file_release_layer(file, &file->flight);
    }
    lock_release(&file->lock);
    return err;
}

struct local_scan *local_file_flight_scan(struct local_file *file)
{
    lock_acquire(&file->lock);
    struct local_scan *scan = local_scan_ref(file->flight.scan);
    lock_release(&file->lock);
    return scan;
}

void local_file_unseal(struct local_file *file)
{
    lock_acquire(&file->lock);
    file->is_dirty = has_layer(&file->top);
    lock_release(&file->lock);
}
