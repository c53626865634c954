// SPDX-License-Identifier: Apache-2.0
// A run that came when the disk would not take it: its record's head and its data in one
// allocation, shared by whoever reads it while it waits. Immutable; the count is atomic.
#include "cache/volatile_run.h"

struct volatile_run *volatile_run_new(const struct record *record,
                                      const struct iovec *data, int n)
{
    struct volatile_run *run = malloc(sizeof(*run) + record->data_len);
    if (run) {
        atomic_init(&run->refs, 1);
        run->record = *record;
        uint8_t *to = run->data;
        for (int i = 0; i < n; i++) {
            memcpy(to, data[i].iov_base, data[i].iov_len);
            to += data[i].iov_len;
        }
    }
    return run;
}

void volatile_run_unref(struct volatile_run *run)
{
    if (run && atomic_fetch_sub_explicit(&run->refs, 1, memory_order_acq_rel) == 1) {
        free(run);
    }
}

void volatile_run_ref(struct volatile_run *run)
{
    if (run) {
        atomic_fetch_add_explicit(&run->refs, 1, memory_order_relaxed);
    }
}
