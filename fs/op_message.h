// SPDX-License-Identifier: Apache-2.0
// The operations on .hub/message, which is no file of the repository.
#pragma once

#include "fs/op_handle.h"

struct mount;

bool op_message_is(struct mount *mount, uint64_t ino);
void op_message_open(fuse_req_t req, struct fuse_file_info *file_info);
void op_message_write(fuse_req_t req, struct op_handle *handle, const char *bytes,
                      size_t size, uint64_t offset);
void op_message_truncate(struct op_handle *handle, uint64_t size);
void op_message_flush(fuse_req_t req, struct op_handle *handle);
