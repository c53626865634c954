// SPDX-License-Identifier: Apache-2.0
// The order matters:
//
//   1. ask what stands at the paths now: the Hub may have edited .gitattributes, and only it knows
//      a new version's names
//   2. contents that travelled in the body go to the chunk store, so that nobody downloads them
//      (those of Xet are there since they were uploaded)
//   3. the folders that have changed are written down, so that nobody has to ask for them
//   4. the mount shows the commit, and at once the overlay says what it says over that; its rows and
//      the staging files go, in one transaction
//
// A crash before 4 is over leaves the batch in the journal: the next mount finds the commit.
#include "fs/commit_land.h"

#include "fs/commit_ask.h"
#include "fs/commit_base.h"
#include "fs/commit_content.h"
#include "fs/commit_listing.h"

// -------------------------------------------------------------------------------- versions

struct landed {
    struct overlay_items items; // borrowed, but for the array
    struct commit_item **from;
    struct file_version *versions;
    size_t n;
    char **paths; // of the items; then of what may have changed with them
    struct commit_there *there;
    size_t n_paths;
    bool is_known; // what stands at all of them
};

static void landed_release(struct landed *landed)
{
    if (landed->there != NULL) {
        commit_there_release(landed->there, landed->n_paths);
    }
    for (size_t i = 0; i < landed->n_paths; i++) {
        free(landed->paths[i]);
    }
    free(landed->items.items);
    free((void *)landed->from);
    free(landed->paths);
    free(landed->there);
    free(landed->versions);
}

static enum err add_path(struct landed *landed, const char *path, size_t len)
{
    char **grown = realloc(landed->paths, (landed->n_paths + 1) * sizeof(*landed->paths));
    char *copy = strndup(path, len);
    landed->paths = grown != NULL ? grown : landed->paths;
    if (grown == NULL || copy == NULL) {
        free(copy);
        return ERR_NO_MEMORY;
    }
    grown[landed->n_paths++] = copy;
    return ERR_NONE;
}

// The folders above an item, but for those that the one before it has as well.
static enum err add_folders(struct landed *landed, size_t at)
{
    const char *path = landed->paths[at];
    const char *before = at > 0 ? landed->paths[at - 1] : "";
    enum err err = ERR_NONE;
    for (const char *slash = path;
         err == ERR_NONE && (slash = strchr(slash, '/')) != NULL; slash++) {
        size_t len = (size_t)(slash - path);
        bool is_new = strncmp(before, path, len + 1) != 0;
        err = is_new ? add_path(landed, path, len) : ERR_NONE;
    }
    return err;
}

// What a commit of ours may change beside its items.
static enum err add_beside(struct landed *landed)
{
    bool has_put = false;
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < landed->n; i++) {
        err = add_folders(landed, i);
        has_put |= landed->from[i]->item->op == OVERLAY_PUT;
    }
    return err == ERR_NONE && has_put
               ? add_path(landed, COMMIT_ATTRIBUTES_PATH, strlen(COMMIT_ATTRIBUTES_PATH))
               : err;
}

static enum err landed_init(struct landed *landed, struct commit_item *const *items,
                            size_t n, const struct commit_landing *landing)
{
    *landed = (struct landed){
        .items = {.items = calloc(n, sizeof(*landed->items.items))},
        .from = calloc(n, sizeof(struct commit_item *)),
        .versions = calloc(n, sizeof(*landed->versions)),
    };
    if (landed->items.items == NULL || landed->from == NULL || landed->versions == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < n; i++) {
        const char *path = items[i]->item->path;
        if (items[i]->fate != COMMIT_FATE_SETTLED) {
            landed->items.items[landed->n] = *items[i]->item;
            landed->from[landed->n++] = items[i];
            err = add_path(landed, path, strlen(path));
        }
    }
    landed->items.n = landed->n;
    if (err == ERR_NONE && landing->is_made) {
        err = add_beside(landed);
    }
    if (err == ERR_NONE) {
        landed->there = calloc(landed->n_paths + 1, sizeof(*landed->there));
    }
    return landed->there != NULL ? ERR_NONE : ERR_NO_MEMORY;
}

// What we know of a version ourselves.
static struct file_version own_version(const struct commit_item *item,
                                       const struct oid *commit)
{
    return (struct file_version){
        .has_sha256 = item->is_lfs,
        .has_xet = item->is_lfs && item->has_xet,
        .size = item->size,
        .oid = item->oid,
        .sha256 = item->sha256,
        .xet_hash = item->xet_hash,
        .commit = *commit,
        .path = item->item->path,
    };
}

static void choose_version(struct landed *landed, size_t i, const struct oid *commit)
{
    const struct commit_item *item = landed->from[i];
    const struct commit_there *there = &landed->there[i];
    if (item->item->op != OVERLAY_PUT) {
        return;
    }
    if (!there->exists || there->kind == ENTRY_DIRECTORY) {
        landed->versions[i] = own_version(item, commit);
        return;
    }
    landed->versions[i] = there->version; // its path belongs to `there`
    if (item->has_ours && !oid_equal(&item->oid, &there->version.oid)) {
        log_warn("fs", "the Hub stores something else than was sent: \"%s\"",
                 item->item->path);
    }
}

// Asks until it is known: it must be known before anything is forgotten. False: the mount ends.
static bool ask_versions(struct commit_work *work, struct landed *landed,
                         const struct oid *commit)
{
    bool is_asked = landed->n_paths > landed->n;
    for (size_t i = 0; i < landed->n; i++) {
        is_asked |= landed->from[i]->item->op == OVERLAY_PUT;
    }
    landed->is_known = !is_asked; // what was deleted is gone
    for (unsigned n_failed = 1; is_asked; n_failed++) {
        struct why why = {""};
        enum err err = commit_ask_paths(work, commit, (const char *const *)landed->paths,
                                        landed->n_paths, &why, landed->there);
        landed->is_known = err == ERR_NONE;
        if (err == ERR_NONE || (!err_is_retriable(err) && err != ERR_CANCELLED)) {
            break;
        }
        commit_there_release(landed->there, landed->n_paths);
        if (!commit_hold_still(work, err, &why, n_failed)) {
            return false;
        }
    }
    for (size_t i = 0; i < landed->n; i++) {
        choose_version(landed, i, commit);
    }
    return true;
}

// What fails is asked for when somebody looks.
static void keep_listings(struct commit_work *work, const struct landed *landed,
                          const struct commit_landing *landing)
{
    bool is_simple = landing->is_made && !landing->is_shown && landed->is_known;
    for (size_t i = 0; i < landed->n; i++) {
        // What else the folder held is in no item.
        is_simple = is_simple && (landed->from[i]->item->op != OVERLAY_DELETE_FOLDER ||
                                  !landed->there[i].exists);
    }
    enum err err = is_simple
                       ? commit_listing_keep(work, &landing->parent, &landing->commit,
                                             (const char *const *)landed->paths,
                                             landed->there, landed->n_paths)
                       : ERR_NONE;
    if (err != ERR_NONE) {
        log_debug("fs", "the folders of the commit will be asked for: %s",
                  err_sentence(err));
    }
}

// ---------------------------------------------------------------------------------- moving

// What is to be shown; *out_view is left alone when it is already.
static bool find_view(struct commit_work *work, const struct commit_landing *landing,
                      struct snapshot_view *out)
{
    struct head head = commit_base_head(work, &landing->commit);
    if (landing->is_shown) {
        return true;
    }
    for (unsigned n_failed = 1;; n_failed++) {
        struct why why = {""};
        enum err err = commit_base_view(work, &head, &why, out);
        if (err == ERR_NONE) {
            break;
        }
        if (!commit_hold_still(work, err, &why, n_failed)) {
            return false;
        }
    }
    if (heads_note(work->mount->heads, work->revision, &head) != ERR_NONE) {
        log_debug("fs", "where the branch stands could not be stored");
    }
    return true;
}

// Once the overlay knows, memory is right; what the journal could not store it tries again itself.
static enum err tell_overlay(struct commit_work *work, struct landed *landed,
                             const struct overlay_commit *commit, struct why *why)
{
    struct wait *wait = NULL;
    enum err err = wait_begin(&work->owner, &wait);
    if (err != ERR_NONE) {
        return err;
    }
    err = overlay_landed(work->overlay, &landed->items, landed->versions, commit,
                         wait_done, wait_ref(wait));
    if (err != ERR_NONE) {
        wait_unref(wait); // it is not called
    }
    enum err stored = err == ERR_NONE ? wait_end(&work->owner, wait, why) : ERR_NONE;
    if (stored != ERR_NONE && stored != ERR_CANCELLED) {
        log_warn("fs", "the journal does not know yet what was committed: %s",
                 why_text(why, stored));
    }
    wait_unref(wait);
    return err;
}

static bool show(struct commit_work *work, struct landed *landed,
                 const struct overlay_commit *commit)
{
    for (unsigned n_failed = 1;; n_failed++) {
        struct why why = {""};
        enum err err = tell_overlay(work, landed, commit, &why);
        if (err == ERR_NONE) {
            return true;
        }
        if (!commit_hold_still(work, err, &why, n_failed)) {
            return false;
        }
    }
}

static void settle_all(struct commit_work *work, struct landed *landed, bool is_ours)
{
    for (size_t i = 0; i < landed->n; i++) {
        struct commit_item *item = landed->from[i];
        item->fate = COMMIT_FATE_SETTLED;
        commit_own_forget_sent(&work->own, item->item->path);
        if (is_ours && item->item->op == OVERLAY_PUT) {
            commit_own_note_brought(&work->own, item->item->path,
                                    &landed->versions[i].oid);
        }
        work->n_landed++;
        work->listener.settled(work->listener.ctx, item->item, ERR_NONE, NULL);
    }
}

static bool land(struct commit_work *work, struct landed *landed,
                 const struct commit_landing *landing)
{
    if (!ask_versions(work, landed, &landing->commit)) {
        return false;
    }
    for (size_t i = 0; i < landed->n; i++) {
        if (landed->from[i]->item->op == OVERLAY_PUT) {
            commit_content_keep(work, landed->from[i], &landed->versions[i]);
        }
    }
    keep_listings(work, landed, landing);
    struct snapshot_view view;
    if (!find_view(work, landing, &view)) {
        return false;
    }
    CRASH_POINT("commit.land");
    const struct overlay_commit commit = {
        landing->commit, landing->is_shown ? NULL : &view, landing->batch};
    if (!show(work, landed, &commit)) {
        return false;
    }
    if (!landing->is_shown) {
        commit_base_tell(&view.commit);
    }
    CRASH_POINT("commit.landed");
    settle_all(work, landed, landing->is_made);
    return true;
}

enum commit_end commit_land(struct commit_work *work, struct commit_item *const *items,
                            size_t n, const struct commit_landing *landing)
{
    struct landed landed;
    enum err err = landed_init(&landed, items, n, landing);
    if (landing->is_made) {
        commit_own_note_step(&work->own, &landing->parent, &landing->commit);
        hub_forget_write_tokens(work->mount->hub);
        commit_report_commit(work->report);
    }
    bool is_over = err == ERR_NONE && land(work, &landed, landing);
    landed_release(&landed);
    if (err != ERR_NONE) {
        return commit_pause(work, err, NULL);
    }
    return is_over ? COMMIT_END_DONE : COMMIT_END_STOPPED;
}
