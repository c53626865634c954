// SPDX-License-Identifier: Apache-2.0
// The refresher moves the mount too, but not while a commit is on its way (overlay_hold()), and not
// to what it has asked for before the mount was moved here.
#include "fs/commit_base.h"

#include "fs/commit_ask.h"
#include "fs/commit_recover.h"
#include "fs/head.h"

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

enum err commit_base_view(struct commit_work *work, const struct head *head,
                          struct why *why, struct snapshot_view *out)
{
    struct hub_call call = commit_call();
    enum err err = head_view(work->mount, &work->owner, &call, head, why, out);
    if (err == ERR_NOT_FOUND && work->mount->options->address.subdir[0] != '\0') {
        err = view_without_subdir(work, head, out);
    }
    return err;
}

void commit_base_tell(const struct oid *commit)
{
    char hex[OID_HEX_SIZE];
    oid_to_hex(commit, hex);
    log_info("fs", "the mount moved to a new commit commit=%s", hex);
}

void commit_base_let_go(struct commit_work *work)
{
    struct refresher *refresher = work->mount->refresher;
    if (commit_recover_is_open(work)) {
        return; // what follows may be ours
    }
    if (overlay_let_go(work->overlay) && refresher != NULL) {
        refresher_kick(refresher, NULL, NULL);
    }
}

enum err commit_base_move(struct commit_work *work, const struct head *head,
                          struct why *why)
{
    struct snapshot_view view;
    enum err err = commit_base_view(work, head, why, &view);
    if (err == ERR_NONE) {
        overlay_show_own(work->overlay, &view);
        commit_base_tell(&view.commit);
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
