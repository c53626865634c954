// SPDX-License-Identifier: Apache-2.0
// Plain files, so that a person can save them with cp. Everything is relative to the folder's
// descriptor: a folder that is renamed under us stays ours, and no link is followed.
//
// A file's bytes are the writer's business until its layer is sealed; the journal then syncs
// the file and, once for all new files, the folder.
#include "cache/staging_folder.h"
#include "cache/staging_spares.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum {
    NAME_SIZE = 48,
    BALLAST_BYTES_MAX = 4 << 20,
    BALLAST_SHARE = 8, // of the disk, at most one in so many bytes
    NAMES_BYTES_MAX = 8 << 20,
    NAMES_COLLECT_MAX = 64 << 20,
    IN_MEMORY_MAX = 4096, // files, of JOURNAL_SMALL_BYTES each at most
};

struct staging {
    int fd;
    char *dir;
    atomic_uint in_memory;
    atomic_bool has_new_files;
    atomic_bool is_short;
    struct staging_spares spares;
    // The journal's thread:
    bool has_ballast;
    int names_fd;
    uint64_t names_bytes;
    uint64_t names_begun_with; // bytes of them when the file was last written anew
    bool names_begun;
    struct buffer names;
};

static void make_name(char name[NAME_SIZE], uint64_t id, uint32_t number)
{
    snprintf(name, NAME_SIZE, "%016" PRIx64 ".%" PRIu32 ".data", id, number);
}

static bool parse_name(const char *name, uint64_t *out_id, uint32_t *out_number)
{
    char again[NAME_SIZE];
    char *end = NULL;
    uint64_t id = strtoull(name, &end, 16);
    uint64_t number = *end == '.' ? strtoull(end + 1, NULL, 10) : 0;
    make_name(again, id, (uint32_t)number);
    *out_id = id;
    *out_number = (uint32_t)number;
    return strcmp(again, name) == 0; // whatever else was read is no name of ours
}

enum err staging_open_folder(const char *dir, struct why *why, struct staging **out)
{
    AUTO_FREE char *path = NULL;
    if (asprintf(&path, "%s/staging", dir) < 0) {
        path = NULL;
        return ERR_NO_MEMORY;
    }
    enum err err = file_make_dirs(path, 0700, why);
    AUTO_CLOSE int fd = -1;
    if (!err) {
        err = file_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, why, &fd);
    }
    struct staging *staging = err ? NULL : calloc(1, sizeof(*staging));
    if (!staging) {
        return err ? err : ERR_NO_MEMORY;
    }
    staging->fd = steal_fd(&fd);
    staging->dir = STEAL_POINTER(path);
    staging->names_fd = -1;
    staging->names = buffer_init(NAMES_COLLECT_MAX);
    staging_spares_init(&staging->spares, staging->fd);
    atomic_store(&staging->has_new_files, true);
    staging_make_ballast(staging);
    *out = staging;
    return ERR_NONE;
}

void staging_close_folder(struct staging *staging)
{
    if (!staging) {
        return;
    }
    if (staging->names_fd >= 0) {
        close(staging->names_fd);
    }
    staging_spares_release(&staging->spares);
    close(staging->fd);
    buffer_release(&staging->names);
    free(staging->dir);
    free(staging);
}

static enum err open_data(struct staging *staging, uint64_t id, uint32_t number,
                          int flags, struct why *why, int *out_fd)
{
    char name[NAME_SIZE];
    make_name(name, id, number);
    int fd = -1;
    do {
        fd = openat(staging->fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return why_set(why, err_from_errno(errno), "cannot open %s/%s: %m", staging->dir,
                       name);
    }
    *out_fd = fd;
    return ERR_NONE;
}

enum err staging_create(struct staging *staging, uint64_t id, uint32_t number,
                        struct why *why, int *out_fd)
{
    char name[NAME_SIZE];
    make_name(name, id, number);
    CRASH_POINT("staging.create");
    *out_fd = staging_spares_take(&staging->spares, name);
    enum err err = *out_fd >= 0
                       ? ERR_NONE
                       : open_data(staging, id, number, O_CREAT | O_EXCL, why, out_fd);
    if (!err) {
        atomic_store(&staging->has_new_files, true);
        CRASH_POINT("staging.created");
    }
    return err;
}

enum err staging_open(struct staging *staging, uint64_t id, uint32_t number,
                      struct why *why, int *out_fd)
{
    return open_data(staging, id, number, 0, why, out_fd);
}

enum err staging_create_small(struct staging *staging, uint64_t id, uint32_t number,
                              struct why *why, int *out_fd, bool *out_in_memory)
{
    bool has_room = atomic_fetch_add(&staging->in_memory, 1) < IN_MEMORY_MAX;
    int fd = has_room ? memfd_create("hugfs-staging", MFD_CLOEXEC) : -1;
    *out_in_memory = fd >= 0;
    if (fd < 0) {
        atomic_fetch_sub(&staging->in_memory, 1);
        return staging_create(staging, id, number, why, out_fd);
    }
    *out_fd = fd;
    return ERR_NONE;
}

enum err staging_settle(struct staging *staging, uint64_t id, uint32_t number, int fd,
                        struct why *why)
{
    AUTO_CLOSE int to = -1;
    struct stat status;
    enum err err = staging_create(staging, id, number, why, &to);
    if (err) {
        return err;
    }
    err = fstat(fd, &status) == 0 ? ERR_NONE : ERR_SYSTEM;
    size_t len = err ? 0 : (size_t)status.st_size;
    AUTO_FREE uint8_t *bytes = malloc(len + 1);
    err = err ? err : bytes ? file_pread(fd, bytes, len, 0) : ERR_NO_MEMORY;
    err = err ? err : file_pwrite(to, bytes, len, 0);
    if (!err && dup3(to, fd, O_CLOEXEC) < 0) {
        err = ERR_SYSTEM;
    }
    if (err) {
        staging_remove(staging, id, number);
        return why_set(why, err, "writing to the state folder failed: %s",
                       err_sentence(err));
    }
    atomic_fetch_sub(&staging->in_memory, 1);
    return ERR_NONE;
}

void staging_close_small(struct staging *staging, int fd)
{
    close(fd);
    atomic_fetch_sub(&staging->in_memory, 1);
}

void staging_remove(struct staging *staging, uint64_t id, uint32_t number)
{
    char name[NAME_SIZE];
    make_name(name, id, number);
    CRASH_POINT("staging.remove");
    bool is_kept =
        !atomic_load(&staging->is_short) && staging_spares_keep(&staging->spares, name);
    if (!is_kept && unlinkat(staging->fd, name, 0) != 0 && errno != ENOENT) {
        log_warn("cache", "cannot delete %s/%s: %m", staging->dir, name);
    }
    CRASH_POINT("staging.removed");
}

char *staging_path(const struct staging *staging, uint64_t id, uint32_t number)
{
    char name[NAME_SIZE];
    char *path = NULL;
    make_name(name, id, number);
    return asprintf(&path, "%s/%s", staging->dir, name) < 0 ? NULL : path;
}

uint64_t staging_free_bytes(const struct staging *staging)
{
    struct statvfs status;
    return fstatvfs(staging->fd, &status) == 0
               ? (uint64_t)status.f_bavail * status.f_frsize
               : 0;
}

enum err staging_sync_folder(struct staging *staging, uint64_t *out_flushes)
{
    if (!atomic_exchange(&staging->has_new_files, false)) {
        return ERR_NONE;
    }
    CRASH_POINT("staging.sync_folder");
    (*out_flushes)++;
    if (fsync(staging->fd) != 0) {
        enum err err = err_from_errno(errno);
        atomic_store(&staging->has_new_files, true);
        return err;
    }
    CRASH_POINT("staging.synced_folder");
    return ERR_NONE;
}

struct visiting {
    staging_visit_fn visit;
    void *ctx;
};

static enum err visit_name(void *ctx, const char *name)
{
    const struct visiting *visiting = ctx;
    uint64_t id = 0;
    uint32_t number = 0;
    return parse_name(name, &id, &number) ? visiting->visit(visiting->ctx, id, number)
                                          : ERR_NONE;
}

enum err staging_each(struct staging *staging, staging_visit_fn visit, void *ctx)
{
    struct visiting visiting = {visit, ctx};
    return file_each_name(staging->fd, visit_name, &visiting);
}

struct usage {
    const struct staging *staging;
    uint64_t files;
    uint64_t bytes;
};

static enum err count_usage(void *ctx, uint64_t id, uint32_t number)
{
    struct usage *usage = ctx;
    char name[NAME_SIZE];
    struct stat status;
    make_name(name, id, number);
    if (fstatat(usage->staging->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        usage->files++;
        usage->bytes += (uint64_t)status.st_blocks * 512;
    }
    return ERR_NONE;
}

void staging_usage(struct staging *staging, uint64_t *out_files, uint64_t *out_bytes)
{
    struct usage usage = {staging, 0, 0};
    enum err err = staging_each(staging, count_usage, &usage);
    (void)err; // then it is what could be counted
    *out_files = usage.files;
    *out_bytes = usage.bytes;
}

static off_t ballast_bytes(const struct staging *staging)
{
    struct statvfs status;
    if (fstatvfs(staging->fd, &status) != 0) {
        return BALLAST_BYTES_MAX;
    }
    uint64_t share = (uint64_t)status.f_blocks * status.f_frsize / BALLAST_SHARE;
    return share < BALLAST_BYTES_MAX ? (off_t)share : BALLAST_BYTES_MAX;
}

static bool has_room(const struct staging *staging)
{
    return staging_free_bytes(staging) >= UINT64_C(2) * (uint64_t)ballast_bytes(staging);
}

void staging_make_ballast(struct staging *staging)
{
    if (staging->has_ballast || !has_room(staging)) {
        return;
    }
    AUTO_CLOSE int fd =
        openat(staging->fd, "ballast", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    staging->has_ballast = fd >= 0 && posix_fallocate(fd, 0, ballast_bytes(staging)) == 0;
    if (staging->has_ballast) {
        atomic_store(&staging->is_short, false);
    }
}

void staging_drop_ballast(struct staging *staging)
{
    atomic_store(&staging->is_short, true);
    staging_spares_drop(&staging->spares);
    (void)unlinkat(staging->fd, "ballast", 0);
    staging->has_ballast = false;
}

bool staging_is_short(const struct staging *staging)
{
    return atomic_load(&staging->is_short) && !has_room(staging);
}

// ------------------------------------------------------------------------- NAMES.txt

static const char names_head[] =
    "# Which file of this folder holds what. Each is a plain file with every byte at its "
    "own\n"
    "# offset; only the ranges after \"written\" count, the rest is in the version on "
    "the Hub.\n"
    "# A later line about the same path replaces an earlier one.\n";

void staging_names_begin(struct staging *staging)
{
    buffer_clear(&staging->names);
    staging->names_begun = true;
    staging_names_append(staging, names_head, sizeof(names_head) - 1);
}

void staging_names_end(struct staging *staging)
{
    staging->names_begun = false;
    AUTO_FREE char *path = NULL;
    if (staging->names_fd >= 0) {
        close(staging->names_fd);
        staging->names_fd = -1;
    }
    if (asprintf(&path, "%s/NAMES.txt", staging->dir) < 0) {
        path = NULL;
        return;
    }
    struct why why = {{0}};
    enum err err =
        file_replace(path, staging->names.bytes, staging->names.len, 0600, &why);
    err = err ? err : file_open(path, O_WRONLY | O_APPEND, 0, &why, &staging->names_fd);
    if (err) {
        log_warn("cache", "%s", why_text(&why, err));
    }
    staging->names_bytes = staging->names.len;
    staging->names_begun_with = staging->names.len;
    buffer_release(&staging->names);
}

// A help for people: what cannot be written is left out.
void staging_names_append(struct staging *staging, const void *lines, size_t len)
{
    if (staging->names_begun) {
        enum err err = buffer_append(&staging->names, lines, len);
        (void)err;
    } else if (staging->names_fd >= 0 && len > 0) {
        ssize_t put = write(staging->names_fd, lines, len);
        staging->names_bytes += put > 0 ? (uint64_t)put : 0;
    }
}

bool staging_names_are_long(const struct staging *staging)
{
    return staging->names_bytes > NAMES_BYTES_MAX &&
           staging->names_bytes > 2 * staging->names_begun_with;
}
