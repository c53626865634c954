// SPDX-License-Identifier: Apache-2.0
// What is told about a repository beside its files: where a mount of it stands, its history, its
// refs. For .hub and for the verbs `log` and `revisions`. History and refs are kept as memos of the
// tree store, so they can be read without the Hub later. Each has a half that looks at this machine
// alone, and one that asks the Hub; when the latter has ended well the former finds the answer.
#pragma once

#include "fs/control_protocol.h"
#include "fs/hidden.h"

// ---- status

struct repo_status {
    struct repo_id repo;
    char revision[REVISION_SIZE]; // as it was asked for; "" = the default branch
    struct oid commit;            // what is shown
    int64_t commit_date_s;        // -1 = not known
    bool follows_branch;          // false: a commit, which never moves
    int64_t head_checked_s;   // wall clock of the last answer about the head; -1 = none
    struct why refresh_error; // why the last question about it failed; "" = it did not
    bool offline;
    uint64_t entries_known; // names of the repository listed so far, of any commit
    uint64_t bytes_known;   // and the sum of their sizes
};
// `dir`: the kernel's number of a root (hidden_is_at()). ERR_STALE. Any thread, as all below.
NODISCARD enum err repo_status_get(struct mount *mount, uint64_t dir,
                                   struct repo_status *out);

// ---- history, the newest commit first

struct repo_commit {
    struct oid id;
    int64_t date_s; // -1 = not known
    const char *author;
    const char *title;
};
struct repo_log {
    struct repo_id repo;
    struct oid commit; // the history begins there
    const struct repo_commit *commits;
    size_t n;
};
enum { REPO_LOG_COMMITS_MAX = 500 };

// Writes the history of a commit. ERR_ABSENT: ask. A history never changes, so what is here is
// never too old.
NODISCARD enum err repo_log_peek(struct mount *mount, const struct hidden_about *about,
                                 enum render_format format, struct buffer *out);
void repo_log_ask(struct mount *mount, const struct hidden_about *about,
                  const struct hub_call *call, waiter_fn done, void *ctx);

// The memo: at most REPO_LOG_COMMITS_MAX of `commits`, fewer where the memo would grow too long; the
// oldest are left out. `buffer` has the maximum that it may have.
NODISCARD enum err repo_log_pack(const struct repo_commit *commits, size_t n,
                                 struct buffer *out);
// The opposite; cuts `text` into strings, which the commits point into. ERR_MALFORMED. Free
// *out_commits.
NODISCARD enum err repo_log_unpack(char *text, struct repo_commit **out_commits,
                                   size_t *out_n);

// ---- refs: repo_refs.c

struct repo_ref {
    enum hub_ref_kind kind;
    const char *name; // "main", "v1", "parquet", "refs/pr/1"
    struct oid sha;
};
typedef bool (*repo_refs_fn)(void *ctx, const struct repo_ref *ref);
// Branches, tags, converts, then pull requests, the newest first, until `visit` returns false; what
// is older than -o poll counts as missing unless `any_age`, or without the Hub. ERR_ABSENT: ask.
NODISCARD enum err repo_refs_visit(struct mount *mount, int64_t row, bool any_age,
                                   repo_refs_fn visit, void *ctx);
// When the refs that are here were asked for, wall clock. ERR_ABSENT.
NODISCARD enum err repo_refs_told_s(struct mount *mount, int64_t row, int64_t *out);
void repo_refs_ask(struct mount *mount, const struct repo_id *repo, int64_t row,
                   const struct hub_call *call, waiter_fn done, void *ctx);

// How a revision of that name is written behind the @ of an address: "refs/convert/parquet".
// False: it is too long.
bool repo_ref_revision(const struct repo_ref *ref, char out[REVISION_SIZE]);

// The memo; *out_left_out refs found no room. Sorts `refs`.
NODISCARD enum err repo_refs_pack(struct repo_ref *refs, size_t n, struct buffer *out,
                                  size_t *out_left_out);
// Calls `visit` for each until it returns false; cuts `text` into strings. ERR_MALFORMED.
NODISCARD enum err repo_refs_unpack(char *text, repo_refs_fn visit, void *ctx);

// All of them, for rendering.
struct repo_refs {
    struct repo_id repo;
    struct oid commit;    // what is shown
    const char *revision; // as it was asked for; "" = the default branch
    const struct repo_ref *refs;
    size_t n;
};
