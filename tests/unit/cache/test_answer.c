// SPDX-License-Identifier: Apache-2.0
// An answer names what the store has in memory instead of copying it.
#include "store_fixture.h"
#include "tests/unit/unit_test.h"

#include "cache/store_state.h"

enum { CHUNK = 40000, N = 16, RUN = N * CHUNK, RUNS = ANSWER_PARTS_MAX + 4, OBJECT = 3 };

static struct scratch scratch;
static bool has_disk; // else nothing is read ahead
static struct chunk_store *store;
static uint8_t *expected; // of all runs
static uint8_t *own;

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
    chunk_store_close(store);
    free(own);
    free(expected);
    scratch_remove(&scratch);
    return 0;
}

static bool is_in_memory(uint32_t run)
{
    struct object_id object = object_number(OBJECT);
    struct run_place place;
    struct run_slot *slot;
    assert_int_equal(store_locate(store, &object, run * N, &place), ERR_NONE);
    bool is = run_ahead_lend(store->ahead, place.segment, place.offset, &slot) != NULL;
    if (is) {
        run_ahead_return(store->ahead, slot, 0);
    }
    return is;
}

// Until they are in memory; nobody may read them meanwhile.
static void read_ahead(uint32_t first_run, uint32_t n)
{
    if (!has_disk) {
        skip();
    }
    struct object_id object = object_number(OBJECT);
    chunk_store_read_ahead(store, &object, first_run * N, 0, (size_t)n * RUN);
    for (uint32_t run = first_run; run < first_run + n; run++) {
        int tries = 0;
        while (!is_in_memory(run)) {
            assert_in_range(tries++, 0, 1000);
            sleep_ms(5);
        }
    }
}

static struct chunk_answer ask(size_t from, size_t len, bool may_lend)
{
    struct object_id object = object_number(OBJECT);
    struct chunk_answer answer = chunk_answer_init(own, may_lend);
    memset(own, 0x77, len);
    assert_int_equal(chunk_store_answer(store, &object, 0, from, len, &answer), ERR_NONE);
    assert_int_equal(answer.len, len);
    return answer;
}

static void assert_answer(const struct chunk_answer *answer, size_t from)
{
    size_t at = 0;
    for (unsigned i = 0; i < answer->n; i++) {
        const struct iovec *part = &answer->parts[i];
        assert_memory_equal(part->iov_base, expected + from + at, part->iov_len);
        assert_true(answer->lenders[i] || part->iov_base == own + at);
        at += part->iov_len;
    }
    assert_int_equal(at, answer->len);
}

static unsigned n_lent(const struct chunk_answer *answer)
{
    unsigned n = 0;
    for (unsigned i = 0; i < answer->n; i++) {
        n += answer->lenders[i] != NULL;
    }
    return n;
}

TEST(test_what_is_in_memory_is_lent_and_not_copied)
{
    read_ahead(0, 1);
    struct chunk_answer answer = ask(1000, RUN - 2000, true);
    assert_answer(&answer, 1000);
    assert_int_equal(answer.n, 1);
    assert_int_equal(n_lent(&answer), 1);
    assert_int_equal(own[0], 0x77);
    chunk_store_give_back(store, &answer);
    assert_int_equal(answer.n, 0);
    assert_int_equal(answer.len, 0);
}

TEST(test_who_takes_no_parts_gets_a_copy)
{
    read_ahead(0, 1);
    struct chunk_answer answer = ask(1000, 5000, false);
    assert_answer(&answer, 1000);
    assert_int_equal(answer.n, 1);
    assert_int_equal(n_lent(&answer), 0);
}

TEST(test_an_answer_goes_from_what_is_lent_to_what_is_on_the_disk_and_back)
{
    read_ahead(0, 1);
    read_ahead(2, 1);
    struct chunk_answer answer = ask(RUN - CHUNK, RUN + 2 * CHUNK, true);
    assert_answer(&answer, RUN - CHUNK);
    assert_int_equal(answer.n, 3);
    assert_int_equal(n_lent(&answer), 2);
    assert_null(answer.lenders[1]);
    assert_int_equal(answer.parts[1].iov_len, RUN);
    chunk_store_give_back(store, &answer);
}

TEST(test_an_answer_of_more_runs_than_parts_is_whole)
{
    read_ahead(0, RUNS);
    struct chunk_answer answer = ask(1000, (size_t)RUNS * RUN - 1000, true);
    assert_answer(&answer, 1000);
    assert_int_equal(answer.n, ANSWER_PARTS_MAX);
    assert_int_equal(n_lent(&answer), ANSWER_PARTS_MAX - 1);
    chunk_store_give_back(store, &answer);
}

TEST(test_what_is_lent_stays_as_it_is_whatever_comes)
{
    read_ahead(0, 1);
    struct chunk_answer answer = ask(0, RUN, true);
    for (int turn = 0; turn < 4; turn++) { // more than there are slots
        read_ahead(1, RUNS - 1);
        struct chunk_answer other = ask(RUN, (size_t)(RUNS - 1) * RUN, true);
        chunk_store_give_back(store, &other);
        run_ahead_clear(store->ahead);
    }
    run_ahead_tidy(store->ahead);
    run_ahead_tidy(store->ahead);
    assert_answer(&answer, 0);
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
