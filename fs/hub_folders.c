// SPDX-License-Identifier: Apache-2.0
// The three types of folders above the repositories.
#include "fs/hub_folders.h"

#include "fs/hf_cache.h"
#include "fs/mount_parts.h"
#include "fs/repo_name.h"

// ------------------------------------------------------------------------------- the root

static enum err root_peek(struct mount *mount, struct vnode *dir, const char *name,
                          size_t len, enum peek_mode mode, struct entry *out)
{
    (void)mode;
    for (enum repo_kind kind = REPO_MODEL; kind <= REPO_SPACE; kind++) {
        if (vnode_is_named(name, len, repo_kind_plural(kind))) {
            struct vnode_subject subject = {.repo = {.kind = kind}};
            return entry_of_folder(mount, dir->ino, name, len, &hub_folder_kind, &subject,
                                   out);
        }
    }
    if (vnode_is_named(name, len, HF_CACHE_NAME)) {
        return entry_of_folder(mount, dir->ino, name, len, &hf_cache_root, NULL, out);
    }
    return ERR_NOT_FOUND;
}

static enum err root_list(struct mount *mount, struct vnode *dir, uint64_t after,
                          vnode_visit_fn visit, void *ctx, bool *out_goes_on)
{
    static const char *const names[] = {"models", "datasets", "spaces", HF_CACHE_NAME};
    (void)mount;
    (void)dir;
    *out_goes_on = false;
    bool goes_on = true;
    for (uint64_t i = after; goes_on && i < sizeof(names) / sizeof(names[0]); i++) {
        goes_on = visit(ctx, i + 1, names[i], S_IFDIR);
    }
    return ERR_NONE;
}

const struct vnode_type hub_folder_root = {
    .name = "hub",
    .mode = S_IFDIR | 0555,
    .peek = root_peek,
    .list = root_list,
};

// ---------------------------------------------------------------------------------- kinds

// Any owner is a folder: who it is shows when it is listed or a repository of it is named.
static enum err kind_peek(struct mount *mount, struct vnode *dir, const char *name,
                          size_t len, enum peek_mode mode, struct entry *out)
{
    struct vnode_subject subject = dir->subject;
    (void)mode;
    if (!repo_name_part_is_legal(name, len) || len >= sizeof(subject.repo.name)) {
        return ERR_NOT_FOUND;
    }
    memcpy(subject.repo.name, name, len);
    subject.repo.name[len] = '\0';
    return entry_of_folder(mount, dir->ino, name, len, &hub_folder_owner, &subject, out);
}

struct visit {
    vnode_visit_fn visit;
    void *ctx;
    mode_t mode;
};

static bool visit_name(void *ctx, uint64_t position, const char *name)
{
    const struct visit *visit = ctx;
    return visit->visit(visit->ctx, position, name, visit->mode);
}

static enum err kind_list(struct mount *mount, struct vnode *dir, uint64_t after,
                          vnode_visit_fn visit, void *ctx, bool *out_goes_on)
{
    struct visit named = {visit, ctx, S_IFDIR};
    *out_goes_on = false;
    return accounts_visit(mount->accounts, dir->subject.repo.kind, after, visit_name,
                          &named);
}

static void kind_list_more(struct mount *mount, struct vnode *dir, uint64_t after,
                           const struct hub_call *call, waiter_fn done, void *ctx)
{
    (void)dir;
    (void)after;
    accounts_ask(mount->accounts, call, done, ctx);
}

const struct vnode_type hub_folder_kind = {
    .name = "kind",
    .mode = S_IFDIR | 0555,
    .peek = kind_peek,
    .list = kind_list,
    .list_more = kind_list_more,
    .changed_s = vnode_changed_now,
};

// --------------------------------------------------------------------------------- owners

// What "NAME[@REV]" in an owner's folder names. False: nothing can be named so.
static bool parse(const struct vnode *dir, const char *name, size_t len,
                  struct repo_id *out_repo, char out_revision[REVISION_SIZE])
{
    struct repo_name parsed;
    struct repo_id repo = {.kind = dir->subject.repo.kind};
    if (!repo_name_parse(name, len, &parsed)) {
        return false;
    }
    int n = snprintf(repo.name, sizeof(repo.name), "%.96s/%.96s", dir->subject.repo.name,
                     parsed.name);
    if (n < 0 || (size_t)n >= sizeof(repo.name)) {
        return false;
    }
    *out_repo = repo;
    memcpy(out_revision, parsed.revision, REVISION_SIZE);
    return true;
}

// From "/models/OWNER/NAME" to where the canonical spelling lies.
static enum err enter_symlink(struct mount *mount, struct vnode *dir, const char *name,
                              size_t len, const struct repo_id *asked,
                              const struct head *head, const char *revision,
                              struct entry *out)
{
    const char *slash = strchr(head->repo.name, '/');
    size_t owner_len = slash != NULL ? (size_t)(slash - head->repo.name) : 0;
    const char *asked_slash = strchr(asked->name, '/');
    bool same_owner = (size_t)(asked_slash - asked->name) == owner_len &&
                      strncmp(asked->name, head->repo.name, owner_len) == 0;
    char last[NAME_BYTES_MAX + 1];
    char target[2 * NAME_BYTES_MAX];
    struct vnode *node = NULL;
    if (slash == NULL || !repo_name_format(slash + 1, revision, last, sizeof(last))) {
        return ERR_NOT_FOUND;
    }
    if (same_owner) {
        snprintf(target, sizeof(target), "%s", last);
    } else {
        snprintf(target, sizeof(target), "../%.*s/%s", (int)owner_len, head->repo.name,
                 last);
    }
    enum err err = vnodes_enter(mount->vnodes, dir->ino, name, len, &vnode_symlink, NULL,
                                target, &node);
    if (err == ERR_NONE) {
        entry_of_vnode(mount, node, ENTRY_MOMENT_S, out);
    }
    return err;
}

static enum err enter_repository(struct mount *mount, struct vnode *dir, const char *name,
                                 size_t len, const struct head *head,
                                 const char *revision, struct entry *out)
{
    struct head_root root;
    struct place place = {.kind = PLACE_REPOSITORY};
    enum err err = heads_root(mount->heads, head, &root);
    if (err != ERR_NONE) {
        return err;
    }
    locator_prefer(mount->locator, root.row, &head->ref.sha, root.ino);
    place.root = root.ino;
    snprintf(place.revision, sizeof(place.revision), "%s", revision);
    return entry_of_root(mount, dir, name, len, &place, ENTRY_MOMENT_S, out);
}

// An owner's listing tells where all of its repositories stand: `ls -l` asks for none of them.
static bool is_listed(struct mount *mount, const struct repo_id *repo,
                      const char *revision, struct head *out)
{
    int64_t max_age_ms =
        mount->options->poll_ms > 0 ? mount->options->poll_ms : INT64_MAX;
    struct head known;
    *out = (struct head){.repo = *repo};
    return revision[0] == '\0' &&
           owner_lists_head(mount->owner_lists, repo, max_age_ms, &out->ref) &&
           heads_still_count(mount->heads, out->ref.checked_at_s) &&
           (heads_peek(mount->heads, repo, revision, HEADS_ANY, &known) != ERR_NONE ||
            known.ref.checked_at_s < out->ref.checked_at_s);
}

struct recall {
    struct job job; // first: the pool gives it back
    struct mount *mount;
    struct head head;
    waiter_fn done;
    void *ctx;
};

// On the pool, for it writes to the store.
static void run_recall(struct job *job)
{
    struct recall *recall = (struct recall *)job;
    enum err err = heads_note(recall->mount->heads, "", &recall->head);
    recall->done(recall->ctx, err, NULL);
    free(recall);
}

static enum err owner_peek(struct mount *mount, struct vnode *dir, const char *name,
                           size_t len, enum peek_mode mode, struct entry *out)
{
    struct repo_id repo;
    char revision[REVISION_SIZE];
    struct head head;
    if (!parse(dir, name, len, &repo, revision)) {
        return ERR_NOT_FOUND;
    }
    enum err err = heads_peek(mount->heads, &repo, revision,
                              mode == PEEK_ASKED ? HEADS_ANY : HEADS_POLLED, &head);
    if (err != ERR_NONE) {
        return err;
    }
    return repo_id_equal(&head.repo, &repo)
               ? enter_repository(mount, dir, name, len, &head, revision, out)
               : enter_symlink(mount, dir, name, len, &repo, &head, revision, out);
}

static void owner_ask(struct mount *mount, struct vnode *dir, const char *name,
                      size_t len, const struct hub_call *call, waiter_fn done, void *ctx)
{
    struct repo_id repo;
    char revision[REVISION_SIZE];
    if (!parse(dir, name, len, &repo, revision)) {
        done(ctx, ERR_NOT_FOUND, NULL);
        return;
    }
    struct head head;
    struct recall *recall =
        is_listed(mount, &repo, revision, &head) ? calloc(1, sizeof(*recall)) : NULL;
    if (recall != NULL) {
        *recall = (struct recall){{.run = run_recall}, mount, head, done, ctx};
        worker_pool_submit(mount->pool, &recall->job, JOB_DEMAND);
    } else {
        heads_ask(mount->heads, &repo, revision, call, done, ctx);
    }
}

static enum err owner_list(struct mount *mount, struct vnode *dir, uint64_t after,
                           vnode_visit_fn visit, void *ctx, bool *out_goes_on)
{
    struct visit named = {visit, ctx, S_IFDIR};
    return owner_lists_visit(mount->owner_lists, dir->subject.repo.kind,
                             dir->subject.repo.name, after, visit_name, &named,
                             out_goes_on);
}

static void owner_list_more(struct mount *mount, struct vnode *dir, uint64_t after,
                            const struct hub_call *call, waiter_fn done, void *ctx)
{
    owner_lists_more(mount->owner_lists, dir->subject.repo.kind, dir->subject.repo.name,
                     after, call, done, ctx);
}

static int64_t owner_changed_s(struct mount *mount, struct vnode *dir)
{
    return owner_lists_changed_s(mount->owner_lists, dir->subject.repo.kind,
                                 dir->subject.repo.name);
}

const struct vnode_type hub_folder_owner = {
    .name = "owner",
    .mode = S_IFDIR | 0555,
    .peek = owner_peek,
    .ask = owner_ask,
    .list = owner_list,
    .list_more = owner_list_more,
    .changed_s = owner_changed_s,
};
