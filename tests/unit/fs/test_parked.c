// SPDX-License-Identifier: Apache-2.0
// Requests here are numbers in disguise: parked.c never looks into a handle.
#include "fs/parked.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

enum { REQUESTS = 20000, TIMEOUT_MS = 1000 };

static atomic_int replies[REQUESTS]; // how often each was answered
static _Atomic(enum err) answers[REQUESTS];
static uint64_t armed_id;         // of the last request that was armed
static struct parked *interrupts; // interrupt at once while arming
static int64_t now_us;

static struct fuse_req *request(uintptr_t number)
{
    return (struct fuse_req *)(number + 1);
}

static void record(struct fuse_req *req, enum err err)
{
    uintptr_t number = (uintptr_t)req - 1;
    atomic_fetch_add(&replies[number], 1);
    atomic_store(&answers[number], err);
}

static void arm(struct fuse_req *req, uint64_t id)
{
    (void)req;
    armed_id = id;
    if (interrupts != NULL) {
        parked_interrupt(interrupts, id);
    }
}

static int64_t fake_clock(void)
{
    return now_us;
}

static int setup(void **state)
{
    static const struct parked_verbs verbs = {record, arm};
    for (int i = 0; i < REQUESTS; i++) {
        atomic_store(&replies[i], 0);
        atomic_store(&answers[i], ERR_NONE);
    }
    interrupts = NULL;
    now_us = 1000000;
    clock_replace(fake_clock);
    return parked_new(NULL, &verbs, TIMEOUT_MS, (struct parked **)state) == ERR_NONE ? 0
                                                                                     : -1;
}

static int teardown(void **state)
{
    clock_replace(NULL);
    parked_close(*state);
    parked_free(*state);
    return 0;
}

static void answer(struct parked *parked, struct fuse_req *req)
{
    record(req, ERR_NONE);
    parked_replied(parked);
}

static void who_takes_a_request_gets_it_once(void **state)
{
    struct parked *parked = *state;
    parked_id id = parked_add(parked, request(0), "read", 7, PARKED_IS_READ);
    assert_int_not_equal(id, 0);
    struct fuse_req *req = parked_take(parked, id, ERR_NONE);
    assert_ptr_equal(req, request(0));
    assert_null(parked_take(parked, id, ERR_NONE));
    assert_null(parked_withdraw(parked, id));
    answer(parked, req);
    assert_int_equal(atomic_load(&replies[0]), 1);
}

static void a_stale_id_does_not_reach_the_slot_s_next_request(void **state)
{
    struct parked *parked = *state;
    parked_id old = parked_add(parked, request(0), "read", 7, 0);
    answer(parked, parked_take(parked, old, ERR_NONE));
    parked_id new = parked_add(parked, request(1), "read", 7, 0);
    assert_int_not_equal(old, new);
    assert_null(parked_take(parked, old, ERR_NONE));
    assert_null(parked_take(parked, 0, ERR_NONE));
    assert_null(parked_take(parked, UINT64_MAX, ERR_NONE));
    answer(parked, parked_take(parked, new, ERR_NONE));
}

static void a_deadline_answers_with_a_timeout_and_only_then(void **state)
{
    struct parked *parked = *state;
    parked_id first = parked_add(parked, request(0), "lookup", 7, 0);
    now_us += 500 * 1000;
    parked_id second = parked_add(parked, request(1), "lookup", 7, 0);
    assert_int_equal(parked_expire(parked, 1999), 2000);
    assert_int_equal(atomic_load(&replies[0]), 0);
    assert_int_equal(parked_expire(parked, 2000), 2500);
    assert_int_equal(atomic_load(&replies[0]), 1);
    assert_int_equal(atomic_load(&answers[0]), ERR_TIMEOUT);
    assert_null(parked_take(parked, first, ERR_NONE));
    answer(parked, parked_take(parked, second, ERR_NONE));
    assert_true(parked_expire(parked, 9999) == DEADLINE_NONE);
    assert_int_equal(atomic_load(&replies[1]), 1);
}

static void an_interrupt_answers_at_once(void **state)
{
    struct parked *parked = *state;
    parked_id id = parked_add(parked, request(0), "lookup", 7, PARKED_CAN_INTERRUPT);
    assert_int_equal(armed_id, id);
    parked_interrupt(parked, id);
    assert_int_equal(atomic_load(&answers[0]), ERR_INTERRUPTED);
    assert_null(parked_take(parked, id, ERR_NONE));
    parked_interrupt(parked, id);
    assert_int_equal(atomic_load(&replies[0]), 1);
}

static unsigned let_go_early;
static unsigned let_go_late;

static void count_let_go(void *ctx, uint64_t ticket, bool is_early)
{
    (void)ctx;
    assert_int_equal(ticket, 5);
    *(is_early ? &let_go_early : &let_go_late) += 1;
}

static void what_is_held_is_let_go_once_and_told_whether_it_was_early(void **state)
{
    struct parked *parked = *state;
    struct parked_hold hold = {count_let_go, NULL, 5};
    let_go_early = let_go_late = 0;
    parked_id killed = parked_add(parked, request(0), "read", 7, PARKED_CAN_INTERRUPT);
    parked_set_hold(parked, killed, &hold);
    parked_interrupt(parked, killed);
    assert_int_equal(let_go_early, 1);
    parked_id served = parked_add(parked, request(1), "read", 7, 0);
    parked_set_hold(parked, served, &hold);
    parked_set_hold(parked, served, &hold); // instead of the first one
    assert_int_equal(let_go_late, 1);
    answer(parked, parked_take(parked, served, ERR_NONE));
    assert_int_equal(let_go_late, 2);
    parked_set_hold(parked, served, &hold); // too late
    assert_int_equal(let_go_early, 2);
    assert_int_equal(let_go_late, 2);
}

static void an_interrupt_that_comes_while_arming_is_not_lost(void **state)
{
    struct parked *parked = *state;
    interrupts = parked;
    assert_int_equal(parked_add(parked, request(0), "lookup", 7, PARKED_CAN_INTERRUPT),
                     0);
    assert_int_equal(atomic_load(&replies[0]), 1);
    assert_int_equal(atomic_load(&answers[0]), ERR_INTERRUPTED);
}

static void a_request_without_the_flag_is_not_armed(void **state)
{
    struct parked *parked = *state;
    armed_id = 0;
    parked_id id = parked_add(parked, request(0), "read", 7, PARKED_IS_READ);
    assert_int_equal(armed_id, 0);
    answer(parked, parked_withdraw(parked, id));
}

static void closing_answers_everything_and_refuses_more(void **state)
{
    struct parked *parked = *state;
    for (uintptr_t i = 0; i < 200; i++) {
        assert_int_not_equal(parked_add(parked, request(i), "read", i, PARKED_IS_READ),
                             0);
    }
    uint32_t all;
    uint32_t reads;
    parked_count(parked, &all, &reads);
    assert_int_equal(all, 200);
    assert_int_equal(reads, 200);
    parked_close(parked);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(atomic_load(&replies[i]), 1);
        assert_int_equal(atomic_load(&answers[i]), ERR_CANCELLED);
    }
    assert_int_equal(parked_add(parked, request(200), "read", 1, 0), 0);
    assert_int_equal(atomic_load(&answers[200]), ERR_CANCELLED);
    parked_count(parked, &all, &reads);
    assert_int_equal(all + reads, 0);
}

struct trace {
    unsigned calls;
    int64_t waited_ms;
    enum err err;
};

static void note_trace(void *ctx, const char *operation, uint64_t ino, int64_t waited_ms,
                       enum err err)
{
    struct trace *trace = ctx;
    assert_string_equal(operation, "read");
    assert_int_equal(ino, 7);
    trace->calls++;
    trace->waited_ms = waited_ms;
    trace->err = err;
}

static void only_what_had_to_wait_is_traced(void **state)
{
    struct parked *parked = *state;
    struct trace trace = {0};
    parked_set_trace(parked, note_trace, &trace);
    answer(parked, parked_withdraw(parked, parked_add(parked, request(0), "read", 7, 0)));
    assert_int_equal(trace.calls, 0);
    parked_id id = parked_add(parked, request(1), "read", 7, 0);
    now_us += 250 * 1000;
    answer(parked, parked_take(parked, id, ERR_OFFLINE));
    assert_int_equal(trace.calls, 1);
    assert_int_equal(trace.waited_ms, 250);
    assert_int_equal(trace.err, ERR_OFFLINE);
}

// Completions, interrupts and the deadline race for every request: one reply each.

struct race {
    struct parked *parked;
    _Atomic(parked_id) ids[REQUESTS];
    atomic_bool is_over;
};

static void *race_complete(void *ctx)
{
    struct race *race = ctx;
    while (!atomic_load(&race->is_over)) {
        for (int i = 0; i < REQUESTS; i++) {
            struct fuse_req *req =
                parked_take(race->parked, atomic_load(&race->ids[i]), ERR_NONE);
            if (req != NULL) {
                answer(race->parked, req);
            }
        }
    }
    return NULL;
}

static void *race_interrupt(void *ctx)
{
    struct race *race = ctx;
    while (!atomic_load(&race->is_over)) {
        for (int i = 0; i < REQUESTS; i += 3) {
            parked_interrupt(race->parked, atomic_load(&race->ids[i]));
        }
        (void)parked_expire(race->parked, INT64_MAX - 1);
    }
    return NULL;
}

static void there_is_one_reply_whoever_wins(void **state)
{
    static struct race race;
    race.parked = *state;
    atomic_store(&race.is_over, false);
    pthread_t threads[2];
    assert_int_equal(pthread_create(&threads[0], NULL, race_complete, &race), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, race_interrupt, &race), 0);
    for (uintptr_t i = 0; i < REQUESTS; i++) {
        atomic_store(&race.ids[i],
                     parked_add(race.parked, request(i), "read", i, PARKED_IS_READ));
    }
    atomic_store(&race.is_over, true);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    parked_close(race.parked);
    for (int i = 0; i < REQUESTS; i++) {
        assert_int_equal(atomic_load(&replies[i]), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_takes_a_request_gets_it_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_stale_id_does_not_reach_the_slot_s_next_request,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_deadline_answers_with_a_timeout_and_only_then,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_interrupt_answers_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_is_held_is_let_go_once_and_told_whether_it_was_early, setup, teardown),
        cmocka_unit_test_setup_teardown(an_interrupt_that_comes_while_arming_is_not_lost,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_without_the_flag_is_not_armed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(closing_answers_everything_and_refuses_more,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(only_what_had_to_wait_is_traced, setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_one_reply_whoever_wins, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
