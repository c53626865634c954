// SPDX-License-Identifier: Apache-2.0
// However the network cuts the stream, and however slow the decoders are, what comes out is
// what a single piece would have given.

#include "tests/fuzz/fuzz_target.h"
#include "tests/unit/xet/fake_splitter.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 4) {
        return 0;
    }
    size_t step = (size_t)bytes[0] + 1;
    uint64_t seed = bytes[1];
    uint64_t blob_len = bytes[2] & 1 ? len - 4 : 0;
    struct fake_split whole;
    struct fake_split cut;
    fake_split_begin(&whole, 64);
    fake_split_begin(&cut, 4);
    cut.holds = bytes[2] & 2;
    enum err expected = fake_split_run(&whole, 0, bytes[3] % 32, blob_len, bytes + 4,
                                       len - 4, 0, 0, false);
    enum err err = fake_split_run(&cut, 0, bytes[3] % 32, blob_len, bytes + 4, len - 4,
                                  step, seed, seed % 2);
    fuzz_require(err == expected);
    // After an error the runs that were handed over differ, but one is the other's beginning.
    size_t both = cut.out.len < whole.out.len ? cut.out.len : whole.out.len;
    fuzz_require(both == 0 || memcmp(cut.out.bytes, whole.out.bytes, both) == 0);
    fuzz_require(err != ERR_NONE || cut.out.len == whole.out.len);
    fake_split_end(&whole);
    fake_split_end(&cut);
    return 0;
}
