// SPDX-License-Identifier: Apache-2.0
// Mutex and condition variable with clang's thread-safety annotations: clang refuses a lock
// that is not released on every way out, and a call of a REQUIRES() function without it.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(__clang__)
#define THREAD_ANNOTATION(x) __attribute__((x))
#else
#define THREAD_ANNOTATION(x)
#endif
// Says which lock guards a field. For the reader only: in C, clang before 20 can't resolve
// the name of a sibling member.
#define GUARDED_BY(x)
#define REQUIRES(x) THREAD_ANNOTATION(requires_capability(x))
#define EXCLUDES(x) THREAD_ANNOTATION(locks_excluded(x))
#define NO_THREAD_ANALYSIS THREAD_ANNOTATION(no_thread_safety_analysis)

struct THREAD_ANNOTATION(capability("mutex")) lock {
    pthread_mutex_t mutex;
};

struct condition {
    pthread_cond_t cond; // on CLOCK_MONOTONIC
};

void lock_init(struct lock *lock);
void lock_destroy(struct lock *lock);
void lock_acquire(struct lock *lock) THREAD_ANNOTATION(acquire_capability(lock));
void lock_release(struct lock *lock) THREAD_ANNOTATION(release_capability(lock));

// How many locks the calling thread holds, for assertions of callers that may be made to wait
// by somebody who needs a lock. Counted in debug builds only: 0 in others.
unsigned lock_held_count(void);

void condition_init(struct condition *condition);
void condition_destroy(struct condition *condition);
void condition_wait(struct condition *condition, struct lock *lock) REQUIRES(lock);
// Returns false when the deadline (monotonic ms) came first.
bool condition_wait_until(struct condition *condition, struct lock *lock,
                          int64_t deadline_ms) REQUIRES(lock);
void condition_signal(struct condition *condition);
void condition_broadcast(struct condition *condition);
