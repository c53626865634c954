// SPDX-License-Identifier: Apache-2.0
// What the first reader of a fresh mount needs is asked for while the mount is being made.
#pragma once

struct mount;

// Asks for the names in the root, and beside them for the token that reading large files takes: the
// first `ls` waits for one request less, the first byte for one round trip less. Asks nothing when
// some of the names are here, with prefetch=off, offline, or in a mount of the whole Hub. When it
// is known what the mount shows; any thread; waits for nothing. What failed is asked for again by
// who needs it; who waits for it meanwhile gets the error.
void root_ahead(struct mount *mount);
