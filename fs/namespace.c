// SPDX-License-Identifier: Apache-2.0
// The steps from a name to a node, each step a callback of the one before.
//
//   find:      store -> first page -> store -> paths-info -> store
//   walk:      find, for each component
//   complete:  page after page until the store says that the directory is complete
//
// Every step asks the store first, so that steps of several callers help each other. Nothing
// here is locked: a step's context belongs to whoever runs the step.
#include "fs/namespace.h"

struct namespace
{
    struct tree_store *tree;
    struct listing *listing;
    struct name_query *names;
};

enum err namespace_new(struct hub *hub, struct tree_store *tree, struct locator *locator,
                       struct tree_walks *walks, struct namespace **out)
{
    struct namespace *namespace = calloc(1, sizeof(*namespace));
    if (namespace == NULL) {
        return ERR_NO_MEMORY;
    }
    namespace->tree = tree;
    enum err err = listing_new(hub, tree, locator, walks, &namespace->listing);
    if (err == ERR_NONE) {
        err = name_query_new(hub, tree, locator, &namespace->names);
    }
    if (err != ERR_NONE) {
        namespace_free(namespace);
        return err;
    }
    *out = namespace;
    return ERR_NONE;
}

void namespace_free(struct namespace *namespace)
{
    if (namespace != NULL) {
        name_query_free(namespace->names);
        listing_free(namespace->listing);
        free(namespace);
    }
}

enum err namespace_peek(struct namespace *namespace, uint64_t dir_ino, const char *name,
                        size_t len, struct tree_node *out)
{
    enum err err = tree_store_lookup(namespace->tree, dir_ino, name, len, out);
    if (err != ERR_ABSENT) {
        return err;
    }
    struct tree_dir dir = {0};
    err = tree_store_dir(namespace->tree, dir_ino, &dir);
    if (err == ERR_NONE && dir.complete) {
        // The last page may have come between the two questions.
        err = tree_store_lookup(namespace->tree, dir_ino, name, len, out);
        return err == ERR_ABSENT ? ERR_NOT_FOUND : err;
    }
    return err == ERR_NONE ? ERR_ABSENT : err;
}

void namespace_more(struct namespace *namespace, uint64_t dir_ino, uint64_t after,
                    const struct hub_call *call, waiter_fn done, void *ctx)
{
    listing_fetch_page(namespace->listing, dir_ino, after, call, done, ctx);
}

// ---------------------------------------------------------------------------------- find

struct find {
    struct namespace *namespace;
    uint64_t dir_ino;
    struct hub_call call;
    namespace_fn done;
    void *ctx;
    size_t len;
    char name[];
};

static void find_end(struct find *find, enum err err, const struct why *why,
                     const struct tree_node *node)
{
    find->done(find->ctx, err, why, err == ERR_NONE ? node : NULL);
    free(find);
}

static void find_after_name(void *ctx, enum err err, const struct why *why)
{
    struct find *find = ctx;
    struct tree_node node;
    if (err == ERR_NONE) {
        err = tree_store_lookup(find->namespace->tree, find->dir_ino, find->name,
                                find->len, &node);
    }
    find_end(find, err, why, &node);
}

static void find_after_page(void *ctx, enum err err, const struct why *why)
{
    struct find *find = ctx;
    struct tree_node node;
    if (err == ERR_NONE) {
        err =
            namespace_peek(find->namespace, find->dir_ino, find->name, find->len, &node);
    }
    if (err != ERR_ABSENT) {
        find_end(find, err, why, &node);
        return;
    }
    name_query_ask(find->namespace->names, find->dir_ino, find->name, find->len,
                   &find->call, find_after_name, find);
}

void namespace_find(struct namespace *namespace, uint64_t dir_ino, const char *name,
                    size_t len, const struct hub_call *call, namespace_fn done, void *ctx)
{
    struct find *find = calloc(1, sizeof(*find) + len + 1);
    if (find == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL, NULL);
        return;
    }
    *find = (struct find){namespace, dir_ino, *call, done, ctx, len};
    memcpy(find->name, name, len);
    listing_fetch_page(namespace->listing, dir_ino, 0, call, find_after_page, find);
}

// ---------------------------------------------------------------------------------- walk

struct walk {
    struct namespace *namespace;
    struct hub_call call;
    namespace_fn done;
    void *ctx;
    struct tree_node at;
    const char *rest; // in `path`
    char path[];
};

static void walk_step(struct walk *walk);

static void walk_end(struct walk *walk, enum err err, const struct why *why)
{
    walk->done(walk->ctx, err, why, err == ERR_NONE ? &walk->at : NULL);
    free(walk);
}

static void walk_found(void *ctx, enum err err, const struct why *why,
                       const struct tree_node *node)
{
    struct walk *walk = ctx;
    if (err != ERR_NONE) {
        walk_end(walk, err, why);
        return;
    }
    walk->at = *node;
    walk_step(walk);
}

static void walk_step(struct walk *walk)
{
    while (*walk->rest != '\0') {
        if (walk->at.kind != ENTRY_DIRECTORY) {
            walk_end(walk, ERR_NOT_DIRECTORY, NULL);
            return;
        }
        const char *name = walk->rest;
        size_t len = strcspn(name, "/");
        walk->rest += len;
        walk->rest += *walk->rest == '/';
        struct tree_node node;
        uint64_t dir_ino = walk->at.ino;
        enum err err = namespace_peek(walk->namespace, dir_ino, name, len, &node);
        if (err == ERR_ABSENT) {
            namespace_find(walk->namespace, dir_ino, name, len, &walk->call, walk_found,
                           walk);
            return;
        }
        if (err != ERR_NONE) {
            walk_end(walk, err, NULL);
            return;
        }
        walk->at = node;
    }
    walk_end(walk, ERR_NONE, NULL);
}

void namespace_walk(struct namespace *namespace, uint64_t dir_ino, const char *path,
                    const struct hub_call *call, namespace_fn done, void *ctx)
{
    size_t len = strlen(path);
    struct walk *walk = calloc(1, sizeof(*walk) + len + 1);
    if (walk == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL, NULL);
        return;
    }
    *walk =
        (struct walk){.namespace = namespace, .call = *call, .done = done, .ctx = ctx};
    memcpy(walk->path, path, len + 1);
    walk->rest = walk->path;
    enum err err = tree_store_node(namespace->tree, dir_ino, &walk->at);
    if (err != ERR_NONE) {
        walk_end(walk, err, NULL);
        return;
    }
    walk_step(walk);
}

// ------------------------------------------------------------------------------ complete

struct completion {
    struct namespace *namespace;
    uint64_t dir_ino;
    uint64_t last; // position of the last entry seen
    struct hub_call call;
    waiter_fn done;
    void *ctx;
};

static bool note_position(void *ctx, uint64_t position, const char *name,
                          const struct tree_node *node)
{
    (void)name;
    (void)node;
    *(uint64_t *)ctx = position;
    return true;
}

static void complete_step(void *ctx, enum err err, const struct why *why)
{
    struct completion *completion = ctx;
    struct tree_store *tree = completion->namespace->tree;
    struct tree_dir dir = {0};
    if (err == ERR_NONE) {
        err = tree_store_dir(tree, completion->dir_ino, &dir);
        err = err == ERR_ABSENT ? ERR_NONE : err;
    }
    if (err == ERR_NONE && !dir.complete) {
        err = tree_store_list(tree, completion->dir_ino, completion->last, note_position,
                              &completion->last);
    }
    if (err != ERR_NONE || dir.complete) {
        completion->done(completion->ctx, err, why);
        free(completion);
        return;
    }
    listing_fetch_page(completion->namespace->listing, completion->dir_ino,
                       completion->last, &completion->call, complete_step, completion);
}

void namespace_complete(struct namespace *namespace, uint64_t dir_ino,
                        const struct hub_call *call, waiter_fn done, void *ctx)
{
    struct completion *completion = calloc(1, sizeof(*completion));
    if (completion == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    *completion = (struct completion){.namespace = namespace,
                                      .dir_ino = dir_ino,
                                      .call = *call,
                                      .done = done,
                                      .ctx = ctx};
    complete_step(completion, ERR_NONE, NULL);
}
