// SPDX-License-Identifier: Apache-2.0
#include "xet/uploads.h"

#include <string.h>

enum { GROW_BY = 64 };

enum err xet_uploads_new(const char *dir, struct why *why, struct xet_uploads **out)
{
    struct xet_uploads *uploads = calloc(1, sizeof(*uploads));
    if (!uploads) {
        return ERR_NO_MEMORY;
    }
    uploads->blocks_fd = -1;
    uploads->dir = strdup(dir);
    uploads->chunks = chunk_index_new(UPLOADS_CHUNKS_MAX);
    enum err err = uploads->dir && uploads->chunks ? ERR_NONE : ERR_NO_MEMORY;
    if (!err) {
        err = unnamed_file_open(dir, why, &uploads->blocks_fd);
    }
    if (err) {
        xet_uploads_free(uploads);
        return err;
    }
    *out = uploads;
    return ERR_NONE;
}

void xet_uploads_free(struct xet_uploads *uploads)
{
    if (uploads) {
        if (uploads->blocks_fd >= 0) {
            close(uploads->blocks_fd);
        }
        chunk_index_free(uploads->chunks);
        free(uploads->xorbs);
        free(uploads->dir);
        free(uploads);
    }
}

enum err uploads_open_xorb(struct xet_uploads *uploads, uint32_t *out)
{
    if (uploads->n == uploads->places) {
        uint32_t places = uploads->places + uploads->places / 2 + GROW_BY;
        struct own_xorb *xorbs = realloc(uploads->xorbs, places * sizeof(*xorbs));
        if (!xorbs) {
            return ERR_NO_MEMORY;
        }
        uploads->xorbs = xorbs;
        uploads->places = places;
    }
    uploads->xorbs[uploads->n] =
        (struct own_xorb){.state = OWN_OPEN, .session = uploads->sessions};
    *out = uploads->n++;
    return ERR_NONE;
}

enum err uploads_cut_xorb(struct xet_uploads *uploads, uint32_t number,
                          const struct xorb *xorb, struct why *why)
{
    AUTO(buffer) struct buffer block = buffer_init(SHARD_BYTES_MAX);
    enum err err = shard_encode_xorb(xorb, &block);
    if (!err) {
        err =
            file_pwrite(uploads->blocks_fd, block.bytes, block.len, uploads->blocks_len);
    }
    if (err) {
        return why_set(why, err, "cannot write what is to be uploaded: %s",
                       err_sentence(err));
    }
    struct own_xorb *own = &uploads->xorbs[number];
    own->hash = xorb->hash;
    own->block_at = uploads->blocks_len;
    own->block_len = (uint32_t)block.len;
    uploads->blocks_len += block.len;
    return ERR_NONE;
}

bool uploads_find(const struct xet_uploads *uploads, const struct digest *chunk,
                  const struct chunk_place *wanted, struct chunk_place *out)
{
    struct chunk_place found;
    if (!chunk_index_find(uploads->chunks, chunk, wanted, &found) ||
        uploads->xorbs[found.xorb].state == OWN_DEAD) {
        return false;
    }
    *out = found;
    return true;
}

void uploads_forget(struct xet_uploads *uploads)
{
    chunk_index_clear(uploads->chunks);
    uploads->n = 0;
    uploads->blocks_len = 0;
    (void)!ftruncate(uploads->blocks_fd, 0);
}

static bool is_alive(void *ctx, struct chunk_place place)
{
    const struct xet_uploads *uploads = ctx;
    return uploads->xorbs[place.xorb].state != OWN_DEAD;
}

// What the shards have told is not needed a second time. Places in dead xorbs would stand
// before better ones.
void uploads_end_session(struct xet_uploads *uploads)
{
    bool is_owing = false;
    bool has_lost = false;
    for (uint32_t i = 0; i < uploads->n; i++) {
        struct own_xorb *own = &uploads->xorbs[i];
        own->is_used = false;
        has_lost =
            has_lost || (own->state != OWN_UP && own->session == uploads->sessions);
        if (own->state != OWN_UP) {
            own->state = OWN_DEAD;
        }
        is_owing = is_owing || (own->state == OWN_UP && !own->is_told);
    }
    if (has_lost) {
        chunk_index_filter(uploads->chunks, is_alive, uploads);
    }
    if (!is_owing) {
        uploads->blocks_len = 0;
        (void)!ftruncate(uploads->blocks_fd, 0);
    }
}
