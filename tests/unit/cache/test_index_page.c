// SPDX-License-Identifier: Apache-2.0
// An index of which a page is damaged: the segments, which are sound, stay and it is made of them anew.
#include "store_fixture.h"

#include "cache/sqlite_db.h"

#include <fcntl.h>

enum { CHUNK_MAX = 3000, OBJECTS = 40, PER_OBJECT = 15 };

static int64_t number(sqlite3 *db, const char *query)
{
    int64_t value = -1;
    assert_int_equal(sql_query_i64(db, query, &value), ERR_NONE);
    return value;
}

static void fill_with_noise(const char *dir, const char *table)
{
    char path[512];
    char query[100];
    sqlite3 *db = NULL;
    snprintf(path, sizeof(path), "%s/index.db", dir);
    snprintf(query, sizeof(query), "SELECT rootpage FROM sqlite_schema WHERE name='%s'",
             table);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    int64_t page = number(db, query);
    int64_t size = number(db, "PRAGMA page_size");
    sqlite3_close(db); // the last one to close it copies the log into the file
    uint8_t *noise = malloc((size_t)size);
    assert_non_null(noise);
    memset(noise, 0xa5, (size_t)size);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(file_pwrite(fd, noise, (size_t)size, (uint64_t)((page - 1) * size)),
                     ERR_NONE);
    close(fd);
    free(noise);
}

static void assert_all_survives(const char *table)
{
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    for (uint64_t object = 0; object < OBJECTS; object++) {
        assert_int_equal(put_chunks(store, object, 0, PER_OBJECT, CHUNK_MAX), ERR_NONE);
    }
    chunk_store_close(store);
    fill_with_noise(scratch.dir, table);
    store = open_store(scratch.dir, 512 * MIB_BYTES);
    for (uint64_t object = 0; object < OBJECTS; object++) {
        assert_int_equal(count_right_chunks(store, object, 0, PER_OBJECT, CHUNK_MAX),
                         PER_OBJECT);
    }
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void what_a_damaged_table_of_runs_named_is_still_here(void **state)
{
    (void)state;
    assert_all_survives("run");
}

static void what_a_damaged_table_of_objects_named_is_still_here(void **state)
{
    (void)state;
    assert_all_survives("object");
    assert_all_survives("sqlite_autoindex_object_1");
}

static void what_a_damaged_table_of_segments_named_is_still_here(void **state)
{
    (void)state;
    assert_all_survives("segment");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_damaged_table_of_runs_named_is_still_here),
        cmocka_unit_test(what_a_damaged_table_of_objects_named_is_still_here),
        cmocka_unit_test(what_a_damaged_table_of_segments_named_is_still_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
