// SPDX-License-Identifier: Apache-2.0
// Reconstruction plans of both versions (the first byte picks one): every term of an accepted
// plan lies inside a range of its xorb.
#include "hub/cas_plan.h"
#include "tests/fuzz/fuzz_target.h"

static bool is_covered(const struct cas_plan *plan, const struct cas_term *term)
{
    for (size_t i = 0; i < plan->n_ranges; i++) {
        const struct cas_range *range = &plan->ranges[i];
        if (digest_equal(&range->xorb, &term->xorb) &&
            range->chunk_first <= term->chunk_first &&
            term->chunk_end <= range->chunk_end) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct cas_plan *plan = NULL;
    if (len == 0 ||
        cas_plan_parse(bytes + 1, len - 1, bytes[0] % 2 == 0 ? PLAN_V2 : PLAN_V1, NULL,
                       &plan) != ERR_NONE) {
        return 0;
    }
    for (size_t i = 0; i < plan->n_terms; i++) {
        fuzz_require(plan->terms[i].chunk_first < plan->terms[i].chunk_end);
        fuzz_require(is_covered(plan, &plan->terms[i]));
    }
    for (size_t i = 0; i < plan->n_ranges; i++) {
        fuzz_require(plan->ranges[i].byte_first <= plan->ranges[i].byte_last);
        fuzz_require(plan->ranges[i].url[0] != '\0');
    }
    cas_plan_free(plan);
    return 0;
}
