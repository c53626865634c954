// SPDX-License-Identifier: Apache-2.0
// Layers over a base. Every question goes from the top down:
//
//   a byte is in the top's ranges .............. the top's staging file
//   else, not below the top's `below_valid` .... zero
//   else in the flight's ranges ................ the flight's staging file
//   else, not below the flight's `below_valid` . zero
//   else ....................................... the base
//
// A top without a flight lies on the base itself. A staging file is never cut: bytes that count no
// more are only left out of the ranges, so that a crash finds what the last row says.
#include "fs/local_file_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { NS_PER_S = 1000000000 };

static int64_t to_ns(const struct timespec *at)
{
    return (int64_t)at->tv_sec * NS_PER_S + at->tv_nsec;
}

static struct timespec from_ns(int64_t ns)
{
    int64_t s = ns / NS_PER_S;
    int64_t rest = ns % NS_PER_S;
    return (struct timespec){.tv_sec = (time_t)(rest < 0 ? s - 1 : s),
                             .tv_nsec = (long)(rest < 0 ? rest + NS_PER_S : rest)};
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return to_ns(&now);
}

// ---------------------------------------------------------------------------------- life

static void free_file(struct local_file *file)
{
    if (file->content != NULL) {
        content_discard(file->parts.contents, file->content);
    }
    local_file_release_layer(file, &file->top);
    local_file_release_layer(file, &file->flight);
    if (file->has_base) {
        file_version_release(&file->base);
    }
    lock_destroy(&file->lock);
    free(file);
}

enum err local_file_new(const struct local_file_parts *parts, uint64_t id,
                        const struct file_version *base, struct local_file **out)
{
    struct local_file *file = calloc(1, sizeof(*file));
    if (file == NULL) {
        return ERR_NO_MEMORY;
    }
    file->parts = *parts;
    file->id = id;
    file->top = file->flight = local_file_no_layer();
    atomic_init(&file->references, 1);
    lock_init(&file->lock);
    file->mtime_ns = now_ns();
    enum err err = base != NULL ? file_version_copy(base, &file->base) : ERR_NONE;
    if (err != ERR_NONE) {
        free_file(file);
        return err;
    }
    file->has_base = base != NULL;
    file->size = base != NULL ? base->size : 0;
    *out = file;
    return ERR_NONE;
}

static enum err load_layer(struct local_file *file, const struct journal_layer *from,
                           struct why *why, struct layer *out)
{
    if (from->number == 0) {
        return ERR_NONE;
    }
    struct layer layer = local_file_no_layer();
    enum err err = staging_open(journal_staging(file->parts.journal), file->id,
                                from->number, why, &layer.fd);
    if (err == ERR_NONE) {
        err = range_set_copy(&from->ranges, &layer.ranges);
    }
    if (err != ERR_NONE) {
        local_file_release_layer(file, &layer);
        return err;
    }
    layer.number = from->number;
    layer.generation = from->generation;
    layer.size = from->size;
    layer.below_valid = from->below_valid;
    layer.mtime_ns = from->mtime_ns;
    layer.has_no_scan = true;
    layer.is_sealed = true;
    *out = layer;
    return ERR_NONE;
}

enum err local_file_load(const struct local_file_parts *parts,
                         const struct journal_inode *row, const struct file_version *base,
                         struct why *why, struct local_file **out)
{
    struct local_file *file = NULL;
    enum err err = local_file_new(parts, row->id, base, &file);
    if (err == ERR_NONE) {
        err = load_layer(file, &row->flight, why, &file->flight);
    }
    if (err == ERR_NONE) {
        err = load_layer(file, &row->top, why, &file->top);
    }
    if (err != ERR_NONE) {
        if (file != NULL) {
            free_file(file);
        }
        return err;
    }
    file->generation = row->top.generation;
    file->size = row->top.size;
    file->mtime_ns = row->top.mtime_ns;
    file->last_number =
        row->top.number > row->flight.number ? row->top.number : row->flight.number;
    *out = file;
    return ERR_NONE;
}

struct local_file *local_file_ref(struct local_file *file)
{
    atomic_fetch_add(&file->references, 1);
    return file;
}

void local_file_put(struct local_file *file)
{
    if (file != NULL && atomic_fetch_sub(&file->references, 1) == 1) {
        free_file(file);
    }
}

void local_file_scan_by(struct local_file *file, struct local_scanner *scanner)
{
    lock_acquire(&file->lock);
    file->scanner = scanner;
    lock_release(&file->lock);
}

uint64_t local_file_id(const struct local_file *file)
{
    return file->id;
}

static bool sees_base(const struct local_file *file)
{
    const struct layer *top = &file->top;
    return file->has_base && !has_layer(&file->flight) && file->size == file->base.size &&
           (!has_layer(top) || (top->ranges.n == 0 && top->below_valid == file->size));
}

void local_file_info(struct local_file *file, struct local_file_info *out)
{
    lock_acquire(&file->lock);
    *out = (struct local_file_info){
        .size = file->size,
        .mtime = from_ns(file->mtime_ns),
        .generation = file->generation,
        .is_dirty = file->is_dirty,
        .has_flight = has_layer(&file->flight),
        .is_clean =
            !file->is_dirty && !is_sealed(&file->top) && !has_layer(&file->flight),
        .is_base = sees_base(file),
        .has_base = file->has_base,
        .staged_bytes =
            range_set_sum(&file->top.ranges) + range_set_sum(&file->flight.ranges),
    };
    lock_release(&file->lock);
}

enum err local_file_base(struct local_file *file, struct file_version *out)
{
    lock_acquire(&file->lock);
    enum err err = file->has_base ? file_version_copy(&file->base, out) : ERR_ABSENT;
    lock_release(&file->lock);
    return err;
}

// ------------------------------------------------------------------------------ changing

// Before bytes of the top at `offset` and beyond change.
static void scan_changing(struct local_file *file, uint64_t offset) REQUIRES(file->lock)
{
    struct layer *top = &file->top;
    if (top->scan != NULL && !local_scan_changing(top->scan, offset)) {
        local_file_end_scan(top);
    }
}

// After bytes of the top from `offset` on have come. A scan begins when the beginning of the file
// has become long enough, and once: who writes here and there would begin it again and again.
static void scan_grew(struct local_file *file, uint64_t offset) REQUIRES(file->lock)
{
    struct layer *top = &file->top;
    uint64_t end = 0;
    if (file->scanner == NULL || top->has_no_scan ||
        !range_set_next(&top->ranges, 0, &end)) {
        return;
    }
    if (top->scan == NULL && offset < LOCAL_SCAN_FROM && end >= LOCAL_SCAN_FROM) {
        top->scan = local_scan_new(file->scanner, top->fd);
    }
    if (top->scan != NULL) {
        local_scan_grew(top->scan, end);
    }
}

static void note_change(struct local_file *file) REQUIRES(file->lock)
{
    if (!file->is_dirty) {
        file->generation++;
    }
    file->is_dirty = true;
    file->mtime_ns = now_ns();
}

static enum err write_staging(struct local_file *file, const void *bytes, size_t len,
                              uint64_t offset, struct why *why) REQUIRES(file->lock)
{
    if (staging_is_short(journal_staging(file->parts.journal))) {
        return why_set(why, ERR_NO_SPACE, "the disk of the state folder is full");
    }
    enum err err = file_pwrite(file->top.fd, bytes, len, offset);
    return err == ERR_NONE ? err
                           : why_set(why, err, "writing to the state folder failed: %s",
                                     strerror(errno));
}

enum err local_file_write(struct local_file *file, const void *bytes, size_t len,
                          uint64_t offset, struct why *why)
{
    uint64_t end = 0;
    lock_acquire(&file->lock);
    enum err err = checked_add(offset, len, &end) && end <= LOCAL_FILE_BYTES_MAX
                       ? local_file_ensure_top(file, why)
                       : ERR_FILE_TOO_LARGE;
    if (err == ERR_NONE) {
        err = local_file_make_room(file, &file->top, end, 1, why);
    }
    if (err == ERR_NONE) {
        scan_changing(file, offset);
        err = write_staging(file, bytes, len, offset, why);
    }
    if (err == ERR_NONE) {
        err = range_set_add(&file->top.ranges, offset, end);
    }
    if (err == ERR_NONE) {
        file->size = end > file->size ? end : file->size;
        note_change(file);
        scan_grew(file, offset);
    }
    lock_release(&file->lock);
    return err;
}

enum err local_file_truncate(struct local_file *file, uint64_t size, struct why *why)
{
    lock_acquire(&file->lock);
    enum err err = size <= LOCAL_FILE_BYTES_MAX ? local_file_ensure_top(file, why)
                                                : ERR_FILE_TOO_LARGE;
    if (err == ERR_NONE) {
        scan_changing(file, size);
        range_set_clip(&file->top.ranges, size);
        file->top.has_no_scan = file->top.has_no_scan && size > 0;
        file->top.below_valid =
            size < file->top.below_valid ? size : file->top.below_valid;
        file->size = size;
        note_change(file);
    }
    lock_release(&file->lock);
    return err;
}

enum err local_file_allocate(struct local_file *file, uint64_t offset, uint64_t len,
                             bool zeroes, bool keep_size, struct why *why)
{
    uint64_t end = 0;
    lock_acquire(&file->lock);
    enum err err = checked_add(offset, len, &end) && end <= LOCAL_FILE_BYTES_MAX
                       ? ERR_NONE
                       : ERR_FILE_TOO_LARGE;
    if (err == ERR_NONE && (zeroes || (!keep_size && end > file->size))) {
        err = local_file_ensure_top(file, why);
    }
    uint64_t zero_end = keep_size && end > file->size ? file->size : end;
    if (err == ERR_NONE && zeroes) {
        err = local_file_make_room(file, &file->top, zero_end, 1, why);
    }
    if (err == ERR_NONE && zeroes && offset < zero_end) {
        scan_changing(file, offset);
        // What was not written into a staging file reads as zeros there.
        if (fallocate(file->top.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      (off_t)offset, (off_t)(zero_end - offset)) != 0) {
            err = errno == EOPNOTSUPP ? ERR_UNSUPPORTED : ERR_SYSTEM;
        } else {
            // Not a hole at its end: reading must find bytes.
            struct stat status;
            if (fstat(file->top.fd, &status) == 0 &&
                (uint64_t)status.st_size < zero_end &&
                ftruncate(file->top.fd, (off_t)zero_end) != 0) {
                err = errno == ENOSPC ? ERR_NO_SPACE : ERR_SYSTEM;
            }
        }
        if (err == ERR_NONE) {
            err = range_set_add(&file->top.ranges, offset, zero_end);
        }
    }
    if (err == ERR_NONE && (zeroes || (!keep_size && end > file->size))) {
        file->size = !keep_size && end > file->size ? end : file->size;
        note_change(file);
        scan_grew(file, offset);
    }
    lock_release(&file->lock);
    return err;
}

enum err local_file_adopt(struct local_file *file, const struct file_version *source,
                          uint64_t offset, uint64_t len)
{
    lock_acquire(&file->lock);
    bool goes_on = offset == 0 || (file->has_base && offset == file->size &&
                                   oid_equal(&file->base.oid, &source->oid));
    bool shows_all = !has_layer(&file->top) || file->top.below_valid == file->size;
    bool is_empty = offset > 0 ? shows_all : !file->has_base && file->size == 0;
    bool has_all = offset + len <= source->size;
    enum err err = goes_on && is_empty && has_all && file->top.ranges.n == 0 &&
                           !has_layer(&file->flight)
                       ? ERR_NONE
                       : ERR_UNSUPPORTED;
    if (err == ERR_NONE && !file->has_base) {
        err = file_version_copy(source, &file->base);
        file->has_base = err == ERR_NONE;
    }
    if (err == ERR_NONE) {
        err = local_file_ensure_top(file, NULL);
    }
    if (err == ERR_NONE) {
        file->size = offset + len;
        file->top.below_valid = file->size;
        note_change(file);
    }
    lock_release(&file->lock);
    return err;
}

enum err local_file_set_mtime(struct local_file *file, const struct timespec *at)
{
    lock_acquire(&file->lock);
    file->mtime_ns = to_ns(at);
    lock_release(&file->lock);
    return ERR_NONE;
}
