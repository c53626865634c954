// SPDX-License-Identifier: Apache-2.0
// What the writer writes is checked byte by byte where the format is peculiar; the whole is
// checked by the fake server (test_uploader.c) and by the local Hub.

#include "tests/unit/unit_test.h"
#include "xet/shard_format.h"
#include "xet/shard_reader.h"
#include "xet/shard_writer.h"

#include <string.h>

static struct digest digest_of(uint8_t seed)
{
    struct digest digest;
    memset(digest.bytes, seed, sizeof(digest.bytes));
    digest.bytes[0] = 0;
    return digest;
}

static struct xorb two_chunks(struct xorb_chunk chunks[2])
{
    chunks[0] = (struct xorb_chunk){digest_of(1), 10000, true};
    chunks[1] = (struct xorb_chunk){digest_of(2), 20000, false};
    return (struct xorb){
        .hash = digest_of(9), .len = 25000, .raw = 30000, .n = 2, .chunks = chunks};
}

TEST(test_a_shard_has_its_records_where_they_belong)
{
    struct shard_writer *writer;
    struct xorb_chunk chunks[2];
    struct xorb xorb = two_chunks(chunks);
    AUTO(buffer) struct buffer block = buffer_init(4096);
    AUTO_CLOSE int fd = -1;
    uint64_t len = 0;
    uint8_t shard[12 * SHARD_RECORD_BYTES];
    char hex[DIGEST_HEX_SIZE];
    struct digest sha256;
    sha256_of("some data", 9, &sha256);
    const struct shard_term term = {digest_of(9), digest_of(7), 0, 2, 30000};
    const struct shard_file file = {digest_of(5), sha256, &term, 1};
    assert_ok(shard_writer_new("/tmp", NULL, &writer));
    assert_true(shard_writer_is_empty(writer));
    assert_ok(shard_encode_xorb(&xorb, &block));
    assert_ok(shard_writer_add_xorb(writer, block.bytes, block.len, NULL));
    assert_ok(shard_writer_add_file(writer, &file, NULL));
    uint64_t size = shard_writer_size(writer);
    assert_ok(shard_writer_finish(writer, NULL, &fd, &len));
    assert_true(shard_writer_is_empty(writer));
    shard_writer_free(writer);
    assert_int_equal(len, size);
    assert_int_equal(len, 10 * SHARD_RECORD_BYTES);
    assert_ok(file_pread(fd, shard, len, 0));
    assert_memory_equal(shard, SHARD_TAG, 32);
    assert_int_equal(load_u64(shard + 40), 0);
    assert_int_equal(load_u32(shard + 48 + 32), 0xc0000000);
    assert_int_equal(load_u32(shard + 2 * 48 + 36), 30000);
    assert_int_equal(load_u32(shard + 2 * 48 + 44), 2);
    struct digest told;
    memcpy(told.bytes, shard + 4 * 48, 32);
    digest_to_xet_hex(&told, hex);
    assert_string_equal(
        hex, "1307990e6ba5ca145eb35e99182a9bec46531bc54ddf656a602c780fa0240dee");
    assert_memory_equal(shard + 5 * 48, SHARD_BOOKEND, 48);
    assert_int_equal(load_u32(shard + 6 * 48 + 36), 2);
    assert_int_equal(load_u32(shard + 6 * 48 + 44), 25000);
    assert_int_equal(load_u32(shard + 7 * 48 + 40), 0x80000000);
    assert_int_equal(load_u32(shard + 8 * 48 + 32), 10000);
    assert_int_equal(load_u32(shard + 8 * 48 + 40), 0);
    assert_memory_equal(shard + 9 * 48, SHARD_BOOKEND, 48);
}

// ---------------------------------------------------------------- answers

static void append_answer(struct buffer *out, bool has_footer)
{
    uint8_t header[SHARD_RECORD_BYTES];
    uint8_t footer[SHARD_FOOTER_BYTES] = {1};
    struct xorb_chunk chunks[2];
    struct xorb xorb = two_chunks(chunks);
    memcpy(header, SHARD_TAG, 32);
    store_u64(header + 32, 2);
    store_u64(header + 40, has_footer ? SHARD_FOOTER_BYTES : 0);
    memset(footer + SHARD_KEY_AT, 3, 32);
    store_u64(footer + SHARD_EXPIRY_AT, 12345);
    assert_ok(buffer_append(out, header, sizeof(header)));
    assert_ok(buffer_append(out, SHARD_BOOKEND, SHARD_RECORD_BYTES));
    assert_ok(shard_encode_xorb(&xorb, out));
    assert_ok(buffer_append(out, SHARD_BOOKEND, SHARD_RECORD_BYTES));
    if (has_footer) {
        assert_ok(buffer_append(out, footer, sizeof(footer)));
    }
}

TEST(test_an_answer_tells_key_expiry_and_chunks)
{
    for (int has_footer = 0; has_footer < 2; has_footer++) {
        AUTO(buffer) struct buffer bytes = buffer_init(4096);
        struct shard_answer answer;
        struct shard_answer_xorb xorb;
        struct digest name;
        struct digest expected = digest_of(2);
        uint32_t len;
        append_answer(&bytes, has_footer);
        assert_ok(shard_answer_open(bytes.bytes, bytes.len, &answer));
        assert_int_equal(answer.is_keyed, has_footer);
        assert_int_equal(answer.expires_s, has_footer ? 12345 : 0);
        assert_true(shard_answer_next(&answer, &xorb));
        assert_int_equal(xorb.n, 2);
        shard_answer_chunk(&xorb, 1, &name, &len);
        assert_int_equal(len, 20000);
        assert_memory_equal(&name, &expected, sizeof(name));
        assert_false(shard_answer_next(&answer, &xorb));
    }
}

TEST(test_an_answer_that_is_cut_off_anywhere_is_refused)
{
    AUTO(buffer) struct buffer bytes = buffer_init(4096);
    struct shard_answer answer;
    append_answer(&bytes, true);
    for (size_t len = 0; len < bytes.len; len++) {
        // The footer is told by its distance from the end: it may look like another version.
        assert_int_not_equal(shard_answer_open(bytes.bytes, len, &answer), ERR_NONE);
    }
}

static void assert_refused(size_t at, uint32_t value, enum err expected)
{
    AUTO(buffer) struct buffer bytes = buffer_init(4096);
    struct shard_answer answer;
    append_answer(&bytes, true);
    store_u32(bytes.bytes + at, value);
    assert_err(shard_answer_open(bytes.bytes, bytes.len, &answer), expected);
}

TEST(test_an_answer_that_lies_is_refused)
{
    assert_refused(0, 1, ERR_MALFORMED);           // tag
    assert_refused(32, 3, ERR_UNSUPPORTED);        // version
    assert_refused(40, 199, ERR_MALFORMED);        // footer
    assert_refused(6 * 48, 2, ERR_UNSUPPORTED);    // its version
    assert_refused(2 * 48 + 36, 3, ERR_MALFORMED); // chunks
    assert_refused(2 * 48 + 36, 1 << 30, ERR_MALFORMED);
    assert_refused(4 * 48 + 32, 9999, ERR_MALFORMED); // offset
    assert_refused(4 * 48 + 36, 0, ERR_MALFORMED);    // length
    assert_refused(4 * 48 + 36, 131073, ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_shard_has_its_records_where_they_belong),
        cmocka_unit_test(test_an_answer_tells_key_expiry_and_chunks),
        cmocka_unit_test(test_an_answer_that_is_cut_off_anywhere_is_refused),
        cmocka_unit_test(test_an_answer_that_lies_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
