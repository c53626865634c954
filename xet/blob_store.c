// SPDX-License-Identifier: Apache-2.0
// Runs of at most 1 MiB; block k of a blob is at k * 64 KiB.
#include "xet/blob_store.h"

#include "xet/publish.h"

static size_t run_len(size_t len, size_t at)
{
    return len - at < RUN_BYTES_MAX ? len - at : RUN_BYTES_MAX;
}

static uint32_t block_count(uint64_t len)
{
    return (uint32_t)((len + BLOB_BLOCK_BYTES - 1) / BLOB_BLOCK_BYTES);
}

bool blob_is_stored(const struct xet_file *file)
{
    uint32_t n = 0;
    uint64_t bytes = 0;
    chunk_store_extent(file->xet->store, &file->blob, 0, block_count(file->content.size),
                       &n, &bytes);
    return bytes == file->content.size;
}

void blob_publish(const struct fetch_unit *unit)
{
    struct xet_file *file = unit->file;
    size_t size = (size_t)file->content.size;
    struct publisher publisher = {
        .file = file,
        .is_ahead = unit->class != HUB_DEMAND,
    };
    for (size_t at = 0; at < size; at += RUN_BYTES_MAX) {
        size_t len = run_len(size, at);
        struct piece piece = {at, len, file->blob, (uint32_t)(at / BLOB_BLOCK_BYTES),
                              block_count(len)};
        publish_piece(&publisher, &piece);
    }
    publish_flush(&publisher);
}
