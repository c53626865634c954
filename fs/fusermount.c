// SPDX-License-Identifier: Apache-2.0
// umount2() or fusermount3, and what their refusals mean.
#include "fs/fusermount.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>

enum { MESSAGE_MAX = 512 };

// Units of systemd have no PATH; fusermount3 is in one of these.
#define FALLBACK_PATH "/usr/bin:/bin:/usr/local/bin"

// Reads what the helper says until it closes its end; the first line is kept.
static void read_message(int fd, char message[MESSAGE_MAX])
{
    size_t len = 0;
    for (;;) {
        char rest[256];
        bool has_room = len + 1 < MESSAGE_MAX;
        ssize_t n = read(fd, has_room ? message + len : rest,
                         has_room ? MESSAGE_MAX - 1 - len : sizeof rest);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        len += has_room ? (size_t)n : 0;
    }
    message[len] = '\0';
    message[strcspn(message, "\n")] = '\0';
}

// Starts fusermount3 with its stderr in `fd`. Returns 0 or an errno value.
static int spawn(const char *mount_point, bool lazy, int fd, pid_t *out_pid)
{
    const char *path = getenv("PATH");
    AUTO_FREE char *path_variable = NULL;
    AUTO_FREE char *folder = strdup(mount_point);
    if (folder == NULL ||
        asprintf(&path_variable, "PATH=%s", path != NULL ? path : FALLBACK_PATH) < 0) {
        path_variable = NULL;
        return ENOMEM;
    }
    char program[] = "fusermount3";
    char option[] = "-uz";
    char end[] = "--";
    char language[] = "LC_ALL=C"; // the message is compared with English
    option[2] = lazy ? 'z' : '\0';
    char *words[] = {program, option, end, folder, NULL};
    char *environment[] = {language, path_variable, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fd, STDERR_FILENO);
    int failed = posix_spawnp(out_pid, program, &actions, NULL, words, environment);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static enum err run_fusermount(const char *mount_point, bool lazy, struct why *why,
                               char message[MESSAGE_MAX])
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return why_set(why, err_from_errno(errno), "no pipe: %s", strerror(errno));
    }
    pid_t pid;
    int failed = spawn(mount_point, lazy, fds[1], &pid);
    close(fds[1]);
    int status = 0;
    if (failed == 0) {
        read_message(fds[0], message);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
    }
    close(fds[0]);
    if (failed != 0) {
        return why_set(why, ERR_SYSTEM, "fusermount3 cannot be run (%s): install fuse3",
                       strerror(failed));
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ERR_NONE : ERR_SYSTEM;
}

static enum err busy(const char *dir, struct why *why)
{
    return why_set(
        why, ERR_BUSY,
        "%s is in use: close what reads from it or stands in it ('fuser -vm %s' tells "
        "who)",
        dir, dir);
}

enum err fusermount_unmount(const char *mount_point, bool lazy, struct why *why)
{
    if (geteuid() == 0) {
        if (umount2(mount_point, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0) {
            return ERR_NONE;
        }
        return errno == EBUSY
                   ? busy(mount_point, why)
                   : why_set(why, err_from_errno(errno), "cannot unmount %s: %s",
                             mount_point, strerror(errno));
    }
    char message[MESSAGE_MAX] = "";
    enum err err = run_fusermount(mount_point, lazy, why, message);
    if (err == ERR_NONE || message[0] == '\0') {
        return err;
    }
    return strstr(message, "busy") != NULL ? busy(mount_point, why)
                                           : why_set(why, ERR_SYSTEM, "%s", message);
}
