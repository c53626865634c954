// SPDX-License-Identifier: Apache-2.0
#include "xet/shard_writer.h"

#include "xet/shard_format.h"

#include <string.h>

enum { COPY_BYTES = 65536, GLOBAL_ONE_IN = 1024 };

struct section {
    int fd;
    uint64_t len;
};

struct shard_writer {
    char *dir;
    struct section files;
    struct section xorbs;
    struct buffer block; // one file's records while they are put together
};

bool shard_chunk_is_global(const struct digest *hash, bool is_first)
{
    return is_first || load_u64(hash->bytes + 24) % GLOBAL_ONE_IN == 0;
}

// ---------------------------------------------------------------- records

static enum err append_record(struct buffer *out, const struct digest *hash, uint32_t a,
                              uint32_t b, uint32_t c, uint32_t d)
{
    uint8_t record[SHARD_RECORD_BYTES];
    memcpy(record, hash->bytes, sizeof(hash->bytes));
    store_u32(record + 32, a);
    store_u32(record + 36, b);
    store_u32(record + 40, c);
    store_u32(record + 44, d);
    return buffer_append(out, record, sizeof(record));
}

enum err shard_encode_xorb(const struct xorb *xorb, struct buffer *out)
{
    enum err err = append_record(out, &xorb->hash, 0, (uint32_t)xorb->n,
                                 (uint32_t)xorb->raw, (uint32_t)xorb->len);
    uint32_t offset = 0;
    for (size_t i = 0; i < xorb->n && !err; i++) {
        const struct xorb_chunk *chunk = &xorb->chunks[i];
        uint32_t flags =
            shard_chunk_is_global(&chunk->hash, chunk->is_first) ? SHARD_CHUNK_GLOBAL : 0;
        err = append_record(out, &chunk->hash, offset, chunk->len, flags, 0);
        offset += chunk->len;
    }
    return err;
}

// A shard holds the SHA-256 as if it were a Xet hash: the bytes of its text form, read as
// four words, so each group of eight is reversed.
static struct digest as_xet_hash(const struct digest *sha256)
{
    struct digest turned;
    for (size_t i = 0; i < sizeof(turned.bytes); i++) {
        turned.bytes[i] = sha256->bytes[i / 8 * 8 + 7 - i % 8];
    }
    return turned;
}

static enum err encode_file(const struct shard_file *file, struct buffer *out)
{
    enum err err =
        append_record(out, &file->hash, SHARD_FILE_VERIFICATION | SHARD_FILE_METADATA,
                      (uint32_t)file->n, 0, 0);
    for (size_t i = 0; i < file->n && !err; i++) {
        const struct shard_term *term = &file->terms[i];
        err = append_record(out, &term->xorb, 0, term->bytes, term->first, term->end);
    }
    for (size_t i = 0; i < file->n && !err; i++) {
        err = append_record(out, &file->terms[i].range_hash, 0, 0, 0, 0);
    }
    struct digest sha256 = as_xet_hash(&file->sha256);
    return err ? err : append_record(out, &sha256, 0, 0, 0, 0);
}

// ---------------------------------------------------------------- sections

static enum err section_append(struct section *section, const uint8_t *bytes, size_t len,
                               struct why *why)
{
    enum err err = file_pwrite(section->fd, bytes, len, section->len);
    if (err) {
        return why_set(why, err, "cannot write what is to be uploaded: %s",
                       err_sentence(err));
    }
    section->len += len;
    return ERR_NONE;
}

static enum err section_copy(struct section *to, const struct section *from,
                             struct why *why)
{
    AUTO_FREE uint8_t *bytes = malloc(COPY_BYTES);
    enum err err = bytes ? ERR_NONE : ERR_NO_MEMORY;
    for (uint64_t at = 0; at < from->len && !err;) {
        uint64_t left = from->len - at;
        size_t len = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
        err = file_pread(from->fd, bytes, len, at);
        if (!err) {
            err = section_append(to, bytes, len, why);
        }
        at += len;
    }
    return err;
}

// ---------------------------------------------------------------- the writer

enum err shard_writer_new(const char *dir, struct why *why, struct shard_writer **out)
{
    struct shard_writer *writer = calloc(1, sizeof(*writer));
    if (!writer) {
        return ERR_NO_MEMORY;
    }
    writer->files.fd = -1;
    writer->xorbs.fd = -1;
    writer->block = buffer_init(SHARD_BYTES_MAX);
    writer->dir = strdup(dir);
    enum err err = writer->dir ? ERR_NONE : ERR_NO_MEMORY;
    if (!err) {
        err = unnamed_file_open(dir, why, &writer->files.fd);
    }
    if (!err) {
        err = unnamed_file_open(dir, why, &writer->xorbs.fd);
    }
    if (err) {
        shard_writer_free(writer);
        return err;
    }
    *out = writer;
    return ERR_NONE;
}

void shard_writer_free(struct shard_writer *writer)
{
    if (!writer) {
        return;
    }
    if (writer->files.fd >= 0) {
        close(writer->files.fd);
    }
    if (writer->xorbs.fd >= 0) {
        close(writer->xorbs.fd);
    }
    buffer_release(&writer->block);
    free(writer->dir);
    free(writer);
}

enum err shard_writer_add_file(struct shard_writer *writer, const struct shard_file *file,
                               struct why *why)
{
    buffer_clear(&writer->block);
    enum err err = encode_file(file, &writer->block);
    if (err) {
        return why_set(why, err, "a file has too many pieces to be told to the server");
    }
    return section_append(&writer->files, writer->block.bytes, writer->block.len, why);
}

enum err shard_writer_add_xorb(struct shard_writer *writer, const uint8_t *bytes,
                               size_t len, struct why *why)
{
    return section_append(&writer->xorbs, bytes, len, why);
}

uint64_t shard_writer_size(const struct shard_writer *writer)
{
    return (uint64_t)3 * SHARD_RECORD_BYTES + writer->files.len + writer->xorbs.len;
}

bool shard_writer_is_empty(const struct shard_writer *writer)
{
    return writer->files.len == 0 && writer->xorbs.len == 0;
}

static enum err put_together(struct shard_writer *writer, struct section *shard,
                             struct why *why)
{
    uint8_t header[SHARD_RECORD_BYTES] = {0};
    memcpy(header, SHARD_TAG, sizeof(SHARD_TAG));
    store_u64(header + 32, SHARD_VERSION);
    enum err err = section_append(shard, header, sizeof(header), why);
    if (!err) {
        err = section_copy(shard, &writer->files, why);
    }
    if (!err) {
        err = section_append(shard, SHARD_BOOKEND, sizeof(SHARD_BOOKEND), why);
    }
    if (!err) {
        err = section_copy(shard, &writer->xorbs, why);
    }
    if (!err) {
        err = section_append(shard, SHARD_BOOKEND, sizeof(SHARD_BOOKEND), why);
    }
    return err;
}

enum err shard_writer_finish(struct shard_writer *writer, struct why *why, int *out_fd,
                             uint64_t *out_len)
{
    struct section shard = {.fd = -1};
    enum err err = unnamed_file_open(writer->dir, why, &shard.fd);
    if (!err) {
        err = put_together(writer, &shard, why);
    }
    if (err) {
        if (shard.fd >= 0) {
            close(shard.fd);
        }
        return err;
    }
    writer->files.len = 0;
    writer->xorbs.len = 0;
    *out_fd = shard.fd;
    *out_len = shard.len;
    return ERR_NONE;
}
