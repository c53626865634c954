// SPDX-License-Identifier: Apache-2.0
// An entry that is a folder is stored as a single name at once, so that what is in it has a number to
// hang on; its own folder's listing, with the order of entries, is stored when that is complete.
#include "fs/folder_stack.h"

#include "fs/git_tree_id.h"

enum {
    ENTRIES_MAX = 1 << 20, // of one folder
    FOLDER_BYTES_MAX = 256 << 20,
    UNPROVEN_BYTES_MAX = 4 << 20,
    LEFT_MAX = 64, // more than are proven: the server's ids of folders are others
};

static void release_folder(struct open_folder *folder)
{
    free(folder->path);
    free(folder->entries);
    free(folder->offsets);
    buffer_release(&folder->paths);
    *folder = (struct open_folder){.ino = 0};
}

static enum err open_folder(struct folder_stack *stack, uint64_t ino,
                            const struct oid *oid, const char *path)
{
    if (stack->depth == FOLDER_DEPTH_MAX) {
        return ERR_TOO_LARGE;
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        return ERR_NO_MEMORY;
    }
    stack->open[stack->depth++] = (struct open_folder){
        .ino = ino, .oid = *oid, .path = copy, .paths = buffer_init(FOLDER_BYTES_MAX)};
    return ERR_NONE;
}

static enum err add_entry(struct open_folder *folder, const struct tree_entry *entry)
{
    if (folder->n == ENTRIES_MAX) {
        return ERR_TOO_LARGE;
    }
    if (folder->n == folder->n_room) {
        size_t room = folder->n_room == 0 ? 64 : folder->n_room * 2;
        struct tree_entry *entries =
            reallocarray(folder->entries, room, sizeof(*entries));
        if (entries != NULL) {
            folder->entries = entries;
        }
        size_t *offsets = reallocarray(folder->offsets, room, sizeof(*offsets));
        if (offsets != NULL) {
            folder->offsets = offsets;
        }
        if (entries == NULL || offsets == NULL) {
            return ERR_NO_MEMORY;
        }
        folder->n_room = room;
    }
    folder->entries[folder->n] = *entry;
    folder->offsets[folder->n] = folder->paths.len;
    enum err err = buffer_append(&folder->paths, entry->path, strlen(entry->path) + 1);
    folder->n += err == ERR_NONE;
    return err;
}

static enum err store_folder(struct folder_stack *stack, struct open_folder *folder)
{
    size_t duplicates = 0;
    struct tree_dir dir = {.complete = false};
    enum err err = tree_store_dir(stack->tree, folder->ino, &dir);
    if (!dir.complete && (err == ERR_NONE || err == ERR_ABSENT)) {
        err = tree_store_put_page(stack->tree, folder->ino, folder->entries, folder->n,
                                  NULL, &duplicates);
    }
    return err == ERR_NOT_FOUND ? ERR_SYSTEM : err; // of the store: not about a name
}

// Keeps the folder until the end of the listing, if there is room.
static enum err keep_unproven(struct folder_stack *stack, struct open_folder *folder)
{
    size_t bytes = folder->paths.capacity +
                   folder->n_room * (sizeof(*folder->entries) + sizeof(*folder->offsets));
    if (stack->n_unproven == FOLDERS_UNPROVEN_MAX ||
        stack->unproven_bytes + bytes > UNPROVEN_BYTES_MAX) {
        return ++stack->n_left > LEFT_MAX + stack->n_proven ? ERR_UNSUPPORTED : ERR_NONE;
    }
    stack->unproven[stack->n_unproven++] = *folder;
    stack->unproven_bytes += bytes;
    *folder = (struct open_folder){.ino = 0};
    return ERR_NONE;
}

// `is_last`: the listing has ended, so the folder is complete however that looks.
static enum err close_folder(struct folder_stack *stack, bool is_last)
{
    struct open_folder *folder = &stack->open[stack->depth - 1];
    struct oid oid;
    if (folder->n == 0 && folder->path[0] != '\0') {
        return ERR_UNSUPPORTED;
    }
    for (size_t i = 0; i < folder->n; i++) {
        folder->entries[i].path = (const char *)folder->paths.bytes + folder->offsets[i];
    }
    enum err err = is_last ? ERR_NONE : git_tree_id(folder->entries, folder->n, &oid);
    if (err == ERR_NONE && (is_last || oid_equal(&oid, &folder->oid))) {
        stack->n_proven++;
        err = store_folder(stack, folder);
    } else if (err == ERR_NONE) {
        err = keep_unproven(stack, folder);
    }
    release_folder(folder);
    stack->depth--;
    return err;
}

// Whether the entry lies directly in the folder.
static bool is_in(const struct open_folder *folder, const char *path)
{
    size_t len = strlen(folder->path);
    if (len > 0 && (strncmp(path, folder->path, len) != 0 || path[len] != '/')) {
        return false;
    }
    return strchr(path + len + (len > 0), '/') == NULL;
}

// Closes folders until the entry lies in the deepest one.
static enum err close_down_to(struct folder_stack *stack, const char *path)
{
    size_t depth = stack->depth;
    while (depth > 0 && !is_in(&stack->open[depth - 1], path)) {
        depth--;
    }
    enum err err = depth == 0 ? ERR_UNSUPPORTED : ERR_NONE;
    while (err == ERR_NONE && stack->depth > depth) {
        err = close_folder(stack, false);
    }
    return err;
}

enum err folder_stack_put(struct folder_stack *stack, const struct tree_entry *entry)
{
    struct tree_node node;
    enum err err = close_down_to(stack, entry->path);
    if (err != ERR_NONE) {
        return err;
    }
    struct open_folder *folder = &stack->open[stack->depth - 1];
    err = add_entry(folder, entry);
    if (err == ERR_NONE && entry->kind == ENTRY_DIRECTORY) {
        err = tree_store_put_single(stack->tree, folder->ino, entry, &node);
        if (err == ERR_NONE) {
            err = open_folder(stack, node.ino, &entry->oid, entry->path);
        }
    }
    return err;
}

void folder_stack_init(struct folder_stack *stack, struct tree_store *tree)
{
    stack->tree = tree;
    stack->depth = 0;
    stack->n_unproven = 0;
    stack->unproven_bytes = 0;
    stack->n_proven = 0;
    stack->n_left = 0;
}

void folder_stack_release(struct folder_stack *stack)
{
    while (stack->depth > 0) {
        release_folder(&stack->open[--stack->depth]);
    }
    while (stack->n_unproven > 0) {
        release_folder(&stack->unproven[--stack->n_unproven]);
    }
}

enum err folder_stack_begin(struct folder_stack *stack, uint64_t ino, const char *path)
{
    return open_folder(stack, ino, &(struct oid){{0}}, path);
}

enum err folder_stack_end(struct folder_stack *stack)
{
    enum err err = ERR_NONE;
    while (err == ERR_NONE && stack->depth > 0) {
        err = close_folder(stack, true);
    }
    for (size_t i = 0; err == ERR_NONE && i < stack->n_unproven; i++) {
        err = store_folder(stack, &stack->unproven[i]);
    }
    return err;
}
