// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/xet/fake_file.h"

#include "tests/unit/xet/fake_records.h"
#include "xet/xet_hash.h"

#include <stdlib.h>
#include <string.h>

static void *grow(void *old, size_t bytes)
{
    void *grown = realloc(old, bytes);
    if (!grown) {
        abort();
    }
    return grown;
}

static void seal_xorb(struct fake_xorb *xorb)
{
    struct hash_tree *tree = malloc(sizeof(*tree));
    hash_tree_init(tree);
    for (uint32_t i = 0; i < xorb->n; i++) {
        hash_tree_add(tree, &xorb->chunks[i].hash, xorb->chunks[i].len);
    }
    hash_tree_root(tree, &xorb->hash);
    free(tree);
}

static struct fake_xorb *open_xorb(struct fake_file *file, uint32_t xorb_chunks)
{
    if (file->n_xorbs > 0 && file->xorbs[file->n_xorbs - 1].n < xorb_chunks) {
        return &file->xorbs[file->n_xorbs - 1];
    }
    file->xorbs = grow(file->xorbs, (file->n_xorbs + 1) * sizeof(*file->xorbs));
    struct fake_xorb *xorb = &file->xorbs[file->n_xorbs++];
    memset(xorb, 0, sizeof(*xorb));
    xorb->bytes = buffer_init(SIZE_MAX / 4);
    xorb->chunks = calloc(xorb_chunks, sizeof(*xorb->chunks));
    return xorb;
}

// Stores the bytes as the next chunk of the open xorb.
static void store_chunk(struct fake_file *file, uint32_t xorb_chunks,
                        const uint8_t *bytes, uint32_t len, struct fake_chunk *out)
{
    struct fake_xorb *xorb = open_xorb(file, xorb_chunks);
    struct fake_xorb_chunk *chunk = &xorb->chunks[xorb->n];
    uint64_t number = file->n_stored++;
    chunk->len = len;
    chunk->start = xorb->bytes.len;
    xet_hash_chunk(bytes, len, &chunk->hash);
    fake_append_record(&xorb->bytes, (enum record_scheme)(number % 3),
                       (int)(number / 3 % 3), bytes, len);
    chunk->end = xorb->bytes.len;
    *out = (struct fake_chunk){.len = len, .xorb = file->n_xorbs - 1, .index = xorb->n};
    xorb->n++;
}

static uint32_t cut_length(uint64_t *random, uint64_t left)
{
    uint64_t len =
        fake_random(random) % 16 == 0 ? 131072 : 8192 + fake_random(random) % 90000;
    return (uint32_t)(len < left ? len : left);
}

static void add_chunk(struct fake_file *file, const struct fake_chunk *chunk,
                      uint64_t offset)
{
    file->chunks = grow(file->chunks, (file->n + 1) * sizeof(*file->chunks));
    file->chunks[file->n] = *chunk;
    file->chunks[file->n++].offset = offset;
}

static void cut(struct fake_file *file, uint64_t *random, uint32_t xorb_chunks,
                enum fake_layout layout)
{
    uint8_t foreign[9000];
    fake_content(foreign, sizeof(foreign), 0, 99);
    for (uint64_t at = 0; at < file->size;) {
        uint64_t dice = fake_random(random);
        struct fake_chunk chunk;
        bool repeats = layout == FAKE_REPETITIVE && file->n > 0 && dice % 5 == 0;
        if (repeats && file->chunks[dice / 8 % file->n].len <= file->size - at) {
            chunk = file->chunks[dice / 8 % file->n];
            memcpy(file->bytes + at, file->bytes + chunk.offset, chunk.len);
        } else {
            if (layout == FAKE_REPETITIVE && dice % 7 == 0) {
                store_chunk(file, xorb_chunks, foreign, sizeof(foreign), &chunk);
            }
            uint32_t len = cut_length(random, file->size - at);
            store_chunk(file, xorb_chunks, file->bytes + at, len, &chunk);
        }
        add_chunk(file, &chunk, at);
        at += chunk.len;
    }
}

static void name_file(struct fake_file *file)
{
    struct hash_tree *tree = malloc(sizeof(*tree));
    hash_tree_init(tree);
    for (size_t i = 0; i < file->n; i++) {
        const struct fake_chunk *chunk = &file->chunks[i];
        hash_tree_add(tree, &file->xorbs[chunk->xorb].chunks[chunk->index].hash,
                      chunk->len);
    }
    hash_tree_file(tree, &file->xet_hash);
    free(tree);
    sha256_of(file->bytes, file->size, &file->sha256);
    if (sha_of_git_object("blob", file->bytes, file->size, &file->oid)) {
        abort();
    }
}

struct fake_file *fake_file_new(uint64_t seed, size_t size, int kind,
                                uint32_t xorb_chunks, enum fake_layout layout)
{
    struct fake_file *file = calloc(1, sizeof(*file));
    file->size = size;
    file->bytes = malloc(size + 1);
    fake_content(file->bytes, size, kind, seed);
    uint64_t random = seed;
    cut(file, &random, xorb_chunks, layout);
    for (uint32_t i = 0; i < file->n_xorbs; i++) {
        seal_xorb(&file->xorbs[i]);
    }
    name_file(file);
    return file;
}

void fake_file_free(struct fake_file *file)
{
    for (uint32_t i = 0; i < file->n_xorbs; i++) {
        buffer_release(&file->xorbs[i].bytes);
        free(file->xorbs[i].chunks);
    }
    free(file->xorbs);
    free(file->chunks);
    free(file->bytes);
    free(file);
}

const uint8_t *fake_file_bytes(const struct fake_file *file)
{
    return file->bytes;
}

size_t fake_file_size(const struct fake_file *file)
{
    return file->size;
}

const struct digest *fake_file_xet_hash(const struct fake_file *file)
{
    return &file->xet_hash;
}

const struct digest *fake_file_sha256(const struct fake_file *file)
{
    return &file->sha256;
}

const struct oid *fake_file_oid(const struct fake_file *file)
{
    return &file->oid;
}

uint64_t fake_file_chunk_start(const struct fake_file *file, size_t i)
{
    return file->chunks[i].offset;
}

unsigned fake_file_most_fetched(const struct fake_file *file)
{
    unsigned most = 0;
    for (uint32_t i = 0; i < file->n_xorbs; i++) {
        for (uint32_t k = 0; k < file->xorbs[i].n; k++) {
            unsigned fetched = atomic_load(&file->xorbs[i].chunks[k].fetched);
            most = fetched > most ? fetched : most;
        }
    }
    return most;
}
