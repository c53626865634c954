// SPDX-License-Identifier: Apache-2.0
// Each read here and there of what is not here costs two round trips, and nobody can tell where the next
// one goes. When they have asked for an eighth of a file (a chunk each at the least), it is worth to fetch
// the rest: from then on the store answers. It goes at class PREFETCH, in small steps, for a read of what
// is on its way waits for the step that it is in.
//
// Once tried, it is not tried again before as much as the whole file has been asked for: the store may be
// too small for what is read by turns, or the Hub may refuse.
#include "xet/completion.h"

#include "xet/prefetch.h"

#define STEP MIB

enum {
    FILES_MAX = 4,          // at a time
    SHARE = 8,              // of the file's size
    READS_MIN = 32,         // a small file is not fetched for a look or two
    CHUNK_BYTES = 64 << 10, // what a read brings, however short
};

bool completion_is_due(struct completion *completion, const struct xet_pattern *pattern,
                       uint64_t len, uint64_t size)
{
    if (pattern->stream == 0) {
        completion->asked += len > CHUNK_BYTES ? len : CHUNK_BYTES;
    }
    uint64_t enough = completion->was_tried ? size : size / SHARE;
    bool is_worn = completion->asked >= enough &&
                   completion->asked >= (uint64_t)READS_MIN * CHUNK_BYTES;
    bool is_touched =
        pattern->completion == XET_COMPLETE_TOUCHED && !completion->was_tried;
    return !completion->is_under_way && pattern->completion != XET_COMPLETE_NEVER &&
           (is_worn || is_touched);
}

bool completion_note(struct xet_file *file, const struct xet_pattern *pattern,
                     uint64_t len)
{
    bool begins =
        completion_is_due(&file->completion, pattern, len, file->content.size) &&
        file->xet->completions < FILES_MAX;
    if (begins) {
        file->completion.is_under_way = true;
        file->xet->completions++;
    }
    return begins;
}

static void on_over(void *ctx, enum err err, const struct why *why)
{
    struct xet_file *file = ctx;
    if (err != ERR_NONE) {
        log_debug("xet", "the rest of a file could not be fetched: %s",
                  why != NULL ? why_text(why, err) : err_sentence(err));
    }
    engine_lock(file->xet);
    file->completion = (struct completion){.was_tried = true};
    file->xet->completions--;
    engine_unlock(file->xet);
}

void completion_begin(struct xet_file *file, const struct xet_source *source)
{
    enum err err = prefetch_begin(file, source, 0, file->content.size, HUB_PREFETCH, STEP,
                                  on_over, file);
    if (err != ERR_PARKED) {
        on_over(file, err, NULL);
    }
}
