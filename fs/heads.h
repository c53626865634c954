// SPDX-License-Identifier: Apache-2.0
// Where revisions stand: the commit of a branch, tag, ref or commit name of any repository. What
// is known is kept in the tree store; the Hub is asked once, however many wait for the answer.
#pragma once

#include "cache/cache.h"
#include "fs/locator.h"
#include "fs/waiters.h"

struct heads;

// The poll interval after the Hub's rate limit has refused the question `n_refused` times in a row:
// twice as long each time, until it is as long as the limit's window.
int64_t heads_backoff_ms(int64_t poll_ms, unsigned n_refused);

// All of them outlive it. `poll_ms`: how long an answer about a branch is good; 0 = for ever.
NODISCARD enum err heads_new(struct hub *hub, struct tree_store *tree,
                             struct locator *locator, int64_t poll_ms,
                             struct heads **out);
// After hub_close(): nothing is under way any more.
void heads_free(struct heads *heads);

// What the Hub calls every repository's default branch; it can be neither renamed nor deleted.
#define DEFAULT_BRANCH "main"

// 40 hex digits: it never moves.
bool revision_is_commit(const char *revision);

// A revision of a repository, both as they were asked for.
struct head {
    struct repo_id repo; // canonical
    struct tree_ref ref;
};

enum heads_age {
    HEADS_POLLED, // no older than poll_ms; anything while offline; a commit at any age
    HEADS_NOW,    // anything while offline; else nothing is young enough
    HEADS_ANY,    // whatever was last known
};
// From this machine alone; `revision` "" = the default branch. ERR_ABSENT: nothing, or nothing
// young enough. Any thread, as below.
NODISCARD enum err heads_peek(struct heads *heads, const struct repo_id *repo,
                              const char *revision, enum heads_age age, struct head *out);

// Asks the Hub and stores the answer, which heads_peek() then finds with HEADS_ANY.
// ERR_NOT_FOUND: the Hub knows no such repository or revision, and what was stored is forgotten.
void heads_ask(struct heads *heads, const struct repo_id *repo, const char *revision,
               const struct hub_call *call, waiter_fn done, void *ctx);

// Stores what another answer told, an owner's listing: `head->repo` stands there.
NODISCARD enum err heads_note(struct heads *heads, const char *revision,
                              const struct head *head);

// Nothing that is known now, or asked already, is young enough any more (SIGHUP, back online).
void heads_expire(struct heads *heads);

// Whether what was checked at that wall clock second is younger than the last heads_expire().
bool heads_still_count(const struct heads *heads, int64_t checked_at_s);

// The root of a commit in the tree store, made when new.
struct head_root {
    int64_t row; // of the canonical repository
    uint64_t ino;
};
NODISCARD enum err heads_root(struct heads *heads, const struct head *head,
                              struct head_root *out);
