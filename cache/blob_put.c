// SPDX-License-Identifier: Apache-2.0
// The bytes of a blob go in as runs of 16 blocks.
#include "cache/cache.h"

#include <string.h>

enum { RUN_BLOCKS = 16, RUN_BYTES = RUN_BLOCKS * BLOB_BLOCK_BYTES };

struct object_id object_of_git_blob(const struct oid *oid)
{
    struct object_id blob = {.kind = OBJECT_BLOB};
    memcpy(blob.hash.bytes, oid->bytes, sizeof(oid->bytes));
    return blob;
}

static enum err put_run(struct chunk_store *store, const struct object_id *blob,
                        uint64_t at, const uint8_t *bytes, size_t len)
{
    uint32_t ends[RUN_BLOCKS];
    uint32_t n = 0;
    for (size_t end = 0; end < len; n++) {
        end = len - end < BLOB_BLOCK_BYTES ? len : end + BLOB_BLOCK_BYTES;
        ends[n] = (uint32_t)end;
    }
    return chunk_store_put(store, blob, (uint32_t)(at / BLOB_BLOCK_BYTES), n, ends, NULL,
                           bytes, len);
}

enum err chunk_store_put_blob(struct chunk_store *store, const struct object_id *blob,
                              uint64_t at, const uint8_t *bytes, size_t len)
{
    enum err err = ERR_NONE;
    for (size_t done = 0; !err && done < len; done += RUN_BYTES) {
        size_t run = len - done < RUN_BYTES ? len - done : RUN_BYTES;
        err = put_run(store, blob, at + done, bytes + done, run);
    }
    return err;
}
