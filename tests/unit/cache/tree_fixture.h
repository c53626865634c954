// SPDX-License-Identifier: Apache-2.0
// What the tests of the tree store share: entries that are a function of a number, a root, and
// what is done to tree.db behind its back.
#pragma once

#include "../unit_test.h"
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mount.h>

static inline struct repo_id a_repo(void)
{
    return (struct repo_id){REPO_MODEL, "org/name"};
}

static inline struct oid oid_number(uint64_t number)
{
    struct oid oid;
    for (size_t i = 0; i < sizeof(oid.bytes); i++) {
        oid.bytes[i] = (uint8_t)(mix(number * 20 + i) & 0xff);
    }
    return oid;
}

static inline struct tree_entry a_file(const char *path, uint64_t number)
{
    return (struct tree_entry){.path = path,
                               .kind = ENTRY_FILE,
                               .has_xet = true,
                               .size = number,
                               .oid = oid_number(number),
                               .xet_hash = object_number(number).hash};
}

static inline struct tree_entry a_folder(const char *path, uint64_t number)
{
    return (struct tree_entry){
        .path = path, .kind = ENTRY_DIRECTORY, .oid = oid_number(number)};
}

static inline struct tree_store *open_names(const char *dir)
{
    struct tree_store *store = NULL;
    struct why why = {{0}};
    enum err err = tree_store_open(dir, &why, &store);
    if (err) {
        fail_msg("%s: %s", err_name(err), why.text);
    }
    return store;
}

static inline int64_t row_of(struct tree_store *store, const char *name)
{
    struct repo_id repo = {.kind = REPO_MODEL};
    int64_t row = 0;
    snprintf(repo.name, sizeof(repo.name), "%s", name);
    assert_ok(tree_store_repo(store, "https://hub", &repo, "fp", &row));
    return row;
}

// Executes statements on the tree.db of a folder.
static inline void run_sql(const char *dir, const char *sql)
{
    char path[512];
    char *message = NULL;
    sqlite3 *db = NULL;
    snprintf(path, sizeof(path), "%s/tree.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
    sqlite3_close(db);
}

// A small disk of its own; the test is skipped where that needs rights it has not.
static inline struct scratch disk_make(unsigned long flags)
{
    struct scratch scratch = scratch_make();
    if (mount("none", scratch.dir, "tmpfs", flags, "size=1m") != 0) {
        scratch_remove(&scratch);
        skip();
    }
    return scratch;
}

static inline void disk_remove(struct scratch *scratch)
{
    assert_int_equal(umount(scratch->dir), 0);
    scratch_remove(scratch);
}

static inline void fill_up(const char *dir)
{
    char path[512];
    static const uint8_t block[4096];
    snprintf(path, sizeof(path), "%s/filler", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    uint64_t at = 0;
    while (pwrite(fd, block, sizeof(block), (off_t)at) == (ssize_t)sizeof(block)) {
        at += sizeof(block);
    }
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static inline uint64_t root_of(struct tree_store *store, uint64_t commit)
{
    struct repo_id repo = a_repo();
    struct oid sha = oid_number(commit);
    int64_t id = 0;
    uint64_t ino = 0;
    assert_int_equal(tree_store_repo(store, "https://hub", &repo, "fp", &id), ERR_NONE);
    assert_int_equal(tree_store_root(store, id, &sha, 1000 + (int64_t)commit, &ino),
                     ERR_NONE);
    return ino;
}
