// SPDX-License-Identifier: Apache-2.0
// Each read here and there of what is not here costs two round trips, and nobody can tell where the next
// one goes. When they have asked for an eighth of a file, it is worth to fetch the rest: at most eight
// times of what was asked for is fetched, and from then on the store answers. It goes at class PREFETCH,
// so only what no reader waits for now is given to it. One that fails is tried again after as many reads.
#include "xet/completion.h"

#include "xet/engine.h"

enum {
    SHARE = 8,              // of the file's size
    READS_MIN = 32,         // a small file is not fetched for a look or two
    CHUNK_BYTES = 64 << 10, // what a read brings, however short
};

bool completion_is_due(struct completion *completion, const struct xet_pattern *pattern,
                       uint64_t len, uint64_t size)
{
    bool is_worn = false;
    if (pattern->stream == 0) {
        completion->asked += len > CHUNK_BYTES ? len : CHUNK_BYTES;
        is_worn = completion->asked >= size / SHARE &&
                  completion->asked >= (uint64_t)READS_MIN * CHUNK_BYTES;
    }
    bool is_due = !completion->is_under_way &&
                  (pattern->completion == XET_COMPLETE_TOUCHED ||
                   (pattern->completion == XET_COMPLETE_WORN && is_worn));
    completion->is_under_way |= is_due;
    return is_due;
}

static void on_over(void *ctx, enum err err, const struct why *why)
{
    struct xet_file *file = ctx;
    if (err != ERR_NONE) {
        log_debug("xet", "the rest of a file could not be fetched: %s",
                  why != NULL ? why_text(why, err) : err_sentence(err));
    }
    engine_lock(file->xet);
    file->completion = (struct completion){0};
    engine_unlock(file->xet);
}

void completion_begin(struct xet_file *file, const struct xet_source *source)
{
    enum err err = xet_file_prefetch(file, source, 0, file->content.size, HUB_PREFETCH,
                                     on_over, file);
    if (err != ERR_PARKED) {
        on_over(file, err, NULL);
    }
}
