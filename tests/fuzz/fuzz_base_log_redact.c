// SPDX-License-Identifier: Apache-2.0
// Redaction: no Hub token survives, the text never grows, and what is clean stays clean.

#include "base/cleanup.h"
#include "base/log.h"
#include "tests/fuzz/fuzz_target.h"

#include <ctype.h>

static bool has_token(const char *text)
{
    for (const char *at = strstr(text, "hf_"); at != NULL; at = strstr(at + 1, "hf_")) {
        size_t run = 3;
        while (isalnum((unsigned char)at[run])) {
            run++;
        }
        if (run >= 3 + 16) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO_FREE char *text = fuzz_text(bytes, len);
    size_t before = strlen(text);
    log_redact(text);
    fuzz_require(strlen(text) <= before);
    fuzz_require(!has_token(text));
    fuzz_require(strcasestr(text, "?signature=") == NULL);
    fuzz_require(strcasestr(text, "&x-amz-") == NULL);

    AUTO_FREE char *again = strdup(text);
    fuzz_require(again != NULL);
    log_redact(again);
    fuzz_require(strcmp(text, again) == 0);
    return 0;
}
