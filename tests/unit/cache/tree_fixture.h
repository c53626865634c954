// SPDX-License-Identifier: Apache-2.0
// What the tests of the tree store share: entries that are a function of a number, and a root.
#pragma once

#include "store_fixture.h"

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
