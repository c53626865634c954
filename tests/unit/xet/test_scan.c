// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/unit_test.h"
#include "tests/unit/xet/fake_records.h"
#include "xet/xet.h"
#include "xet/xet_hash.h"

#include <string.h>

static struct worker_pool *new_pool(void)
{
    struct worker_pool *pool = NULL;
    assert_ok(worker_pool_new(2, "scan", &pool));
    return pool;
}

static void assert_hash(const struct xet_chunk_list *list, const char *hex)
{
    static struct hash_tree tree;
    hash_tree_init(&tree);
    for (size_t i = 0; i < list->n; i++) {
        hash_tree_add(&tree, &list->chunks[i].hash, list->chunks[i].len);
    }
    struct digest hash;
    char text[DIGEST_HEX_SIZE];
    hash_tree_file(&tree, &hash);
    digest_to_xet_hex(&hash, text);
    assert_string_equal(text, hex);
}

static void splitmix(uint8_t *to, size_t len, uint64_t state)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = fake_random(&state);
        memcpy(to + i, &word, 8);
    }
}

TEST(test_a_scan_tells_the_published_hashes_however_it_is_fed)
{
    enum { BYTES = 20000000 };
    AUTO_FREE uint8_t *bytes = malloc(BYTES);
    struct worker_pool *pool = new_pool();
    splitmix(bytes, BYTES, 7);
    struct digest sha256;
    sha256_of(bytes, BYTES, &sha256);
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct xet_scan *scan = xet_scan_new(pool);
        uint64_t random = seed;
        for (size_t at = 0; at < BYTES;) {
            size_t part = seed == 0 ? 131072 : (size_t)(fake_random(&random) % 700000);
            part = BYTES - at < part ? BYTES - at : part;
            xet_scan_feed(scan, bytes + at, part);
            at += part;
            assert_int_equal(xet_scan_size(scan), at);
        }
        struct xet_chunk_list list;
        assert_ok(xet_scan_finish(scan, &list));
        assert_ok(xet_scan_finish(scan, &list));
        assert_int_equal(list.n, 323);
        assert_int_equal(list.size, BYTES);
        assert_memory_equal(&list.sha256, &sha256, sizeof(sha256));
        assert_hash(&list,
                    "760946c0f0622fbab0bd240cc751f8c79350a5c68664d0a8f5085c0ed85f1299");
        xet_scan_free(scan);
    }
    worker_pool_free(pool);
}

TEST(test_nothing_has_no_chunks_and_one_byte_has_one)
{
    struct worker_pool *pool = new_pool();
    struct xet_scan *scan = xet_scan_new(pool);
    struct xet_chunk_list list;
    assert_ok(xet_scan_finish(scan, &list));
    assert_int_equal(list.n, 0);
    xet_scan_free(scan);
    scan = xet_scan_new(pool);
    xet_scan_feed(scan, "\x3b", 1);
    assert_ok(xet_scan_finish(scan, &list));
    assert_int_equal(list.n, 1);
    assert_hash(&list,
                "05b7b9477e2310fbd868bb225608dcda380a5e4301eba93f6ce92ed79ac13088");
    xet_scan_free(scan);
    worker_pool_free(pool);
}

TEST(test_a_scan_that_nobody_wants_any_more_ends_at_once)
{
    AUTO_FREE uint8_t *bytes = calloc(1, 1 << 20);
    struct worker_pool *pool = new_pool();
    for (unsigned i = 0; i < 20; i++) {
        struct xet_scan *scan = xet_scan_new(pool);
        xet_scan_feed(scan, bytes, (size_t)i * 50000);
        xet_scan_free(scan);
    }
    xet_scan_free(NULL);
    worker_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_scan_tells_the_published_hashes_however_it_is_fed),
        cmocka_unit_test(test_nothing_has_no_chunks_and_one_byte_has_one),
        cmocka_unit_test(test_a_scan_that_nobody_wants_any_more_ends_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
