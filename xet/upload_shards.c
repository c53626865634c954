// SPDX-License-Identifier: Apache-2.0
// The shards of a session: first what the new xorbs hold, then the files, in as few shards as
// their size allows. Nothing of it is sent before every xorb has arrived.
#include "xet/upload_state.h"

enum { SHARD_MS = 10 * 60 * 1000, PIECES_AT_ONCE = 256 };

static void shard_sent(void *ctx, enum err err, const struct why *why)
{
    struct xet_upload *upload = ctx;
    lock_acquire(&upload->bell.lock);
    upload->shard_err = err;
    upload->shard_why = why ? *why : (struct why){{0}};
    upload->is_shard_done = true;
    bell_ring(&upload->bell);
    lock_release(&upload->bell.lock);
}

static bool is_shard_done(struct xet_upload *upload)
{
    lock_acquire(&upload->bell.lock);
    bool is_done = upload->is_shard_done;
    lock_release(&upload->bell.lock);
    return is_done;
}

// Once it has been cancelled it ends soon.
static enum err await_shard(struct xet_upload *upload, hub_ticket ticket)
{
    enum err cancelled = ERR_NONE;
    for (;;) {
        uint64_t rings = bell_rings(&upload->bell);
        if (is_shard_done(upload)) {
            break;
        }
        enum err err = upload_wait(upload, rings, DEADLINE_NONE);
        if (err && !cancelled) {
            cancelled = err;
            hub_cancel(upload->config.hub, ticket);
        }
        if (cancelled) {
            lock_acquire(&upload->bell.lock);
            while (!upload->is_shard_done) {
                condition_wait(&upload->bell.rung, &upload->bell.lock);
            }
            lock_release(&upload->bell.lock);
        }
    }
    return upload->shard_err;
}

static enum err send_shard(struct xet_upload *upload, struct shard_writer *writer)
{
    AUTO_CLOSE int fd = -1;
    uint64_t len = 0;
    enum err err = shard_writer_finish(writer, &upload->why, &fd, &len);
    if (err) {
        return upload_fail(upload, err);
    }
    upload->is_shard_done = false;
    const struct hub_call call = {.class = HUB_DEMAND,
                                  .deadline_ms = clock_now_ms() + SHARD_MS,
                                  .reason = "upload"};
    hub_ticket ticket =
        cas_upload_shard(upload->config.hub, &call, &upload->config.target, fd, 0, len,
                         shard_sent, upload);
    err = await_shard(upload, ticket);
    if (err) {
        upload->is_refused = err == ERR_USAGE;
        upload->why = upload->shard_why;
        return upload_fail(upload, err);
    }
    return ERR_NONE;
}

// ---------------------------------------------------------------- what they tell

static enum err make_room(struct xet_upload *upload, struct shard_writer *writer,
                          uint64_t bytes)
{
    return shard_writer_size(writer) + bytes > SHARD_BYTES_MAX &&
                   !shard_writer_is_empty(writer)
               ? send_shard(upload, writer)
               : ERR_NONE;
}

static enum err tell_xorb(struct xet_upload *upload, struct shard_writer *writer,
                          const struct own_xorb *own)
{
    AUTO_FREE uint8_t *block = malloc(own->block_len);
    enum err err = block ? make_room(upload, writer, own->block_len) : ERR_NO_MEMORY;
    if (!err) {
        err =
            file_pread(upload->uploads->blocks_fd, block, own->block_len, own->block_at);
    }
    if (!err) {
        err = shard_writer_add_xorb(writer, block, own->block_len, &upload->why);
    }
    return err ? upload_fail(upload, err) : ERR_NONE;
}

static enum err tell_file(struct xet_upload *upload, struct shard_writer *writer,
                          const struct upload_file *file)
{
    AUTO_FREE struct shard_term *terms = calloc(file->n, sizeof(*terms));
    uint64_t bytes = (uint64_t)(2 * file->n + 2) * 48;
    enum err err = terms ? make_room(upload, writer, bytes) : ERR_NO_MEMORY;
    for (size_t i = 0; i < file->n && !err; i++) {
        const struct term *term = &file->terms[i];
        terms[i] = (struct shard_term){
            .xorb = *upload_xorb_hash(upload, term->xorb),
            .range_hash = term->range_hash,
            .first = term->first,
            .end = term->end,
            .bytes = term->bytes,
        };
    }
    if (!err) {
        const struct shard_file told = {file->hash, file->sha256, terms, file->n};
        err = shard_writer_add_file(writer, &told, &upload->why);
    }
    return err ? upload_fail(upload, err) : ERR_NONE;
}

static enum err tell_all(struct xet_upload *upload, struct shard_writer *writer)
{
    struct xet_uploads *uploads = upload->uploads;
    enum err err = ERR_NONE;
    for (uint32_t i = 0; i < uploads->n && !err; i++) {
        const struct own_xorb *own = &uploads->xorbs[i];
        if (own->is_used && !own->is_told) {
            err = tell_xorb(upload, writer, own);
        }
    }
    for (size_t i = 0; i < upload->n_files && !err; i++) {
        if (!upload->files[i].is_told) {
            err = tell_file(upload, writer, &upload->files[i]);
        }
    }
    if (!err && !shard_writer_is_empty(writer)) {
        err = send_shard(upload, writer);
    }
    return err;
}

enum err upload_tell(struct xet_upload *upload)
{
    struct shard_writer *writer;
    if (upload->n_files == 0) {
        return ERR_NONE;
    }
    enum err err = shard_writer_new(upload->uploads->dir, &upload->why, &writer);
    if (err) {
        return upload_fail(upload, err);
    }
    err = tell_all(upload, writer);
    shard_writer_free(writer);
    for (uint32_t i = 0; i < upload->uploads->n && !err; i++) {
        struct own_xorb *own = &upload->uploads->xorbs[i];
        own->is_told = own->is_told || own->is_used;
    }
    for (size_t i = 0; i < upload->n_files && !err; i++) {
        upload->files[i].is_told = true;
    }
    return err;
}

// ---------------------------------------------------------------- pieces

static void keep_pieces_of(struct xet_upload *upload, const struct upload_file *file)
{
    struct piece pieces[PIECES_AT_ONCE];
    uint64_t offset = 0;
    size_t n = 0;
    for (size_t i = 0; i < file->n; i++) {
        const struct term *term = &file->terms[i];
        pieces[n++] = (struct piece){
            .offset = offset,
            .length = term->bytes,
            .object = {OBJECT_XORB, *upload_xorb_hash(upload, term->xorb)},
            .first = term->first,
            .n = term->end - term->first,
        };
        offset += term->bytes;
        if (n == PIECES_AT_ONCE || i + 1 == file->n) {
            if (chunk_store_put_pieces(upload->config.store, &file->hash, file->size,
                                       pieces, n)) {
                return;
            }
            n = 0;
        }
    }
}

void upload_keep_pieces(struct xet_upload *upload)
{
    if (!upload->config.store) {
        return;
    }
    for (size_t i = 0; i < upload->n_files; i++) {
        keep_pieces_of(upload, &upload->files[i]);
    }
    // A process that finds the commit of one that was killed does not upload again.
    enum err err = chunk_store_flush(upload->config.store);
    if (err) {
        log_debug("xet", "where uploaded files are in the store may be forgotten: %s",
                  err_name(err));
    }
}
