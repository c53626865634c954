// SPDX-License-Identifier: Apache-2.0
// `hugfs log` and `hugfs revisions` on the control socket.
#pragma once

#include "fs/control_peer.h"

// Starts a request, CONTROL_LOG or CONTROL_REVISIONS; the answer goes to `peer`, now or later.
// Loop's thread.
void control_history_run(struct mount *mount, struct control_peer *peer,
                         const struct control_request *request);
