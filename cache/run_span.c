// SPDX-License-Identifier: Apache-2.0
#include "cache/run_span.h"

bool run_next_span(struct reading *reading, const uint32_t *ends, uint32_t record_first,
                   uint32_t high, struct span *out)
{
    uint32_t at = reading->chunk - record_first;
    uint64_t start = at == 0 ? 0 : ends[at - 1];
    uint64_t run_end = ends[high - 1];
    if (start + reading->skip >= run_end) {
        reading->skip -= run_end - start;
        reading->chunk = record_first + high;
        return false;
    }
    out->begin = start + reading->skip;
    out->end = run_end - out->begin < reading->len ? run_end : out->begin + reading->len;
    while (ends[at] <= out->begin) {
        at++;
    }
    out->from = at;
    while (ends[at] < out->end) {
        at++;
    }
    out->to = at;
    reading->chunk = record_first + high;
    reading->skip = 0;
    return true;
}

void run_span_done(struct reading *reading, const struct span *span)
{
    reading->len -= span->end - span->begin;
}
