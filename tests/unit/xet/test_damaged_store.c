// SPDX-License-Identifier: Apache-2.0
// What the index has and the disk has not, as after a power failure: it is fetched again, all at once, and
// nobody says that it is here.
#include "tests/unit/xet/engine_fixture.h"
#include "xet/engine.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

enum { FILE_BYTES = 24 * MIB, READ = 2 * MIB };

static void segment_of(sqlite3_stmt *row, char *path, size_t size)
{
    snprintf(path, size, "%s/segments/%016llx", world.dir,
             (unsigned long long)sqlite3_column_int64(row, 0));
}

static void zero_head(sqlite3_stmt *row)
{
    static const uint8_t zeros[64];
    char path[200];
    segment_of(row, path, sizeof(path));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, zeros, sizeof(zeros), sqlite3_column_int64(row, 1)),
                     sizeof(zeros));
    close(fd);
}

static void lose_segment(sqlite3_stmt *row)
{
    char path[200];
    segment_of(row, path, sizeof(path));
    (void)!unlink(path); // of the first row already
}

static void damage_every_run(void (*damage)(sqlite3_stmt *row))
{
    char path[200];
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    snprintf(path, sizeof(path), "%s/index.db", world.dir);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT segment, offset FROM run", -1, &rows, NULL),
        SQLITE_OK);
    int n = 0;
    for (; sqlite3_step(rows) == SQLITE_ROW; n++) {
        damage(rows);
    }
    assert_true(n >= 20);
    sqlite3_finalize(rows);
    sqlite3_close(db);
}

// All of it has come and been verified in an earlier life.
static struct xet_file *stored_file(struct fake_file *content)
{
    struct xet_file *file = engine_world_open(&world, content, true, false);
    prefetch(file);
    assert_int_equal(engine_world_await_verified(file).verified, VERIFIED_GOOD);
    engine_world_remount_file(&world, &file, content);
    return file;
}

static void assert_prefetch_brings_it_again(void (*damage)(sqlite3_stmt *row))
{
    struct fake_file *content = add_file(76, FILE_BYTES, FAKE_PLAIN);
    struct xet_file *file = stored_file(content);
    damage_every_run(damage);
    uint64_t before = fake_hub_counts(world.hub).bytes;
    prefetch(file);
    assert_true(fake_hub_counts(world.hub).bytes >= before + FILE_BYTES);
    engine_world_remount_file(&world, &file, content);
    struct xet_file_info info;
    xet_file_info(file, &info);
    assert_int_equal(info.cached_bytes, FILE_BYTES);
    before = fake_hub_counts(world.hub).bytes;
    assert_ok(engine_read_all(&world, file, content, 0, FILE_BYTES, NULL));
    assert_int_equal(fake_hub_counts(world.hub).bytes, before);
    xet_file_put(world.xet, file);
}

TEST(test_a_prefetch_brings_again_what_lost_its_records)
{
    assert_prefetch_brings_it_again(zero_head);
}

TEST(test_a_prefetch_brings_again_what_lost_its_segments)
{
    assert_prefetch_brings_it_again(lose_segment);
}

TEST(test_what_lost_its_records_is_not_counted)
{
    struct fake_file *content = add_file(72, FILE_BYTES, FAKE_PLAIN);
    struct xet_file *file = stored_file(content);
    struct xet_file_info info;
    xet_file_info(file, &info);
    assert_int_equal(info.cached_bytes, FILE_BYTES);
    engine_world_remount_file(&world, &file, content);
    damage_every_run(zero_head);
    xet_file_info(file, &info);
    assert_int_equal(info.cached_bytes, 0);
    xet_file_put(world.xet, file);
}

TEST(test_a_read_over_several_lost_records_asks_for_them_once)
{
    struct fake_file *content = add_file(73, FILE_BYTES, FAKE_PLAIN);
    struct xet_file *file = stored_file(content);
    damage_every_run(zero_head);
    struct fake_counts before = fake_hub_counts(world.hub);
    struct engine_read read;
    engine_read_init(&read, &world, file, 5 * MIB, READ);
    assert_false(engine_read_begin(&read));
    end_read(&read);
    assert_int_equal(read.parked, 1);
    assert_int_equal(fake_hub_counts(world.hub).plans, before.plans + 1);
    xet_file_put(world.xet, file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_prefetch_brings_again_what_lost_its_records, begin, end),
        cmocka_unit_test_setup_teardown(
            test_a_prefetch_brings_again_what_lost_its_segments, begin, end),
        cmocka_unit_test_setup_teardown(test_what_lost_its_records_is_not_counted, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            test_a_read_over_several_lost_records_asks_for_them_once, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
