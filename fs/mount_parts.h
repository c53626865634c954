// SPDX-License-Identifier: Apache-2.0
// The parts of a running mount, for the files of fs/ that work on them. They are made in the
// order of the fields and taken down in the opposite one (mount.c); in between the pointers
// don't change, so any thread may use them. What changes lies inside the parts, or below the
// lock at the end.
#pragma once

#include "fs/accounts.h"
#include "fs/attributes.h"
#include "fs/content.h"
#include "fs/control.h"
#include "fs/directory.h"
#include "fs/heads.h"
#include "fs/ino.h"
#include "fs/local_scan.h"
#include "fs/mount.h"
#include "fs/namespace.h"
#include "fs/overlay.h"
#include "fs/owner_lists.h"
#include "fs/parked.h"
#include "fs/places.h"
#include "fs/refresher.h"
#include "fs/reply_buffers.h"
#include "fs/session.h"
#include "fs/signals.h"
#include "fs/small_files.h"
#include "fs/small_siblings.h"
#include "fs/small_watch.h"
#include "fs/snapshot.h"
#include "fs/vnode.h"
#include "fs/wait.h"

enum { WHOLE_ROOTS = 64 };

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

    bool is_hub; // the whole Hub, not one repository

    // Of a mount of one repository.
    struct repo_id repo; // canonical
    int64_t repo_row;    // in the tree store, under this credential
    bool is_commit;      // the mount is of a commit: there is no head to follow
    struct snapshot *snapshot;

    // Of a mount that writes (mount_writing.c), else NULL.
    struct journal *journal;
    struct local_scanner *scanner; // of writable mounts
    struct overlay *overlay;
    struct committer *committer;
    // The branch or pull request that it commits to, when that was there at the start; "" = what
    // was mounted.
    char followed[REVISION_SIZE];
    char read_only_reason
        [WHY_MAX]; // why one that was asked to write does not; "" = it does

    struct attributes attributes;
    struct locator *locator;
    struct heads *heads;
    struct namespace *namespace;
    struct tree_walks *walks;
    struct places *places;
    struct vnodes *vnodes;
    atomic_ullong whole_roots[WHOLE_ROOTS]; // hf_cache_is_whole(); 0 = none
    atomic_uint n_whole_roots;              // ever noted
    struct accounts *accounts;              // of a mount of the whole Hub, as the next
    struct owner_lists *owner_lists;
    struct content_cache *contents;
    struct reply_buffers *buffers;
    struct parked *parked;
    // Below half of what the kernel queues, which INIT tells when reads may already come.
    atomic_uint parked_reads_max;
    struct session *session;
    struct refresher *refresher; // of a mount of one repository
    struct signals *signals;
    struct control_server *control;
    atomic_uint n_diffs; // of the control socket's clients, control_diff.c

    struct wait_owner startup; // of the thread that mounts

    atomic_llong offline_told_ms; // mount_is_news()

    struct lock
        lock; // before the locks of the parts; none of their verbs is called under it
    bool is_serving GUARDED_BY(lock); // the session answers, the refresher runs
    bool stop_wanted GUARDED_BY(lock);
    struct fetch_job *fetch_jobs GUARDED_BY(lock);
    struct refresh *refreshes GUARDED_BY(lock);
    mount_trace_fn trace GUARDED_BY(lock);
    void *trace_ctx GUARDED_BY(lock);
    uint64_t next_ticket GUARDED_BY(lock);
    struct small_watch small_watch GUARDED_BY(lock);
    struct small_places small_places GUARDED_BY(lock);
};

// When a kernel request that begins now must have its answer. parked.c waits a little longer,
// so that the error of whoever missed the deadline is the one that is told.
int64_t mount_deadline_ms(const struct mount *mount);
// A call on behalf of a kernel request that begins now.
struct hub_call mount_demand(const struct mount *mount, const char *reason);

// Whether the failure of a request is worth a line of the log. That the Hub is out of reach hub/
// has said once; what fails because of it is told now and then, not for each request.
bool mount_is_news(struct mount *mount, enum err err);

// Whether the number is a virtual node's (vnode.h).
bool mount_is_virtual(const struct mount *mount, uint64_t ino);
// The stored node behind an inode number of the kernel that is not virtual: 1 is the mount's root.
uint64_t mount_stored_ino(struct mount *mount, uint64_t ino);
// Its node. ERR_STALE.
NODISCARD enum err mount_node(struct mount *mount, uint64_t ino, struct tree_node *out);

// Where a path of the mount lies in a repository; lives until the callback returns.
struct located {
    struct tree_node node;
    struct hub_source source; // the repository, and the commit that the mount shows there
    char revision[REVISION_SIZE]; // as it was asked for
    uint64_t repo_root;           // the stored root of that commit
    uint64_t root;                // the kernel's number of the root that is shown there
};
typedef void (*mount_located_fn)(void *ctx, enum err err, const struct why *why,
                                 const struct located *located);
// Walks to a path. ERR_USAGE with a sentence: it lies above the repositories, or in .hub.
// mount_locate.c
void mount_locate(struct mount *mount, const char *path, const struct hub_call *call,
                  mount_located_fn done, void *ctx);

// What is known about a file or folder, by its stored node; from this machine alone. `out->path` is
// *out_path, which is malloc'd. mount_info.c
NODISCARD enum err mount_describe(struct mount *mount, const struct tree_node *node,
                                  struct mount_path_info *out, char **out_path);

// What people call the state of a change. mount_writes.c
const char *mount_state_word(enum journal_state state, bool stays_here);

// Whether the mount is up and not going down.
bool mount_is_serving(struct mount *mount);

// Told of each parked request that was answered; fits parked_trace_fn. mount_trace.c
void mount_trace_parked(void *ctx, const char *operation, uint64_t ino, int64_t waited_ms,
                        enum err err);
// The parts that know names; those above the repositories, of a mount of the whole Hub; and the end
// of both, after hub_close(). mount_names.c
NODISCARD enum err mount_open_names(struct mount *mount);
NODISCARD enum err mount_open_hub_folders(struct mount *mount);
void mount_close_names(struct mount *mount);

// The parts of a mount that writes. The committer works as soon as the mount serves. Draining tries
// for a while to commit what waits, and ends it; refresher and network are still there.
// mount_writing.c
NODISCARD enum err mount_open_writing(struct mount *mount, struct why *why);
NODISCARD enum err mount_start_committer(struct mount *mount, struct why *why);
void mount_drain_writing(struct mount *mount);
void mount_close_writing(struct mount *mount); // after hub_close()
void mount_free_writing(struct mount *mount);  // before the stores
// Where commits go, by name.
const char *mount_target_branch(const struct mount *mount);
// When what was written to a file so far is committed, or why it is not (commit=close).
void mount_wait_committed(struct mount *mount, uint64_t ino, mount_done_fn done,
                          void *ctx);

// Ends what waits in mount_refresh(); when no thread can be in it any more.
void mount_refresh_cancel_all(struct mount *mount);
// For mount_fetch_cancel(): every job there is.
#define FETCH_JOBS_ALL UINT64_MAX
