// SPDX-License-Identifier: Apache-2.0
// Commits what waits in a state folder, by mounting its branch for that time where nobody looks.
#pragma once

#include "fs/state_folder.h"

// `options` are as after -o, each stronger than what the folder says; NULL-terminated. Returns an
// exit status; has printed why it is not 0.
int recover_commit(const char *folder, const struct state_command *command,
                   char *const *options, size_t n_options);
