// SPDX-License-Identifier: Apache-2.0
// Taking a mount away: root asks the kernel, everybody else fusermount3, which is setuid for
// that purpose.
#pragma once

#include "base/base.h"

// ERR_BUSY when it is in use. `lazy`: off the tree at once, whoever still uses it.
NODISCARD enum err fusermount_unmount(const char *mount_point, bool lazy,
                                      struct why *why);
