// SPDX-License-Identifier: Apache-2.0
// From a path that a person gave to the mount that it lies in, and its control socket.
#pragma once

#include "fs/control_client.h"

struct mount_place {
    char *mount_point; // where the path lies in it; a bind mount's own
    char *path;        // relative to the root of the mount, "" = the root
    struct control_client client;
};

// ERR_USAGE when the path is in no hugfs mount; errors of control_client_connect(). Release
// `out` in every case.
NODISCARD enum err mount_place_open(const char *path, struct why *why,
                                    struct mount_place *out);
void mount_place_release(struct mount_place *place);

// Connects to the daemon behind an entry of the table, through whichever of its mount points
// (the original or a bind mount) the daemon knows.
NODISCARD enum err mount_place_connect(const struct mount_table *table,
                                       const struct mount_entry *entry, struct why *why,
                                       struct control_client *out);

// Asks the mount at `path` and prints its output; returns the exit status and has printed the
// sentence if there is one. What most verbs are.
int mount_place_run(const char *path, struct control_request *request);
