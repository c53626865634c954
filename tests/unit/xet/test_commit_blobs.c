// SPDX-License-Identifier: Apache-2.0
// Small files that come together: read from the store, waited for, or fetched one by one when it
// does not work.

#include "tests/unit/xet/engine_fixture.h"
#include "tests/unit/xet/fake_file.h"
#include "xet/xet.h"

enum { FILES = 20, LIMIT = 65536 };

static struct fake_file *contents[FILES];
static struct xet_file *files[FILES];

// Files of 1 to 5,700 bytes, and a last one that is not small.
static void open_files(void)
{
    for (uint64_t i = 0; i < FILES; i++) {
        contents[i] = add_file(100 + i, i == FILES - 1 ? 70000 : 1 + 300 * i, FAKE_PLAIN);
        files[i] = engine_world_open(&world, contents[i], false, false);
    }
}

static void close_files(void)
{
    for (size_t i = 0; i < FILES; i++) {
        xet_file_put(world.xet, files[i]);
    }
}

struct together {
    struct lock lock;
    struct condition over;
    unsigned called GUARDED_BY(lock);
    enum err err GUARDED_BY(lock);
};

static void on_together(void *ctx, enum err err, const struct why *why)
{
    struct together *together = ctx;
    (void)why;
    lock_acquire(&together->lock);
    together->called++;
    together->err = err;
    condition_signal(&together->over);
    lock_release(&together->lock);
}

static void begin_together(struct together *together)
{
    *together = (struct together){.called = 0};
    lock_init(&together->lock);
    condition_init(&together->over);
    xet_fetch_small(world.xet, &ENGINE_SOURCE.hub, LIMIT, 300000, on_together, together);
}

static enum err await_together(struct together *together)
{
    lock_acquire(&together->lock);
    while (together->called == 0) {
        condition_wait(&together->over, &together->lock);
    }
    enum err err = together->err;
    lock_release(&together->lock);
    condition_destroy(&together->over);
    lock_destroy(&together->lock);
    return err;
}

static void read_all_but_the_last(void)
{
    for (size_t i = 0; i < FILES - 1; i++) {
        assert_ok(engine_read_all(&world, files[i], contents[i], 0,
                                  fake_file_size(contents[i]), NULL));
    }
}

TEST(test_what_came_together_is_read_without_a_request)
{
    struct together together;
    open_files();
    begin_together(&together);
    assert_ok(await_together(&together));
    read_all_but_the_last();
    assert_int_equal(fake_hub_counts(world.hub).git_fetches, 1);
    assert_int_equal(fake_hub_counts(world.hub).ranges, 0);
    close_files();
}

TEST(test_readers_of_small_files_wait_for_it_and_the_others_do_not)
{
    struct together together;
    struct engine_read small;
    struct engine_read large;
    open_files();
    fake_hub_hold(world.hub, true);
    begin_together(&together);
    engine_read_init(&small, &world, files[3], 0, fake_file_size(contents[3]));
    engine_read_init(&large, &world, files[FILES - 1], 0, 1000);
    assert_false(engine_read_begin(&small));
    assert_false(engine_read_begin(&large));
    assert_int_equal(fake_hub_counts(world.hub).ranges, 1);
    fake_hub_hold(world.hub, false);
    engine_read_finish(&small);
    engine_read_finish(&large);
    assert_ok(small.err);
    assert_ok(large.err);
    assert_ok(await_together(&together));
    assert_int_equal(fake_hub_counts(world.hub).ranges, 1);
    engine_read_release(&small);
    engine_read_release(&large);
    close_files();
}

// They are more than may be under way at a time.
TEST(test_those_who_wait_hold_nobody_else_up)
{
    enum { READERS = 100 };
    static struct engine_read small[READERS];
    struct together together;
    struct engine_read large;
    struct xet_file *opened[READERS];
    for (uint64_t i = 0; i < READERS; i++) {
        struct fake_file *content = add_file(1000 + i, 100 + i, FAKE_PLAIN);
        opened[i] = engine_world_open(&world, content, false, false);
    }
    struct xet_file *file =
        engine_world_open(&world, add_file(7, 200000, FAKE_PLAIN), true, false);
    fake_hub_hold(world.hub, true);
    begin_together(&together);
    for (size_t i = 0; i < READERS; i++) {
        engine_read_init(&small[i], &world, opened[i], 0, 50);
        assert_false(engine_read_begin(&small[i]));
    }
    engine_read_init(&large, &world, file, 0, 1000);
    assert_false(engine_read_begin(&large));
    assert_int_equal(fake_hub_counts(world.hub).plans, 1);
    fake_hub_hold(world.hub, false);
    for (size_t i = 0; i < READERS; i++) {
        engine_read_finish(&small[i]);
        assert_ok(small[i].err);
        engine_read_release(&small[i]);
        xet_file_put(world.xet, opened[i]);
    }
    engine_read_finish(&large);
    assert_ok(large.err);
    engine_read_release(&large);
    xet_file_put(world.xet, file);
    assert_ok(await_together(&together));
    assert_int_equal(fake_hub_counts(world.hub).git_fetches, 1);
}

TEST(test_who_waits_for_what_has_come_does_not_wait_for_the_rest)
{
    enum { FIRST = FILES - 2 }; // the newest small one
    struct together together;
    struct engine_read first;
    struct engine_read late;
    open_files();
    fake_hub_hold_git(world.hub, true);
    fake_hub_hold(world.hub, true);
    begin_together(&together);
    engine_read_init(&first, &world, files[FIRST], 0, fake_file_size(contents[FIRST]));
    engine_read_init(&late, &world, files[0], 0, fake_file_size(contents[0]));
    assert_false(engine_read_begin(&first));
    assert_false(engine_read_begin(&late));
    fake_hub_hold(world.hub, false);
    engine_read_finish(&first);
    assert_ok(first.err);
    fake_hub_hold_git(world.hub, false);
    engine_read_finish(&late);
    assert_ok(late.err);
    assert_ok(await_together(&together));
    assert_int_equal(fake_hub_counts(world.hub).ranges, 0);
    engine_read_release(&first);
    engine_read_release(&late);
    close_files();
}

// Only so many are begun at a time; when those have come, the others turn out to be here, all at once.
TEST(test_thousands_that_somebody_else_has_stored_end_one_after_the_other)
{
    enum { READERS = 4000, BEGUN = 64 };
    static struct engine_read reads[READERS];
    static struct fake_file *stored[READERS];
    static struct xet_file *opened[READERS];
    fake_hub_hold(world.hub, true);
    for (uint64_t i = 0; i < READERS; i++) {
        stored[i] = add_file(10000 + i, 100, FAKE_PLAIN);
        opened[i] = engine_world_open(&world, stored[i], false, false);
        engine_read_init(&reads[i], &world, opened[i], 0, 50);
        assert_false(engine_read_begin(&reads[i]));
    }
    for (size_t i = BEGUN; i < READERS; i++) {
        struct object_id name = object_of_git_blob(&stored[i]->oid);
        assert_ok(chunk_store_put_blob(world.store, &name, 0, stored[i]->bytes, 100));
    }
    fake_hub_hold(world.hub, false);
    for (size_t i = 0; i < READERS; i++) {
        end_read(&reads[i]);
        xet_file_put(world.xet, opened[i]);
    }
    assert_int_equal(fake_hub_counts(world.hub).ranges, BEGUN);
}

TEST(test_pointers_of_large_files_are_not_kept)
{
    struct together together;
    struct oid pointer = fake_hub_pointer();
    struct object_id name = object_of_git_blob(&pointer);
    uint32_t n = 0;
    uint64_t bytes = 0;
    open_files();
    begin_together(&together);
    assert_ok(await_together(&together));
    chunk_store_extent(world.store, &name, 0, 1, &n, &bytes);
    assert_int_equal(n, 0);
    close_files();
}

TEST(test_a_leaf_that_was_loaded_before_does_not_hide_what_came)
{
    struct together together;
    struct xet_file_info info;
    uint8_t byte = 0;
    struct chunk_answer answer = chunk_answer_init(&byte, false);
    open_files();
    assert_err(xet_file_read_now(files[5], 0, 1, &answer, NULL), ERR_ABSENT);
    begin_together(&together);
    assert_ok(await_together(&together));
    assert_ok(engine_read_all(&world, files[5], contents[5], 0, 1, NULL));
    xet_file_info(files[5], &info);
    assert_int_equal(info.cached_bytes, fake_file_size(contents[5]));
    assert_int_equal(fake_hub_counts(world.hub).ranges, 0);
    close_files();
}

TEST(test_when_it_fails_whoever_waited_gets_the_file_by_itself)
{
    struct together together;
    struct engine_read read;
    struct fake_file *content = add_file(7, 5000, FAKE_PLAIN);
    struct xet_file *file = engine_world_open(&world, content, false, false);
    fake_hub_fault(world.hub, FAULT_PLAN_FAILS, 1, ERR_UNSUPPORTED);
    fake_hub_hold(world.hub, true);
    begin_together(&together);
    engine_read_init(&read, &world, file, 0, 5000);
    assert_false(engine_read_begin(&read));
    assert_int_equal(fake_hub_counts(world.hub).ranges, 0);
    fake_hub_hold(world.hub, false);
    engine_read_finish(&read);
    assert_ok(read.err);
    assert_err(await_together(&together), ERR_UNSUPPORTED);
    assert_int_equal(fake_hub_counts(world.hub).ranges, 1);
    engine_read_release(&read);
    xet_file_put(world.xet, file);
}

TEST(test_the_engine_can_stop_while_readers_wait_for_it)
{
    struct together together;
    struct engine_read read;
    open_files();
    fake_hub_hold(world.hub, true);
    begin_together(&together);
    engine_read_init(&read, &world, files[2], 0, 10);
    assert_false(engine_read_begin(&read));
    close_files();
    engine_world_end(&world);
    engine_read_finish(&read);
    assert_err(read.err, ERR_CANCELLED);
    assert_err(await_together(&together), ERR_CANCELLED);
    engine_read_release(&read);
    begin(NULL);
}

#define TEST_IN_WORLD(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_WORLD(test_what_came_together_is_read_without_a_request),
        TEST_IN_WORLD(test_readers_of_small_files_wait_for_it_and_the_others_do_not),
        TEST_IN_WORLD(test_those_who_wait_hold_nobody_else_up),
        TEST_IN_WORLD(test_who_waits_for_what_has_come_does_not_wait_for_the_rest),
        TEST_IN_WORLD(
            test_thousands_that_somebody_else_has_stored_end_one_after_the_other),
        TEST_IN_WORLD(test_pointers_of_large_files_are_not_kept),
        TEST_IN_WORLD(test_a_leaf_that_was_loaded_before_does_not_hide_what_came),
        TEST_IN_WORLD(test_when_it_fails_whoever_waited_gets_the_file_by_itself),
        TEST_IN_WORLD(test_the_engine_can_stop_while_readers_wait_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
