// SPDX-License-Identifier: Apache-2.0
// Threads that wait on one condition for two linked queues. All state is under one lock,
// which is never held while a job runs.

#include "base/worker_pool.h"

#include "base/lock.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { PRIORITIES = JOB_BACKGROUND + 1, THREAD_NAME_SIZE = 16 };

struct job_queue {
    struct job *first;
    struct job *last;
};

struct worker_pool {
    unsigned thread_count;
    char name[THREAD_NAME_SIZE];

    struct lock lock;
    struct job_queue queues[PRIORITIES] GUARDED_BY(lock);
    unsigned idle GUARDED_BY(lock); // threads that wait for work_or_end
    bool ending GUARDED_BY(lock);
    struct condition work_or_end;

    pthread_t threads[]; // thread_count of them
};

static struct job *take_job(struct worker_pool *pool) REQUIRES(pool->lock);
static struct job *take_job(struct worker_pool *pool)
{
    for (int i = 0; i < PRIORITIES; i++) {
        struct job_queue *queue = &pool->queues[i];
        struct job *job = queue->first;
        if (job != NULL) {
            queue->first = job->next;
            return job;
        }
    }
    return NULL;
}

// The next job; NULL when the pool ends and all are done.
static struct job *wait_for_job(struct worker_pool *pool)
{
    lock_acquire(&pool->lock);
    struct job *job = take_job(pool);
    while (job == NULL && !pool->ending) {
        pool->idle++;
        condition_wait(&pool->work_or_end, &pool->lock);
        pool->idle--;
        job = take_job(pool);
    }
    lock_release(&pool->lock);
    return job;
}

static void *work(void *ctx)
{
    struct worker_pool *pool = ctx;
    pthread_setname_np(pthread_self(), pool->name);
    for (struct job *job = wait_for_job(pool); job != NULL; job = wait_for_job(pool)) {
        job->run(job);
    }
    return NULL;
}

// The cores this process may use, which in a container are fewer than the machine has.
static unsigned core_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0) {
        return 1;
    }
    return (unsigned)CPU_COUNT(&set);
}

// Signals are the main thread's business: a thread inherits the mask it is made with.
static enum err start_threads(struct worker_pool *pool, unsigned wanted)
{
    sigset_t all;
    sigset_t before;
    int result = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool->thread_count < wanted && result == 0) {
        result = pthread_create(&pool->threads[pool->thread_count], NULL, work, pool);
        pool->thread_count += result == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err_from_errno(result);
}

enum err worker_pool_new(unsigned threads, const char *name, struct worker_pool **out)
{
    unsigned wanted = threads == 0 ? core_count() : threads;
    struct worker_pool *pool =
        calloc(1, sizeof(*pool) + wanted * sizeof(pool->threads[0]));
    if (pool == NULL) {
        return ERR_NO_MEMORY;
    }
    snprintf(pool->name, sizeof(pool->name), "%s", name);
    lock_init(&pool->lock);
    condition_init(&pool->work_or_end);
    enum err err = start_threads(pool, wanted);
    if (err != ERR_NONE) {
        worker_pool_free(pool);
        return err;
    }
    *out = pool;
    return ERR_NONE;
}

void worker_pool_free(struct worker_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    lock_acquire(&pool->lock);
    pool->ending = true;
    condition_broadcast(&pool->work_or_end);
    lock_release(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++) {
        pthread_join(pool->threads[i], NULL);
    }
    condition_destroy(&pool->work_or_end);
    lock_destroy(&pool->lock);
    free(pool);
}

void worker_pool_submit(struct worker_pool *pool, struct job *job,
                        enum job_priority priority)
{
    job->next = NULL;
    lock_acquire(&pool->lock);
    struct job_queue *queue = &pool->queues[priority];
    if (queue->first == NULL) {
        queue->first = job;
    } else {
        queue->last->next = job;
    }
    queue->last = job;
    if (pool->idle > 0) {
        // Under the lock: once released, the job may end and its owner free the pool.
        condition_signal(&pool->work_or_end);
    }
    lock_release(&pool->lock);
}

unsigned worker_pool_threads(const struct worker_pool *pool)
{
    return pool->thread_count;
}
