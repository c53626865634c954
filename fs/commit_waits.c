// SPDX-License-Identifier: Apache-2.0
// A short list: a wait is a parked request or a command.
#include "fs/commit_waits.h"

#include <utlist.h>

enum err commit_waits_add(struct commit_waits *waits, uint64_t id, uint64_t generation,
                          bool is_for_file, overlay_done_fn done, void *ctx)
{
    struct commit_wait *wait = calloc(1, sizeof(*wait));
    if (wait == NULL) {
        return ERR_NO_MEMORY;
    }
    *wait = (struct commit_wait){.is_for_file = is_for_file,
                                 .id = id,
                                 .generation = generation,
                                 .done = done,
                                 .ctx = ctx};
    LL_PREPEND(waits->first, wait);
    return ERR_NONE;
}

static void note(struct commit_wait *wait, enum err err, const struct why *why)
{
    if (wait->err == ERR_NONE && err != ERR_NONE) {
        wait->err = err;
        snprintf(wait->why.text, sizeof(wait->why.text), "%s", why_text(why, err));
    }
}

struct commit_wait *commit_waits_settle(struct commit_waits *waits,
                                        const struct overlay_item *item, enum err err,
                                        const struct why *why)
{
    struct commit_wait *out = NULL;
    struct commit_wait *wait = NULL;
    struct commit_wait *next = NULL;
    LL_FOREACH_SAFE(waits->first, wait, next)
    {
        bool is_it =
            item->id != 0 && wait->id == item->id && wait->generation <= item->generation;
        if (!wait->is_for_file) {
            note(wait, err, why);
        } else if (is_it) {
            note(wait, err, why);
            LL_DELETE(waits->first, wait);
            LL_PREPEND(out, wait);
        }
    }
    return out;
}

struct commit_wait *commit_waits_take(struct commit_waits *waits)
{
    struct commit_wait *all = waits->first;
    waits->first = NULL;
    return all;
}

void commit_waits_join(struct commit_waits *waits, struct commit_wait *list)
{
    LL_CONCAT(list, waits->first);
    waits->first = list;
}

void commit_waits_call(struct commit_wait *list, enum err err, const struct why *why)
{
    while (list != NULL) {
        struct commit_wait *wait = list;
        list = wait->next;
        note(wait, err, why);
        wait->done(wait->ctx, wait->err, wait->err != ERR_NONE ? &wait->why : NULL);
        free(wait);
    }
}
