// SPDX-License-Identifier: Apache-2.0
// A file that was changed here: what was written lies over the version that it had (copy on
// write), so opening a file for writing downloads nothing.
//
//   top      what is written now: bytes in a staging file, and which of them count
//   flight   the generation that is on its way to the Hub; never changes until it has arrived
//   base     the version of the repository that lies below, if there was one
//
// A layer also says how many bytes of what lies below it can still be seen: truncation. Bytes
// that no layer and no base has are zeros.
//
// Counted; any thread. `lock` guards all of it; staging files are read and written below it (that
// is the page cache's speed), the network is never waited for, but by local_file_read_flight().
#pragma once

#include "fs/content.h"
#include "fs/file_version.h"
#include "fs/wait.h"

struct local_file;

struct local_file_parts {
    struct journal *journal; // staging files
    struct content_cache *contents;
    const struct repo_id *repo; // that the bases are of
};

// A file over `base` (copied), or an empty one for NULL. `id` is its number in the journal.
NODISCARD enum err local_file_new(const struct local_file_parts *parts, uint64_t id,
                                  const struct file_version *base,
                                  struct local_file **out);
// The same from the journal's row: opens its staging files.
NODISCARD enum err local_file_load(const struct local_file_parts *parts,
                                   const struct journal_inode *row,
                                   const struct file_version *base, struct why *why,
                                   struct local_file **out);
struct local_file *local_file_ref(struct local_file *file);
void local_file_put(struct local_file *file);

// What is written from here on is looked at meanwhile (local_scan.h); NULL = it is not.
struct local_scanner;
void local_file_scan_by(struct local_file *file, struct local_scanner *scanner);

uint64_t local_file_id(const struct local_file *file);

struct local_file_info {
    uint64_t size;
    struct timespec mtime;
    uint64_t generation; // of what is seen
    bool is_dirty;       // changed since it was sealed
    bool has_flight;
    bool is_clean; // nothing was written, not even nothing
    bool is_base;  // it reads as the base does
    bool has_base;
    uint64_t staged_bytes; // that were written and are not on the Hub
};
void local_file_info(struct local_file *file, struct local_file_info *out);
// ERR_ABSENT: there is none.
NODISCARD enum err local_file_base(struct local_file *file, struct file_version *out);

// ---- changing

NODISCARD enum err local_file_write(struct local_file *file, const void *bytes,
                                    size_t len, uint64_t offset, struct why *why);
NODISCARD enum err local_file_truncate(struct local_file *file, uint64_t size,
                                       struct why *why);
// `zeroes`: the range reads as zeros; else it is only made sure that the file is that long.
NODISCARD enum err local_file_allocate(struct local_file *file, uint64_t offset,
                                       uint64_t len, bool zeroes, bool keep_size,
                                       struct why *why);
// Makes the empty file what `source` is, as far as that is one version of the repository and the
// same bytes are wanted. ERR_UNSUPPORTED: copy the bytes.
NODISCARD enum err local_file_adopt(struct local_file *file,
                                    const struct file_version *source, uint64_t offset,
                                    uint64_t len);
NODISCARD enum err local_file_set_mtime(struct local_file *file,
                                        const struct timespec *at);

// ---- reading

// What of [offset, offset + len) is to be fetched from the base; *out_len 0 = nothing.
void local_file_needs(struct local_file *file, uint64_t offset, size_t len,
                      uint64_t *out_offset, size_t *out_len);
// Assembles [offset, offset + len), clamped to the size. `base_bytes` are those that
// local_file_needs() told. ERR_ABSENT: the file has changed meanwhile: ask again.
NODISCARD enum err local_file_read(struct local_file *file, uint64_t offset, size_t len,
                                   uint64_t base_offset, const void *base_bytes,
                                   size_t base_len, void *to, size_t *out_len);
// The base's content; referenced. ERR_ABSENT: none.
NODISCARD enum err local_file_content(struct local_file *file, struct content **out);
// SEEK_DATA and SEEK_HOLE. ERR_PAST_END.
NODISCARD enum err local_file_seek(struct local_file *file, uint64_t offset, bool hole,
                                   uint64_t *out);

// ---- the journal

struct local_file_row {
    const char *path;
    const void *base;
    size_t base_len;
    enum journal_state state; // of what is seen
    const char *error;
};
// Adds the file's row to a change. What was written since the last seal counts from then on, and is
// synced first: a row never says what is not on the disk.
void local_file_put_row(struct local_file *file, struct journal_change *change,
                        const struct local_file_row *row);
// What was sealed last is not on the disk: the next seal tries again.
void local_file_unseal(struct local_file *file);
// Removes the staging files when the change is stored.
void local_file_drop_staging(struct local_file *file, struct journal_change *change);

// ---- the committer

// What is seen becomes the flight. False: it is not that generation any more, or is dirty.
bool local_file_freeze(struct local_file *file, uint64_t generation);
// The flight has failed: it is what is seen again, under what was written meanwhile. Of the two
// staging files the one of number *out_gone (0 = none) is to be removed when the row is stored.
NODISCARD enum err local_file_thaw(struct local_file *file, struct journal_change *change,
                                   struct why *why, uint32_t *out_gone);
// The flight is on the Hub as `version`: it becomes the base. Of both: the row has to be put again
// or dropped, and then the layer of number *out_gone (0 = none) has a staging file too many.
NODISCARD enum err local_file_landed(struct local_file *file,
                                     const struct file_version *version,
                                     uint32_t *out_gone);
// The size of the flight, and exactly `len` bytes of it; blocks for what has to be fetched, which
// is cancelled through `owner`.
uint64_t local_file_flight_size(struct local_file *file);
NODISCARD enum err local_file_read_flight(struct local_file *file,
                                          struct wait_owner *owner, uint64_t offset,
                                          void *to, size_t len, struct why *why);
// The look at the flight while it was written, a reference: local_scan_finish() tells what came of
// it. NULL: there was none.
struct local_scan *local_file_flight_scan(struct local_file *file);
// The first `len` bytes of what is seen; blocks like it.
NODISCARD enum err local_file_read_whole(struct local_file *file,
                                         struct wait_owner *owner, void *to, size_t len,
                                         struct why *why);
