// SPDX-License-Identifier: Apache-2.0
// Questions of commit_ask.h whose answers are kept by others: there is only their end to wait for.
#include "fs/commit_ask.h"

enum err commit_ask_head(struct commit_work *work, struct why *why, struct head *out)
{
    struct mount *mount = work->mount;
    struct hub_call call = commit_call();
    struct wait *wait = NULL;
    enum err err = wait_begin(&work->owner, &wait);
    if (err != ERR_NONE) {
        return err;
    }
    const struct repo_id *repo = &mount->options->address.repo; // as the refresher asks
    heads_ask(mount->heads, repo, work->revision, &call, wait_done, wait_ref(wait));
    err = wait_end(&work->owner, wait, why);
    wait_unref(wait);
    return err != ERR_NONE
               ? err
               : heads_peek(mount->heads, repo, work->revision, HEADS_ANY, out);
}

enum err commit_ask_branch(struct commit_work *work, const char *branch,
                           const struct oid *start, struct why *why)
{
    struct hub_call call = commit_call();
    struct wait *wait = NULL;
    enum err err = wait_begin(&work->owner, &wait);
    if (err != ERR_NONE) {
        return err;
    }
    (void)hub_create_branch(work->mount->hub, &call, &work->mount->repo, branch, start,
                            wait_done, wait_ref(wait));
    err = wait_end(&work->owner, wait, why);
    wait_unref(wait);
    return err;
}

enum err commit_ask_node(struct commit_work *work, uint64_t root, const char *path,
                         struct why *why, struct tree_node *out)
{
    struct hub_call call = commit_call();
    struct wait *wait = NULL;
    enum err err = wait_begin(&work->owner, &wait);
    if (err != ERR_NONE) {
        return err;
    }
    namespace_walk(work->mount->namespace, root, path, &call, wait_done_node,
                   wait_ref(wait));
    err = wait_end(&work->owner, wait, why);
    if (err == ERR_NONE) {
        *out = wait->node;
    }
    wait_unref(wait);
    return err;
}

enum err commit_ask_names(struct commit_work *work, uint64_t folder, struct why *why)
{
    struct hub_call call = commit_call();
    struct wait *wait = NULL;
    enum err err = wait_begin(&work->owner, &wait);
    if (err != ERR_NONE) {
        return err;
    }
    namespace_complete(work->mount->namespace, folder, &call, wait_done, wait_ref(wait));
    err = wait_end(&work->owner, wait, why);
    wait_unref(wait);
    return err;
}

enum err commit_ask_listing(struct commit_work *work, const char *path, struct why *why)
{
    struct snapshot_view view;
    struct tree_node folder;
    snapshot_current(work->mount->snapshot, &view);
    enum err err = commit_ask_node(work, view.repo_root, path, why, &folder);
    return err == ERR_NONE ? commit_ask_names(work, folder.ino, why) : err;
}

static void on_stored(void *ctx, const struct journal_result *result)
{
    struct why why = {""};
    if (result->sentence[0] != '\0') {
        snprintf(why.text, sizeof(why.text), "%s", result->sentence);
    }
    wait_done(ctx, result->err, &why);
}

enum err commit_ask_journal(struct commit_work *work, struct journal_change *change,
                            struct why *why)
{
    struct wait *wait = NULL;
    enum err err = wait_begin(&work->owner, &wait);
    if (err != ERR_NONE) {
        journal_change_free(change);
        return err;
    }
    journal_submit(work->journal, change, true, on_stored, wait_ref(wait));
    err = wait_end(&work->owner, wait, why);
    wait_unref(wait);
    return err;
}
