// SPDX-License-Identifier: Apache-2.0
// Copying runs forward. Every chunk is compared with its checksum on the way, so damage does
// not spread. Neighbours of one object become one record of up to RUN_CHUNKS_MAX chunks.
#include "cache/copy_forward.h"

// Reads the chunks of one place, checked, to the end of the record being built.
static bool gather(struct chunk_store *store, const struct run_place *place,
                   struct record *record, uint8_t *data)
{
    struct segment_file *file = NULL;
    struct record from;
    if (segment_table_ref(store->segments, place->segment, &file)) {
        return false;
    }
    struct record_place at = {&file->uuid, place->segment, place->offset};
    bool sound = record_read(file->fd, &at, &from) == ERR_NONE &&
                 place->first >= from.first &&
                 place->first + place->n <= from.first + from.n &&
                 from.object.kind == place->object.kind &&
                 digest_equal(&from.object.hash, &place->object.hash);
    uint32_t skip = sound ? place->first - from.first : 0;
    uint64_t payload = place->offset + record_head_bytes(sound ? from.n : 0);
    for (uint32_t i = skip; sound && i < skip + place->n; i++) {
        uint32_t begin = i == 0 ? 0 : from.ends[i - 1];
        uint32_t len = from.ends[i] - begin;
        uint8_t *to = data + record->data_len;
        sound = file_pread(file->fd, to, len, payload + begin) == ERR_NONE &&
                crc32c(0, to, len) == from.crcs[i];
        record->data_len += len;
        record->ends[record->n] = record->data_len;
        record->crcs[record->n] = from.crcs[i];
        record->hashes[record->n] = from.hashes[i];
        record->n++;
    }
    record->has_hashes = record->has_hashes && sound && from.has_hashes;
    segment_table_unref(store->segments, file);
    return sound;
}

bool copy_group(struct chunk_store *store, const struct copy_group *group,
                struct copies *copies)
{
    AUTO_FREE uint8_t *data = malloc((size_t)group->chunks * CHUNK_BYTES_MAX);
    AUTO_FREE struct record *record = calloc(1, sizeof(*record));
    if (!data || !record) {
        return false;
    }
    record->object = group->places[0].object;
    record->first = group->places[0].first;
    record->has_hashes = true;
    for (size_t i = 0; i < group->n; i++) {
        if (!gather(store, &group->places[i], record, data)) {
            return false;
        }
    }
    uint64_t bytes = record_bytes(record->n, record->data_len);
    if (!group->pinned && bytes > copies->bytes_left) {
        return false;
    }
    struct appender *appender = group->pinned ? store->pinned : store->normal;
    struct run_place *place = &copies->places[copies->n];
    const struct iovec part = {data, record->data_len};
    enum err err = appender_write(appender, record, &part, 1,
                                  &copies->segments[copies->n], &place->offset);
    if (err == ERR_NO_SPACE && group->pinned && !segment_open_next(store, true, bytes)) {
        err = appender_write(appender, record, &part, 1, &copies->segments[copies->n],
                             &place->offset);
    }
    if (err) {
        return false;
    }
    place->object = record->object;
    place->first = record->first;
    place->n = record->n;
    place->segment = copies->segments[copies->n]->id;
    copies->pinned[copies->n] = group->pinned;
    copies->n++;
    copies->bytes_left -= group->pinned ? 0 : bytes;
    return true;
}

enum copy_reason { COPY_NOT, COPY_TOUCHED, COPY_PINNED };

static enum copy_reason why_copy(struct chunk_store *store, const struct run_place *place)
{
    if (pin_set_covers(store->pins, &place->object, place->first, place->n)) {
        return COPY_PINNED;
    }
    // How long the run is would cost a read; 64 KiB a chunk is what they are on average.
    uint64_t bytes = (uint64_t)place->n * BLOB_BLOCK_BYTES;
    return segment_table_is_touched(store->segments, place->segment, place->offset, bytes)
               ? COPY_TOUCHED
               : COPY_NOT;
}

static bool follows(const struct run_place *a, const struct run_place *b)
{
    return a->object.kind == b->object.kind &&
           digest_equal(&a->object.hash, &b->object.hash) && a->first + a->n == b->first;
}

bool copy_forward(struct chunk_store *store, const struct run_place *places, size_t n,
                  struct copies *copies)
{
    size_t i = 0;
    while (i < n) {
        enum copy_reason reason = why_copy(store, &places[i]);
        struct copy_group group = {&places[i], 1, places[i].n, reason == COPY_PINNED};
        while (reason != COPY_NOT && i + group.n < n &&
               follows(&places[i + group.n - 1], &places[i + group.n]) &&
               group.chunks + places[i + group.n].n <= RUN_CHUNKS_MAX &&
               why_copy(store, &places[i + group.n]) == reason) {
            group.chunks += places[i + group.n].n;
            group.n++;
        }
        bool copied = reason == COPY_NOT || copy_group(store, &group, copies);
        if (!copied && reason == COPY_PINNED) {
            return false;
        }
        i += group.n;
    }
    return true;
}

enum err copies_init(struct copies *copies, size_t n, uint64_t bytes)
{
    *copies = (struct copies){.bytes_left = bytes / COPY_FORWARD_SHARE};
    copies->places = calloc(n + 1, sizeof(*copies->places));
    copies->segments = calloc(n + 1, sizeof(struct open_segment *));
    copies->pinned = calloc(n + 1, sizeof(*copies->pinned));
    return copies->places && copies->segments && copies->pinned ? ERR_NONE
                                                                : ERR_NO_MEMORY;
}

void copies_finish(struct chunk_store *store, struct copies *copies)
{
    for (size_t i = 0; i < copies->n; i++) {
        appender_done(copies->pinned[i] ? store->pinned : store->normal,
                      copies->segments[i]);
    }
    free(copies->places);
    free(copies->segments);
    free(copies->pinned);
}
