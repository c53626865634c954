// SPDX-License-Identifier: Apache-2.0
// Everything is checked when the answer is opened, so that the functions after it can't
// fail: an answer that is wrong in one place is used nowhere.
#include "xet/shard_reader.h"

#include "xet/shard_format.h"
#include "xet/xorb_builder.h"

#include "cache/cache.h"

#include <string.h>

static enum err take_record(struct cursor *cursor, const uint8_t **out)
{
    return cursor_take_bytes(cursor, SHARD_RECORD_BYTES, out);
}

static bool is_bookend(const uint8_t *record)
{
    return memcmp(record, SHARD_BOOKEND, SHARD_RECORD_BYTES) == 0;
}

// Answers have no files, but nothing forbids them: they are passed over.
static enum err skip_files(struct cursor *cursor)
{
    for (;;) {
        const uint8_t *record;
        if (take_record(cursor, &record)) {
            return ERR_MALFORMED;
        }
        if (is_bookend(record)) {
            return ERR_NONE;
        }
        uint32_t flags = load_u32(record + 32);
        uint64_t records = load_u32(record + 36);
        records *= flags & SHARD_FILE_VERIFICATION ? 2 : 1;
        records += flags & SHARD_FILE_METADATA ? 1 : 0;
        if (records > cursor_left(cursor) / SHARD_RECORD_BYTES ||
            cursor_skip(cursor, (size_t)records * SHARD_RECORD_BYTES)) {
            return ERR_MALFORMED;
        }
    }
}

static bool take_xorb(struct cursor *cursor, struct shard_answer_xorb *out)
{
    const uint8_t *record;
    if (take_record(cursor, &record) || is_bookend(record)) {
        return false;
    }
    memcpy(out->hash.bytes, record, sizeof(out->hash.bytes));
    out->n = load_u32(record + 36);
    return out->n <= XORB_CHUNKS_MAX &&
           cursor_take_bytes(cursor, (size_t)out->n * SHARD_RECORD_BYTES, &out->chunks) ==
               ERR_NONE;
}

// A xorb whose chunks don't lie one after the other would give terms of wrong lengths.
static bool is_plausible(const struct shard_answer_xorb *xorb)
{
    uint64_t offset = 0;
    for (uint32_t i = 0; i < xorb->n; i++) {
        const uint8_t *record = xorb->chunks + (size_t)i * SHARD_RECORD_BYTES;
        uint32_t len = load_u32(record + 36);
        if (load_u32(record + 32) != offset || len == 0 || len > CHUNK_BYTES_MAX) {
            return false;
        }
        offset += len;
    }
    return true;
}

static enum err check_xorbs(struct cursor *cursor)
{
    for (;;) {
        struct cursor ahead = *cursor;
        const uint8_t *record;
        struct shard_answer_xorb xorb;
        if (take_record(&ahead, &record)) {
            return ERR_MALFORMED;
        }
        if (is_bookend(record)) {
            return ERR_NONE;
        }
        if (!take_xorb(cursor, &xorb) || !is_plausible(&xorb)) {
            return ERR_MALFORMED;
        }
    }
}

static enum err read_footer(const uint8_t *footer, struct shard_answer *out)
{
    if (load_u64(footer) != SHARD_FOOTER_VERSION) {
        return ERR_UNSUPPORTED;
    }
    memcpy(out->key.bytes, footer + SHARD_KEY_AT, sizeof(out->key.bytes));
    out->is_keyed = !digest_is_zero(&out->key);
    out->expires_s = load_u64(footer + SHARD_EXPIRY_AT);
    return ERR_NONE;
}

enum err shard_answer_open(const uint8_t *bytes, size_t len, struct shard_answer *out)
{
    struct cursor cursor = cursor_init(bytes, len);
    const uint8_t *header;
    if (take_record(&cursor, &header) ||
        memcmp(header, SHARD_TAG, sizeof(SHARD_TAG)) != 0) {
        return ERR_MALFORMED;
    }
    if (load_u64(header + 32) != SHARD_VERSION) {
        return ERR_UNSUPPORTED;
    }
    struct shard_answer answer = {0};
    uint64_t footer = load_u64(header + 40);
    if (footer != 0) {
        if (footer != SHARD_FOOTER_BYTES || cursor_left(&cursor) < SHARD_FOOTER_BYTES) {
            return ERR_MALFORMED;
        }
        cursor.end -= SHARD_FOOTER_BYTES;
        enum err err = read_footer(cursor.end, &answer);
        if (err) {
            return err;
        }
    }
    enum err err = skip_files(&cursor);
    answer.left = cursor;
    if (!err) {
        err = check_xorbs(&cursor);
    }
    if (!err) {
        *out = answer;
    }
    return err;
}

bool shard_answer_next(struct shard_answer *answer, struct shard_answer_xorb *out)
{
    return take_xorb(&answer->left, out);
}

void shard_answer_chunk(const struct shard_answer_xorb *xorb, uint32_t i,
                        struct digest *out_name, uint32_t *out_len)
{
    const uint8_t *record = xorb->chunks + (size_t)i * SHARD_RECORD_BYTES;
    memcpy(out_name->bytes, record, sizeof(out_name->bytes));
    *out_len = load_u32(record + 36);
}
