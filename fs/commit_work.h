// SPDX-License-Identifier: Apache-2.0
// What the committer's thread works with, for the files commit_*.c. Only that thread touches it,
// but for what is marked.
#pragma once

#include "fs/commit_own.h"
#include "fs/commit_policy.h"
#include "fs/commit_report.h"
#include "fs/mount_parts.h"
#include "fs/overlay.h"

struct journal_change;

// What came of a piece of work.
enum commit_end {
    COMMIT_END_DONE,
    COMMIT_END_PAUSE, // `err` and `why` of the work say why nothing should be tried for a while
    COMMIT_END_STOPPED, // the mount ends: what is under way stays in the journal
};

// What is known of a batch that a process before this one was sending when it ended.
enum commit_knowledge {
    COMMIT_IS_NOT_LOOKED_FOR,
    COMMIT_IS_FOUND,    // it is in the branch
    COMMIT_IS_OPEN,     // it is not, but the branch stands where it would follow
    COMMIT_NEVER_COMES, // it is not, and the branch has gone on
};
struct commit_recovered {
    char *id;
    struct oid parent;
    enum commit_knowledge known;
    struct oid commit;
    struct overlay_item
        *items; // op, path, id, generation, and in under_oid what it brought
    size_t n;
};

// Whoever waits for a commit is told; both on the committer's thread.
struct commit_listener {
    // An item is settled: it is in the repository, or why it is not.
    void (*settled)(void *ctx, const struct overlay_item *item, enum err err,
                    const struct why *why);
    // Nothing comes of it for now.
    void (*troubled)(void *ctx, enum err err, const struct why *why);
    void *ctx;
};

enum { COMMIT_UPLOADS_MAX = 16 };

// A batch of the journal of which nobody knows what became.
struct commit_unsettled {
    char *id; // malloc'd
    struct oid parent;
};

struct commit_work {
    struct mount *mount;
    struct overlay *overlay;
    struct journal *journal;
    struct commit_report *report;
    struct wait_owner owner; // any thread may cancel it
    struct commit_listener listener;
    struct condition stopping;
    struct lock lock;
    bool is_stopping GUARDED_BY(lock); // any thread

    // Where commits go.
    char revision[REVISION_SIZE]; // as heads.h knows it: "" = the default branch
    bool is_ready;                // it exists
    bool as_pull;
    const char *new_branch; // NULL = none
    uint64_t pull;          // 0 = not opened yet
    char *pull_key; // what its title was to say when it was asked for; NULL = it was not

    struct commit_own own;
    struct commit_recovered *recovered;
    size_t n_recovered;
    struct commit_unsettled *unsettled; // that may still land, however late
    size_t n_unsettled;
    char *message; // of the next commit; NULL = none
    bool message_was_used;
    struct xet_uploads
        *uploads; // what has been uploaded before; NULL = not looked for yet
    struct digest sent[COMMIT_UPLOADS_MAX]; // the newest files of it (commit_uploads.h)
    size_t n_sent;

    enum err err; // why it pauses, with `why`; ERR_NONE = it does not
    struct why why;
    int64_t
        told_ms; // the pause that the Hub asked for when it put the last commit off; <= 0: none
    size_t n_landed;   // items, ever
    bool has_narrowed; // what is left of a deletion goes with the next batch of this turn
};

void commit_work_init(struct commit_work *work);
void commit_work_release(struct commit_work *work);
// Ends what its thread waits for; any thread.
void commit_work_stop(struct commit_work *work);

// A call of the committer: what is saved is to become safe, whoever waits for it.
struct hub_call commit_call(void);
// Where it goes, for hub/: lives as long as `work` isn't moved elsewhere.
struct hub_target commit_target(const struct commit_work *work);
bool commit_is_stopping(struct commit_work *work);
// Notes why nothing can be done for now. COMMIT_END_STOPPED at the end of the mount.
enum commit_end commit_pause(struct commit_work *work, enum err err,
                             const struct why *why);
// Keeps still after the `n_failed`th failure of something that must be known before anything else
// is done, and tells those who wait. False: the mount ends.
bool commit_hold_still(struct commit_work *work, enum err err, const struct why *why,
                       unsigned n_failed);
// How long the Hub's rate limit lasts as far as it is known; <= 0: it isn't.
int64_t commit_quota_ms(struct commit_work *work);
