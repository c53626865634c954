// SPDX-License-Identifier: Apache-2.0
// A dead mount is known by ENOTCONN, and by the kernel's own table as ours: other programs'
// dead mounts are theirs to clean up. Asked is by statfs(), which the kernel never answers
// from its caches: stat() and even `ls` of a dead mount can go on working for hours.
#include "fs/stale_mount.h"

#include "fs/fusermount.h"
#include "fs/mount_table.h"

#include <errno.h>
#include <sys/vfs.h>

enum { LAYERS_MAX = 8 }; // dead mounts can lie on each other

static bool is_dead(const char *path)
{
    struct statfs ignored;
    return statfs(path, &ignored) != 0 && errno == ENOTCONN;
}

static enum err check_ours(const char *path, struct why *why)
{
    struct mount_table table = {0};
    enum err err = mount_table_read(why, &table);
    if (err != ERR_NONE) {
        return err;
    }
    const struct mount_entry *entry = mount_table_find(&table, path);
    if (entry != NULL && !mount_entry_is_hugfs(entry)) {
        err = why_set(why, ERR_MOUNT,
                      "%s is a dead mount of another program (%s): unmount it first "
                      "(fusermount3 -uz %s)",
                      path, entry->type, path);
    }
    mount_table_release(&table);
    return err;
}

enum err stale_mount_clean(const char *path, struct why *why)
{
    for (int i = 0; i < LAYERS_MAX && is_dead(path); i++) {
        enum err err = check_ours(path, why);
        if (err == ERR_NONE) {
            err = fusermount_unmount(path, true, why);
        }
        if (err != ERR_NONE) {
            return why_prefix(why, ERR_MOUNT,
                              "%s is the mount of a daemon that was killed", path);
        }
    }
    return ERR_NONE;
}
