// SPDX-License-Identifier: Apache-2.0
// Inside the committer: its thread (committer.c,
// committer_turn.c) and what others ask of it (committer_verbs.c).
#pragma once

#include "fs/commit_waits.h"
#include "fs/commit_work.h"
#include "fs/committer.h"

struct committer {
    struct commit_work work; // the thread's, but for its lock and what stops it
    struct commit_report report;
    struct commit_policy policy;
    char *new_branch;
    pthread_t thread;

    // The thread's own:
    bool is_begun;      // the branch is there, and what an earlier process left is known
    unsigned n_failed;  // in a row
    unsigned n_barren;  // batches in a row of which nothing landed
    int64_t paused_ms;  // nothing is tried before
    int64_t nothing_ms; // nothing could be taken: looked at again then
    struct overlay_waiting waiting; // as it was counted last
    bool has_more;                  // and since then something was saved
    int64_t count_again_ms;

    struct condition changed;
    struct lock lock; // below the overlay's; nothing is called under it
    bool stop_wanted GUARDED_BY(lock);
    bool is_over GUARDED_BY(lock);
    bool is_kicked GUARDED_BY(lock);
    int64_t wakes_ms GUARDED_BY(lock);            // when the thread looks by itself
    bool is_draining GUARDED_BY(lock);            // the end of the mount: its last chance
    struct commit_waits waits GUARDED_BY(lock);   // for the next turn
    struct commit_waits current GUARDED_BY(lock); // for this one
    char *message GUARDED_BY(lock);               // of the next commit; NULL = none
    char *spoken GUARDED_BY(lock);                // by `hugfs commit -m`; goes before it
};

// ---- committer.c

// Whether what waits now is to be committed now.
bool committer_is_due(struct committer *committer);

// ---- committer_turn.c

// Whether something is to be done before anything is saved: a branch, a pull request, or a commit of
// an earlier process.
bool committer_has_left_overs(const struct committer *committer);
// Whether the branch has gone on from where a commit of an earlier process may still come to stand.
bool committer_looks_again(const struct committer *committer);
// Commits what there is, and tells those in `current`.
void committer_take_turn(struct committer *committer);
