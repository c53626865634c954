// SPDX-License-Identifier: Apache-2.0
// Contents are equal when their kind, name and size are: two listings that give one hash
// different sizes get two objects, so a wrong listing spoils nobody else's.
#include "xet/file_table.h"

static void blob_name(const struct xet_content *content, struct object_id *out)
{
    *out = content->has_sha256
               ? (struct object_id){.kind = OBJECT_BLOB, .hash = content->sha256}
               : object_of_git_blob(&content->oid);
}

static size_t bucket_of(const struct digest *name)
{
    return (size_t)(load_u64(name->bytes) % FILE_BUCKETS);
}

// Nobody else can see it yet.
static struct xet_file *new_file(struct xet *xet,
                                 const struct xet_content *content) NO_THREAD_ANALYSIS
{
    struct xet_file *file = calloc(1, sizeof(*file));
    if (!file) {
        return NULL;
    }
    file->xet = xet;
    file->content = *content;
    blob_name(content, &file->blob);
    file->name = content->has_xet ? content->xet_hash : file->blob.hash;
    if (!file_is_small_blob(file)) {
        file->verified = chunk_store_verified(xet->store, &file->name, content->size);
    }
    return file;
}

void file_free(struct xet_file *file)
{
    free(file);
}

static struct xet_file *find(struct xet *xet, const struct xet_content *content,
                             const struct digest *name) REQUIRES(engine_role)
{
    struct xet_file *file = xet->buckets[bucket_of(name)];
    while (file &&
           !(file->content.has_xet == content->has_xet &&
             file->content.has_sha256 == content->has_sha256 &&
             file->content.size == content->size && digest_equal(&file->name, name))) {
        file = file->chain;
    }
    return file;
}

static void leave_idle(struct xet *xet, struct xet_file *file) REQUIRES(engine_role)
{
    *(file->idle_newer ? &file->idle_newer->idle_older : &xet->idle_newest) =
        file->idle_older;
    *(file->idle_older ? &file->idle_older->idle_newer : &xet->idle_oldest) =
        file->idle_newer;
    file->idle_newer = NULL;
    file->idle_older = NULL;
    xet->idle--;
}

static void take_out(struct xet *xet, struct xet_file *file) REQUIRES(engine_role)
{
    struct xet_file **at = &xet->buckets[bucket_of(&file->name)];
    while (*at != file) {
        at = &(*at)->chain;
    }
    *at = file->chain;
    piece_map_release(&file->map);
    xet->files--;
}

struct xet_file *xet_file_get(struct xet *xet, const struct xet_content *content)
{
    // Made before the lock is taken, because it asks the store; thrown away as a rule.
    struct object_id blob;
    blob_name(content, &blob);
    const struct digest *name = content->has_xet ? &content->xet_hash : &blob.hash;
    engine_lock(xet);
    struct xet_file *file = find(xet, content, name);
    struct xet_file *fresh = NULL;
    if (!file) {
        engine_unlock(xet);
        fresh = new_file(xet, content);
        engine_lock(xet);
        file = find(xet, content, name);
    }
    if (!file && fresh) {
        file = STEAL_POINTER(fresh);
        file->id = ++xet->next_id;
        piece_map_init(&file->map, &xet->pieces);
        file->chain = xet->buckets[bucket_of(name)];
        xet->buckets[bucket_of(name)] = file;
        xet->files++;
    } else if (file && file->refs == 0) {
        leave_idle(xet, file);
    }
    if (file) {
        file->refs++;
    }
    engine_unlock(xet);
    free(fresh);
    return file;
}

void file_unref(struct xet_file *file, struct errands *errands)
{
    struct xet *xet = file->xet;
    if (--file->refs > 0) {
        return;
    }
    file->idle_older = xet->idle_newest;
    file->idle_newer = NULL;
    *(xet->idle_newest ? &xet->idle_newest->idle_newer : &xet->idle_oldest) = file;
    xet->idle_newest = file;
    if (++xet->idle > FILES_IDLE_MAX) {
        struct xet_file *oldest = xet->idle_oldest;
        leave_idle(xet, oldest);
        take_out(xet, oldest);
        oldest->next_unused = errands->unused;
        errands->unused = oldest;
    }
}

void file_put(struct xet_file *file)
{
    struct xet *xet = file->xet;
    struct errands errands = errands_init(xet);
    engine_lock(xet);
    file_unref(file, &errands);
    engine_unlock(xet);
    while (errands.unused) {
        struct xet_file *unused = errands.unused;
        errands.unused = unused->next_unused;
        file_free(unused);
    }
}

void xet_file_put(struct xet *xet, struct xet_file *file)
{
    (void)xet;
    file_put(file);
}

void file_table_release(struct xet *xet)
{
    engine_lock(xet);
    for (size_t i = 0; i < FILE_BUCKETS; i++) {
        while (xet->buckets[i]) {
            struct xet_file *file = xet->buckets[i];
            xet->buckets[i] = file->chain;
            piece_map_release(&file->map);
            file_free(file);
        }
    }
    engine_unlock(xet);
}
