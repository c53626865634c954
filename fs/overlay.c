// SPDX-License-Identifier: Apache-2.0
// The overlay as the operations of the kernel use it: its life, numbers and names.
#include "fs/overlay_node.h"

#include "fs/ignore_rules.h"
#include "fs/mount_parts.h"

// ----------------------------------------------------------------------------------- life

static enum err make_root(struct overlay *overlay)
{
    lock_acquire(&overlay->lock);
    overlay->root = overlay_node_new(overlay, INO_ROOT, OVERLAY_ROOT_ID, ENTRY_DIRECTORY);
    enum err err = overlay->root == NULL
                       ? ERR_NO_MEMORY
                       : overlay_set_base_path(overlay, overlay->root,
                                               overlay->mount->options->address.subdir);
    if (err == ERR_NONE) {
        overlay->root->changed_at = (struct timespec){.tv_sec = 0};
    }
    lock_release(&overlay->lock);
    return err;
}

enum err overlay_open(struct mount *mount, struct journal *journal, struct why *why,
                      struct overlay **out)
{
    struct overlay *overlay = calloc(1, sizeof(*overlay));
    if (overlay == NULL) {
        return ERR_NO_MEMORY;
    }
    overlay->mount = mount;
    overlay->journal = journal;
    lock_init(&overlay->lock);
    enum err err = make_root(overlay);
    if (err == ERR_NONE) {
        err = overlay_load(overlay, why);
    }
    if (err != ERR_NONE) {
        overlay_free(overlay);
        return err;
    }
    *out = overlay;
    return ERR_NONE;
}

void overlay_free(struct overlay *overlay)
{
    if (overlay == NULL) {
        return;
    }
    lock_acquire(&overlay->lock);
    while (overlay->by_ino != NULL) {
        overlay_node_free(overlay, overlay->by_ino);
    }
    overlay_nothing_vanishes(overlay);
    ignore_rules_free(overlay->rules);
    lock_release(&overlay->lock);
    lock_destroy(&overlay->lock);
    free(overlay);
}

// -------------------------------------------------------------------------------- numbers

bool overlay_owns(const struct mount *mount, uint64_t ino)
{
    return mount->overlay != NULL && (ino == INO_ROOT || (ino & INO_LOCAL) != 0 ||
                                      ino_tag(ino) == INO_TAG_WRITABLE);
}

uint64_t overlay_stored(struct overlay *overlay, uint64_t ino)
{
    if (ino_tag(ino) == INO_TAG_WRITABLE) {
        return ino_node(ino);
    }
    uint64_t stored = 0;
    lock_acquire(&overlay->lock);
    struct overlay_node *node = overlay_by_ino(overlay, ino);
    if (node != NULL && node->kind == ENTRY_DIRECTORY &&
        overlay_base_of(overlay, node, &stored) != ERR_NONE) {
        stored = 0;
    }
    lock_release(&overlay->lock);
    return stored;
}

struct local_file_parts overlay_parts(const struct overlay *overlay)
{
    return (struct local_file_parts){overlay->journal, overlay->mount->contents,
                                     &overlay->mount->repo};
}

// ------------------------------------------------------------------------------------ names

static void entry_of_base(struct overlay *overlay, const struct tree_node *node,
                          struct entry *out)
{
    *out = (struct entry){.ino = overlay_number_of(node),
                          .name_s = ENTRY_MOMENT_S,
                          .stat_s = ENTRY_MOMENT_S};
    attributes_fill(&overlay->mount->attributes, node, out->ino, &out->stat);
    if (node->kind == ENTRY_FILE) {
        out->stat.st_mode |= 0200 & ~overlay->mount->attributes.umask;
    }
}

enum err overlay_peek(struct overlay *overlay, uint64_t dir_ino, const char *name,
                      size_t len, struct entry *out)
{
    struct overlay_found found;
    lock_acquire(&overlay->lock);
    struct overlay_node *dir = overlay_by_ino(overlay, dir_ino);
    enum err err =
        dir == NULL ? ERR_STALE : overlay_seek(overlay, dir, name, len, &found);
    if (err == ERR_NOT_FOUND) {
        *out = (struct entry){.name_s = ENTRY_MOMENT_S};
    } else if (err == ERR_NONE && found.node != NULL) {
        found.node->n_lookups++;
        overlay_entry_of(overlay, found.node, out);
    } else if (err == ERR_NONE) {
        entry_of_base(overlay, &found.base, out);
    }
    lock_release(&overlay->lock);
    return err;
}

enum err overlay_stat(struct overlay *overlay, uint64_t ino, struct entry *out)
{
    enum err err = ERR_NONE;
    lock_acquire(&overlay->lock);
    struct overlay_node *node = overlay_by_ino(overlay, ino);
    if (node != NULL) {
        overlay_entry_of(overlay, node, out);
    }
    lock_release(&overlay->lock);
    if (node == NULL) {
        struct tree_node stored;
        err = ino_tag(ino) == INO_TAG_WRITABLE
                  ? tree_store_node(overlay->mount->tree, ino_node(ino), &stored)
                  : ERR_STALE;
        if (err == ERR_NONE) {
            entry_of_base(overlay, &stored, out);
        }
    }
    return err;
}

void overlay_forget(struct overlay *overlay, uint64_t ino, uint64_t n)
{
    lock_acquire(&overlay->lock);
    struct overlay_node *node = overlay_by_ino(overlay, ino);
    if (node != NULL) {
        node->n_lookups -= n < node->n_lookups ? n : node->n_lookups;
        node->kernel_knows = false;
        overlay_node_sweep(overlay, node);
    }
    lock_release(&overlay->lock);
}
