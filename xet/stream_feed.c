// SPDX-License-Identifier: Apache-2.0
// Reads of one stream don't come in order: the kernel reads ahead with several requests at a
// time, and several threads serve them. So it is the place in the file that tells whether a
// stream's number has passed to another stream, not how much it says to have consumed.
//
// Asked for is in whole units, when a unit's worth of the window is open or the file ends
// before, so a reader of small blocks does not make small requests.
#include "xet/stream_feed.h"

#include "xet/fetch_queue.h"
#include "xet/piece_load.h"

// How far from the stream's place a read may lie: what belongs to a stream for fs/ (16 MiB
// forward, 1 MiB back) and as much as requests may overtake each other.
#define REACH_FORWARD (20 * MIB)
#define REACH_BACK (4 * MIB)

static bool is_elsewhere(const struct stream *stream, uint64_t end)
{
    return end > stream->at + REACH_FORWARD || end + REACH_BACK < stream->at;
}

struct ahead stream_note_read(struct xet_file *file, const struct xet_pattern *pattern,
                              uint64_t end, bool stalled, struct errands *errands)
{
    struct ahead nothing = {0};
    if (pattern->stream == 0 || pattern->stream > STREAMS_MAX) {
        return nothing;
    }
    struct stream *stream = &file->streams[pattern->stream - 1];
    if (is_elsewhere(stream, end)) {
        fetch_queue_drop(file, pattern->stream, errands);
        *stream = (struct stream){0};
    }
    stream->at = end > stream->at ? end : stream->at;
    window_on_read(&stream->window, pattern->consumed, stalled);
    uint64_t size = file->content.size;
    uint64_t unit = window_unit(&stream->window);
    uint64_t at = stream->at;
    uint64_t open_to = size - at < stream->window.size ? size : at + stream->window.size;
    uint64_t from = stream->asked_to > at ? stream->asked_to : at;
    if (from >= open_to || (open_to < size && open_to - from < unit)) {
        return nothing;
    }
    uint64_t to = open_to == size ? size : from + (open_to - from) / unit * unit;
    stream->asked_to = to;
    return (struct ahead){from, to, unit};
}

void stream_ask_ahead(struct xet_file *file, const struct xet_source *source,
                      const struct xet_pattern *pattern, const struct ahead *ahead)
{
    if (ahead->from == ahead->to || piece_load(file, ahead->from, ahead->to)) {
        return;
    }
    struct fetch_source *copy = fetch_source_new(source);
    if (!copy) {
        return;
    }
    struct wish wish = {
        .from = ahead->from,
        .to = ahead->to,
        .unit = ahead->unit,
        .class = HUB_AHEAD,
        .stream = pattern->stream,
    };
    struct errands errands = errands_init(file->xet);
    bool is_met;
    engine_lock(file->xet);
    if (!file->xet->is_closing &&
        fetch_queue_want(file, copy, &wish, &errands, &is_met)) {
        log_debug("xet", "no memory to read ahead");
    }
    engine_unlock(file->xet);
    errands_run(&errands);
    fetch_source_unref(copy);
}
