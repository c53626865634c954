// SPDX-License-Identifier: Apache-2.0
// Names, paths and symlink targets. The input up to its first line end is the link's path,
// the rest the target. A legal path is checked against the file system's view of it: resolved
// component by component, it never stands still and never climbs.

#include "base/cleanup.h"
#include "base/path_check.h"
#include "tests/fuzz/fuzz_target.h"

// The folder depth that `target` reaches from `depth`; -1 once above the root.
static long walk(const char *target, long depth)
{
    while (*target != '\0' && depth >= 0) {
        size_t len = strcspn(target, "/");
        if (len == 2 && memcmp(target, "..", 2) == 0) {
            depth--;
        } else if (len > 0 && !(len == 1 && target[0] == '.')) {
            depth++;
        }
        target += len;
        target += strspn(target, "/");
    }
    return depth;
}

static long count_slashes(const char *text)
{
    long count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '/';
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const uint8_t *line_end = len == 0 ? NULL : memchr(bytes, '\n', len);
    size_t path_len = line_end == NULL ? len : (size_t)(line_end - bytes);
    size_t target_len = line_end == NULL ? 0 : len - path_len - 1;
    AUTO_FREE char *path = fuzz_text(bytes, path_len);
    AUTO_FREE char *target = fuzz_text(bytes + len - target_len, target_len);

    if (path_name_is_legal(path, path_len)) {
        fuzz_require(path_len == strlen(path) && strchr(path, '/') == NULL);
        fuzz_require(path_is_legal(path, path_len));
    }
    if (path_is_legal(path, path_len)) {
        fuzz_require(path_len == strlen(path));
        fuzz_require(walk(path, 0) == count_slashes(path) + 1);
        if (path_symlink_is_contained(path, target, target_len)) {
            fuzz_require(target_len == strlen(target) && target[0] != '/');
            fuzz_require(walk(target, count_slashes(path)) >= 0);
        }
    }
    return 0;
}
