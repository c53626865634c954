// SPDX-License-Identifier: Apache-2.0
// Every question that readers ask index.db. Each is one autocommit statement that is reset
// before returning: a read transaction that outlives a call would keep the WAL from being
// reused.
//
// Connections wait in a pool rather than belong to threads, so that they can be closed with
// the store and their number follows what happens at once, not how many threads ever came.
//
// Lock: `lock` guards the pool; SQLite is never called under it.
#include "cache/run_index.h"

enum { IDLE_MAX = 16 };

enum question {
    FIND_RUN,
    NEXT_RUN,
    LIST_RUNS,
    COUNT_SEGMENTS,
    COUNT_RUNS,
    GET_FILE,
    GET_PIECES,
    HAS_PIN,
    QUESTIONS,
};

static const char *const question_sql[QUESTIONS] = {
    [FIND_RUN] =
        "SELECT run.id, run.n, run.segment, run.offset FROM object CROSS JOIN run"
        " WHERE object.kind=?1 AND object.hash=?2"
        " AND run.id BETWEEN object.id<<24 AND (object.id<<24)+?3"
        " ORDER BY run.id DESC LIMIT 1",
    [NEXT_RUN] = "SELECT run.id FROM object CROSS JOIN run"
                 " WHERE object.kind=?1 AND object.hash=?2"
                 " AND run.id BETWEEN (object.id<<24)+?3+1 AND (object.id<<24)+?4-1"
                 " ORDER BY run.id LIMIT 1",
    [LIST_RUNS] =
        "SELECT run.id, run.n, run.segment, run.offset, object.kind, object.hash"
        " FROM run JOIN object ON object.id=run.id>>24"
        " WHERE run.id>?1 ORDER BY run.id LIMIT ?2",
    [COUNT_SEGMENTS] = "SELECT count(*), coalesce(sum(bytes),0),"
                       " coalesce(sum(bytes*(class>=2)),0) FROM segment",
    [COUNT_RUNS] = "SELECT count(*) FROM run",
    [GET_FILE] = "SELECT size, verified FROM file WHERE content=?1",
    [GET_PIECES] =
        "SELECT piece.offset, piece.length, object.kind, object.hash, piece.first,"
        " piece.n, piece.crc FROM file CROSS JOIN piece CROSS JOIN object"
        " WHERE file.content=?1 AND piece.file=file.id AND object.id=piece.object"
        " AND piece.offset<?3 AND piece.offset>=coalesce("
        "(SELECT max(offset) FROM piece WHERE file=file.id AND offset<=?2), 0)"
        " ORDER BY piece.offset",
    [HAS_PIN] = "SELECT 1 FROM pin WHERE content=?1",
};

struct index_reader {
    struct index_reader *next;
    uint64_t generation;
    sqlite3 *db;
    sqlite3_stmt *statements[QUESTIONS];
};

struct run_index {
    char *path;
    struct lock lock;
    struct index_reader *idle GUARDED_BY(lock);
    size_t idle_n GUARDED_BY(lock);
    uint64_t generation GUARDED_BY(lock);
};

enum err run_index_new(const char *path, struct run_index **out)
{
    struct run_index *index = calloc(1, sizeof(*index));
    if (!index) {
        return ERR_NO_MEMORY;
    }
    index->path = strdup(path);
    if (!index->path) {
        free(index);
        return ERR_NO_MEMORY;
    }
    lock_init(&index->lock);
    *out = index;
    return ERR_NONE;
}

static void free_reader(struct index_reader *reader)
{
    sql_close(reader->db);
    free(reader);
}

void run_index_reset(struct run_index *index)
{
    lock_acquire(&index->lock);
    struct index_reader *reader = index->idle;
    index->idle = NULL;
    index->idle_n = 0;
    index->generation++;
    lock_release(&index->lock);
    while (reader) {
        struct index_reader *next = reader->next;
        free_reader(reader);
        reader = next;
    }
}

void run_index_free(struct run_index *index)
{
    if (index) {
        run_index_reset(index);
        lock_destroy(&index->lock);
        free(index->path);
        free(index);
    }
}

static enum err open_reader(struct run_index *index, uint64_t generation,
                            struct index_reader **out)
{
    struct index_reader *reader = calloc(1, sizeof(*reader));
    if (!reader) {
        return ERR_NO_MEMORY;
    }
    reader->generation = generation;
    enum err err = sql_open(index->path, SQL_READ, INDEX_SCHEMA_VERSION, &reader->db);
    int64_t version = 0;
    if (!err) {
        err = sql_query_i64(reader->db, "PRAGMA user_version", &version);
    }
    if (!err && version == 0) {
        err = ERR_ABSENT; // it is being made: nothing is known yet
    }
    if (!err) {
        err = sql_prepare_all(reader->db, question_sql, reader->statements, QUESTIONS);
    }
    if (err) {
        free_reader(reader);
        return err;
    }
    *out = reader;
    return ERR_NONE;
}

enum err run_index_take(struct run_index *index, struct index_reader **out)
{
    lock_acquire(&index->lock);
    struct index_reader *reader = index->idle;
    if (reader) {
        index->idle = reader->next;
        index->idle_n--;
    }
    uint64_t generation = index->generation;
    lock_release(&index->lock);
    if (reader) {
        *out = reader;
        return ERR_NONE;
    }
    return open_reader(index, generation, out);
}

void run_index_give(struct run_index *index, struct index_reader *reader)
{
    bool keep = false;
    lock_acquire(&index->lock);
    if (reader->generation == index->generation && index->idle_n < IDLE_MAX) {
        reader->next = index->idle;
        index->idle = reader;
        index->idle_n++;
        keep = true;
    }
    lock_release(&index->lock);
    if (!keep) {
        free_reader(reader);
    }
}

static void bind_digest(sqlite3_stmt *statement, int at, const struct digest *digest)
{
    sqlite3_bind_blob(statement, at, digest->bytes, sizeof(digest->bytes), SQLITE_STATIC);
}

static void bind_object(sqlite3_stmt *statement, const struct object_id *object)
{
    sqlite3_bind_int(statement, 1, (int)object->kind);
    bind_digest(statement, 2, &object->hash);
}

// Columns 0-3 of a run; the object is the caller's. A row that cannot be is ERR_ABSENT: its
// chunks are fetched again, and verification drops it.
static enum err take_run(sqlite3_stmt *statement, struct run_place *out)
{
    int64_t n = sqlite3_column_int64(statement, 1);
    int64_t segment = sqlite3_column_int64(statement, 2);
    int64_t offset = sqlite3_column_int64(statement, 3);
    if (!run_row_is_legal(n, segment, offset)) {
        return ERR_ABSENT;
    }
    out->first = (uint32_t)sqlite3_column_int64(statement, 0) & (CHUNK_NUMBER_LIMIT - 1);
    out->n = (uint32_t)n;
    out->segment = (uint64_t)segment;
    out->offset = (uint64_t)offset;
    out->memory = NULL;
    return ERR_NONE;
}

enum err index_find_run(struct index_reader *reader, const struct object_id *object,
                        uint32_t chunk, struct run_place *out)
{
    sqlite3_stmt *statement = reader->statements[FIND_RUN];
    bind_object(statement, object);
    sqlite3_bind_int64(statement, 3, chunk);
    enum err err = sql_row(statement);
    struct run_place place = {.object = *object};
    if (!err) {
        err = take_run(statement, &place);
    }
    sqlite3_reset(statement);
    if (!err && chunk - place.first >= place.n) {
        err = ERR_ABSENT;
    }
    if (!err) {
        *out = place;
    }
    return err;
}

enum err index_next_run(struct index_reader *reader, const struct object_id *object,
                        uint32_t chunk, uint32_t end, uint32_t *out)
{
    sqlite3_stmt *statement = reader->statements[NEXT_RUN];
    bind_object(statement, object);
    sqlite3_bind_int64(statement, 3, chunk);
    sqlite3_bind_int64(statement, 4, end);
    enum err err = sql_row(statement);
    if (err == ERR_ABSENT) {
        *out = end;
        err = ERR_NONE;
    } else if (!err) {
        *out = (uint32_t)sqlite3_column_int64(statement, 0) & (CHUNK_NUMBER_LIMIT - 1);
    }
    sqlite3_reset(statement);
    return err;
}

enum err index_list_runs(struct index_reader *reader, int64_t *after,
                         struct run_place *out, size_t max, size_t *out_n)
{
    sqlite3_stmt *statement = reader->statements[LIST_RUNS];
    sqlite3_bind_int64(statement, 1, *after);
    sqlite3_bind_int64(statement, 2, (int64_t)max);
    size_t n = 0;
    enum err err = ERR_NONE;
    while (n < max && !(err = sql_row(statement))) {
        *after = sqlite3_column_int64(statement, 0);
        struct run_place *place = &out[n];
        place->object.kind = (enum object_kind)sqlite3_column_int(statement, 4);
        if (sql_column_bytes(statement, 5, place->object.hash.bytes,
                             sizeof(struct digest)) &&
            !take_run(statement, place)) {
            n++;
        }
    }
    sqlite3_reset(statement);
    *out_n = n;
    return err == ERR_ABSENT ? ERR_NONE : err;
}

enum err index_count(struct index_reader *reader, struct index_counts *out)
{
    sqlite3_stmt *segments = reader->statements[COUNT_SEGMENTS];
    enum err err = sql_row(segments);
    if (!err) {
        out->segments = (uint64_t)sqlite3_column_int64(segments, 0);
        out->segment_bytes = (uint64_t)sqlite3_column_int64(segments, 1);
        out->pinned_bytes = (uint64_t)sqlite3_column_int64(segments, 2);
    }
    sqlite3_reset(segments);
    sqlite3_stmt *runs = reader->statements[COUNT_RUNS];
    if (!err) {
        err = sql_row(runs);
    }
    if (!err) {
        out->runs = (uint64_t)sqlite3_column_int64(runs, 0);
    }
    sqlite3_reset(runs);
    return err;
}

enum err index_get_file(struct index_reader *reader, const struct digest *content,
                        uint64_t *out_size, enum verified_state *out_verified)
{
    sqlite3_stmt *statement = reader->statements[GET_FILE];
    bind_digest(statement, 1, content);
    enum err err = sql_row(statement);
    if (!err) {
        int64_t verified = sqlite3_column_int64(statement, 1);
        *out_size = (uint64_t)sqlite3_column_int64(statement, 0);
        *out_verified = verified == VERIFIED_GOOD  ? VERIFIED_GOOD
                        : verified == VERIFIED_BAD ? VERIFIED_BAD
                                                   : VERIFIED_UNKNOWN;
    }
    sqlite3_reset(statement);
    return err;
}

uint32_t piece_checksum(const struct digest *content, const struct piece *piece)
{
    uint8_t bytes[96];
    memcpy(bytes, content->bytes, 32);
    memcpy(bytes + 32, piece->object.hash.bytes, 32);
    store_u64(bytes + 64, piece->offset);
    store_u64(bytes + 72, piece->length);
    store_u32(bytes + 80, piece->first);
    store_u32(bytes + 84, piece->n);
    store_u64(bytes + 88, (uint64_t)piece->object.kind);
    return crc32c(0, bytes, sizeof(bytes));
}

static bool take_piece(sqlite3_stmt *statement, const struct digest *content,
                       struct piece *out)
{
    out->offset = (uint64_t)sqlite3_column_int64(statement, 0);
    out->length = (uint64_t)sqlite3_column_int64(statement, 1);
    out->object.kind = (enum object_kind)sqlite3_column_int(statement, 2);
    out->first = (uint32_t)sqlite3_column_int64(statement, 4);
    out->n = (uint32_t)sqlite3_column_int64(statement, 5);
    return sql_column_bytes(statement, 3, out->object.hash.bytes,
                            sizeof(struct digest)) &&
           (uint32_t)sqlite3_column_int64(statement, 6) == piece_checksum(content, out);
}

enum err index_get_pieces(struct index_reader *reader, const struct digest *content,
                          uint64_t offset, uint64_t end, struct piece *out, size_t max,
                          size_t *out_n)
{
    sqlite3_stmt *statement = reader->statements[GET_PIECES];
    bind_digest(statement, 1, content);
    sqlite3_bind_int64(statement, 2, (int64_t)offset);
    sqlite3_bind_int64(statement, 3, (int64_t)end);
    size_t n = 0;
    enum err err = ERR_NONE;
    while (n < max && !(err = sql_row(statement))) {
        struct piece piece;
        if (take_piece(statement, content, &piece) &&
            piece.offset + piece.length > offset) {
            out[n++] = piece;
        }
    }
    sqlite3_reset(statement);
    *out_n = n;
    return err == ERR_ABSENT ? ERR_NONE : err;
}

bool index_has_pin(struct index_reader *reader, const struct digest *content)
{
    sqlite3_stmt *statement = reader->statements[HAS_PIN];
    bind_digest(statement, 1, content);
    bool has = sql_row(statement) == ERR_NONE;
    sqlite3_reset(statement);
    return has;
}
