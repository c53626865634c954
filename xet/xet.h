// SPDX-License-Identifier: Apache-2.0
// The public header of xet/: what Xet bytes mean, and the reader that turns file ranges into
// pieces, pieces into chunks in the store or fetches, and fetches into stored chunks. Files
// that are not in Xet (git blobs, LFS) go the same way as 64 KiB blocks.
//
//   xet_file_read -> pieces -> chunk store ........................ bytes now
//                           -> fetcher -> plan -> data -> decode -> chunk store -> done()
#pragma once

#include "base/base.h"
#include "cache/cache.h"
#include "hub/hub.h"

struct xet; // the engine: one per process

struct xet_config {
    struct hub *hub;
    struct chunk_store *store;
    struct worker_pool *pool; // decodes; its jobs never wait for the network
    struct event_loop *loop;  // the network thread's: the deadlines of parked reads
    uint64_t
        ahead_budget; // bytes requested but not yet decoded, AHEAD + PREFETCH; 0 = 256 MiB
    uint64_t block_pool; // bytes of network buffers; 0 = 16 MiB
};

// All of them outlive the engine. Call before the loop runs, or on its thread.
NODISCARD enum err xet_open(const struct xet_config *config, struct xet **out);
// The beginning of the end: parked reads end with ERR_CANCELLED, nothing is fetched any more,
// and when it returns no thread is in a verb of hub/ on the engine's behalf or will be. Files
// stay valid. Call after the network thread's loop has stopped. The order of an end:
//   loop stopped -> xet_stop() -> hub_close() -> worker_pool_free() -> xet_file_put() of all
//   files -> xet_close()
void xet_stop(struct xet *xet);
// Frees everything; after xet_stop() and the end of the pool.
void xet_close(struct xet *xet);

// "AVX-512", "AVX2", "SSE4.1", "NEON", "scalar": what BLAKE3 runs on here, for --version.
const char *xet_blake3_implementation(void);

// "1.9.4": the LZ4 that runs here, for --version. Static string.
const char *xet_library_version(void);

// ---------------------------------------------------------------------------- files

struct xet_file; // one content, shared by all readers, revisions and repositories

// A git blob of up to so many bytes is in the store only if its SHA-1 is its name: whoever puts one
// there has compared them, and nobody compares them again.
enum { XET_SMALL_BLOB = 10 << 20 };

// A content: by Xet hash, else by SHA-256 (LFS), else by git oid.
struct xet_content {
    bool has_xet;
    bool has_sha256;
    struct digest xet_hash;
    struct digest sha256;
    struct oid oid;
    uint64_t size;
};

// On whose behalf bytes are fetched. Every fetch carries the source of the read that caused
// it; the caller has checked that this mount's own listing names the content.
struct xet_source {
    struct hub_source hub; // repository and commit
    const char *path;      // from the repository root; copied where it is kept
};

// The shared object for a content; never fails but for memory (NULL). Idle ones are kept in a
// bounded list. Any thread.
struct xet_file *xet_file_get(struct xet *xet, const struct xet_content *content);
void xet_file_put(struct xet *xet, struct xet_file *file);

// When the rest of a file is fetched in the background that is read here and there (completion.c).
enum xet_completion {
    XET_COMPLETE_NEVER,
    XET_COMPLETE_WORN,    // when reads that belong to no stream have asked for much of it
    XET_COMPLETE_TOUCHED, // when anything of it has to be fetched
};

// What the caller saw of the access pattern (fs/ detects streams per inode), and what it knows
// of the file.
struct xet_pattern {
    uint32_t stream; // 1..8: which of the inode's streams; 0 = a stray read
    bool adjacent; // near a read before it, but not (yet) a stream: round out to 256 KiB
    uint64_t consumed; // bytes this stream has read in order so far
    uint64_t ends_at;  // where in the file the stream is likely to end; 0 = not known
    uint64_t follows; // so many bytes behind it are read next, most likely; 0 = not known
    uint64_t tail; // so many bytes of the file's end are likely to be read next; 0 = no
    enum xet_completion completion;
};

// Called once, on a pool thread or the network thread: the range is in the store now (read it
// with xet_file_read_now()), or it could not be had.
typedef void (*xet_ready_fn)(void *ctx, enum err err, const struct why *why);

// A parked read, for cancelling; 0 = none.
typedef uint64_t xet_wait;

// Reads [offset, offset + len), clamped to the file's size, into an answer that is empty:
// ERR_NONE when all of it is on this machine; the caller gives it back. Otherwise the answer is
// empty still. ERR_PARKED: it is not kept, `ready` will be called. Other errors: `why` is
// filled. A range that failed answers the same again for 5 s (the kernel sends every failing
// read twice). Also feeds the stream's window: what lies ahead is asked for at class AHEAD, and
// what else `pattern` promises. Any thread; never blocks on the network.
NODISCARD enum err xet_file_read(struct xet_file *file, const struct xet_source *source,
                                 const struct xet_pattern *pattern, uint64_t offset,
                                 size_t len, int64_t deadline_ms,
                                 struct chunk_answer *answer, xet_ready_fn ready,
                                 void *ctx, xet_wait *out_wait, struct why *why);
// The same without fetching: ERR_ABSENT when it is not here.
NODISCARD enum err xet_file_read_now(struct xet_file *file, uint64_t offset, size_t len,
                                     struct chunk_answer *answer, struct why *why);
// The waiting reader is gone: `ready` is called with ERR_INTERRUPTED soon, unless it already
// was. What it asked for still arrives in the store.
void xet_file_abandon(struct xet_file *file, xet_wait wait);

// Fetches [offset, offset + len) into the store at class PREFETCH (or `class`), parked in
// `ready` as above; for `hugfs prefetch`, pins and read-ahead of whole files.
enum err xet_file_prefetch(struct xet_file *file, const struct xet_source *source,
                           uint64_t offset, uint64_t len, enum hub_class class,
                           xet_ready_fn ready, void *ctx);

// Fetches the contents of all files of a commit that are in git and have fewer than `limit` bytes, by
// one git fetch, into the store; whoever reads one of them meanwhile waits for it. After `patience_ms`
// it is given up, and what was waited for is fetched file by file. `done`, on any thread, before or
// after this returns, gets the errors of hub_git_fetch().
void xet_fetch_small(struct xet *xet, const struct hub_source *source, uint32_t limit,
                     int64_t patience_ms, xet_ready_fn done, void *ctx);

struct xet_file_info {
    uint64_t size;
    uint64_t cached_bytes; // on this machine, by the pieces known
    enum verified_state verified;
    enum err last_error; // of the last failed range, ERR_NONE if none
    struct why why;
};
void xet_file_info(struct xet_file *file, struct xet_file_info *out);

struct xet_stats {
    uint64_t bytes_read;       // handed to readers
    uint64_t bytes_fetched;    // decoded from the network
    uint64_t bytes_from_store; // of bytes_read, without waiting
    uint64_t ahead_unused;     // fetched ahead and never read so far
    uint32_t parked;           // reads waiting now
    uint32_t units_queued;     // fetch units planned, not finished
    uint64_t files;            // xet_file objects in memory
};
void xet_stats(struct xet *xet, struct xet_stats *out);

// --------------------------------------------------------------------------- uploading

// A look at a content while it is being written from its beginning to its end: SHA-256 and
// the chunks, computed on the pool, so that nothing has to be read again for them when it is
// uploaded. Costs 1 MiB and 40 bytes a chunk (of 64 KiB).
struct xet_scan;

struct xet_chunk {
    struct digest hash;
    uint32_t len;
};

struct xet_chunk_list {
    struct digest sha256;
    uint64_t size;
    const struct xet_chunk *chunks; // the scan's own
    size_t n;
};

// NULL when out of memory. The pool outlives the scan.
struct xet_scan *xet_scan_new(struct worker_pool *pool);
// The next bytes; they are copied. One thread at a time, and none of the pool's: it waits
// while the pool is more than 1 MiB behind. Not after xet_scan_finish().
void xet_scan_feed(struct xet_scan *scan, const void *bytes, size_t len);
// What has been fed so far: the offset that the next bytes must have.
uint64_t xet_scan_size(const struct xet_scan *scan);
// Ends the scan and waits for the pool; may be called again and says the same. ERR_NO_MEMORY
// when it could not be kept: then there is nothing to be had from it.
NODISCARD enum err xet_scan_finish(struct xet_scan *scan, struct xet_chunk_list *out);
void xet_scan_free(struct xet_scan *scan);

// What this process has uploaded to one endpoint, so that it is never sent twice: lives as
// long as the mount. Bounded: 12 MiB for the newest 16 GiB. One session at a time.
struct xet_uploads;

// `dir` is copied: where unnamed files are made. A disk, since as much as 8 xorbs of 64 MiB
// lie there.
NODISCARD enum err xet_uploads_new(const char *dir, struct why *why,
                                   struct xet_uploads **out);
void xet_uploads_free(struct xet_uploads *uploads);
// What earlier processes have uploaded: of these files (the newest last, by their Xet hashes) nothing is
// sent again that the store has. Before the first session.
void xet_uploads_recall(struct xet_uploads *uploads, struct chunk_store *store,
                        const struct digest *files, size_t n);

// Exactly `len` bytes of the content at `offset`; may block. Called on the session's thread.
typedef enum err (*xet_read_fn)(void *ctx, uint64_t offset, void *to, size_t len,
                                struct why *why);

struct xet_upload_progress {
    uint64_t read;  // bytes of the files given so far that have been dealt with
    uint64_t fresh; // of those, bytes that had to be sent because nobody had them
    uint64_t sent;  // bytes of xorbs that the server has
    uint64_t total; // bytes of the files given so far
};

struct xet_upload_config {
    struct hub *hub;
    struct worker_pool *pool;
    struct chunk_store *store; // gets the chunks of what was uploaded; NULL = not wanted
    struct xet_uploads *uploads;
    struct hub_target target; // copied
    // Asked some times a second; true ends what is being done with ERR_CANCELLED. NULL =
    // never.
    bool (*is_cancelled)(void *ctx);
    // Told as it goes; NULL = nobody wants to know.
    void (*on_progress)(void *ctx, const struct xet_upload_progress *progress);
    void *ctx; // of both; they are called on the session's thread
};

// One session: files are given one after the other, then xet_upload_finish() makes them known.
// All verbs block and are called on one thread, none of the pool's. 16 MiB. After an error the
// session can only be freed; what has arrived by then is not sent again by the next one.
struct xet_upload;

NODISCARD enum err xet_upload_new(const struct xet_upload_config *config, struct why *why,
                                  struct xet_upload **out);

struct xet_uploaded {
    struct digest sha256;
    struct digest xet_hash;
};
// Sends the chunks of a content of `size` > 0 bytes that nobody has. `scan` is a look at
// exactly this content, or NULL. `base_xet_hash` is the version that the content was made of,
// in the same repository; NULL = none is known. `read` and `ctx` stay valid until
// xet_upload_finish() is over: a server that has forgotten something makes it read again.
NODISCARD enum err xet_upload_file(struct xet_upload *upload, uint64_t size,
                                   xet_read_fn read, void *ctx, struct xet_scan *scan,
                                   const struct digest *base_xet_hash, struct why *why,
                                   struct xet_uploaded *out);
// Waits until all is sent, then tells the server which chunks make up the files: they can be
// committed now.
NODISCARD enum err xet_upload_finish(struct xet_upload *upload, struct why *why);
// Waits until the chunk store has the chunks of what has arrived. After a cancellation or an
// error it ends what is under way first.
void xet_upload_free(struct xet_upload *upload);
