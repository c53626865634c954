// SPDX-License-Identifier: Apache-2.0
// A file is read once for its name, and once more into the chunk store when it is committed. One whose
// commit an earlier process made has no name yet: it gets one, for the store trusts names.
#include "fs/commit_content.h"

enum { HASH_STEP = 1 << 18, PUT_BLOCKS = 16 };

enum err commit_content_name(struct commit_work *work, struct commit_item *item,
                             struct why *why)
{
    struct commit_reading reading = {.work = work, .item = item};
    AUTO_FREE uint8_t *bytes = malloc(HASH_STEP);
    struct sha *sha = sha_new_git_object("blob", item->size);
    enum err err = bytes != NULL && sha != NULL ? ERR_NONE : ERR_NO_MEMORY;
    for (uint64_t at = 0; err == ERR_NONE && at < item->size; at += HASH_STEP) {
        size_t len = item->size - at < HASH_STEP ? (size_t)(item->size - at) : HASH_STEP;
        err = commit_read(&reading, at, bytes, len, why);
        if (err == ERR_NONE) {
            sha_update(sha, bytes, len);
        }
    }
    if (err == ERR_NONE) {
        sha_final_1(sha, &item->oid);
        item->has_ours = true;
    }
    sha_free(sha);
    return err;
}

static enum err keep_run(struct commit_reading *reading, const struct object_id *object,
                         uint64_t at, uint8_t *bytes)
{
    const struct commit_item *item = reading->item;
    uint64_t left = item->size - at;
    size_t most = (size_t)PUT_BLOCKS * BLOB_BLOCK_BYTES;
    size_t len = left < most ? (size_t)left : most;
    uint32_t ends[PUT_BLOCKS];
    uint32_t n = 0;
    for (size_t end = 0; end < len;) {
        end = len - end < BLOB_BLOCK_BYTES ? len : end + BLOB_BLOCK_BYTES;
        ends[n++] = (uint32_t)end;
    }
    enum err err = commit_read(reading, at, bytes, len, NULL);
    return err != ERR_NONE ? err
                           : chunk_store_put(reading->work->mount->chunks, object,
                                             (uint32_t)(at / BLOB_BLOCK_BYTES), n, ends,
                                             NULL, bytes, len);
}

static bool is_named(struct commit_work *work, struct commit_item *item,
                     const struct file_version *version)
{
    struct why why = {""};
    return item->has_ours || (item->size == version->size &&
                              commit_content_name(work, item, &why) == ERR_NONE);
}

void commit_content_keep(struct commit_work *work, struct commit_item *item,
                         const struct file_version *version)
{
    struct object_id object = {.kind = OBJECT_BLOB};
    struct commit_reading reading = {.work = work, .item = item};
    size_t step = (size_t)PUT_BLOCKS * BLOB_BLOCK_BYTES;
    if (item->item->has_version || version->has_sha256 ||
        !is_named(work, item, version)) {
        return;
    }
    memcpy(object.hash.bytes, item->oid.bytes, sizeof(item->oid.bytes));
    AUTO_FREE uint8_t *bytes = malloc(step);
    enum err err = bytes != NULL ? ERR_NONE : ERR_NO_MEMORY;
    for (uint64_t at = 0; err == ERR_NONE && at < item->size; at += step) {
        err = keep_run(&reading, &object, at, bytes);
    }
}
