// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/xet/fake_upload_inside.h"

#include "xet/chunk_record.h"
#include "xet/crc64.h"
#include "xet/shard_format.h"
#include "xet/xet_hash.h"
#include "xet/xorb_builder.h"

#include <string.h>

void fake_upload_forget(struct hub *hub)
{
    for (size_t i = 0; i < hub->n_stored; i++) {
        free(hub->stored[i].bytes);
        free(hub->stored[i].ends);
        free(hub->stored[i].chunks);
    }
    for (size_t i = 0; i < hub->n_told; i++) {
        free(hub->told[i].terms);
    }
    hub->n_stored = 0;
    hub->n_told = 0;
}

struct stored *fake_upload_stored(struct hub *hub, const void *hash)
{
    for (size_t i = 0; i < hub->n_stored; i++) {
        if (memcmp(&hub->stored[i].hash, hash, 32) == 0) {
            return &hub->stored[i];
        }
    }
    return NULL;
}

// ---------------------------------------------------------------- xorbs

// Decodes every record; false when anything about the xorb is not as it must be.
static bool take_apart(const uint8_t *records, size_t len, struct stored *out)
{
    struct record_decoder decoder;
    struct hash_tree tree;
    uint32_t raw = 0;
    bool is_good = record_decoder_init(&decoder) == ERR_NONE;
    hash_tree_init(&tree);
    out->bytes = malloc(XORB_RECORDS_MAX);
    out->ends = calloc(XORB_CHUNKS_MAX, sizeof(*out->ends));
    out->chunks = calloc(XORB_CHUNKS_MAX, sizeof(*out->chunks));
    for (size_t at = 0; at < len && is_good;) {
        struct chunk_record record;
        is_good =
            out->n < XORB_CHUNKS_MAX && at + RECORD_HEADER_BYTES <= len &&
            !chunk_record_parse(records + at, NULL, &record) &&
            at + RECORD_HEADER_BYTES + record.packed_len <= len &&
            raw + record.len <= XORB_RECORDS_MAX &&
            !chunk_record_decode(&decoder, &record, records + at + RECORD_HEADER_BYTES,
                                 NULL, out->bytes + raw);
        if (is_good) {
            xet_hash_chunk(out->bytes + raw, record.len, &out->chunks[out->n]);
            hash_tree_add(&tree, &out->chunks[out->n], record.len);
            raw += record.len;
            out->ends[out->n++] = raw;
            at += RECORD_HEADER_BYTES + record.packed_len;
        }
    }
    hash_tree_root(&tree, &out->hash);
    record_decoder_release(&decoder);
    uint8_t *smaller = realloc(out->bytes, raw + 1);
    out->bytes = smaller ? smaller : out->bytes;
    return is_good && out->n > 0;
}

enum err fake_upload_take_xorb(struct hub *hub, struct verb_call *call)
{
    uint8_t *records = malloc(call->len + 1);
    struct stored stored = {.n = 0};
    bool is_good = call->len <= XORB_RECORDS_MAX &&
                   !file_pread(call->fd, records, call->len, 0) &&
                   crc64nvme_portable(0, records, call->len) == call->crc &&
                   take_apart(records, call->len, &stored) &&
                   digest_equal(&stored.hash, &call->hash);
    free(records);
    lock_acquire(&hub->lock);
    bool is_known = is_good && fake_upload_stored(hub, &stored.hash);
    bool fails = hub->fault == UPLOAD_FAULT_XORB && --hub->fault_in == 0;
    hub->counts.xorbs++;
    hub->counts.known += is_known;
    bool is_kept = is_good && !is_known && !fails && hub->n_stored < STORED_MAX;
    if (is_kept) {
        hub->counts.raw += stored.ends[stored.n - 1];
        hub->stored[hub->n_stored++] = stored;
    }
    lock_release(&hub->lock);
    if (!is_kept) {
        free(stored.bytes);
        free(stored.ends);
        free(stored.chunks);
    }
    return fails ? ERR_SERVER : is_kept || is_known ? ERR_NONE : ERR_USAGE;
}

// ---------------------------------------------------------------- shards

uint32_t fake_upload_length(const struct stored *xorb, uint32_t first, uint32_t end)
{
    return xorb->ends[end - 1] - (first > 0 ? xorb->ends[first - 1] : 0);
}

static bool check_term(struct hub *hub, const uint8_t *term, const uint8_t *verification,
                       struct hash_tree *tree)
{
    const struct stored *xorb = fake_upload_stored(hub, term);
    uint32_t first = load_u32(term + 40);
    uint32_t end = load_u32(term + 44);
    struct digest range;
    if (!xorb || first >= end || end > xorb->n ||
        fake_upload_length(xorb, first, end) != load_u32(term + 36)) {
        return false;
    }
    xet_hash_range(xorb->chunks + first, end - first, &range);
    for (uint32_t i = first; i < end; i++) {
        hash_tree_add(tree, &xorb->chunks[i], fake_upload_length(xorb, i, i + 1));
    }
    return memcmp(&range, verification, 32) == 0;
}

// A file's records; 0 when something is wrong, else how many bytes they are.
static size_t take_file(struct hub *hub, const uint8_t *at, size_t left)
{
    struct hash_tree tree;
    struct digest hash;
    uint32_t n = load_u32(at + 36);
    size_t bytes = (size_t)(2 * n + 2) * SHARD_RECORD_BYTES;
    if (load_u32(at + 32) != (SHARD_FILE_VERIFICATION | SHARD_FILE_METADATA) || n == 0 ||
        bytes > left || hub->n_told == FILES_MAX) {
        return 0;
    }
    hash_tree_init(&tree);
    const uint8_t *terms = at + SHARD_RECORD_BYTES;
    const uint8_t *ranges = terms + (size_t)n * SHARD_RECORD_BYTES;
    for (uint32_t i = 0; i < n; i++) {
        size_t offset = (size_t)i * SHARD_RECORD_BYTES;
        if (!check_term(hub, terms + offset, ranges + offset, &tree)) {
            return 0;
        }
    }
    hash_tree_file(&tree, &hash);
    if (memcmp(&hash, at, 32) != 0) {
        return 0;
    }
    struct told *told = &hub->told[hub->n_told++];
    *told = (struct told){.hash = hash, .n = n};
    told->terms = malloc((size_t)n * SHARD_RECORD_BYTES);
    memcpy(told->terms, terms, (size_t)n * SHARD_RECORD_BYTES);
    const uint8_t *sha = ranges + (size_t)n * SHARD_RECORD_BYTES;
    for (size_t i = 0; i < 32; i++) {
        told->sha256.bytes[i] = sha[i / 8 * 8 + 7 - i % 8];
    }
    return bytes;
}

static size_t take_info(struct hub *hub, const uint8_t *at, size_t left)
{
    const struct stored *xorb = fake_upload_stored(hub, at);
    uint32_t n = load_u32(at + 36);
    size_t bytes = (size_t)(n + 1) * SHARD_RECORD_BYTES;
    if (!xorb || n != xorb->n || bytes > left || load_u32(at + 40) != xorb->ends[n - 1]) {
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *chunk = at + (size_t)(i + 1) * SHARD_RECORD_BYTES;
        if (memcmp(chunk, &xorb->chunks[i], 32) != 0 ||
            load_u32(chunk + 36) != fake_upload_length(xorb, i, i + 1) ||
            load_u32(chunk + 32) + load_u32(chunk + 36) != xorb->ends[i]) {
            return 0;
        }
    }
    return bytes;
}

static bool take_sections(struct hub *hub, const uint8_t *shard, size_t len)
{
    size_t at = SHARD_RECORD_BYTES;
    if (len < at || memcmp(shard, SHARD_TAG, 32) != 0 || load_u64(shard + 32) != 2 ||
        load_u64(shard + 40) != 0) {
        return false;
    }
    for (int section = 0; section < 2; section++) {
        while (at + SHARD_RECORD_BYTES <= len &&
               memcmp(shard + at, SHARD_BOOKEND, SHARD_RECORD_BYTES) != 0) {
            size_t bytes = section == 0 ? take_file(hub, shard + at, len - at)
                                        : take_info(hub, shard + at, len - at);
            if (bytes == 0) {
                return false;
            }
            at += bytes;
        }
        at += SHARD_RECORD_BYTES;
    }
    return at == len;
}

enum err fake_upload_take_shard(struct hub *hub, struct verb_call *call)
{
    uint8_t *shard = malloc(call->len + 1);
    bool is_good = file_pread(call->fd, shard, call->len, 0) == ERR_NONE;
    lock_acquire(&hub->lock);
    hub->counts.shards++;
    if (hub->fault == UPLOAD_FAULT_FORGET) {
        hub->fault = UPLOAD_FAULT_NONE;
        fake_upload_forget(hub);
    }
    is_good = is_good && hub->fault != UPLOAD_FAULT_SHARD &&
              take_sections(hub, shard, call->len);
    lock_release(&hub->lock);
    free(shard);
    return is_good ? ERR_NONE : ERR_USAGE;
}

bool fake_upload_hub_file(struct hub *hub, const struct digest *hash,
                          const struct digest *sha256, struct buffer *out)
{
    buffer_clear(out);
    for (size_t i = 0; i < hub->n_told; i++) {
        const struct told *told = &hub->told[i];
        if (!digest_equal(&told->hash, hash) || !digest_equal(&told->sha256, sha256)) {
            continue;
        }
        for (size_t t = 0; t < told->n; t++) {
            const uint8_t *term = told->terms + t * SHARD_RECORD_BYTES;
            const struct stored *xorb = fake_upload_stored(hub, term);
            uint32_t first = load_u32(term + 40);
            uint32_t from = first > 0 ? xorb->ends[first - 1] : 0;
            if (buffer_append(out, xorb->bytes + from, load_u32(term + 36))) {
                return false;
            }
        }
        return true;
    }
    return false;
}
