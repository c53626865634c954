// SPDX-License-Identifier: Apache-2.0
// A scripted Hub, a tree store and a locator, for what stands between the three; and one call at
// a time that is waited for. The Hub's time goes on when a test says so.
#pragma once

#include "fs/locator.h"
#include "tests/unit/hub/verb_bench.h"

#include <dirent.h>
#include <stdatomic.h>
#include <time.h>

struct hub_bench {
    struct bench hub;
    char dir[64];
    struct tree_store *tree;
    struct locator *locator;
};

static atomic_llong skipped_us;

static inline int64_t skipping_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + atomic_load(&skipped_us);
}

static inline void skip_ms(int64_t ms)
{
    atomic_fetch_add(&skipped_us, ms * 1000);
}

static inline void hub_bench_start(struct hub_bench *bench, const char *token,
                                   void (*answer)(const struct scripted_server *,
                                                  const char *, struct buffer *))
{
    clock_replace(skipping_clock);
    start(&bench->hub, token, answer);
    snprintf(bench->dir, sizeof(bench->dir), "/tmp/hugfs-hub-bench-XXXXXX");
    assert_non_null(mkdtemp(bench->dir));
    assert_ok(tree_store_open(bench->dir, NULL, &bench->tree));
    assert_ok(locator_new(bench->hub.hub, bench->tree, "http://hub", &bench->locator));
}

// First half of the end: nothing is under way any more.
static inline void hub_bench_stop(struct hub_bench *bench)
{
    stop(&bench->hub);
}

static inline void hub_bench_release(struct hub_bench *bench)
{
    locator_free(bench->locator);
    tree_store_close(bench->tree);
    DIR *dir = opendir(bench->dir);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    assert_int_equal(rmdir(bench->dir), 0);
}

// A waiter_fn.
static inline void on_done(void *ctx, enum err err, const struct why *why)
{
    static const struct why none = {""};
    begin(ctx, err, why != NULL ? why : &none, 0);
    finish(ctx);
}

// A repository with one commit whose root has been listed, as seen with a credential.
static inline void look_into(struct hub_bench *bench, const char *fingerprint,
                             enum repo_kind kind, const char *name)
{
    struct repo_id id = {.kind = kind};
    struct oid commit = {{1}};
    struct tree_entry readme = {.path = "README.md", .kind = ENTRY_FILE, .oid = {{9}}};
    int64_t row = 0;
    uint64_t root = 0;
    size_t duplicates = 0;
    snprintf(id.name, sizeof(id.name), "%s", name);
    assert_ok(tree_store_repo(bench->tree, "http://hub", &id, fingerprint, &row));
    assert_ok(tree_store_root(bench->tree, row, &commit, 1, &root));
    assert_ok(tree_store_put_page(bench->tree, root, &readme, 1, NULL, &duplicates));
}
