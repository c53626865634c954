// SPDX-License-Identifier: Apache-2.0
// What the tests of cache/ share: a scratch folder, repeatable content, and puts and reads of
// it. Chunk c of object o has content that is a function of (o, c), so every read can be
// compared without remembering what was written.
#pragma once

#include "cache/cache.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <setjmp.h>

#include <cmocka.h>
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>

#define MIB_BYTES UINT64_C(1048576)

struct scratch {
    char dir[256];
};

static inline uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static inline struct object_id object_number(uint64_t number)
{
    struct object_id object = {number % 2 ? OBJECT_XORB : OBJECT_BLOB, {{0}}};
    for (size_t i = 0; i < 4; i++) {
        store_u64(object.hash.bytes + 8 * i, mix(number * 4 + i));
    }
    return object;
}

// Chunks of 1..`max` bytes.
static inline uint32_t chunk_length(uint64_t object, uint32_t chunk, uint32_t max)
{
    return 1 + (uint32_t)(mix(object * 1000003 + chunk) % max);
}

enum { NOISE_BYTES = 1 << 18 }; // more than twice the longest chunk

static uint8_t content_noise[NOISE_BYTES];
static pthread_once_t noise_once = PTHREAD_ONCE_INIT;

static inline void make_noise(void)
{
    for (uint64_t i = 0; i < NOISE_BYTES; i += 8) {
        store_u64(content_noise + i, mix(i));
    }
}

// A window into noise, and the chunk's name at its head: making content is most of what a
// test under a sanitizer would do.
static inline void fill_chunk(uint64_t object, uint32_t chunk, uint8_t *to, uint32_t len)
{
    pthread_once(&noise_once, make_noise);
    uint64_t name = mix(object) ^ mix(chunk + UINT64_C(77));
    uint8_t head[8];
    store_u64(head, name);
    memcpy(to, content_noise + name % (NOISE_BYTES - CHUNK_BYTES_MAX), len);
    memcpy(to, head, len < sizeof(head) ? len : sizeof(head));
}

static inline struct digest chunk_hash(uint64_t object, uint32_t chunk)
{
    struct digest digest;
    for (size_t i = 0; i < 4; i++) {
        store_u64(digest.bytes + 8 * i, mix(object * 31 + chunk * 7 + i));
    }
    return digest;
}

// Puts chunks [first, first + n) of an object; those of every other object lie apart.
static inline enum err put_chunks(struct chunk_store *store, uint64_t number,
                                  uint32_t first, uint32_t n, uint32_t max)
{
    struct object_id object = object_number(number);
    uint32_t ends[RUN_CHUNKS_MAX];
    struct digest hashes[RUN_CHUNKS_MAX];
    const uint8_t *chunks[RUN_CHUNKS_MAX];
    uint8_t *data = malloc((size_t)n * max);
    uint32_t at = 0;
    bool is_apart = number % 2 > 0;
    assert_non_null(data);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t len = chunk_length(number, first + i, max);
        uint8_t *chunk = data + (is_apart ? (size_t)(n - 1 - i) * max : at);
        fill_chunk(number, first + i, chunk, len);
        hashes[i] = chunk_hash(number, first + i);
        chunks[i] = chunk;
        at += len;
        ends[i] = at;
    }
    const struct digest *known = object.kind == OBJECT_XORB ? hashes : NULL;
    enum err err =
        is_apart ? chunk_store_put_chunks(store, &object, first, n, ends, known, chunks)
                 : chunk_store_put(store, &object, first, n, ends, known, data, at);
    free(data);
    return err;
}

// Reads chunk by chunk and compares; how many were there. A wrong byte fails the test.
static inline uint32_t count_right_chunks(struct chunk_store *store, uint64_t number,
                                          uint32_t first, uint32_t n, uint32_t max)
{
    struct object_id object = object_number(number);
    uint8_t *want = malloc(max);
    uint8_t *got = malloc(max);
    uint32_t there = 0;
    assert_non_null(want);
    assert_non_null(got);
    for (uint32_t i = first; i < first + n; i++) {
        uint32_t len = chunk_length(number, i, max);
        enum err err = chunk_store_read(store, &object, i, 0, got, len);
        if (err == ERR_NONE) {
            fill_chunk(number, i, want, len);
            assert_memory_equal(want, got, len);
            there++;
        } else {
            assert_int_equal(err, ERR_ABSENT);
        }
    }
    free(want);
    free(got);
    return there;
}

static inline struct scratch scratch_make(void)
{
    struct scratch scratch;
    const char *base = getenv("TMPDIR");
    snprintf(scratch.dir, sizeof(scratch.dir), "%s/hugfs-cache-XXXXXX",
             base ? base : "/tmp");
    assert_non_null(mkdtemp(scratch.dir));
    return scratch;
}

static inline int remove_one(const char *path, const struct stat *status, int kind,
                             struct FTW *ftw)
{
    (void)status;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void remove_tree(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void scratch_remove(struct scratch *scratch)
{
    remove_tree(scratch->dir);
}

static inline struct chunk_store *open_store(const char *dir, uint64_t budget)
{
    struct chunk_store_config config = {dir, budget, 0};
    struct chunk_store *store = NULL;
    struct why why = {{0}};
    enum err err = chunk_store_open(&config, &why, &store);
    if (err) {
        fail_msg("%s: %s", err_name(err), why.text);
    }
    return store;
}

// Bytes of all files below a folder, by allocated length.
static inline uint64_t folder_bytes(const char *dir)
{
    uint64_t bytes = 0;
    DIR *handle = opendir(dir);
    const struct dirent *entry = NULL;
    while (handle && (entry = readdir(handle))) {
        char path[PATH_MAX];
        struct stat status;
        int len = snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        if (len >= PATH_MAX || entry->d_name[0] == '.' || lstat(path, &status) != 0) {
            continue;
        }
        bytes += S_ISDIR(status.st_mode) ? folder_bytes(path) : (uint64_t)status.st_size;
    }
    if (handle) {
        closedir(handle);
    }
    return bytes;
}

// The number of the segment that was opened last.
static inline uint64_t newest_segment(const char *dir)
{
    char path[512];
    uint64_t newest = 0;
    snprintf(path, sizeof(path), "%s/segments", dir);
    DIR *handle = opendir(path);
    const struct dirent *entry = NULL;
    while (handle && (entry = readdir(handle))) {
        uint64_t id = strtoull(entry->d_name, NULL, 16);
        newest = id > newest ? id : newest;
    }
    if (handle) {
        closedir(handle);
    }
    assert_true(newest > 0);
    return newest;
}

// Its path, valid until the next call.
static inline const char *newest_segment_path(const char *dir)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/segments/%016llx", dir,
             (unsigned long long)newest_segment(dir));
    return path;
}

static inline void sleep_ms(int64_t ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

// Waits until nothing is only in memory; false when it stays so.
static inline bool wait_until_settled(struct chunk_store *store)
{
    for (int i = 0; i < 500; i++) {
        struct chunk_store_stats stats;
        chunk_store_stats(store, &stats);
        if (stats.volatile_bytes == 0 && !stats.degraded) {
            return true;
        }
        sleep_ms(10);
    }
    return false;
}
