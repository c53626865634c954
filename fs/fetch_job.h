// SPDX-License-Identifier: Apache-2.0
// A running `hugfs prefetch`, `pin` or `unpin`: fetch_job.c is its life and what is told of
// it, fetch_work.c the work. Private to the two.
#pragma once

#include "fs/mount_parts.h"

struct item { // a folder or a file that waits for its turn
    uint64_t ino;
    struct item *next;
};

struct open_file { // a file of which ranges are asked for
    struct content *content;
    uint64_t next_offset;
    unsigned n_ranges; // under way
    bool has_failed;
    struct open_file *next, *prev;
};

struct fetch_job {
    struct mount *mount;
    enum mount_fetch what;
    mount_progress_fn progress_fn;
    mount_done_fn done;
    void *ctx;
    uint64_t ticket;
    int64_t
        row; // of the repository that the path led to; this and the next two from then on
    struct hub_source source;
    uint64_t repo_root;
    struct fetch_job *next, *prev; // the mount's list

    struct lock lock;
    unsigned references GUARDED_BY(lock);
    struct item *folders GUARDED_BY(lock);
    struct item *files GUARDED_BY(lock);
    struct open_file *open_files GUARDED_BY(lock);
    unsigned n_listing GUARDED_BY(lock);
    unsigned n_fetching GUARDED_BY(lock); // ranges, and files being opened
    bool has_listed GUARDED_BY(lock); // there was a folder: names whose modes may be told
    bool is_cancelled GUARDED_BY(lock);
    bool is_telling GUARDED_BY(lock);
    int64_t told_ms GUARDED_BY(lock);
    struct mount_progress progress GUARDED_BY(lock);
    enum err err GUARDED_BY(lock); // the first failure
    struct why why GUARDED_BY(lock);
};

struct fetch_job *fetch_job_ref(struct fetch_job *job);
void fetch_job_unref(struct fetch_job *job);
// Remembers the first failure; nothing when `err` is ERR_NONE.
void fetch_job_note(struct fetch_job *job, enum err err, const struct why *why)
    REQUIRES(job->lock);
// Tells the progress if it is time, and the end if it is the end.
void fetch_job_tell(struct fetch_job *job);

// Starts what can be started, then tells. The caller holds a reference.
void fetch_work_step(struct fetch_job *job);
// Adds what the path leads to.
NODISCARD enum err fetch_work_add(struct fetch_job *job, const struct tree_node *node)
    REQUIRES(job->lock);
