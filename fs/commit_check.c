// SPDX-License-Identifier: Apache-2.0
// Four ways to know, the cheapest first: the item was made on the parent itself; on a commit since
// which only we have committed; its folder is listed; the Hub is asked about all the rest at once.
#include "fs/commit_check.h"

#include "fs/commit_ask.h"
#include "fs/commit_narrow.h"
#include "fs/commit_verdict.h"

static bool is_folder(const struct commit_there *there)
{
    return there->exists && there->kind == ENTRY_DIRECTORY;
}

static struct commit_stand stand_of(struct commit_work *work,
                                    const struct commit_item *item,
                                    const struct commit_there *there)
{
    const char *path = item->item->path;
    return (struct commit_stand){
        .exists = there->exists,
        .is_folder = is_folder(there),
        .oid = there->version.oid,
        .is_own = commit_own_has_sent(&work->own, path,
                                      there->exists ? &there->version.oid : NULL),
    };
}

static void settle_conflict(struct commit_work *work, struct commit_item *item,
                            const struct commit_there *there)
{
    struct why why = {""};
    if (is_folder(there)) {
        enum err err = why_set(&why, ERR_CONFLICT,
                               "somebody else has made the folder \"%s\" meanwhile",
                               item->item->path);
        commit_settle_returned(work, item, err, &why, 0);
        return;
    }
    commit_settle_conflict(work, item, there->exists ? &there->version : NULL);
}

static void judge(struct commit_work *work, struct commit_item *item,
                  const struct commit_there *there)
{
    if (item->item->op == OVERLAY_PUT && item->item->under_is_folder &&
        (!there->exists || is_folder(there))) {
        return; // the folder goes with this commit: commit_replace()
    }
    if (item->item->op == OVERLAY_PUT && item->item->under_exists && !there->exists &&
        oid_is_zero(&item->item->under_oid)) {
        return; // what may have been on its way there never came
    }
    struct commit_stand stand = stand_of(work, item, there);
    switch (commit_judge_path(item->item, commit_item_ours(item), &stand)) {
    case COMMIT_PATH_DONE:
        item->fate = COMMIT_FATE_THERE;
        break;
    case COMMIT_PATH_CONFLICT:
        item->takes_too_much =
            item->item->op == OVERLAY_DELETE_FOLDER && is_folder(there);
        if (!item->takes_too_much) {
            settle_conflict(work, item, there);
        }
        break;
    case COMMIT_PATH_FREE:
        break;
    }
}

// What is believed is true.
static void judge_believed(struct commit_work *work, struct commit_item *item)
{
    const struct overlay_item *from = item->item;
    struct commit_there there = {.exists = from->under_exists,
                                 .kind = from->op == OVERLAY_DELETE_FOLDER ||
                                                 from->under_is_folder
                                             ? ENTRY_DIRECTORY
                                             : ENTRY_FILE};
    there.version.oid = from->under_oid;
    judge(work, item, &there);
}

bool commit_look_up(struct commit_work *work, const struct snapshot_view *view,
                    const char *whole, struct commit_there *out)
{
    struct tree_node node;
    const char *path = whole;
    uint64_t dir = view->repo_root;
    for (;;) {
        size_t len = strcspn(path, "/");
        enum err err = namespace_peek(work->mount->namespace, dir, path, len, &node);
        if (err == ERR_NOT_FOUND) {
            *out = (struct commit_there){.exists = false};
            return true;
        }
        if (err != ERR_NONE) {
            return false;
        }
        if (path[len] == '\0') {
            *out = (struct commit_there){.exists = true, .kind = node.kind};
            return file_version_of(&node, &view->commit, whole, &out->version) ==
                   ERR_NONE;
        }
        if (node.kind != ENTRY_DIRECTORY) {
            *out = (struct commit_there){.exists = false};
            return true;
        }
        dir = node.ino;
        path += len + 1;
    }
}

struct doubts {
    struct commit_item **items;
    const char **paths;
    struct commit_there *there;
    size_t n;
};

static void doubts_release(struct doubts *doubts)
{
    if (doubts->there != NULL) {
        commit_there_release(doubts->there, doubts->n);
    }
    free(doubts->items);
    free((void *)doubts->paths);
    free(doubts->there);
}

static enum err doubts_init(struct doubts *doubts, size_t n)
{
    *doubts = (struct doubts){.items = calloc(n, sizeof(*doubts->items)),
                              .paths = calloc(n, sizeof(*doubts->paths)),
                              .there = calloc(n, sizeof(*doubts->there))};
    bool is_there =
        doubts->items != NULL && doubts->paths != NULL && doubts->there != NULL;
    return is_there ? ERR_NONE : ERR_NO_MEMORY;
}

static void doubts_add(struct doubts *doubts, struct commit_item *item)
{
    doubts->items[doubts->n] = item;
    doubts->paths[doubts->n++] = item->item->path;
}

static enum err resolve(struct commit_work *work, const struct oid *parent,
                        struct doubts *doubts, struct why *why)
{
    if (doubts->n == 0) {
        return ERR_NONE;
    }
    enum err err =
        commit_ask_paths(work, parent, doubts->paths, doubts->n, why, doubts->there);
    for (size_t i = 0; err == ERR_NONE && i < doubts->n; i++) {
        judge(work, doubts->items[i], &doubts->there[i]);
    }
    return err;
}

// Judges an item without asking anybody; false: the Hub has to be asked.
static bool judge_here(struct commit_work *work, struct commit_item *item,
                       const struct oid *parent)
{
    const struct overlay_item *from = item->item;
    struct snapshot_view view;
    struct commit_there there = {.exists = false};
    if (oid_equal(&from->under_commit, parent)) {
        judge_believed(work, item);
        return true;
    }
    if (commit_own_leads(&work->own, &from->under_commit, parent)) {
        return true; // nobody else has been here: it is free
    }
    snapshot_current(work->mount->snapshot, &view);
    if (!oid_equal(&view.commit, parent) ||
        !commit_look_up(work, &view, from->path, &there)) {
        return false;
    }
    judge(work, item, &there);
    commit_there_release(&there, 1);
    return true;
}

enum err commit_check(struct commit_work *work, struct commit_item *const *items,
                      size_t n, const struct oid *parent, bool asks_all, struct why *why)
{
    struct doubts doubts;
    enum err err = doubts_init(&doubts, n);
    for (size_t i = 0; err == ERR_NONE && i < n; i++) {
        bool is_open = items[i]->fate == COMMIT_FATE_OPEN;
        if (is_open && (asks_all || !judge_here(work, items[i], parent))) {
            doubts_add(&doubts, items[i]);
        }
    }
    if (err == ERR_NONE) {
        err = resolve(work, parent, &doubts, why);
    }
    doubts_release(&doubts);
    for (size_t i = 0; err == ERR_NONE && i < n; i++) {
        const struct overlay_item *item = items[i]->item;
        if (items[i]->fate != COMMIT_FATE_OPEN) {
            continue;
        }
        if (items[i]->takes_too_much) {
            err = commit_narrow(work, items[i], parent, why);
        } else if (item->op == OVERLAY_PUT && item->under_is_folder) {
            err = commit_replace(work, items[i], items, n, parent, why);
        }
    }
    return err;
}

// ------------------------------------------------------------------------------ holding back

// Whether the deletion takes away what stands at `path`.
static bool takes_away(const struct overlay_item *deletion, const char *path)
{
    size_t len = strlen(deletion->path);
    return strncmp(deletion->path, path, len) == 0 &&
           (path[len] == '\0' ||
            (path[len] == '/' && deletion->op == OVERLAY_DELETE_FOLDER));
}

static bool is_needed(struct commit_batch *batch, const struct overlay_item *deletion)
{
    for (size_t i = 0; i < batch->n; i++) {
        const struct commit_item *item = &batch->items[i];
        struct file_version base;
        if (!item->has_failed || item->reader == NULL ||
            local_file_base(item->reader, &base) != ERR_NONE) {
            continue;
        }
        bool takes = takes_away(deletion, base.path);
        file_version_release(&base);
        if (takes) {
            return true;
        }
    }
    return false;
}

// Whether some of a folder that moved can't be committed, and nothing of it has been yet.
static bool is_held_back(const struct commit_batch *batch, uint64_t moved_with)
{
    bool has_failed = false;
    for (size_t i = 0; i < batch->n; i++) {
        const struct commit_item *item = &batch->items[i];
        if (item->item->moved_with != moved_with) {
            continue;
        }
        if (item->fate == COMMIT_FATE_SETTLED && !item->has_failed) {
            return false;
        }
        has_failed |= item->has_failed;
    }
    return has_failed;
}

// A folder that moved is there as a whole, or where it was.
static void hold_back_parts(struct commit_work *work, struct commit_batch *batch)
{
    uint64_t last = 0; // they lie beside each other
    bool is_held = false;
    for (size_t i = 0; i < batch->n; i++) {
        struct commit_item *item = &batch->items[i];
        uint64_t moved_with = item->item->moved_with;
        if (item->fate == COMMIT_FATE_SETTLED || moved_with == 0) {
            continue;
        }
        bool is_first = moved_with != last;
        is_held = is_first ? is_held_back(batch, moved_with) : is_held;
        last = moved_with;
        if (is_held) {
            struct why why = {""};
            (void)why_set(&why, ERR_BUSY,
                          "of the folder that it moved with another file can't be "
                          "committed");
            if (is_first) {
                commit_settle_returned(work, item, ERR_BUSY, &why, 0);
            } else {
                commit_settle_put_off(work, item, &why);
            }
        }
    }
}

void commit_hold_back(struct commit_work *work, struct commit_batch *batch)
{
    hold_back_parts(work, batch);
    for (size_t i = 0; i < batch->n; i++) {
        struct commit_item *item = &batch->items[i];
        if (item->fate != COMMIT_FATE_OPEN || item->item->op == OVERLAY_PUT ||
            !is_needed(batch, item->item)) {
            continue;
        }
        struct why why = {""};
        (void)why_set(&why, ERR_BUSY, "what was moved away from \"%s\" is not committed",
                      item->item->path);
        commit_settle_returned(work, item, ERR_BUSY, &why, 0);
    }
}
