// SPDX-License-Identifier: Apache-2.0
// The place of control sockets. A folder in /tmp can be made by anybody, so before a socket is
// put anywhere the folder is checked: a real folder, ours, closed to others.
#include "fs/control_path.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { ID_BYTES = 8 };

static bool is_folder_of(const char *path, uid_t uid)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == uid;
}

static void folder_in_tmp(uid_t uid, char *out, size_t size)
{
    snprintf(out, size, "/tmp/hugfs-%u", (unsigned)uid);
}

void control_folder(uid_t uid, char *out, size_t size)
{
    const char *chosen = getenv("HUGFS_RUNTIME_DIR");
    if (chosen != NULL && chosen[0] == '/') {
        snprintf(out, size, "%s", chosen);
        return;
    }
    if (uid == 0) {
        snprintf(out, size, "/run/hugfs");
        return;
    }
    snprintf(out, size, "/run/user/%u", (unsigned)uid);
    if (is_folder_of(out, uid)) {
        snprintf(out, size, "/run/user/%u/hugfs", (unsigned)uid);
    } else {
        folder_in_tmp(uid, out, size);
    }
}

enum err control_make_folder(struct why *why)
{
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    struct stat info;
    control_folder(geteuid(), folder, sizeof folder);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return why_set(why, err_from_errno(errno),
                       "cannot make %s for the control socket: %s", folder,
                       strerror(errno));
    }
    if (lstat(folder, &info) != 0) {
        return why_set(why, err_from_errno(errno), "cannot read %s: %s", folder,
                       strerror(errno));
    }
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 022) != 0) {
        return why_set(
            why, ERR_ACCESS,
            "%s is not a folder that only this user may write to: the control socket "
            "is not put there",
            folder);
    }
    return ERR_NONE;
}

static enum err address_in(const char *folder, const char *mount_point, struct why *why,
                           struct sockaddr_un *out)
{
    struct digest digest;
    sha256_of(mount_point, strlen(mount_point), &digest);
    char hex[DIGEST_HEX_SIZE];
    digest_to_hex(&digest, hex);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(out->sun_path, sizeof out->sun_path, "%s/%.*s.sock", folder,
                     2 * ID_BYTES, hex);
    if ((size_t)n >= sizeof out->sun_path) {
        return why_set(why, ERR_NAME_TOO_LONG, "the path of %s is too long for a socket",
                       folder);
    }
    return ERR_NONE;
}

enum err control_address(uid_t uid, const char *mount_point, struct why *why,
                         struct sockaddr_un *out)
{
    char folder[sizeof out->sun_path];
    control_folder(uid, folder, sizeof folder);
    return address_in(folder, mount_point, why, out);
}

enum err control_address_before_login(uid_t uid, const char *mount_point,
                                      struct sockaddr_un *out)
{
    char folder[sizeof out->sun_path];
    char used[sizeof out->sun_path];
    control_folder(uid, used, sizeof used);
    folder_in_tmp(uid, folder, sizeof folder);
    bool has_login = strncmp(used, "/run/user/", strlen("/run/user/")) == 0;
    return has_login && is_folder_of(folder, uid)
               ? address_in(folder, mount_point, NULL, out)
               : ERR_ABSENT;
}
