// SPDX-License-Identifier: Apache-2.0
// Runs of at most 1 MiB; block k of a blob is at k * 64 KiB.
#include "xet/blob_store.h"

#include "xet/publish.h"

#include <string.h>

struct object_id blob_of_oid(const struct oid *oid)
{
    struct object_id blob = {.kind = OBJECT_BLOB};
    memcpy(blob.hash.bytes, oid->bytes, sizeof(oid->bytes));
    return blob;
}

static size_t run_len(size_t len, size_t at)
{
    return len - at < RUN_BYTES_MAX ? len - at : RUN_BYTES_MAX;
}

static uint32_t block_count(uint64_t len)
{
    return (uint32_t)((len + BLOB_BLOCK_BYTES - 1) / BLOB_BLOCK_BYTES);
}

static enum err store_run(struct chunk_store *store, const struct object_id *blob,
                          size_t at, const uint8_t *bytes, size_t len)
{
    uint32_t ends[RUN_BYTES_MAX / BLOB_BLOCK_BYTES];
    uint32_t n = 0;
    for (size_t end = 0; end < len; n++) {
        end = len - end < BLOB_BLOCK_BYTES ? len : end + BLOB_BLOCK_BYTES;
        ends[n] = (uint32_t)end;
    }
    return chunk_store_put(store, blob, (uint32_t)(at / BLOB_BLOCK_BYTES), n, ends, NULL,
                           bytes, len);
}

enum err blob_store(struct chunk_store *store, const struct object_id *blob,
                    const uint8_t *bytes, size_t len)
{
    enum err err = ERR_NONE;
    for (size_t at = 0; !err && at < len; at += RUN_BYTES_MAX) {
        err = store_run(store, blob, at, bytes + at, run_len(len, at));
    }
    return err;
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
