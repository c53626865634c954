// SPDX-License-Identifier: Apache-2.0
// The lock that processes sharing a store take around every write transaction and every
// checkpoint.
#pragma once

#include "base/base.h"

// One lock file; the descriptor belongs to one thread at a time.
struct store_lock {
    char *path;
    int fd; // -1 while not held
};

NODISCARD enum err store_lock_init(struct store_lock *lock, const char *dir,
                                   const char *name);
void store_lock_destroy(struct store_lock *lock);

// Waits for the lock at most `wait_ms`; ERR_BUSY when another process keeps it that long, or
// what the file system says (the folder is gone, read-only, full).
NODISCARD enum err store_lock_take(struct store_lock *lock, int64_t wait_ms);
void store_lock_give(struct store_lock *lock);

// Who uses a store: every process holds NAME shared for as long as it has the store open, and
// the file holds the word "unclean" until the last one leaves in good order.
struct store_users {
    int fd;
    bool alone;       // no other process had the store open when this one came
    bool was_unclean; // alone, and the last one to leave had crashed
};
NODISCARD enum err store_users_enter(const char *dir, const char *name,
                                     struct store_users *out);
// `clean`: everything of this process is written. The word goes when it is the last one.
void store_users_leave(struct store_users *users, bool clean);
