// SPDX-License-Identifier: Apache-2.0
// Stream detection.
//
// A read joins the stream whose end it is nearest to: at most 16 MiB ahead of it (kernel
// read-ahead arrives out of order, mmap readers skip, strided readers jump) or 1 MiB behind
// it (repeated and late reads). Joining is not yet being a stream. Evidence is scored: a
// read that continues the last one proves order at once; a short jump forward, or one as long
// as the jump before (strides), is a third of a proof; any other jump takes a third away. So
// random readers, which land near an old read now and then, start no window, and a stream
// whose reader begins to hop about stops being one. A first read is evidence where it is
// as long as the kernel's read-ahead and at the file's beginning: who looks at a header gets
// half a MiB more than needed, who reads it all saves a round trip. Eight streams an inode; what
// is replaced first is what never became a stream, so that stray reads (an index, a footer) do
// not push a real reader out.
#include "fs/stream.h"

enum {
    SEQUENTIAL_GAP = 128 << 10, // the kernel's read-ahead: what may overtake a read
    FULL_READ = 128 << 10, // as long as the kernel reads of a file that is read in order
    NEAR_GAP = 1 << 20,    // of a stray read: close enough to round it out
    STREAM_SCORE = 3,
    STREAM_IDLE_TURNS =
        256, // reads of others after which a stream is no longer protected
};
static const uint64_t stream_ahead = UINT64_C(16) << 20;
static const uint64_t stream_behind = UINT64_C(1) << 20;

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static bool is_within_reach(const struct stream *stream, uint64_t offset)
{
    if (stream->used == 0) {
        return false;
    }
    return offset >= stream->next ? offset - stream->next <= stream_ahead
                                  : stream->next - offset <= stream_behind;
}

static struct stream *find_nearest(struct stream_table *table, uint64_t offset)
{
    struct stream *nearest = NULL;
    for (int i = 0; i < STREAMS_PER_INODE; i++) {
        struct stream *stream = &table->at[i];
        if (is_within_reach(stream, offset) &&
            (nearest == NULL ||
             distance(stream->next, offset) < distance(nearest->next, offset))) {
            nearest = stream;
        }
    }
    return nearest;
}

static bool is_protected(const struct stream_table *table, const struct stream *stream)
{
    return stream->score >= STREAM_SCORE &&
           table->turn - stream->used <= STREAM_IDLE_TURNS;
}

static struct stream *find_least_useful(struct stream_table *table)
{
    struct stream *worst = &table->at[0];
    for (int i = 1; i < STREAMS_PER_INODE; i++) {
        struct stream *stream = &table->at[i];
        bool is_safer = is_protected(table, stream);
        bool worst_is_safer = is_protected(table, worst);
        if (is_safer != worst_is_safer ? worst_is_safer : stream->used < worst->used) {
            worst = stream;
        }
    }
    return worst;
}

// A repeated, late or wider read of what has been read proves nothing.
static bool is_repeat(const struct stream *stream, uint64_t offset, uint64_t end)
{
    return end <= stream->next || (offset <= stream->from && end > stream->from);
}

static void score(struct stream *stream, uint64_t offset)
{
    uint64_t gap = offset > stream->next ? offset - stream->next : 0;
    if (distance(stream->next, offset) <= SEQUENTIAL_GAP) {
        stream->score = STREAM_SCORE;
    } else if (gap > 0 && (gap <= NEAR_GAP || gap == stream->gap)) {
        stream->score += stream->score < STREAM_SCORE;
    } else {
        stream->score -= stream->score > 0;
    }
    stream->gap = gap;
}

static void advance(struct stream *stream, uint64_t len, uint64_t end)
{
    if (end > stream->next) {
        stream->consumed += len < end - stream->next ? len : end - stream->next;
        stream->next = end;
    }
}

static struct xet_pattern pattern_of(const struct stream_table *table,
                                     const struct stream *stream)
{
    bool is_stream = stream->score >= STREAM_SCORE;
    return (struct xet_pattern){
        .stream = is_stream ? (uint32_t)(stream - table->at) + 1 : 0,
        .consumed = stream->consumed,
    };
}

struct xet_pattern stream_note(struct stream_table *table, uint64_t offset, uint64_t len)
{
    table->turn++;
    uint64_t end = offset + len;
    struct stream *stream = find_nearest(table, offset);
    if (stream == NULL) {
        stream = find_least_useful(table);
        bool is_begun = offset == 0 && len >= FULL_READ;
        *stream = (struct stream){.from = offset,
                                  .next = end,
                                  .consumed = len,
                                  .used = table->turn,
                                  .score = is_begun ? STREAM_SCORE : 0};
        return pattern_of(table, stream);
    }
    bool is_new = !is_repeat(stream, offset, end);
    bool is_near = is_new && distance(stream->next, offset) <= NEAR_GAP;
    if (is_new) {
        score(stream, offset);
    }
    advance(stream, len, end);
    stream->used = table->turn;
    struct xet_pattern pattern = pattern_of(table, stream);
    pattern.adjacent = pattern.stream == 0 && is_near;
    return pattern;
}
