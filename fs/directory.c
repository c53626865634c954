// SPDX-License-Identifier: Apache-2.0
// The steps from a name to an entry. A folder of a repository asks the namespace; a virtual one
// asks its type. Either way: look at what is here; if that does not tell, make it come, and look
// again. A virtual folder whose question failed still answers with what was last known, if
// anything was: that is how a mount goes on without the Hub.
#include "fs/directory.h"

#include "fs/hidden.h"
#include "fs/mount_parts.h"
#include "fs/places.h"
#include "fs/vnode.h"

// ------------------------------------------------------------------------------- entries

const struct vnode_type vnode_file = {.name = "file", .mode = S_IFREG | 0444};
const struct vnode_type vnode_message = {.name = "message", .mode = S_IFREG | 0644};
const struct vnode_type vnode_symlink = {.name = "symlink", .mode = S_IFLNK | 0777};

static void fill_stat(struct mount *mount, struct vnode *node, struct stat *out)
{
    int64_t changed_s =
        node->type->changed_s != NULL ? node->type->changed_s(mount, node) : node->made_s;
    attributes_fill_virtual(&mount->attributes, node->type->mode, node->size, changed_s,
                            node->ino, out);
}

void entry_of_vnode(struct mount *mount, struct vnode *node, double name_s,
                    struct entry *out)
{
    bool is_folder = S_ISDIR(node->type->mode);
    *out = (struct entry){.ino = node->ino,
                          .name_s = name_s,
                          .stat_s = is_folder ? ENTRY_MOMENT_S : ENTRY_FOREVER_S};
    fill_stat(mount, node, &out->stat);
}

void entry_of_node(struct mount *mount, uint64_t dir, const struct tree_node *node,
                   struct entry *out)
{
    *out = (struct entry){.ino = ino_below(dir, node),
                          .name_s = ENTRY_FOREVER_S,
                          .stat_s = ENTRY_FOREVER_S};
    attributes_fill(&mount->attributes, node, node->ino, &out->stat);
}

enum err entry_of_root(struct mount *mount, struct vnode *dir, const char *name,
                       size_t len, const struct place *place, double name_s,
                       struct entry *out)
{
    struct tree_node node;
    struct entry entry = {.name_s = name_s, .stat_s = ENTRY_FOREVER_S};
    enum err err = tree_store_node(mount->tree, place->root, &node);
    if (err == ERR_NONE) {
        err = places_enter(mount->places, dir->ino, name, len, place, &entry.ino);
    }
    if (err == ERR_NONE) {
        attributes_fill(&mount->attributes, &node, node.ino, &entry.stat);
        *out = entry;
    }
    return err;
}

enum err entry_of_folder(struct mount *mount, uint64_t parent, const char *name,
                         size_t len, const struct vnode_type *type,
                         const struct vnode_subject *subject, struct entry *out)
{
    struct vnode *node = NULL;
    enum err err =
        vnodes_enter(mount->vnodes, parent, name, len, type, subject, NULL, &node);
    if (err == ERR_NONE) {
        entry_of_vnode(mount, node, ENTRY_FOREVER_S, out);
    }
    return err;
}

enum err entry_of_mirror(struct mount *mount, struct vnode *dir,
                         const struct vnode_type *type,
                         const struct vnode_subject *subject, struct entry *out)
{
    char key[32];
    struct vnode *node = NULL;
    int len = snprintf(key, sizeof(key), "/%llu", (unsigned long long)subject->dir);
    enum err err = vnodes_enter(mount->vnodes, dir->ino, key, (size_t)len, type, subject,
                                NULL, &node);
    if (err == ERR_NONE) {
        entry_of_vnode(mount, node, ENTRY_MOMENT_S, out);
    }
    return err;
}

enum err entry_of_text(struct mount *mount, struct vnode *dir, const char *name,
                       size_t len, const struct vnode_type *type, const char *text,
                       double name_s, struct entry *out)
{
    struct vnode *node = NULL;
    enum err err =
        vnodes_enter(mount->vnodes, dir->ino, name, len, type, NULL, text, &node);
    if (err == ERR_NONE) {
        entry_of_vnode(mount, node, name_s, out);
    }
    return err;
}

enum err entry_of_bytes(struct mount *mount, struct vnode *dir,
                        const struct vnode_type *type, struct buffer *bytes,
                        double name_s, struct entry *out)
{
    struct vnode *node = NULL;
    enum err err = vnodes_render(mount->vnodes, dir->ino, type, bytes, &node);
    if (err == ERR_NONE) {
        entry_of_vnode(mount, node, name_s, out);
        vnodes_put(mount->vnodes, node);
    }
    return err;
}

void entry_drop(struct mount *mount, const struct entry *entry)
{
    directory_forget(mount, entry->ino, 1);
}

void directory_forget(struct mount *mount, uint64_t ino, uint64_t n)
{
    if (overlay_owns(mount, ino)) {
        overlay_forget(mount->overlay, ino, n);
        return;
    }
    if (ino_is_stored(ino)) {
        places_forget(mount->places, ino, n);
    } else if (ino != INO_ROOT) {
        vnodes_forget(mount->vnodes, ino, n);
    }
}

// --------------------------------------------------------------------------------- looking

static enum err not_found(struct entry *out, double name_s)
{
    *out = (struct entry){.name_s = name_s};
    return ERR_NOT_FOUND;
}

static enum err peek_stored(struct mount *mount, uint64_t dir, const char *name,
                            size_t len, struct entry *out)
{
    struct tree_node node;
    if (hidden_is(name, len) && hidden_is_at(mount, dir)) {
        return hidden_enter(mount, dir, out);
    }
    if (overlay_owns(mount, dir)) {
        return overlay_peek(mount->overlay, dir, name, len, out);
    }
    enum err err =
        namespace_peek(mount->namespace, mount_stored_ino(mount, dir), name, len, &node);
    if (err == ERR_NONE) {
        entry_of_node(mount, dir, &node, out);
    }
    return err == ERR_NOT_FOUND ? not_found(out, ENTRY_FOREVER_S) : err;
}

static enum err peek_virtual(struct mount *mount, struct vnode *dir, const char *name,
                             size_t len, enum peek_mode mode, struct entry *out)
{
    if (dir->type->peek == NULL) {
        return S_ISDIR(dir->type->mode) ? not_found(out, ENTRY_MISSING_S)
                                        : ERR_NOT_DIRECTORY;
    }
    enum err err = dir->type->peek(mount, dir, name, len, mode, out);
    return err == ERR_NOT_FOUND ? not_found(out, ENTRY_MISSING_S) : err;
}

// The virtual node of a number, referenced; NULL with ERR_NONE: it is a repository's.
static enum err get_virtual(struct mount *mount, uint64_t ino, struct vnode **out)
{
    *out = NULL;
    if (!mount_is_virtual(mount, ino)) {
        return ERR_NONE;
    }
    *out = vnodes_get(mount->vnodes, ino);
    return *out != NULL ? ERR_NONE : ERR_STALE;
}

enum err directory_peek(struct mount *mount, uint64_t dir, const char *name, size_t len,
                        struct entry *out)
{
    struct vnode *node = NULL;
    enum err err = get_virtual(mount, dir, &node);
    if (err != ERR_NONE || node == NULL) {
        return err != ERR_NONE ? err : peek_stored(mount, dir, name, len, out);
    }
    err = peek_virtual(mount, node, name, len, PEEK_FRESH, out);
    vnodes_put(mount->vnodes, node);
    return err;
}

enum err directory_stat(struct mount *mount, uint64_t ino, struct entry *out)
{
    struct vnode *node = NULL;
    struct tree_node stored;
    if (overlay_owns(mount, ino)) {
        return overlay_stat(mount->overlay, ino, out);
    }
    enum err err = get_virtual(mount, ino, &node);
    if (node != NULL) {
        entry_of_vnode(mount, node, 0, out);
        vnodes_put(mount->vnodes, node);
        return ERR_NONE;
    }
    if (err == ERR_NONE) {
        err = mount_node(mount, ino, &stored);
    }
    if (err == ERR_NONE) {
        *out = (struct entry){.ino = ino, .stat_s = ENTRY_FOREVER_S};
        attributes_fill(&mount->attributes, &stored,
                        ino == INO_ROOT ? INO_ROOT : stored.ino, &out->stat);
    }
    return err;
}

// --------------------------------------------------------------------------------- asking

struct find {
    struct mount *mount;
    uint64_t dir;
    struct vnode *node; // referenced; NULL = a repository's folder
    struct hub_call call;
    directory_fn done;
    void *ctx;
    size_t len;
    char name[];
};

static void end(struct find *find, enum err err, const struct why *why,
                const struct entry *entry)
{
    if (find->node != NULL) {
        vnodes_put(find->mount->vnodes, find->node);
    }
    find->done(find->ctx, err, why,
               err == ERR_NONE || err == ERR_NOT_FOUND ? entry : NULL);
    free(find);
}

static void on_stored(void *ctx, enum err err, const struct why *why,
                      const struct tree_node *node)
{
    struct find *find = ctx;
    struct entry entry = {.name_s = ENTRY_FOREVER_S};
    if (err == ERR_NONE) {
        entry_of_node(find->mount, find->dir, node, &entry);
    }
    end(find, err, why, &entry);
}

// What the overlay wanted to know is here. The commit that is shown may have moved meanwhile: then it
// is asked once more.
static void on_prepared(void *ctx, enum err err, const struct why *why)
{
    struct find *find = ctx;
    struct overlay *overlay = find->mount->overlay;
    struct entry entry = {.ino = 0};
    if (err == ERR_NONE) {
        err = overlay_peek(overlay, find->dir, find->name, find->len, &entry);
    }
    if (err == ERR_ABSENT) {
        overlay_prepare(overlay, find->dir, find->name, find->len, &find->call,
                        on_prepared, find);
        return;
    }
    end(find, err, why, &entry);
}

static void on_asked(void *ctx, enum err err, const struct why *why)
{
    struct find *find = ctx;
    struct entry entry = {.name_s = ENTRY_MISSING_S};
    if (err != ERR_NOT_FOUND && err != ERR_CANCELLED && err != ERR_ACCESS) {
        enum err seen = peek_virtual(find->mount, find->node, find->name, find->len,
                                     PEEK_ASKED, &entry);
        // Asked for and not there: there is none.
        seen = err == ERR_NONE && seen == ERR_ABSENT ? ERR_NOT_FOUND : seen;
        bool decides = err == ERR_NONE || seen == ERR_NONE;
        err = decides ? seen : err;
    }
    end(find, err, why, &entry);
}

void directory_find(struct mount *mount, uint64_t dir, const char *name, size_t len,
                    const struct hub_call *call, directory_fn done, void *ctx)
{
    struct find *find = calloc(1, sizeof(*find) + len + 1);
    if (find == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL, NULL);
        return;
    }
    *find = (struct find){
        .mount = mount, .dir = dir, .call = *call, .done = done, .ctx = ctx, .len = len};
    memcpy(find->name, name, len);
    enum err err = get_virtual(mount, dir, &find->node);
    if (err != ERR_NONE) {
        end(find, err, NULL, NULL);
    } else if (overlay_owns(mount, dir)) {
        overlay_prepare(mount->overlay, dir, name, len, call, on_prepared, find);
    } else if (find->node == NULL) {
        namespace_find(mount->namespace, mount_stored_ino(mount, dir), name, len, call,
                       on_stored, find);
    } else if (find->node->type->ask == NULL) {
        on_asked(find, ERR_NONE, NULL);
    } else {
        find->node->type->ask(mount, find->node, find->name, len, call, on_asked, find);
    }
}

// --------------------------------------------------------------------------------- walking

// What a walk keeps counted until its end: the virtual folders and the root on its way. There are
// never more of them than this.
enum { WALK_COUNTED_MAX = 16 };

struct walk {
    struct mount *mount;
    struct hub_call call;
    directory_walk_fn done;
    void *ctx;
    struct walked at;
    uint64_t counted[WALK_COUNTED_MAX];
    size_t n_counted;
    const char *rest; // in `path`
    char path[];
};

static void walk_end(struct walk *walk, enum err err, const struct why *why)
{
    walk->done(walk->ctx, err, why, err == ERR_NONE ? &walk->at : NULL);
    for (size_t i = 0; i < walk->n_counted; i++) {
        directory_forget(walk->mount, walk->counted[i], 1);
    }
    free(walk);
}

// The walk owns the lookup of `entry` from here on.
static void walk_to(struct walk *walk, const struct entry *entry)
{
    bool is_counted = !ino_is_stored(entry->ino) || ino_tag(entry->ino) != 0;
    bool is_placed = ino_tag(entry->ino) != 0 && !overlay_owns(walk->mount, entry->ino);
    if (is_counted && walk->n_counted == WALK_COUNTED_MAX) {
        // Only folders below the root of a commit go that deep, and they are not counted.
        walk->n_counted--;
        directory_forget(walk->mount, walk->counted[walk->n_counted], 1);
    }
    if (is_counted) {
        walk->counted[walk->n_counted++] = entry->ino;
    }
    walk->at.entry = *entry;
    walk->at.place = is_placed ? entry->ino : walk->at.place;
}

static void walk_step(struct walk *walk);

static void walk_found(void *ctx, enum err err, const struct why *why,
                       const struct entry *entry)
{
    struct walk *walk = ctx;
    if (err != ERR_NONE) {
        walk_end(walk, err, why);
        return;
    }
    walk_to(walk, entry);
    walk_step(walk);
}

static void walk_step(struct walk *walk)
{
    while (*walk->rest != '\0') {
        const char *name = walk->rest;
        size_t len = strcspn(name, "/");
        struct entry entry;
        if (!S_ISDIR(walk->at.entry.stat.st_mode)) {
            walk_end(walk, ERR_NOT_DIRECTORY, NULL);
            return;
        }
        walk->rest += len;
        walk->rest += *walk->rest == '/';
        uint64_t dir = walk->at.entry.ino;
        enum err err = directory_peek(walk->mount, dir, name, len, &entry);
        if (err == ERR_ABSENT) {
            directory_find(walk->mount, dir, name, len, &walk->call, walk_found, walk);
            return;
        }
        if (err != ERR_NONE) {
            walk_end(walk, err, NULL);
            return;
        }
        walk_to(walk, &entry);
    }
    walk_end(walk, ERR_NONE, NULL);
}

void directory_walk(struct mount *mount, uint64_t dir, const char *path,
                    const struct hub_call *call, directory_walk_fn done, void *ctx)
{
    size_t len = strlen(path);
    struct walk *walk = calloc(1, sizeof(*walk) + len + 1);
    if (walk == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL, NULL);
        return;
    }
    *walk = (struct walk){.mount = mount, .call = *call, .done = done, .ctx = ctx};
    memcpy(walk->path, path, len + 1);
    walk->rest = walk->path;
    enum err err = directory_stat(mount, dir, &walk->at.entry);
    if (err != ERR_NONE) {
        walk_end(walk, err, NULL);
        return;
    }
    walk_step(walk);
}
