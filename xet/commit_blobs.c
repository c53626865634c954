// SPDX-License-Identifier: Apache-2.0
// A small file costs two requests of its own; a git fetch brings all of a commit with one. Whoever
// reads one meanwhile waits for it, and then finds the file in the store, or asks for it as if
// nothing had been. So it must not last: after some seconds it is given up. Those who wait take
// no place of the queue meanwhile. While the answer is being stored, they look again now and then
// what has come, and who comes looks first.
//
// Every blob comes with the SHA-1 of its own bytes, which is the name that it is stored under: what
// no listing names is never looked for.
#include "xet/commit_blobs.h"

#include "xet/errands.h"
#include "xet/fetch_queue.h"
#include "xet/fetch_unit.h"

#include <string.h>

// So many files are stored in one or two milliseconds.
enum { LOOK_AGAIN_FILES = 64 };

// Longer ones are none: what Git LFS itself reads.
enum { POINTER_BYTES = 1024 };

struct commit_blobs {
    struct xet *xet; // a reference
    struct commit_blobs *next;
    struct hub_source source;
    uint32_t limit;
    size_t n;                      // files that have come; of the job that stores them
    bool has_begun ENGINE_GUARDED; // to come
    size_t taken ENGINE_GUARDED;   // units that looked in vain
    struct fetch_unit *waiting;    // by queue_next
    struct fetch_unit **waiting_end;
    xet_ready_fn done;
    void *ctx;
};

static bool brings(const struct commit_blobs *blobs, const struct fetch_unit *unit)
    REQUIRES(engine_role)
{
    const struct hub_source *source = &unit->source->hub;
    return file_is_small_blob(unit->file) && unit->file->content.size < blobs->limit &&
           oid_equal(&blobs->source.sha, &source->sha) &&
           repo_id_equal(&blobs->source.repo, &source->repo);
}

static struct commit_blobs *find(const struct fetch_unit *unit) REQUIRES(engine_role)
{
    struct commit_blobs *blobs = unit->file->xet->commit_blobs;
    while (blobs && !brings(blobs, unit)) {
        blobs = blobs->next;
    }
    return blobs;
}

struct commit_blobs *commit_blobs_to_come(const struct fetch_unit *unit)
{
    struct commit_blobs *blobs = find(unit);
    return blobs && !blobs->has_begun ? blobs : NULL;
}

void commit_blobs_set_aside(struct commit_blobs *blobs, struct fetch_unit *unit)
{
    unit->state = UNIT_ASIDE;
    unit->queue_next = NULL;
    *blobs->waiting_end = unit;
    blobs->waiting_end = &unit->queue_next;
}

// What it gives up of its budget goes to others when look_again() is over, or at the end.
bool commit_blobs_take(struct fetch_unit *unit)
{
    struct xet *xet = unit->file->xet;
    engine_lock(xet);
    struct commit_blobs *blobs = find(unit);
    if (blobs) {
        fetch_queue_release(unit);
        unit->rounds--;
        blobs->taken++;
        commit_blobs_set_aside(blobs, unit);
    }
    engine_unlock(xet);
    if (blobs) {
        fetch_unit_unref(unit);
    }
    return blobs != NULL;
}

// An engine that stops has ended its queues already.
static void return_waiting(struct commit_blobs *blobs, struct errands *errands)
    REQUIRES(engine_role)
{
    struct xet *xet = blobs->xet;
    while (blobs->waiting) {
        struct fetch_unit *unit = blobs->waiting;
        blobs->waiting = unit->queue_next;
        if (xet->is_closing) {
            fetch_unit_end(unit, errands);
        } else {
            fetch_queue_return(unit);
        }
    }
    blobs->waiting_end = &blobs->waiting;
    fetch_queue_admit(xet, errands);
}

// Who looks in vain makes room for others in the queue.
static void look_again(struct commit_blobs *blobs)
{
    struct xet *xet = blobs->xet;
    struct errands errands = errands_init(xet);
    engine_lock(xet);
    blobs->has_begun = true;
    size_t taken = blobs->taken;
    return_waiting(blobs, &errands);
    engine_unlock(xet);
    errands_run(&errands);
    for (bool goes_on = true; goes_on;) {
        errands = errands_init(xet);
        engine_lock(xet);
        goes_on = blobs->taken != taken;
        taken = blobs->taken;
        fetch_queue_admit(xet, &errands);
        engine_unlock(xet);
        errands_run(&errands);
    }
}

// Stands for a large file, which no listing names by this id (Git LFS specification).
static bool is_pointer(const void *bytes, size_t len)
{
    static const char begin[] = "version https://git-lfs.github.com/spec/v1\n";
    return len < POINTER_BYTES && len >= sizeof(begin) - 1 &&
           memcmp(bytes, begin, sizeof(begin) - 1) == 0;
}

static void on_blob(void *ctx, const struct oid *oid, const void *bytes, size_t len)
{
    struct commit_blobs *blobs = ctx;
    struct object_id name = object_of_git_blob(oid);
    if (len == 0 || is_pointer(bytes, len)) {
        return;
    }
    if (chunk_store_put_blob(blobs->xet->store, &name, 0, bytes, len) == ERR_NONE) {
        atomic_fetch_add(&blobs->xet->bytes_fetched, len);
    }
    if (blobs->n++ % LOOK_AGAIN_FILES == 0) {
        look_again(blobs);
    }
}

static void on_done(void *ctx, enum err err, const struct why *why,
                    const struct tree_entry *entries, size_t n)
{
    struct commit_blobs *blobs = ctx;
    struct xet *xet = blobs->xet;
    (void)entries;
    (void)n;
    struct errands errands = errands_init(xet);
    engine_lock(xet);
    struct commit_blobs **at = &xet->commit_blobs;
    while (*at != blobs) {
        at = &(*at)->next;
    }
    *at = blobs->next;
    return_waiting(blobs, &errands);
    engine_unlock(xet);
    errands_run(&errands);
    blobs->done(blobs->ctx, err, why);
    free(blobs);
    xet_unref(xet);
}

void xet_fetch_small(struct xet *xet, const struct hub_source *source, uint32_t limit,
                     int64_t patience_ms, xet_ready_fn done, void *ctx)
{
    struct commit_blobs *blobs = calloc(1, sizeof(*blobs));
    if (!blobs) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    *blobs = (struct commit_blobs){
        .xet = xet, .source = *source, .limit = limit, .done = done, .ctx = ctx};
    blobs->waiting_end = &blobs->waiting;
    engine_lock(xet);
    xet->refs++;
    blobs->next = xet->commit_blobs;
    xet->commit_blobs = blobs;
    engine_unlock(xet);
    if (!engine_enter_hub(xet)) {
        on_done(blobs, ERR_CANCELLED, NULL, NULL, 0);
        return;
    }
    struct hub_call call = {
        .class = HUB_DEMAND,
        .deadline_ms = clock_now_ms() + patience_ms,
        .reason = "small files",
    };
    struct hub_git_blobs wanted = {limit, on_blob, blobs};
    (void)hub_git_fetch(xet->hub, &call, source, &wanted, on_done, blobs);
    engine_leave_hub(xet);
}
