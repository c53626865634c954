// SPDX-License-Identifier: Apache-2.0
// What stands on the command line of a mount, taken apart but not yet understood. Two dialects:
//
//   hugfs mount [-f] [-d] [-o OPT,...] SOURCE DIR       FUSE's own, also `hugfs SOURCE DIR -o ...`
//   mount.hugfs SOURCE DIR [-sfnv] [-o OPT,...]         mount(8)'s: -f means fake, -s sloppy
#pragma once

#include "base/base.h"

enum arguments_dialect { ARGUMENTS_FUSE, ARGUMENTS_MOUNT_HELPER };

struct mount_arguments {
    char *source; // NULL = not given
    char *dir;
    char **options; // "key" or "key=value", in order
    size_t n_options;
    bool foreground;
    bool debug;
    bool fake; // mount(8)'s -f: check everything, mount nothing
    bool help;
    bool version;
};

// argv[0] is skipped. ERR_USAGE with a sentence. Without source or dir where neither help nor
// version is asked for: ERR_USAGE too. Release `out` in every case.
NODISCARD enum err mount_arguments_parse(int argc, char **argv,
                                         enum arguments_dialect dialect, struct why *why,
                                         struct mount_arguments *out);
void mount_arguments_release(struct mount_arguments *arguments);
