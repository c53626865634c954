// SPDX-License-Identifier: Apache-2.0
// The kernel side of a mount: one libfuse low-level session, served by four threads that
// never wait for the network.
#pragma once

#include "base/base.h"

struct mount;
struct session;

// Mounts. ERR_MOUNT with a sentence. Nothing is answered before session_start().
NODISCARD enum err session_open(struct mount *mount, struct why *why,
                                struct session **out);
// Begins to serve, and returns when the mount answers a stat of its root.
NODISCARD enum err session_start(struct session *session, struct why *why);
// Blocks until the mount has been unmounted or session_stop() was called.
void session_wait(struct session *session);
// Any thread, any number of times.
void session_stop(struct session *session);
// Stops the workers and returns when they have ended. The refresher must be gone: what it
// tells the kernel may wait for requests that only workers answer.
void session_join(struct session *session);
// Unmounts if it is still mounted. Every request must have been answered.
void session_close(struct session *session);

// How many background requests the kernel queues before it holds back further ones.
unsigned session_granted_background(const struct session *session);

// Drops what the kernel remembers of a name in a directory, by the kernel's number of it, and
// of the directory's own listing and attributes. They wait for requests on that directory:
// see refresher.c. The refresher's thread only.
void session_forget_name(struct session *session, uint64_t dir_ino, const char *name);
void session_forget_listing(struct session *session, uint64_t dir_ino);
