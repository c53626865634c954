// SPDX-License-Identifier: Apache-2.0
// The life of a segment file as its owner sees it:
//
//   row (class open, bytes = all of it) committed -> file made, locked, allocated whole
//     -> filled by appender.c -> row (sealed, bytes = what was used) committed -> cut
//
// The row comes before the file, so a file without a row is always a leftover, and what a
// segment will take from the budget is counted before a byte of it is on disk.
//
// A process that ends leaves its half-filled segment open: cut to its length, indexed, not
// locked. The next process that needs a segment locks and regrows it. flock on the file is
// the ownership: the kernel drops it with the process, however that died.
#include "cache/store_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

uint64_t store_used_bytes(struct chunk_store *store)
{
    uint64_t segments = 0;
    uint64_t pinned = 0;
    enum err err = index_segment_sums(store->writer, &segments, &pinned);
    if (err) {
        store_note_index_error(store, err);
        return UINT64_MAX / 2; // nothing fits until the index is well again
    }
    return segments + index_bytes_on_disk(store->index_path);
}

// Pinned segments stay small until this many ordinary ones would be full.
enum { SMALL_PINS = 4 };

static enum segment_class open_class(bool pinned)
{
    return pinned ? SEGMENT_OPEN_PINNED : SEGMENT_OPEN;
}

static enum err allocate(int fd, uint64_t size)
{
    if (fallocate(fd, 0, 0, (off_t)size) == 0) {
        return ERR_NONE;
    }
    if (errno != EOPNOTSUPP && errno != ENOSYS) {
        return err_from_errno(errno);
    }
    // A file system that cannot reserve space: the budget still holds, by the row.
    return ftruncate(fd, (off_t)size) == 0 ? ERR_NONE : err_from_errno(errno);
}

static enum err make_file(struct chunk_store *store, uint64_t id, uint64_t size,
                          struct open_segment **out) REQUIRES(store->writer_lock)
{
    char path[PATH_BYTES_MAX + 64];
    segment_path(store->dir, id, path, sizeof(path));
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    uint8_t header[SEGMENT_HEADER_BYTES];
    segment_header_encode(header, &store->uuid, id);
    struct open_segment *segment = calloc(1, sizeof(*segment));
    enum err err = segment ? ERR_NONE : ERR_NO_MEMORY;
    if (!err && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        err = err_from_errno(errno);
    }
    if (!err) {
        err = allocate(fd, size);
    }
    if (!err) {
        err = file_pwrite(fd, header, sizeof(header), 0);
    }
    if (err) {
        free(segment);
        unlink(path);
        return err;
    }
    *segment = (struct open_segment){.id = id,
                                     .fd = steal_fd(&fd),
                                     .uuid = store->uuid,
                                     .size = size,
                                     .used = SEGMENT_HEADER_BYTES};
    *out = segment;
    return ERR_NONE;
}

static enum err put_row(struct chunk_store *store, uint64_t id, enum segment_class class,
                        uint64_t bytes) REQUIRES(store->writer_lock)
{
    enum err err = index_begin(store->writer);
    if (err) {
        return err;
    }
    err = index_put_segment(store->writer, id, class, bytes);
    if (err) {
        index_rollback(store->writer);
        return err;
    }
    return index_commit(store->writer);
}

static enum err create_segment(struct chunk_store *store, bool pinned, uint64_t size,
                               struct open_segment **out) REQUIRES(store->writer_lock)
{
    uint64_t id = 0;
    enum err err = index_begin(store->writer);
    if (err) {
        return err;
    }
    err = index_add_segment(store->writer, open_class(pinned), size, &id);
    if (err) {
        index_rollback(store->writer);
        return err;
    }
    err = index_commit(store->writer);
    if (err) {
        return err;
    }
    err = make_file(store, id, size, out);
    if (err && index_begin(store->writer) == ERR_NONE) {
        if (index_remove_segment(store->writer, id) == ERR_NONE) {
            (void)!index_commit(store->writer);
        }
        index_rollback(store->writer);
    }
    return err;
}

// Locks the file of an open segment nobody owns and finds where appending goes on.
static enum err take_over(struct chunk_store *store, uint64_t id,
                          struct open_segment **out) REQUIRES(store->writer_lock)
{
    AUTO_CLOSE int fd = -1;
    struct store_uuid uuid;
    uint64_t end = 0;
    enum err err = recover_segment(store, id, &fd, &uuid, &end);
    if (err) {
        return err;
    }
    struct open_segment *segment = calloc(1, sizeof(*segment));
    if (!segment) {
        return ERR_NO_MEMORY;
    }
    *segment =
        (struct open_segment){.id = id, .fd = steal_fd(&fd), .uuid = uuid, .used = end};
    *out = segment;
    return ERR_NONE;
}

// Reopens a half-filled segment of a process that is gone, if there is one with room.
static enum err reopen_segment(struct chunk_store *store, bool pinned, uint64_t size,
                               uint64_t room, struct open_segment **out)
    REQUIRES(store->writer_lock)
{
    uint64_t id = 0;
    uint64_t bytes = 0;
    while (!index_next_segment(store->writer, open_class(pinned), id, &id, &bytes)) {
        struct open_segment *segment = NULL;
        if (bytes + room > size || take_over(store, id, &segment)) {
            continue;
        }
        enum err err = size > bytes ? evict_for(store, size - bytes, false) : ERR_NONE;
        if (!err) {
            err = put_row(store, id, open_class(pinned), size);
        }
        if (!err) {
            err = allocate(segment->fd, size);
        }
        if (err || segment->used + room > size) {
            open_segment_free(segment);
            continue;
        }
        segment->size = size;
        *out = segment;
        return ERR_NONE;
    }
    return ERR_ABSENT;
}

enum err segment_open_next(struct chunk_store *store, bool pinned, uint64_t room)
{
    uint64_t all = 0;
    uint64_t pinned_bytes = 0;
    enum err err = recover_open_segments(store); // of processes that died since we came
    err = err ? err : index_segment_sums(store->writer, &all, &pinned_bytes);
    if (err) {
        return err;
    }
    bool is_small =
        pinned ? pinned_bytes < SMALL_PINS * store->segment_bytes : store->first_segment;
    uint64_t size = is_small ? SEGMENT_BYTES_MIN : store->segment_bytes;
    struct open_segment *segment = NULL;
    err = reopen_segment(store, pinned, size, room, &segment);
    if (err == ERR_ABSENT) {
        err = evict_for(store, size, false);
        if (!err) {
            err = create_segment(store, pinned, size, &segment);
        }
    }
    if (err) {
        return err;
    }
    segment_table_set_quiet(store->segments, segment->id, INT64_MAX);
    appender_install(pinned ? store->pinned : store->normal, segment);
    if (!pinned) {
        store->first_segment = false;
        // Room for the one after this is made now, when what is worth keeping can be copied
        // into the segment just opened. Where nothing is left to evict there is no need.
        err = evict_for(store, store->segment_bytes, true);
    }
    return err == ERR_NO_SPACE ? ERR_NONE : err;
}

// A row that is gone (with its index, or cleared) stays so.
static enum err update_row(struct chunk_store *store, const struct open_segment *segment,
                           enum segment_class class) REQUIRES(store->writer_lock)
{
    enum err err = index_find_segment(store->writer, segment->id);
    if (err) {
        return err == ERR_ABSENT ? ERR_NONE : err;
    }
    return index_put_segment(store->writer, segment->id, class, segment->used);
}

enum err segment_seal_row(struct chunk_store *store, const struct open_segment *segment,
                          bool pinned)
{
    if (segment->used <= SEGMENT_HEADER_BYTES) {
        return index_remove_segment(store->writer, segment->id);
    }
    return update_row(store, segment, pinned ? SEGMENT_PINNED : SEGMENT_SEALED);
}

void segment_cut(struct chunk_store *store, struct open_segment *segment)
{
    if (segment->used <= SEGMENT_HEADER_BYTES) {
        char path[PATH_BYTES_MAX + 64];
        segment_path(store->dir, segment->id, path, sizeof(path));
        unlink(path);
    }
    (void)!ftruncate(segment->fd, (off_t)segment->used);
    segment_table_set_quiet(store->segments, segment->id, clock_now_ms() + OWN_READER_MS);
}

bool segment_is_nearly_full(const struct chunk_store *store, uint64_t used)
{
    uint64_t size = used < SEGMENT_BYTES_MIN ? SEGMENT_BYTES_MIN : store->segment_bytes;
    return used > size / 4 * 3;
}

static void leave_one(struct chunk_store *store, struct open_segment *segment,
                      bool pinned) REQUIRES(store->writer_lock)
{
    bool is_empty = segment->used <= SEGMENT_HEADER_BYTES;
    bool is_nearly_full = segment_is_nearly_full(store, segment->used);
    enum err err = index_begin(store->writer);
    if (!err && (is_empty || is_nearly_full)) {
        err = segment_seal_row(store, segment, pinned);
    } else if (!err) {
        err = update_row(store, segment, open_class(pinned));
    }
    err = err ? err : index_commit(store->writer);
    if (err) {
        index_rollback(store->writer);
    } else {
        segment_cut(store, segment);
    }
    open_segment_free(segment);
}

void segment_leave_open(struct chunk_store *store)
{
    struct open_segment *segment = NULL;
    while ((segment = appender_take_current(store->normal))) {
        leave_one(store, segment, false);
    }
    while ((segment = appender_take_current(store->pinned))) {
        leave_one(store, segment, true);
    }
}
