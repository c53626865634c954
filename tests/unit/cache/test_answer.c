// SPDX-License-Identifier: Apache-2.0
// An answer names what the store has in memory instead of copying it.
#include "read_ahead_fixture.h"
#include "tests/unit/unit_test.h"

enum { CHUNK = 20000, N = 16, RUN = N * CHUNK, RUNS = 40, BATCH = 13, OBJECT = 3 };

static struct scratch scratch;
static bool has_disk; // else nothing is read ahead
static struct chunk_store *store;
static uint8_t *expected; // of all runs
static uint8_t *own;
static struct chunk_answer answer; // given back after a test that fails, too

static void put_runs(void)
{
    struct object_id object = object_number(OBJECT);
    for (uint32_t run = 0; run < RUNS; run++) {
        uint32_t ends[N];
        struct digest hashes[N] = {0};
        uint8_t *data = expected + (size_t)run * RUN;
        for (uint32_t i = 0; i < N; i++) {
            fill_chunk(OBJECT, run * N + i, data + i * CHUNK, CHUNK);
            ends[i] = (i + 1) * CHUNK;
        }
        assert_int_equal(
            chunk_store_put(store, &object, run * N, N, ends, hashes, data, RUN),
            ERR_NONE);
    }
}

static int begin(void **state)
{
    (void)state;
    scratch = scratch_make();
    expected = malloc((size_t)RUNS * RUN);
    own = malloc((size_t)RUNS * RUN);
    store = open_store(scratch.dir, 512 * MIB_BYTES);
    put_runs();
    chunk_store_close(store);
    has_disk = leave_page_cache(scratch.dir);
    store = open_store(scratch.dir, 512 * MIB_BYTES);
    return 0;
}

static int end(void **state)
{
    (void)state;
    chunk_store_give_back(store, &answer);
    chunk_store_close(store);
    free(own);
    free(expected);
    scratch_remove(&scratch);
    return 0;
}

// Until all of them are in memory; nobody may read them meanwhile. Asked for again, for the store gives
// unused memory back after a second or two.
static void read_ahead(uint32_t first_run, uint32_t n)
{
    if (!has_disk) {
        skip();
    }
    struct object_id object = object_number(OBJECT);
    uint32_t here = 0;
    for (int tries = 0; here < n; tries++) {
        assert_in_range(tries, 0, 2000);
        if (tries % 100 == 0) {
            chunk_store_read_ahead(store, &object, first_run * N, 0, (size_t)n * RUN);
        }
        sleep_ms(5);
        for (here = 0; here < n && is_in_memory(store, OBJECT, (first_run + here) * N);
             here++) {
        }
    }
}

// What nobody is lent any more is freed when nobody uses it.
static void assert_all_was_given_back(uint32_t run)
{
    run_ahead_tidy(store->ahead);
    run_ahead_tidy(store->ahead);
    assert_false(is_in_memory(store, OBJECT, run * N));
}

static void ask(size_t from, size_t len, bool may_lend)
{
    struct object_id object = object_number(OBJECT);
    answer = chunk_answer_init(own, may_lend);
    memset(own, 0x77, len);
    assert_int_equal(chunk_store_answer(store, &object, 0, from, len, &answer), ERR_NONE);
    assert_int_equal(answer.len, len);
}

static void assert_answer(size_t from)
{
    size_t at = 0;
    for (unsigned i = 0; i < answer.n; i++) {
        const struct iovec *part = &answer.parts[i];
        assert_memory_equal(part->iov_base, expected + from + at, part->iov_len);
        assert_true(answer.lenders[i] || part->iov_base == own + at);
        at += part->iov_len;
    }
    assert_int_equal(at, answer.len);
}

static unsigned n_lent(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < answer.n; i++) {
        n += answer.lenders[i] != NULL;
    }
    return n;
}

TEST(test_what_is_in_memory_is_lent_and_not_copied)
{
    read_ahead(0, 1);
    ask(1000, RUN - 2000, true);
    assert_answer(1000);
    assert_int_equal(answer.n, 1);
    assert_int_equal(n_lent(), 1);
    assert_int_equal(own[0], 0x77);
    chunk_store_give_back(store, &answer);
    assert_int_equal(answer.n, 0);
    assert_int_equal(answer.len, 0);
    assert_all_was_given_back(0);
}

TEST(test_who_takes_no_parts_gets_a_copy)
{
    read_ahead(0, 1);
    ask(1000, 5000, false);
    assert_answer(1000);
    assert_int_equal(answer.n, 1);
    assert_int_equal(n_lent(), 0);
    assert_all_was_given_back(0);
}

TEST(test_an_answer_goes_from_what_is_lent_to_what_is_on_the_disk_and_back)
{
    read_ahead(0, 1);
    read_ahead(2, 1);
    ask(RUN - CHUNK, RUN + 2 * CHUNK, true);
    assert_answer(RUN - CHUNK);
    assert_int_equal(answer.n, 3);
    assert_int_equal(n_lent(), 2);
    assert_null(answer.lenders[1]);
    assert_int_equal(answer.parts[1].iov_len, RUN);
    chunk_store_give_back(store, &answer);
}

TEST(test_an_answer_of_more_runs_than_parts_is_whole)
{
    enum { MANY = ANSWER_PARTS_MAX + 4 };
    read_ahead(0, MANY);
    ask(1000, MANY * RUN - 1000, true);
    assert_answer(1000);
    assert_int_equal(answer.n, ANSWER_PARTS_MAX);
    assert_int_equal(n_lent(), ANSWER_PARTS_MAX - 1);
    chunk_store_give_back(store, &answer);
    assert_all_was_given_back(0);
}

TEST(test_what_is_lent_stays_as_it_is_whatever_comes)
{
    read_ahead(0, 1);
    ask(0, RUN, true);
    for (uint32_t run = 1; run + BATCH <= RUNS;
         run += BATCH) { // more than there are slots
        read_ahead(run, BATCH);
    }
    run_ahead_clear(store->ahead);
    run_ahead_tidy(store->ahead);
    run_ahead_tidy(store->ahead);
    assert_int_equal(n_lent(), 1);
    assert_answer(0);
    chunk_store_give_back(store, &answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_in_memory_is_lent_and_not_copied,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_who_takes_no_parts_gets_a_copy, begin, end),
        cmocka_unit_test_setup_teardown(
            test_an_answer_goes_from_what_is_lent_to_what_is_on_the_disk_and_back, begin,
            end),
        cmocka_unit_test_setup_teardown(test_an_answer_of_more_runs_than_parts_is_whole,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_lent_stays_as_it_is_whatever_comes,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
