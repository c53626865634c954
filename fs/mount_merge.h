// SPDX-License-Identifier: Apache-2.0
// Where options come from, weakest first: built-in defaults, /etc/hugfs.conf,
// $XDG_CONFIG_HOME/hugfs/config, the environment, the address, the command line.
#pragma once

#include "fs/mount_arguments.h"
#include "fs/mount_options.h"

// Everything a mount needs to know. Release `out` in every case.
NODISCARD enum err mount_merge(const struct mount_arguments *arguments, struct why *why,
                               struct mount_options *out);

// The same without an address: what `hugfs cache` needs to know. `options` as after -o.
NODISCARD enum err mount_merge_cache(char *const *options, size_t n, struct why *why,
                                     struct mount_options *out);
