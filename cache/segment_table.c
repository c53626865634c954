// SPDX-License-Identifier: Apache-2.0
// Descriptors of segment files, shared by all readers, and the touched bits that eviction
// asks for.
//
// Invariants
//  (1) A referenced file has an open descriptor; a descriptor is closed only at refs == 0.
//  (2) At most SEGMENT_FDS_MAX unreferenced descriptors are open; the least recently used
//      one goes first.
//  (3) An entry outlives its descriptor, because it carries the touched bits: 512 bytes for
//      a segment of 256 MiB, 2 MiB for a terabyte. It is freed when its segment is dropped.
//
// A touch is one relaxed fetch_or on a bit, never a write to disk. Touches while a segment
// is being filled and shortly after belong to the reader that caused the filling; a stream
// that is read once stays untouched and is given up first.
//
// Lock: `lock` guards everything but the bits. It is a leaf lock; a file is opened under it,
// which keeps two readers from opening the same one twice.
#include "cache/segment_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>

enum { TABLE_BUCKETS = 1024 };
#define TOUCH_GRAIN (64 * KIB)
#define TOUCH_WORDS ((size_t)(SEGMENT_BYTES_MAX / TOUCH_GRAIN / 64))

struct segment_table {
    char *dir;
    struct lock lock;
    struct segment_file *buckets[TABLE_BUCKETS] GUARDED_BY(lock);
    size_t open_fds GUARDED_BY(lock);
    uint64_t uses GUARDED_BY(lock);
};

void segment_path(const char *dir, uint64_t id, char *out, size_t size)
{
    snprintf(out, size, "%s/segments/%016llx", dir, (unsigned long long)id);
}

enum err segment_table_new(const char *dir, struct segment_table **out)
{
    struct segment_table *table = calloc(1, sizeof(*table));
    if (!table) {
        return ERR_NO_MEMORY;
    }
    table->dir = strdup(dir);
    if (!table->dir) {
        free(table);
        return ERR_NO_MEMORY;
    }
    lock_init(&table->lock);
    *out = table;
    return ERR_NONE;
}

static void close_fd(struct segment_table *table, struct segment_file *file)
    REQUIRES(table->lock)
{
    if (file->fd >= 0) {
        close(file->fd);
        file->fd = -1;
        table->open_fds--;
    }
}

static void free_file(struct segment_table *table, struct segment_file *file)
    REQUIRES(table->lock)
{
    close_fd(table, file);
    free(file->touched);
    free(file);
}

static void unlink_bucket(struct segment_table *table, size_t bucket)
    REQUIRES(table->lock)
{
    struct segment_file *file = table->buckets[bucket];
    while (file) {
        struct segment_file *next = file->next;
        file->gone = true;
        if (file->refs == 0) {
            free_file(table, file);
        }
        file = next;
    }
    table->buckets[bucket] = NULL;
}

void segment_table_drop_all(struct segment_table *table)
{
    lock_acquire(&table->lock);
    for (size_t i = 0; i < TABLE_BUCKETS; i++) {
        unlink_bucket(table, i);
    }
    lock_release(&table->lock);
}

void segment_table_free(struct segment_table *table)
{
    if (!table) {
        return;
    }
    segment_table_drop_all(table);
    lock_destroy(&table->lock);
    free(table->dir);
    free(table);
}

static struct segment_file *find(struct segment_table *table, uint64_t id)
    REQUIRES(table->lock)
{
    struct segment_file *file = table->buckets[id % TABLE_BUCKETS];
    while (file && file->id != id) {
        file = file->next;
    }
    return file;
}

static struct segment_file *find_or_add(struct segment_table *table, uint64_t id)
    REQUIRES(table->lock)
{
    struct segment_file *file = find(table, id);
    if (file) {
        return file;
    }
    file = calloc(1, sizeof(*file));
    if (file) {
        file->id = id;
        file->fd = -1;
        file->next = table->buckets[id % TABLE_BUCKETS];
        table->buckets[id % TABLE_BUCKETS] = file;
    }
    return file;
}

// Closes the least recently used descriptor that nobody reads from.
static void close_one(struct segment_table *table) REQUIRES(table->lock)
{
    struct segment_file *oldest = NULL;
    for (size_t i = 0; i < TABLE_BUCKETS; i++) {
        for (struct segment_file *file = table->buckets[i]; file; file = file->next) {
            if (file->fd >= 0 && file->refs == 0 &&
                (!oldest || file->last_use < oldest->last_use)) {
                oldest = file;
            }
        }
    }
    if (oldest) {
        close_fd(table, oldest);
    }
}

// What can't be opened any more is given up and fetched again; that too many files are open says
// nothing of this one.
static enum err open_error(int number)
{
    bool is_ours = number == EMFILE || number == ENFILE || number == ENOMEM;
    return number == ENOENT ? ERR_ABSENT : is_ours ? err_from_errno(number) : ERR_DAMAGED;
}

enum err segment_open(const char *dir, uint64_t id, int access, int *out_fd,
                      struct store_uuid *out_uuid)
{
    char path[PATH_BYTES_MAX + 64];
    segment_path(dir, id, path, sizeof(path));
    AUTO_CLOSE int fd = open(path, access | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return open_error(errno);
    }
    uint8_t header[64];
    uint64_t named = 0;
    if (file_pread(fd, header, sizeof(header), 0) ||
        segment_header_parse(header, sizeof(header), out_uuid, &named) || named != id) {
        return ERR_DAMAGED;
    }
    *out_fd = steal_fd(&fd);
    return ERR_NONE;
}

static enum err open_fd(struct segment_table *table, struct segment_file *file)
    REQUIRES(table->lock)
{
    AUTO_CLOSE int fd = -1;
    struct store_uuid uuid;
    enum err err = segment_open(table->dir, file->id, O_RDONLY, &fd, &uuid);
    if (err) {
        return err;
    }
    if (table->open_fds >= SEGMENT_FDS_MAX) {
        close_one(table);
    }
    // What is read in order is read ahead by run_ahead.c, which knows the order.
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    file->fd = steal_fd(&fd);
    file->uuid = uuid;
    table->open_fds++;
    return ERR_NONE;
}

enum err segment_table_ref(struct segment_table *table, uint64_t id,
                           struct segment_file **out)
{
    enum err err = ERR_NONE;
    lock_acquire(&table->lock);
    struct segment_file *file = find_or_add(table, id);
    if (!file) {
        err = ERR_NO_MEMORY;
    } else if (file->fd < 0) {
        err = open_fd(table, file);
    }
    if (!err) {
        file->refs++;
        file->last_use = ++table->uses;
        *out = file;
    }
    lock_release(&table->lock);
    return err;
}

void segment_table_unref(struct segment_table *table, struct segment_file *file)
{
    lock_acquire(&table->lock);
    if (--file->refs == 0 && file->gone) {
        free_file(table, file);
    }
    lock_release(&table->lock);
}

void segment_table_drop(struct segment_table *table, uint64_t id)
{
    lock_acquire(&table->lock);
    struct segment_file **link = &table->buckets[id % TABLE_BUCKETS];
    while (*link && (*link)->id != id) {
        link = &(*link)->next;
    }
    struct segment_file *file = *link;
    if (file) {
        *link = file->next;
        file->gone = true;
        if (file->refs == 0) {
            free_file(table, file);
        }
    }
    lock_release(&table->lock);
}

size_t segment_table_open_ids(struct segment_table *table, uint64_t *out, size_t max)
{
    size_t n = 0;
    lock_acquire(&table->lock);
    for (size_t i = 0; i < TABLE_BUCKETS; i++) {
        for (struct segment_file *file = table->buckets[i]; file && n < max;
             file = file->next) {
            if (file->fd >= 0) {
                out[n++] = file->id;
            }
        }
    }
    lock_release(&table->lock);
    return n;
}

void segment_table_set_quiet(struct segment_table *table, uint64_t id,
                             int64_t quiet_until_ms)
{
    lock_acquire(&table->lock);
    struct segment_file *file = find_or_add(table, id);
    if (file) {
        file->quiet_until_ms = quiet_until_ms;
    }
    lock_release(&table->lock);
}

static bool may_touch(struct segment_table *table, struct segment_file *file)
{
    lock_acquire(&table->lock);
    bool counts = file->quiet_until_ms == 0 || clock_now_ms() >= file->quiet_until_ms;
    if (counts && !file->touched) {
        file->touched = calloc(TOUCH_WORDS, sizeof(*file->touched));
    }
    bool may = counts && file->touched;
    lock_release(&table->lock);
    return may;
}

void segment_file_touch(struct segment_table *table, struct segment_file *file,
                        uint64_t offset, uint64_t len)
{
    if (len == 0 || !may_touch(table, file)) {
        return;
    }
    uint64_t last = (offset + len - 1) / TOUCH_GRAIN;
    for (uint64_t grain = offset / TOUCH_GRAIN; grain <= last && grain / 64 < TOUCH_WORDS;
         grain++) {
        uint64_t bit = UINT64_C(1) << (grain % 64);
        _Atomic uint64_t *word = &file->touched[grain / 64];
        if (!(atomic_load_explicit(word, memory_order_relaxed) & bit)) {
            atomic_fetch_or_explicit(word, bit, memory_order_relaxed);
        }
    }
}

bool segment_table_is_touched(struct segment_table *table, uint64_t id, uint64_t offset,
                              uint64_t len)
{
    bool touched = false;
    lock_acquire(&table->lock);
    struct segment_file *file = find(table, id);
    if (file && file->touched && len > 0) {
        uint64_t last = (offset + len - 1) / TOUCH_GRAIN;
        for (uint64_t grain = offset / TOUCH_GRAIN;
             grain <= last && grain / 64 < TOUCH_WORDS; grain++) {
            uint64_t word =
                atomic_load_explicit(&file->touched[grain / 64], memory_order_relaxed);
            touched = touched || (word >> (grain % 64) & 1) != 0;
        }
    }
    lock_release(&table->lock);
    return touched;
}
