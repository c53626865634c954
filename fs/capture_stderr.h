// SPDX-License-Identifier: Apache-2.0
// What a library or a helper program prints, as part of our sentence: fusermount3 says on
// stderr why it refused a mount, and a person wants one sentence, not two.
#pragma once

#include "base/base.h"

struct capture {
    int saved; // the real stderr
    int pipe;  // what is written to it meanwhile
};

// Redirects file descriptor 2 of the process. When that can't be done nothing is captured.
void capture_begin(struct capture *capture);
// Puts it back; the first line that was printed is in `out` ("" = none), without
// "PROGRAM: " before it.
void capture_end(struct capture *capture, char *out, size_t size);
