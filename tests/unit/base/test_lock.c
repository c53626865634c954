// SPDX-License-Identifier: Apache-2.0

#include "base/clock.h"
#include "base/lock.h"
#include "tests/unit/unit_test.h"

#include <pthread.h>

struct shared {
    struct lock lock;
    struct condition changed;
    int number;
};

static void open_shared(struct shared *shared)
{
    shared->number = 0;
    lock_init(&shared->lock);
    condition_init(&shared->changed);
}

static void close_shared(struct shared *shared)
{
    condition_destroy(&shared->changed);
    lock_destroy(&shared->lock);
}

TEST(test_a_wait_ends_at_its_deadline)
{
    struct shared shared;
    open_shared(&shared);
    int64_t before_ms = clock_now_ms();
    lock_acquire(&shared.lock);
    assert_false(condition_wait_until(&shared.changed, &shared.lock, before_ms + 30));
    lock_release(&shared.lock);
    assert_true(clock_now_ms() >= before_ms + 30);
    close_shared(&shared);
}

TEST(test_a_deadline_in_the_past_does_not_wait)
{
    struct shared shared;
    open_shared(&shared);
    lock_acquire(&shared.lock);
    assert_false(condition_wait_until(&shared.changed, &shared.lock, 0));
    assert_false(condition_wait_until(&shared.changed, &shared.lock, INT64_MIN / 2));
    lock_release(&shared.lock);
    close_shared(&shared);
}

static void *set_number(void *ctx)
{
    struct shared *shared = ctx;
    lock_acquire(&shared->lock);
    shared->number = 1;
    condition_signal(&shared->changed);
    lock_release(&shared->lock);
    return NULL;
}

static void wait_for_number(int64_t deadline_ms)
{
    struct shared shared;
    pthread_t thread;
    open_shared(&shared);
    lock_acquire(&shared.lock);
    assert_int_equal(pthread_create(&thread, NULL, set_number, &shared), 0);
    while (shared.number == 0) {
        assert_true(condition_wait_until(&shared.changed, &shared.lock, deadline_ms));
    }
    lock_release(&shared.lock);
    pthread_join(thread, NULL);
    close_shared(&shared);
}

TEST(test_a_signal_ends_a_wait_before_its_deadline)
{
    wait_for_number(clock_now_ms() + 60000);
    wait_for_number(DEADLINE_NONE);
}

static void *count_held(void *ctx)
{
    *(unsigned *)ctx = lock_held_count();
    return NULL;
}

static unsigned count_on_another_thread(void)
{
    pthread_t thread;
    unsigned n = 99;
    assert_int_equal(pthread_create(&thread, NULL, count_held, &n), 0);
    pthread_join(thread, NULL);
    return n;
}

#ifdef NDEBUG
enum { COUNTED = 0 };
#else
enum { COUNTED = 1 };
#endif

TEST(test_a_debug_build_counts_the_locks_that_a_thread_holds)
{
    struct shared outer;
    struct shared inner;
    open_shared(&outer);
    open_shared(&inner);
    assert_int_equal(lock_held_count(), 0);
    lock_acquire(&outer.lock);
    lock_acquire(&inner.lock);
    assert_int_equal(lock_held_count(), 2 * COUNTED);
    assert_int_equal(count_on_another_thread(), 0);
    lock_release(&outer.lock); // the order does not matter
    assert_int_equal(lock_held_count(), COUNTED);
    lock_release(&inner.lock);
    assert_int_equal(lock_held_count(), 0);
    close_shared(&inner);
    close_shared(&outer);
}

TEST(test_after_a_wait_the_lock_is_held_once)
{
    struct shared shared;
    open_shared(&shared);
    lock_acquire(&shared.lock);
    assert_false(
        condition_wait_until(&shared.changed, &shared.lock, clock_now_ms() + 10));
    assert_int_equal(lock_held_count(), COUNTED);
    lock_release(&shared.lock);
    assert_int_equal(lock_held_count(), 0);
    close_shared(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wait_ends_at_its_deadline),
        cmocka_unit_test(test_a_deadline_in_the_past_does_not_wait),
        cmocka_unit_test(test_a_signal_ends_a_wait_before_its_deadline),
        cmocka_unit_test(test_a_debug_build_counts_the_locks_that_a_thread_holds),
        cmocka_unit_test(test_after_a_wait_the_lock_is_held_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
