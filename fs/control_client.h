// SPDX-License-Identifier: Apache-2.0
// The client's side of the control socket: connect, ask, and get the answer line by line.
#pragma once

#include "fs/control_protocol.h"
#include "fs/mount_table.h"

struct control_client {
    int fd;           // -1 = not connected
    struct buffer in; // bytes that have arrived
    size_t taken;     // of them
};

// Connects to the mount at `mount_point` of `uid`. ERR_NOT_FOUND: nobody listens there;
// ERR_ACCESS: it is another user's.
NODISCARD enum err control_client_connect(uid_t uid, const char *mount_point,
                                          struct why *why, struct control_client *out);
void control_client_release(struct control_client *client);

struct control_reader {
    void (*on_output)(void *ctx, const char *line, size_t len); // NULL = not wanted
    void (*on_progress)(void *ctx, const struct mount_progress *progress);
    void *ctx;
};

// Sends a request and reads the answer to its end. ERR_NONE: *out_status and `why` (the
// sentence, perhaps "") are what the mount said. ERR_INTERRUPTED: a signal came; the mount
// gives up what was asked when the client is released. ERR_SYSTEM: the connection ended early.
NODISCARD enum err control_client_ask(struct control_client *client,
                                      const struct control_request *request,
                                      const struct control_reader *reader,
                                      struct why *why, int *out_status);

// The daemon's process as a pidfd that polls readable when it has ended; -1 if not to be had.
int control_client_pidfd(const struct control_client *client);
