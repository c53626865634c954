// SPDX-License-Identifier: Apache-2.0
// What the overlay says is said over a commit, the base. Here it is said over the one that the mount's
// own commit made of it, so that the same is shown as before.
//
// A folder that was moved stands in the new base where it stood when the commit was taken
// (overlay_node->taken_path), whatever has become of it since; all moves count at once, for folders
// may have changed places. What stands below a name in the new base is known: what was put there, and
// where nothing was moved or deleted, what stood there before.
#include "fs/overlay_node.h"

#include "fs/mount_parts.h"

struct put {
    const char *path;
    const struct oid *oid;
};

// The folder of the repository behind a folder changes; NULL = there is none any more.
struct move {
    struct overlay_node *node;
    char *to;
};

struct rebase {
    struct overlay *overlay;
    struct journal_change *change;
    const struct overlay_items *items;
    const struct oid *commit;
    bool is_alone;    // nobody else has committed since the items were taken
    struct put *puts; // by path
    size_t n_puts;
    struct move *moves;
    size_t n_moves;
};

// ------------------------------------------------------------------------------- what was put

static int by_path(const void *a, const void *b)
{
    const struct put *left = a;
    const struct put *right = b;
    return strcmp(left->path, right->path);
}

static enum err gather_puts(struct rebase *rebase, const struct file_version *versions)
{
    const struct overlay_items *items = rebase->items;
    rebase->puts = calloc(items->n + 1, sizeof(*rebase->puts));
    if (rebase->puts == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < items->n; i++) {
        if (items->items[i].op == OVERLAY_PUT) {
            rebase->puts[rebase->n_puts++] =
                (struct put){items->items[i].path, &versions[i].oid};
        }
    }
    qsort(rebase->puts, rebase->n_puts, sizeof(*rebase->puts), by_path);
    return ERR_NONE;
}

// The first one that is not before `path`.
static size_t find_put(const struct rebase *rebase, const char *path)
{
    size_t low = 0;
    size_t high = rebase->n_puts;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(rebase->puts[middle].path, path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool has_put_below(const struct rebase *rebase, const char *folder)
{
    AUTO_FREE char *below = overlay_join(folder, "", 0);
    size_t at = below != NULL ? find_put(rebase, below) : rebase->n_puts;
    return at < rebase->n_puts &&
           strncmp(rebase->puts[at].path, below, strlen(below)) == 0;
}

// What the new base has at a path because of this commit.
static struct overlay_under under_of(const struct rebase *rebase, const char *path)
{
    size_t at = find_put(rebase, path);
    struct overlay_under under = {.exists = false, .commit = *rebase->commit};
    if (at < rebase->n_puts && strcmp(rebase->puts[at].path, path) == 0) {
        under.exists = true;
        under.kind = ENTRY_FILE;
        under.oid = *rebase->puts[at].oid;
    } else if (has_put_below(rebase, path)) {
        // Which version of the folder that is the next look tells.
        under = (struct overlay_under){.exists = true, .kind = ENTRY_DIRECTORY};
    }
    return under;
}

// ----------------------------------------------------------------------------------- folders

static const char *target_of(const struct rebase *rebase, const struct overlay_node *node)
{
    if (has_put_below(rebase, node->taken_path)) {
        return node->taken_path;
    }
    bool has_moved = strcmp(node->taken_path, node->base_path) != 0;
    return node->takes_files || !has_moved ? node->base_path
                                           : NULL; // its files come later, or not
}

// A folder that was moved came with every file that is in it.
static enum err join_target(const struct rebase *rebase, const struct overlay_node *node,
                            const char *to, const char *rest, char **out)
{
    *out = rest[0] == '\0' ? strdup(to) : overlay_join(to, rest, strlen(rest));
    if (*out == NULL) {
        return ERR_NO_MEMORY;
    }
    if (strcmp(to, node->base_path) != 0 && !has_put_below(rebase, *out)) {
        free(*out);
        *out = NULL;
    }
    return ERR_NONE;
}

// Where a folder of the old base stands in the new one: with the nearest folder of which that is
// known. NULL in *out: nowhere.
static enum err find_target(const struct rebase *rebase, const char *path, char **out)
    REQUIRES(rebase->overlay->lock)
{
    AUTO_FREE char *above = strdup(path);
    *out = NULL;
    while (above != NULL) {
        const struct overlay_node *node = overlay_by_base_path(rebase->overlay, above);
        size_t len = strlen(above);
        if (node != NULL && node->taken_path != NULL) {
            const char *to = target_of(rebase, node);
            const char *rest = path + len + (path[len] == '/');
            return to != NULL ? join_target(rebase, node, to, rest, out) : ERR_NONE;
        }
        char *slash = strrchr(above, '/');
        if (slash == NULL) {
            break;
        }
        *slash = '\0';
    }
    *out = above != NULL ? strdup(path) : NULL;
    return *out != NULL ? ERR_NONE : ERR_NO_MEMORY;
}

static enum err add_move(struct rebase *rebase, struct overlay_node *node)
    REQUIRES(rebase->overlay->lock)
{
    char *to = NULL;
    enum err err = ERR_NONE;
    if (node->base_path != NULL) {
        err = find_target(rebase, node->base_path, &to);
    } else if (node->parent != NULL && node->taken_path != NULL &&
               has_put_below(rebase, node->taken_path)) {
        to = strdup(node->taken_path);
        err = to != NULL ? ERR_NONE : ERR_NO_MEMORY;
    }
    bool is_same = (to == NULL) == (node->base_path == NULL) &&
                   (to == NULL || strcmp(to, node->base_path) == 0);
    if (err != ERR_NONE || is_same) {
        free(to);
        return err;
    }
    struct move *grown =
        realloc(rebase->moves, (rebase->n_moves + 1) * sizeof(*rebase->moves));
    if (grown == NULL) {
        free(to);
        return ERR_NO_MEMORY;
    }
    rebase->moves = grown;
    grown[rebase->n_moves++] = (struct move){node, to};
    return ERR_NONE;
}

static enum err move_folders(struct rebase *rebase) REQUIRES(rebase->overlay->lock)
{
    enum err err = ERR_NONE;
    for (struct overlay_node *node = rebase->overlay->by_ino;
         node != NULL && err == ERR_NONE; node = node->by_ino.next) {
        if (node->kind == ENTRY_DIRECTORY && node != rebase->overlay->root) {
            err = add_move(rebase, node);
        }
    }
    for (size_t i = 0; i < rebase->n_moves && err == ERR_NONE; i++) {
        overlay_drop_base_path(rebase->overlay, rebase->moves[i].node);
    }
    for (size_t i = 0; i < rebase->n_moves && err == ERR_NONE; i++) {
        struct move *move = &rebase->moves[i];
        struct overlay_node *other =
            move->to != NULL ? overlay_by_base_path(rebase->overlay, move->to) : NULL;
        if (other != NULL) {
            overlay_drop_base_path(rebase->overlay, other);
        }
        if (move->to != NULL) {
            err = overlay_set_base_path(rebase->overlay, move->node, move->to);
        }
        if (move->node->has_row) {
            overlay_row_node(rebase->overlay, rebase->change, move->node);
        }
    }
    return err;
}

// ------------------------------------------------------------------------------------- names

// The name stays as it is shown; the row says over what.
static void say(struct rebase *rebase, struct overlay_node *dir,
                struct overlay_name *entry, const struct overlay_under *under)
    REQUIRES(rebase->overlay->lock)
{
    entry->under = *under;
    if (overlay_name_is_change(entry)) {
        entry->under.commit = *rebase->commit;
    }
    if (entry->node == NULL && !under->exists) {
        overlay_row_no_name(rebase->change, dir, entry);
        overlay_name_drop(dir, entry);
    } else if (!overlay_name_is_change(entry)) {
        overlay_row_no_name(rebase->change, dir, entry);
    } else if (entry->has_row) {
        overlay_row_name(rebase->overlay, rebase->change, dir, entry);
    }
}

// All that stands in the folder's new place was put there.
static void say_all_anew(struct rebase *rebase, struct overlay_node *dir)
    REQUIRES(rebase->overlay->lock)
{
    struct overlay_name *next = NULL;
    for (struct overlay_name *entry = dir->names; entry != NULL; entry = next) {
        next = entry->hh.next;
        AUTO_FREE char *path = dir->base_path != NULL
                                   ? overlay_join(dir->base_path, entry->name, entry->len)
                                   : NULL;
        struct overlay_under under = {.exists = false, .commit = *rebase->commit};
        if (path != NULL) {
            under = under_of(rebase, path);
        }
        if (path != NULL && !under.exists && entry->node == NULL && !entry->is_taken) {
            // It went since, and comes with another part of the commit.
            under = (struct overlay_under){.exists = entry->under.exists,
                                           .kind = entry->under.kind};
        }
        say(rebase, dir, entry, &under);
    }
}

static struct overlay_name *name_at(struct rebase *rebase, const char *path,
                                    struct overlay_node **out_dir)
    REQUIRES(rebase->overlay->lock)
{
    const char *name = NULL;
    *out_dir = overlay_folder_at(rebase->overlay, path, &name);
    return *out_dir != NULL ? overlay_name_find(*out_dir, name, strlen(name)) : NULL;
}

static void say_gone(struct rebase *rebase, const char *path)
    REQUIRES(rebase->overlay->lock)
{
    struct overlay_node *dir = NULL;
    struct overlay_name *entry = name_at(rebase, path, &dir);
    if (entry != NULL) {
        struct overlay_under under = under_of(rebase, path);
        entry->is_taken = false;
        entry->is_settled = rebase->overlay->is_expecting && entry->node == NULL &&
                            !under.exists && entry->under.exists &&
                            oid_is_zero(&entry->under.oid);
        if (!entry->is_settled) { // else the name keeps what comes late from being seen
            say(rebase, dir, entry, &under);
        }
    }
}

static void keep_vanished(struct rebase *rebase, const char *path)
    REQUIRES(rebase->overlay->lock)
{
    struct overlay_node *node = overlay_by_base_path(rebase->overlay, path);
    if (node != NULL && node->parent != NULL && !has_put_below(rebase, path) &&
        overlay_is_vanishing(rebase->overlay, path)) {
        overlay_keep_here(rebase->overlay, rebase->change, node);
    }
}

// The folders that something was put into or deleted from.
static void say_above(struct rebase *rebase, const char *path, bool was_put)
    REQUIRES(rebase->overlay->lock)
{
    AUTO_FREE char *above = strdup(path);
    for (char *slash = NULL; above != NULL && (slash = strrchr(above, '/')) != NULL;) {
        *slash = '\0';
        struct overlay_node *dir = NULL;
        struct overlay_name *entry = name_at(rebase, above, &dir);
        bool is_changed = entry != NULL && entry->under.exists &&
                          entry->under.kind == ENTRY_DIRECTORY &&
                          overlay_name_is_change(entry);
        bool is_gone =
            !has_put_below(rebase, above) && overlay_is_vanishing(rebase->overlay, above);
        if (is_changed && entry->node == NULL && !rebase->is_alone) {
            continue; // it was deleted without what others have put there
        }
        if (entry != NULL && (was_put || is_changed)) {
            struct overlay_under under = under_of(rebase, above);
            if (!under.exists ||
                under.kind == ENTRY_DIRECTORY) { // else a file took its place
                under = (struct overlay_under){.exists = !is_gone,
                                               .kind = ENTRY_DIRECTORY,
                                               .commit = *rebase->commit};
            }
            say(rebase, dir, entry, &under);
        }
        if (!was_put) {
            keep_vanished(rebase, above);
        }
    }
}

static void say_all(struct rebase *rebase) REQUIRES(rebase->overlay->lock)
{
    const struct overlay_items *items = rebase->items;
    for (size_t i = 0; i < rebase->n_moves; i++) {
        const struct move *move = &rebase->moves[i];
        say_all_anew(rebase, move->node);
        if (move->to == NULL && move->node->parent != NULL) {
            overlay_keep_here(rebase->overlay, rebase->change, move->node);
        }
    }
    for (size_t i = 0; i < items->n; i++) {
        if (items->items[i].op != OVERLAY_PUT) {
            say_gone(rebase, items->items[i].path);
        }
    }
    for (size_t i = 0; i < items->n; i++) {
        say_above(rebase, items->items[i].path, items->items[i].op == OVERLAY_PUT);
    }
}

NO_THREAD_ANALYSIS enum err overlay_rebase(struct overlay *overlay,
                                           struct journal_change *change,
                                           const struct overlay_items *items,
                                           const struct file_version *versions,
                                           const struct oid *commit)
{
    struct rebase rebase = {
        .overlay = overlay, .change = change, .items = items, .commit = commit};
    struct snapshot_view view;
    snapshot_current(overlay->mount->snapshot, &view);
    rebase.is_alone = oid_is_zero(&overlay->taken_over) ||
                      oid_equal(&overlay->taken_over, &view.commit);
    if (rebase.is_alone) {
        overlay->taken_over = *commit;
    }
    enum err err = gather_puts(&rebase, versions);
    if (err == ERR_NONE) {
        err = move_folders(&rebase);
    }
    if (err == ERR_NONE) {
        say_all(&rebase);
    }
    for (size_t i = 0; i < rebase.n_moves; i++) {
        free(rebase.moves[i].to);
    }
    free(rebase.moves);
    free(rebase.puts);
    return err;
}
