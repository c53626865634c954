// SPDX-License-Identifier: Apache-2.0
// A state directory and who owns it. The lock is held for life and dies with the process;
// what the file says is for the sentence that a second opener gets. The file is never deleted,
// so everybody locks the same one.
#include "cache/journal_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { OWNER_BYTES_MAX = 8192 };

static const char readme[] =
    "This folder belongs to hugfs. It holds files that were saved in a writable mount "
    "and\n"
    "are not on the Hub yet. Do not delete it.\n"
    "\n"
    "`hugfs recover` sends or saves what is here. Without hugfs:\n"
    "\n"
    "  staging/NAMES.txt   says which file in staging/ holds which path. Each is a plain "
    "file;\n"
    "                      copy it. Where a line gives ranges that do not cover the "
    "whole\n"
    "                      file, the rest is as in the version on the Hub.\n"
    "  journal.db          an SQLite database: tables inode, name, batch. After a crash "
    "files\n"
    "                      of up to 16 KiB may be missing in staging/, or empty; their "
    "bytes\n"
    "                      are in the table small: sqlite3 journal.db \"SELECT\n"
    "                      writefile('COPY', bytes) FROM small JOIN inode ON id=inode\n"
    "                      WHERE path='PATH'\".\n";

static enum err tell_owner(const char *dir, int fd, struct why *why)
{
    char text[OWNER_BYTES_MAX] = {0};
    ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    char *line = strchr(text, '\n');
    if (!line) {
        return why_set(why, ERR_BUSY, "another process is using %s", dir);
    }
    *line++ = '\0';
    line[strcspn(line, "\n")] = '\0';
    return why_set(why, ERR_BUSY, "process %s is using %s for %s", text, dir, line);
}

enum err journal_lock_folder(const char *dir, const char *mountpoint, struct why *why,
                             int *out_fd)
{
    AUTO_FREE char *path = NULL;
    if (asprintf(&path, "%s/lock", dir) < 0) {
        path = NULL;
        return ERR_NO_MEMORY;
    }
    AUTO_CLOSE int fd = -1;
    enum err err = file_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, why, &fd);
    if (err) {
        return err;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? tell_owner(dir, fd, why)
                   : why_set(why, err_from_errno(errno), "cannot lock %s: %m", path);
    }
    AUTO(buffer) struct buffer text = buffer_init(OWNER_BYTES_MAX - 1);
    err = buffer_printf(&text, "%" PRIdMAX "\n%s\n", (intmax_t)getpid(),
                        mountpoint ? mountpoint : "hugfs recover");
    // On a full disk the lock holds all the same.
    if (!err && ftruncate(fd, 0) == 0) {
        err = file_pwrite(fd, text.bytes, text.len, 0);
    }
    *out_fd = steal_fd(&fd);
    return ERR_NONE;
}

void journal_write_readme(const char *dir)
{
    AUTO_FREE char *path = NULL;
    struct stat status;
    if (asprintf(&path, "%s/README.txt", dir) < 0) {
        path = NULL;
        return;
    }
    if (stat(path, &status) != 0 || status.st_size != (off_t)(sizeof(readme) - 1)) {
        enum err err = file_replace(path, readme, sizeof(readme) - 1, 0600, NULL);
        (void)err;
    }
}

// The database last: what a crash in between leaves is refused or complete, never a journal
// that does not know of its staging files.
static const char *const owned[] = {"staging", "journal.db-wal", "journal.db-shm",
                                    "journal.db"};

static enum err move_aside(const char *dir, const char *folder, struct why *why)
{
    AUTO_CLOSE int from = -1;
    AUTO_CLOSE int to = -1;
    enum err err = file_open(dir, O_RDONLY | O_DIRECTORY, 0, why, &from);
    err = err ? err : file_open(folder, O_RDONLY | O_DIRECTORY, 0, why, &to);
    for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]) && !err; i++) {
        if (renameat(from, owned[i], to, owned[i]) != 0 && errno != ENOENT) {
            err = why_set(why, err_from_errno(errno), "cannot move %s/%s to %s: %m", dir,
                          owned[i], folder);
        }
    }
    return err;
}

enum err journal_set_aside(const char *dir, struct why *why, char **out_folder)
{
    AUTO_CLOSE int lock = -1;
    enum err err = journal_lock_folder(dir, NULL, why, &lock);
    AUTO_FREE char *folder = NULL;
    for (unsigned i = 0; !err && !folder; i++) {
        if (asprintf(&folder, "%s/damaged-%" PRId64 ".%u", dir, clock_wall_s(), i) < 0) {
            folder = NULL;
            return ERR_NO_MEMORY;
        }
        if (mkdir(folder, 0700) != 0) {
            if (errno != EEXIST) {
                err = why_set(why, err_from_errno(errno), "cannot make %s: %m", folder);
            }
            free(STEAL_POINTER(folder));
        }
    }
    err = err ? err : move_aside(dir, folder, why);
    if (!err) {
        *out_folder = STEAL_POINTER(folder);
    }
    return err;
}
