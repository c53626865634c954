// SPDX-License-Identifier: Apache-2.0
// Plans: replacing a part keeps the rest, in memory and on disk alike.
#include "../unit_test.h"
#include "cache/piece_list.h"
#include "store_fixture.h"

#include <sqlite3.h>

enum { UNIT = 1000, CHUNKS = 200 };

// Chunk c of the file is UNIT bytes at c * UNIT, chunk c of an object: then any answer can be
// checked without a model of how it came about.
static struct piece piece_of(uint64_t object, uint32_t first, uint32_t n)
{
    return (struct piece){(uint64_t)first * UNIT, (uint64_t)n * UNIT,
                          object_number(object), first, n};
}

static void random_pieces_agree_with_a_model(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct piece_list list = {0};
        uint64_t model[CHUNKS] = {0}; // object number + 1; 0 = unknown
        for (uint64_t i = 0; i < 20; i++) {
            uint32_t first = (uint32_t)(mix(seed * 50 + i) % CHUNKS);
            uint32_t n = 1 + (uint32_t)(mix(seed * 50 + i + 25) % 60);
            n = first + n > CHUNKS ? CHUNKS - first : n;
            struct piece piece = piece_of(1, first, n);
            assert_int_equal(piece_list_replace(&list, &piece), ERR_NONE);
            for (uint32_t k = first; k < first + n; k++) {
                model[k] = 2;
            }
        }
        uint32_t covered = 0;
        uint32_t known = 0;
        for (uint32_t k = 0; k < CHUNKS; k++) {
            known += model[k] != 0;
        }
        for (size_t i = 0; i < list.n; i++) {
            const struct piece *piece = &list.pieces[i];
            assert_int_equal(piece->offset, (uint64_t)piece->first * UNIT);
            assert_int_equal(piece->length, (uint64_t)piece->n * UNIT);
            assert_true(i == 0 || list.pieces[i - 1].offset + list.pieces[i - 1].length <=
                                      piece->offset);
            covered += piece->n;
        }
        assert_int_equal(covered, known);
        piece_list_release(&list);
    }
}

static void a_different_answer_replaces_what_it_overlaps(void **state)
{
    (void)state;
    struct piece_list list = {0};
    struct piece old = piece_of(1, 0, 10);
    struct piece new = piece_of(3, 4, 2);
    assert_int_equal(piece_list_replace(&list, &old), ERR_NONE);
    assert_int_equal(piece_list_replace(&list, &new), ERR_NONE);
    // What is left of the old one cannot be told in chunks of another object: dropped.
    assert_int_equal(list.n, 1);
    assert_memory_equal(&list.pieces[0].object, &new.object, sizeof(new.object));
    piece_list_release(&list);
}

static void check_stored(struct chunk_store *store, const struct digest *content)
{
    struct piece got[CHUNKS];
    size_t n =
        chunk_store_pieces(store, content, 0, (uint64_t)CHUNKS * UNIT, got, CHUNKS);
    uint32_t covered = 0;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(got[i].offset, (uint64_t)got[i].first * UNIT);
        assert_true(i == 0 || got[i - 1].offset + got[i - 1].length <= got[i].offset);
        covered += got[i].n;
    }
    assert_int_equal(covered, CHUNKS);
    n = chunk_store_pieces(store, content, 55 * UNIT + 5, 1, got, CHUNKS);
    assert_int_equal(n, 1);
    assert_true(got[0].first <= 55 && got[0].first + got[0].n > 55);
    assert_int_equal(
        chunk_store_pieces(store, content, (uint64_t)CHUNKS * UNIT, 10, got, 1), 0);
}

static void pieces_are_read_back_at_once_and_after_a_commit(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
    struct digest content = object_number(9).hash;
    struct piece whole = piece_of(1, 0, CHUNKS);
    assert_int_equal(chunk_store_put_pieces(store, &content, CHUNKS * UNIT, &whole, 1),
                     ERR_NONE);
    check_stored(store, &content);
    for (uint64_t i = 0; i < 60; i++) {
        uint32_t first = (uint32_t)(mix(i) % (CHUNKS - 10));
        struct piece fine = piece_of(1, first, 1 + (uint32_t)(mix(i * 9) % 10));
        assert_int_equal(chunk_store_put_pieces(store, &content, CHUNKS * UNIT, &fine, 1),
                         ERR_NONE);
        check_stored(store, &content);
        sleep_ms(i % 15 == 0 ? 120 : 0);
    }
    chunk_store_close(store);
    store = open_store(scratch.dir, 256 * MIB_BYTES);
    check_stored(store, &content);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

// As piece_load.c asks.
static uint32_t count_in_steps(struct chunk_store *store, const struct digest *content,
                               size_t step)
{
    struct piece got[CHUNKS];
    uint64_t from = 0;
    uint32_t chunks = 0;
    size_t n;
    while (from < (uint64_t)CHUNKS * UNIT &&
           (n = chunk_store_pieces(store, content, from, CHUNKS * UNIT - from, got,
                                   step)) > 0) {
        for (size_t i = 0; i < n; i++) {
            chunks += got[i].n;
        }
        from = got[n - 1].offset + got[n - 1].length;
    }
    return chunks;
}

static void
pieces_that_are_asked_for_in_steps_are_all_told_while_others_come(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
    struct digest content = object_number(9).hash;
    for (uint32_t i = 0; i < 100; i++) {
        struct piece piece = piece_of(i, 2 * i, 1); // every other chunk
        assert_ok(chunk_store_put_pieces(store, &content, CHUNKS * UNIT, &piece, 1));
    }
    chunk_store_close(store);
    store = open_store(scratch.dir, 256 * MIB_BYTES);
    struct piece wide = piece_of(200, 4, 7); // in the place of four
    struct piece far = piece_of(201, 151, 1);
    assert_ok(chunk_store_put_pieces(store, &content, CHUNKS * UNIT, &far, 1));
    assert_ok(chunk_store_put_pieces(store, &content, CHUNKS * UNIT, &wide, 1));
    assert_int_equal(count_in_steps(store, &content, 8), 100 - 4 + 7 + 1);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void a_verdict_is_remembered(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
    struct digest good = object_number(1).hash;
    struct digest bad = object_number(2).hash;
    assert_int_equal(chunk_store_verified(store, &good, 5000), VERIFIED_UNKNOWN);
    assert_ok(chunk_store_set_verified(store, &good, 5000, VERIFIED_GOOD));
    assert_ok(chunk_store_set_verified(store, &bad, 5000, VERIFIED_BAD));
    assert_int_equal(chunk_store_verified(store, &good, 5000), VERIFIED_GOOD);
    chunk_store_close(store);
    store = open_store(scratch.dir, 256 * MIB_BYTES);
    struct piece piece = piece_of(1, 0, 5);
    assert_ok(chunk_store_put_pieces(store, &good, 5000, &piece, 1));
    sleep_ms(150);
    assert_int_equal(chunk_store_verified(store, &good, 5000), VERIFIED_GOOD);
    assert_int_equal(chunk_store_verified(store, &bad, 5000), VERIFIED_BAD);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void a_verdict_says_nothing_of_another_size(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
    struct digest content = object_number(1).hash;
    struct piece piece = piece_of(1, 0, 5);
    for (int round = 0; round < 2; round++) {
        assert_ok(chunk_store_set_verified(store, &content, 4000, VERIFIED_BAD));
        assert_int_equal(chunk_store_verified(store, &content, 5000), VERIFIED_UNKNOWN);
        assert_int_equal(chunk_store_verified(store, &content, 4000), VERIFIED_BAD);
        sleep_ms(round * 150); // the second time it is in the index
        assert_ok(chunk_store_put_pieces(store, &content, 5000, &piece, 1));
        assert_int_equal(chunk_store_verified(store, &content, 5000), VERIFIED_UNKNOWN);
        sleep_ms(150);
        assert_int_equal(chunk_store_verified(store, &content, 5000), VERIFIED_UNKNOWN);
    }
    chunk_store_close(store);
    scratch_remove(&scratch);
}

// What is left of a row beside a newer one is written anew, and must not make a damaged one whole.
static void a_damaged_piece_stays_damaged_beside_a_newer_one(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
    struct digest content = object_number(9).hash;
    struct piece whole = piece_of(1, 0, 100);
    assert_ok(chunk_store_put_pieces(store, &content, CHUNKS * UNIT, &whole, 1));
    chunk_store_close(store);
    char path[512];
    sqlite3 *db = NULL;
    snprintf(path, sizeof(path), "%s/index.db", scratch.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE piece SET first=first+7", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    store = open_store(scratch.dir, 256 * MIB_BYTES);
    struct piece fresh = piece_of(1, 10, 10);
    struct piece got[CHUNKS];
    assert_int_equal(chunk_store_pieces(store, &content, 0, UNIT, got, CHUNKS), 0);
    assert_ok(chunk_store_put_pieces(store, &content, CHUNKS * UNIT, &fresh, 1));
    chunk_store_close(store);
    store = open_store(scratch.dir, 256 * MIB_BYTES);
    size_t n =
        chunk_store_pieces(store, &content, 0, (uint64_t)CHUNKS * UNIT, got, CHUNKS);
    assert_int_equal(n, 1);
    assert_int_equal(got[0].offset, (uint64_t)got[0].first * UNIT);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

static void a_piece_that_is_none_is_refused(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct chunk_store *store = open_store(scratch.dir, 256 * MIB_BYTES);
    struct digest content = object_number(1).hash;
    struct piece empty = piece_of(1, 0, 5);
    struct piece huge = piece_of(1, 0, 5);
    empty.length = 0;
    huge.offset = UINT64_MAX - 5;
    assert_int_equal(chunk_store_put_pieces(store, &content, 1, &empty, 1),
                     ERR_MALFORMED);
    assert_int_equal(chunk_store_put_pieces(store, &content, 1, &huge, 1), ERR_MALFORMED);
    chunk_store_close(store);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_pieces_agree_with_a_model),
        cmocka_unit_test(a_different_answer_replaces_what_it_overlaps),
        cmocka_unit_test(pieces_are_read_back_at_once_and_after_a_commit),
        cmocka_unit_test(
            pieces_that_are_asked_for_in_steps_are_all_told_while_others_come),
        cmocka_unit_test(a_verdict_is_remembered),
        cmocka_unit_test(a_verdict_says_nothing_of_another_size),
        cmocka_unit_test(a_damaged_piece_stays_damaged_beside_a_newer_one),
        cmocka_unit_test(a_piece_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
