// SPDX-License-Identifier: Apache-2.0
// Whether a folder can become a mount point, before anything else is tried: each thing that
// people get wrong has its own sentence.
#pragma once

#include "fs/mount_options.h"

// Cleans up a dead mount of ours. ERR_MOUNT with a sentence.
NODISCARD enum err mountpoint_check(const struct mount_options *options, struct why *why);
