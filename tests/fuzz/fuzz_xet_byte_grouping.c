// SPDX-License-Identifier: Apache-2.0
// Grouping by its definition, then undoing it, gives back what was there.

#include "tests/fuzz/fuzz_target.h"
#include "tests/unit/xet/fake_records.h"
#include "xet/byte_grouping.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint8_t *grouped = malloc(len + 1);
    uint8_t *back = malloc(len + 1);
    fuzz_require(grouped && back);
    fake_group_bytes(grouped, bytes, len);
    byte_grouping_undo(back, grouped, len);
    fuzz_require(len == 0 || memcmp(back, bytes, len) == 0);
    free(grouped);
    free(back);
    return 0;
}
