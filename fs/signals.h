// SPDX-License-Identifier: Apache-2.0
// Signals as events of the network thread: TERM and INT unmount (the second one exits at
// once), HUP reads the token again and refreshes, USR2 turns the log up, PIPE is ignored.
#pragma once

#include "base/base.h"

struct mount;
struct signals;

// Blocks them in the calling thread and so in all threads that it will start; call before
// the first one.
void signals_block(void);
// Watches them on the mount's loop, which runs later.
NODISCARD enum err signals_open(struct mount *mount, struct signals **out);
// After the loop has stopped. From here on TERM and INT kill the process.
void signals_close(struct signals *signals);
