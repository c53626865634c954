// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/xet/fake_upload.h"

#include "tests/unit/xet/fake_records.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool is_good)
{
    if (!is_good) {
        abort();
    }
}

void upload_world_begin(struct upload_world *world)
{
    *world = (struct upload_world){.dir = "/tmp/hugfs-upload-XXXXXX"};
    must(mkdtemp(world->dir) != NULL);
    const struct chunk_store_config config = {.dir = world->dir, .budget = 1 << 30};
    must(!chunk_store_open(&config, NULL, &world->store));
    must(!worker_pool_new(2, "upload", &world->pool));
    world->hub = fake_upload_hub_new(world->pool);
    must(!xet_uploads_new(world->dir, NULL, &world->uploads));
}

static int remove_one(const char *path, const struct stat *status, int kind,
                      struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void upload_world_end(struct upload_world *world)
{
    xet_uploads_free(world->uploads);
    worker_pool_free(world->pool);
    fake_upload_hub_free(world->hub);
    chunk_store_close(world->store);
    nftw(world->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void upload_world_forget(struct upload_world *world)
{
    xet_uploads_free(world->uploads);
    must(!xet_uploads_new(world->dir, NULL, &world->uploads));
}

static bool is_cancelled(void *ctx)
{
    struct upload_world *world = ctx;
    return world->is_cancelled;
}

static void on_progress(void *ctx, const struct xet_upload_progress *progress)
{
    struct upload_world *world = ctx;
    world->progress = *progress;
}

enum err upload_world_session(struct upload_world *world, struct xet_upload **out)
{
    const struct xet_upload_config config = {
        .hub = world->hub,
        .pool = world->pool,
        .store = world->store,
        .uploads = world->uploads,
        .target = {.revision = "main"},
        .is_cancelled = is_cancelled,
        .on_progress = on_progress,
        .ctx = world,
    };
    return xet_upload_new(&config, NULL, out);
}

struct upload_content upload_content_new(size_t size, int kind, uint64_t seed)
{
    struct upload_content content = {.bytes = malloc(size + 1), .size = size};
    must(content.bytes != NULL);
    fake_content(content.bytes, size, kind, seed);
    return content;
}

enum err upload_content_read(void *ctx, uint64_t offset, void *to, size_t len,
                             struct why *why)
{
    struct upload_content *content = ctx;
    if (content->read_err) {
        return why_set(why, content->read_err, "the content cannot be read");
    }
    must(offset + len <= content->size);
    memcpy(to, content->bytes + offset, len);
    content->read += len;
    return ERR_NONE;
}

enum err upload_world_send(struct upload_world *world, struct upload_content *content,
                           bool with_scan, const struct digest *base, struct why *why,
                           struct xet_uploaded *out)
{
    struct xet_upload *upload;
    struct xet_scan *scan = with_scan ? xet_scan_new(world->pool) : NULL;
    if (scan) {
        xet_scan_feed(scan, content->bytes, content->size);
    }
    enum err err = upload_world_session(world, &upload);
    must(!err);
    err = xet_upload_file(upload, content->size, upload_content_read, content, scan, base,
                          why, out);
    if (!err) {
        err = xet_upload_finish(upload, why);
    }
    xet_upload_free(upload);
    xet_scan_free(scan);
    return err;
}

bool upload_world_has(struct upload_world *world, const struct upload_content *content,
                      const struct xet_uploaded *uploaded)
{
    AUTO(buffer) struct buffer file = buffer_init(1 << 30);
    struct digest sha256;
    sha256_of(content->bytes, content->size, &sha256);
    return digest_equal(&sha256, &uploaded->sha256) &&
           fake_upload_hub_file(world->hub, &uploaded->xet_hash, &uploaded->sha256,
                                &file) &&
           file.len == content->size &&
           memcmp(file.bytes, content->bytes, content->size) == 0;
}
