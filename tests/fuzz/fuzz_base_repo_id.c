// SPDX-License-Identifier: Apache-2.0
// Repository names and revisions: what is legal can't change the meaning of an address.

#include "base/cleanup.h"
#include "base/repo_id.h"
#include "tests/fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO_FREE char *text = fuzz_text(bytes, len);
    if (repo_name_is_legal(text)) {
        fuzz_require(strlen(text) < REPO_NAME_SIZE);
        fuzz_require(strpbrk(text, "?#%@&=: \\\"") == NULL);
        fuzz_require(strstr(text, "..") == NULL && strstr(text, "//") == NULL);
        fuzz_require(text[0] != '.' && strstr(text, "/.") == NULL);
    }
    if (revision_is_legal(text)) {
        fuzz_require(strlen(text) < REVISION_SIZE);
        fuzz_require(strpbrk(text, "?:\\ \r\n\t") == NULL);
        fuzz_require(strstr(text, "..") == NULL && strstr(text, "//") == NULL);
        fuzz_require(text[0] != '.' && strstr(text, "/.") == NULL);
    }
    return 0;
}
