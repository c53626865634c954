// SPDX-License-Identifier: Apache-2.0
// A file is read once for its name, and once more into the chunk store when it is committed. One whose
// commit an earlier process made has no name yet: it gets one, for the store trusts names.
#include "fs/commit_content.h"

enum {
    HASH_STEP = 1 << 18,
    KEEP_STEP = 1 << 20,
};

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

// Its bytes are compared with its name once more, for nobody will do so later (XET_SMALL_BLOB).
static enum err keep_small(struct commit_reading *reading, const struct object_id *blob)
{
    const struct commit_item *item = reading->item;
    size_t size = (size_t)item->size;
    AUTO_FREE uint8_t *bytes = malloc(size > 0 ? size : 1);
    struct oid oid;
    enum err err = bytes != NULL ? ERR_NONE : ERR_NO_MEMORY;
    if (err == ERR_NONE) {
        err = commit_read(reading, 0, bytes, size, NULL);
    }
    if (err == ERR_NONE) {
        err = sha_of_git_object("blob", bytes, size, &oid);
    }
    if (err == ERR_NONE && !oid_equal(&oid, &item->oid)) {
        err = ERR_DAMAGED;
    }
    if (err == ERR_NONE) {
        err = chunk_store_put_blob(reading->work->mount->chunks, blob, 0, bytes, size);
    }
    return err;
}

static enum err keep_large(struct commit_reading *reading, const struct object_id *blob)
{
    uint64_t size = reading->item->size;
    AUTO_FREE uint8_t *bytes = malloc(KEEP_STEP);
    enum err err = bytes != NULL ? ERR_NONE : ERR_NO_MEMORY;
    for (uint64_t at = 0; err == ERR_NONE && at < size; at += KEEP_STEP) {
        size_t len = size - at < KEEP_STEP ? (size_t)(size - at) : KEEP_STEP;
        err = commit_read(reading, at, bytes, len, NULL);
        if (err == ERR_NONE) {
            err =
                chunk_store_put_blob(reading->work->mount->chunks, blob, at, bytes, len);
        }
    }
    return err;
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
    struct commit_reading reading = {.work = work, .item = item};
    if (item->item->has_version || version->has_sha256 ||
        !is_named(work, item, version)) {
        return;
    }
    struct object_id blob = object_of_git_blob(&item->oid);
    enum err err = item->size <= XET_SMALL_BLOB ? keep_small(&reading, &blob)
                                                : keep_large(&reading, &blob);
    if (err != ERR_NONE) {
        log_debug("fs", "what was saved could not be kept: %s", err_name(err));
    }
}
