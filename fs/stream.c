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
// half a MiB more than needed, who reads it all saves a round trip. It may be overtaken by the one
// that continues it, which the kernel sends at the same time. Eight streams an inode; what
// is replaced first is what never became a stream or has come to its end, so that stray reads (an
// index, a footer) do not push a real reader out, and readers of records not each other.
//
// What is read in order without a jump is a run. People read records, columns, tensors: a run is
// expected to be as long as the one before it, of this stream or of the one that has just ended,
// but at most four times as long as was expected of that, so that one long column does not make
// short ones long. How long a header is says nothing, and of streams that are read by turns
// none has ended: then the last one counts whose place was taken, until many stray reads have
// lost theirs.
#include "fs/stream.h"

enum {
    SEQUENTIAL_GAP = 128 << 10, // the kernel's read-ahead: what may overtake a read
    FULL_READ = 128 << 10, // as long as the kernel reads of a file that is read in order
    NEAR_GAP = 1 << 20,    // of a stray read: close enough to round it out
    STREAM_SCORE = 3,
    FIRST_GUESS = 4 << 20, // the first run tells no more than this
    GUESS_GROWS = 4,
    RUN_SLACK = 512 << 10, // the kernel reads ahead of who has gone elsewhere,
    LATE_READS = 4,        // and some of that comes late
    RECENT_TURNS = 2,
    ALIVE_TURNS = 4,
    STRAYS_FORGET = 16,
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

// Of the run.
static uint64_t length_of(const struct stream *stream)
{
    return stream->next - stream->run_from;
}

// Where it, or any, is expected to end; it may still be read on. Stray reads end no stream.
static bool is_at_its_end(const struct stream_table *table, const struct stream *stream)
{
    uint64_t expected = stream->expected > 0 ? stream->expected : table->guess;
    return expected > 0 && table->strays < STREAMS_PER_INODE &&
           distance(length_of(stream), expected) <= RUN_SLACK;
}

static bool is_protected(const struct stream_table *table, const struct stream *stream)
{
    return stream->score >= STREAM_SCORE && !is_at_its_end(table, stream) &&
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

static bool is_beginning(uint64_t offset, uint64_t len)
{
    return offset == 0 && len >= FULL_READ;
}

// The file's first read comes after the one that continues it: both began the stream.
static bool was_overtaken(const struct stream *stream, uint64_t offset, uint64_t len)
{
    return is_beginning(offset, len) && offset + len == stream->from &&
           stream->next - stream->from == stream->consumed;
}

static void begin_late(struct stream *stream, uint64_t len)
{
    stream->from = 0;
    stream->run_from = 0;
    stream->expected = 0;
    stream->consumed += len;
    stream->score = STREAM_SCORE;
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
    uint64_t expected = stream->expected;
    bool ends = expected > 0 && length_of(stream) <= expected + RUN_SLACK;
    return (struct xet_pattern){
        .stream = is_stream ? (uint32_t)(stream - table->at) + 1 : 0,
        .consumed = stream->consumed,
        .ends_at = ends ? stream->run_from + expected : 0,
    };
}

// How long the next run is likely to be when this one has ended; 0 = it does not tell. Records of one
// length differ by some pages of the kernel's read-ahead: rounded up.
static uint64_t guess_after(const struct stream *ended)
{
    if (ended->score < STREAM_SCORE || ended->run_from == 0) {
        return 0;
    }
    uint64_t most = ended->expected > 0 ? ended->expected * GUESS_GROWS : FIRST_GUESS;
    uint64_t length = (length_of(ended) + FULL_READ - 1) / FULL_READ * FULL_READ;
    return length < most ? length : most;
}

// Of a new stream. Where no stream was read lately, reads are stray ones, of no length to speak of.
static uint64_t guess_beside(const struct stream_table *table)
{
    const struct stream *last = NULL;
    unsigned n_recent = 0;
    bool any_alive = false;
    for (int i = 0; i < STREAMS_PER_INODE; i++) {
        const struct stream *stream = &table->at[i];
        bool is_recent =
            stream->score >= STREAM_SCORE && table->turn - stream->used <= RECENT_TURNS;
        n_recent += is_recent;
        any_alive = any_alive || (stream->score >= STREAM_SCORE &&
                                  table->turn - stream->used <= ALIVE_TURNS);
        last = is_recent && stream->used == table->turn - 1 ? stream : last;
    }
    if (n_recent == 1 && last != NULL && last->turns <= LATE_READS) {
        return guess_after(last);
    }
    return any_alive ? table->guess : 0;
}

// Of short reads nothing is expected, and nothing of a header.
static void begin_run(struct stream *stream, uint64_t offset, uint64_t len,
                      uint64_t expected)
{
    stream->run_from = offset;
    stream->turns = 0;
    stream->expected = offset > 0 && len >= FULL_READ ? expected : 0;
}

static struct stream *begin_stream(struct stream_table *table, uint64_t offset,
                                   uint64_t len)
{
    struct stream *stream = find_least_useful(table);
    uint64_t guess = guess_after(stream);
    table->strays = guess > 0 ? 0 : table->strays + 1;
    if (guess > 0 || table->strays > STRAYS_FORGET) {
        table->guess = guess;
    }
    uint64_t expected = guess_beside(table);
    *stream = (struct stream){.from = offset,
                              .next = offset + len,
                              .consumed = len,
                              .used = table->turn,
                              .score = is_beginning(offset, len) ? STREAM_SCORE : 0};
    begin_run(stream, offset, len, expected);
    return stream;
}

static void go_on(struct stream_table *table, struct stream *stream, uint64_t offset,
                  uint64_t len)
{
    uint64_t gap = offset > stream->next ? offset - stream->next : 0;
    bool jumps = gap > NEAR_GAP && gap != stream->gap;
    uint64_t expected = jumps ? guess_after(stream) : 0;
    if (was_overtaken(stream, offset, len)) {
        begin_late(stream, len);
    } else if (!is_repeat(stream, offset, offset + len)) {
        score(stream, offset);
    }
    advance(stream, len, offset + len);
    if (jumps) {
        begin_run(stream, offset, len, expected);
    }
    stream->turns += stream->used != table->turn - 1;
    stream->used = table->turn;
}

struct xet_pattern stream_note(struct stream_table *table, uint64_t offset, uint64_t len)
{
    table->turn++;
    struct stream *stream = find_nearest(table, offset);
    bool is_near = false;
    if (stream == NULL) {
        stream = begin_stream(table, offset, len);
    } else {
        is_near = !is_repeat(stream, offset, offset + len) &&
                  distance(stream->next, offset) <= NEAR_GAP;
        go_on(table, stream, offset, len);
    }
    struct xet_pattern pattern = pattern_of(table, stream);
    bool is_stray = pattern.stream == 0;
    pattern.adjacent = is_stray && is_near;
    bool begins = is_stray && length_of(stream) == len && stream->expected > len;
    pattern.follows = begins ? stream->expected - len : 0;
    return pattern;
}
