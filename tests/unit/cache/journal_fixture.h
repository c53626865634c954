// SPDX-License-Identifier: Apache-2.0
// A state directory in a scratch folder, and submits that are waited for.
#pragma once

#include "cache/cache.h"
#include "tests/unit/unit_test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct state_dir {
    char path[64];
};

static inline int state_dir_remove_entry(const char *path, const struct stat *status,
                                         int kind, struct FTW *ftw)
{
    (void)status;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline struct state_dir state_dir_make(void)
{
    struct state_dir dir = {"/tmp/hugfs-journal-XXXXXX"};
    assert_non_null(mkdtemp(dir.path));
    return dir;
}

static inline void state_dir_remove(const struct state_dir *dir)
{
    nftw(dir->path, state_dir_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static inline enum err try_open(const char *dir, struct why *why, struct journal **out)
{
    const struct journal_config config = {.dir = dir, .mountpoint = "/mnt/m"};
    return journal_open(&config, why, out);
}

static inline struct journal *open_journal(const char *dir)
{
    struct why why = {{0}};
    struct journal *journal = NULL;
    enum err err = try_open(dir, &why, &journal);
    if (err) {
        print_error("%s\n", why.text);
    }
    assert_ok(err);
    return journal;
}

// What a done function was told.
struct told {
    struct lock lock;
    struct condition changed;
    int calls;
    enum err err;
    bool queued;
    char sentence[WHY_MAX];
    struct told *before; // if set: was told before this one
    bool in_order;
};

static inline struct told told_init(void)
{
    struct told told = {.calls = 0};
    lock_init(&told.lock);
    condition_init(&told.changed);
    return told;
}

static inline void told_done(void *ctx, const struct journal_result *result)
{
    struct told *told = ctx;
    bool in_order = true;
    if (told->before) {
        lock_acquire(&told->before->lock);
        in_order = told->before->calls > 0;
        lock_release(&told->before->lock);
    }
    lock_acquire(&told->lock);
    told->calls++;
    told->err = result->err;
    told->queued = result->queued;
    told->in_order = in_order;
    snprintf(told->sentence, sizeof(told->sentence), "%s", result->sentence);
    condition_broadcast(&told->changed);
    lock_release(&told->lock);
}

static inline enum err told_wait(struct told *told)
{
    lock_acquire(&told->lock);
    while (told->calls == 0) {
        condition_wait(&told->changed, &told->lock);
    }
    enum err err = told->err;
    lock_release(&told->lock);
    return err;
}

static inline enum err submit(struct journal *journal, struct journal_change *change)
{
    struct told told = told_init();
    journal_submit(journal, change, true, told_done, &told);
    return told_wait(&told);
}

static inline enum err put_meta(struct journal *journal, const char *key,
                                const char *value)
{
    struct journal_change *change = journal_change_new();
    journal_change_put_meta(change, key, value, strlen(value));
    return submit(journal, change);
}

// A sealed file of one layer that holds `size` bytes of `letter`, in a change of its own.
static inline int write_staging(struct journal *journal, uint64_t id, uint32_t number,
                                char letter, size_t size)
{
    int fd = -1;
    enum err err = staging_open(journal_staging(journal), id, number, NULL, &fd);
    if (err) {
        assert_ok(staging_create(journal_staging(journal), id, number, NULL, &fd));
    }
    char *bytes = malloc(size + 1);
    assert_non_null(bytes);
    memset(bytes, letter, size + 1);
    assert_ok(file_pwrite(fd, bytes, size, 0));
    free(bytes);
    return fd;
}

static inline void change_put_file(struct journal_change *change, uint64_t id,
                                   uint32_t number, uint64_t generation,
                                   enum journal_state state, size_t size)
{
    struct journal_inode inode = {
        .id = id,
        .kind = JOURNAL_FILE,
        .top = {.number = number, .generation = generation, .state = state, .size = size},
        .path = "models/a.bin",
        .base = "base",
        .base_len = 4,
    };
    assert_ok(range_set_add(&inode.top.ranges, 0, size));
    journal_change_put_inode(change, &inode);
    range_set_release(&inode.top.ranges);
}

static inline enum err seal_file(struct journal *journal, uint64_t id, uint32_t number,
                                 uint64_t generation, char letter, size_t size)
{
    int fd = write_staging(journal, id, number, letter, size);
    struct journal_change *change = journal_change_new();
    change_put_file(change, id, number, generation, JOURNAL_SEALED, size);
    journal_change_sync(change, id, number, fd);
    enum err err = submit(journal, change);
    close(fd);
    return err;
}

static inline enum err move_file(struct journal *journal, uint64_t id,
                                 uint64_t generation, enum journal_state from,
                                 enum journal_state to)
{
    struct journal_change *change = journal_change_new();
    journal_change_move_state(change, id, generation, from, to, "because", 7, 2);
    return submit(journal, change);
}

// Puts a batch that names one file.
static inline enum err put_batch(struct journal *journal, const char *id, uint64_t inode,
                                 uint64_t generation)
{
    const struct journal_batch batch = {
        .id = id, .parent = "parent", .parent_len = 6, .description = "text", .at_s = 5};
    const struct journal_item item = {
        .op = 1, .path = "a", .path_len = 1, .inode = inode, .generation = generation};
    struct journal_change *change = journal_change_new();
    journal_change_put_batch(change, &batch, &item, 1);
    return submit(journal, change);
}

// One inode's row, found by loading. Ranges are released.
struct found_inode {
    uint64_t id;
    bool found;
    struct journal_inode row;
    uint64_t top_sum;
    uint64_t flight_sum;
    char error[64];
};

static inline enum err find_inode_row(void *ctx, const struct journal_inode *inode)
{
    struct found_inode *found = ctx;
    if (inode->id == found->id) {
        found->found = true;
        found->row = *inode;
        found->top_sum = range_set_sum(&inode->top.ranges);
        found->flight_sum = range_set_sum(&inode->flight.ranges);
        snprintf(found->error, sizeof(found->error), "%s", inode->error);
        found->row.top.ranges = found->row.flight.ranges = range_set_init();
    }
    return ERR_NONE;
}

// Only right after opening.
static inline struct found_inode find_inode(struct journal *journal, uint64_t id)
{
    struct found_inode found = {.id = id};
    const struct journal_visitor visitor = {.inode = find_inode_row, .ctx = &found};
    assert_ok(journal_load(journal, &visitor, NULL));
    return found;
}

// Whether a staging file holds exactly `size` bytes of `letter`.
static inline bool staging_holds(struct journal *journal, uint64_t id, uint32_t number,
                                 char letter, size_t size)
{
    char *path = staging_path(journal_staging(journal), id, number);
    struct buffer bytes = buffer_init(1 << 24);
    bool same = file_read_all(path, NULL, &bytes) == ERR_NONE && bytes.len == size;
    for (size_t i = 0; i < bytes.len && same; i++) {
        same = bytes.bytes[i] == (uint8_t)letter;
    }
    buffer_release(&bytes);
    free(path);
    return same;
}
