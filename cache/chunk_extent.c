// SPDX-License-Identifier: Apache-2.0
// What is here, without its data: how far chunks reach without a gap, their lengths and their
// hashes.
#include "cache/store_state.h"

// The ends of a run's record from wherever it is, for the chunks the place has. Each length
// goes to out_lengths (NULL: only summed).
static enum err run_lengths(struct chunk_store *store, const struct run_place *place,
                            uint32_t chunk, uint32_t n, uint32_t *out_lengths,
                            uint64_t *out_bytes)
{
    struct segment_file *file = NULL;
    struct run_header *header = NULL;
    const uint32_t *ends = place->memory ? place->memory->record.ends : NULL;
    uint32_t record_first = place->memory ? place->memory->record.first : 0;
    if (!ends) {
        enum err err = store_open_run(store, place, &file, &header);
        if (err) {
            return err;
        }
        ends = header->table;
        record_first = header->first;
    }
    uint32_t at = chunk - record_first;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t begin = at + i == 0 ? 0 : ends[at + i - 1];
        if (out_lengths) {
            out_lengths[i] = ends[at + i] - begin;
        }
        *out_bytes += ends[at + i] - begin;
    }
    if (header) {
        run_header_unref(header);
        segment_table_unref(store->segments, file);
    }
    return ERR_NONE;
}

static uint32_t chunks_from(const struct run_place *place, uint32_t chunk, uint32_t max)
{
    uint32_t there = place->first + place->n - chunk;
    return there < max ? there : max;
}

// As read_run() of chunk_read.c: a segment that stays named and missing is lost, and told, because
// nothing is put where the index says that it is.
static enum err look(struct chunk_store *store, const struct object_id *object,
                     uint32_t chunk, uint32_t most, uint32_t *out_n, uint64_t *out_bytes)
{
    for (int attempt = 0;; attempt++) {
        struct run_place place;
        if (store_locate(store, object, chunk, &place)) {
            return ERR_ABSENT;
        }
        *out_n = chunks_from(&place, chunk, most);
        enum err err = run_lengths(store, &place, chunk, *out_n, NULL, out_bytes);
        volatile_run_unref(place.memory);
        if (err != ERR_ABSENT && err != ERR_DAMAGED) {
            return err;
        }
        if (attempt > 0) {
            store_report_lost_segment(store, &place);
            return ERR_ABSENT;
        }
    }
}

// Too many open files is no word about the segment.
static bool is_there(struct chunk_store *store, const struct run_place *place)
{
    struct segment_file *file = NULL;
    enum err err = place->memory
                       ? ERR_NONE
                       : segment_table_ref(store->segments, place->segment, &file);
    if (file) {
        segment_table_unref(store->segments, file);
    }
    return err != ERR_ABSENT && err != ERR_DAMAGED;
}

uint32_t chunk_store_count(struct chunk_store *store, const struct object_id *object,
                           uint32_t first, uint32_t n)
{
    uint32_t chunks = 0;
    struct run_place place;
    while (chunks < n &&
           store_locate(store, object, first + chunks, &place) == ERR_NONE) {
        bool goes_on = is_there(store, &place);
        volatile_run_unref(place.memory);
        if (!goes_on) {
            break;
        }
        chunks += chunks_from(&place, first + chunks, n - chunks);
    }
    return chunks;
}

void chunk_store_extent(struct chunk_store *store, const struct object_id *object,
                        uint32_t first, uint32_t n, uint32_t *out_chunks,
                        uint64_t *out_bytes)
{
    uint32_t chunks = 0;
    uint64_t bytes = 0;
    uint32_t there = 0;
    while (chunks < n &&
           look(store, object, first + chunks, n - chunks, &there, &bytes) == ERR_NONE) {
        chunks += there;
    }
    *out_chunks = chunks;
    *out_bytes = bytes;
}

// The index may still have the row that damage tore a hole into at `chunk`. The gap ends with
// the hole, because the rest of the row is here.
static uint32_t indexed_gap_end(struct chunk_store *store, struct index_reader *reader,
                                const struct object_id *object, uint32_t chunk,
                                uint32_t end)
{
    struct run_place row;
    if (index_find_run(reader, object, chunk, &row) == ERR_NONE) {
        uint32_t row_end = row.first + row.n;
        for (chunk++; chunk < row_end; chunk++) {
            struct run_place rest = row;
            if (run_holes_apply(store->holes, chunk, &rest)) {
                return chunk < end ? chunk : end;
            }
        }
        chunk = row_end - 1;
    }
    uint32_t next = end;
    return chunk >= end || index_next_run(reader, object, chunk, end, &next) ? end : next;
}

uint32_t chunk_store_gap_end(struct chunk_store *store, const struct object_id *object,
                             uint32_t chunk, uint32_t end)
{
    struct run_place place;
    uint32_t next = end;
    if (resident_runs_find(store->resident, object, chunk, &place, &next)) {
        volatile_run_unref(place.memory);
        return chunk + 1; // it came just now: a gap of one
    }
    end = next < end ? next : end;
    struct index_reader *reader = NULL;
    if (run_index_take(store->index, &reader) == ERR_NONE) {
        end = indexed_gap_end(store, reader, object, chunk, end);
        run_index_give(store->index, reader);
    }
    return end;
}

static enum err run_hashes(struct chunk_store *store, const struct run_place *place,
                           uint32_t chunk, uint32_t n, struct digest *out)
{
    struct record record;
    if (place->memory) {
        record = place->memory->record;
    } else {
        struct segment_file *file = NULL;
        enum err err = segment_table_ref(store->segments, place->segment, &file);
        if (err) {
            return err;
        }
        struct record_place at = {&file->uuid, place->segment, place->offset};
        err = record_read(file->fd, &at, &record);
        segment_table_unref(store->segments, file);
        if (err) {
            store_report_damage(store, place, place->first, place->n,
                                "a record cannot be read");
            return err;
        }
    }
    if ((place->object.kind == OBJECT_XORB && !record.has_hashes) ||
        chunk < record.first || chunk + n > record.first + record.n) {
        return ERR_ABSENT;
    }
    memcpy(out, &record.hashes[chunk - record.first], n * sizeof(*out));
    return ERR_NONE;
}

enum err chunk_store_hashes(struct chunk_store *store, const struct object_id *object,
                            uint32_t first, uint32_t n, uint32_t *out_lengths,
                            struct digest *out_hashes)
{
    uint32_t done = 0;
    while (done < n) {
        struct run_place place;
        uint64_t bytes = 0;
        if (store_locate(store, object, first + done, &place)) {
            return ERR_ABSENT;
        }
        uint32_t there = chunks_from(&place, first + done, n - done);
        enum err err =
            run_lengths(store, &place, first + done, there, out_lengths + done, &bytes);
        if (!err) {
            err = run_hashes(store, &place, first + done, there, out_hashes + done);
        }
        volatile_run_unref(place.memory);
        if (err) {
            return ERR_ABSENT;
        }
        done += there;
    }
    return ERR_NONE;
}
