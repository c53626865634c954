// SPDX-License-Identifier: Apache-2.0
// Any bytes as a name in an owner's folder. What parses is legal in a request, and survives being
// written, wherever a folder's name has room for it, and parsed again.
#include "fs/repo_name.h"
#include "tests/fuzz/fuzz_target.h"

static void check(const struct repo_name *parsed)
{
    char name[NAME_BYTES_MAX + 1];
    struct repo_name again;
    size_t name_len = strlen(parsed->name);
    fuzz_require(repo_name_part_is_legal(parsed->name, name_len));
    fuzz_require(parsed->revision[0] == '\0' || revision_is_legal(parsed->revision));
    size_t longest = name_len + 1 + 3 * strlen(parsed->revision);
    if (!repo_name_format(parsed->name, parsed->revision, name, sizeof(name))) {
        fuzz_require(longest >= sizeof(name));
        return;
    }
    fuzz_require(strchr(name, '/') == NULL);
    fuzz_require(repo_name_parse(name, strlen(name), &again));
    fuzz_require(strcmp(parsed->name, again.name) == 0);
    fuzz_require(strcmp(parsed->revision, again.revision) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct repo_name parsed;
    AUTO_FREE char *text = fuzz_text(bytes, len); // one that may have NULs inside
    if (repo_name_parse(text, len, &parsed)) {
        check(&parsed);
    }
    return 0;
}
