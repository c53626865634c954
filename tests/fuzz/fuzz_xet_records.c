// SPDX-License-Identifier: Apache-2.0
// A stream of chunk records from outside: whatever it is, the reader ends with chunks or an
// error, within its limits, and gives back what it took.

#include "tests/fuzz/fuzz_target.h"
#include "tests/unit/xet/fake_splitter.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fake_split split;
    fake_split_begin(&split, 8);
    enum err err = fake_split_run(&split, 0, 16, 0, bytes, len, 0, 0, len % 2);
    fuzz_require(err != ERR_NONE || split.next == 16);
    fuzz_require(split.out.len <= (size_t)16 * CHUNK_BYTES_MAX);
    fuzz_require(block_pool_used(split.pool) == 0);
    fake_split_end(&split);
    return 0;
}
