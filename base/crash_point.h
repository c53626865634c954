// SPDX-License-Identifier: Apache-2.0
// Named places at which a test may kill this process, as kill -9 would. In builds without
// HUGFS_CRASH_POINTS they are nothing.
//
//   CRASH_POINT("journal.committed");
//
// CRASH_LIMIT(usual, few) is a limit behind which a crash point lies: `few` where there are crash
// points, so that a test comes there with little work.
//
// HUGFS_CRASH_AT=NAME[:N] in the environment kills at the Nth passage (1 = the first).
#pragma once

#ifdef HUGFS_CRASH_POINTS
#define CRASH_POINT(name) crash_point_pass(name)
#define CRASH_LIMIT(usual, few) (few)
#else
#define CRASH_POINT(name) ((void)0)
#define CRASH_LIMIT(usual, few) (usual)
#endif

// Any thread. Does not return when this is the passage that was asked for.
void crash_point_pass(const char *name);
// Tests: replaces what the environment said; NULL = nothing. Call while nobody passes.
void crash_point_arm(const char *at);
