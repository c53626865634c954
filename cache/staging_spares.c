// SPDX-License-Identifier: Apache-2.0
// ext4 gives no inode away that was deleted in the last minutes: it looks for another one, and where a
// thousand files were deleted lately each new file costs half a millisecond of that. Saving small files
// one after the other deletes as many as it makes, so what is done with gets its next name instead.
//
// Somebody may read a deleted file still, through a descriptor. A write lease is given to the only one
// that has a file open; that it was given is all that is wanted of it.
#include "cache/staging_spares.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

enum { SPARE_NAME_SIZE = 24 };

static void make_name(char name[SPARE_NAME_SIZE], uint32_t number)
{
    snprintf(name, SPARE_NAME_SIZE, "spare.%u", number);
}

// What a process that was killed has left.
static enum err adopt(void *ctx, const char *name)
{
    struct staging_spares *spares = ctx;
    char again[SPARE_NAME_SIZE];
    const char *dot = strchr(name, '.');
    uint32_t number = dot ? (uint32_t)strtoul(dot + 1, NULL, 10) : 0;
    make_name(again, number);
    if (strcmp(name, again) != 0) {
        return ERR_NONE;
    }
    lock_acquire(&spares->lock);
    if (spares->n < SPARES_MAX && number < UINT32_MAX) {
        spares->numbers[spares->n++] = number;
        spares->next = spares->next > number ? spares->next : number + 1;
    } else {
        (void)unlinkat(spares->dir, name, 0);
    }
    lock_release(&spares->lock);
    return ERR_NONE;
}

void staging_spares_init(struct staging_spares *spares, int dir)
{
    *spares = (struct staging_spares){.dir = dir};
    lock_init(&spares->lock);
    enum err err = file_each_name(dir, adopt, spares);
    (void)err; // then they are found at the next opening
}

void staging_spares_drop(struct staging_spares *spares)
{
    lock_acquire(&spares->lock);
    while (spares->n > 0) {
        char spare[SPARE_NAME_SIZE];
        make_name(spare, spares->numbers[--spares->n]);
        (void)unlinkat(spares->dir, spare, 0);
    }
    lock_release(&spares->lock);
}

void staging_spares_release(struct staging_spares *spares)
{
    staging_spares_drop(spares);
    lock_destroy(&spares->lock);
}

bool staging_spares_keep(struct staging_spares *spares, const char *name)
{
    struct stat status;
    char spare[SPARE_NAME_SIZE];
    if (fstatat(spares->dir, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        status.st_blocks > SPARE_BLOCKS_MAX) {
        return false;
    }
    lock_acquire(&spares->lock);
    make_name(spare, spares->next);
    bool is_kept =
        spares->n < SPARES_MAX && renameat(spares->dir, name, spares->dir, spare) == 0;
    if (is_kept) {
        spares->numbers[spares->n++] = spares->next++;
    }
    lock_release(&spares->lock);
    return is_kept;
}

static bool is_ours_alone(int fd)
{
    // Whoever opens it in between breaks the lease: a signal that is ignored unless asked for.
    return fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0 &&
           fcntl(fd, F_SETLEASE, F_UNLCK) == 0;
}

int staging_spares_take(struct staging_spares *spares, const char *name)
{
    char spare[SPARE_NAME_SIZE];
    lock_acquire(&spares->lock);
    bool is_there = spares->n > 0;
    if (is_there) {
        make_name(spare, spares->numbers[--spares->n]);
    }
    lock_release(&spares->lock);
    if (!is_there) {
        return -1;
    }
    AUTO_CLOSE int fd = openat(spares->dir, spare, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && is_ours_alone(fd) && ftruncate(fd, 0) == 0 &&
        renameat2(spares->dir, spare, spares->dir, name, RENAME_NOREPLACE) == 0) {
        return steal_fd(&fd);
    }
    (void)unlinkat(spares->dir, spare, 0);
    return -1;
}
