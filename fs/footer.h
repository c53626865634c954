// SPDX-License-Identifier: Apache-2.0
// Files that have their table of contents at the end. Who opens one reads its last bytes first, learns from
// them where the table begins, and reads that: a round trip that is saved by bringing what the table is
// likely to be at once. Pure.
#pragma once

#include <stdint.h>

// How many bytes at the end of the file `path` are likely to be read next, when a read of [offset,
// offset + len) is one of its last bytes; 0 when it is not, or the file is of no such format.
uint64_t footer_guess(const char *path, uint64_t size, uint64_t offset, uint64_t len);
