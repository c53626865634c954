// SPDX-License-Identifier: Apache-2.0
// The environment is read once, at the first passage.

#include "base/crash_point.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 64 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char armed[NAME_MAX_BYTES]; // "" = none
static atomic_long left;           // passages until it happens

void crash_point_arm(const char *at)
{
    armed[0] = '\0';
    if (!at) {
        return;
    }
    size_t len = strcspn(at, ":");
    if (len >= sizeof(armed)) {
        return;
    }
    long n = at[len] == ':' ? strtol(at + len + 1, NULL, 10) : 1;
    atomic_store(&left, n);
    memcpy(armed, at, len);
    armed[len] = '\0';
}

static void arm_from_environment(void)
{
    const char *at = getenv("HUGFS_CRASH_AT");
    if (at) {
        crash_point_arm(at);
    }
}

void crash_point_pass(const char *name)
{
    pthread_once(&once, arm_from_environment);
    if (strcmp(name, armed) != 0 || atomic_fetch_sub(&left, 1) != 1) {
        return;
    }
    // SIGKILL and not _exit(): nothing of this process may run after this line.
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        pause();
    }
}
