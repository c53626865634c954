// SPDX-License-Identifier: Apache-2.0
// Who asks goes before every rule. A full commit waits for a pause of the writers, though not for
// long: making it takes processors and disk from those who are saving. A limit of the Hub is met by
// committing less often and more at a time, so its pauses are long.
#include "fs/commit_policy.h"

enum {
    FULL_QUIET_MS = 250,
    FULL_DELAY_MS = 5000,
    QUOTA_FIRST_MS = 120000,
    QUOTA_LAST_MS = 32 * 60000,
    FAILURE_FIRST_MS = 5000,
    FAILURE_LAST_MS = 300000,
    OFFLINE_MS = 5000, // the Hub's breaker probes as often
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t commit_due_ms(const struct commit_policy *policy, const struct commit_load *load)
{
    if (load->is_asked) {
        return 0;
    }
    if (load->n == 0 || policy->mode == COMMIT_MANUAL) {
        return DEADLINE_NONE;
    }
    bool is_full =
        load->n >= COMMIT_FILES_MAX || load->small_bytes >= COMMIT_REGULAR_BYTES_MAX;
    int64_t at_ms =
        sooner(load->last_ms + policy->quiet_ms, load->first_ms + policy->max_delay_ms);
    if (is_full) {
        int64_t full_ms =
            sooner(load->last_ms + FULL_QUIET_MS, load->first_ms + FULL_DELAY_MS);
        at_ms = sooner(at_ms, full_ms);
    }
    return later(at_ms, load->paused_ms);
}

static int64_t doubled(int64_t first_ms, unsigned n_failed, int64_t last_ms)
{
    int64_t pause_ms = first_ms;
    for (unsigned i = 1; i < n_failed && pause_ms < last_ms; i++) {
        pause_ms *= 2;
    }
    return sooner(pause_ms, last_ms);
}

int64_t commit_pause_ms(enum err err, unsigned n_failed, int64_t told_ms)
{
    if (err == ERR_OFFLINE) {
        return OFFLINE_MS;
    }
    if (err == ERR_QUOTA) {
        return told_ms > 0 ? sooner(told_ms, QUOTA_LAST_MS)
                           : doubled(QUOTA_FIRST_MS, n_failed, QUOTA_LAST_MS);
    }
    return doubled(FAILURE_FIRST_MS, n_failed, FAILURE_LAST_MS);
}
