// SPDX-License-Identifier: Apache-2.0
// The folder .hub, its text files, and info/. Its revisions/ are hidden_revisions.c.
//
// The mount serves no OPEN, so a file's size must be right when it is looked up: each lookup makes
// a new file with its bytes (vnode.h), which the kernel is told to forget at once, so the next open
// looks again.
#include "fs/hidden.h"

#include "fs/hidden_revisions.h"
#include "fs/mount_parts.h"
#include "fs/places.h"
#include "fs/repo_facts.h"

static const char hidden_name[] = ".hub";

enum { HIDDEN_BYTES_MAX = 64 << 10 };

static const struct vnode_type hidden_root;
static const struct vnode_type hidden_info;

bool hidden_is(const char *name, size_t len)
{
    return vnode_is_named(name, len, hidden_name);
}

bool hidden_is_at(struct mount *mount, uint64_t dir)
{
    struct place place;
    if (dir == INO_ROOT) {
        return !mount->is_hub;
    }
    return ino_tag(dir) != 0 && places_get(mount->places, dir, &place) &&
           place.kind == PLACE_REPOSITORY && place.root == ino_node(dir);
}

enum err hidden_about(struct mount *mount, uint64_t dir, struct hidden_about *out)
{
    struct tree_node node;
    struct snapshot_view view;
    enum err err = mount_node(mount, dir, &node);
    if (err == ERR_NONE) {
        err = locator_repo(mount->locator, node.repo, &out->repo);
    }
    if (err != ERR_NONE) {
        return err;
    }
    out->row = node.repo;
    out->commit = node.oid; // a root's
    if (dir == INO_ROOT) {  // which may be a folder of the repository
        snapshot_current(mount->snapshot, &view);
        out->commit = view.commit;
    }
    return ERR_NONE;
}

enum err hidden_enter(struct mount *mount, uint64_t dir, struct entry *out)
{
    struct vnode_subject subject = {.dir = dir};
    return entry_of_folder(mount, dir, hidden_name, strlen(hidden_name), &hidden_root,
                           &subject, out);
}

// ------------------------------------------------------------------------------ the texts

static enum err write_commit(struct mount *mount, const struct vnode *dir,
                             struct buffer *out)
{
    char hex[OID_HEX_SIZE];
    struct hidden_about about;
    enum err err = hidden_about(mount, dir->subject.dir, &about);
    if (err == ERR_NONE) {
        oid_to_hex(&about.commit, hex);
        err = buffer_printf(out, "%s\n", hex);
    }
    return err;
}

static enum err write_status(struct mount *mount, const struct vnode *dir,
                             struct buffer *out)
{
    struct repo_status status;
    enum err err = repo_status_get(mount, dir->subject.dir, &status);
    return err == ERR_NONE ? render_repo_status(&status, RENDER_TEXT, out) : err;
}

static enum err write_log(struct mount *mount, const struct vnode *dir,
                          struct buffer *out)
{
    struct hidden_about about;
    enum err err = hidden_about(mount, dir->subject.dir, &about);
    return err == ERR_NONE ? repo_log_peek(mount, &about, RENDER_TEXT, out) : err;
}

// Of the next commit.
static enum err write_message(struct mount *mount, const struct vnode *dir,
                              struct buffer *out)
{
    (void)dir;
    return mount_get_message(mount, out);
}

static const struct text {
    const char *name;
    enum err (*write)(struct mount *mount, const struct vnode *dir, struct buffer *out);
    bool is_of_writing; // only where the mount writes
} texts[] = {
    {"commit", write_commit, false},
    {"status", write_status, false},
    {"log", write_log, false},
    {"message", write_message, true},
};
enum { N_TEXTS = sizeof(texts) / sizeof(texts[0]) };

static bool is_there(const struct mount *mount, const struct text *text)
{
    return !text->is_of_writing || mount->overlay != NULL;
}

static enum err enter_text(struct mount *mount, struct vnode *dir,
                           const struct text *text, struct entry *out)
{
    AUTO(buffer) struct buffer bytes = buffer_init(HIDDEN_BYTES_MAX);
    enum err err = text->write(mount, dir, &bytes);
    return err == ERR_NONE
               ? entry_of_bytes(mount, dir,
                                text->is_of_writing ? &vnode_message : &vnode_file,
                                &bytes, 0, out)
               : err;
}

static enum err root_peek(struct mount *mount, struct vnode *dir, const char *name,
                          size_t len, enum peek_mode mode, struct entry *out)
{
    (void)mode;
    for (size_t i = 0; i < N_TEXTS; i++) {
        if (vnode_is_named(name, len, texts[i].name) && is_there(mount, &texts[i])) {
            return enter_text(mount, dir, &texts[i], out);
        }
    }
    if (vnode_is_named(name, len, "info")) {
        return entry_of_folder(mount, dir->ino, name, len, &hidden_info, &dir->subject,
                               out);
    }
    if (vnode_is_named(name, len, "revisions")) {
        return entry_of_folder(mount, dir->ino, name, len, &hidden_revisions,
                               &dir->subject, out);
    }
    return ERR_NOT_FOUND;
}

// Only the log is ever missing.
static void root_ask(struct mount *mount, struct vnode *dir, const char *name, size_t len,
                     const struct hub_call *call, waiter_fn done, void *ctx)
{
    struct hidden_about about;
    (void)name;
    (void)len;
    enum err err = hidden_about(mount, dir->subject.dir, &about);
    if (err != ERR_NONE) {
        done(ctx, err, NULL);
        return;
    }
    repo_log_ask(mount, &about, call, done, ctx);
}

static enum err root_list(struct mount *mount, struct vnode *dir, uint64_t after,
                          vnode_visit_fn visit, void *ctx, bool *out_goes_on)
{
    bool goes_on = true;
    (void)dir;
    *out_goes_on = false;
    for (uint64_t i = after; goes_on && i < N_TEXTS + 2; i++) {
        if (i < N_TEXTS && !is_there(mount, &texts[i])) {
            continue;
        }
        goes_on = i < N_TEXTS
                      ? visit(ctx, i + 1, texts[i].name, S_IFREG)
                      : visit(ctx, i + 1, i == N_TEXTS ? "info" : "revisions", S_IFDIR);
    }
    return ERR_NONE;
}

static const struct vnode_type hidden_root = {
    .name = ".hub",
    .mode = S_IFDIR | 0555,
    .peek = root_peek,
    .ask = root_ask,
    .list = root_list,
};

// ------------------------------------------------------------------------------------ info
// subject.dir is the folder of the repository that an info folder mirrors.

static enum err enter_info(struct mount *mount, struct vnode *dir,
                           const struct tree_node *node, struct entry *out)
{
    AUTO(buffer) struct buffer bytes = buffer_init(HIDDEN_BYTES_MAX);
    AUTO_FREE char *path = NULL;
    struct mount_path_info info;
    enum err err = mount_describe(mount, node, &info, &path);
    if (err == ERR_NONE) {
        err = render_info(&info, RENDER_JSON, &bytes);
    }
    if (err == ERR_NONE) {
        err = buffer_append_text(&bytes, "\n");
    }
    return err == ERR_NONE ? entry_of_bytes(mount, dir, &vnode_file, &bytes, 0, out)
                           : err;
}

static enum err info_peek(struct mount *mount, struct vnode *dir, const char *name,
                          size_t len, enum peek_mode mode, struct entry *out)
{
    struct tree_node node;
    uint64_t parent = dir->subject.dir;
    (void)mode;
    enum err err = namespace_peek(mount->namespace, mount_stored_ino(mount, parent), name,
                                  len, &node);
    if (err != ERR_NONE) {
        return err;
    }
    if (node.kind != ENTRY_DIRECTORY) {
        return enter_info(mount, dir, &node, out);
    }
    struct vnode_subject subject = {.dir = ino_below(parent, &node)};
    return entry_of_mirror(mount, dir, &hidden_info, &subject, out);
}

struct info_ask {
    waiter_fn done;
    void *ctx;
};

static void on_node(void *ctx, enum err err, const struct why *why,
                    const struct tree_node *node)
{
    struct info_ask ask = *(struct info_ask *)ctx;
    (void)node;
    free(ctx);
    ask.done(ask.ctx, err, why);
}

static void info_ask(struct mount *mount, struct vnode *dir, const char *name, size_t len,
                     const struct hub_call *call, waiter_fn done, void *ctx)
{
    struct info_ask *ask = calloc(1, sizeof(*ask));
    if (ask == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    *ask = (struct info_ask){done, ctx};
    namespace_find(mount->namespace, mount_stored_ino(mount, dir->subject.dir), name, len,
                   call, on_node, ask);
}

struct info_list {
    vnode_visit_fn visit;
    void *ctx;
};

static bool visit_entry(void *ctx, uint64_t position, const char *name,
                        const struct tree_node *node)
{
    const struct info_list *list = ctx;
    return list->visit(list->ctx, position, name,
                       node->kind == ENTRY_DIRECTORY ? S_IFDIR : S_IFREG);
}

static enum err info_list(struct mount *mount, struct vnode *dir, uint64_t after,
                          vnode_visit_fn visit, void *ctx, bool *out_goes_on)
{
    struct tree_dir listed = {0};
    struct info_list list = {visit, ctx};
    uint64_t stored = mount_stored_ino(mount, dir->subject.dir);
    enum err err = tree_store_dir(mount->tree, stored, &listed);
    if (err != ERR_NONE) {
        return err; // ERR_ABSENT: nothing of it is here
    }
    if (!listed.complete && listed.entries <= after) {
        return ERR_ABSENT;
    }
    *out_goes_on = !listed.complete;
    return tree_store_list(mount->tree, stored, after, visit_entry, &list);
}

static void info_list_more(struct mount *mount, struct vnode *dir, uint64_t after,
                           const struct hub_call *call, waiter_fn done, void *ctx)
{
    namespace_more(mount->namespace, mount_stored_ino(mount, dir->subject.dir), after,
                   call, done, ctx);
}

static const struct vnode_type hidden_info = {
    .name = "info",
    .mode = S_IFDIR | 0555,
    .peek = info_peek,
    .ask = info_ask,
    .list = info_list,
    .list_more = info_list_more,
};
