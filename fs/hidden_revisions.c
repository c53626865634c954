// SPDX-License-Identifier: Apache-2.0
// An entry is found by spelling every ref of its kind, rather than by reading the name: what is
// listed can be looked up, and nothing else can.
#include "fs/hidden_revisions.h"

#include "fs/mount_parts.h"
#include "fs/repo_facts.h"
#include "fs/repo_name.h"

static const struct vnode_type hidden_revision_kind;

static const char *const folders[] = {
    [HUB_REF_BRANCH] = "branches",
    [HUB_REF_TAG] = "tags",
    [HUB_REF_CONVERT] = "converts",
    [HUB_REF_PULL] = "pulls",
};
enum { N_FOLDERS = sizeof(folders) / sizeof(folders[0]) };

// ----------------------------------------------------------------------------- the folders

static enum err folders_peek(struct mount *mount, struct vnode *dir, const char *name,
                             size_t len, enum peek_mode mode, struct entry *out)
{
    struct vnode_subject subject = dir->subject;
    struct vnode *node = NULL;
    (void)mode;
    int kind = 0;
    while (kind < N_FOLDERS &&
           (strlen(folders[kind]) != len || memcmp(folders[kind], name, len) != 0)) {
        kind++;
    }
    if (kind == N_FOLDERS) {
        return ERR_NOT_FOUND;
    }
    subject.number = kind;
    enum err err = vnodes_enter(mount->vnodes, dir->ino, name, len, &hidden_revision_kind,
                                &subject, NULL, &node);
    if (err == ERR_NONE) {
        entry_of_vnode(mount, node, ENTRY_FOREVER_S, out);
    }
    return err;
}

static enum err folders_list(struct mount *mount, struct vnode *dir, uint64_t after,
                             vnode_visit_fn visit, void *ctx, bool *out_goes_on)
{
    bool goes_on = true;
    (void)mount;
    (void)dir;
    *out_goes_on = false;
    for (uint64_t i = after; goes_on && i < N_FOLDERS; i++) {
        goes_on = visit(ctx, i + 1, folders[i], S_IFDIR);
    }
    return ERR_NONE;
}

const struct vnode_type hidden_revisions = {
    .name = "revisions",
    .mode = S_IFDIR | 0555,
    .peek = folders_peek,
    .list = folders_list,
};

// ------------------------------------------------------------------------------- the names

// "refs/pr/12" is "12" here. False: it can't be a name.
static bool spell(const struct repo_ref *ref, char out[NAME_BYTES_MAX + 1])
{
    static const char pull_prefix[] = "refs/pr/";
    const char *name = ref->name;
    char spelled[NAME_BYTES_MAX + 2];
    if (ref->kind == HUB_REF_PULL &&
        strncmp(name, pull_prefix, strlen(pull_prefix)) == 0) {
        name += strlen(pull_prefix);
    }
    // As in NAME@REV, with nothing before the @.
    if (!repo_name_format("", name, spelled, sizeof(spelled))) {
        return false;
    }
    size_t len = strlen(spelled + 1);
    if (!path_name_is_legal(spelled + 1, len)) {
        return false;
    }
    memcpy(out, spelled + 1, len + 1);
    return true;
}

struct search {
    enum hub_ref_kind kind;
    const char *name;
    size_t len;
    bool is_found;
    char revision[REVISION_SIZE];
    struct oid sha;
};

static bool match(void *ctx, const struct repo_ref *ref)
{
    struct search *search = ctx;
    char name[NAME_BYTES_MAX + 1];
    if (ref->kind == search->kind && spell(ref, name) && strlen(name) == search->len &&
        memcmp(name, search->name, search->len) == 0) {
        search->is_found = repo_ref_revision(ref, search->revision);
        search->sha = ref->sha;
    }
    return !search->is_found;
}

static enum err enter_symlink(struct mount *mount, struct vnode *dir,
                              const struct search *search,
                              const struct hidden_about *about, struct entry *out)
{
    static const char up[] = "../../../../"; // KIND, revisions, .hub, the repository
    char target[sizeof(up) + NAME_BYTES_MAX];
    struct vnode *node = NULL;
    const char *slash = strchr(about->repo.name, '/');
    memcpy(target, up, sizeof(up));
    if (slash == NULL || !repo_name_format(slash + 1, search->revision,
                                           target + strlen(up), NAME_BYTES_MAX + 1)) {
        return ERR_NOT_FOUND;
    }
    enum err err = vnodes_enter(mount->vnodes, dir->ino, search->name, search->len,
                                &vnode_symlink, NULL, target, &node);
    if (err == ERR_NONE) {
        entry_of_vnode(mount, node, ENTRY_MOMENT_S, out);
    }
    return err;
}

// Where the ref stands: as the refs tell it, unless something newer is known.
static enum err note_head(struct mount *mount, const struct search *search,
                          const struct hidden_about *about, struct head *out)
{
    struct head known = {.ref = {.date_s = -1}};
    int64_t told_s = 0;
    enum err err = repo_refs_told_s(mount, about->row, &told_s);
    if (err != ERR_NONE) {
        return err;
    }
    bool is_known = heads_peek(mount->heads, &about->repo, search->revision, HEADS_ANY,
                               &known) == ERR_NONE;
    if (is_known && known.ref.checked_at_s >= told_s) {
        *out = known;
        return ERR_NONE;
    }
    struct head head = {.repo = about->repo, .ref = known.ref};
    head.ref.date_s = oid_equal(&known.ref.sha, &search->sha) ? known.ref.date_s : -1;
    head.ref.sha = search->sha;
    head.ref.checked_at_s = told_s;
    memcpy(head.ref.canonical, about->repo.name, sizeof(head.ref.canonical));
    err = heads_note(mount->heads, search->revision, &head);
    if (err == ERR_NONE) {
        *out = head;
    }
    return err;
}

static enum err enter_root(struct mount *mount, struct vnode *dir,
                           const struct search *search, const struct hidden_about *about,
                           struct entry *out)
{
    struct place place = {.kind = PLACE_REPOSITORY, .is_in_mount_of_one = true};
    struct head head;
    struct head_root root;
    enum err err = note_head(mount, search, about, &head);
    if (err == ERR_NONE) {
        err = heads_root(mount->heads, &head, &root);
    }
    if (err != ERR_NONE) {
        return err;
    }
    locator_prefer(mount->locator, root.row, &head.ref.sha, root.ino);
    place.root = root.ino;
    memcpy(place.revision, search->revision, sizeof(place.revision));
    return entry_of_root(mount, dir, search->name, search->len, &place, ENTRY_MOMENT_S,
                         out);
}

static bool has_folders(struct mount *mount, const struct vnode *dir)
{
    struct place place;
    return !mount->is_hub || (places_get(mount->places, dir->subject.dir, &place) &&
                              place.is_in_mount_of_one);
}

static enum err kind_peek(struct mount *mount, struct vnode *dir, const char *name,
                          size_t len, enum peek_mode mode, struct entry *out)
{
    struct hidden_about about;
    struct search search = {
        .kind = (enum hub_ref_kind)dir->subject.number, .name = name, .len = len};
    enum err err = hidden_about(mount, dir->subject.dir, &about);
    if (err == ERR_NONE) {
        err = repo_refs_visit(mount, about.row, mode == PEEK_ASKED, match, &search);
    }
    if (err != ERR_NONE) {
        return err;
    }
    if (!search.is_found) {
        return ERR_NOT_FOUND;
    }
    return has_folders(mount, dir) ? enter_root(mount, dir, &search, &about, out)
                                   : enter_symlink(mount, dir, &search, &about, out);
}

struct lister {
    enum hub_ref_kind kind;
    mode_t mode;
    uint64_t position; // of the ref before
    uint64_t after;
    vnode_visit_fn visit;
    void *ctx;
};

static bool list_ref(void *ctx, const struct repo_ref *ref)
{
    struct lister *lister = ctx;
    char name[NAME_BYTES_MAX + 1];
    if (ref->kind != lister->kind || !spell(ref, name)) {
        return true;
    }
    lister->position++;
    return lister->position <= lister->after ||
           lister->visit(lister->ctx, lister->position, name, lister->mode);
}

static enum err kind_list(struct mount *mount, struct vnode *dir, uint64_t after,
                          vnode_visit_fn visit, void *ctx, bool *out_goes_on)
{
    struct hidden_about about;
    struct lister lister = {.kind = (enum hub_ref_kind)dir->subject.number,
                            .mode = has_folders(mount, dir) ? S_IFDIR : S_IFLNK,
                            .after = after,
                            .visit = visit,
                            .ctx = ctx};
    *out_goes_on = false;
    enum err err = hidden_about(mount, dir->subject.dir, &about);
    return err == ERR_NONE
               ? repo_refs_visit(mount, about.row, after > 0, list_ref, &lister)
               : err;
}

static void ask_refs(struct mount *mount, struct vnode *dir, const struct hub_call *call,
                     waiter_fn done, void *ctx)
{
    struct hidden_about about;
    enum err err = hidden_about(mount, dir->subject.dir, &about);
    if (err != ERR_NONE) {
        done(ctx, err, NULL);
        return;
    }
    repo_refs_ask(mount, &about.repo, about.row, call, done, ctx);
}

static void kind_ask(struct mount *mount, struct vnode *dir, const char *name, size_t len,
                     const struct hub_call *call, waiter_fn done, void *ctx)
{
    (void)name;
    (void)len;
    ask_refs(mount, dir, call, done, ctx);
}

static void kind_list_more(struct mount *mount, struct vnode *dir, uint64_t after,
                           const struct hub_call *call, waiter_fn done, void *ctx)
{
    (void)after;
    ask_refs(mount, dir, call, done, ctx);
}

static const struct vnode_type hidden_revision_kind = {
    .name = "refs",
    .mode = S_IFDIR | 0555,
    .peek = kind_peek,
    .ask = kind_ask,
    .list = kind_list,
    .list_more = kind_list_more,
    .changed_s = vnode_changed_now,
};
