// SPDX-License-Identifier: Apache-2.0
// `hugfs cache status`, and the cache's part of `hugfs status`.
#include "fs/render.h"

#include "fs/figures.h"

#include <inttypes.h>

void render_cache_object(struct json_writer *json, const char *key_or_null,
                         const char *dir, const struct chunk_store_stats *stats)
{
    json_open_object(json, key_or_null);
    json_string(json, "dir", dir);
    json_u64(json, "budget", stats->budget);
    json_u64(json, "used", stats->used);
    json_u64(json, "pinned", stats->pinned);
    json_u64(json, "segments", stats->segments);
    json_u64(json, "runs", stats->runs);
    json_u64(json, "volatile_bytes", stats->volatile_bytes);
    json_u64(json, "evicted_bytes", stats->evicted_bytes);
    json_u64(json, "damaged_chunks", stats->damaged_chunks);
    json_bool(json, "degraded", stats->degraded);
    json_close_object(json);
}

static enum err render_cache_text(const struct chunk_store_stats *stats, const char *dir,
                                  struct buffer *out)
{
    char used[FIGURE_SIZE];
    char budget[FIGURE_SIZE];
    char pinned[FIGURE_SIZE];
    figure_bytes(stats->used, used);
    figure_bytes(stats->budget, budget);
    figure_bytes(stats->pinned, pinned);
    enum err err = render_row(out, "folder", "%s", dir);
    err = err ? err : render_row(out, "used", "%s of %s", used, budget);
    err = err ? err : render_row(out, "pinned", "%s", pinned);
    err = err ? err
              : render_row(out, "segments", "%" PRIu64 " with %" PRIu64 " runs of chunks",
                           stats->segments, stats->runs);
    if (err == ERR_NONE && stats->damaged_chunks > 0) {
        err = render_row(out, "damaged", "%" PRIu64 " chunks were dropped",
                         stats->damaged_chunks);
    }
    if (err == ERR_NONE && stats->degraded) {
        err = render_row(out, "state",
                         "the disk refuses writes: new chunks stay in memory only");
    }
    return err;
}

enum err render_cache(const struct chunk_store_stats *stats, const char *dir,
                      enum render_format format, struct buffer *out)
{
    if (format != RENDER_JSON) {
        return render_cache_text(stats, dir, out);
    }
    struct json_writer json = json_writer_init(out);
    render_cache_object(&json, NULL, dir, stats);
    return json_writer_end(&json);
}
