// SPDX-License-Identifier: Apache-2.0
// Parts of a batch. In a commit deletions come first; among several commits they come last, so that
// what was moved is never missing in between, but for those that make room for something.
#include "fs/commit_send.h"

#include "fs/commit_attempt.h"
#include "fs/commit_check.h"
#include "fs/commit_journal.h"
#include "fs/commit_land.h"

enum { PARTS_MAX = 64 };

struct part {
    struct commit_item **items;
    size_t n;
};

struct sending {
    struct commit_work *work;
    struct commit_batch *batch;
    struct commit_item **items;   // of the batch, in the order in which they go
    struct part parts[PARTS_MAX]; // to be sent; the last one first
    size_t n_parts;
};

// ---------------------------------------------------------------------------------- order

static bool is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && path[len] == '/';
}

// Whether something is to be put where, or below where, this one deletes.
static bool makes_room(const struct commit_batch *batch,
                       const struct overlay_item *deletion)
{
    for (size_t i = 0; i < batch->n; i++) {
        const struct overlay_item *item = batch->items[i].item;
        if (item->op == OVERLAY_PUT && (is_below(item->path, deletion->path) ||
                                        is_below(deletion->path, item->path))) {
            return true;
        }
    }
    return false;
}

static int rank(const struct commit_batch *batch, const struct overlay_item *item)
{
    return item->op == OVERLAY_PUT ? 1 : makes_room(batch, item) ? 0 : 2;
}

static void put_in_order(struct sending *sending)
{
    size_t at = 0;
    for (int wanted = 0; wanted <= 2; wanted++) {
        for (size_t i = 0; i < sending->batch->n; i++) {
            struct commit_item *item = &sending->batch->items[i];
            if (rank(sending->batch, item->item) == wanted) {
                sending->items[at++] = item;
            }
        }
    }
}

// ---------------------------------------------------------------------------------- parts

// Bytes that travel in the body.
static uint64_t weight(const struct commit_item *item)
{
    bool travels = item->item->op == OVERLAY_PUT && !item->is_lfs;
    return travels && item->fate == COMMIT_FATE_OPEN ? item->size : 0;
}

static bool push(struct sending *sending, struct commit_item **items, size_t n)
{
    if (sending->n_parts == PARTS_MAX) {
        return false;
    }
    sending->parts[sending->n_parts++] = (struct part){items, n};
    return true;
}

// How many of the items from the first one on go together.
static size_t fill(struct commit_item *const *items, size_t n)
{
    uint64_t bytes = 0;
    size_t i = 0;
    while (i < n && (i == 0 || bytes + weight(items[i]) <= COMMIT_REGULAR_BYTES_MAX)) {
        bytes += weight(items[i++]);
    }
    return i;
}

static void halve(struct sending *sending, const struct part *part)
{
    size_t half = part->n / 2;
    if (!push(sending, part->items + half, part->n - half) ||
        !push(sending, part->items, half)) {
        log_error("fs", "a commit is in too many parts"); // 2^30 items
    }
}

// What became of a part other than being made.
static enum commit_end act(struct sending *sending, const struct part *part,
                           const struct commit_attempt *attempt)
{
    struct commit_work *work = sending->work;
    switch (attempt->outcome) {
    case COMMIT_ATTEMPT_TOO_MUCH:
        if (part->n > 1) {
            log_info("fs", "a commit is refused, its halves are tried: %s",
                     why_text(&attempt->why, attempt->err));
            halve(sending, part);
            return COMMIT_END_DONE;
        }
        if (part->items[0]->fate == COMMIT_FATE_OPEN) {
            commit_settle_returned(work, part->items[0], attempt->err, &attempt->why, 0);
        }
        return COMMIT_END_DONE;
    case COMMIT_ATTEMPT_REFUSED:
    case COMMIT_ATTEMPT_LATER:
        return commit_pause(work, attempt->err, &attempt->why);
    case COMMIT_ATTEMPT_STOPPED:
        return COMMIT_END_STOPPED;
    case COMMIT_ATTEMPT_MADE:
        break;
    }
    return COMMIT_END_DONE;
}

// Of those that were there already.
static enum commit_end land_there(struct commit_work *work, const struct part *part)
{
    struct commit_landing landing = {.is_shown = true};
    struct snapshot_view view;
    AUTO_FREE struct commit_item **items = calloc(part->n, sizeof(*items));
    size_t n = 0;
    if (items == NULL) {
        return commit_pause(work, ERR_NO_MEMORY, NULL);
    }
    for (size_t i = 0; i < part->n; i++) {
        if (part->items[i]->fate == COMMIT_FATE_THERE) {
            items[n++] = part->items[i];
        }
    }
    snapshot_current(work->mount->snapshot, &view);
    landing.commit = view.commit;
    if (n == 0) {
        return COMMIT_END_DONE;
    }
    enum commit_end end = commit_land(work, items, n, &landing);
    if (end == COMMIT_END_DONE) {
        commit_journal_drop_kept(work, &view.commit);
    }
    return end;
}

static enum commit_end send_part(struct sending *sending, const struct part *part)
{
    struct commit_attempt *attempt = NULL;
    enum err err =
        commit_attempt_new(sending->work, sending->batch, part->items, part->n, &attempt);
    if (err != ERR_NONE) {
        return commit_pause(sending->work, err, NULL);
    }
    commit_attempt_run(attempt);
    enum commit_end end = act(sending, part, attempt);
    bool is_halved = attempt->outcome == COMMIT_ATTEMPT_TOO_MUCH && part->n > 1;
    commit_attempt_free(attempt);
    return end == COMMIT_END_DONE && !is_halved ? land_there(sending->work, part) : end;
}

static enum commit_end send_all(struct sending *sending)
{
    enum commit_end end = COMMIT_END_DONE;
    for (size_t at = 0; end == COMMIT_END_DONE && at < sending->batch->n;) {
        size_t n = fill(sending->items + at, sending->batch->n - at);
        if (at == 0 && n < sending->batch->n) {
            log_info("fs",
                     "%zu changes are more than one commit takes: they come in parts",
                     sending->batch->n);
        }
        (void)push(sending, sending->items + at, n);
        while (end == COMMIT_END_DONE && sending->n_parts > 0) {
            struct part part = sending->parts[--sending->n_parts];
            end = send_part(sending, &part);
        }
        at += n;
    }
    return end;
}

enum commit_end commit_send(struct commit_work *work, struct commit_batch *batch)
{
    struct sending *sending = calloc(1, sizeof(*sending));
    struct commit_item **items = calloc(batch->n, sizeof(struct commit_item *));
    enum commit_end end = COMMIT_END_DONE;
    if (sending == NULL || items == NULL) {
        end = commit_pause(work, ERR_NO_MEMORY, NULL);
    } else {
        *sending = (struct sending){.work = work, .batch = batch, .items = items};
        put_in_order(sending);
        end = send_all(sending);
    }
    free(items);
    free(sending);
    return end;
}
