// SPDX-License-Identifier: Apache-2.0
// An entry that is a folder is stored as a single name at once, so that what is in it has a number to
// hang on; its own folder's listing, with the order of entries, is stored when that is complete.
#include "fs/folder_stack.h"

enum {
    ENTRIES_MAX = 1 << 20, // of one folder
    FOLDER_BYTES_MAX = 256 << 20,
    STORED_BYTES_MAX =
        1 << 20, // numbers of folders; those after the first 131,072 are not kept
};

static void release_folder(struct open_folder *folder)
{
    free(folder->path);
    free(folder->entries);
    free(folder->offsets);
    buffer_release(&folder->paths);
    *folder = (struct open_folder){.ino = 0};
}

static enum err open_folder(struct folder_stack *stack, uint64_t ino, const char *path)
{
    if (stack->depth == FOLDER_DEPTH_MAX) {
        return ERR_TOO_LARGE;
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        return ERR_NO_MEMORY;
    }
    stack->open[stack->depth++] = (struct open_folder){
        .ino = ino, .path = copy, .paths = buffer_init(FOLDER_BYTES_MAX)};
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

// Puts the deepest open folder into the store.
static enum err close_folder(struct folder_stack *stack)
{
    struct open_folder *folder = &stack->open[stack->depth - 1];
    size_t duplicates = 0;
    if (folder->n == 0 && folder->path[0] != '\0') {
        return ERR_UNSUPPORTED;
    }
    for (size_t i = 0; i < folder->n; i++) {
        folder->entries[i].path = (const char *)folder->paths.bytes + folder->offsets[i];
    }
    // What was listed by itself is not for a walk to judge.
    struct tree_dir dir = {.complete = false};
    enum err err = tree_store_dir(stack->tree, folder->ino, &dir);
    bool is_new = !dir.complete;
    if (is_new && (err == ERR_NONE || err == ERR_ABSENT)) {
        err = tree_store_put_page(stack->tree, folder->ino, folder->entries, folder->n,
                                  NULL, &duplicates);
    }
    if (err == ERR_NONE && is_new &&
        buffer_append(&stack->stored, &folder->ino, sizeof(folder->ino)) != ERR_NONE) {
        log_debug("fs", "more folders are completed by one walk than are remembered");
    }
    release_folder(folder);
    stack->depth--;
    return err == ERR_NOT_FOUND ? ERR_SYSTEM : err; // of the store: not about a name
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

// The order was not what it seemed: what is stored is not known to be complete.
static enum err mistrust(struct folder_stack *stack)
{
    enum err err = tree_store_reopen(stack->tree,
                                     (const uint64_t *)(const void *)stack->stored.bytes,
                                     stack->stored.len / sizeof(uint64_t));
    if (err != ERR_NONE) {
        log_warn("fs", "folders that were listed wrongly stay so: %s", err_name(err));
    }
    buffer_clear(&stack->stored);
    return ERR_UNSUPPORTED;
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
        err = close_folder(stack);
    }
    return err == ERR_UNSUPPORTED ? mistrust(stack) : err;
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
            err = open_folder(stack, node.ino, entry->path);
        }
    }
    return err;
}

void folder_stack_init(struct folder_stack *stack, struct tree_store *tree)
{
    stack->tree = tree;
    stack->depth = 0;
    stack->stored = buffer_init(STORED_BYTES_MAX);
}

void folder_stack_release(struct folder_stack *stack)
{
    while (stack->depth > 0) {
        release_folder(&stack->open[--stack->depth]);
    }
    buffer_release(&stack->stored);
}

enum err folder_stack_begin(struct folder_stack *stack, uint64_t ino, const char *path)
{
    return open_folder(stack, ino, path);
}

enum err folder_stack_end(struct folder_stack *stack)
{
    enum err err = ERR_NONE;
    while (err == ERR_NONE && stack->depth > 0) {
        err = close_folder(stack);
    }
    return err == ERR_UNSUPPORTED ? mistrust(stack) : err;
}
