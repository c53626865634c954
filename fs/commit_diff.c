// SPDX-License-Identifier: Apache-2.0
// The steps of a diff: where the two revisions stand, their trees, the chunks of what changed. They
// block, so they run on a thread of their own (control_diff.c).
#include "fs/commit_diff.h"

void commit_diff_release(struct commit_diff *diff)
{
    for (size_t i = 0; i < diff->n; i++) {
        free(diff->changes[i].path);
    }
    free(diff->changes);
    diff->changes = NULL;
    diff->n = 0;
    diff->capacity = 0;
}

static enum err ask_head(struct mount *mount, struct wait_owner *owner,
                         const struct repo_id *repo, const char *revision,
                         struct why *why)
{
    struct wait *wait = NULL;
    struct hub_call call = {.class = HUB_DEMAND, .reason = "diff"};
    enum err err = wait_begin(owner, &wait);
    if (err == ERR_NONE) {
        heads_ask(mount->heads, repo, revision, &call, wait_done, wait_ref(wait));
        err = wait_end(owner, wait, why);
        wait_unref(wait);
    }
    return err;
}

// Where a revision stands, and the root of its tree.
static enum err find_side(struct mount *mount, struct wait_owner *owner,
                          const struct repo_id *repo, const char *revision,
                          struct why *why, struct diff_side *out, uint64_t *out_root)
{
    struct head head;
    struct head_root root;
    enum err err = heads_peek(mount->heads, repo, revision, HEADS_POLLED, &head);
    if (err == ERR_ABSENT) {
        err = ask_head(mount, owner, repo, revision, why);
        if (err == ERR_NONE) {
            err = heads_peek(mount->heads, repo, revision, HEADS_ANY, &head);
        }
    }
    if (err == ERR_NONE) {
        err = heads_root(mount->heads, &head, &root);
    }
    if (err != ERR_NONE) {
        return why_prefix(why, err, "%s", revision);
    }
    snprintf(out->revision, sizeof(out->revision), "%s", revision);
    out->commit = head.ref.sha;
    *out_root = root.ino;
    return ERR_NONE;
}

static int compare_paths(const void *a, const void *b)
{
    const struct commit_change *left = a;
    const struct commit_change *right = b;
    int order = strcmp(left->path, right->path);
    // A file that became a folder, or the other way round: what was comes first.
    return order != 0 ? order : (int)right->status - (int)left->status;
}

enum err commit_diff_run(struct mount *mount, struct wait_owner *owner,
                         const struct diff_question *question, struct why *why,
                         struct commit_diff *out)
{
    AUTO(commit_diff) struct commit_diff diff = {.repo = question->repo};
    struct diff_trees trees = {.mount = mount, .owner = owner, .path = question->path};
    enum err err = find_side(mount, owner, &diff.repo, question->from, why, &diff.from,
                             &trees.old_root);
    if (err == ERR_NONE) {
        err = find_side(mount, owner, &diff.repo, question->to, why, &diff.to,
                        &trees.new_root);
    }
    if (err == ERR_NONE) {
        err = diff_trees_compare(&trees, why, &diff);
    }
    if (err == ERR_NONE) {
        err = diff_chunks_ask(mount, owner, &diff);
    }
    if (err != ERR_NONE) {
        return err;
    }
    if (diff.n > 0) {
        qsort(diff.changes, diff.n, sizeof(*diff.changes), compare_paths);
    }
    *out = diff;
    diff = (struct commit_diff){.n = 0};
    return ERR_NONE;
}
