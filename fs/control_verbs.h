// SPDX-License-Identifier: Apache-2.0
// What each request of the control socket does to the mount. Loop's thread.
#pragma once

#include "fs/control_peer.h"
#include "fs/control_upkeep.h"

struct control_context {
    struct mount *mount;
    struct control_upkeep *upkeep;
};

// Starts a request; the answer goes to `peer`, now or later.
void control_verb_run(const struct control_context *context, struct control_peer *peer,
                      const struct control_request *request);

// The peer is gone: stops what it asked for, if that makes sense.
void control_verb_cancel(const struct control_context *context,
                         struct control_peer *peer);
