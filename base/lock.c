// SPDX-License-Identifier: Apache-2.0
// pthread, with every result checked: a mutex call fails only by a bug of ours (destroyed
// while held, never initialised), and going on without the lock would damage data.

#include "base/lock.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// Says what failed before it ends the process: a core file is seldom at hand.
static void must_work_at(int result, const char *what)
{
    if (result != 0) {
        fprintf(stderr, "hugfs: %s failed (%d): this is a fault in hugfs\n", what,
                result);
        abort();
    }
}

#define must_work(call) must_work_at((call), #call)

void lock_init(struct lock *lock)
{
    must_work(pthread_mutex_init(&lock->mutex, NULL));
}

void lock_destroy(struct lock *lock)
{
    must_work(pthread_mutex_destroy(&lock->mutex));
}

// A thread that waits for a condition keeps its count: it holds the lock again before it can
// ask.
#ifndef NDEBUG
static _Thread_local unsigned n_held;

static void note_held(void)
{
    n_held++;
}

static void note_released(void)
{
    n_held--;
}

unsigned lock_held_count(void)
{
    return n_held;
}
#else
static void note_held(void)
{
}

static void note_released(void)
{
}

unsigned lock_held_count(void)
{
    return 0;
}
#endif

// The analysis can't see that pthread's calls are what the annotations promise.
void lock_acquire(struct lock *lock) NO_THREAD_ANALYSIS
{
    must_work(pthread_mutex_lock(&lock->mutex));
    note_held();
}

void lock_release(struct lock *lock) NO_THREAD_ANALYSIS
{
    note_released();
    must_work(pthread_mutex_unlock(&lock->mutex));
}

void condition_init(struct condition *condition)
{
    pthread_condattr_t attributes;
    must_work(pthread_condattr_init(&attributes));
    must_work(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    must_work(pthread_cond_init(&condition->cond, &attributes));
    pthread_condattr_destroy(&attributes);
}

void condition_destroy(struct condition *condition)
{
    must_work(pthread_cond_destroy(&condition->cond));
}

void condition_wait(struct condition *condition, struct lock *lock)
{
    must_work(pthread_cond_wait(&condition->cond, &lock->mutex));
}

bool condition_wait_until(struct condition *condition, struct lock *lock,
                          int64_t deadline_ms)
{
    if (deadline_ms == DEADLINE_NONE) {
        condition_wait(condition, lock);
        return true;
    }
    // By way of "how long from now", so that a replaced clock's deadlines have a meaning to
    // the kernel's.
    int64_t left_ms = deadline_ms - clock_now_ms();
    if (left_ms <= 0) {
        return false;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += left_ms / 1000;
    until.tv_nsec += left_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    int result = pthread_cond_timedwait(&condition->cond, &lock->mutex, &until);
    must_work(result == ETIMEDOUT ? 0 : result);
    return result == 0;
}

void condition_signal(struct condition *condition)
{
    must_work(pthread_cond_signal(&condition->cond));
}

void condition_broadcast(struct condition *condition)
{
    must_work(pthread_cond_broadcast(&condition->cond));
}
