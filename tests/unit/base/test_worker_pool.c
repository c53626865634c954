// SPDX-License-Identifier: Apache-2.0

#include "base/lock.h"
#include "base/worker_pool.h"
#include "tests/unit/unit_test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

// A job that writes its letter down; the first of a test waits until it is let go.
struct letter_job {
    struct job job;
    char letter;
    struct page *page;
};

struct page {
    struct lock lock;
    struct condition let_go;
    bool is_free;
    char text[32];
    size_t len;
};

static void write_letter(struct job *job)
{
    struct letter_job *letter = (struct letter_job *)job;
    lock_acquire(&letter->page->lock);
    while (!letter->page->is_free) {
        condition_wait(&letter->page->let_go, &letter->page->lock);
    }
    letter->page->text[letter->page->len++] = letter->letter;
    lock_release(&letter->page->lock);
}

TEST(test_what_a_reader_waits_for_goes_first_and_each_queue_keeps_its_order)
{
    struct worker_pool *pool = NULL;
    struct page page = {0};
    struct letter_job jobs[8];
    lock_init(&page.lock);
    condition_init(&page.let_go);
    assert_ok(worker_pool_new(1, "test", &pool));
    for (size_t i = 0; i < 8; i++) {
        jobs[i] = (struct letter_job){{write_letter, NULL}, "bDbDcEcE"[i], &page};
        worker_pool_submit(pool, &jobs[i].job, i % 2 == 0 ? JOB_BACKGROUND : JOB_DEMAND);
    }
    lock_acquire(&page.lock);
    page.is_free = true;
    condition_broadcast(&page.let_go);
    lock_release(&page.lock);
    worker_pool_free(pool); // runs what is queued
    // The thread may have taken any job as its first; the others are in order.
    assert_int_equal(page.len, 8);
    const char *rest = page.text[0] == 'b' ? page.text + 1 : page.text;
    assert_string_equal(rest, page.text[0] == 'b' ? "DDEEbcc" : "DDEEbbcc");
    condition_destroy(&page.let_go);
    lock_destroy(&page.lock);
}

enum { JOBS = 20000 };

struct counting_job {
    struct job job;
    atomic_int *count;
};

static void count_up(struct job *job)
{
    atomic_fetch_add(((struct counting_job *)job)->count, 1);
}

TEST(test_every_job_runs_once)
{
    static struct counting_job jobs[JOBS];
    struct worker_pool *pool = NULL;
    atomic_int count = 0;
    assert_ok(worker_pool_new(4, "test", &pool));
    for (size_t i = 0; i < JOBS; i++) {
        jobs[i] = (struct counting_job){{count_up, NULL}, &count};
        worker_pool_submit(pool, &jobs[i].job, (enum job_priority)(i % 2));
    }
    worker_pool_free(pool);
    assert_int_equal(count, JOBS);
}

struct chain_job {
    struct job job;
    struct worker_pool *pool;
    atomic_int *left;
};

static void submit_itself(struct job *job)
{
    struct chain_job *chain = (struct chain_job *)job;
    if (atomic_fetch_sub(chain->left, 1) > 1) {
        worker_pool_submit(chain->pool, job, JOB_BACKGROUND);
    }
}

TEST(test_a_job_may_submit_itself_again)
{
    struct worker_pool *pool = NULL;
    atomic_int left = 1000;
    assert_ok(worker_pool_new(2, "test", &pool));
    struct chain_job chain = {{submit_itself, NULL}, pool, &left};
    worker_pool_submit(pool, &chain.job, JOB_DEMAND);
    while (atomic_load(&left) > 0) {
        sched_yield();
    }
    worker_pool_free(pool);
    assert_int_equal(left, 0);
}

struct looking_job {
    struct job job;
    char thread_name[16];
    int blocks_sigterm;
};

static void look_around(struct job *job)
{
    struct looking_job *looking = (struct looking_job *)job;
    sigset_t blocked;
    pthread_getname_np(pthread_self(), looking->thread_name,
                       sizeof(looking->thread_name));
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    looking->blocks_sigterm = sigismember(&blocked, SIGTERM);
}

TEST(test_threads_have_the_pools_name_and_leave_signals_to_the_main_thread)
{
    struct worker_pool *pool = NULL;
    struct looking_job looking = {.job = {look_around, NULL}};
    sigset_t blocked;
    assert_ok(worker_pool_new(1, "a-name-that-is-too-long", &pool));
    worker_pool_submit(pool, &looking.job, JOB_DEMAND);
    worker_pool_free(pool);
    assert_string_equal(looking.thread_name, "a-name-that-is-");
    assert_true(looking.blocks_sigterm);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_false(sigismember(&blocked, SIGTERM));
}

TEST(test_without_a_number_there_is_a_thread_for_each_core)
{
    struct worker_pool *pool = NULL;
    assert_ok(worker_pool_new(0, "test", &pool));
    assert_true(worker_pool_threads(pool) >= 1);
    worker_pool_free(pool);
    worker_pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_what_a_reader_waits_for_goes_first_and_each_queue_keeps_its_order),
        cmocka_unit_test(test_every_job_runs_once),
        cmocka_unit_test(test_a_job_may_submit_itself_again),
        cmocka_unit_test(
            test_threads_have_the_pools_name_and_leave_signals_to_the_main_thread),
        cmocka_unit_test(test_without_a_number_there_is_a_thread_for_each_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
