// SPDX-License-Identifier: Apache-2.0
// Sessions against a server in memory that checks everything; what it puts together again
// must be what was given.

#include "tests/unit/unit_test.h"
#include "tests/unit/xet/fake_upload.h"

#include <string.h>

enum { RANDOM, TEXT, WEIGHTS, ZEROS, SIZE = 20000000 };

static struct fake_upload_counts send_well(struct upload_world *world,
                                           struct upload_content *content, bool with_scan,
                                           const struct digest *base,
                                           struct xet_uploaded *out)
{
    struct why why = {{0}};
    (void)fake_upload_hub_counts(world->hub);
    assert_ok(upload_world_send(world, content, with_scan, base, &why, out));
    assert_string_equal(why.text, "");
    assert_true(upload_world_has(world, content, out));
    return fake_upload_hub_counts(world->hub);
}

TEST(test_contents_of_every_kind_and_size_arrive)
{
    static const size_t SIZES[] = {1, 8191, 8192, 131072, 131073, 1048576, 3000001, SIZE};
    struct upload_world world;
    upload_world_begin(&world);
    for (size_t i = 0; i < sizeof(SIZES) / sizeof(*SIZES); i++) {
        struct upload_content content =
            upload_content_new(SIZES[i], (int)(i % 4), 100 + i);
        struct xet_uploaded plain;
        struct xet_uploaded scanned;
        (void)send_well(&world, &content, false, NULL, &plain);
        struct fake_upload_counts again =
            send_well(&world, &content, true, NULL, &scanned);
        assert_memory_equal(&plain, &scanned, sizeof(plain));
        assert_int_equal(again.xorbs, 0);
        assert_int_equal(world.progress.read, SIZES[i]);
        free(content.bytes);
    }
    upload_world_end(&world);
}

TEST(test_the_file_has_the_published_hash)
{
    struct upload_world world;
    struct xet_uploaded uploaded;
    char hex[DIGEST_HEX_SIZE];
    upload_world_begin(&world);
    struct upload_content content = upload_content_new(1000000, ZEROS, 0);
    memset(content.bytes, 0x3b, content.size);
    (void)send_well(&world, &content, false, NULL, &uploaded);
    digest_to_xet_hex(&uploaded.xet_hash, hex);
    assert_string_equal(
        hex, "53f845640fcd1c7440befff65bd93434c83a30c6559a705597d61f2ef64e2f88");
    free(content.bytes);
    upload_world_end(&world);
}

TEST(test_a_scanned_content_is_read_only_where_it_must_be_sent)
{
    struct upload_world world;
    struct xet_uploaded uploaded;
    upload_world_begin(&world);
    struct upload_content content = upload_content_new(SIZE, RANDOM, 1);
    (void)send_well(&world, &content, true, NULL, &uploaded);
    assert_int_equal(content.read, SIZE);
    content.read = 0;
    memset(content.bytes + SIZE / 2, 7, 100);
    struct fake_upload_counts counts = send_well(&world, &content, true, NULL, &uploaded);
    assert_true(content.read > 0 && content.read < 400000);
    assert_int_equal(counts.xorbs, 1);
    assert_int_equal(counts.raw, content.read);
    free(content.bytes);
    upload_world_end(&world);
}

TEST(test_the_base_version_is_known_from_the_chunk_store)
{
    struct upload_world world;
    struct xet_uploaded before;
    struct xet_uploaded after;
    upload_world_begin(&world);
    struct upload_content content = upload_content_new(SIZE, WEIGHTS, 1);
    (void)send_well(&world, &content, false, NULL, &before);
    upload_world_forget(&world);
    memmove(content.bytes + 5000000, content.bytes + 5001000, 1000000);
    struct fake_upload_counts counts =
        send_well(&world, &content, false, &before.xet_hash, &after);
    assert_true(counts.raw > 0 && counts.raw < 1000000);
    free(content.bytes);
    upload_world_end(&world);
}

TEST(test_the_global_index_is_asked_and_believed)
{
    for (int is_keyed = 0; is_keyed < 2; is_keyed++) {
        struct upload_world world;
        struct xet_uploaded uploaded;
        upload_world_begin(&world);
        struct upload_content content = upload_content_new(SIZE, RANDOM, 2);
        (void)send_well(&world, &content, false, NULL, &uploaded);
        upload_world_forget(&world);
        fake_upload_hub_answer(world.hub, true, is_keyed);
        struct fake_upload_counts counts =
            send_well(&world, &content, is_keyed, NULL, &uploaded);
        assert_int_equal(counts.xorbs, 0);
        assert_int_equal(counts.shards, 1);
        assert_in_range(counts.queries, 1, 2);
        free(content.bytes);
        upload_world_end(&world);
    }
}

static uint64_t kept_bytes(struct upload_world *world,
                           const struct upload_content *content,
                           const struct xet_uploaded *uploaded)
{
    static struct piece pieces[1024];
    uint64_t kept = 0;
    AUTO_FREE uint8_t *bytes = malloc(content->size);
    size_t n = chunk_store_pieces(world->store, &uploaded->xet_hash, 0, content->size,
                                  pieces, 1024);
    for (size_t i = 0; i < n; i++) {
        if (!chunk_store_read(world->store, &pieces[i].object, pieces[i].first, 0, bytes,
                              pieces[i].length)) {
            assert_memory_equal(bytes, content->bytes + pieces[i].offset,
                                pieces[i].length);
            kept += pieces[i].length;
        }
    }
    return kept;
}

TEST(test_what_was_uploaded_is_in_the_chunk_store)
{
    struct upload_world world;
    struct xet_uploaded uploaded;
    upload_world_begin(&world);
    for (int kind = RANDOM; kind <= ZEROS; kind++) {
        struct upload_content content = upload_content_new(SIZE, kind, 3);
        (void)send_well(&world, &content, false, NULL, &uploaded);
        assert_int_equal(kept_bytes(&world, &content, &uploaded), SIZE);
        free(content.bytes);
    }
    upload_world_end(&world);
}

TEST(test_several_files_share_xorbs_and_a_shard)
{
    enum { FILES = 20 };
    struct upload_world world;
    struct upload_content contents[FILES];
    struct xet_uploaded uploaded[FILES];
    struct xet_upload *upload;
    upload_world_begin(&world);
    assert_ok(upload_world_session(&world, &upload));
    for (size_t i = 0; i < FILES; i++) {
        contents[i] = upload_content_new(100000 + i * 1000, RANDOM, i / 2);
        assert_ok(xet_upload_file(upload, contents[i].size, upload_content_read,
                                  &contents[i], NULL, NULL, NULL, &uploaded[i]));
    }
    assert_ok(xet_upload_finish(upload, NULL));
    xet_upload_free(upload);
    struct fake_upload_counts counts = fake_upload_hub_counts(world.hub);
    assert_int_equal(counts.xorbs, 1);
    assert_int_equal(counts.shards, 1);
    for (size_t i = 0; i < FILES; i++) {
        assert_true(upload_world_has(&world, &contents[i], &uploaded[i]));
        free(contents[i].bytes);
    }
    upload_world_end(&world);
}

TEST(test_a_long_content_is_cut_into_xorbs)
{
    struct upload_world world;
    struct xet_uploaded uploaded;
    upload_world_begin(&world);
    struct upload_content content = upload_content_new(80000000, RANDOM, 5);
    struct fake_upload_counts counts = send_well(&world, &content, true, NULL, &uploaded);
    assert_int_equal(counts.xorbs, 2);
    assert_in_range(counts.under_way, 1, 4);
    assert_int_equal(counts.raw, content.size);
    free(content.bytes);
    upload_world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents_of_every_kind_and_size_arrive),
        cmocka_unit_test(test_the_file_has_the_published_hash),
        cmocka_unit_test(test_a_scanned_content_is_read_only_where_it_must_be_sent),
        cmocka_unit_test(test_the_base_version_is_known_from_the_chunk_store),
        cmocka_unit_test(test_the_global_index_is_asked_and_believed),
        cmocka_unit_test(test_what_was_uploaded_is_in_the_chunk_store),
        cmocka_unit_test(test_several_files_share_xorbs_and_a_shard),
        cmocka_unit_test(test_a_long_content_is_cut_into_xorbs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
