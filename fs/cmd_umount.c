// SPDX-License-Identifier: Apache-2.0
// `hugfs umount DIR`: takes the mount away and waits until its daemon has ended, so that a
// script may go on. A mount whose daemon was killed is cleaned up the same way.
#include "fs/commands.h"
#include "fs/fusermount.h"
#include "fs/mount.h"
#include "fs/mount_place.h"
#include "fs/say.h"

#include <errno.h>
#include <poll.h>
#include <sys/vfs.h>

enum { DAEMON_END_MS = MOUNT_DRAIN_MS + 15000 };

static enum err wait_for_end(int pidfd, const char *dir, struct why *why)
{
    struct pollfd daemon = {.fd = pidfd, .events = POLLIN};
    int64_t deadline_ms = clock_now_ms() + DAEMON_END_MS;
    for (;;) {
        int64_t left_ms = deadline_ms - clock_now_ms();
        int n = poll(&daemon, 1, left_ms > 0 ? (int)left_ms : 0);
        if (n > 0) {
            return ERR_NONE;
        }
        if (n == 0) {
            return why_set(why, ERR_TIMEOUT,
                           "%s is unmounted, but its daemon has not ended after %d s",
                           dir, DAEMON_END_MS / 1000);
        }
        if (errno != EINTR) {
            return why_set(why, err_from_errno(errno),
                           "cannot wait for the daemon of %s: %s", dir, strerror(errno));
        }
    }
}

static enum err umount_dir(const char *dir, struct why *why)
{
    AUTO_FREE char *absolute = file_absolute(dir);
    AUTO(mount_table) struct mount_table table;
    enum err err = mount_table_read(why, &table);
    if (err || absolute == NULL) {
        return err ? err : ERR_NO_MEMORY;
    }
    const struct mount_entry *entry = mount_table_find(&table, absolute);
    if (entry == NULL || strcmp(entry->mount_point, absolute) != 0) {
        return why_set(why, ERR_USAGE, "%s is not a mount point", dir);
    }
    if (!mount_entry_is_hugfs(entry)) {
        return why_set(why, ERR_USAGE, "%s is a mount of %s, not of hugfs", dir,
                       entry->type);
    }
    struct control_client client;
    struct statfs ignored;
    // Nobody answers for a dead mount; it is taken away even while somebody stands in it.
    bool is_dead = mount_place_connect(&table, entry, NULL, &client) == ERR_NOT_FOUND &&
                   statfs(absolute, &ignored) != 0 && errno == ENOTCONN;
    AUTO_CLOSE int pidfd = client.fd >= 0 ? control_client_pidfd(&client) : -1;
    control_client_release(&client);
    err = fusermount_unmount(absolute, is_dead, why);
    return err == ERR_NONE && pidfd >= 0 ? wait_for_end(pidfd, dir, why) : err;
}

int cmd_umount(const struct verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int status;
    if (!verb_parse(verb, argc, argv, &arguments, &status)) {
        return status;
    }
    struct why why = {""};
    enum err err = umount_dir(arguments.operands[0], &why);
    verb_arguments_release(&arguments);
    return err ? say_error(err, &why) : 0;
}
