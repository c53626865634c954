// SPDX-License-Identifier: Apache-2.0
// The public header of cache/: what this machine remembers. Two stores, each a folder of
// files that several processes may use at once:
//
//   chunk store   contents: append-only segment files and an SQLite index of runs
//   tree store    names: listings of commits, inode numbers, refs
//
// Neither knows HTTP or FUSE. Everything in the cache directory may be deleted at any time;
// it is fetched again.
#pragma once

#include "base/base.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

// "3.40.1": the SQLite that runs here, for --version. Static string.
const char *cache_library_version(void);

// ------------------------------------------------------------------------ chunk store

struct chunk_store;

// An object is something that consists of numbered chunks: a xorb (chunks of up to 128 KiB as
// its records give them) or the content of a non-Xet file (64 KiB blocks of it, the last one
// shorter). A blob is named by SHA-256 (LFS) or by its git oid followed by 12 zero bytes.
enum object_kind { OBJECT_XORB = 1, OBJECT_BLOB = 2 };

struct object_id {
    enum object_kind kind;
    struct digest hash;
};

enum { RUN_CHUNKS_MAX = 128, CHUNK_BYTES_MAX = 131072, BLOB_BLOCK_BYTES = 65536 };

struct chunk_store_config {
    const char *dir;     // the cache directory; created with 0700 and a CACHEDIR.TAG
    uint64_t budget;     // bytes that segments and index together may occupy
    uint64_t free_floor; // bytes to leave free on the device
};

struct chunk_store_stats {
    uint64_t budget;         // bytes, as configured
    uint64_t used;           // bytes of segments and index on disk now
    uint64_t pinned;         // bytes of pinned segments
    uint64_t segments;       // segment files
    uint64_t runs;           // indexed runs
    uint64_t volatile_bytes; // runs that only memory holds because the disk refused them
    uint64_t evicted_bytes;  // given up by this process since it started
    uint64_t damaged_chunks; // checksum failures seen by this process
    bool degraded;           // the disk refuses writes (full, read-only, folder deleted)
};

// Opens or creates the store. A damaged index is rebuilt from the segments (and `why` stays
// untouched: it is logged). ERR_NEWER_SCHEMA when a newer hugfs wrote it, ERR_READ_ONLY,
// ERR_NO_SPACE, ERR_ACCESS with a sentence that names the folder. Starts one writer thread.
NODISCARD enum err chunk_store_open(const struct chunk_store_config *config,
                                    struct why *why, struct chunk_store **out);
// Commits what is pending, seals or leaves the open segment for reuse, frees everything.
void chunk_store_close(struct chunk_store *store);

// Adds chunks [first, first + n) of an object; n <= RUN_CHUNKS_MAX. `ends` are the n
// cumulative end offsets in `data` (ends[n-1] == len); `hashes` the n BLAKE3 chunk hashes, or
// NULL for blobs. Chunks that are already there are skipped (runs of an object stay
// disjoint). Readable by every thread of this process when it returns, by other processes
// within 50 ms. When the disk refuses (full, read-only) the run is kept in a bounded volatile
// ring in memory instead and ERR_NONE is returned: a reader never fails because the cache
// does. Any thread; blocks for one pwrite at most, never for an fsync.
NODISCARD enum err chunk_store_put(struct chunk_store *store,
                                   const struct object_id *object, uint32_t first,
                                   uint32_t n, const uint32_t *ends,
                                   const struct digest *hashes, const void *data,
                                   size_t len);
// The same for chunks that lie anywhere: chunks[i] has ends[i] - ends[i-1] bytes.
NODISCARD enum err chunk_store_put_chunks(struct chunk_store *store,
                                          const struct object_id *object, uint32_t first,
                                          uint32_t n, const uint32_t *ends,
                                          const struct digest *hashes,
                                          const uint8_t *const *chunks);

// What the store calls the content of a git blob.
struct object_id object_of_git_blob(const struct oid *oid);
// Adds `len` bytes of a blob from `at`, a multiple of BLOB_BLOCK_BYTES, as blocks; they reach to the
// end of a block or of the blob. Like chunk_store_put().
NODISCARD enum err chunk_store_put_blob(struct chunk_store *store,
                                        const struct object_id *blob, uint64_t at,
                                        const uint8_t *bytes, size_t len);

// Reads `len` bytes at `offset` of the concatenation of the chunks first, first+1, ... of an
// object into `to`. A read may span several runs. Every chunk touched is checked against its
// CRC-32C the first time this process reads it. ERR_ABSENT when any chunk that is needed is
// not here (or was damaged: it is dropped from the index, logged and counted, so that the
// caller fetches it again); other errors say nothing of the chunk (ERR_SYSTEM: too many open
// files). Any thread.
NODISCARD enum err chunk_store_read(struct chunk_store *store,
                                    const struct object_id *object, uint32_t first,
                                    uint64_t offset, void *to, size_t len);

// An answer in parts, in order: each lies in the caller's memory or in the store's, which is lent
// until chunk_store_give_back().
enum { ANSWER_PARTS_MAX = 16 };
struct chunk_answer {
    uint8_t *own;  // as long as all that is asked for; what lies here lies at its place
    size_t len;    // bytes of the answer so far
    bool may_lend; // else all of it is in `own`
    unsigned n;
    struct iovec parts[ANSWER_PARTS_MAX];
    void *lenders[ANSWER_PARTS_MAX]; // the store's own; NULL: the part is in `own`
};

// An answer that is still empty. One that may lend must be given back, even after an error.
static inline struct chunk_answer chunk_answer_init(void *own, bool may_lend)
{
    struct chunk_answer answer = {.own = own, .may_lend = may_lend};
    return answer;
}

// As chunk_store_read(), onto the end of an answer. What is in the store's memory is not copied.
NODISCARD enum err chunk_store_answer(struct chunk_store *store,
                                      const struct object_id *object, uint32_t first,
                                      uint64_t offset, size_t len,
                                      struct chunk_answer *answer);
// The answer is empty again, what was lent is the store's.
void chunk_store_give_back(struct chunk_store *store, struct chunk_answer *answer);

// A stream will read these bytes soon: what of them is on the disk and not in the page cache is
// read into memory meanwhile (at most 32 MiB over all streams, given back after a second or
// two without use). Any thread; waits for nothing.
void chunk_store_read_ahead(struct chunk_store *store, const struct object_id *object,
                            uint32_t first, uint64_t offset, size_t len);

// How many of the chunks [first, first + n) are here by the index, counted from `first` without
// a gap. Their records are not read, which costs one disk access each; one that turns out to be
// damaged is gone when it is read. Any thread.
uint32_t chunk_store_count(struct chunk_store *store, const struct object_id *object,
                           uint32_t first, uint32_t n);

// The same with their records looked at, and their total length in bytes. 0 and 0 when `first` is
// not here.
void chunk_store_extent(struct chunk_store *store, const struct object_id *object,
                        uint32_t first, uint32_t n, uint32_t *out_chunks,
                        uint64_t *out_bytes);

// Where the gap at `chunk`, which is not here, ends: the next chunk that may be here, at most
// `end`.
uint32_t chunk_store_gap_end(struct chunk_store *store, const struct object_id *object,
                             uint32_t chunk, uint32_t end);

// The lengths and, for xorbs, the BLAKE3 hashes of chunks [first, first + n); both arrays
// have n places. ERR_ABSENT when one is not here.
NODISCARD enum err chunk_store_hashes(struct chunk_store *store,
                                      const struct object_id *object, uint32_t first,
                                      uint32_t n, uint32_t *out_lengths,
                                      struct digest *out_hashes);

void chunk_store_stats(struct chunk_store *store, struct chunk_store_stats *out);

// ---- plans: which chunks make up a file. A hint: a fresh answer that differs replaces it.

// [offset, offset + length) of the file is the whole of chunks [first, first + n) of object,
// one after the other: both ends of a piece are ends of chunks.
struct piece {
    uint64_t offset;
    uint64_t length;
    struct object_id object;
    uint32_t first;
    uint32_t n;
};

// The pieces of the file that overlap [offset, offset + length), in order; `out` has `max`
// places. Gaps are possible. Returns how many: of fewer than `max`, too, more may follow. Any thread.
size_t chunk_store_pieces(struct chunk_store *store, const struct digest *xet_hash,
                          uint64_t offset, uint64_t length, struct piece *out,
                          size_t max);
// Replaces what was known about the ranges that these pieces cover. Committed with the next
// batch (<= 50 ms); readable by this process at once. Any thread.
NODISCARD enum err chunk_store_put_pieces(struct chunk_store *store,
                                          const struct digest *xet_hash,
                                          uint64_t file_size, const struct piece *pieces,
                                          size_t n);

// The pieces that were put before the call survive a crash of this process. A few milliseconds.
NODISCARD enum err chunk_store_flush(struct chunk_store *store);

// Whether the whole content, of `size` bytes, was compared with the file's published hash. What is
// known of another size says nothing: one of the listings is wrong.
enum verified_state { VERIFIED_UNKNOWN, VERIFIED_GOOD, VERIFIED_BAD };
enum verified_state chunk_store_verified(struct chunk_store *store,
                                         const struct digest *content, uint64_t size);
// The same; *out_is_known: false when the store can't tell.
enum verified_state chunk_store_ask_verified(struct chunk_store *store,
                                             const struct digest *content, uint64_t size,
                                             bool *out_is_known);
NODISCARD enum err chunk_store_set_verified(struct chunk_store *store,
                                            const struct digest *content, uint64_t size,
                                            enum verified_state state);

// ---- pins: contents that eviction leaves alone.

// Marks the content (xet hash, or the blob object's hash) as pinned and copies the runs that
// are here into pinned segments; runs that arrive later go there directly when they belong to
// a pinned content's pieces. ERR_NO_SPACE with a sentence when pinned bytes would exceed 80 %
// of the budget.
NODISCARD enum err chunk_store_pin(struct chunk_store *store,
                                   const struct digest *content, bool is_xet,
                                   uint64_t size, struct why *why);
NODISCARD enum err chunk_store_unpin(struct chunk_store *store,
                                     const struct digest *content);
bool chunk_store_is_pinned(struct chunk_store *store, const struct digest *content);

// ---- maintenance, for `hugfs cache`; may take long, any thread.

struct chunk_store_check {
    uint64_t chunks;  // read and compared
    uint64_t damaged; // dropped from the index
    uint64_t orphans; // segment files that no row names: indexed again or deleted
};
// Reads every run back; damaged ones are dropped.
NODISCARD enum err chunk_store_verify(struct chunk_store *store,
                                      struct chunk_store_check *out);
// Evicts until at most `target_bytes` are used (pinned ones stay).
NODISCARD enum err chunk_store_trim(struct chunk_store *store, uint64_t target_bytes);
// Evicts everything, pins too.
NODISCARD enum err chunk_store_clear(struct chunk_store *store);
// Merges a damaged or deleted index from the segments again: what chunk_store_open() does by
// itself when it has to. For tests and `cache verify`.
NODISCARD enum err chunk_store_rebuild(struct chunk_store *store);

// ------------------------------------------------------------------------- tree store

struct tree_store;

// Inode numbers: 1 is a mount's root and 2..2^32-1 its virtual nodes (fs/ owns both); stored
// nodes start at 2^32 and are never reused. A node is immutable: repository, path, content id.
// Stored numbers are below 2^44: fs/ tags directories in the bits above.
#define INO_STORED_FIRST (UINT64_C(1) << 32)
enum { INO_STORED_BITS = 44 };

struct tree_node {
    uint64_t ino;
    int64_t repo; // row id of the repository
    enum entry_kind kind;
    bool executable;
    bool has_sha256;
    bool has_xet;
    bool masked;
    uint64_t size;
    int64_t mtime_s; // -1 = not known yet
    struct oid oid;
    struct digest sha256;
    struct digest xet_hash;
};

// Opens or creates tree.db in `dir`, holding its flock shared. Read connections are made per
// thread; one writer. A damaged file is moved aside and begun anew (logged): inode numbers
// then start above any that the old one can have given out.
// Where the disk refuses it (read-only, full), now or later, the store goes on in memory with
// what the file has, and what it learns from then on is forgotten. Only a file above 256 MiB
// in use stays where it is: then what would change it fails with the disk's error.
NODISCARD enum err tree_store_open(const char *dir, struct why *why,
                                   struct tree_store **out);
void tree_store_close(struct tree_store *store);

// The row id of a repository as seen with a credential: `endpoint` and `fingerprint` (of the
// credential that fetched it; "" = anonymous) are part of the key. Created when new.
NODISCARD enum err tree_store_repo(struct tree_store *store, const char *endpoint,
                                   const struct repo_id *repo, const char *fingerprint,
                                   int64_t *out_repo);
// The row of a repository if there is one; ERR_ABSENT otherwise.
NODISCARD enum err tree_store_find_repo(struct tree_store *store, const char *endpoint,
                                        const struct repo_id *repo,
                                        const char *fingerprint, int64_t *out_row);
// Which repository a row is, and the fingerprint of the credential it was seen with (at most
// 16 characters). ERR_STALE: no such row, or of another endpoint.
enum { TREE_FINGERPRINT_SIZE = 17 };
NODISCARD enum err tree_store_get_repo(struct tree_store *store, const char *endpoint,
                                       int64_t row, struct repo_id *out_repo,
                                       char out_fingerprint[TREE_FINGERPRINT_SIZE]);
// Repositories that have been looked into here (a root of theirs has been listed, at least in
// part) with a credential, in order of name, until `visit` returns false. `visit` must not
// call the store.
typedef bool (*tree_repo_fn)(void *ctx, int64_t row, const struct repo_id *repo);
NODISCARD enum err tree_store_repos(struct tree_store *store, const char *endpoint,
                                    const char *fingerprint, enum repo_kind kind,
                                    tree_repo_fn visit, void *ctx);

// What was last known about a name of a repository: the commit a revision stood at.
struct tree_ref {
    struct oid sha;
    int64_t checked_at_s;           // wall clock
    int64_t date_s;                 // lastModified or commit date; -1 unknown
    char canonical[REPO_NAME_SIZE]; // the repository's canonical id then; "" = as asked
    bool gated;
};
NODISCARD enum err tree_store_get_ref(struct tree_store *store, int64_t repo,
                                      const char *revision,
                                      struct tree_ref *out); // ERR_ABSENT
NODISCARD enum err tree_store_put_ref(struct tree_store *store, int64_t repo,
                                      const char *revision, const struct tree_ref *ref);
// The Hub says that it is gone; nothing happens when there is none.
NODISCARD enum err tree_store_drop_ref(struct tree_store *store, int64_t repo,
                                       const char *revision);
// Refs of a repository that are stored, in order of name (bytes), until `visit` returns
// false. `visit` must not call the store.
typedef bool (*tree_ref_fn)(void *ctx, const char *revision, const struct tree_ref *ref);
NODISCARD enum err tree_store_refs(struct tree_store *store, int64_t repo,
                                   tree_ref_fn visit, void *ctx);

// The root node of a commit; made when new. The root's oid is the commit id itself (the Hub
// tells no oid for the root tree), so two commits never share a root node.
NODISCARD enum err tree_store_root(struct tree_store *store, int64_t repo,
                                   const struct oid *commit, int64_t date_s,
                                   uint64_t *out_ino);
// Commits of a repository whose root node is stored, the one learned last first, until
// `visit` returns false. `visit` must not call the store.
typedef bool (*tree_commit_fn)(void *ctx, const struct oid *commit, uint64_t root_ino,
                               int64_t date_s);
NODISCARD enum err tree_store_commits(struct tree_store *store, int64_t repo,
                                      tree_commit_fn visit, void *ctx);

// The same if it is there; ERR_ABSENT.
NODISCARD enum err tree_store_find_root(struct tree_store *store, int64_t repo,
                                        const struct oid *commit, uint64_t *out_ino);

// Listing state of a directory node.
struct tree_dir {
    bool complete;    // every entry is stored
    uint64_t entries; // stored so far
};
// ERR_ABSENT when nothing has been stored for it yet (a directory that is complete and empty
// is not absent). ERR_STALE for an unknown inode.
NODISCARD enum err tree_store_dir(struct tree_store *store, uint64_t dir_ino,
                                  struct tree_dir *out);
// The opaque address of the next page, "" when none. `size` bytes at `out`.
NODISCARD enum err tree_store_dir_next(struct tree_store *store, uint64_t dir_ino,
                                       char *out, size_t size);

// Stores one page of a directory's listing in one transaction: entries whose path is
// DIRPATH/NAME, in arrival order. A name that is already there is left alone (the first one
// wins) and counted in *out_duplicates. `next` is the next page's address, NULL when this was
// the last page: the directory is then complete. The pages of one directory come in order.
NODISCARD enum err tree_store_put_page(struct tree_store *store, uint64_t dir_ino,
                                       const struct tree_entry *entries, size_t n,
                                       const char *next, size_t *out_duplicates);

// Whether everything below a directory node is stored: every listing of every folder is
// complete. May take long for a large tree: the caller remembers a yes, which stays true.
// ERR_STALE, ERR_NOT_DIRECTORY.
NODISCARD enum err tree_store_is_whole(struct tree_store *store, uint64_t dir_ino,
                                       bool *out_whole);

// Stores one entry that paths-info gave, before its directory is listed. It is found by
// lookup, not by readdir until a page brings it.
NODISCARD enum err tree_store_put_single(struct tree_store *store, uint64_t dir_ino,
                                         const struct tree_entry *entry,
                                         struct tree_node *out);

// What a git tree told about an entry of the directory: executable, or a symlink. The entry
// then names the node of that version with that mode; who holds the old node keeps it. Nothing
// changes when the entry is another version. ERR_ABSENT: no such entry is stored.
NODISCARD enum err tree_store_set_mode(struct tree_store *store, uint64_t dir_ino,
                                       const struct tree_entry *told);

// ERR_ABSENT: not stored (authoritative only when the directory is complete).
NODISCARD enum err tree_store_lookup(struct tree_store *store, uint64_t dir_ino,
                                     const char *name, size_t name_len,
                                     struct tree_node *out);
// ERR_STALE: no such inode.
NODISCARD enum err tree_store_node(struct tree_store *store, uint64_t ino,
                                   struct tree_node *out);
// The path from the repository root ("" for a root); malloc'd.
NODISCARD enum err tree_store_path(struct tree_store *store, uint64_t ino,
                                   char **out_path);
// Both.
NODISCARD enum err tree_store_node_and_path(struct tree_store *store, uint64_t ino,
                                            struct tree_node *out, char **out_path);

// Calls `visit` for the stored entries of a directory whose position is > after, in order,
// until it returns false. The position is the readdir cookie (1, 2, 3 ...). The name is
// NUL-terminated. `visit` must not call the store.
typedef bool (*tree_visit_fn)(void *ctx, uint64_t position, const char *name,
                              const struct tree_node *node);
NODISCARD enum err tree_store_list(struct tree_store *store, uint64_t dir_ino,
                                   uint64_t after, tree_visit_fn visit, void *ctx);

// Sets the modification time of a node, once: a second call changes nothing.
NODISCARD enum err tree_store_set_mtime(struct tree_store *store, uint64_t ino,
                                        int64_t mtime_s);

// Sums over the stored files below a directory node, for statfs: entries known, bytes.
NODISCARD enum err tree_store_totals(struct tree_store *store, int64_t repo,
                                     uint64_t *out_files, uint64_t *out_bytes);

// Something small to remember that is neither name nor content: `key` is the caller's. A put
// replaces what was there; ERR_TOO_LARGE above TREE_MEMO_MAX bytes. `out` gets the bytes in
// place of what it held: ERR_TOO_LARGE when it may not hold them, ERR_ABSENT.
enum { TREE_MEMO_MAX = 65536 };
NODISCARD enum err tree_store_get_memo(struct tree_store *store, const char *key,
                                       struct buffer *out, int64_t *out_at_s);
NODISCARD enum err tree_store_put_memo(struct tree_store *store, const char *key,
                                       const void *bytes, size_t len, int64_t at_s);

// ---------------------------------------------------------------- journal and staging

// What was written in a writable mount and is not committed yet. Not a cache: it lives in the
// state directory, belongs to one process at a time, and nothing of it may be deleted.
#include "cache/journal.h"
#include "cache/range_set.h"
#include "cache/staging.h"
