// SPDX-License-Identifier: Apache-2.0
// The format of segment files.
#include "cache/segment_scan.h"
#include "store_fixture.h"

#include <sys/mman.h>

static const struct store_uuid uuid = {
    {9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 11, 12, 13, 14, 15, 16}};

static void make_record(struct record *record, uint8_t *data, uint64_t number, uint32_t n)
{
    struct object_id object = object_number(number);
    uint32_t ends[RUN_CHUNKS_MAX];
    struct digest hashes[RUN_CHUNKS_MAX];
    const uint8_t *chunks[RUN_CHUNKS_MAX];
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t len = chunk_length(number, i, 500);
        fill_chunk(number, i, data + at, len);
        hashes[i] = chunk_hash(number, i);
        chunks[i] = data + at;
        at += len;
        ends[i] = at;
    }
    record_init(record, &object, 1000, ends, hashes, 0, n, chunks);
}

static void a_head_survives_a_round_trip(void **state)
{
    (void)state;
    static struct record in;
    static struct record out;
    uint8_t data[RUN_CHUNKS_MAX * 500];
    uint8_t head[RECORD_HEAD_MAX];
    struct record_place place = {&uuid, 5, 8192};
    for (uint32_t n = 1; n <= RUN_CHUNKS_MAX; n++) {
        make_record(&in, data, n, n);
        record_encode(head, &in, &place);
        assert_int_equal(record_parse(head, record_head_bytes(n), &place, &out),
                         ERR_NONE);
        assert_int_equal(out.n, n);
        assert_int_equal(out.first, 1000);
        assert_int_equal(out.data_len, in.data_len);
        assert_memory_equal(out.ends, in.ends, n * sizeof(in.ends[0]));
        assert_memory_equal(out.crcs, in.crcs, n * sizeof(in.crcs[0]));
        assert_memory_equal(out.hashes, in.hashes, n * sizeof(in.hashes[0]));
        assert_int_equal(record_parse(head, record_head_bytes(n) - 1, &place, &out),
                         ERR_MALFORMED);
    }
}

static void every_flipped_bit_of_a_head_is_seen(void **state)
{
    (void)state;
    static struct record in;
    static struct record out;
    uint8_t data[20 * 500];
    uint8_t head[RECORD_HEAD_MAX];
    struct record_place place = {&uuid, 5, 8192};
    make_record(&in, data, 3, 20);
    record_encode(head, &in, &place);
    for (size_t bit = 0; bit < record_head_bytes(20) * 8; bit++) {
        head[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(record_parse(head, sizeof(head), &place, &out), ERR_MALFORMED);
        head[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void a_record_counts_only_where_it_was_written(void **state)
{
    (void)state;
    static struct record in;
    static struct record out;
    uint8_t data[20 * 500];
    uint8_t head[RECORD_HEAD_MAX];
    struct store_uuid other = uuid;
    other.bytes[3] ^= 1;
    struct record_place place = {&uuid, 5, 8192};
    struct record_place elsewhere[] = {
        {&uuid, 5, 8256}, {&uuid, 6, 8192}, {&other, 5, 8192}};
    make_record(&in, data, 3, 20);
    record_encode(head, &in, &place);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(record_parse(head, sizeof(head), &elsewhere[i], &out),
                         ERR_MALFORMED);
    }
}

static void a_header_names_its_segment_and_refuses_newer_versions(void **state)
{
    (void)state;
    uint8_t header[SEGMENT_HEADER_BYTES];
    struct store_uuid parsed;
    uint64_t id = 0;
    segment_header_encode(header, &uuid, 77);
    assert_int_equal(segment_header_parse(header, 64, &parsed, &id), ERR_NONE);
    assert_int_equal(id, 77);
    assert_memory_equal(&parsed, &uuid, sizeof(uuid));
    header[8] = 2;
    assert_int_equal(segment_header_parse(header, 64, &parsed, &id), ERR_NEWER_SCHEMA);
    header[8] = 1;
    header[33] ^= 1;
    assert_int_equal(segment_header_parse(header, 64, &parsed, &id), ERR_MALFORMED);
    assert_int_equal(segment_header_parse(header, 10, &parsed, &id), ERR_MALFORMED);
}

static bool count(void *ctx, uint64_t offset, const struct record *record)
{
    size_t *n = ctx;
    (void)offset;
    (void)record;
    (*n)++;
    return true;
}

static uint64_t write_record(int fd, uint64_t offset, uint64_t number)
{
    static struct record record;
    uint8_t data[10 * 500];
    uint8_t head[RECORD_HEAD_MAX];
    struct record_place place = {&uuid, 5, offset};
    make_record(&record, data, number, 10);
    record_encode(head, &record, &place);
    assert_int_equal(file_pwrite(fd, head, record_head_bytes(10), offset), ERR_NONE);
    assert_int_equal(
        file_pwrite(fd, data, record.data_len, offset + record_head_bytes(10)), ERR_NONE);
    return offset + record_bytes(10, record.data_len);
}

static void a_scan_finds_records_behind_holes_and_damage(void **state)
{
    (void)state;
    int fd = memfd_create("segment", MFD_CLOEXEC);
    uint64_t first = SEGMENT_HEADER_BYTES;
    uint64_t second = write_record(fd, first, 1);
    uint64_t after_hole = write_record(fd, second, 2) + 10 * MIB_BYTES;
    uint64_t fourth = write_record(fd, after_hole, 3);
    uint64_t end = write_record(fd, fourth, 4);
    size_t n = 0;
    uint64_t found_end = 0;
    segment_scan(fd, &uuid, 5, count, &n, &found_end);
    assert_int_equal(n, 4);
    assert_int_equal(found_end, end);
    assert_int_equal(file_pwrite(fd, "damage", 6, second + 20), ERR_NONE);
    n = 0;
    segment_scan(fd, &uuid, 5, count, &n, &found_end);
    assert_int_equal(n, 3);
    assert_int_equal(found_end, end);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_survives_a_round_trip),
        cmocka_unit_test(every_flipped_bit_of_a_head_is_seen),
        cmocka_unit_test(a_record_counts_only_where_it_was_written),
        cmocka_unit_test(a_header_names_its_segment_and_refuses_newer_versions),
        cmocka_unit_test(a_scan_finds_records_behind_holes_and_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
