// SPDX-License-Identifier: Apache-2.0
// A file of the journal without a mount: whether all of it is on this machine, and a copy of it.
#pragma once

#include "cache/cache.h"

// A row of the journal, kept. Of JOURNAL_FILE rows.
struct recover_file {
    uint64_t id;
    char *path; // where it was last saved, "" = not known; malloc'd, as the next
    char *error;
    bool has_base; // a version of the repository lies below
    struct journal_layer top;
    struct journal_layer flight;
};
NODISCARD enum err recover_file_of(const struct journal_inode *row,
                                   struct recover_file *out);
void recover_file_release(struct recover_file *file);

// Bytes of it that only the repository has; 0: it is whole.
uint64_t recover_file_missing(const struct recover_file *file);

// Writes the whole file to `path`, and its folders. Nothing is replaced. ERR_ABSENT: it
// is not whole. A file that could not be written to its end is deleted.
NODISCARD enum err recover_file_copy(const struct recover_file *file,
                                     struct journal *journal, const char *path,
                                     struct why *why);
