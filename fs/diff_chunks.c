// SPDX-License-Identifier: Apache-2.0
// How much of a changed file is new. A plan says which chunks of which xorbs make up a file; bytes
// of the new version that lie in chunks of the old one need not be fetched by whoever has the old
// one. The length of a single chunk stands in no plan: of a term whose chunks are shared in part,
// the part is told by its share of the chunks.
//
// Plans are asked for in groups; a group is over when all of its answers are here, or when the
// waiting thread was cancelled: then the answers that come later find the group still there.
#include "fs/commit_diff.h"

enum { PAIRS_AT_ONCE = 2, PLANS_AT_ONCE = 2 * PAIRS_AT_ONCE };

// --------------------------------------------------------------------------------- terms

static int compare_terms(const void *a, const void *b)
{
    const struct cas_term *left = a;
    const struct cas_term *right = b;
    int order = memcmp(&left->xorb, &right->xorb, sizeof(left->xorb));
    if (order != 0) {
        return order;
    }
    return left->chunk_first < right->chunk_first   ? -1
           : left->chunk_first > right->chunk_first ? 1
                                                    : 0;
}

// Sorts terms and joins those that touch. Returns how many are left.
static size_t merge(struct cas_term *terms, size_t n)
{
    size_t kept = 0;
    if (n > 0) {
        qsort(terms, n, sizeof(*terms), compare_terms);
    }
    for (size_t i = 0; i < n; i++) {
        struct cas_term *last = kept > 0 ? &terms[kept - 1] : NULL;
        if (last != NULL && digest_equal(&last->xorb, &terms[i].xorb) &&
            terms[i].chunk_first <= last->chunk_end) {
            last->chunk_end = terms[i].chunk_end > last->chunk_end ? terms[i].chunk_end
                                                                   : last->chunk_end;
        } else {
            terms[kept++] = terms[i];
        }
    }
    return kept;
}

// How many chunks of `term` are in merged terms.
static uint32_t count_shared(const struct cas_term *merged, size_t n,
                             const struct cas_term *term)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) { // the first that ends behind where `term` begins
        size_t middle = low + (high - low) / 2;
        int order = memcmp(&merged[middle].xorb, &term->xorb, sizeof(term->xorb));
        bool is_before =
            order < 0 || (order == 0 && merged[middle].chunk_end <= term->chunk_first);
        *(is_before ? &low : &high) = is_before ? middle + 1 : middle;
    }
    uint32_t shared = 0;
    for (; low < n && digest_equal(&merged[low].xorb, &term->xorb) &&
           merged[low].chunk_first < term->chunk_end;
         low++) {
        uint32_t first = merged[low].chunk_first > term->chunk_first
                             ? merged[low].chunk_first
                             : term->chunk_first;
        uint32_t end = merged[low].chunk_end < term->chunk_end ? merged[low].chunk_end
                                                               : term->chunk_end;
        shared += end - first;
    }
    return shared;
}

enum err diff_chunks_compare(const struct cas_term *old_terms, size_t n_old,
                             const struct cas_term *new_terms, size_t n_new,
                             struct chunk_difference *out)
{
    AUTO_FREE struct cas_term *merged = calloc(n_old > 0 ? n_old : 1, sizeof(*merged));
    struct chunk_difference difference = {.bytes = 0};
    if (merged == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < n_old; i++) {
        merged[i] = old_terms[i];
    }
    size_t n_merged = merge(merged, n_old);
    for (size_t i = 0; i < n_new; i++) {
        const struct cas_term *term = &new_terms[i];
        uint32_t shared = count_shared(merged, n_merged, term);
        uint32_t all = term->chunk_end - term->chunk_first;
        if (shared == 0) {
            difference.bytes += term->unpacked_length;
        } else if (shared < all) {
            difference.is_estimate = true;
            difference.bytes += (uint64_t)((double)term->unpacked_length *
                                           (double)(all - shared) / (double)all);
        }
    }
    *out = difference;
    return ERR_NONE;
}

// --------------------------------------------------------------------------------- plans

struct group;

struct answer {
    struct group *group;
    struct cas_plan *plan; // NULL: it could not be had
};

struct group {
    struct lock lock;
    struct wait *wait GUARDED_BY(lock); // referenced until the last answer
    unsigned references GUARDED_BY(lock);
    unsigned n_awaited GUARDED_BY(lock);
    struct answer answers[PLANS_AT_ONCE];
};

static void group_unref(struct group *group)
{
    lock_acquire(&group->lock);
    bool is_last = --group->references == 0;
    lock_release(&group->lock);
    if (!is_last) {
        return;
    }
    for (size_t i = 0; i < PLANS_AT_ONCE; i++) {
        cas_plan_free(group->answers[i].plan);
    }
    lock_destroy(&group->lock);
    free(group);
}

static struct group *group_new(void)
{
    struct group *group = calloc(1, sizeof(*group));
    if (group != NULL) {
        lock_init(&group->lock);
        lock_acquire(&group->lock);
        group->references = 1;
        lock_release(&group->lock);
    }
    return group;
}

// From now on `n_plans` answers hold a reference each.
static void group_expect(struct group *group, struct wait *wait, unsigned n_plans)
{
    lock_acquire(&group->lock);
    group->wait = wait_ref(wait);
    group->references += n_plans;
    group->n_awaited = n_plans;
    lock_release(&group->lock);
}

static void on_plan(void *ctx, enum err err, const struct why *why, struct cas_plan *plan)
{
    struct answer *answer = ctx;
    struct group *group = answer->group;
    if (err != ERR_NONE) {
        log_debug("fs", "no plan to compare: %s", why_text(why, err));
    }
    lock_acquire(&group->lock);
    answer->plan = plan;
    bool is_last = --group->n_awaited == 0;
    struct wait *wait = group->wait;
    lock_release(&group->lock);
    if (is_last) {
        wait_done(wait, ERR_NONE, NULL);
    }
    group_unref(group);
}

static void ask_plan(struct mount *mount, const struct commit_diff *diff,
                     const struct diff_side *side, const struct digest *xet_hash,
                     uint64_t size, struct answer *answer)
{
    struct hub_call call = {.class = HUB_DEMAND, .reason = "diff"};
    struct hub_source source = {diff->repo, side->commit};
    (void)cas_plan(mount->hub, &call, &source, xet_hash, 0, size - 1, on_plan, answer);
}

static enum err fill_in(const struct answer *answers, struct commit_change *change)
{
    struct chunk_difference difference;
    const struct cas_plan *old_plan = answers[0].plan;
    const struct cas_plan *new_plan = answers[1].plan;
    if (old_plan == NULL || new_plan == NULL) {
        change->has_differing = false;
        return ERR_NONE;
    }
    enum err err = diff_chunks_compare(old_plan->terms, old_plan->n_terms,
                                       new_plan->terms, new_plan->n_terms, &difference);
    if (err == ERR_NONE) {
        change->differing = difference.bytes;
        change->is_estimate = difference.is_estimate;
    }
    return err;
}

static enum err ask_group(struct mount *mount, struct wait_owner *owner,
                          struct commit_diff *diff, struct commit_change **changes,
                          unsigned n)
{
    struct wait *wait = NULL;
    struct group *group = group_new();
    enum err err = group != NULL ? wait_begin(owner, &wait) : ERR_NO_MEMORY;
    if (err != ERR_NONE) {
        if (group != NULL) {
            group_unref(group);
        }
        return err;
    }
    group_expect(group, wait, 2 * n);
    for (unsigned i = 0; i < n; i++) {
        struct answer *answers = &group->answers[2 * i];
        answers[0].group = answers[1].group = group;
        ask_plan(mount, diff, &diff->from, &changes[i]->old_xet, changes[i]->old_size,
                 &answers[0]);
        ask_plan(mount, diff, &diff->to, &changes[i]->new_xet, changes[i]->new_size,
                 &answers[1]);
    }
    err = wait_end(owner, wait, NULL);
    for (unsigned i = 0; err == ERR_NONE && i < n; i++) {
        err = fill_in(&group->answers[2 * i], changes[i]);
    }
    wait_unref(wait);
    group_unref(group);
    return err;
}

static bool needs_plans(const struct commit_change *change)
{
    return change->has_plans && change->old_size > 0 && change->new_size > 0;
}

enum err diff_chunks_ask(struct mount *mount, struct wait_owner *owner,
                         struct commit_diff *diff)
{
    struct commit_change *changes[PAIRS_AT_ONCE];
    unsigned n = 0;
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < diff->n; i++) {
        if (needs_plans(&diff->changes[i])) {
            changes[n++] = &diff->changes[i];
        }
        if (n == PAIRS_AT_ONCE) {
            err = ask_group(mount, owner, diff, changes, n);
            n = 0;
        }
    }
    return err == ERR_NONE && n > 0 ? ask_group(mount, owner, diff, changes, n) : err;
}
