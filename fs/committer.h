// SPDX-License-Identifier: Apache-2.0
// Brings what was saved in a writable mount to the Hub: one thread that takes what the overlay has
// sealed, uploads it, makes commits of it, and moves the mount to them.
#pragma once

#include "fs/commit_policy.h"
#include "fs/commit_report.h"
#include "fs/overlay.h"

struct committer;

struct committer_config {
    int64_t quiet_ms;     // commits are made so long after the newest seal,
    int64_t max_delay_ms; // at most so long after the oldest
    enum commit_mode mode;
    bool as_pull;       // to a pull request, opened when there is something to commit
    const char *branch; // to this one, made when it is new; NULL = to what is mounted
};

// After overlay_open(). Begins to work when the mount serves. All parts of the mount outlive it until
// it is stopped.
NODISCARD enum err committer_open(struct mount *mount, struct overlay *overlay,
                                  struct journal *journal,
                                  const struct committer_config *config, struct why *why,
                                  struct committer **out);
// Gives up what it does; returns when its thread has ended. What is not committed is in the journal.
// Who waits hears ERR_CANCELLED. Before the network's thread is. NULL is fine, as for
// all that follow but where it makes no sense.
void committer_stop(struct committer *committer);
// When nobody calls a verb any more, before overlay_free().
void committer_free(struct committer *committer);

// Commits everything that is sealed by now, whatever the mode. `done` is called on the committer's
// thread: ERR_NONE, or why something of it is not on the Hub yet (it stays sealed, in conflict or
// refused). `message` (UTF-8, its first line the title; NULL: that of committer_set_message(), else
// one is made). Any thread.
void committer_commit_now(struct committer *committer, const char *message,
                          overlay_done_fn done, void *ctx);
// `done` when this generation of the file (or a later one) is on the Hub, or can't be now; it is
// committed at once. It must be sealed, and neither refused nor in conflict.
void committer_wait_for(struct committer *committer, uint64_t id, uint64_t generation,
                        overlay_done_fn done, void *ctx);
// The next commit's message, kept in the journal until a commit has it. ERR_TOO_LARGE. "" = none.
enum { COMMITTER_MESSAGE_MAX = 65536 };
NODISCARD enum err committer_set_message(struct committer *committer,
                                         const char *message);
// malloc'd, "" = none; NULL without memory.
char *committer_message(struct committer *committer);

// What the mount is to follow: the branch that commits go to, "" = the default one. Another than the
// mounted one as soon as `pr` or `branch` are there. Any thread.
void committer_revision(struct committer *committer, char out[REVISION_SIZE]);

struct committer_status {
    enum commit_doing doing;
    int64_t until_ms; // of WAITING and PAUSED, monotonic
    uint64_t done;    // of UPLOADING: bytes
    uint64_t total;
    char path[PATH_BYTES_MAX + 1]; // and of which file
    struct why trouble;            // the last failure since all went well; "" = none
    uint64_t commits;              // made by this mount
    char revision[REVISION_SIZE];  // where they go; "" = the default branch
    uint64_t pull;                 // the pull request's number; 0 = none
    char pull_url[512];            // "" = none
};
void committer_status(struct committer *committer, struct committer_status *out);
// The same as a sentence for people.
void committer_sentence(const struct committer_status *status, char *out, size_t size);

// At the end of the mount, before committer_stop(): tries to commit what waits, until the monotonic
// deadline. Nothing in manual mode. Blocks the caller.
void committer_drain(struct committer *committer, int64_t deadline_ms);
