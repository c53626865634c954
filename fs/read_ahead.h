// SPDX-License-Identifier: Apache-2.0
// How much the kernel asks for at a time when a file of the mount is read in order.
#pragma once

#include <sys/types.h>

// The kernel's read-ahead of a mount in KiB, where it can be set.
enum { READ_AHEAD_KB = 512 };

// Raises it for files that are opened from now on. Without the right to (a mount of an ordinary user, a
// container with a read-only /sys) it stays as it is. `device` is the mount's st_dev.
void read_ahead_raise(dev_t device);
