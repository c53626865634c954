// SPDX-License-Identifier: Apache-2.0
// The public header of hub/: what is said over HTTP. One event-driven libcurl client on the
// caller's event loop, with classes, slots and budgets of its own (network thread), and the
// verbs of two services: the Hub API (hub_*) and the Xet content-addressed storage (cas_*).
//
// Every verb is asynchronous and may be called from any thread. Its callback runs exactly
// once: JSON answers on a thread of the worker pool (they are parsed there), bytes and their
// end on the network thread. A callback must not block; it may call verbs.
// Pointers given to a verb are copied before it returns unless it says otherwise.
// Only when there is no memory for the call itself does a callback run before its verb
// returns, with ERR_NO_MEMORY; the ticket is then 0.
// A callback's arguments live until it returns.
#pragma once

#include "base/base.h"

#include <stddef.h>
#include <stdint.h>

struct hub;

// Where a token came from is told to people ("the token in HF_TOKEN is not valid").
struct hub_config {
    const char *endpoint;   // "https://huggingface.co"; no trailing slash
    const char *token_file; // -o token_file=; NULL = environment order of DESIGN
    const char *ca_file;    // -o ca_file= / SSL_CERT_FILE; NULL = system store
    bool insecure_http;     // allow http to hosts other than loopback
    bool offline;           // no socket is ever opened: every verb fails with ERR_OFFLINE
    unsigned max_connections; // data connections at most; 0 = 24
    uint64_t max_rate;        // bytes/s of AHEAD and PREFETCH together; 0 = no limit
    int64_t timeout_ms;       // default deadline of a call; 0 = 60,000
    const char *user_agent;   // "hugfs/0.1.0 ..."
};

// Starts nothing but a timer; `loop` is run by the caller, `pool` parses. Both outlive the hub.
NODISCARD enum err hub_open(const struct hub_config *config, struct event_loop *loop,
                            struct worker_pool *pool, struct why *why, struct hub **out);
// Fails what is under way with ERR_CANCELLED (callbacks run before it returns), then frees.
// Call on the loop's thread or after the loop has stopped.
void hub_close(struct hub *hub);

// "libcurl/7.88.1 OpenSSL/3.0.16 ...": what runs here, for --version. Static string.
const char *hub_library_version(void);

// ------------------------------------------------------------------ classes and deadlines

// Strict order between classes; round robin between streams inside one; FIFO inside a stream.
enum hub_class {
    HUB_DEMAND,   // a parked kernel request or a person waits
    HUB_AHEAD,    // the window of a detected stream
    HUB_PREFETCH, // pin, `hugfs prefetch`, the refresher
};

struct hub_call {
    enum hub_class class;
    uint32_t stream;     // which reader, for fairness; 0 = none
    int64_t deadline_ms; // monotonic; 0 = now + the default timeout
    const char
        *reason; // static string for the trace: "lookup", "readdir", "read", "poll" ...
};

// A ticket names a call from submit until its last callback; 0 never does. Tickets of calls
// that are over are ignored by the functions below, which any thread may call.
typedef uint64_t hub_ticket;

// Moves a queued call to the head of a higher class (a reader now waits for it).
void hub_promote(struct hub *hub, hub_ticket ticket, enum hub_class class);
// Drops a call: it ends with ERR_CANCELLED. One that is in flight is aborted.
void hub_cancel(struct hub *hub, hub_ticket ticket);
// Lets a transfer go on whose on_bytes asked for a pause.
void hub_resume(struct hub *hub, hub_ticket ticket);

// ------------------------------------------------------------------------- state

// Goes offline and online by hand (`hugfs offline|online`); also told by hub_is_offline()
// when the breaker of the Hub's host is open.
void hub_set_offline(struct hub *hub, bool offline);
bool hub_is_offline(const struct hub *hub);
// Re-reads the token (SIGHUP, 401).
void hub_reload_token(struct hub *hub);
// 16 hex digits of SHA-256 over the token ("" = anonymous): the key of stored listings. Never
// the token. `size` >= 17.
void hub_token_fingerprint(struct hub *hub, char *out, size_t size);
// "HF_TOKEN", "/home/me/.cache/huggingface/token", "none": where the token came from.
void hub_token_source(struct hub *hub, char *out, size_t size);

struct hub_stats {
    uint64_t requests[3];    // ended, per class
    uint64_t bytes_received; // bodies
    uint64_t bytes_sent;     // bodies of uploads and commits
    uint64_t failures;       // requests that ended in an error
    uint64_t retries;
    uint32_t queued[3];   // waiting for a slot, per class
    uint32_t active_api;  // JSON requests in flight
    uint32_t active_data; // transfers in flight
    uint32_t data_slots;  // what AIMD allows now
    uint32_t active_uploads;
    int64_t quota_left;    // remaining of the api bucket; -1 unknown
    int64_t quota_reset_s; // seconds until it refills
    bool offline;
};
void hub_stats(struct hub *hub, struct hub_stats *out);

// One line per HTTP request, for `hugfs trace`. Called on the network thread.
struct hub_trace {
    const char *what;   // verb: "repo_info", "tree", "plan", "xorb", "resolve" ...
    const char *reason; // the call's reason
    const char *target; // path of the request without query: never a secret
    enum hub_class class;
    int status; // HTTP status; 0 = none
    enum err err;
    int64_t queued_ms; // waited for a slot
    int64_t ttfb_ms;   // until the first byte
    int64_t total_ms;
    uint64_t bytes; // of the answer's body; of uploads the bytes that were sent
    bool connection_reused;
    const char *request_id; // the server's X-Request-Id, "" = none
};
typedef void (*hub_trace_fn)(void *ctx, const struct hub_trace *trace);
// NULL turns it off. Any thread; takes effect for requests that end later.
void hub_set_trace(struct hub *hub, hub_trace_fn trace, void *ctx);

// ------------------------------------------------------------------------ the Hub API
// (reference: the Hub's OpenAPI page, huggingface_hub)

enum hub_gate { HUB_GATE_NONE, HUB_GATE_AUTO, HUB_GATE_MANUAL };

struct hub_repo_info {
    struct repo_id
        repo;           // canonical id (a renamed or differently spelled one is resolved)
    struct oid sha;     // the commit that the revision stands at
    int64_t modified_s; // lastModified; -1 unknown
    bool is_private;
    bool disabled;
    enum hub_gate gate;
};
typedef void (*hub_repo_info_fn)(void *ctx, enum err err, const struct why *why,
                                 const struct hub_repo_info *info);
// GET /api/{kind}s/{id}[/revision/{rev}] with expand= of just these fields. `revision` NULL or
// "" = the default branch. ERR_NOT_FOUND tells repository from revision in `why`.
hub_ticket hub_repo_info(struct hub *hub, const struct hub_call *call,
                         const struct repo_id *repo, const char *revision,
                         hub_repo_info_fn done, void *ctx);

enum hub_ref_kind { HUB_REF_BRANCH, HUB_REF_TAG, HUB_REF_CONVERT, HUB_REF_PULL };
struct hub_ref {
    enum hub_ref_kind kind;
    const char *name; // "main", "v1", "parquet", "refs/pr/1"
    struct oid sha;
};
typedef void (*hub_refs_fn)(void *ctx, enum err err, const struct why *why,
                            const struct hub_ref *refs, size_t n);
hub_ticket hub_refs(struct hub *hub, const struct hub_call *call,
                    const struct repo_id *repo, bool with_pulls, hub_refs_fn done,
                    void *ctx);

// One page (<= 1000 entries) of a folder's listing at a commit. Entries that can't be names (.., /,
// NUL, too long) are left out, logged and counted in `refused`.
struct hub_tree_page {
    struct tree_entry *entries;
    size_t count;
    char *next; // the next page's address, NULL on the last page
    size_t refused;
    struct buffer paths; // where the entries' paths live
};
// `page` is empty with an error. Who wants to keep it takes it and leaves an empty one.
typedef void (*hub_tree_fn)(void *ctx, enum err err, const struct why *why,
                            struct hub_tree_page *page);
void hub_tree_page_release(struct hub_tree_page *page);
// GET .../tree/{sha}/{path}; `page` is the `next` of the page before, NULL for the first.
// Only addresses on the endpoint are followed. ERR_NOT_FOUND: no such folder.
hub_ticket hub_tree(struct hub *hub, const struct hub_call *call,
                    const struct repo_id *repo, const struct oid *sha, const char *path,
                    const char *page, hub_tree_fn done, void *ctx);

// The same with ?recursive=true: entries of any depth below `path`, files and folders. Each
// must lie below `path` with legal names all the way, or it is left out and counted. The
// order is the server's; nothing says that a folder comes before what is in it.
hub_ticket hub_tree_recursive(struct hub *hub, const struct hub_call *call,
                              const struct repo_id *repo, const struct oid *sha,
                              const char *path, const char *page, hub_tree_fn done,
                              void *ctx);

// POST .../paths-info/{sha}: what these paths are; the ones that don't exist are left out.
typedef void (*hub_paths_fn)(void *ctx, enum err err, const struct why *why,
                             const struct tree_entry *entries, size_t n);
hub_ticket hub_paths_info(struct hub *hub, const struct hub_call *call,
                          const struct repo_id *repo, const struct oid *sha,
                          const char *const *paths, size_t n, hub_paths_fn done,
                          void *ctx);

// The date of one commit: GET .../commits/{sha}?limit=1.
typedef void (*hub_date_fn)(void *ctx, enum err err, const struct why *why,
                            int64_t date_s);
hub_ticket hub_commit_date(struct hub *hub, const struct hub_call *call,
                           const struct repo_id *repo, const struct oid *sha,
                           hub_date_fn done, void *ctx);

struct hub_commit {
    struct oid sha;
    int64_t date_s; // -1 = the server told none that can be read
    // UTF-8 on one line: control characters are blanks, long texts are cut.
    const char *title;
    const char *author; // the first author's user name, "" = none told
};
typedef void (*hub_commits_fn)(void *ctx, enum err err, const struct why *why,
                               const struct hub_commit *commits, size_t n);
// The newest commits of a revision (NULL or "" = main), newest first, each once:
// GET .../commits/{rev}. Fewer than `limit` (1 to HUB_COMMITS_MAX, others are brought there)
// where history ends, or by as many as came while it was read. Servers cut the list into
// pages, so this can take several requests; they share one ticket and one deadline.
enum { HUB_COMMITS_MAX = 500 };
hub_ticket hub_commits(struct hub *hub, const struct hub_call *call,
                       const struct repo_id *repo, const char *revision, size_t limit,
                       hub_commits_fn done, void *ctx);

// ---- owners

// The owners that the token speaks for: its user first, then the organisations. Names that
// are no legal part of an id are left out; the server may have told one twice.
typedef void (*hub_whoami_fn)(void *ctx, enum err err, const struct why *why,
                              const char *const *names, size_t n);
// GET /api/whoami-v2. Without a token there is nobody to ask about: no request is sent, and
// ERR_NONE comes with n = 0 (offline, too). ERR_ACCESS: the token is not valid. The Hub
// limits this call strictly: keep the answer.
hub_ticket hub_whoami(struct hub *hub, const struct hub_call *call, hub_whoami_fn done,
                      void *ctx);

struct hub_listed_repo {
    struct repo_id repo; // "OWNER/NAME" as the server spells it
    bool has_sha;
    struct oid sha;     // the head of the default branch
    int64_t modified_s; // -1 unknown
    bool is_private;
    bool disabled;
    enum hub_gate gate; // spaces are never gated
};
// One page (<= 1000 entries asked for, more than 10,000 refused) of what an owner has and
// the token may see. `next` as in hub_tree_fn. Only legal ids "OWNER/NAME" of the owner
// asked for (ASCII case apart) are handed out; the others are counted in `refused`. A name
// may come twice, on one page or on two.
typedef void (*hub_list_repos_fn)(void *ctx, enum err err, const struct why *why,
                                  const struct hub_listed_repo *repos, size_t n,
                                  const char *next, size_t refused);
// GET /api/{kind}s?author={owner}. The Hub answers an empty page for an owner that does not
// exist. ERR_NOT_FOUND without a request: `owner` is no legal part of an id.
hub_ticket hub_list_repos(struct hub *hub, const struct hub_call *call,
                          enum repo_kind kind, const char *owner, const char *page,
                          hub_list_repos_fn done, void *ctx);

// ---- bytes

// Receives a body on the network thread.
struct hub_sink {
    // Takes all of `data`, or nothing and returns false: the transfer pauses and offers the
    // same bytes again after hub_resume(). The total never exceeds the length asked for.
    bool (*on_bytes)(void *ctx, const uint8_t *data, size_t len);
    // The end: ERR_NONE only when exactly the bytes asked for have arrived. After
    // ERR_TRUNCATED, ERR_TIMEOUT ... the bytes given before are good as far as they go.
    void (*on_done)(void *ctx, enum err err, const struct why *why);
    void *ctx;
};

// What a read is done on behalf of: only this credentialed (repo, commit, path) is asked.
struct hub_source {
    struct repo_id repo;
    struct oid sha;
};

// Which entries of a commit are executable or symlinks, and the contents of its small files: one
// shallow git fetch (git protocol v2 over smart HTTP).
struct hub_git_blobs {
    uint32_t limit; // contents of fewer bytes than this; 0 = none
    // Called for each of them (LFS pointers too) before `done`, on the pool: `oid` is the content's, by
    // the SHA-1 of its bytes. They go when it returns.
    void (*each)(void *ctx, const struct oid *oid, const void *bytes, size_t len);
    void *ctx;
};
// `blobs` NULL: none. `done` gets the executable files and symlinks; directories, plain files and
// submodules are left out. ERR_UNSUPPORTED where the server speaks no v2 or no filter
// (remembered per endpoint), ERR_TOO_LARGE beyond 32 MiB as sent or 64 MiB of objects.
hub_ticket hub_git_fetch(struct hub *hub, const struct hub_call *call,
                         const struct hub_source *source,
                         const struct hub_git_blobs *blobs, hub_paths_fn done, void *ctx);

// Bytes [first, last] of a file that is not in Xet: GET resolve/{sha}/{path} with Range,
// following the Hub's own redirects (the credential stays on the Hub's origin); the redirect
// of an LFS file is remembered for some minutes. ERR_ACCESS gated, ERR_NOT_FOUND.
hub_ticket hub_read_range(struct hub *hub, const struct hub_call *call,
                          const struct hub_source *source, const char *path,
                          uint64_t first, uint64_t last, struct hub_sink sink);

// --------------------------------------------------------------------------- the CAS API
// (Xet protocol, "CAS API"; what reads it)

struct
    cas_term { // chunks [chunk_first, chunk_end) of a xorb are the next bytes of the file
    struct digest xorb;
    uint32_t chunk_first;
    uint32_t chunk_end;
    uint64_t unpacked_length;
};
struct
    cas_range { // what can be fetched: these chunks are exactly these bytes of the xorb
    struct digest xorb;
    uint32_t chunk_first;
    uint32_t chunk_end;
    uint64_t byte_first;
    uint64_t byte_last; // inclusive
    const char *url;    // signed, a secret; lives as long as the plan
};
struct cas_plan {
    uint64_t
        offset_into_first; // bytes of the first term that precede the range asked for
    const struct cas_term *terms;
    size_t n_terms;
    const struct cas_range *ranges;
    size_t n_ranges;
};
// Takes ownership of `plan` (NULL on error): free it with cas_plan_free(). Runs on the pool.
typedef void (*cas_plan_fn)(void *ctx, enum err err, const struct why *why,
                            struct cas_plan *plan);
// GET /v2/reconstructions/{hash} with Range bytes first-last (falls back to v1, remembered per
// host). Fetches the repository's Xet read token when it has none (single flight), once more
// after a 401. ERR_RANGE: first is past the end. The answer's shape is checked (bounds,
// counts, terms within ranges); that it covers the range asked for is the caller's check.
hub_ticket cas_plan(struct hub *hub, const struct hub_call *call,
                    const struct hub_source *source, const struct digest *xet_hash,
                    uint64_t first, uint64_t last, cas_plan_fn done, void *ctx);
void cas_plan_free(struct cas_plan *plan);
// A plan of a file of this repository is likely to be asked for soon: fetches the token for it now,
// unless there is one. Any thread; whatever comes of it, cas_plan() finds out itself.
void cas_expect(struct hub *hub, const struct hub_call *call,
                const struct hub_source *source);

// GET of exactly one signed range, without any credential. 403 is ERR_EXPIRED (plan again);
// 200 or another Content-Range is ERR_BAD_ANSWER. Connection failures before the first byte
// are retried; later ones end with ERR_TRUNCATED.
hub_ticket cas_fetch(struct hub *hub, const struct hub_call *call,
                     const struct cas_range *range, struct hub_sink sink);

// ----------------------------------------------------------------------------- writing
// preupload, commits, pull requests, branches, uploads
#include "hub/hub_writing.h"
