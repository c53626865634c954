// SPDX-License-Identifier: Apache-2.0
// Checks in the order in which a person would make the mistakes: a name that is not there,
// a file, a mount that is there already, a folder with something in it that would be hidden,
// and a mount point in the cache or among unsent work. (The opposite is a matter of options.)
#include "fs/mountpoint_check.h"

#include "fs/mount_table.h"
#include "fs/stale_mount.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

static enum err check_kind(const char *path, struct why *why)
{
    struct stat attributes;
    if (stat(path, &attributes) != 0) {
        if (errno == ENOENT) {
            return why_set(why, ERR_MOUNT,
                           "the mount point %s does not exist: create it (mkdir)", path);
        }
        return why_set(why, ERR_MOUNT, "the mount point %s cannot be used: %s", path,
                       strerror(errno));
    }
    if (!S_ISDIR(attributes.st_mode)) {
        return why_set(why, ERR_MOUNT, "the mount point %s is not a folder", path);
    }
    return ERR_NONE;
}

static enum err check_not_mounted(const char *path, struct why *why)
{
    struct mount_table table = {0};
    if (mount_table_read(NULL, &table) != ERR_NONE) {
        return ERR_NONE; // without /proc the kernel will tell
    }
    enum err err = ERR_NONE;
    const struct mount_entry *entry = mount_table_find(&table, path);
    if (entry != NULL && mount_entry_is_hugfs(entry)) {
        bool is_here = strcmp(entry->mount_point, path) == 0;
        err = why_set(why, ERR_MOUNT,
                      is_here ? "%s is already a hugfs mount: hugfs umount %s first"
                              : "%s lies inside the hugfs mount %s",
                      path, entry->mount_point);
    }
    mount_table_release(&table);
    return err;
}

static enum err check_empty(const char *path, struct why *why)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return why_set(why, ERR_MOUNT, "the mount point %s cannot be opened: %s", path,
                       strerror(errno));
    }
    bool is_empty = true;
    const struct dirent *entry;
    while (is_empty && (entry = readdir(dir)) != NULL) {
        is_empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    }
    closedir(dir);
    return is_empty
               ? ERR_NONE
               : why_set(
                     why, ERR_MOUNT,
                     "the mount point %s is not empty: choose an empty folder, or use "
                     "-o nonempty to hide what is in it",
                     path);
}

// Whether `path` is `folder` or lies below it; both absolute and without "..".
static bool is_inside(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    if (len == 1) {
        return true; // "/"
    }
    return strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static enum err check_folder(const struct mount_options *options, const char *folder,
                             const char *what, struct why *why)
{
    AUTO_FREE char *mount_point = file_absolute(options->mount_point);
    AUTO_FREE char *absolute = file_absolute(folder);
    if (mount_point == NULL || absolute == NULL) {
        return ERR_NO_MEMORY;
    }
    if (is_inside(mount_point, absolute)) {
        return why_set(why, ERR_MOUNT,
                       "the mount point %s lies inside the %s %s: choose another one",
                       mount_point, what, absolute);
    }
    return ERR_NONE;
}

enum err mountpoint_check(const struct mount_options *options, struct why *why)
{
    const char *path = options->mount_point;
    enum err err = stale_mount_clean(path, why);
    if (err == ERR_NONE) {
        err = check_kind(path, why);
    }
    if (err == ERR_NONE) {
        err = check_not_mounted(path, why);
    }
    if (err == ERR_NONE) {
        err = check_folder(options, options->cache_dir,
                           "cache folder, where everything may be deleted,", why);
    }
    if (err == ERR_NONE && options->writable) {
        err = check_folder(options, options->state_dir, "state folder", why);
    }
    if (err == ERR_NONE && !options->nonempty) {
        err = check_empty(path, why);
    }
    return err;
}
