// SPDX-License-Identifier: Apache-2.0
// A tree object is "MODE NAME\0" and the 20 bytes of the id for each entry, sorted by name; a
// folder's name sorts as if it ended in a slash.
#include "fs/git_tree_id.h"

static const char *name_of(const struct tree_entry *entry)
{
    const char *slash = strrchr(entry->path, '/');
    return slash != NULL ? slash + 1 : entry->path;
}

static const char *mode_of(const struct tree_entry *entry)
{
    return entry->kind == ENTRY_DIRECTORY ? "40000 " : "100644 ";
}

static int compare(const void *left, const void *right)
{
    const struct tree_entry *a = *(const struct tree_entry *const *)left;
    const struct tree_entry *b = *(const struct tree_entry *const *)right;
    const unsigned char *at_a = (const unsigned char *)name_of(a);
    const unsigned char *at_b = (const unsigned char *)name_of(b);
    while (*at_a != '\0' && *at_a == *at_b) {
        at_a++;
        at_b++;
    }
    int end_a = *at_a != '\0' ? *at_a : a->kind == ENTRY_DIRECTORY ? '/' : 0;
    int end_b = *at_b != '\0' ? *at_b : b->kind == ENTRY_DIRECTORY ? '/' : 0;
    return end_a - end_b;
}

enum err git_tree_id(const struct tree_entry *entries, size_t n, struct oid *out)
{
    AUTO_FREE const struct tree_entry **sorted = calloc(n + 1, sizeof(*sorted));
    if (sorted == NULL) {
        return ERR_NO_MEMORY;
    }
    uint64_t size = 0;
    for (size_t i = 0; i < n; i++) {
        sorted[i] = &entries[i];
        size += strlen(mode_of(&entries[i])) + strlen(name_of(&entries[i])) + 1 +
                sizeof(out->bytes);
    }
    qsort(sorted, n, sizeof(const struct tree_entry *), compare);
    struct sha *sha = sha_new_git_object("tree", size);
    if (sha == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = name_of(sorted[i]);
        sha_update(sha, mode_of(sorted[i]), strlen(mode_of(sorted[i])));
        sha_update(sha, name, strlen(name) + 1);
        sha_update(sha, sorted[i]->oid.bytes, sizeof(sorted[i]->oid.bytes));
    }
    sha_final_1(sha, out);
    sha_free(sha);
    return ERR_NONE;
}
