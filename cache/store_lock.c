// SPDX-License-Identifier: Apache-2.0
// flock(2) between processes.
//
// SQLite up to 3.51.2 can corrupt a WAL database when one connection resets the WAL while
// another one runs a checkpoint. Debian 12 has 3.40.1. So nobody writes or checkpoints
// without this lock, connections never checkpoint on their own, and each process has one
// connection that does either.
//
// The lock file may be deleted while somebody holds it; whoever comes next would lock a new
// one and two processes would write at once. So after locking, the file is compared with what
// the name says now. Waiting is polling, because a blocking flock has no deadline, and a
// stopped process must not stop all others for ever.
#include "cache/store_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { POLL_FIRST_US = 200, POLL_MAX_US = 10000, REOPEN_MAX = 16 };

static char *join(const char *dir, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

enum err store_lock_init(struct store_lock *lock, const char *dir, const char *name)
{
    lock->fd = -1;
    lock->path = join(dir, name);
    return lock->path ? ERR_NONE : ERR_NO_MEMORY;
}

void store_lock_destroy(struct store_lock *lock)
{
    store_lock_give(lock);
    free(lock->path);
    lock->path = NULL;
}

static void sleep_us(int64_t us)
{
    struct timespec pause = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&pause, NULL);
}

static enum err wait_for(int fd, int64_t wait_ms)
{
    int64_t pause_us = POLL_FIRST_US;
    for (int64_t waited_us = 0;; waited_us += pause_us) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return ERR_NONE;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return err_from_errno(errno);
        }
        if (waited_us >= wait_ms * 1000) {
            return ERR_BUSY;
        }
        sleep_us(pause_us);
        pause_us = pause_us * 2 > POLL_MAX_US ? POLL_MAX_US : pause_us * 2;
    }
}

static bool is_still_named(int fd, const char *path)
{
    struct stat ours;
    struct stat named;
    return fstat(fd, &ours) == 0 && stat(path, &named) == 0 &&
           ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

enum err store_lock_take(struct store_lock *lock, int64_t wait_ms)
{
    for (int i = 0; i < REOPEN_MAX; i++) {
        AUTO_CLOSE int fd =
            open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
            return err_from_errno(errno);
        }
        enum err err = wait_for(fd, wait_ms);
        if (err) {
            return err;
        }
        if (is_still_named(fd, lock->path)) {
            lock->fd = steal_fd(&fd);
            return ERR_NONE;
        }
    }
    return ERR_BUSY;
}

void store_lock_give(struct store_lock *lock)
{
    if (lock->fd >= 0) {
        close(lock->fd);
        lock->fd = -1;
    }
}

enum err store_users_enter(const char *dir, const char *name, struct store_users *out)
{
    AUTO_FREE char *path = join(dir, name);
    if (!path) {
        return ERR_NO_MEMORY;
    }
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    out->alone = flock(fd, LOCK_EX | LOCK_NB) == 0;
    struct stat status;
    out->was_unclean = out->alone && fstat(fd, &status) == 0 && status.st_size > 0;
    if (out->alone && !out->was_unclean) {
        enum err err = file_pwrite(fd, "unclean\n", 8, 0);
        if (err) {
            return err;
        }
    }
    // Going from exclusive to shared is not atomic; in the gap only another one that enters
    // alone can come, and it finds the word and checks once more than needed.
    while (flock(fd, LOCK_SH) != 0) {
        if (errno != EINTR) {
            return err_from_errno(errno);
        }
    }
    out->fd = steal_fd(&fd);
    return ERR_NONE;
}

void store_users_leave(struct store_users *users, bool clean)
{
    if (users->fd < 0) {
        return;
    }
    if (clean && flock(users->fd, LOCK_EX | LOCK_NB) == 0) {
        (void)!ftruncate(users->fd, 0);
    }
    close(users->fd);
    users->fd = -1;
}
