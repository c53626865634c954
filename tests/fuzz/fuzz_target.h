// SPDX-License-Identifier: Apache-2.0
// What every fuzz target is. A property that does not hold is told by fuzz_require(), which
// works in builds without assert() too.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One input. libFuzzer or replay_main.c calls it; returns 0.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define fuzz_require(condition)                                                          \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__,             \
                    #condition);                                                         \
            abort();                                                                     \
        }                                                                                \
    } while (0)

// The input as a C string in memory of exactly that size. malloc'd.
static inline char *fuzz_text(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1);
    fuzz_require(text != NULL);
    if (len > 0) {
        memcpy(text, bytes, len);
    }
    text[len] = '\0';
    return text;
}
