// SPDX-License-Identifier: Apache-2.0
// The refresher moves the mount too. What it has asked before a commit was made must not be shown
// after that commit, so views are published on its thread, between two of its turns.
#include "fs/commit_base.h"

#include "fs/commit_ask.h"
#include "fs/head.h"

struct publication {
    struct snapshot *snapshot;
    struct snapshot_view view;
    struct wait *wait; // a reference
};

static void publish(void *ctx, bool may_tell)
{
    struct publication *publication = ctx;
    (void)may_tell; // names live a moment in the kernel of a writable mount
    snapshot_publish(publication->snapshot, &publication->view);
    wait_done(publication->wait, ERR_NONE, NULL);
    free(publication);
}

static enum err publish_in_turn(struct commit_work *work,
                                const struct snapshot_view *view)
{
    struct publication *publication = calloc(1, sizeof(*publication));
    struct wait *wait = NULL;
    enum err err = publication != NULL ? wait_begin(&work->owner, &wait) : ERR_NO_MEMORY;
    if (err != ERR_NONE) {
        free(publication);
        return err;
    }
    *publication = (struct publication){work->mount->snapshot, *view, wait_ref(wait)};
    if (work->mount->refresher == NULL) { // the mount ends before it has begun
        publish(publication, false);
    } else {
        err = refresher_run(work->mount->refresher, publish, publication);
    }
    if (err != ERR_NONE) {
        wait_unref(wait);
        free(publication);
    } else {
        err = wait_end(&work->owner, wait, NULL);
    }
    wait_unref(wait);
    return err;
}

// The commit has no folder SUBDIR any more: all that was in it has been deleted. The mount's root
// stays what it was; what stands below it is looked for by its path.
static enum err view_without_subdir(struct commit_work *work, const struct head *head,
                                    struct snapshot_view *out)
{
    struct mount *mount = work->mount;
    struct snapshot_view old;
    snapshot_current(mount->snapshot, &old);
    struct snapshot_view view = {
        .commit = head->ref.sha, .date_s = head->ref.date_s, .root = old.root};
    enum err err = tree_store_root(mount->tree, mount->repo_row, &view.commit,
                                   view.date_s, &view.repo_root);
    if (err == ERR_NONE) {
        *out = view;
    }
    return err;
}

enum err commit_base_move(struct commit_work *work, const struct head *head,
                          struct why *why)
{
    struct hub_call call = commit_call();
    struct snapshot_view view;
    enum err err = head_view(work->mount, &work->owner, &call, head, why, &view);
    if (err == ERR_NOT_FOUND && work->mount->options->address.subdir[0] != '\0') {
        err = view_without_subdir(work, head, &view);
    }
    if (err == ERR_NONE) {
        err = publish_in_turn(work, &view);
    }
    if (err == ERR_NONE) {
        char hex[OID_HEX_SIZE];
        oid_to_hex(&view.commit, hex);
        log_info("fs", "the mount moved to a new commit commit=%s", hex);
    }
    return err;
}

enum err commit_base_follow(struct commit_work *work, struct why *why, bool *out_moved)
{
    struct head head;
    struct snapshot_view view;
    enum err err = commit_ask_head(work, why, &head);
    if (err != ERR_NONE) {
        return err;
    }
    snapshot_current(work->mount->snapshot, &view);
    bool is_there = oid_equal(&head.ref.sha, &view.commit);
    if (!is_there) {
        err = commit_base_move(work, &head, why);
    }
    if (err == ERR_NONE && out_moved != NULL) {
        *out_moved = !is_there;
    }
    return err;
}

struct head commit_base_head(const struct commit_work *work, const struct oid *commit)
{
    struct head head = {.repo = work->mount->repo,
                        .ref = {.sha = *commit,
                                .checked_at_s = clock_wall_s(),
                                .date_s = clock_wall_s()}};
    snprintf(head.ref.canonical, sizeof(head.ref.canonical), "%s", head.repo.name);
    return head;
}
