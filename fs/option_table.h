// SPDX-License-Identifier: Apache-2.0
// The table of mount options (mount_option.def) as an array: for the parser and for --help.
#pragma once

#include "base/base.h"

enum option_kind {
    OPTION_NOTHING,     // the title of a group
    OPTION_READ_ONLY,   // ro; no value
    OPTION_READ_WRITE,  // rw; no value
    OPTION_FLAG,        // bool; NAME, NAME=yes, NAME=no
    OPTION_SIZE,        // uint64_t bytes
    OPTION_TIMEOUT,     // int64_t ms, at least 1
    OPTION_POLL,        // int64_t ms, or "never" = 0
    OPTION_CONNECTIONS, // unsigned, 1..1024
    OPTION_ID,          // uint32_t and its has_ flag
    OPTION_UMASK,       // uint32_t, octal, and its has_ flag
    OPTION_PATH,        // char *, made absolute
    OPTION_MODULES,     // char *, names of log modules with commas between
    OPTION_ENDPOINT,    // char *, a checked address
    OPTION_COMMIT,      // enum commit_mode
    OPTION_PREFETCH,    // enum prefetch_mode
    OPTION_BRANCH,      // char *, a legal name of a branch
    OPTION_REVISION,
    OPTION_SUBDIR,
};

struct option_row {
    const char *name; // NULL: `help` is the title of a group
    enum option_kind kind;
    size_t offset;    // into struct mount_options
    const char *hint; // what stands for the value in --help, NULL = none
    const char *help;
};

// The rows in the order of --help; *out_n of them.
const struct option_row *option_table(size_t *out_n);

// The row of an option, NULL if there is none. `name` has `len` bytes.
const struct option_row *option_table_find(const char *name, size_t len);
