// SPDX-License-Identifier: Apache-2.0
// Files that have their table of contents at the beginning. Who loads one reads its first bytes, then the
// table, then from there on: round trips that are saved by bringing the table, and what lies behind it,
// with the first bytes. Pure.
#pragma once

#include <stdint.h>

// How many bytes behind a read of [offset, offset + len) are likely to be read next, when it is one of the
// first bytes of the file `path`; 0 when it is not, or the file is of no such format.
uint64_t header_guess(const char *path, uint64_t offset, uint64_t len);
