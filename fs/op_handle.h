// SPDX-License-Identifier: Apache-2.0
// An open file of a writable mount, as its number travels with the requests. Files that are only
// read have none.
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "fs/local_file.h"

#include <stdatomic.h>

struct op_handle {
    struct overlay *overlay;
    uint64_t ino;
    struct local_file *file; // NULL for .hub/message:
    bool is_message;
    bool has_changed;
    atomic_bool was_told; // that the Hub refuses the file
    struct buffer message;
};

struct overlay;

// For a file that is counted as open for writing (overlay_writer()). Takes the reference of `file` and
// the count over, also on error.
NODISCARD enum err op_handle_new(struct overlay *overlay,
                                 struct fuse_file_info *file_info, uint64_t ino,
                                 struct local_file *file);
// NULL: it was opened for reading.
struct op_handle *op_handle_of(const struct fuse_file_info *file_info);
void op_handle_free(struct fuse_file_info *file_info);
