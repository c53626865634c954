// SPDX-License-Identifier: Apache-2.0
// One error enum for the whole program; its table is err.def.
#pragma once

#include <stdbool.h>

#define NODISCARD __attribute__((warn_unused_result))

enum err {
#define X(code, errno_value, exit_status, retriable, sentence) code,
#include "base/err.def"
#undef X
    ERR_COUNT,
};

// The enum's name, e.g. "ERR_OFFLINE": for logs and tests. Static string; any thread.
const char *err_name(enum err err);

// What the kernel is told: a positive errno value, 0 for ERR_NONE.
int err_errno(enum err err);

// What a command exits with (DESIGN "Command line").
int err_exit_status(enum err err);

// Whether the same attempt may succeed later without anybody doing anything.
bool err_is_retriable(enum err err);

// The sentence of last resort, without a full stop. Static string.
const char *err_sentence(enum err err);

// The error that fits an errno value of a failed system call (ENOSPC and EDQUOT, EROFS,
// EACCES, ENOMEM, ENOENT ... have their own; everything else is ERR_SYSTEM).
enum err err_from_errno(int errno_value);
