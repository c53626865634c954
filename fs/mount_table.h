// SPDX-License-Identifier: Apache-2.0
// What the kernel says is mounted (/proc/self/mountinfo), for the verbs that are given a path.
#pragma once

#include "base/base.h"

#include <sys/types.h>

struct mount_entry {
    char *mount_point;
    char *
        root; // which folder of the file system is mounted there; "/" but for bind mounts
    char *type;      // "fuse.hugfs"
    uint64_t device; // major:minor as one number: the same for all bind mounts of a mount
    uid_t uid;       // who mounted it (FUSE's user_id=)
};

struct mount_table {
    struct mount_entry
        *entries; // in the kernel's order: a later one lies over an earlier one
    size_t n;
};

NODISCARD enum err mount_table_read(struct why *why, struct mount_table *out);
// The same from the text of a mountinfo file; lines that make no sense are left out.
NODISCARD enum err mount_table_parse(const char *text, size_t len,
                                     struct mount_table *out);
void mount_table_release(struct mount_table *table);

bool mount_entry_is_hugfs(const struct mount_entry *entry);

// The entry that an absolute path without symlinks lies in; NULL if the table has none.
const struct mount_entry *mount_table_find(const struct mount_table *table,
                                           const char *path);

// The path relative to the root of the entry's file system, "" for the root itself. malloc'd.
char *mount_entry_relative(const struct mount_entry *entry, const char *path);
