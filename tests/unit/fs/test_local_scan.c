// SPDX-License-Identifier: Apache-2.0
// A file is looked at while it is written: what comes of it, and what ends it.
#include "local_file_bench.h"

#include <fcntl.h>

enum { MIB = 1 << 20, LONG = 6 * MIB };

static uint8_t *long_bytes(size_t len)
{
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    random_replace(5);
    random_bytes(bytes, len);
    random_replace(0);
    return bytes;
}

static void make_scanned_file(void)
{
    make_file(NULL);
    truncate_to(0);
    if (bench.scanner == NULL) {
        assert_ok(local_scanner_open(&bench.scanner));
    }
    local_file_scan_by(bench.file, bench.scanner);
}

static void write_in_order(const uint8_t *bytes, size_t from, size_t to)
{
    enum { PART = 128 * 1024 + 3 };
    for (size_t at = from; at < to; at += PART) {
        write_at(at, bytes + at, to - at < PART ? to - at : PART);
    }
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

// A scan that is far behind is given up, so it gets some seconds.
static struct local_scan *flight_scan(size_t size, int seconds, struct xet_scan **out)
{
    const struct timespec moment = {.tv_nsec = 10000000};
    struct local_scan *scan = local_file_flight_scan(bench.file);
    *out = NULL;
    if (scan != NULL) {
        for (int i = 0; i < seconds * 100 && local_scan_fed(scan) < size; i++) {
            nanosleep(&moment, NULL);
        }
        *out = local_scan_finish(scan, size, never, NULL);
    }
    return scan;
}

static void freeze_sealed(void)
{
    seal();
    assert_true(local_file_freeze(bench.file, info_of().generation));
}

static void assert_scanned(const uint8_t *bytes, size_t size)
{
    struct xet_scan *xet = NULL;
    struct local_scan *scan = flight_scan(size, 60, &xet);
    struct xet_chunk_list list;
    struct digest sha256;
    struct sha *sha = sha_new(SHA_256);
    assert_non_null(scan);
    assert_non_null(xet);
    assert_ok(xet_scan_finish(xet, &list));
    assert_int_equal(list.size, size);
    sha_update(sha, bytes, size);
    sha_final_256(sha, &sha256);
    sha_free(sha);
    assert_memory_equal(&list.sha256, &sha256, sizeof(sha256));
    uint64_t sum = 0;
    for (size_t i = 0; i < list.n; i++) {
        sum += list.chunks[i].len;
    }
    assert_int_equal(sum, size);
    local_scan_put(scan);
}

static void assert_not_scanned(size_t size)
{
    struct xet_scan *xet = NULL;
    struct local_scan *scan = flight_scan(size, 2, &xet);
    assert_null(xet);
    local_scan_put(scan);
}

static void let_it_see(void)
{
    const struct timespec moment = {.tv_sec = 1};
    nanosleep(&moment, NULL);
}

TEST(test_a_file_written_in_order_is_scanned)
{
    AUTO_FREE uint8_t *bytes = long_bytes(LONG);
    make_scanned_file();
    write_in_order(bytes, 0, LONG);
    freeze_sealed();
    assert_scanned(bytes, LONG);
    assert_scanned(bytes, LONG); // whoever tries again finds it again
    struct local_scan *scan = local_file_flight_scan(bench.file);
    thaw();
    assert_null(local_file_flight_scan(bench.file));
    local_scan_put(scan);
}

TEST(test_blocks_that_come_out_of_order_in_front_of_the_scan_do_no_harm)
{
    AUTO_FREE uint8_t *bytes = long_bytes(LONG);
    make_scanned_file();
    truncate_to(LONG);
    write_at(5 * MIB, bytes + 5 * MIB, MIB);
    write_at(3 * MIB, bytes, MIB); // not what it will be
    write_in_order(bytes, 0, 3 * MIB);
    write_in_order(bytes, 3 * MIB, 5 * MIB);
    freeze_sealed();
    assert_scanned(bytes, LONG);
}

TEST(test_a_change_behind_the_scan_ends_it)
{
    AUTO_FREE uint8_t *bytes = long_bytes(LONG);
    make_scanned_file();
    write_in_order(bytes, 0, LONG);
    let_it_see();
    write_at(100, "other", 5);
    freeze_sealed();
    assert_not_scanned(LONG);
}

TEST(test_a_file_that_is_written_anew_is_scanned_anew)
{
    AUTO_FREE uint8_t *bytes = long_bytes(LONG);
    make_scanned_file();
    write_in_order(bytes, 0, LONG);
    let_it_see();
    truncate_to(0);
    write_in_order(bytes + 100, 0, LONG - 100);
    freeze_sealed();
    assert_scanned(bytes + 100, LONG - 100);
}

TEST(test_a_truncation_behind_the_scan_ends_it)
{
    AUTO_FREE uint8_t *bytes = long_bytes(LONG);
    make_scanned_file();
    write_in_order(bytes, 0, LONG);
    let_it_see();
    truncate_to(100);
    freeze_sealed();
    assert_not_scanned(100);
}

TEST(test_a_hole_at_the_end_leaves_no_scan)
{
    AUTO_FREE uint8_t *bytes = long_bytes(LONG);
    make_scanned_file();
    write_in_order(bytes, 0, LONG);
    truncate_to(LONG + 1);
    freeze_sealed();
    assert_not_scanned(LONG + 1);
}

TEST(test_a_range_of_zeros_behind_the_scan_ends_it)
{
    AUTO_FREE uint8_t *bytes = long_bytes(LONG);
    struct why why = {""};
    make_scanned_file();
    write_in_order(bytes, 0, LONG);
    let_it_see();
    assert_ok(local_file_allocate(bench.file, 7, 7, true, true, &why));
    freeze_sealed();
    assert_not_scanned(LONG);
}

TEST(test_a_file_that_grows_after_a_seal_goes_on_being_scanned)
{
    AUTO_FREE uint8_t *bytes = long_bytes(LONG);
    make_scanned_file();
    write_in_order(bytes, 0, 5 * MIB);
    seal();
    write_in_order(bytes, 5 * MIB, LONG);
    freeze_sealed();
    write_at(LONG, "more", 4); // of the next generation
    assert_scanned(bytes, LONG);
}

TEST(test_a_scan_that_was_used_does_not_go_on)
{
    AUTO_FREE uint8_t *bytes = long_bytes(LONG);
    make_scanned_file();
    write_in_order(bytes, 0, 5 * MIB);
    freeze_sealed();
    assert_scanned(bytes, 5 * MIB);
    thaw();
    write_in_order(bytes, 5 * MIB, LONG);
    freeze_sealed();
    assert_not_scanned(LONG);
}

TEST(test_a_file_that_was_merged_is_not_scanned)
{
    AUTO_FREE uint8_t *bytes = long_bytes(LONG);
    make_scanned_file();
    write_in_order(bytes, 0, LONG);
    freeze_sealed();
    write_at(0, "top", 3);
    seal();
    thaw();
    assert_true(local_file_freeze(bench.file, info_of().generation));
    assert_not_scanned(LONG);
}

TEST(test_a_short_file_is_not_scanned)
{
    AUTO_FREE uint8_t *bytes = long_bytes(LOCAL_SCAN_FROM - 1);
    make_scanned_file();
    write_in_order(bytes, 0, LOCAL_SCAN_FROM - 1);
    freeze_sealed();
    assert_null(local_file_flight_scan(bench.file));
}

TEST(test_only_so_many_are_scanned_at_a_time)
{
    AUTO_FREE uint8_t *bytes = long_bytes(LONG);
    struct local_scan *scans[LOCAL_SCANS_MAX + 1] = {NULL};
    int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    assert_ok(local_scanner_open(&bench.scanner));
    for (size_t i = 0; i < LOCAL_SCANS_MAX; i++) {
        scans[i] = local_scan_new(bench.scanner, zeros);
        assert_non_null(scans[i]);
        local_scan_grew(scans[i], LONG);
    }
    assert_null(local_scan_new(bench.scanner, zeros));
    for (size_t i = 0; i < LOCAL_SCANS_MAX; i++) {
        local_scan_put(scans[i]);
    }
    struct local_scan *next = NULL;
    for (int i = 0; i < 60 && next == NULL; i++) {
        let_it_see();
        next = local_scan_new(bench.scanner, zeros);
    }
    assert_non_null(next);
    local_scan_put(next);
    close(zeros);
    make_scanned_file();
    write_in_order(bytes, 0, LONG);
    freeze_sealed();
    assert_scanned(bytes, LONG);
}

TEST(test_nothing_comes_of_a_scan_once_the_scanner_is_closed)
{
    AUTO_FREE uint8_t *bytes = long_bytes(LONG);
    make_scanned_file();
    write_in_order(bytes, 0, LONG);
    local_scanner_close(STEAL_POINTER(bench.scanner));
    struct local_scan *scan = NULL;
    freeze_sealed();
    scan = local_file_flight_scan(bench.file);
    assert_non_null(scan);
    assert_null(local_scan_finish(scan, LONG, never, NULL));
    local_scan_put(scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(test_a_file_written_in_order_is_scanned),
        WITH_FILE(test_blocks_that_come_out_of_order_in_front_of_the_scan_do_no_harm),
        WITH_FILE(test_a_change_behind_the_scan_ends_it),
        WITH_FILE(test_a_file_that_is_written_anew_is_scanned_anew),
        WITH_FILE(test_a_truncation_behind_the_scan_ends_it),
        WITH_FILE(test_a_hole_at_the_end_leaves_no_scan),
        WITH_FILE(test_a_range_of_zeros_behind_the_scan_ends_it),
        WITH_FILE(test_a_file_that_grows_after_a_seal_goes_on_being_scanned),
        WITH_FILE(test_a_scan_that_was_used_does_not_go_on),
        WITH_FILE(test_a_file_that_was_merged_is_not_scanned),
        WITH_FILE(test_a_short_file_is_not_scanned),
        WITH_FILE(test_only_so_many_are_scanned_at_a_time),
        WITH_FILE(test_nothing_comes_of_a_scan_once_the_scanner_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
