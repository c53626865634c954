// SPDX-License-Identifier: Apache-2.0
#include "xet/xorb_builder.h"

#include "xet/crc64.h"
#include "xet/xet_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { CHUNKS_GROW_BY = 512 };

struct xorb_builder {
    struct xorb xorb;
    size_t places; // allocated in xorb.chunks
    struct hash_tree tree;
};

enum err unnamed_file_open(const char *dir, struct why *why, int *out_fd)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        int error = errno;
        return why_set(why, err_from_errno(error), "cannot make a file in %s: %s", dir,
                       strerror(error));
    }
    *out_fd = fd;
    return ERR_NONE;
}

enum err xorb_builder_new(const char *dir, struct why *why, struct xorb_builder **out)
{
    struct xorb_builder *builder = calloc(1, sizeof(*builder));
    if (!builder) {
        return ERR_NO_MEMORY;
    }
    builder->xorb.fd = -1;
    hash_tree_init(&builder->tree);
    enum err err = unnamed_file_open(dir, why, &builder->xorb.fd);
    if (err) {
        xorb_builder_free(builder);
        return err;
    }
    *out = builder;
    return ERR_NONE;
}

void xorb_builder_free(struct xorb_builder *builder)
{
    if (builder) {
        xorb_release(&builder->xorb);
        free(builder);
    }
}

void xorb_release(struct xorb *xorb)
{
    if (xorb->fd >= 0) {
        close(xorb->fd);
    }
    free(xorb->chunks);
    *xorb = (struct xorb){.fd = -1};
}

static enum err make_places(struct xorb_builder *builder, size_t n)
{
    if (builder->xorb.n + n <= builder->places) {
        return ERR_NONE;
    }
    size_t places = builder->places + n + CHUNKS_GROW_BY;
    struct xorb_chunk *chunks =
        realloc(builder->xorb.chunks, places * sizeof(*builder->xorb.chunks));
    if (!chunks) {
        return ERR_NO_MEMORY;
    }
    builder->xorb.chunks = chunks;
    builder->places = places;
    return ERR_NONE;
}

enum err xorb_builder_add(struct xorb_builder *builder, const struct xorb_chunk *chunks,
                          size_t n, const uint8_t *records, size_t records_len,
                          struct why *why)
{
    struct xorb *xorb = &builder->xorb;
    uint64_t raw = xorb->raw;
    for (size_t i = 0; i < n; i++) {
        raw += chunks[i].len;
    }
    if (xorb->n + n > XORB_CHUNKS_MAX || raw > XORB_RAW_MAX ||
        xorb->len + records_len > XORB_RECORDS_MAX) {
        return why_set(why, ERR_TOO_LARGE, "a xorb would become too large");
    }
    enum err err = make_places(builder, n);
    if (err) {
        return err;
    }
    err = file_pwrite(xorb->fd, records, records_len, xorb->len);
    if (err) {
        return why_set(why, err, "cannot write what is to be uploaded: %s",
                       err_sentence(err));
    }
    for (size_t i = 0; i < n; i++) {
        hash_tree_add(&builder->tree, &chunks[i].hash, chunks[i].len);
        xorb->chunks[xorb->n + i] = chunks[i];
    }
    xorb->n += n;
    xorb->raw = raw;
    xorb->len += records_len;
    xorb->crc64nvme = crc64nvme(xorb->crc64nvme, records, records_len);
    return ERR_NONE;
}

void xorb_builder_finish(struct xorb_builder *builder, struct xorb *out)
{
    hash_tree_root(&builder->tree, &builder->xorb.hash);
    *out = builder->xorb;
    builder->xorb = (struct xorb){.fd = -1};
}
