// SPDX-License-Identifier: Apache-2.0
// A session, from outside. The order that must never change: xorbs, then the shard that names
// them, then (by the caller) the commit that names the files.
#include "xet/upload_state.h"

#include <string.h>

enum { PROGRESS_MS = 100 };

enum err upload_fail(struct xet_upload *upload, enum err err)
{
    if (!upload->err) {
        upload->err = err;
    }
    return upload->err;
}

bool upload_is_cancelled(const struct xet_upload *upload)
{
    const struct xet_upload_config *config = &upload->config;
    return config->is_cancelled && config->is_cancelled(config->ctx);
}

enum err upload_wait(struct xet_upload *upload, uint64_t rings, int64_t deadline_ms)
{
    if (upload_is_cancelled(upload)) {
        return ERR_CANCELLED;
    }
    int64_t poll = clock_now_ms() + UPLOAD_POLL_MS;
    lock_acquire(&upload->bell.lock);
    while (upload->bell.rings == rings &&
           condition_wait_until(&upload->bell.rung, &upload->bell.lock,
                                poll < deadline_ms ? poll : deadline_ms)) {
    }
    lock_release(&upload->bell.lock);
    return ERR_NONE;
}

void upload_tell_progress(struct xet_upload *upload)
{
    int64_t now = clock_now_ms();
    bool is_end = upload->progress.read == upload->progress.total;
    if (upload->config.on_progress &&
        (is_end || now >= upload->told_at_ms + PROGRESS_MS)) {
        upload->told_at_ms = now;
        upload->config.on_progress(upload->config.ctx, &upload->progress);
    }
}

enum err xet_upload_new(const struct xet_upload_config *config, struct why *why,
                        struct xet_upload **out)
{
    struct xet_upload *upload = calloc(1, sizeof(*upload));
    if (!upload) {
        return why_set(why, ERR_NO_MEMORY, "out of memory");
    }
    upload->config = *config;
    upload->uploads = config->uploads;
    upload->uploads->sessions++;
    bell_init(&upload->bell);
    batch_crew_init(&upload->crew, config->pool, &upload->bell);
    upload->revision = strdup(config->target.revision);
    upload->config.target.revision = upload->revision;
    bool is_good = upload->revision != NULL;
    for (size_t i = 0; i < UPLOAD_FLIGHTS; i++) {
        upload->flights[i].upload = upload;
        upload->flights[i].xorb.fd = -1;
    }
    for (size_t i = 0; i < UPLOAD_BATCHES; i++) {
        is_good = !upload_batch_init(&upload->batches[i], &upload->crew) && is_good;
    }
    if (!is_good) {
        xet_upload_free(upload);
        return why_set(why, ERR_NO_MEMORY, "out of memory");
    }
    *out = upload;
    return ERR_NONE;
}

void xet_upload_free(struct xet_upload *upload)
{
    if (!upload) {
        return;
    }
    upload_end_queries(upload);
    upload_end_flights(upload);
    uploads_end_session(upload->uploads);
    xorb_builder_free(upload->builder);
    for (size_t i = 0; i < UPLOAD_BATCHES; i++) {
        upload_batch_release(&upload->batches[i]);
    }
    for (size_t i = 0; i < upload->n_files; i++) {
        free(upload->files[i].terms);
    }
    free(upload->files);
    upload_dedup_release(upload);
    free(upload->revision);
    bell_destroy(&upload->bell);
    free(upload);
}

// ---------------------------------------------------------------- files

static enum err add_file(struct xet_upload *upload, struct upload_file **out)
{
    if (upload->n_files == upload->file_places) {
        size_t places = 2 * upload->file_places + 8;
        struct upload_file *files = realloc(upload->files, places * sizeof(*files));
        if (!files) {
            return ERR_NO_MEMORY;
        }
        upload->files = files;
        upload->file_places = places;
    }
    *out = &upload->files[upload->n_files++];
    **out = (struct upload_file){0};
    return ERR_NONE;
}

static enum err tell_why(struct xet_upload *upload, struct why *why)
{
    if (upload->err) {
        (void)why_set(why, upload->err, "%s", why_text(&upload->why, upload->err));
    }
    return upload->err;
}

enum err xet_upload_file(struct xet_upload *upload, uint64_t size, xet_read_fn read,
                         void *ctx, struct xet_scan *scan,
                         const struct digest *base_xet_hash, struct why *why,
                         struct xet_uploaded *out)
{
    struct upload_file *file;
    if (upload->err || size == 0 || add_file(upload, &file)) {
        (void)upload_fail(upload, size == 0 ? ERR_USAGE : ERR_NO_MEMORY);
        return tell_why(upload, why);
    }
    file->size = size;
    file->read = read;
    file->ctx = ctx;
    file->has_base = base_xet_hash != NULL;
    if (base_xet_hash) {
        file->base = *base_xet_hash;
    }
    upload->progress.total += size;
    // A scan that could not be kept, or of something else, is as good as none.
    struct xet_chunk_list listed;
    bool has_list = scan && !xet_scan_finish(scan, &listed) && listed.size == size;
    if (upload_run_file(upload, file, has_list ? &listed : NULL)) {
        return tell_why(upload, why);
    }
    *out = (struct xet_uploaded){file->sha256, file->hash};
    return ERR_NONE;
}

// ---------------------------------------------------------------- the end

// Everything once more, by our own means alone: the server no longer has, or does not let
// this repository use, something that a shard referred to.
static enum err redo_alone(struct xet_upload *upload)
{
    log_info("xet",
             "the server refused what was uploaded, which refers to older uploads; "
             "sending all of it");
    upload_end_queries(upload);
    upload_end_flights(upload);
    upload->err = ERR_NONE;
    upload->is_alone = true;
    upload->progress.read = 0;
    uploads_forget(upload->uploads);
    for (size_t i = 0; i < upload->n_files; i++) {
        struct upload_file *file = &upload->files[i];
        struct digest before = file->sha256;
        enum err err = upload_run_file(upload, file, NULL);
        if (!err && !digest_equal(&before, &file->sha256)) {
            err = upload_fail(upload,
                              why_set(&upload->why, ERR_STALE,
                                      "the content changed while it was being uploaded"));
        }
        if (err) {
            return err;
        }
    }
    return upload_send_all(upload);
}

enum err xet_upload_finish(struct xet_upload *upload, struct why *why)
{
    enum err err = upload->err ? upload->err : upload_send_all(upload);
    if (!err) {
        err = upload_tell(upload);
    }
    if (err == ERR_USAGE && upload->is_refused && upload->uses_others) {
        err = redo_alone(upload);
        if (!err) {
            err = upload_tell(upload);
        }
    }
    if (!err) {
        upload_keep_pieces(upload);
    }
    return tell_why(upload, why);
}
