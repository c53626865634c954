// SPDX-License-Identifier: Apache-2.0
// System calls, repeated until the whole is done. What a person is told names the path and
// the kernel's own words.

#include "base/file_io.h"

#include "base/cleanup.h"
#include "base/random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_STEP_BYTES = 16384 };

// For a system call that just failed on `path`: errno as an enum err and as a sentence.
static enum err failed(struct why *why, const char *verb, const char *path)
{
    return why_set(why, err_from_errno(errno), "cannot %s %s: %m", verb, path);
}

enum err file_open(const char *path, int flags, mode_t mode, struct why *why, int *out_fd)
{
    int fd = -1;
    do {
        fd = open(path, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return failed(why, "open", path);
    }
    *out_fd = fd;
    return ERR_NONE;
}

enum err file_pread(int fd, void *to, size_t len, uint64_t offset)
{
    uint8_t *at = to;
    while (len > 0) {
        ssize_t got = pread(fd, at, len, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_from_errno(errno);
        }
        if (got == 0) {
            return ERR_TRUNCATED;
        }
        at += got;
        len -= (size_t)got;
        offset += (uint64_t)got;
    }
    return ERR_NONE;
}

enum err file_pwrite(int fd, const void *from, size_t len, uint64_t offset)
{
    const uint8_t *at = from;
    while (len > 0) {
        ssize_t put = pwrite(fd, at, len, (off_t)offset);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return err_from_errno(errno);
        }
        at += put;
        len -= (size_t)put;
        offset += (uint64_t)put;
    }
    return ERR_NONE;
}

// One read() into the buffer. At the buffer's maximum one byte more is asked for, to tell a
// file that just fits from one that is too large.
static enum err read_some(int fd, struct buffer *out, size_t *out_got)
{
    uint8_t extra = 0;
    uint8_t *space = &extra;
    size_t room = out->max - out->len;
    size_t step = room < READ_STEP_BYTES ? room : READ_STEP_BYTES;
    if (step > 0) {
        enum err err = buffer_reserve(out, step, &space);
        if (err != ERR_NONE) {
            return err;
        }
    }
    ssize_t got = 0;
    do {
        got = read(fd, space, step > 0 ? step : 1);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return err_from_errno(errno);
    }
    if (got > 0 && step == 0) {
        return ERR_TOO_LARGE;
    }
    out->len += (size_t)got;
    *out_got = (size_t)got;
    return ERR_NONE;
}

enum err file_read_all(const char *path, struct why *why, struct buffer *out)
{
    AUTO_CLOSE int fd = -1;
    enum err err = file_open(path, O_RDONLY, 0, why, &fd);
    size_t got = 1;
    while (err == ERR_NONE && got > 0) {
        err = read_some(fd, out, &got);
        if (err == ERR_TOO_LARGE) {
            return why_set(why, err, "%s is larger than %zu bytes", path, out->max);
        }
        if (err != ERR_NONE) {
            return failed(why, "read", path);
        }
    }
    return err;
}

// The folder of `path`, so that a rename in it can be made durable. malloc'd.
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return strdup(".");
    }
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static enum err sync_folder_of(const char *path, struct why *why)
{
    AUTO_FREE char *folder = folder_of(path);
    if (folder == NULL) {
        return ERR_NO_MEMORY;
    }
    AUTO_CLOSE int fd = -1;
    enum err err = file_open(folder, O_RDONLY | O_DIRECTORY, 0, why, &fd);
    if (err == ERR_NONE && fsync(fd) != 0) {
        err = failed(why, "sync", folder);
    }
    return err;
}

static enum err write_new(const char *path, const void *bytes, size_t len, mode_t mode,
                          struct why *why)
{
    AUTO_CLOSE int fd = -1;
    enum err err =
        file_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode, why, &fd);
    if (err != ERR_NONE) {
        return err;
    }
    err = file_pwrite(fd, bytes, len, 0);
    if (err != ERR_NONE || fsync(fd) != 0) {
        return failed(why, "write", path);
    }
    return ERR_NONE;
}

enum err file_replace(const char *path, const void *bytes, size_t len, mode_t mode,
                      struct why *why)
{
    AUTO_FREE char *beside = NULL;
    uint64_t tag = 0;
    random_bytes(&tag, sizeof(tag));
    if (asprintf(&beside, "%s.new-%016" PRIx64, path, tag) < 0) {
        beside = NULL; // asprintf() leaves it undefined
        return ERR_NO_MEMORY;
    }
    enum err err = write_new(beside, bytes, len, mode, why);
    if (err == ERR_NONE && rename(beside, path) != 0) {
        err = failed(why, "replace", path);
    }
    if (err != ERR_NONE) {
        unlink(beside);
        return err;
    }
    return sync_folder_of(path, why);
}

enum err file_each_name(int dir, file_name_fn visit, void *ctx)
{
    // Not dup(): that would share the place in the folder.
    AUTO_CLOSE int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    if (names == NULL) {
        return err_from_errno(errno);
    }
    (void)steal_fd(&fd); // is the stream's
    enum err err = ERR_NONE;
    const struct dirent *entry = NULL;
    while (err == ERR_NONE && (entry = readdir(names)) != NULL) {
        err = visit(ctx, entry->d_name);
    }
    closedir(names);
    return err;
}

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

enum err file_make_dirs(const char *path, mode_t mode, struct why *why)
{
    AUTO_FREE char *prefix = strdup(path);
    if (prefix == NULL) {
        return ERR_NO_MEMORY;
    }
    // Every slash ends a prefix, and so does the end; "a//b" and "a/" only repeat one.
    for (char *at = prefix + 1; prefix[0] != '\0'; at++) {
        char end = *at;
        if (end != '/' && end != '\0') {
            continue;
        }
        *at = '\0';
        // Whatever mkdir() says of a folder that is there (EEXIST, EROFS, EACCES), it is there.
        if (mkdir(prefix, mode) != 0) {
            int mkdir_errno = errno;
            if (!is_directory(prefix)) {
                errno = mkdir_errno == EEXIST ? ENOTDIR : mkdir_errno;
                return failed(why, "create the folder", prefix);
            }
        }
        if (end == '\0') {
            return ERR_NONE;
        }
        *at = end;
    }
    return why_set(why, ERR_NOT_FOUND, "a folder needs a name");
}

// Puts "/name" behind what is in `out`, by the meaning of "" "." and "..".
static enum err append_component(struct buffer *out, const char *name, size_t len)
{
    if (len == 0 || (len == 1 && name[0] == '.')) {
        return ERR_NONE;
    }
    if (len == 2 && name[0] == '.' && name[1] == '.') {
        while (out->len > 0 && out->bytes[--out->len] != '/') {
        }
        return ERR_NONE;
    }
    enum err err = buffer_append(out, "/", 1);
    return err == ERR_NONE ? buffer_append(out, name, len) : err;
}

// Appends every component of `rest`.
static enum err append_components(struct buffer *out, const char *rest)
{
    enum err err = ERR_NONE;
    while (err == ERR_NONE && *rest != '\0') {
        size_t len = strcspn(rest, "/");
        err = append_component(out, rest, len);
        rest += len + (rest[len] == '/');
    }
    return err;
}

// Resolves the longest prefix of `path` (which is absolute) that exists. The length of that
// prefix, 0 when not even "/" could be resolved (out of memory); *out_resolved is malloc'd.
static size_t resolve_prefix(const char *path, char **out_resolved)
{
    AUTO_FREE char *prefix = strdup(path);
    size_t len = prefix == NULL ? 0 : strlen(prefix);
    while (len > 0) {
        prefix[len] = '\0';
        char *resolved = realpath(prefix, NULL);
        if (resolved != NULL) {
            *out_resolved = resolved;
            return len;
        }
        // Cuts the last component and the slashes before it, but not the first slash.
        while (len > 1 && prefix[len - 1] != '/') {
            len--;
        }
        while (len > 1 && prefix[len - 1] == '/') {
            len--;
        }
        if (len == 1 && prefix[1] == '\0') {
            return 0;
        }
    }
    return 0;
}

char *file_absolute(const char *path)
{
    AUTO(buffer) struct buffer from = buffer_init(PATH_MAX * 2);
    AUTO(buffer) struct buffer out = buffer_init(PATH_MAX * 2);
    AUTO_FREE char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
    AUTO_FREE char *resolved = NULL;
    if (path[0] != '/' && here == NULL) {
        return NULL;
    }
    if (buffer_printf(&from, "%s/%s", here == NULL ? "" : here, path) != ERR_NONE) {
        return NULL;
    }
    const char *whole = buffer_text(&from);
    size_t existing = resolve_prefix(whole, &resolved);
    if (existing == 0 || append_components(&out, resolved) != ERR_NONE ||
        append_components(&out, whole + existing) != ERR_NONE) {
        return NULL;
    }
    return strdup(out.len == 0 ? "/" : buffer_text(&out));
}
