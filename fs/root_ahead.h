// SPDX-License-Identifier: Apache-2.0
// What the first reader of a fresh mount needs is asked for while the mount is being made.
#pragma once

struct mount;

// Asks for the names in the root, and beside them for the token that reading large files takes: the
// first `ls` waits for one request less, the first byte for one round trip. Asks nothing when the
// names are here already, with prefetch=off, or offline. For mounts of one repository, once their
// commit is known; any thread, waits for nothing. Whoever comes to need what failed asks himself.
void root_ahead(struct mount *mount);
