// SPDX-License-Identifier: Apache-2.0
// The control socket's changes, commit and discard.
#pragma once

#include "fs/control_peer.h"

// Loop's thread; the answer goes to `peer`, now or later.
void control_writes_run(struct mount *mount, struct control_peer *peer,
                        const struct control_request *request);
