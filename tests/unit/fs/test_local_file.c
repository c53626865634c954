// SPDX-License-Identifier: Apache-2.0
// A file's layers against an array of bytes, and what of them a restart finds.
#include "local_file_bench.h"

#include <signal.h>
#include <sys/resource.h>

// ------------------------------------------------------------------------------- the model

static struct model {
    struct bytes now;
    struct bytes sealed;
    struct bytes flight;
    bool has_flight;
    bool touched[PLACES]; // in place, since the last seal
} model;

static void model_resize(struct bytes *bytes, size_t size)
{
    if (size > bytes->size) {
        memset(bytes->bytes + bytes->size, 0, size - bytes->size);
    }
    bytes->size = size;
}

static void model_touch(size_t from, size_t to)
{
    memset(model.touched + from, 1, to - from);
}

static size_t places = PLACES; // no byte of the model lies beyond

static size_t some_offset(void)
{
    return random_below(4) == 0 ? (size_t)random_below(places)
                                : (size_t)random_below(model.now.size + 1);
}

static void do_write(void)
{
    static uint8_t bytes[PLACES];
    size_t offset = some_offset();
    size_t len = (size_t)random_below(random_below(8) == 0 ? places : 5000);
    len = len < places - offset ? len : places - offset;
    random_bytes(bytes, len);
    write_at(offset, bytes, len);
    if (offset + len > model.now.size) {
        model_resize(&model.now, offset + len);
    }
    memcpy(model.now.bytes + offset, bytes, len);
    model_touch(offset, offset + len);
}

static void do_truncate(void)
{
    size_t size = random_below(3) == 0 ? 0 : some_offset();
    truncate_to(size);
    model_resize(&model.now, size);
}

static void do_allocate(void)
{
    struct why why = {""};
    size_t offset = some_offset();
    size_t end = offset + (size_t)random_below(places - offset + 1);
    bool zeroes = random_below(2) == 0;
    bool keep_size = random_below(2) == 0;
    enum err err =
        local_file_allocate(bench.file, offset, end - offset, zeroes, keep_size, &why);
    assert_ok(err);
    size_t zero_end = keep_size && end > model.now.size ? model.now.size : end;
    if (!keep_size && end > model.now.size) {
        model_resize(&model.now, end);
    }
    if (zeroes && offset < zero_end) {
        memset(model.now.bytes + offset, 0, zero_end - offset);
        model_touch(offset, zero_end);
    }
}

static void note_sealed(void)
{
    model.sealed = model.now;
    memset(model.touched, 0, sizeof(model.touched));
}

static void do_seal(void)
{
    seal();
    note_sealed();
}

static void do_freeze(void)
{
    struct local_file_info info = info_of();
    bool may = local_file_freeze(bench.file, info.generation);
    assert_int_equal(may, !info.is_dirty && !info.has_flight);
    if (may && info_of().has_flight) {
        model.flight = model.now;
        model.has_flight = true;
    }
}

static void do_land_or_thaw(void)
{
    if (!model.has_flight) {
        return;
    }
    if (random_below(2) == 0) {
        land(&model.flight);
    } else {
        thaw();
    }
    model.has_flight = false;
    note_sealed();
}

// What was sealed is there, but for bytes that were written in its place.
static void do_restart(void)
{
    bool had_row = bench.has_row;
    bool had_base = info_of().has_base;
    bool is_dirty = info_of().is_dirty;
    assert_int_equal(restart(), had_row);
    if (!had_row) { // what the Hub has
        make_file(had_base ? &model.sealed : NULL);
    }
    assert_int_equal(info_of().size, model.sealed.size);
    if (is_dirty) {
        model.now = model.sealed;
        assert_ok(local_file_read_whole(bench.file, NULL, model.now.bytes, model.now.size,
                                        NULL));
        for (size_t i = 0; i < model.now.size; i++) {
            assert_true((had_row && model.touched[i]) ||
                        model.now.bytes[i] == model.sealed.bytes[i]);
        }
    }
    note_sealed();
    model.has_flight = info_of().has_flight;
}

static void do_read(void)
{
    size_t offset = some_offset();
    read_back(offset, (size_t)random_below(places), &model.now);
    assert_int_equal(info_of().has_flight, model.has_flight);
}

static void play(uint64_t seed, unsigned n, bool has_base)
{
    static void (*const steps[])(void) = {
        do_write, do_write, do_write,  do_write,        do_truncate, do_allocate,
        do_seal,  do_seal,  do_freeze, do_land_or_thaw, do_read,     do_read,
    };
    print_message("seed %u\n", (unsigned)seed);
    random_replace(seed);
    model.now.size = 0;
    model.has_flight = false;
    if (has_base) {
        model.now.size = places / 2;
        random_bytes(model.now.bytes, model.now.size);
    }
    make_file(has_base ? &model.now : NULL);
    if (!has_base) {
        truncate_to(0);
    }
    note_sealed();
    for (unsigned i = 0; i < n; i++) {
        if (random_below(60) == 0) {
            do_restart();
        } else {
            steps[random_below(sizeof(steps) / sizeof(steps[0]))]();
        }
        if (i % 8 == 0) {
            assert_seen(&model.now);
            if (model.has_flight) {
                assert_flight(&model.flight);
            }
        }
    }
    assert_seen(&model.now);
    random_replace(0);
}

enum { FIRST_SEED = 1, SEEDS = 6, STEPS = 700 };

static void play_all(size_t n_places)
{
    places = n_places;
    for (uint64_t seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
        play(seed, STEPS, seed % 2 == 0);
        local_file_put(STEAL_POINTER(bench.file));
        struct journal_change *change = journal_change_new();
        journal_change_drop_inode(change, ID);
        journal_submit(bench.journal, change, false, NULL, NULL);
        bench.has_row = false;
        assert_false(restart());
    }
}

TEST(test_layers_show_what_an_array_of_bytes_would)
{
    play_all(PLACES);
}

TEST(test_so_do_layers_that_grow_out_of_their_row)
{
    play_all(JOURNAL_SMALL_BYTES + 2000);
}

// ------------------------------------------------------------------------ what rows may say

static void seal_and_freeze(const struct bytes *bytes)
{
    make_file(NULL);
    write_at(0, bytes->bytes, bytes->size);
    seal();
    assert_true(local_file_freeze(bench.file, info_of().generation));
}

TEST(test_an_unsealed_layer_does_not_hide_what_is_on_its_way)
{
    static struct bytes sealed;
    sealed = filled('s', 1000);
    seal_and_freeze(&sealed);
    truncate_to(0);
    write_at(0, "x", 1);
    assert_true(restart());
    assert_seen(&sealed);
}

TEST(test_what_returns_is_sealed_with_what_was_written_over_it)
{
    static struct bytes sealed;
    sealed = filled('s', 1000);
    seal_and_freeze(&sealed);
    truncate_to(500);
    truncate_to(800);
    thaw();
    assert_false(info_of().is_dirty);
    memset(sealed.bytes + 500, 0, 300);
    sealed.size = 800;
    assert_seen(&sealed);
    assert_true(restart());
    assert_seen(&sealed);
}

TEST(test_an_unsealed_truncation_is_forgotten)
{
    static struct bytes sealed;
    sealed = filled('s', 1000);
    make_file(NULL);
    write_at(0, sealed.bytes, sealed.size);
    seal();
    truncate_to(3);
    truncate_to(2000);
    assert_true(restart());
    assert_seen(&sealed);
}

// A generation of nothing would be an empty file in the repository.
TEST(test_what_changes_nothing_makes_no_generation)
{
    static struct bytes base;
    struct why why = {""};
    base = filled('b', 1000);
    make_file(&base);
    assert_ok(local_file_allocate(bench.file, 0, 5000, false, true, &why));
    assert_ok(local_file_allocate(bench.file, 0, 500, false, false, &why));
    assert_true(info_of().is_clean);
    assert_true(local_file_freeze(bench.file, info_of().generation));
    assert_false(info_of().has_flight);
    assert_int_equal(local_file_flight_size(bench.file), 1000);
    assert_seen(&base);
}

TEST(test_a_write_that_fails_makes_no_generation)
{
    static struct bytes base;
    struct why why = {""};
    struct rlimit before;
    base = filled('b', 1000);
    make_file(&base);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit limit = {100, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum err err = local_file_write(bench.file, "x", 1, 500, &why);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_not_equal(err, ERR_NONE);
    assert_true(info_of().is_clean);
    assert_true(local_file_freeze(bench.file, info_of().generation));
    assert_false(info_of().has_flight);
    assert_seen(&base);
    write_at(500, "x", 1);
    base.bytes[500] = 'x';
    seal();
    assert_true(restart());
    assert_seen(&base);
}

TEST(test_a_sealed_layer_over_a_flight_comes_back_as_two)
{
    static struct bytes flight;
    static struct bytes now;
    now = flight = filled('f', 1000);
    seal_and_freeze(&flight);
    assert_false(local_file_freeze(bench.file, info_of().generation));
    write_at(500, "top", 3);
    memcpy(now.bytes + 500, "top", 3);
    seal();
    assert_true(restart());
    assert_seen(&now);
    assert_flight(&flight);
}

// ----------------------------------------------------------------------------- other things

TEST(test_a_file_over_a_base_is_that_until_it_is_changed)
{
    static struct bytes base;
    base = filled('b', 1000);
    make_file(&base);
    assert_true(info_of().is_clean && info_of().is_base && info_of().has_base);
    assert_true(local_file_freeze(bench.file, info_of().generation)); // nothing to freeze
    assert_false(info_of().has_flight);
    truncate_to(1000);
    assert_true(!info_of().is_clean && info_of().is_base && info_of().is_dirty);
    truncate_to(999);
    truncate_to(1000);
    assert_false(info_of().is_base);
    base.bytes[999] = 0;
    assert_seen(&base);
}

TEST(test_too_large_a_file_is_refused_and_nothing_changes)
{
    struct why why = {""};
    make_file(NULL);
    assert_err(local_file_write(bench.file, "a", 1, UINT64_MAX, &why),
               ERR_FILE_TOO_LARGE);
    assert_err(local_file_write(bench.file, "a", 1, UINT64_C(500000000000), &why),
               ERR_FILE_TOO_LARGE);
    assert_err(local_file_truncate(bench.file, UINT64_C(500000000001), &why),
               ERR_FILE_TOO_LARGE);
    assert_err(
        local_file_allocate(bench.file, UINT64_C(500000000000), 1, false, false, &why),
        ERR_FILE_TOO_LARGE);
    assert_true(info_of().is_clean);
    truncate_to(UINT64_C(500000000000));
    assert_int_equal(info_of().size, UINT64_C(500000000000));
}

TEST(test_a_read_that_knows_too_little_of_the_base_asks_again)
{
    static struct bytes base;
    uint8_t to[100];
    size_t n = 0;
    base = filled('b', 1000);
    make_file(&base);
    assert_err(local_file_read(bench.file, 0, 100, 0, base.bytes, 99, to, &n),
               ERR_ABSENT);
    assert_ok(local_file_read(bench.file, 0, 100, 0, base.bytes, 100, to, &n));
    assert_int_equal(n, 100);
}

TEST(test_an_empty_file_adopts_a_version_piece_by_piece)
{
    static struct bytes source;
    source = filled('s', 1000);
    AUTO(file_version) struct file_version version = add_version(&source);
    make_file(NULL);
    truncate_to(0);
    assert_err(local_file_adopt(bench.file, &version, 10, 10), ERR_UNSUPPORTED);
    assert_ok(local_file_adopt(bench.file, &version, 0, 400));
    assert_err(local_file_adopt(bench.file, &version, 300, 100), ERR_UNSUPPORTED);
    assert_err(local_file_adopt(bench.file, &version, 400, 601), ERR_UNSUPPORTED);
    assert_ok(local_file_adopt(bench.file, &version, 400, 600));
    assert_true(info_of().is_base);
    assert_seen(&source);
    write_at(0, "x", 1);
    assert_err(local_file_adopt(bench.file, &version, 1000, 0), ERR_UNSUPPORTED);
}

TEST(test_times_before_1970_are_kept)
{
    struct timespec at = {.tv_sec = -2, .tv_nsec = 999999999};
    make_file(NULL);
    assert_ok(local_file_set_mtime(bench.file, &at));
    assert_int_equal(info_of().mtime.tv_sec, -2);
    assert_int_equal(info_of().mtime.tv_nsec, 999999999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(test_layers_show_what_an_array_of_bytes_would),
        WITH_FILE(test_so_do_layers_that_grow_out_of_their_row),
        WITH_FILE(test_an_unsealed_layer_does_not_hide_what_is_on_its_way),
        WITH_FILE(test_what_returns_is_sealed_with_what_was_written_over_it),
        WITH_FILE(test_an_unsealed_truncation_is_forgotten),
        WITH_FILE(test_what_changes_nothing_makes_no_generation),
        WITH_FILE(test_a_write_that_fails_makes_no_generation),
        WITH_FILE(test_a_sealed_layer_over_a_flight_comes_back_as_two),
        WITH_FILE(test_a_file_over_a_base_is_that_until_it_is_changed),
        WITH_FILE(test_too_large_a_file_is_refused_and_nothing_changes),
        WITH_FILE(test_a_read_that_knows_too_little_of_the_base_asks_again),
        WITH_FILE(test_an_empty_file_adopts_a_version_piece_by_piece),
        WITH_FILE(test_times_before_1970_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
