// SPDX-License-Identifier: Apache-2.0
// Appending to the open segment, many threads at once.
//
//   reserve (lock, a few instructions) -> pwritev without a lock -> known to readers -> done
//
// When the current segment has no room for a record, it moves to the list of full ones and
// the spare takes its place. The writer thread seals full segments once their last writer is
// done, and opens the next spare ahead of need, so that a put does not wait for eviction.
//
// Invariants
//  (1) used <= size: every byte that is given out was allocated before, within the budget.
//  (2) A segment is sealed only with writers == 0, and writers drops only after the record
//      is in the resident table, so the batch that seals it indexes all of it.
//
// Lock: `lock`, between the writer's and the resident table's.
#include "cache/appender.h"

#include <errno.h>
#include <string.h>

struct appender {
    struct lock lock;
    struct open_segment *current GUARDED_BY(lock);
    struct open_segment *spare GUARDED_BY(lock);
    struct open_segment *full GUARDED_BY(lock); // oldest last
    bool wanted GUARDED_BY(lock);
};

void open_segment_free(struct open_segment *segment)
{
    if (segment) {
        close(segment->fd);
        free(segment);
    }
}

enum err appender_new(struct appender **out)
{
    struct appender *appender = calloc(1, sizeof(*appender));
    if (!appender) {
        return ERR_NO_MEMORY;
    }
    lock_init(&appender->lock);
    *out = appender;
    return ERR_NONE;
}

void appender_free(struct appender *appender)
{
    if (!appender) {
        return;
    }
    appender_retire_all(appender);
    struct open_segment *segment = NULL;
    while ((segment = appender_take_full(appender))) {
        open_segment_free(segment);
    }
    lock_destroy(&appender->lock);
    free(appender);
}

static void add_full(struct appender *appender, struct open_segment *segment)
    REQUIRES(appender->lock)
{
    segment->next = appender->full;
    appender->full = segment;
}

static void retire_current(struct appender *appender) REQUIRES(appender->lock)
{
    struct open_segment *segment = appender->current;
    if (segment) {
        add_full(appender, segment);
    }
    appender->current = appender->spare;
    appender->spare = NULL;
}

enum err appender_reserve(struct appender *appender, uint64_t bytes,
                          struct open_segment **out_segment, uint64_t *out_offset)
{
    enum err err = ERR_NONE;
    lock_acquire(&appender->lock);
    while (appender->current &&
           appender->current->size - appender->current->used < bytes) {
        retire_current(appender);
    }
    struct open_segment *segment = appender->current;
    if (segment) {
        *out_segment = segment;
        *out_offset = segment->used;
        segment->used += bytes;
        segment->writers++;
    } else {
        appender->wanted = true;
        err = ERR_NO_SPACE;
    }
    lock_release(&appender->lock);
    return err;
}

void appender_done(struct appender *appender, struct open_segment *segment)
{
    lock_acquire(&appender->lock);
    segment->writers--;
    lock_release(&appender->lock);
}

// pwritev that goes on after EINTR and short counts.
static enum err write_all(int fd, struct iovec *parts, int n, uint64_t offset)
{
    while (n > 0) {
        ssize_t put = pwritev(fd, parts, n, (off_t)offset);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return err_from_errno(errno);
        }
        offset += (uint64_t)put;
        size_t left = (size_t)put;
        while (n > 0 && left >= parts->iov_len) {
            left -= parts->iov_len;
            parts++;
            n--;
        }
        if (n > 0) {
            parts->iov_base = (uint8_t *)parts->iov_base + left;
            parts->iov_len -= left;
        }
    }
    return ERR_NONE;
}

void appender_retire(struct appender *appender, uint64_t id)
{
    lock_acquire(&appender->lock);
    struct open_segment *spare = appender->spare;
    if (appender->current && appender->current->id == id) {
        retire_current(appender);
    } else if (spare && spare->id == id) {
        add_full(appender, spare);
        appender->spare = NULL;
    }
    lock_release(&appender->lock);
}

enum err appender_write(struct appender *appender, const struct record *record,
                        const struct iovec *data, int n,
                        struct open_segment **out_segment, uint64_t *out_offset)
{
    struct open_segment *segment = NULL;
    uint64_t offset = 0;
    uint64_t bytes = record_bytes(record->n, record->data_len);
    enum err err = appender_reserve(appender, bytes, &segment, &offset);
    if (err) {
        return err;
    }
    uint8_t head[RECORD_HEAD_MAX];
    struct record_place place = {&segment->uuid, segment->id, offset};
    record_encode(head, record, &place);
    struct iovec parts[1 + RUN_CHUNKS_MAX] = {{head, record_head_bytes(record->n)}};
    memcpy(parts + 1, data, (size_t)n * sizeof(*data));
    err = write_all(segment->fd, parts, 1 + n, offset);
    if (err) {
        appender_retire(appender, segment->id);
        appender_done(appender, segment);
        return err;
    }
    *out_segment = segment;
    *out_offset = offset;
    return ERR_NONE;
}

enum appender_want appender_wants(struct appender *appender)
{
    enum appender_want want = WANTS_NOTHING;
    lock_acquire(&appender->lock);
    const struct open_segment *current = appender->current;
    if (!current && appender->wanted) {
        want = WANTS_SEGMENT;
    } else if (current && !appender->spare &&
               current->size - current->used < current->size / 2) {
        want = WANTS_SPARE;
    }
    lock_release(&appender->lock);
    return want;
}

void appender_install(struct appender *appender, struct open_segment *segment)
{
    lock_acquire(&appender->lock);
    if (!appender->current) {
        appender->current = segment;
    } else {
        appender->spare = segment;
    }
    appender->wanted = false;
    lock_release(&appender->lock);
}

struct open_segment *appender_take_full(struct appender *appender)
{
    lock_acquire(&appender->lock);
    struct open_segment **link = &appender->full;
    while (*link && (*link)->writers > 0) {
        link = &(*link)->next;
    }
    struct open_segment *segment = *link;
    if (segment) {
        *link = segment->next;
        segment->next = NULL;
    }
    lock_release(&appender->lock);
    return segment;
}

void appender_return_full(struct appender *appender, struct open_segment *segment)
{
    lock_acquire(&appender->lock);
    add_full(appender, segment);
    lock_release(&appender->lock);
}

void appender_retire_all(struct appender *appender)
{
    lock_acquire(&appender->lock);
    while (appender->current) {
        retire_current(appender);
    }
    lock_release(&appender->lock);
}

struct open_segment *appender_take_current(struct appender *appender)
{
    lock_acquire(&appender->lock);
    struct open_segment *segment = appender->current;
    if (segment) {
        appender->current = appender->spare;
        appender->spare = NULL;
    }
    lock_release(&appender->lock);
    return segment;
}

bool appender_has_full(struct appender *appender)
{
    lock_acquire(&appender->lock);
    bool has = appender->full != NULL;
    lock_release(&appender->lock);
    return has;
}
