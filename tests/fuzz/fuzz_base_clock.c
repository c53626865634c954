// SPDX-License-Identifier: Apache-2.0
// Dates: what is accepted prints as what was read.

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/fuzz/fuzz_target.h"

#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO_FREE char *text = fuzz_text(bytes, len);
    int64_t seconds = clock_parse_iso8601(text);
    fuzz_require(seconds >= -1);
    if (seconds >= 0) {
        char printed[32];
        struct tm tm;
        time_t time = seconds;
        gmtime_r(&time, &tm);
        size_t printed_len = strftime(printed, sizeof(printed), "%Y-%m-%dT%H:%M:%S", &tm);
        fuzz_require(printed_len == 19 && memcmp(printed, text, printed_len) == 0);
    }
    return 0;
}
