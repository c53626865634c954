// SPDX-License-Identifier: Apache-2.0
// What lists a folder reads it in the order of its listing, as `cp -r`, `grep -r` and `find` do: so
// do we, a number of files ahead, as long as the reader keeps to that order.
#include "fs/small_siblings.h"

#include "fs/mount_parts.h"
#include "fs/tree_path.h"

enum {
    FILES_AHEAD = 32,
    SCAN_MAX = 4096, // entries that are looked at for a name
};

struct scan {
    const char *name; // of the one that was read
    uint64_t position;
    size_t n_seen;
    size_t n;
    uint64_t inos[FILES_AHEAD];
};

static bool visit(void *ctx, uint64_t position, const char *name,
                  const struct tree_node *node)
{
    struct scan *scan = ctx;
    if (scan->position == 0) {
        scan->position = strcmp(name, scan->name) == 0 ? position : 0;
    } else if (small_file_is(node)) {
        scan->inos[scan->n++] = node->ino;
    }
    return scan->n < FILES_AHEAD && ++scan->n_seen < SCAN_MAX;
}

static enum err find_folder(struct mount *mount, const struct content *content,
                            uint64_t *out_ino, const char **out_name)
{
    const char *slash = strrchr(content->path, '/');
    size_t len = slash != NULL ? (size_t)(slash - content->path) : 0;
    *out_name = slash != NULL ? slash + 1 : content->path;
    AUTO_FREE char *folder = strndup(content->path, len);
    return folder == NULL
               ? ERR_NO_MEMORY
               : tree_path_folder(mount->tree, content->repo_root, folder, out_ino);
}

// Where a reader of the folder stood; 0 = nobody is known.
static uint64_t place_of(struct mount *mount, uint64_t dir_ino)
{
    uint64_t position = 0;
    lock_acquire(&mount->lock);
    for (size_t i = 0; i < SIBLING_PLACES; i++) {
        const struct small_place *at = &mount->small_places.places[i];
        position = at->dir_ino == dir_ino ? at->position : position;
    }
    lock_release(&mount->lock);
    return position;
}

static void move_place(struct mount *mount, uint64_t dir_ino, uint64_t position)
{
    lock_acquire(&mount->lock);
    struct small_places *all = &mount->small_places;
    struct small_place *place = &all->places[0];
    for (size_t i = 0; i < SIBLING_PLACES && place->dir_ino != dir_ino; i++) {
        struct small_place *at = &all->places[i];
        place = at->dir_ino == dir_ino || at->used < place->used ? at : place;
    }
    *place = (struct small_place){dir_ino, position, ++all->turn};
    lock_release(&mount->lock);
}

static void on_fetched(void *ctx, enum err err, const struct why *why)
{
    (void)err; // whoever reads it finds out
    (void)why;
    content_put(ctx);
}

static void fetch(struct mount *mount, uint64_t ino)
{
    struct content *content = NULL;
    if (content_get(mount->contents, ino, &content) != ERR_NONE) {
        return;
    }
    if (content->file == NULL ||
        xet_file_prefetch(content->file, &content->source, 0, content->size, HUB_AHEAD,
                          on_fetched, content) != ERR_PARKED) {
        content_put(content);
    }
}

void small_siblings_fetch(struct mount *mount, const struct content *content)
{
    struct scan scan = {0};
    uint64_t dir_ino = 0;
    if (find_folder(mount, content, &dir_ino, &scan.name) != ERR_NONE) {
        return;
    }
    uint64_t stood_at = place_of(mount, dir_ino);
    enum err err = tree_store_list(mount->tree, dir_ino, stood_at, visit, &scan);
    if (err == ERR_NONE && scan.position == 0 && stood_at > 0) {
        scan.n_seen = 0;
        err = tree_store_list(mount->tree, dir_ino, 0, visit, &scan);
    }
    if (err != ERR_NONE || scan.position == 0) {
        return;
    }
    move_place(mount, dir_ino, scan.position);
    bool is_in_order = stood_at > 0 && scan.position > stood_at &&
                       scan.position <= stood_at + 2 * FILES_AHEAD;
    for (size_t i = 0; is_in_order && i < scan.n; i++) {
        fetch(mount, scan.inos[i]);
    }
}
