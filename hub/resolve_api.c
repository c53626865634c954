// SPDX-License-Identifier: Apache-2.0
// Bytes of files that are not in Xet: GET resolve with a Range. The Hub answers with the
// bytes (private files), with a 307 to its own cache, or with a 302 to a signed address
// elsewhere; where it led is remembered. A remembered address that is refused is forgotten
// and resolved again, once.
#include "hub/hub_state.h"
#include "hub/resolved_cache.h"

#include <string.h>

struct read_call {
    struct call call;
    struct hub_source source;
    uint64_t first;
    uint64_t last;
    bool resolved_again;
};

static struct read_call *read_of(struct call *call)
{
    return (void *)call;
}

static char *resolve_url(const struct call *call)
{
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    const struct repo_id *repo = &call->subject.repo;
    enum err err =
        buffer_printf(&url, "%s/%s", call->hub->endpoint, repo_kind_prefix(repo->kind));
    if (err != ERR_NONE || url_append_path(&url, repo->name) != ERR_NONE ||
        buffer_printf(&url, "/resolve/%s/", call->subject.revision) != ERR_NONE ||
        url_append_path(&url, call->subject.path) != ERR_NONE) {
        return NULL;
    }
    return strdup(buffer_text(&url));
}

static void read_begin(struct call *call)
{
    struct read_call *read = read_of(call);
    struct http_request *request = &call->request;
    enum http_origin origin = ORIGIN_HUB;
    const char *known = resolved_cache_get(call->hub->resolved, &read->source,
                                           call->subject.path, clock_now_ms(), &origin);
    request_reset(request);
    request->url = known != NULL ? strdup(known) : resolve_url(call);
    if (request->url == NULL) {
        call_finish(call, ERR_NO_MEMORY, NULL);
        return;
    }
    request->origin = origin;
    request->bucket = QUOTA_RESOLVERS;
    request->item.kind = SLOT_DATA;
    request->has_range = true;
    request->first = read->first;
    request->last = read->last;
    request->is_streamed = true;
    request->is_resumable = true;
    request_send(call);
}

static void read_ended(struct call *call)
{
    struct read_call *read = read_of(call);
    struct http_request *request = &call->request;
    int status = request->is_http_error ? request->answer.status : 0;
    bool is_refused = (status == 403 || status == 404 || status == 410) &&
                      request->answered_by == ORIGIN_SIGNED;
    if (is_refused && !read->resolved_again) {
        read->resolved_again = true;
        resolved_cache_forget(call->hub->resolved, &read->source, call->subject.path);
        read_begin(call);
        return;
    }
    if (request->err == ERR_NONE && request->was_redirected) {
        resolved_cache_put(call->hub->resolved, &read->source, call->subject.path,
                           request->final_url, request->final_origin, clock_now_ms());
    }
    call_finish_with_request(call);
}

static void read_deliver(struct call *call)
{
    call->sink.on_done(call->sink.ctx, call->err, &call->why);
}

static const struct call_type read_type = {
    .what = "resolve",
    .ends_on_network = true,
    .begin = read_begin,
    .ended = read_ended,
    .deliver = read_deliver,
};

hub_ticket hub_read_range(struct hub *hub, const struct hub_call *call,
                          const struct hub_source *source, const char *path,
                          uint64_t first, uint64_t last, struct hub_sink sink)
{
    struct read_call *read =
        call_new(hub, &read_type, sizeof(*read), call, &source->repo);
    char sha[OID_HEX_SIZE];
    oid_to_hex(&source->sha, sha);
    if (read == NULL || call_set_subject(&read->call, sha, path) != ERR_NONE) {
        call_discard(read != NULL ? &read->call : NULL);
        sink.on_done(sink.ctx, ERR_NO_MEMORY, &(struct why){0});
        return 0;
    }
    read->source = *source;
    read->first = first;
    read->last = last;
    read->call.sink = sink;
    return call_submit(&read->call);
}
