// SPDX-License-Identifier: Apache-2.0
// Runs of one object stay disjoint and lose nothing: random overlapping puts against a model.
#include "store_fixture.h"

#include <sqlite3.h>

enum { CHUNK_MAX = 300, CHUNKS = 400, SEEDS = 1500, PUTS = 10 };

static int64_t ask(const char *dir, const char *sql)
{
    char path[512];
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    snprintf(path, sizeof(path), "%s/index.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return answer;
}

static void put_at_random(struct chunk_store *store, uint64_t seed, bool *model)
{
    for (uint64_t i = 0; i < PUTS; i++) {
        uint32_t first = (uint32_t)(mix(seed * 100 + i) % CHUNKS);
        uint32_t n = 1 + (uint32_t)(mix(seed * 100 + i + 50) % RUN_CHUNKS_MAX);
        n = first + n > CHUNKS ? CHUNKS - first : n;
        assert_int_equal(put_chunks(store, seed, first, n, CHUNK_MAX), ERR_NONE);
        for (uint32_t k = first; k < first + n; k++) {
            model[k] = true;
        }
    }
}

static void check_against_model(struct chunk_store *store, uint64_t seed,
                                const bool *model)
{
    struct object_id object = object_number(seed);
    uint32_t start = (uint32_t)(mix(seed) % CHUNKS);
    uint32_t want = 0;
    uint64_t want_bytes = 0;
    while (start + want < CHUNKS && model[start + want]) {
        want_bytes += chunk_length(seed, start + want, CHUNK_MAX);
        want++;
    }
    uint32_t chunks = 0;
    uint64_t bytes = 0;
    chunk_store_extent(store, &object, start, CHUNKS, &chunks, &bytes);
    assert_int_equal(chunks, want);
    assert_int_equal(bytes, want_bytes);
    assert_int_equal(chunk_store_count(store, &object, start, CHUNKS), want);
    uint32_t total = 0;
    for (uint32_t i = 0; i < CHUNKS; i++) {
        total += model[i];
    }
    assert_int_equal(count_right_chunks(store, seed, 0, CHUNKS, CHUNK_MAX), total);
}

static void random_overlapping_puts_agree_with_a_model(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 1024 * MIB_BYTES);
    bool(*models)[CHUNKS] = calloc(SEEDS, sizeof(*models));
    assert_non_null(models);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        put_at_random(store, seed, models[seed]);
        if (seed % 7 == 0) {
            check_against_model(store, seed, models[seed]); // mostly resident
        }
        if (seed % 500 == 499) {
            assert_int_equal(chunk_store_rebuild(store),
                             ERR_NONE); // commits in the middle
            put_at_random(store, seed, models[seed]);
        }
    }
    chunk_store_close(store);
    assert_int_equal(ask(scratch.dir,
                         "SELECT count(*) FROM run a WHERE EXISTS(SELECT 1 FROM run b"
                         " WHERE b.id>a.id AND b.id<a.id+a.n)"),
                     0);
    store = open_store(scratch.dir, 1024 * MIB_BYTES);
    for (uint64_t seed = 0; seed < SEEDS; seed += 3) {
        check_against_model(store, seed, models[seed]);
    }
    chunk_store_close(store);
    free(models);
    scratch_remove(&scratch);
}

struct worker {
    struct chunk_store *store;
    uint64_t seed;
};

static void *put_and_read(void *ctx)
{
    struct worker *worker = ctx;
    for (uint64_t i = 0; i < 60; i++) {
        uint64_t object = mix(i) % 40; // all workers want the same objects
        uint32_t first = (uint32_t)(mix(worker->seed * 1000 + i) % CHUNKS);
        uint32_t n = first + 30 > CHUNKS ? CHUNKS - first : 30;
        assert_int_equal(put_chunks(worker->store, object, first, n, CHUNK_MAX),
                         ERR_NONE);
        assert_int_equal(count_right_chunks(worker->store, object, first, n, CHUNK_MAX),
                         n);
        count_right_chunks(worker->store, mix(i * 3) % 40, 0, 20, CHUNK_MAX);
        struct chunk_store_stats stats;
        chunk_store_stats(worker->store, &stats);
    }
    return NULL;
}

static void several_threads_put_and_read_the_same_objects(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 512 * MIB_BYTES);
    struct worker workers[6];
    pthread_t threads[6];
    for (uint64_t i = 0; i < 6; i++) {
        workers[i] = (struct worker){store, i};
        assert_int_equal(pthread_create(&threads[i], NULL, put_and_read, &workers[i]), 0);
    }
    for (size_t i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
    }
    chunk_store_close(store);
    assert_int_equal(ask(scratch.dir,
                         "SELECT count(*) FROM run a WHERE EXISTS(SELECT 1 FROM run b"
                         " WHERE b.id>a.id AND b.id<a.id+a.n)"),
                     0);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_overlapping_puts_agree_with_a_model),
        cmocka_unit_test(several_threads_put_and_read_the_same_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
