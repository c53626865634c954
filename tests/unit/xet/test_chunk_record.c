// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/unit_test.h"
#include "tests/unit/xet/fake_records.h"
#include "xet/chunk_record.h"

#include <string.h>

static uint8_t content[CHUNK_BYTES_MAX];
static uint8_t out[CHUNK_BYTES_MAX + 1];

static struct buffer record_of(enum record_scheme scheme, int form, size_t len)
{
    struct buffer record = buffer_init(1 << 20);
    fake_append_record(&record, scheme, form, content, len);
    return record;
}

static enum err decode(const struct buffer *bytes, struct why *why)
{
    struct record_decoder decoder;
    struct chunk_record record;
    assert_ok(record_decoder_init(&decoder));
    enum err err = chunk_record_parse(bytes->bytes, why, &record);
    if (!err) {
        err = chunk_record_decode(&decoder, &record, bytes->bytes + RECORD_HEADER_BYTES,
                                  why, out);
    }
    record_decoder_release(&decoder);
    return err;
}

TEST(test_every_scheme_and_form_of_frame_comes_back)
{
    static const size_t LENGTHS[] = {1, 3, 4, 5, 100, 65535, 65536, 65537, 131072};
    for (int kind = 0; kind < 4; kind++) {
        fake_content(content, sizeof(content), kind, 7);
        for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
            for (int form = 0; form < 9; form++) {
                AUTO(buffer)
                struct buffer record =
                    record_of((enum record_scheme)(form / 3), form % 3, LENGTHS[i]);
                memset(out, 0xa5, sizeof(out));
                assert_ok(decode(&record, NULL));
                assert_memory_equal(out, content, LENGTHS[i]);
                assert_int_equal(out[LENGTHS[i]], 0xa5);
            }
        }
    }
}

TEST(test_an_unknown_scheme_is_named_and_not_guessed)
{
    uint8_t header[] = {0, 4, 0, 0, 99, 4, 0, 0};
    struct chunk_record record;
    struct why why = {{0}};
    assert_err(chunk_record_parse(header, &why, &record), ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "scheme 99"));
}

TEST(test_a_version_of_the_future_and_the_footer_are_refused)
{
    static const uint8_t FOOTER[] = {'X', 'E', 'T', 'B', 'L', 'O', 'B', 1};
    uint8_t header[] = {1, 4, 0, 0, 0, 4, 0, 0};
    struct chunk_record record;
    struct why why = {{0}};
    assert_err(chunk_record_parse(header, &why, &record), ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "version 1"));
    assert_err(chunk_record_parse(FOOTER, &why, &record), ERR_UNSUPPORTED);
}

TEST(test_lengths_outside_the_limits_are_refused)
{
    static const uint8_t HEADERS[][8] = {
        {0, 4, 0, 0, 1, 1, 0, 2}, // 131073 bytes
        {0, 4, 0, 0, 1, 0, 0, 0}, // an empty chunk
        {0, 1, 0, 4, 1, 4, 0, 0}, // 262145 packed bytes
        {0, 0, 0, 0, 1, 4, 0, 0}, // none
        {0, 3, 0, 0, 0, 4, 0, 0}, // plain, but shorter
    };
    struct chunk_record record;
    for (size_t i = 0; i < 5; i++) {
        assert_err(chunk_record_parse(HEADERS[i], NULL, &record), ERR_MALFORMED);
    }
}

TEST(test_a_frame_of_another_length_than_declared_is_refused_and_writes_nothing_past_it)
{
    fake_content(content, sizeof(content), 1, 3);
    AUTO(buffer) struct buffer record = record_of(RECORD_LZ4, 0, 50000);
    struct why why = {{0}};
    static const uint32_t LENGTHS[] = {1, 49999, 50001, 131072};
    for (size_t i = 0; i < 4; i++) {
        memset(out, 0xa5, sizeof(out));
        store_u24(record.bytes + 5, LENGTHS[i]);
        assert_err(decode(&record, &why), ERR_MALFORMED);
        assert_int_equal(out[LENGTHS[i]], 0xa5);
    }
    assert_non_null(strstr(why.text, "exactly 131072 bytes"));
}

TEST(test_an_lz4_bomb_stays_within_its_declared_length)
{
    // 4 MiB of zeros in one frame, declared as one chunk.
    static uint8_t zeros[4 << 20];
    AUTO(buffer) struct buffer frame = buffer_init(1 << 20);
    fake_append_record(&frame, RECORD_LZ4, 1, zeros, sizeof(zeros));
    store_u24(frame.bytes + 5, CHUNK_BYTES_MAX);
    memset(out, 0xa5, sizeof(out));
    assert_err(decode(&frame, NULL), ERR_MALFORMED);
    assert_int_equal(out[CHUNK_BYTES_MAX], 0xa5);
}

TEST(test_a_frame_that_is_cut_or_followed_by_something_is_refused)
{
    fake_content(content, sizeof(content), 1, 3);
    AUTO(buffer) struct buffer record = record_of(RECORD_LZ4, 0, 1000);
    uint32_t packed_len = load_u24(record.bytes + 1);
    for (uint32_t len = 1; len < packed_len; len++) {
        store_u24(record.bytes + 1, len);
        assert_err(decode(&record, NULL), ERR_MALFORMED);
    }
    assert_ok(buffer_append(&record, "x", 1));
    store_u24(record.bytes + 1, packed_len + 1);
    assert_err(decode(&record, NULL), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_scheme_and_form_of_frame_comes_back),
        cmocka_unit_test(test_an_unknown_scheme_is_named_and_not_guessed),
        cmocka_unit_test(test_a_version_of_the_future_and_the_footer_are_refused),
        cmocka_unit_test(test_lengths_outside_the_limits_are_refused),
        cmocka_unit_test(
            test_a_frame_of_another_length_than_declared_is_refused_and_writes_nothing_past_it),
        cmocka_unit_test(test_an_lz4_bomb_stays_within_its_declared_length),
        cmocka_unit_test(test_a_frame_that_is_cut_or_followed_by_something_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
