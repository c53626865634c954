// SPDX-License-Identifier: Apache-2.0
// Any text as a .hubignore. Up to the first NUL stands the path that is asked about; what a rule
// names in a folder is named by the folder too.
#include "fs/ignore_rules.h"
#include "tests/fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO_FREE char *text = fuzz_text(bytes, len);
    size_t path_len = strlen(text);
    struct ignore_rules *rules = NULL;
    if (path_len == len || !path_is_legal(text, path_len) ||
        ignore_rules_parse(text + path_len + 1, len - path_len - 1, &rules) != ERR_NONE) {
        return 0;
    }
    bool is_named = ignore_rules_match(rules, text, false);
    bool is_litter = ignore_is_litter(text);
    char *slash = strrchr(text, '/');
    if (slash != NULL) {
        *slash = '\0';
        fuzz_require(is_named || !ignore_rules_match(rules, text, true));
        fuzz_require(is_litter || !ignore_is_litter(text));
    }
    ignore_rules_free(rules);
    return 0;
}
