// SPDX-License-Identifier: Apache-2.0
// The verbs that change something, a part of hub/hub.h: include that one. Everything said at
// its top holds here too.
//
// Two kinds of retries. What can be repeated without harm (questions, uploads named by their
// content) is, inside. What can't (commits, pull requests, branches) is sent at most once: when
// the reply is lost, the caller hears ERR_TIMEOUT, ERR_TRUNCATED, ERR_SERVER or ERR_OFFLINE and
// has to look whether it was done.
//
// Sending has no default deadline: without hub_call.deadline_ms it may take as long as bytes
// move. Answers that take long have a limit of their own.
#pragma once

#include "hub/hub.h" // NOLINT(misc-header-include-cycle): hub.h ends with this one

// Where changes go: the head of a branch, or of a pull request ("refs/pr/N"). Copied by verbs.
struct hub_target {
    struct repo_id repo;
    const char *revision;
};
typedef void (*hub_done_fn)(void *ctx, enum err err, const struct why *why);

// ---- what may be done

// Fetches the Xet write token of the target; the verbs below share it. ERR_ACCESS: the token
// may not write here. ERR_NOT_FOUND: no such repository or revision. ERR_UNSUPPORTED: this
// Hub gives no Xet tokens for it, so nothing large can be written.
hub_ticket hub_write_access(struct hub *hub, const struct hub_call *call,
                            const struct hub_target *target, hub_done_fn done, void *ctx);
// Drops all write tokens (after each commit): what follows asks for new ones.
void hub_forget_write_tokens(struct hub *hub);

// ---- preupload

enum { HUB_PREUPLOAD_MAX = 256, HUB_SAMPLE_MAX = 512 };
struct hub_preupload_file {
    const char *path;
    uint64_t size;
    const uint8_t *sample; // the file's first bytes, up to HUB_SAMPLE_MAX
    size_t sample_len;
};
struct hub_upload_mode {
    bool is_lfs;               // else its content goes into the commit
    bool has_oid;              // something is at that path now:
    char oid[DIGEST_HEX_SIZE]; // SHA-256 of an LFS file, git's SHA-1 of a regular one; ""
};
// `modes` are in the order of the files asked about.
typedef void (*hub_preupload_fn)(void *ctx, enum err err, const struct why *why,
                                 const struct hub_upload_mode *modes, size_t n);
// How each of 1 to HUB_PREUPLOAD_MAX files is to be sent. `git_attributes`: the new text of
// .gitattributes when the same commit changes it, else NULL. What a .gitignore says is not
// asked. ERR_USAGE: a path or a request that the Hub refuses, with its sentence.
hub_ticket hub_preupload(struct hub *hub, const struct hub_call *call,
                         const struct hub_target *target,
                         const struct hub_preupload_file *files, size_t n,
                         const char *git_attributes, hub_preupload_fn done, void *ctx);

// ---- commits

// Exactly `len` bytes at `offset`; may block.
typedef enum err (*hub_read_fn)(void *ctx, uint64_t offset, void *to, size_t len,
                                struct why *why);

// The body of one commit as it grows, in an unnamed file: its memory does not depend on its
// size. One thread at a time. When an addition fails the body is as it was before it.
struct hub_commit_body;
// The file is made in `dir` (NULL: TMPDIR, /tmp). `description` may be "". `parent`: the
// commit must be this one's child; NULL = whatever the head is.
NODISCARD enum err hub_commit_body_new(const char *dir, const char *summary,
                                       const char *description, const struct oid *parent,
                                       struct why *why, struct hub_commit_body **out);
// A regular file: its bytes, read by `read` on the caller's thread, go along.
NODISCARD enum err hub_commit_body_add_file(struct hub_commit_body *body,
                                            const char *path, uint64_t size,
                                            hub_read_fn read, void *ctx, struct why *why);
// A file that has been uploaded (or is known to the Hub by its SHA-256 anyway).
NODISCARD enum err hub_commit_body_add_lfs(struct hub_commit_body *body, const char *path,
                                           const struct digest *sha256, uint64_t size,
                                           struct why *why);
NODISCARD enum err hub_commit_body_delete_file(struct hub_commit_body *body,
                                               const char *path, struct why *why);
NODISCARD enum err hub_commit_body_delete_folder(struct hub_commit_body *body,
                                                 const char *path, struct why *why);
// Bytes that will be sent.
uint64_t hub_commit_body_size(const struct hub_commit_body *body);
void hub_commit_body_free(struct hub_commit_body *body); // NULL is fine

struct hub_committed {    // with ERR_NONE:
    struct oid oid;       // the new commit
    const char *url;      // "" = none told
    const char *pull_url; // "" = none told
                          // with any error:
    bool was_sent;        // false: none of the body left, so nothing can have been done
    bool lfs_is_missing;  // ERR_USAGE: the Hub has no content for an LFS file in it
    // HTTP status, 0 = no answer came. 2xx with an error: it was done, but the answer was of
    // no use.
    int status;
    int64_t wait_ms; // that the Hub asked for (Retry-After, RateLimit); -1 = nothing
};
// `committed` is never NULL.
typedef void (*hub_commit_fn)(void *ctx, enum err err, const struct why *why,
                              const struct hub_committed *committed);
// POST .../commit/{rev}, once. The body may be freed as soon as this returns. ERR_CONFLICT:
// the head is not `parent` (412, 409). ERR_ACCESS. ERR_USAGE: refused (400, 422), with the
// server's sentence. ERR_TOO_LARGE (413), ERR_QUOTA (429), ERR_NOT_FOUND.
hub_ticket hub_commit(struct hub *hub, const struct hub_call *call,
                      const struct hub_target *target, const struct hub_commit_body *body,
                      hub_commit_fn done, void *ctx);

struct hub_found_commit {
    bool found;        // a commit whose title or message contains the needle:
    struct oid oid;    // that one
    bool reached_stop; // not found: `stop_at` was met on the way (it is not looked at)
    struct oid head;   // the newest commit; zero = there is none
};
enum { HUB_FIND_COMMIT_MAX = 100 };
// `result` is NULL on error.
typedef void (*hub_find_commit_fn)(void *ctx, enum err err, const struct why *why,
                                   const struct hub_found_commit *result);
// Looks through the newest commits (at most HUB_FIND_COMMIT_MAX) of a revision for `needle`.
// `stop_at` NULL = to the end.
hub_ticket hub_find_commit(struct hub *hub, const struct hub_call *call,
                           const struct repo_id *repo, const char *revision,
                           const struct oid *stop_at, const char *needle,
                           hub_find_commit_fn done, void *ctx);

// ---- pull requests and branches

// 0 on error, and from hub_find_pull() when there is none.
typedef void (*hub_pull_fn)(void *ctx, enum err err, const struct why *why,
                            uint64_t number);
// Opens an empty pull request on the default branch; commits then go to refs/pr/NUMBER. Needs
// read access only. Sent once. `title`: at least 3 characters.
hub_ticket hub_open_pull(struct hub *hub, const struct hub_call *call,
                         const struct repo_id *repo, const char *title,
                         const char *description, hub_pull_fn done, void *ctx);
// The newest pull request, not closed or merged, whose title contains `needle`. Looks at some
// hundred.
hub_ticket hub_find_pull(struct hub *hub, const struct hub_call *call,
                         const struct repo_id *repo, const char *needle, hub_pull_fn done,
                         void *ctx);
// Sent once. ERR_CONFLICT: it exists. ERR_NOT_FOUND: no such starting point. ERR_USAGE: no
// name for a branch.
hub_ticket hub_create_branch(struct hub *hub, const struct hub_call *call,
                             const struct repo_id *repo, const char *branch,
                             const struct oid *start, hub_done_fn done, void *ctx);

// ---- the CAS API

// `shard`: what the service knows about the xorb that holds the chunk, as it came.
typedef void (*cas_chunk_query_fn)(void *ctx, enum err err, const struct why *why,
                                   const uint8_t *shard, size_t len);
// GET /v1/chunks/default/{hash}. ERR_NOT_FOUND: nobody has uploaded it.
hub_ticket cas_query_chunk(struct hub *hub, const struct hub_call *call,
                           const struct hub_target *target, const struct digest *chunk,
                           cas_chunk_query_fn done, void *ctx);

// Uploads have slots of their own (4), and retries (1 s, doubled, at most 60 s) as long as the
// deadline allows; without one some minutes, then the failure is told. `fd` is read by
// pread() on the network thread and stays open until `done`.

// The bytes [offset, offset + len) of `fd` are the xorb. By an upload grant, or where the
// service knows none (remembered) directly. ERR_NONE also when it was there already.
hub_ticket cas_upload_xorb(struct hub *hub, const struct hub_call *call,
                           const struct hub_target *target, const struct digest *xorb,
                           int fd, uint64_t offset, uint64_t len, uint64_t crc64nvme,
                           hub_done_fn done, void *ctx);
// Registers a shard. ERR_USAGE: refused, with the server's sentence.
hub_ticket cas_upload_shard(struct hub *hub, const struct hub_call *call,
                            const struct hub_target *target, int fd, uint64_t offset,
                            uint64_t len, hub_done_fn done, void *ctx);
