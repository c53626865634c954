// SPDX-License-Identifier: Apache-2.0
// The three maintenance commands of the cache, as text and status.
#include "fs/cache_upkeep.h"

#include "fs/figures.h"

#include <inttypes.h>

static enum err append_used(struct chunk_store *store, const char *verb, uint64_t before,
                            struct buffer *out)
{
    struct chunk_store_stats stats;
    chunk_store_stats(store, &stats);
    char was[FIGURE_SIZE];
    char is[FIGURE_SIZE];
    figure_bytes(before, was);
    figure_bytes(stats.used, is);
    return buffer_printf(out, "%s: %s before, %s now\n", verb, was, is);
}

static int failed(enum err err, struct why *why, const char *what)
{
    if (why->text[0] == '\0') {
        why_set(why, err, "%s: %s", what, err_sentence(err));
    }
    return err_exit_status(err);
}

static int shrink(struct chunk_store *store, const struct control_request *request,
                  struct buffer *out, struct why *why)
{
    struct chunk_store_stats stats;
    chunk_store_stats(store, &stats);
    bool clear = request->verb == CONTROL_CACHE_CLEAR;
    enum err err =
        clear ? chunk_store_clear(store) : chunk_store_trim(store, request->bytes);
    if (err == ERR_NONE) {
        err = append_used(store, clear ? "cleared" : "trimmed", stats.used, out);
    }
    return err ? failed(err, why,
                        clear ? "the cache cannot be cleared"
                              : "the cache cannot be trimmed")
               : 0;
}

// Damage is dropped from the index as it is found, so a second pass tells whether that has
// worked: on a disk that keeps flipping bits it finds more.
static int verify(struct chunk_store *store, struct buffer *out, struct why *why)
{
    struct chunk_store_check first;
    struct chunk_store_check second = {.damaged = 0};
    enum err err = chunk_store_verify(store, &first);
    if (err == ERR_NONE && first.damaged > 0) {
        err = chunk_store_verify(store, &second);
    }
    if (err == ERR_NONE) {
        err =
            buffer_printf(out,
                          "%" PRIu64 " chunks read, %" PRIu64
                          " damaged and dropped, %" PRIu64 " stray segments put right\n",
                          first.chunks, first.damaged, first.orphans);
    }
    if (err) {
        failed(err, why, "the cache cannot be verified");
        return VERIFY_FAILED;
    }
    if (second.damaged > 0) {
        why_set(why, ERR_DAMAGED,
                "%" PRIu64
                " more chunks were damaged at a second look: the disk or the memory "
                "is unreliable",
                second.damaged);
        return VERIFY_LEFT;
    }
    return first.damaged > 0 || first.orphans > 0 ? VERIFY_REPAIRED : VERIFY_CLEAN;
}

int cache_upkeep_run(struct chunk_store *store, const struct control_request *request,
                     struct buffer *out, struct why *why)
{
    return request->verb == CONTROL_CACHE_VERIFY ? verify(store, out, why)
                                                 : shrink(store, request, out, why);
}
