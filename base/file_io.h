// SPDX-License-Identifier: Apache-2.0
// The one door to the file system: whole reads and writes that retry EINTR and short
// counts, folders, and files that appear whole or not at all.
#pragma once

#include "base/buffer.h"
#include "base/err.h"
#include "base/why.h"

#include <stdint.h>
#include <sys/types.h>

// Open with O_CLOEXEC always; -1 in *out_fd is never returned with ERR_NONE. `why` names the path.
NODISCARD enum err file_open(const char *path, int flags, mode_t mode, struct why *why,
                             int *out_fd);
// Exactly len bytes at offset; ERR_TRUNCATED at end of file.
NODISCARD enum err file_pread(int fd, void *to, size_t len, uint64_t offset);
NODISCARD enum err file_pwrite(int fd, const void *from, size_t len, uint64_t offset);
// The whole file, up to the buffer's maximum (ERR_TOO_LARGE).
NODISCARD enum err file_read_all(const char *path, struct why *why, struct buffer *out);
// Writes beside, fsyncs, renames over: readers see the old or the new content.
NODISCARD enum err file_replace(const char *path, const void *bytes, size_t len,
                                mode_t mode, struct why *why);
// Visits the names in a folder, in no order, "." and ".." among them; an error of `visit` ends it. What is
// made or deleted meanwhile is visited or not.
typedef enum err (*file_name_fn)(void *ctx, const char *name);
NODISCARD enum err file_each_name(int dir, file_name_fn visit, void *ctx);
// mkdir -p with `mode` for what is created; fine when it exists.
NODISCARD enum err file_make_dirs(const char *path, mode_t mode, struct why *why);
// Absolute form without "." and "..", symlinks resolved as far as the path exists. malloc'd.
char *file_absolute(const char *path);
