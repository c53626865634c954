// SPDX-License-Identifier: Apache-2.0
// The progress line and its figures: fs/progress.c, fs/figures.c.
#include "fs/figures.h"
#include "fs/progress.h"
#include "tests/unit/unit_test.h"

static void assert_bytes(uint64_t bytes, const char *expected)
{
    char figure[FIGURE_SIZE];
    figure_bytes(bytes, figure);
    assert_string_equal(figure, expected);
}

TEST(test_bytes_are_told_in_binary_units)
{
    assert_bytes(0, "0 B");
    assert_bytes(1023, "1023 B");
    assert_bytes(1536, "1.5 KiB");
    assert_bytes((UINT64_C(1) << 20) - 1, "1.0 MiB");
    assert_bytes(UINT64_C(10) << 30, "10.0 GiB");
    assert_bytes(UINT64_MAX, "16.0 EiB");
}

static void assert_time(int64_t ms, const char *expected)
{
    char figure[FIGURE_SIZE];
    figure_time(ms, figure);
    assert_string_equal(figure, expected);
}

TEST(test_times_are_told_with_two_units_at_most)
{
    assert_time(-5, "0.0 s");
    assert_time(420, "0.4 s");
    assert_time(12000, "12 s");
    assert_time(185000, "3 min 05 s");
    assert_time(7800000, "2 h 10 min");
    assert_time(INT64_C(443000) * 1000, "5 d 3 h");
}

TEST(test_dates_are_utc_and_unknown_ones_a_dash)
{
    char figure[FIGURE_SIZE];
    figure_date(0, figure);
    assert_string_equal(figure, "1970-01-01 00:00 UTC");
    figure_date(-1, figure);
    assert_string_equal(figure, "-");
}

TEST(test_the_line_has_bar_share_rate_and_time_left)
{
    struct progress_meter meter;
    progress_meter_init(&meter, 0);
    progress_meter_update(&meter, 1000, 10 << 20);
    const struct mount_progress progress = {40 << 20, 10 << 20, 3, 1, 0, false};
    AUTO(buffer) struct buffer line = buffer_init(512);
    assert_ok(progress_line(&meter, &progress, 100, &line));
    assert_string_equal(
        buffer_text(&line),
        "[========>                        ]   25 %  10.0 MiB of 40.0 MiB  1/3 files  "
        "10.0 MiB/s  3.0 s left");
}

TEST(test_a_narrow_terminal_gets_no_bar_and_no_more_than_its_width)
{
    struct progress_meter meter;
    progress_meter_init(&meter, 0);
    const struct mount_progress progress = {100, 50, 1, 0, 0, false};
    AUTO(buffer) struct buffer line = buffer_init(512);
    assert_ok(progress_line(&meter, &progress, 12, &line));
    assert_string_equal(buffer_text(&line), " 50 %  50 B");
}

TEST(test_without_a_terminal_there_is_no_bar)
{
    struct progress_meter meter;
    progress_meter_init(&meter, 0);
    const struct mount_progress progress = {100, 50, 2, 0, 1, true};
    AUTO(buffer) struct buffer line = buffer_init(512);
    assert_ok(progress_line(&meter, &progress, 0, &line));
    assert_string_equal(buffer_text(&line),
                        "50 B of more than 100 B  0/2 files  1 failed");
}

TEST(test_the_rate_follows_slowly_and_ignores_bursts_of_samples)
{
    struct progress_meter meter;
    progress_meter_init(&meter, 0);
    progress_meter_update(&meter, 1000, 1000);
    assert_true(meter.rate > 999 && meter.rate < 1001);
    progress_meter_update(&meter, 1001, 500000); // too soon to say anything
    assert_true(meter.rate < 1001);
    progress_meter_update(&meter, 2000, 5000); // 4,000/s now
    assert_true(meter.rate > 1500 && meter.rate < 2500);
    progress_meter_update(&meter, 3000, 0); // another job: nothing to learn
    assert_true(meter.rate > 1500 && meter.rate < 2500);
}

TEST(test_the_summary_tells_the_whole)
{
    struct progress_meter meter;
    progress_meter_init(&meter, 1000);
    const struct mount_progress progress = {20 << 20, 20 << 20, 5, 5, 0, false};
    AUTO(buffer) struct buffer line = buffer_init(512);
    assert_ok(progress_summary(&meter, &progress, 3000, &line));
    assert_string_equal(buffer_text(&line), "20.0 MiB in 5 files, 2.0 s, 10.0 MiB/s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_are_told_in_binary_units),
        cmocka_unit_test(test_times_are_told_with_two_units_at_most),
        cmocka_unit_test(test_dates_are_utc_and_unknown_ones_a_dash),
        cmocka_unit_test(test_the_line_has_bar_share_rate_and_time_left),
        cmocka_unit_test(test_a_narrow_terminal_gets_no_bar_and_no_more_than_its_width),
        cmocka_unit_test(test_without_a_terminal_there_is_no_bar),
        cmocka_unit_test(test_the_rate_follows_slowly_and_ignores_bursts_of_samples),
        cmocka_unit_test(test_the_summary_tells_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
