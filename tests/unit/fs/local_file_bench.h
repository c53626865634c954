// SPDX-License-Identifier: Apache-2.0
// One local file over a journal of its own, and restarts. The content of a base is the test's: the
// functions of fs/content.h and fs/content_read.h that a local file calls are defined here, so the
// library's are not linked. One program includes this once.
#pragma once

#include "fs/content_read.h"
#include "fs/local_file.h"
#include "fs/local_scan.h"
#include "tests/unit/unit_test.h"

#include <ftw.h>

enum { PLACES = 96 * 1024, VERSIONS = 64, ID = 7 };

struct bytes {
    uint8_t bytes[PLACES];
    size_t size;
};

// ------------------------------------------------------------------------ contents of bases

static struct bytes versions[VERSIONS]; // by the first byte of their oid
static size_t n_versions;
static unsigned n_contents;

enum err content_of_version(struct content_cache *cache, const struct repo_id *repo,
                            uint64_t ino, const struct file_version *version,
                            struct content **out)
{
    (void)cache;
    (void)repo;
    struct content *content = calloc(1, sizeof(*content));
    assert_non_null(content);
    assert_int_equal(ino, ID);
    content->ino = version->oid.bytes[0];
    atomic_init(&content->references, 1);
    n_contents++;
    *out = content;
    return ERR_NONE;
}

struct content *content_ref(struct content *content)
{
    atomic_fetch_add(&content->references, 1);
    return content;
}

void content_put(struct content *content)
{
    if (atomic_fetch_sub(&content->references, 1) == 1) {
        free(content);
        n_contents--;
    }
}

void content_discard(struct content_cache *cache, struct content *content)
{
    (void)cache;
    content_put(content);
}

enum err content_read(struct content *content, struct wait_owner *owner, uint64_t offset,
                      void *to, size_t len, struct why *why)
{
    (void)owner;
    (void)why;
    assert_true(offset + len <= versions[content->ino].size);
    memcpy(to, versions[content->ino].bytes + offset, len);
    return ERR_NONE;
}

static inline struct file_version add_version(const struct bytes *bytes)
{
    struct file_version version = {.size = bytes->size};
    n_versions = (n_versions + 1) % VERSIONS; // older ones are bases no more
    versions[n_versions] = *bytes;
    version.oid.bytes[0] = (uint8_t)n_versions;
    version.path = strdup("file");
    assert_non_null(version.path);
    return version;
}

static inline struct bytes filled(char with, size_t size)
{
    struct bytes bytes = {.size = size};
    memset(bytes.bytes, with, size);
    return bytes;
}

// -------------------------------------------------------------------------------- the bench

static struct bench {
    char dir[32];
    struct journal *journal;
    struct repo_id repo;
    struct local_file_parts parts;
    struct local_file *file;
    struct local_scanner *scanner;
    bool has_row;
} bench;

static inline void open_journal(void)
{
    const struct journal_config config = {.dir = bench.dir, .first_id = 100};
    struct why why = {""};
    assert_ok(journal_open(&config, &why, &bench.journal));
    bench.parts = (struct local_file_parts){bench.journal, NULL, &bench.repo};
}

static inline int begin_file(void **state)
{
    (void)state;
    bench = (struct bench){.repo = {REPO_MODEL, "owner/name"}};
    snprintf(bench.dir, sizeof(bench.dir), "/tmp/hugfs-test-XXXXXX");
    if (mkdtemp(bench.dir) == NULL) {
        return 1;
    }
    open_journal();
    return 0;
}

static inline int remove_one(const char *path, const struct stat *status, int kind,
                             struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline int end_file(void **state)
{
    (void)state;
    local_scanner_close(bench.scanner); // before its scans are given back, as in a mount
    local_file_put(bench.file);
    assert_int_equal(journal_close(bench.journal), ERR_NONE);
    assert_int_equal(n_contents, 0);
    return nftw(bench.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void make_file(const struct bytes *base)
{
    struct file_version version = {.path = NULL};
    if (base != NULL) {
        version = add_version(base);
    }
    assert_ok(
        local_file_new(&bench.parts, ID, base != NULL ? &version : NULL, &bench.file));
    file_version_release(&version);
}

static inline struct local_file_info info_of(void)
{
    struct local_file_info info;
    local_file_info(bench.file, &info);
    return info;
}

static inline void add_row(struct journal_change *change)
{
    AUTO(file_version) struct file_version base = {.path = NULL};
    AUTO(buffer) struct buffer encoded = buffer_init(JOURNAL_BASE_MAX);
    if (local_file_base(bench.file, &base) == ERR_NONE) {
        assert_ok(file_version_encode(&base, &encoded));
    }
    const struct local_file_row row = {.path = "file",
                                       .base = encoded.bytes,
                                       .base_len = encoded.len,
                                       .state = JOURNAL_SEALED};
    bench.has_row = !info_of().is_clean;
    if (!bench.has_row) {
        journal_change_drop_inode(change, ID);
    } else {
        local_file_put_row(bench.file, change, &row);
    }
}

static inline void seal(void)
{
    struct journal_change *change = journal_change_new();
    add_row(change);
    journal_submit(bench.journal, change, false, NULL, NULL);
    assert_false(info_of().is_dirty);
}

static inline void thaw(void)
{
    struct journal_change *change = journal_change_new();
    uint32_t gone = 0;
    assert_ok(local_file_thaw(bench.file, change, NULL, &gone));
    add_row(change);
    if (gone != 0) {
        journal_change_remove_staging(change, ID, gone);
    }
    journal_submit(bench.journal, change, false, NULL, NULL);
}

static inline void land(const struct bytes *content)
{
    struct journal_change *change = journal_change_new();
    AUTO(file_version) struct file_version version = add_version(content);
    uint32_t gone = 0;
    assert_ok(local_file_landed(bench.file, &version, &gone));
    add_row(change);
    if (gone != 0) {
        journal_change_remove_staging(change, ID, gone);
    }
    journal_submit(bench.journal, change, false, NULL, NULL);
}

static inline enum err load_row(void *ctx, const struct journal_inode *row)
{
    (void)ctx;
    struct file_version base = {.path = NULL};
    struct cursor cursor = cursor_init(row->base, row->base_len);
    if (row->base_len > 0) {
        assert_ok(file_version_decode(&cursor, &base));
    }
    struct why why = {""};
    assert_null(bench.file);
    assert_ok(local_file_load(&bench.parts, row, row->base_len > 0 ? &base : NULL, &why,
                              &bench.file));
    file_version_release(&base);
    return ERR_NONE;
}

// The process ends, and another one begins. False: the file has no row.
static inline bool restart(void)
{
    const struct journal_visitor visitor = {.inode = load_row};
    struct why why = {""};
    local_file_put(STEAL_POINTER(bench.file));
    assert_int_equal(journal_close(bench.journal), ERR_NONE);
    open_journal();
    assert_ok(journal_load(bench.journal, &visitor, &why));
    return bench.file != NULL;
}

static inline void write_at(uint64_t offset, const void *bytes, size_t len)
{
    struct why why = {""};
    assert_ok(local_file_write(bench.file, bytes, len, offset, &why));
}

static inline void truncate_to(uint64_t size)
{
    struct why why = {""};
    assert_ok(local_file_truncate(bench.file, size, &why));
}

// --------------------------------------------------------------------------------- reading

static inline void read_back(uint64_t offset, size_t len, const struct bytes *expected)
{
    AUTO(file_version) struct file_version base = {.path = NULL};
    AUTO_FREE uint8_t *to = malloc(len + 1);
    assert_non_null(to);
    uint64_t base_offset = 0;
    size_t base_len = 0;
    size_t n = 0;
    local_file_needs(bench.file, offset, len, &base_offset, &base_len);
    const uint8_t *from = NULL;
    if (base_len > 0) {
        assert_ok(local_file_base(bench.file, &base));
        assert_true(base_offset + base_len <= base.size);
        from = versions[base.oid.bytes[0]].bytes + base_offset;
    }
    assert_ok(
        local_file_read(bench.file, offset, len, base_offset, from, base_len, to, &n));
    size_t left = offset < expected->size ? expected->size - (size_t)offset : 0;
    assert_int_equal(n, left < len ? left : len);
    if (n > 0) {
        assert_memory_equal(to, expected->bytes + offset, n);
    }
}

static inline void assert_holes_are_zero(const struct bytes *expected)
{
    for (uint64_t at = 0; at < expected->size;) {
        uint64_t hole = 0;
        uint64_t data = expected->size;
        assert_ok(local_file_seek(bench.file, at, true, &hole));
        assert_in_range(hole, at, expected->size);
        if (hole < expected->size) {
            enum err err = local_file_seek(bench.file, hole, false, &data);
            assert_true(err == ERR_NONE || err == ERR_PAST_END);
        }
        for (uint64_t i = hole; i < data; i++) {
            assert_int_equal(expected->bytes[i], 0);
        }
        at = data;
    }
}

static inline void assert_seen(const struct bytes *expected)
{
    assert_int_equal(info_of().size, expected->size);
    read_back(0, expected->size + 1, expected);
    assert_holes_are_zero(expected);
    if (expected->size > 0) {
        AUTO_FREE uint8_t *to = malloc(expected->size);
        assert_non_null(to);
        assert_ok(local_file_read_whole(bench.file, NULL, to, expected->size, NULL));
        assert_memory_equal(to, expected->bytes, expected->size);
    }
}

static inline void assert_flight(const struct bytes *expected)
{
    AUTO_FREE uint8_t *to = malloc(expected->size + 1);
    assert_non_null(to);
    assert_int_equal(local_file_flight_size(bench.file), expected->size);
    assert_ok(local_file_read_flight(bench.file, NULL, 0, to, expected->size, NULL));
    assert_memory_equal(to, expected->bytes, expected->size);
}

#define WITH_FILE(name) cmocka_unit_test_setup_teardown(name, begin_file, end_file)
