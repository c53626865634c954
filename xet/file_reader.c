// SPDX-License-Identifier: Apache-2.0
// The read path: a range of a file is looked up in the piece map; what is there comes
// from the chunk store, what is not becomes a parked read and fetch units.
//
//     xet_file_read
//       answer_range      every byte known to be here? that is the answer
//       park              one critical section: look again, make units, park
//       stream_ask_ahead  what lies ahead of a stream
//
// A read is answered whole or not at all. That looking again and parking happen in one
// critical section is what makes a wake-up impossible to miss.
#include "xet/completion.h"
#include "xet/fetch_queue.h"
#include "xet/file_table.h"
#include "xet/piece_load.h"
#include "xet/stream_feed.h"
#include "xet/verify.h"
#include "xet/waits.h"

#include <inttypes.h>

enum {
    FRAGMENTS_AT_ONCE = 16,
    LOOKS_MAX = 4, // how often a piece may turn out to be gone before it is fetched
    ADJACENT_BYTES = 262144, // a read beside another one is rounded out to this
};

// One read as it goes through this file.
struct request {
    struct xet_file *file;
    uint64_t from;
    uint64_t to;
};

static struct request clamp_request(struct xet_file *file, uint64_t offset, size_t len)
{
    uint64_t size = file->content.size;
    uint64_t from = offset < size ? offset : size;
    uint64_t to = len < size - from ? from + len : size;
    return (struct request){file, from, to};
}

// Whether the content is known to be another than the Hub lists. `hugfs cache clear`, of this process or
// another, forgets that; then it is compared once more.
static bool is_bad(struct xet_file *file)
{
    bool is_known = false;
    enum verified_state state = chunk_store_ask_verified(file->xet->store, &file->name,
                                                         file->content.size, &is_known);
    if (!is_known || state != VERIFIED_UNKNOWN) {
        return true;
    }
    engine_lock(file->xet);
    file->verified = VERIFIED_UNKNOWN;
    file->frontier = 0;
    engine_unlock(file->xet);
    verify_look(file);
    return false;
}

// The fragments that hold the request from `from` on; *out_n of them. ERR_ABSENT at a gap.
static enum err gather(const struct request *request, uint64_t from,
                       struct fragment *fragments, size_t *out_n, struct why *why)
{
    struct xet_file *file = request->file;
    struct xet *xet = file->xet;
    enum err err = ERR_NONE;
    size_t n = 0;
    engine_lock(xet);
    if (file->verified == VERIFIED_BAD) {
        err = ERR_DAMAGED;
    }
    while (!err && n < FRAGMENTS_AT_ONCE && from < request->to) {
        if (piece_map_find(&file->map, from, &fragments[n])) {
            from = fragments[n++].to;
        } else {
            err = ERR_ABSENT;
        }
    }
    if (!err && n > 0) {
        piece_map_mark_read(&file->map, fragments[0].from, fragments[n - 1].to);
    }
    engine_unlock(xet);
    if (err == ERR_DAMAGED && !is_bad(file)) {
        return gather(request, from, fragments, out_n, why);
    }
    if (err == ERR_DAMAGED) {
        return why_set(why, err,
                       "the content does not have the hash that the Hub lists for it; "
                       "`hugfs cache clear` makes it be fetched again");
    }
    *out_n = n;
    return err;
}

// A fragment, or some of it, has left the store, and others beside it may have, too: all that is gone up
// to the end of the leaf is fetched at once.
static void forget(struct xet_file *file, const struct fragment *fragment)
{
    uint64_t end = fragment->from - fragment->from % PIECE_LEAF_BYTES + PIECE_LEAF_BYTES;
    uint64_t size = file->content.size;
    enum err err = piece_look(file, fragment->from, fragment->to);
    piece_forget(file, fragment);
    err = err ? err : piece_look(file, fragment->to, end < size ? end : size);
    if (err) {
        log_debug("xet", "no memory to look what else is gone");
    }
}

// The answer to the whole request, or ERR_ABSENT. A piece that has left the store is forgotten.
static enum err answer_range(const struct request *request, struct chunk_answer *answer,
                             struct why *why)
{
    struct xet_file *file = request->file;
    struct fragment fragments[FRAGMENTS_AT_ONCE];
    uint64_t at = request->from;
    while (at < request->to) {
        size_t n = 0;
        enum err err = gather(request, at, fragments, &n, why);
        for (size_t i = 0; !err && i < n; i++) {
            const struct fragment *fragment = &fragments[i];
            uint64_t end = fragment->to < request->to ? fragment->to : request->to;
            err = chunk_store_answer(file->xet->store, &fragment->object, fragment->first,
                                     at - fragment->origin, (size_t)(end - at), answer);
            if (err == ERR_ABSENT) {
                forget(file, fragment);
            }
            at = end;
        }
        if (err) {
            chunk_store_give_back(file->xet->store, answer);
            return err;
        }
    }
    return ERR_NONE;
}

// Whether all of it is here; then it is the answer.
static enum err read_here(const struct request *request, struct chunk_answer *answer,
                          struct why *why)
{
    struct xet_file *file = request->file;
    enum err err = piece_load(file, request->from, request->to);
    if (!err) {
        err = answer_range(request, answer, why);
    }
    if (!err) {
        atomic_fetch_add(&file->xet->bytes_read, answer->len);
    }
    return err;
}

enum err xet_file_read_now(struct xet_file *file, uint64_t offset, size_t len,
                           struct chunk_answer *answer, struct why *why)
{
    struct request request = clamp_request(file, offset, len);
    return read_here(&request, answer, why);
}

// What the read has to make come: a stray one exactly its range and what is known to follow,
// one beside another the 256 KiB around it, one of the last bytes of a file with a footer the
// last 256 KiB, one of a stream a unit from where it is.
static struct wish wish_for(const struct request *request,
                            const struct xet_pattern *pattern, int64_t deadline_ms)
    REQUIRES(engine_role)
{
    const struct xet_file *file = request->file;
    uint64_t size = file->content.size;
    struct wish wish = {
        .from = request->from,
        .to = request->to,
        .unit = 8 * MIB,
        .class = HUB_DEMAND,
        .stream = pattern->stream,
        .deadline_ms = deadline_ms == DEADLINE_NONE ? 0 : deadline_ms,
    };
    if (pattern->stream > 0 && pattern->stream <= STREAMS_MAX) {
        uint64_t unit = window_unit(&file->streams[pattern->stream - 1].window);
        uint64_t end = unit < size - wish.from ? wish.from + unit : size;
        bool is_beyond = pattern->ends_at > wish.to && pattern->ends_at < end;
        wish.stretch_to = is_beyond ? pattern->ends_at : end;
    } else if (pattern->tail > 0) {
        uint64_t last = size > ADJACENT_BYTES ? size - ADJACENT_BYTES : 0;
        wish.from = wish.from < last ? wish.from : last;
        wish.to = size;
    } else if (pattern->adjacent) {
        wish.from -= wish.from % ADJACENT_BYTES;
        uint64_t left = ADJACENT_BYTES - (wish.to - 1) % ADJACENT_BYTES - 1;
        wish.to = left < size - wish.to ? wish.to + left : size;
    } else if (pattern->follows > 0) {
        wish.stretch_to =
            pattern->follows < size - wish.to ? wish.to + pattern->follows : size;
    }
    return wish;
}

struct parking {
    int64_t deadline_ms;
    xet_ready_fn ready;
    void *ctx;
    xet_wait *out_wait;
    struct ahead ahead; // what the stream wants next
    bool completes;     // it is time to fetch all of the file
};

static uint64_t tail_begin(const struct xet_file *file, const struct xet_pattern *pattern)
{
    uint64_t size = file->content.size;
    return size - (pattern->tail < size ? pattern->tail : size);
}

// The footer before the last 256 KiB, for which nobody waits yet.
static enum err want_tail(struct xet_file *file, struct fetch_source *source,
                          const struct xet_pattern *pattern, uint64_t to,
                          struct errands *errands) REQUIRES(engine_role)
{
    struct wish wish = {
        .from = tail_begin(file, pattern),
        .to = to,
        .unit = 8 * MIB,
        .class = HUB_AHEAD,
    };
    bool is_met;
    return wish.from < to ? fetch_queue_want(file, source, &wish, errands, &is_met)
                          : ERR_NONE;
}

// ERR_PARKED; ERR_NONE when the gaps have closed meanwhile; or why it can't be had.
static enum err park_locked(const struct request *request, struct fetch_source *source,
                            const struct xet_pattern *pattern, struct parking *parking,
                            struct errands *errands, struct why *why)
    REQUIRES(engine_role)
{
    struct xet_file *file = request->file;
    struct xet *xet = file->xet;
    if (xet->is_closing) {
        return why_set(why, ERR_CANCELLED, "hugfs is stopping");
    }
    if (piece_map_gap(&file->map, request->from, request->to) == request->to) {
        return ERR_NONE;
    }
    const struct failure *failure =
        failures_find(&xet->failures, file->id, request->from, request->to);
    if (failure) {
        return why_set(why, failure->err, "%s", failure->why.text);
    }
    struct wish wish = wish_for(request, pattern, parking->deadline_ms);
    bool is_met = false;
    enum err err = fetch_queue_want(file, source, &wish, errands, &is_met);
    if (!err) {
        err = want_tail(file, source, pattern, wish.from, errands);
    }
    if (!err) {
        err = waits_park(file, request->from, request->to, parking->deadline_ms,
                         parking->ready, parking->ctx, parking->out_wait);
    }
    if (!err) {
        parking->ahead = stream_note_read(file, pattern, request->to, is_met, errands);
        parking->completes = completion_note(file, pattern, request->to - request->from);
    }
    return err ? err : ERR_PARKED;
}

static enum err park(const struct request *request, const struct xet_source *source,
                     const struct xet_pattern *pattern, struct parking *parking,
                     struct why *why)
{
    struct xet *xet = request->file->xet;
    enum err err = piece_load(request->file, tail_begin(request->file, pattern),
                              request->file->content.size);
    struct fetch_source *copy = err ? NULL : fetch_source_new(source);
    if (!copy) {
        return err ? err : ERR_NO_MEMORY;
    }
    struct errands errands = errands_init(xet);
    engine_lock(xet);
    err = park_locked(request, copy, pattern, parking, &errands, why);
    engine_unlock(xet);
    if (err == ERR_PARKED) {
        waits_arm(xet, parking->deadline_ms);
    }
    errands_run(&errands);
    fetch_source_unref(copy);
    return err;
}

static struct ahead note_hit(const struct request *request,
                             const struct xet_pattern *pattern)
{
    struct xet *xet = request->file->xet;
    struct errands errands = errands_init(xet);
    engine_lock(xet);
    struct ahead ahead =
        stream_note_read(request->file, pattern, request->to, false, &errands);
    engine_unlock(xet);
    errands_run(&errands);
    return ahead;
}

enum err xet_file_read(struct xet_file *file, const struct xet_source *source,
                       const struct xet_pattern *pattern, uint64_t offset, size_t len,
                       int64_t deadline_ms, struct chunk_answer *answer,
                       xet_ready_fn ready, void *ctx, xet_wait *out_wait, struct why *why)
{
    struct request request = clamp_request(file, offset, len);
    struct parking parking = {deadline_ms, ready, ctx, out_wait, {0}, false};
    *out_wait = 0;
    enum err err = ERR_ABSENT;
    for (int looks = 0; looks < LOOKS_MAX; looks++) {
        err = read_here(&request, answer, why);
        if (err == ERR_NONE) {
            if (pattern->stream > 0 && request.from < request.to) {
                parking.ahead = note_hit(&request, pattern);
            }
            atomic_fetch_add(&file->xet->bytes_from_store, answer->len);
            break;
        }
        if (err != ERR_ABSENT) {
            break;
        }
        err = park(&request, source, pattern, &parking, why);
        if (err != ERR_NONE) {
            break;
        }
        err = ERR_ABSENT;
    }
    stream_ask_ahead(file, source, pattern, &parking.ahead);
    if (parking.completes) {
        completion_begin(file, source);
    }
    if (err == ERR_ABSENT) {
        return why_set(why, ERR_BUSY,
                       "the cache gives up bytes %" PRIu64 " to %" PRIu64
                       " faster than they can be read",
                       request.from, request.to);
    }
    return err;
}

void xet_file_abandon(struct xet_file *file, xet_wait wait)
{
    struct errands errands = errands_init(file->xet);
    engine_lock(file->xet);
    waits_abandon(file, wait, &errands);
    engine_unlock(file->xet);
    errands_run(&errands);
}
