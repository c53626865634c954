// SPDX-License-Identifier: Apache-2.0
// A ring of a few places: failures are rare, and forgetting one only costs a request.
#include "xet/failures.h"

void failures_release(struct failures *failures)
{
    free(failures->places);
    *failures = (struct failures){0};
}

void failures_add(struct failures *failures, uint64_t file, uint64_t from, uint64_t to,
                  enum err err, const struct why *why)
{
    if (!failures->places) {
        failures->places = calloc(FAILURES_MAX, sizeof(*failures->places));
        if (!failures->places) {
            return;
        }
    }
    struct failure *place = &failures->places[failures->next];
    failures->next = (failures->next + 1) % FAILURES_MAX;
    *place = (struct failure){
        .file = file,
        .from = from,
        .to = to,
        .until_ms = clock_now_ms() + FAILURE_MS,
        .err = err,
    };
    if (why) {
        place->why = *why;
    }
}

const struct failure *failures_find(const struct failures *failures, uint64_t file,
                                    uint64_t from, uint64_t to)
{
    int64_t now_ms = clock_now_ms();
    for (size_t i = 0; failures->places && i < FAILURES_MAX; i++) {
        const struct failure *place = &failures->places[i];
        if (place->file == file && place->from < to && from < place->to &&
            now_ms < place->until_ms) {
            return place;
        }
    }
    return NULL;
}
