// SPDX-License-Identifier: Apache-2.0
// From the address that was asked for to a commit and a root node.
//
// A mount of a commit that is known asks nobody. A mount of a branch asks, and shows what was
// last known when the Hub can't be reached.
#include "fs/head.h"

#include "fs/committer.h"
#include "fs/mount_parts.h"

enum err head_ask(struct mount *mount, struct wait_owner *owner,
                  const struct hub_call *call, struct why *why, struct head *out)
{
    const struct address *address = &mount->options->address;
    struct wait *wait = NULL;
    char revision[REVISION_SIZE];
    snprintf(revision, sizeof(revision), "%s",
             mount->followed[0] != '\0' ? mount->followed : address->revision);
    if (mount->committer != NULL) { // it may have opened a branch or a pull request since
        committer_revision(mount->committer, revision);
    }
    enum err err = wait_begin(owner, &wait);
    if (err != ERR_NONE) {
        return err;
    }
    heads_ask(mount->heads, &address->repo, revision, call, wait_done, wait_ref(wait));
    err = wait_end(owner, wait, why);
    wait_unref(wait);
    return err != ERR_NONE
               ? err
               : heads_peek(mount->heads, &address->repo, revision, HEADS_ANY, out);
}

static bool may_use_stored(enum err err)
{
    return err_is_retriable(err) || err == ERR_TLS;
}

// Asks; falls back to `stored` when the Hub can't be reached.
static enum err ask_or_recall(struct mount *mount, struct wait_owner *owner,
                              const struct head *stored, struct why *why,
                              struct head *out)
{
    struct hub_call call = mount_demand(mount, "mount");
    enum err err = head_ask(mount, owner, &call, why, out);
    if (err == ERR_NONE || stored == NULL || !may_use_stored(err)) {
        return err;
    }
    char hex[OID_HEX_SIZE];
    oid_to_hex(&stored->ref.sha, hex);
    log_warn("fs", "mounting what was last known: %s commit=%s", why_text(why, err), hex);
    *out = *stored;
    return ERR_NONE;
}

enum err head_resolve(struct mount *mount, struct wait_owner *owner, struct why *why,
                      struct head *out)
{
    const struct address *address = &mount->options->address;
    mount->is_commit = revision_is_commit(address->revision);
    struct head stored;
    enum err err =
        heads_peek(mount->heads, &address->repo, address->revision, HEADS_ANY, &stored);
    if (err != ERR_NONE && err != ERR_ABSENT) {
        return why_set(why, err, "the tree store in %s cannot be used",
                       mount->options->cache_dir);
    }
    if (err == ERR_NONE && mount->is_commit) {
        *out = stored;
    } else {
        err = ask_or_recall(mount, owner, err == ERR_NONE ? &stored : NULL, why, out);
    }
    if (err == ERR_NONE) {
        mount->repo = out->repo;
        err = locator_row(mount->locator, &mount->repo, &mount->repo_row);
    }
    return err;
}

// Walks to SUBDIR below `root`.
static enum err find_subdir(struct mount *mount, struct wait_owner *owner,
                            const struct hub_call *call, uint64_t root, struct why *why,
                            uint64_t *out_ino)
{
    const struct address *address = &mount->options->address;
    struct wait *wait = NULL;
    enum err err = wait_begin(owner, &wait);
    if (err != ERR_NONE) {
        return err;
    }
    namespace_walk(mount->namespace, root, address->subdir, call, wait_done_node,
                   wait_ref(wait));
    err = wait_end(owner, wait, why);
    struct tree_node node = wait->node;
    wait_unref(wait);
    if (err == ERR_NOT_FOUND) {
        return why_set(why, err, "%s has no folder \"%s\"", mount->repo.name,
                       address->subdir);
    }
    if (err == ERR_NOT_DIRECTORY || (err == ERR_NONE && node.kind != ENTRY_DIRECTORY)) {
        return why_set(why, ERR_NOT_FOUND, "\"%s\" in %s is not a folder",
                       address->subdir, mount->repo.name);
    }
    if (err == ERR_NONE) {
        *out_ino = node.ino;
    }
    return err;
}

enum err head_view(struct mount *mount, struct wait_owner *owner,
                   const struct hub_call *call, const struct head *head, struct why *why,
                   struct snapshot_view *out)
{
    struct snapshot_view view = {.commit = head->ref.sha, .date_s = head->ref.date_s};
    enum err err = tree_store_root(mount->tree, mount->repo_row, &view.commit,
                                   view.date_s, &view.repo_root);
    if (err != ERR_NONE) {
        return err;
    }
    locator_prefer(mount->locator, mount->repo_row, &view.commit, view.repo_root);
    view.root = view.repo_root;
    if (mount->options->address.subdir[0] != '\0') {
        err = find_subdir(mount, owner, call, view.repo_root, why, &view.root);
    }
    if (err == ERR_NONE) {
        *out = view;
    }
    return err;
}
