// SPDX-License-Identifier: Apache-2.0
// Where the control socket of a mount lies: FOLDER/ID.sock, where ID is made of the mount
// point, so that a client that knows the one can find the other.
//
// FOLDER is $HUGFS_RUNTIME_DIR, else /run/hugfs for root, else /run/user/UID/hugfs where that
// is the user's, else /tmp/hugfs-UID. $XDG_RUNTIME_DIR is not asked: a mount that a login
// session made has to be found from cron, and by `sudo hugfs status`.
#pragma once

#include "base/base.h"

#include <sys/types.h>
#include <sys/un.h>

// The folder for mounts of `uid`. `size` bytes at `out`.
void control_folder(uid_t uid, char *out, size_t size);

// Makes the folder with 0700, and refuses one that belongs to somebody else or that others may
// write to. For the server.
NODISCARD enum err control_make_folder(struct why *why);

// The address of the socket. ERR_NAME_TOO_LONG when the folder's path leaves no room.
NODISCARD enum err control_address(uid_t uid, const char *mount_point, struct why *why,
                                   struct sockaddr_un *out);
// Where a daemon put it that was started before the user had a /run/user/UID (cron, a system's unit).
// ERR_ABSENT: there can be none.
NODISCARD enum err control_address_before_login(uid_t uid, const char *mount_point,
                                                struct sockaddr_un *out);
