// SPDX-License-Identifier: Apache-2.0
// Chunks go out: find the run (resident table, then index), get its head (memory, or one
// pread), read the data with one pread into the caller's buffer, or lend what is in memory.
//
// A chunk is compared with its CRC-32C the first time this process reads it. Where only a
// part of such a chunk is asked for, the rest of it is read beside, in the same preadv, into
// a scratch buffer; nothing is copied. What does not match, or cannot be read, is reported:
// the chunk is gone from here, and the caller fetches it again.
#include "cache/answer.h"
#include "cache/run_span.h"
#include "cache/store_state.h"

#include <errno.h>
#include <sys/uio.h>

static enum err locate_indexed(struct chunk_store *store, const struct object_id *object,
                               uint32_t chunk, struct run_place *out)
{
    struct index_reader *reader = NULL;
    enum err err = run_index_take(store->index, &reader);
    if (!err) {
        err = index_find_run(reader, object, chunk, out);
        run_index_give(store->index, reader);
    }
    if (err && err != ERR_ABSENT) {
        store_note_index_error(store, err);
    }
    if (err || !run_holes_apply(store->holes, chunk, out)) {
        return ERR_ABSENT;
    }
    return ERR_NONE;
}

// A row that was read before the batch that cut it, and held against the holes after that
// batch forgot them, names a place that is gone: the index is asked again.
enum err store_locate(struct chunk_store *store, const struct object_id *object,
                      uint32_t chunk, struct run_place *out)
{
    for (;;) {
        uint32_t next = 0;
        if (resident_runs_find(store->resident, object, chunk, out, &next)) {
            return ERR_NONE;
        }
        uint64_t forgotten = run_holes_forgotten(store->holes);
        enum err err = locate_indexed(store, object, chunk, out);
        if (err || forgotten == run_holes_forgotten(store->holes)) {
            return err;
        }
    }
}

void store_report_damage(struct chunk_store *store, const struct run_place *place,
                         uint32_t first, uint32_t n, const char *what)
{
    struct run_hole hole = {place->object, place->segment, place->offset, first, n};
    resident_runs_drop_damaged(store->resident, &hole);
    if (run_holes_add(store->holes, &hole)) {
        atomic_fetch_add(&store->damaged_chunks, n);
        log_warn(
            "cache",
            "%s/segments/%016llx: %s at offset %llu; %u chunks are dropped and will be "
            "fetched again",
            store->dir, (unsigned long long)place->segment, what,
            (unsigned long long)place->offset, n);
    }
    store_writer_wake(store, true);
}

// Both holes are needed: rows of a lost segment are found by its number, but a row whose
// number a flipped bit changed is found only by its chunks.
void store_report_lost_segment(struct chunk_store *store, const struct run_place *place)
{
    struct run_hole all = {place->object, place->segment, HOLE_WHOLE_SEGMENT, 0, 0};
    struct run_hole this = {place->object, place->segment, place->offset, place->first,
                            place->n};
    appender_retire(store->normal, place->segment);
    appender_retire(store->pinned, place->segment);
    resident_runs_drop_damaged(store->resident, &all);
    (void)!run_holes_add(store->holes, &this);
    if (run_holes_add(store->holes, &all)) {
        log_warn("cache",
                 "%s/segments/%016llx is missing or damaged; its chunks are dropped and "
                 "will be fetched again",
                 store->dir, (unsigned long long)place->segment);
    }
    store_writer_wake(store, true);
}

static enum err load_header(struct chunk_store *store, const struct run_place *place,
                            struct segment_file *file, struct run_header **out)
{
    struct record record;
    struct record_place at = {&file->uuid, place->segment, place->offset};
    enum err err = record_read(file->fd, &at, &record);
    struct run_header *header =
        err ? NULL : run_header_new(&record, place->segment, place->offset, false);
    if (!err && !header) {
        return ERR_NO_MEMORY;
    }
    if (err) {
        store_report_damage(store, place, place->first, place->n,
                            "a record cannot be read");
        return ERR_ABSENT;
    }
    run_header_cache_add(store->headers, header);
    *out = header;
    return ERR_NONE;
}

// Whether the record has what the row says. It protects against a damaged index.
static bool header_fits(const struct run_header *header, const struct run_place *place)
{
    return header->object.kind == place->object.kind &&
           digest_equal(&header->object.hash, &place->object.hash) &&
           place->first >= header->first &&
           place->first + place->n <= header->first + header->n;
}

enum err store_open_run(struct chunk_store *store, const struct run_place *place,
                        struct segment_file **out_file, struct run_header **out_header)
{
    struct segment_file *file = NULL;
    enum err err = segment_table_ref(store->segments, place->segment, &file);
    if (err) {
        return err;
    }
    struct run_header *header =
        run_header_cache_get(store->headers, place->segment, place->offset);
    if (!header) {
        err = load_header(store, place, file, &header);
    }
    if (!err && !header_fits(header, place)) {
        store_report_damage(store, place, place->first, place->n,
                            "a record is another one's");
        run_header_unref(header);
        err = ERR_ABSENT;
    }
    if (err) {
        segment_table_unref(store->segments, file);
        return err == ERR_ABSENT ? ERR_TRUNCATED
                                 : err; // ERR_ABSENT: the file is not there
    }
    *out_file = file;
    *out_header = header;
    return ERR_NONE;
}

// Up to three places in memory that hold consecutive bytes of the run's data.
struct landing {
    struct iovec parts[3];
    uint64_t begin; // of the first part in the data
};

static bool read_parts(int fd, const struct landing *landing, uint64_t offset)
{
    struct iovec parts[3];
    memcpy(parts, landing->parts, sizeof(parts));
    int at = 0;
    while (at < 3) {
        if (parts[at].iov_len == 0) {
            at++;
            continue;
        }
        ssize_t got = preadv(fd, parts + at, 3 - at, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        offset += (uint64_t)got;
        for (size_t left = (size_t)got; left > 0;) {
            size_t step = left < parts[at].iov_len ? left : parts[at].iov_len;
            parts[at].iov_base = (uint8_t *)parts[at].iov_base + step;
            parts[at].iov_len -= step;
            left -= step;
            at += parts[at].iov_len == 0;
        }
    }
    return true;
}

// The checksum of bytes [begin, end) of the data, wherever they landed.
static uint32_t landed_crc(const struct landing *landing, uint64_t begin, uint64_t end)
{
    uint32_t crc = 0;
    uint64_t part_begin = landing->begin;
    for (size_t i = 0; i < 3 && begin < end; i++) {
        uint64_t part_end = part_begin + landing->parts[i].iov_len;
        if (begin < part_end) {
            uint64_t until = end < part_end ? end : part_end;
            const uint8_t *bytes = landing->parts[i].iov_base;
            crc = crc32c(crc, bytes + (begin - part_begin), until - begin);
            begin = until;
        }
        part_begin = part_end;
    }
    return crc;
}

bool store_check_chunk(struct chunk_store *store, const struct run_place *place,
                       struct run_header *header, uint32_t i, uint32_t crc)
{
    uint32_t chunk = header->first + i;
    if (crc == run_header_crc(header, i)) {
        run_header_set_checked(header, i);
        return true;
    }
    if (chunk >= place->first && chunk < place->first + place->n) {
        store_report_damage(store, place, chunk, 1, "a checksum does not match");
    }
    return false;
}

static bool check_chunks(struct chunk_store *store, const struct run_place *place,
                         struct run_header *header, const struct span *span,
                         const struct landing *landing)
{
    for (uint32_t i = span->from; i <= span->to; i++) {
        if (run_header_is_checked(header, i)) {
            continue;
        }
        uint32_t crc =
            landed_crc(landing, run_header_begin(header, i), run_header_end(header, i));
        if (!store_check_chunk(store, place, header, i, crc)) {
            return false;
        }
    }
    return true;
}

static enum err read_span(struct chunk_store *store, const struct run_place *place,
                          struct run_header *header, struct segment_file *file,
                          const struct span *span, void *to)
{
    size_t lead = run_header_is_checked(header, span->from)
                      ? 0
                      : span->begin - run_header_begin(header, span->from);
    size_t trail = run_header_is_checked(header, span->to)
                       ? 0
                       : run_header_end(header, span->to) - span->end;
    AUTO_FREE uint8_t *scratch = lead + trail > 0 ? malloc(lead + trail) : NULL;
    if (lead + trail > 0 && !scratch) {
        return ERR_NO_MEMORY;
    }
    struct landing landing = {
        .parts = {{scratch, lead},
                  {to, span->end - span->begin},
                  {scratch ? scratch + lead : NULL, trail}},
        .begin = span->begin - lead,
    };
    if (!read_parts(file->fd, &landing, header->data + landing.begin)) {
        store_report_damage(store, place, header->first + span->from,
                            span->to - span->from + 1, "data cannot be read");
        return ERR_ABSENT;
    }
    return check_chunks(store, place, header, span, &landing) ? ERR_NONE : ERR_ABSENT;
}

static void read_memory(const struct run_place *place, struct reading *reading)
{
    const struct volatile_run *run = place->memory;
    uint32_t high = place->first + place->n - run->record.first;
    struct span span;
    if (run_next_span(reading, run->record.ends, run->record.first, high, &span)) {
        answer_copy(reading->answer, run->data + span.begin, span.end - span.begin);
        run_span_done(reading, &span);
    }
}

static enum err read_disk(struct chunk_store *store, const struct run_place *place,
                          struct reading *reading)
{
    struct segment_file *file = NULL;
    struct run_header *header = NULL;
    enum err err = store_open_run(store, place, &file, &header);
    if (err) {
        return err;
    }
    uint32_t high = place->first + place->n - header->first;
    struct span span;
    if (run_next_span(reading, header->table, header->first, high, &span)) {
        if (!answer_from_memory(store, place, &span, reading->answer)) {
            err =
                read_span(store, place, header, file, &span, answer_end(reading->answer));
            if (!err) {
                answer_own(reading->answer, span.end - span.begin);
            }
        }
        if (!err) {
            segment_file_touch(store->segments, file, header->data + span.begin,
                               span.end - span.begin);
        }
        run_span_done(reading, &span);
    }
    run_header_unref(header);
    segment_table_unref(store->segments, file);
    return err == ERR_ABSENT ? ERR_TRUNCATED : err;
}

// The run that `chunk` is in, with its file open, or its bytes in memory. A segment can be
// evicted between the look into the index and the opening of its file: then the index is
// asked again. One that stays named and missing was deleted by somebody else.
static enum err read_run(struct chunk_store *store, const struct object_id *object,
                         struct reading *reading)
{
    for (int attempt = 0;; attempt++) {
        struct run_place place;
        if (store_locate(store, object, reading->chunk, &place)) {
            return ERR_ABSENT;
        }
        if (place.memory) {
            read_memory(&place, reading);
            volatile_run_unref(place.memory);
            return ERR_NONE;
        }
        enum err err = read_disk(store, &place, reading);
        if (err != ERR_ABSENT && err != ERR_DAMAGED) {
            return err == ERR_TRUNCATED ? ERR_ABSENT : err; // reported: fetched again
        }
        if (attempt > 0) {
            store_report_lost_segment(store, &place);
            return ERR_ABSENT;
        }
    }
}

enum err chunk_store_answer(struct chunk_store *store, const struct object_id *object,
                            uint32_t first, uint64_t offset, size_t len,
                            struct chunk_answer *answer)
{
    struct reading reading = {first, offset, len, answer};
    while (reading.len > 0) {
        enum err err = read_run(store, object, &reading);
        if (err) {
            return err;
        }
    }
    return ERR_NONE;
}

enum err chunk_store_read(struct chunk_store *store, const struct object_id *object,
                          uint32_t first, uint64_t offset, void *to, size_t len)
{
    struct chunk_answer answer = chunk_answer_init(to, false);
    return chunk_store_answer(store, object, first, offset, len, &answer);
}
