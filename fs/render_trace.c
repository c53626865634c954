// SPDX-License-Identifier: Apache-2.0
// `hugfs trace`: what went over the wire, and which kernel requests had to wait.
//
//   DEMAND    xorb       206  wait 0 ms  first 31 ms  total 48 ms  524288 B  reused  read  /xorbs/...
//   kernel    read       waited 49 ms  inode 4294967300  ok
#include "fs/render.h"

#include "fs/say.h"

#include <inttypes.h>

static const char *class_name(enum hub_class class)
{
    switch (class) {
    case HUB_DEMAND:
        return "DEMAND";
    case HUB_AHEAD:
        return "AHEAD";
    case HUB_PREFETCH:
        return "PREFETCH";
    }
    return "DEMAND";
}

static enum err render_http_text(const struct hub_trace *http, struct buffer *out)
{
    AUTO_FREE char *target = strdup(http->target);
    if (target == NULL) {
        return ERR_NO_MEMORY;
    }
    log_redact(target);
    make_printable(target);
    return buffer_printf(out,
                         "%-8s %-12s %3d  wait %" PRId64 " ms  first %" PRId64
                         " ms  total %" PRId64 " ms  %" PRIu64 " B  %s  for %s  %s%s%s",
                         class_name(http->class), http->what, http->status,
                         http->queued_ms, http->ttfb_ms, http->total_ms, http->bytes,
                         http->connection_reused ? "reused" : "new", http->reason, target,
                         http->err ? "  " : "", http->err ? err_sentence(http->err) : "");
}

static enum err render_http_json(const struct hub_trace *http, struct buffer *out)
{
    AUTO_FREE char *target = strdup(http->target);
    if (target == NULL) {
        return ERR_NO_MEMORY;
    }
    log_redact(target);
    struct json_writer json = json_writer_init(out);
    json_open_object(&json, NULL);
    json_string(&json, "event", "http");
    json_string(&json, "class", class_name(http->class));
    json_string(&json, "what", http->what);
    json_i64(&json, "status", http->status);
    json_i64(&json, "queued_ms", http->queued_ms);
    json_i64(&json, "ttfb_ms", http->ttfb_ms);
    json_i64(&json, "total_ms", http->total_ms);
    json_u64(&json, "bytes", http->bytes);
    json_bool(&json, "reused", http->connection_reused);
    json_string(&json, "reason", http->reason);
    json_string(&json, "target", target);
    json_string(&json, "request_id", http->request_id);
    json_string(&json, "error", http->err ? err_name(http->err) : "");
    json_close_object(&json);
    return json_writer_end(&json);
}

static enum err render_parked_text(const struct mount_trace *trace, struct buffer *out)
{
    return buffer_printf(out,
                         "%-8s %-12s      waited %" PRId64 " ms  inode %" PRIu64 "  %s",
                         "kernel", trace->operation, trace->waited_ms, trace->ino,
                         trace->err ? err_sentence(trace->err) : "ok");
}

static enum err render_parked_json(const struct mount_trace *trace, struct buffer *out)
{
    struct json_writer json = json_writer_init(out);
    json_open_object(&json, NULL);
    json_string(&json, "event", "kernel");
    json_string(&json, "operation", trace->operation);
    json_u64(&json, "ino", trace->ino);
    json_i64(&json, "waited_ms", trace->waited_ms);
    json_string(&json, "error", trace->err ? err_name(trace->err) : "");
    json_close_object(&json);
    return json_writer_end(&json);
}

enum err render_trace(const struct mount_trace *trace, enum render_format format,
                      struct buffer *out)
{
    if (trace->http != NULL) {
        return format == RENDER_JSON ? render_http_json(trace->http, out)
                                     : render_http_text(trace->http, out);
    }
    return format == RENDER_JSON ? render_parked_json(trace, out)
                                 : render_parked_text(trace, out);
}
