// SPDX-License-Identifier: Apache-2.0
#include "fs/tree_path.h"

enum err tree_path_folder(struct tree_store *tree, uint64_t root, const char *path,
                          uint64_t *out)
{
    uint64_t at = root;
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        struct tree_node node;
        struct tree_dir dir = {.complete = false};
        enum err err = tree_store_lookup(tree, at, path, len, &node);
        if (err == ERR_ABSENT && tree_store_dir(tree, at, &dir) == ERR_NONE &&
            dir.complete) {
            return ERR_NOT_FOUND;
        }
        if (err != ERR_NONE) {
            return err;
        }
        if (node.kind != ENTRY_DIRECTORY) {
            return ERR_NOT_FOUND;
        }
        at = node.ino;
        path += len;
        path += *path == '/';
    }
    *out = at;
    return ERR_NONE;
}
