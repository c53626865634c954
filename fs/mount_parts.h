// SPDX-License-Identifier: Apache-2.0
// The parts of a running mount, for the files of fs/ that work on them. They are made in the
// order of the fields and taken down in the opposite one (mount.c); in between the pointers
// don't change, so any thread may use them. What changes lies inside the parts, or below the
// lock at the end.
#pragma once

#include "fs/attributes.h"
#include "fs/content.h"
#include "fs/control.h"
#include "fs/mount.h"
#include "fs/namespace.h"
#include "fs/parked.h"
#include "fs/refresher.h"
#include "fs/reply_buffers.h"
#include "fs/session.h"
#include "fs/signals.h"
#include "fs/snapshot.h"
#include "fs/wait.h"

enum { MOUNT_ROOT_INO = 1 }; // the kernel's number for the root of a mount

struct mount {
    const struct mount_options *options;
    int64_t started_s; // wall clock

    struct event_loop *loop;
    pthread_t loop_thread;
    bool has_loop_thread;
    struct worker_pool *pool;
    struct hub *hub;
    struct tree_store *tree;
    struct chunk_store *chunks;
    struct xet *xet;

    struct repo_id repo; // canonical
    int64_t repo_row;    // in the tree store, under this credential
    bool is_commit;      // the mount is of a commit: there is no head to follow
    struct attributes attributes;

    struct snapshot *snapshot;
    struct namespace *namespace;
    struct content_cache *contents;
    struct reply_buffers *buffers;
    struct parked *parked;
    // Below half of what the kernel queues, which INIT tells when reads may already come.
    atomic_uint parked_reads_max;
    struct session *session;
    struct refresher *refresher;
    struct signals *signals;
    struct control_server *control;

    struct wait_owner startup; // of the thread that mounts

    struct lock
        lock; // before the locks of the parts; none of their verbs is called under it
    bool is_serving GUARDED_BY(lock); // the session answers, the refresher runs
    bool stop_wanted GUARDED_BY(lock);
    struct fetch_job *fetch_jobs GUARDED_BY(lock);
    mount_trace_fn trace GUARDED_BY(lock);
    void *trace_ctx GUARDED_BY(lock);
    uint64_t next_ticket GUARDED_BY(lock);
};

// When a kernel request that begins now must have its answer. parked.c waits a little longer,
// so that the error of whoever missed the deadline is the one that is told.
int64_t mount_deadline_ms(const struct mount *mount);
// A call on behalf of a kernel request that begins now.
struct hub_call mount_demand(const struct mount *mount, const char *reason);

// The stored node behind an inode number of the kernel: 1 is the mount's root.
uint64_t mount_stored_ino(struct mount *mount, uint64_t ino);
// Its node. ERR_STALE.
NODISCARD enum err mount_node(struct mount *mount, uint64_t ino, struct tree_node *out);

// Whether the mount is up and not going down.
bool mount_is_serving(struct mount *mount);

// Told of each parked request that was answered; fits parked_trace_fn. mount_trace.c
void mount_trace_parked(void *ctx, const char *operation, uint64_t ino, int64_t waited_ms,
                        enum err err);
// For mount_fetch_cancel(): every job there is.
#define FETCH_JOBS_ALL UINT64_MAX
