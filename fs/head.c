// SPDX-License-Identifier: Apache-2.0
// From the address that was asked for to a commit and a root node.
//
// What was learned is stored under the id that was asked for (so that a warm mount of an old
// spelling finds it) with the canonical id in it; nodes belong to the canonical id. Both rows
// carry the credential's fingerprint: another token never sees what this one may see.
#include "fs/head.h"

#include "fs/mount_parts.h"

// With a stored place at hand nobody wants to wait a minute for an unreachable Hub.
enum { IMPATIENT_MS = 10000 };

static bool is_commit_id(const char *revision)
{
    struct oid ignored;
    return strlen(revision) == OID_HEX_SIZE - 1 &&
           oid_from_hex(revision, OID_HEX_SIZE - 1, &ignored) == ERR_NONE;
}

static enum err find_row(struct mount *mount, const struct repo_id *repo,
                         int64_t *out_row)
{
    char fingerprint[32];
    hub_token_fingerprint(mount->hub, fingerprint, sizeof(fingerprint));
    return tree_store_repo(mount->tree, mount->options->endpoint, repo, fingerprint,
                           out_row);
}

static enum err use_canonical(struct mount *mount, const struct tree_ref *ref)
{
    mount->repo = mount->options->address.repo;
    if (ref->canonical[0] != '\0') {
        snprintf(mount->repo.name, sizeof(mount->repo.name), "%s", ref->canonical);
    }
    return find_row(mount, &mount->repo, &mount->repo_row);
}

static enum err receive(struct wait_owner *owner, struct wait *wait, struct why *why,
                        struct tree_ref *out)
{
    enum err err = wait_end(owner, wait, why);
    if (err != ERR_NONE) {
        return err;
    }
    const struct hub_repo_info *info = &wait->info;
    if (info->disabled) {
        return why_set(why, ERR_ACCESS, "%s has been disabled on the Hub",
                       info->repo.name);
    }
    *out = (struct tree_ref){
        .sha = info->sha,
        .checked_at_s = clock_wall_s(),
        .date_s = info->modified_s,
        .gated = info->gate != HUB_GATE_NONE,
    };
    memcpy(out->canonical, info->repo.name, sizeof(out->canonical));
    return ERR_NONE;
}

enum err head_ask(struct mount *mount, struct wait_owner *owner,
                  const struct hub_call *call, struct why *why, struct tree_ref *out)
{
    const struct address *address = &mount->options->address;
    struct wait *wait = NULL;
    enum err err = wait_begin(owner, &wait);
    if (err != ERR_NONE) {
        return err;
    }
    (void)hub_repo_info(mount->hub, call, &address->repo, address->revision,
                        wait_done_info, wait_ref(wait));
    struct tree_ref ref;
    err = receive(owner, wait, why, &ref);
    wait_unref(wait);
    int64_t row = 0;
    if (err == ERR_NONE) {
        err = find_row(mount, &address->repo, &row);
    }
    if (err == ERR_NONE) {
        err = tree_store_put_ref(mount->tree, row, address->revision, &ref);
    }
    if (err == ERR_NONE) {
        *out = ref;
    }
    return err;
}

static bool may_use_stored(enum err err)
{
    return err_is_retriable(err) || err == ERR_TLS;
}

// Asks; falls back to `stored` when the Hub can't be reached.
static enum err ask_or_recall(struct mount *mount, struct wait_owner *owner,
                              bool is_stored, const struct tree_ref *stored,
                              struct why *why, struct tree_ref *out)
{
    struct hub_call call = mount_demand(mount, "mount");
    if (is_stored && call.deadline_ms > clock_now_ms() + IMPATIENT_MS) {
        call.deadline_ms = clock_now_ms() + IMPATIENT_MS;
    }
    enum err err = head_ask(mount, owner, &call, why, out);
    if (err == ERR_NONE || !is_stored || !may_use_stored(err)) {
        return err;
    }
    char hex[OID_HEX_SIZE];
    oid_to_hex(&stored->sha, hex);
    log_warn("fs", "mounting what was last known: %s commit=%s", why_text(why, err), hex);
    *out = *stored;
    return ERR_NONE;
}

enum err head_resolve(struct mount *mount, struct wait_owner *owner, struct why *why,
                      struct tree_ref *out)
{
    const struct address *address = &mount->options->address;
    mount->is_commit = is_commit_id(address->revision);
    int64_t row = 0;
    enum err err = find_row(mount, &address->repo, &row);
    if (err != ERR_NONE) {
        return why_set(why, err, "the tree store in %s cannot be used",
                       mount->options->cache_dir);
    }
    struct tree_ref stored;
    bool is_stored =
        tree_store_get_ref(mount->tree, row, address->revision, &stored) == ERR_NONE;
    if (is_stored && mount->is_commit) {
        *out = stored;
    } else {
        err = ask_or_recall(mount, owner, is_stored, &stored, why, out);
    }
    return err == ERR_NONE ? use_canonical(mount, out) : err;
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
                   const struct hub_call *call, const struct tree_ref *ref,
                   struct why *why, struct snapshot_view *out)
{
    struct snapshot_view view = {.commit = ref->sha, .date_s = ref->date_s};
    enum err err = tree_store_root(mount->tree, mount->repo_row, &ref->sha, ref->date_s,
                                   &view.repo_root);
    if (err != ERR_NONE) {
        return err;
    }
    snapshot_learn(mount->snapshot, &ref->sha, view.repo_root);
    view.root = view.repo_root;
    if (mount->options->address.subdir[0] != '\0') {
        err = find_subdir(mount, owner, call, view.repo_root, why, &view.root);
    }
    if (err == ERR_NONE) {
        *out = view;
    }
    return err;
}
