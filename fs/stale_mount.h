// SPDX-License-Identifier: Apache-2.0
// The remains of a daemon that was killed: its mount point answers "Transport endpoint is not
// connected" to everybody, a new mount included.
#pragma once

#include "base/base.h"

// Unmounts a dead hugfs mount at `path` (absolute) lazily; ERR_NONE as well when there is
// none. ERR_MOUNT with a sentence when the dead mount is not ours, or stays.
NODISCARD enum err stale_mount_clean(const char *path, struct why *why);
