// SPDX-License-Identifier: Apache-2.0
// `hugfs diff` on the control socket: each on a thread of its own, which may block.
#pragma once

#include "fs/control_peer.h"

// Starts one; the answer goes to `peer`. Loop's thread, as below.
void control_diff_run(struct mount *mount, struct control_peer *peer,
                      const struct control_request *request);

// The peer is gone, or the server closes: ends its diff, if it has one, and its thread. Must be
// called for each peer before the mount's parts are closed.
void control_diff_cancel(struct control_peer *peer);
