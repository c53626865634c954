// SPDX-License-Identifier: Apache-2.0
// A store whose only segment is any bytes: opening rebuilds what can be, and the store works
// afterwards.
#include "cache/cache.h"
#include "cache/segment_record.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Not assert(): the fuzz preset builds with NDEBUG.
static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static int remove_one(const char *path, const struct stat *status, int kind,
                      struct FTW *ftw)
{
    (void)status;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void write_segment(const char *dir, const uint8_t *data, size_t size)
{
    static const struct store_uuid uuid = {
        {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    char path[256];
    uint8_t header[SEGMENT_HEADER_BYTES];
    segment_header_encode(header, &uuid, 3);
    snprintf(path, sizeof(path), "%s/segments", dir);
    must(mkdir(path, 0700) == 0);
    snprintf(path, sizeof(path), "%s/segments/0000000000000003", dir);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    must(fd >= 0);
    bool has_header = size > 0 && data[0] % 4 != 0;
    if (has_header) {
        must(file_pwrite(fd, header, sizeof(header), 0) == ERR_NONE);
    }
    must(file_pwrite(fd, data, size, has_header ? sizeof(header) : 0) == ERR_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char dir[] = "/dev/shm/hugfs-fuzz-XXXXXX";
    log_set_level(LOG_LEVEL_ERROR);
    if (size > 65536 || !mkdtemp(dir)) {
        return 0;
    }
    write_segment(dir, data, size);
    struct chunk_store_config config = {dir, 64 << 20, 0};
    struct chunk_store *store = NULL;
    must(chunk_store_open(&config, NULL, &store) == ERR_NONE);
    struct object_id object = {OBJECT_XORB, {{5}}};
    uint32_t ends[2] = {3, 8};
    uint8_t back[8];
    must(chunk_store_put(store, &object, 9, 2, ends, NULL, "abcdefgh", 8) == ERR_NONE);
    must(chunk_store_read(store, &object, 9, 0, back, 8) == ERR_NONE);
    must(memcmp(back, "abcdefgh", 8) == 0);
    chunk_store_close(store);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
