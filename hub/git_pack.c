// SPDX-License-Identifier: Apache-2.0
// A pack is a header ("PACK", version, count), that many entries, and the SHA-1 of all of it:
//
//   type and size (varint) | OFS_DELTA: distance back (varint)   | zlib stream
//                          | REF_DELTA: object id of the base    |
//
// Pass one inflates every entry. Then deltas are resolved in rounds, each taking those whose
// base is there: nearly always one round is enough, because bases come before their deltas,
// and a chain longer than git makes is refused. An object counts as found only under the
// SHA-1 of its own content.
#include "hub/git_pack.h"

#include "hub/git_delta.h"
#include "hub/limits.h"

#include <string.h>
#include <zlib.h>

enum { PACK_HEADER = 12, PACK_TRAILER = 20, OFS_DELTA = 6, REF_DELTA = 7 };

struct entry {
    struct oid oid; // valid when is_whole
    bool is_whole;  // `bytes` are the object; otherwise a delta
    unsigned type;  // of the object; OFS_DELTA or REF_DELTA until it is whole
    uint64_t offset;
    uint64_t base_offset;
    struct oid base_oid;
    uint8_t *bytes;
    size_t len;
    UT_hash_handle hh; // by oid
};

struct git_pack {
    struct entry *entries; // in the order of their offsets
    size_t count;
    struct entry *by_oid;
    size_t unpacked; // bytes held
};

static enum err bad_pack(struct why *why, const char *what)
{
    return why_set(why, ERR_BAD_ANSWER, "the git pack %s", what);
}

void git_pack_free(struct git_pack *pack)
{
    if (pack == NULL) {
        return;
    }
    HASH_CLEAR(hh, pack->by_oid);
    for (size_t i = 0; i < pack->count; i++) {
        free(pack->entries[i].bytes);
    }
    free(pack->entries);
    free(pack);
}

// ------------------------------------------------------------------------------ entries

static enum err take_header(struct cursor *cursor, unsigned *out_type, uint64_t *out_size)
{
    uint8_t byte = 0;
    if (cursor_take_u8(cursor, &byte) != ERR_NONE) {
        return ERR_MALFORMED;
    }
    *out_type = (byte >> 4) & 7;
    uint64_t size = byte & 0x0f;
    for (unsigned shift = 4; (byte & 0x80) != 0; shift += 7) {
        if (shift > 46 || cursor_take_u8(cursor, &byte) != ERR_NONE) {
            return ERR_MALFORMED;
        }
        size |= (uint64_t)(byte & 0x7f) << shift;
    }
    *out_size = size;
    return ERR_NONE;
}

// Distances are written high bits first, and each continuation adds one.
static enum err take_distance(struct cursor *cursor, uint64_t *out)
{
    uint8_t byte = 0;
    uint64_t value = 0;
    for (unsigned i = 0; i == 0 || (byte & 0x80) != 0; i++) {
        if (i > 7 || cursor_take_u8(cursor, &byte) != ERR_NONE) {
            return ERR_MALFORMED;
        }
        value = (i > 0 ? (value + 1) << 7 : 0) | (byte & 0x7f);
    }
    *out = value;
    return ERR_NONE;
}

// Inflates the stream at the cursor into exactly `size` bytes at `to`.
static enum err inflate_exactly(struct cursor *cursor, uint8_t *to, size_t size)
{
    z_stream stream = {0};
    if (inflateInit(&stream) != Z_OK) {
        return ERR_NO_MEMORY;
    }
    size_t left = cursor_left(cursor);
    // zlib's interface lacks const; it only reads.
    union {
        const uint8_t *constant;
        uint8_t *plain;
    } input = {.constant = cursor->at};
    uint8_t spare = 0; // an empty object still has a stream that ends
    stream.next_in = input.plain;
    stream.avail_in = (uInt)left; // a pack is at most GIT_BODY_MAX
    stream.next_out = size > 0 ? to : &spare;
    stream.avail_out = size > 0 ? (uInt)size : 1;
    int status = inflate(&stream, Z_FINISH);
    size_t used = left - stream.avail_in;
    uLong made = stream.total_out;
    inflateEnd(&stream);
    if (status != Z_STREAM_END || made != size) {
        return ERR_MALFORMED;
    }
    return cursor_skip(cursor, used);
}

static enum err take_base(struct cursor *cursor, struct entry *entry)
{
    const uint8_t *oid = NULL;
    uint64_t distance = 0;
    if (entry->type == REF_DELTA) {
        if (cursor_take_bytes(cursor, sizeof(entry->base_oid.bytes), &oid) != ERR_NONE) {
            return ERR_MALFORMED;
        }
        memcpy(entry->base_oid.bytes, oid, sizeof(entry->base_oid.bytes));
        return ERR_NONE;
    }
    if (take_distance(cursor, &distance) != ERR_NONE || distance == 0 ||
        distance > entry->offset) {
        return ERR_MALFORMED;
    }
    entry->base_offset = entry->offset - distance;
    return ERR_NONE;
}

static enum err take_entry(struct git_pack *pack, struct cursor *cursor,
                           const uint8_t *start, struct why *why)
{
    struct entry *entry = &pack->entries[pack->count];
    uint64_t size = 0;
    entry->offset = (uint64_t)(cursor->at - start);
    if (take_header(cursor, &entry->type, &size) != ERR_NONE || entry->type == 0 ||
        entry->type == 5) {
        return bad_pack(why, "has a broken entry");
    }
    bool is_delta = entry->type == OFS_DELTA || entry->type == REF_DELTA;
    if (is_delta && take_base(cursor, entry) != ERR_NONE) {
        return bad_pack(why, "has a delta without a base");
    }
    if (size > GIT_UNPACKED_MAX - pack->unpacked) {
        return why_set(why, ERR_TOO_LARGE, "the git pack is too large");
    }
    entry->bytes = malloc((size_t)size + 1);
    if (entry->bytes == NULL) {
        return ERR_NO_MEMORY;
    }
    pack->count++;
    pack->unpacked += (size_t)size;
    entry->len = (size_t)size;
    entry->is_whole = !is_delta;
    enum err err = inflate_exactly(cursor, entry->bytes, entry->len);
    return err == ERR_MALFORMED ? bad_pack(why, "has an entry that can't be decompressed")
                                : err;
}

// ------------------------------------------------------------------------------- objects

static enum err index_entry(struct git_pack *pack, struct entry *entry)
{
    static const char *const names[] = {"", "commit", "tree", "blob", "tag"};
    struct entry *same = NULL;
    enum err err =
        sha_of_git_object(names[entry->type], entry->bytes, entry->len, &entry->oid);
    if (err != ERR_NONE) {
        return err;
    }
    HASH_FIND(hh, pack->by_oid, &entry->oid, sizeof(entry->oid), same);
    if (same == NULL) {
        HASH_ADD(hh, pack->by_oid, oid, sizeof(entry->oid), entry);
    }
    return ERR_NONE;
}

static struct entry *entry_at(const struct git_pack *pack, uint64_t offset)
{
    size_t low = 0;
    size_t high = pack->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pack->entries[middle].offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < pack->count && pack->entries[low].offset == offset ? &pack->entries[low]
                                                                    : NULL;
}

// Makes a delta whole when its base is; *out_progress tells that it did.
static enum err resolve(struct git_pack *pack, struct entry *entry, struct why *why,
                        bool *out_progress)
{
    struct entry *base = NULL;
    if (entry->type == OFS_DELTA) {
        base = entry_at(pack, entry->base_offset);
        if (base == NULL) {
            return bad_pack(why, "has a delta whose base is not there");
        }
    } else {
        HASH_FIND(hh, pack->by_oid, &entry->base_oid, sizeof(entry->base_oid), base);
    }
    if (base == NULL || !base->is_whole) {
        return ERR_NONE;
    }
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum err err = git_delta_apply(base->bytes, base->len, entry->bytes, entry->len,
                                   GIT_UNPACKED_MAX - pack->unpacked, &bytes, &len);
    if (err != ERR_NONE) {
        return err == ERR_NO_MEMORY
                   ? err
                   : bad_pack(why, "has a delta that does not fit its base");
    }
    pack->unpacked += len;
    pack->unpacked -= entry->len;
    free(entry->bytes);
    entry->bytes = bytes;
    entry->len = len;
    entry->type = base->type;
    entry->is_whole = true;
    *out_progress = true;
    return index_entry(pack, entry);
}

static enum err resolve_all(struct git_pack *pack, struct why *why)
{
    bool is_done = false;
    for (unsigned round = 0; !is_done; round++) {
        bool made_progress = false;
        is_done = true;
        for (size_t i = 0; i < pack->count; i++) {
            struct entry *entry = &pack->entries[i];
            enum err err =
                entry->is_whole ? ERR_NONE : resolve(pack, entry, why, &made_progress);
            if (err != ERR_NONE) {
                return err;
            }
            is_done = is_done && entry->is_whole;
        }
        if (!is_done && (!made_progress || round >= GIT_DELTA_DEPTH_MAX)) {
            return bad_pack(why, "has deltas that can't be resolved");
        }
    }
    return ERR_NONE;
}

static uint32_t load_big_endian(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 |
           from[3];
}

static enum err check_frame(const uint8_t *bytes, size_t len, struct why *why,
                            uint32_t *out_count)
{
    if (len < PACK_HEADER + PACK_TRAILER || memcmp(bytes, "PACK", 4) != 0 ||
        load_big_endian(bytes + 4) != 2) {
        return bad_pack(why, "is none of version 2");
    }
    *out_count = load_big_endian(bytes + 8);
    // An entry takes at least a header and an empty zlib stream.
    if (*out_count > GIT_OBJECTS_MAX || *out_count > (len - PACK_HEADER) / 4) {
        return why_set(why, ERR_TOO_LARGE, "the git pack claims too many objects");
    }
    struct sha *sha = sha_new(SHA_1);
    struct oid sum;
    if (sha == NULL) {
        return ERR_NO_MEMORY;
    }
    sha_update(sha, bytes, len - PACK_TRAILER);
    sha_final_1(sha, &sum);
    sha_free(sha);
    bool is_whole = memcmp(sum.bytes, bytes + len - PACK_TRAILER, PACK_TRAILER) == 0;
    return is_whole ? ERR_NONE : bad_pack(why, "is damaged or cut off (wrong checksum)");
}

static enum err parse(struct git_pack *pack, const uint8_t *bytes, size_t len,
                      struct why *why)
{
    uint32_t count = 0;
    enum err err = check_frame(bytes, len, why, &count);
    if (err != ERR_NONE) {
        return err;
    }
    pack->entries = calloc((size_t)count + 1, sizeof(*pack->entries));
    if (pack->entries == NULL) {
        return ERR_NO_MEMORY;
    }
    struct cursor cursor =
        cursor_init(bytes + PACK_HEADER, len - PACK_HEADER - PACK_TRAILER);
    for (uint32_t i = 0; err == ERR_NONE && i < count; i++) {
        err = take_entry(pack, &cursor, bytes, why);
        if (err == ERR_NONE && pack->entries[i].is_whole) {
            err = index_entry(pack, &pack->entries[i]);
        }
    }
    if (err == ERR_NONE && cursor_left(&cursor) > 0) {
        err = bad_pack(why, "goes on after its last object");
    }
    return err == ERR_NONE ? resolve_all(pack, why) : err;
}

enum err git_pack_parse(const void *bytes, size_t len, struct why *why,
                        struct git_pack **out)
{
    struct git_pack *pack = calloc(1, sizeof(*pack));
    if (pack == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = parse(pack, bytes, len, why);
    if (err != ERR_NONE) {
        git_pack_free(pack);
        return err;
    }
    *out = pack;
    return ERR_NONE;
}

bool git_pack_find(const struct git_pack *pack, const struct oid *oid,
                   struct git_object *out)
{
    struct entry *entry = NULL;
    HASH_FIND(hh, pack->by_oid, oid, sizeof(*oid), entry);
    if (entry == NULL) {
        return false;
    }
    *out = (struct git_object){(enum git_type)entry->type, entry->bytes, entry->len};
    return true;
}

void git_pack_each_blob(const struct git_pack *pack,
                        void (*each)(void *ctx, const struct oid *oid, const void *bytes,
                                     size_t len),
                        void *ctx)
{
    for (size_t i = 0; i < pack->count; i++) {
        const struct entry *entry = &pack->entries[i];
        if (entry->type == GIT_BLOB) {
            each(ctx, &entry->oid, entry->bytes, entry->len);
        }
    }
}
