// SPDX-License-Identifier: Apache-2.0
// A running mount, as the control socket and the signals see it. mount.c owns every part:
// event loop, worker pool, hub, stores, xet engine, namespace, FUSE session, refresher.
#pragma once

#include "base/base.h"
#include "cache/cache.h"
#include "fs/mount_options.h"
#include "hub/hub.h"
#include "xet/xet.h"

struct mount;

// At unmount: so long what waits may take to be committed.
enum { MOUNT_DRAIN_MS = 30000 };

// Mounts, daemonises unless options->foreground, serves until unmounted, cleans up. The
// parent of a daemon returns when the mount answers. Returns an exit status (DESIGN "Command
// line"); has printed one sentence when it is not 0.
int mount_run(const struct mount_options *options);

// ---- for control.c; loop thread unless it says otherwise. Callbacks come on any thread.

struct event_loop *mount_loop(struct mount *mount);
const struct mount_options *mount_options_of(const struct mount *mount);

// What a mount that writes has to commit, and how that goes.
struct mount_writes {
    bool is_writable;
    char read_only_reason[512]; // why it was asked to write and cannot; "" = it can
    uint64_t waiting;           // files and names that are to be committed
    uint64_t on_their_way;
    uint64_t conflicts;
    uint64_t failed; // refused
    uint64_t local;  // that stay here (.hubignore, litter)
    uint64_t dirty;  // written and not closed or synced
    uint64_t bytes_waiting;
    char doing[512];     // a sentence
    uint64_t sent_bytes; // of sending_bytes, while it uploads; 0 of 0 = it does not
    uint64_t sending_bytes;
    char sending_path[PATH_BYTES_MAX + 1]; // what it is at
    char trouble[512];          // of the last failure; "" = all went well since
    uint64_t commits;           // made by this mount
    char branch[REVISION_SIZE]; // where they go
    char pull_url[1024];        // of the pull request; "" = none
};

// Part of mount_get_status(). mount_writes.c, as the next ones
void mount_get_writes(struct mount *mount, struct mount_writes *out);

// One change that is not on the Hub. Strings live as long as the list.
struct mount_change {
    const char *path; // from the repository root
    char what;        // 'A' new, 'M' changed, 'D' deleted, 'R' moved here
    const char
        *state; // "open", "waits", "on its way", "conflict", "refused", "stays here"
    uint64_t size;
    uint64_t base_size;   // before the change; 0 = it was not there
    const char *sentence; // why it is refused or in conflict; "" = it is not
};
struct mount_changes {
    struct mount_change *changes; // sorted by path
    size_t n;
};
// The changes at and below a path of the mount. ERR_READ_ONLY with a sentence: the mount does not
// write. Release `out` in every case.
NODISCARD enum err mount_get_changes(struct mount *mount, const char *path,
                                     struct why *why, struct mount_changes *out);
void mount_changes_release(struct mount_changes *changes);

// What `hugfs status` tells of a mount; fs/render_status.c writes it as text, JSON and metrics.
struct mount_status {
    bool is_hub;            // of the whole Hub: the next nine say nothing
    struct repo_id repo;    // canonical id, as the Hub spells it
    struct oid commit;      // what the mount shows
    int64_t commit_date_s;  // -1 = not known
    bool follows_branch;    // false: a mount of a commit, whose head is never asked for
    int64_t head_checked_s; // wall clock of the last answer about the head; -1 = none yet
    struct why
        refresh_error; // why the last question about the head failed; "" = it did not
    int64_t started_s; // wall clock
    uint32_t parked;   // kernel requests that wait for the network now
    uint64_t entries_known; // names listed so far
    uint64_t bytes_known;   // and the sum of their sizes
    char token_source[256]; // as hub_token_source()
    struct hub_stats hub;
    struct xet_stats xet;
    struct chunk_store_stats cache;
    bool has_path; // a path was asked about, and this is known of it; NULL = nothing
    const struct mount_share *here;
    struct mount_writes writes;
    const struct mount_changes *changes; // at and below that path; NULL = none is told
};
void mount_get_status(struct mount *mount, struct mount_status *out);

typedef void (*mount_done_fn)(void *ctx, enum err err, const struct why *why);

// What is known about one path; fs/render_info.c writes it as text and JSON (also for
// .hub/info/PATH).
struct mount_path_info {
    struct repo_id repo;
    struct oid commit;     // the commit whose tree was asked
    const char *path;      // from the repository root
    struct tree_node node; // kind, size, oid, hashes
    bool is_unnamed;       // it is on no Hub: has neither oid nor hashes
    const char *state;     // as of a change; NULL = it is not changed here
    char doing[512];       // and when it is committed; "" = that is not known
    uint64_t cached_bytes; // on this machine
    enum verified_state verified;
    bool pinned;
    enum err last_error; // of the last failed read or commit, ERR_NONE if none
    struct why why;
};
// `info` is NULL on error, and lives until the callback returns.
typedef void (*mount_info_fn)(void *ctx, enum err err, const struct why *why,
                              const struct mount_path_info *info);
// Looks up one path, relative to the mount's root ("" = the root itself).
void mount_info(struct mount *mount, const char *path, mount_info_fn done, void *ctx);

// What share of the files at and below a path is on this machine; fs/render_share.c writes it.
enum { MOUNT_SHARE_FILES_MAX = 1000 };
struct mount_share_file {
    char *path; // from the repository root, as the paths below
    uint64_t size;
    uint64_t cached_bytes;
    bool pinned;
    bool gated; // and not to be read with this token
};
struct mount_share {
    char *path;
    const struct mount_share_file *files; // those that are not here in full first
    size_t n_files;
    char *const *folders; // some of those whose names are not all known
    size_t n_folders;
    uint64_t unlisted_folders;
    uint64_t files_total;
    uint64_t files_complete;
    uint64_t bytes_total;
    uint64_t bytes_cached;
};
// `share` is NULL on error, and lives until the callback returns.
typedef void (*mount_share_fn)(void *ctx, enum err err, const struct why *why,
                               const struct mount_share *share);
// Never asks the Hub about what lies below the path. ERR_USAGE: no repository lies there.
void mount_get_share(struct mount *mount, const char *path, mount_share_fn done,
                     void *ctx);

// Fetches (and pins) every file at or below a path. Progress is called from time to time and
// once at the end, before done.
struct mount_progress {
    uint64_t bytes_total; // grows while folders are being listed
    uint64_t bytes_done;
    uint64_t files_total;
    uint64_t files_done;
    uint64_t files_failed;
    bool listing; // folders are still being listed
};
typedef void (*mount_progress_fn)(void *ctx, const struct mount_progress *progress);
enum mount_fetch { MOUNT_PREFETCH, MOUNT_PIN, MOUNT_UNPIN };
// Returns a ticket for mount_fetch_cancel (the client went away).
uint64_t mount_fetch(struct mount *mount, const char *path, enum mount_fetch what,
                     mount_progress_fn progress, mount_done_fn done, void *ctx);
void mount_fetch_cancel(struct mount *mount, uint64_t ticket);

// Commits everything that was saved until now, with this message (NULL: the one of .hub/message, or
// one of its own); done when the Hub has it. ERR_CONFLICT with a sentence: some of it has not.
void mount_commit(struct mount *mount, const char *message, mount_done_fn done,
                  void *ctx);
// Gives up what was changed at and below a path and is not on its way; `*out_n` of them.
// ERR_NOT_FOUND: nothing is. Waits for no network.
NODISCARD enum err mount_discard(struct mount *mount, const char *path, struct why *why,
                                 uint64_t *out_n);
// The message of the next commit, "" = none was written. ERR_READ_ONLY.
enum { MOUNT_MESSAGE_MAX = 64 << 10 };
NODISCARD enum err mount_get_message(struct mount *mount, struct buffer *out);
// ERR_USAGE: it is no UTF-8 or has a NUL; ERR_TOO_LARGE. Empty: none. Durable when done is called.
void mount_set_message(struct mount *mount, const char *text, size_t len,
                       mount_done_fn done, void *ctx);

// Asks where the revision that the path lies in stands now; done when the mount shows that. In a
// mount of the whole Hub "" means whatever is used from now on.
void mount_refresh(struct mount *mount, const char *path, mount_done_fn done, void *ctx);
void mount_set_offline(struct mount *mount, bool offline);

// Chunk store maintenance on behalf of `hugfs cache ...` when a mount owns the store.
struct chunk_store *mount_chunk_store(struct mount *mount);

// One event per HTTP request and per parked kernel request goes to `trace` (on the network
// thread) until it is set to NULL. fs/render_trace.c writes it as text and JSON.
struct mount_trace {
    const struct hub_trace
        *http; // an HTTP request has ended; NULL: a parked kernel request has
    const char
        *operation; // "read", "lookup", "readdir" ...; parked requests only, as below
    uint64_t ino;
    int64_t waited_ms;
    enum err err;
};
typedef void (*mount_trace_fn)(void *ctx, const struct mount_trace *trace);
void mount_set_trace(struct mount *mount, mount_trace_fn trace, void *ctx);

// Unmounts and stops, as SIGTERM does. Any thread.
void mount_stop(struct mount *mount);
