// SPDX-License-Identifier: Apache-2.0
// Names and paths as git allows them, minus what would climb out of the mount.

#include "base/path_check.h"

#include <string.h>

static bool is_dot(const char *name, size_t len)
{
    return len == 1 && name[0] == '.';
}

static bool is_dot_dot(const char *name, size_t len)
{
    return len == 2 && name[0] == '.' && name[1] == '.';
}

// Cuts the next component off *text (and the slash behind it): its length. What is left may
// be empty.
static size_t take_component(const char **text, size_t *left)
{
    const char *slash = memchr(*text, '/', *left);
    size_t len = slash == NULL ? *left : (size_t)(slash - *text);
    size_t step = slash == NULL ? len : len + 1;
    *text += step;
    *left -= step;
    return len;
}

bool path_name_is_legal(const char *name, size_t len)
{
    if (len == 0 || len > NAME_BYTES_MAX || is_dot(name, len) || is_dot_dot(name, len)) {
        return false;
    }
    return memchr(name, '/', len) == NULL && memchr(name, '\0', len) == NULL;
}

bool path_is_legal(const char *path, size_t len)
{
    if (len == 0 || len > PATH_BYTES_MAX || path[len - 1] == '/') {
        return false;
    }
    while (len > 0) {
        const char *name = path;
        size_t name_len = take_component(&path, &len);
        if (!path_name_is_legal(name, name_len)) {
            return false;
        }
    }
    return true;
}

// ".." counts against the folders above the link only at the start of the target: those are
// real directories. Behind a name nothing is known (the name may be a link to the root), so
// there any ".." might climb out.
bool path_symlink_is_contained(const char *link_path, const char *target,
                               size_t target_len)
{
    if (target_len == 0 || target_len > PATH_BYTES_MAX || target[0] == '/' ||
        memchr(target, '\0', target_len) != NULL) {
        return false;
    }
    size_t folders_above = 0;
    for (const char *at = link_path; *at != '\0'; at++) {
        folders_above += *at == '/';
    }
    while (target_len > 0) {
        const char *name = target;
        size_t len = take_component(&target, &target_len);
        if (is_dot_dot(name, len)) {
            if (folders_above == 0) {
                return false;
            }
            folders_above--;
        } else if (len > 0 && !is_dot(name, len)) {
            folders_above = 0;
        }
    }
    return true;
}
