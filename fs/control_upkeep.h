// SPDX-License-Identifier: Apache-2.0
// `hugfs cache verify|trim|clear` on a store that a mount owns: they may read gigabytes, so
// they run on a thread of their own, one at a time.
#pragma once

#include "fs/control_peer.h"

struct control_upkeep;

// `store` outlives it. NULL when out of memory.
struct control_upkeep *control_upkeep_new(struct chunk_store *store);
// Waits for what is at work.
void control_upkeep_free(struct control_upkeep *upkeep);

// Starts one, and answers to `peer` when it is done; ERR_BUSY while another is at work.
// Loop's thread.
NODISCARD enum err control_upkeep_start(struct control_upkeep *upkeep,
                                        struct control_peer *peer,
                                        const struct control_request *request,
                                        struct why *why);
