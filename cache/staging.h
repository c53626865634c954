// SPDX-License-Identifier: Apache-2.0
// Staging files: the bytes that were written and are not committed yet. Part of cache.h.
//
// DIR/staging holds one plain file for each (inode id, layer number), "%016x.%u.data", with
// every byte at the offset it has in the file; bytes that were not written are holes. Small ones
// are in memory until they grow, for their bytes are in journal.db. It also
// holds NAMES.txt, which says for a person what each one is, and a ballast that is given up
// when the disk is full, so that the journal can still finish a transaction.
#pragma once

#include "base/base.h"

struct staging;

// Files are made with 0600 and opened for reading and writing. Any thread; one system call or
// two each, none of which waits for the disk. A failed one fills `why`.
NODISCARD enum err staging_create(struct staging *staging, uint64_t id, uint32_t number,
                                  struct why *why, int *out_fd);
// A file for a layer whose bytes will travel in its row (JOURNAL_SMALL_BYTES): one that is only in
// memory, because making a file on a disk takes longer than writing it. *out_in_memory false: so
// many are there already that it is on the disk.
NODISCARD enum err staging_create_small(struct staging *staging, uint64_t id,
                                        uint32_t number, struct why *why, int *out_fd,
                                        bool *out_in_memory);
// What is in memory gets its place on the disk; `fd` stays the same number. Nobody writes to it
// meanwhile. After an error it is in memory as before.
NODISCARD enum err staging_settle(struct staging *staging, uint64_t id, uint32_t number,
                                  int fd, struct why *why);
// Closes a file that staging_create_small() has made in memory.
void staging_close_small(struct staging *staging, int fd);
// ERR_NOT_FOUND: there is none.
NODISCARD enum err staging_open(struct staging *staging, uint64_t id, uint32_t number,
                                struct why *why, int *out_fd);
// Where a file is, for messages: malloc'd, NULL without memory.
char *staging_path(const struct staging *staging, uint64_t id, uint32_t number);
// How many bytes may be free for others on this disk: statvfs's f_bavail in bytes.
uint64_t staging_free_bytes(const struct staging *staging);
// Whether the ballast is given up: what room there is belongs to the journal, so that it can
// store the deletion that makes more. Whoever writes data gives way.
bool staging_is_short(const struct staging *staging);
