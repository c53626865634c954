// SPDX-License-Identifier: Apache-2.0
// Each folder above what is put is looked at once.
#include "fs/commit_above.h"

#include "fs/commit_narrow.h"

#include <uthash.h>

struct folder {
    bool is_known;
    bool is_file;
    UT_hash_handle hh;
    char path[];
};

struct above {
    struct commit_work *work;
    struct folder *folders; // by path
    const char **unknown;   // their paths
    struct commit_there *there;
    size_t n_unknown;
};

static bool is_put(const struct commit_item *item)
{
    return item->fate == COMMIT_FATE_OPEN && item->item->op == OVERLAY_PUT;
}

static struct folder *find(const struct above *above, const char *path, size_t len)
{
    struct folder *folder = NULL;
    HASH_FIND(hh, above->folders, path, len, folder);
    return folder;
}

static enum err add(struct above *above, const char *path, size_t len)
{
    if (find(above, path, len) != NULL) {
        return ERR_NONE;
    }
    struct folder *folder = calloc(1, sizeof(*folder) + len + 1);
    if (folder == NULL) {
        return ERR_NO_MEMORY;
    }
    memcpy(folder->path, path, len);
    HASH_ADD(hh, above->folders, path[0], len, folder);
    return ERR_NONE;
}

static enum err add_all(struct above *above, struct commit_item *const *items, size_t n)
{
    enum err err = ERR_NONE;
    for (size_t i = 0; i < n; i++) {
        const char *path = items[i]->item->path;
        const char *slash = is_put(items[i]) ? strchr(path, '/') : NULL;
        for (; slash != NULL && err == ERR_NONE; slash = strchr(slash + 1, '/')) {
            err = add(above, path, (size_t)(slash - path));
        }
    }
    return err;
}

static void judge(struct folder *folder, const struct commit_there *there)
{
    folder->is_known = true;
    folder->is_file = there->exists && there->kind != ENTRY_DIRECTORY;
}

static void look_here(struct above *above, const struct oid *parent)
{
    struct snapshot_view view;
    snapshot_current(above->work->mount->snapshot, &view);
    if (!oid_equal(&view.commit, parent) &&
        !commit_own_leads(&above->work->own, &view.commit, parent)) {
        return;
    }
    for (struct folder *folder = above->folders; folder != NULL;
         folder = folder->hh.next) {
        struct commit_there there = {.exists = false};
        if (commit_look_up(above->work, &view, folder->path, &there)) {
            judge(folder, &there);
        }
        commit_there_release(&there, 1);
    }
}

static enum err ask(struct above *above, const struct oid *parent, struct why *why)
{
    size_t n = HASH_COUNT(above->folders);
    above->unknown = calloc(n + 1, sizeof(*above->unknown));
    above->there = calloc(n + 1, sizeof(*above->there));
    if (above->unknown == NULL || above->there == NULL) {
        return ERR_NO_MEMORY;
    }
    for (const struct folder *folder = above->folders; folder != NULL;
         folder = folder->hh.next) {
        if (!folder->is_known) {
            above->unknown[above->n_unknown++] = folder->path;
        }
    }
    enum err err = above->n_unknown == 0
                       ? ERR_NONE
                       : commit_ask_paths(above->work, parent, above->unknown,
                                          above->n_unknown, why, above->there);
    for (size_t i = 0; err == ERR_NONE && i < above->n_unknown; i++) {
        const char *path = above->unknown[i];
        judge(find(above, path, strlen(path)), &above->there[i]);
    }
    return err;
}

static void settle(const struct above *above, struct commit_item *item,
                   struct commit_item *const *items, size_t n)
{
    const char *path = item->item->path;
    for (const char *slash = strchr(path, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        const struct folder *folder = find(above, path, (size_t)(slash - path));
        if (folder->is_file && !commit_is_deleted(items, n, folder->path)) {
            struct why why = {""};
            enum err err =
                why_set(&why, ERR_CONFLICT,
                        "somebody else has made the file \"%s\" meanwhile, and \"%s\" "
                        "needs a folder there",
                        folder->path, path);
            commit_settle_returned(above->work, item, err, &why, 0);
            return;
        }
    }
}

static void release(struct above *above)
{
    struct folder *folder;
    struct folder *next;
    if (above->there != NULL) {
        commit_there_release(above->there, above->n_unknown);
    }
    HASH_ITER (hh, above->folders, folder, next) {
        HASH_DEL(above->folders, folder);
        free(folder);
    }
    free((void *)above->unknown);
    free(above->there);
}

enum err commit_check_above(struct commit_work *work, struct commit_item *const *items,
                            size_t n, const struct oid *parent, struct why *why)
{
    struct above above = {.work = work};
    enum err err = add_all(&above, items, n);
    if (err == ERR_NONE) {
        look_here(&above, parent);
    }
    if (err == ERR_NONE) {
        err = ask(&above, parent, why);
    }
    for (size_t i = 0; err == ERR_NONE && i < n; i++) {
        if (is_put(items[i])) {
            settle(&above, items[i], items, n);
        }
    }
    release(&above);
    return err;
}
