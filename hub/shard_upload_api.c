// SPDX-License-Identifier: Apache-2.0
// Registering shards: v2 with its progress, or where it is unknown (404, 501) v1. That v2 is
// unknown is remembered when v1 has worked.
#include "hub/cas_call.h"
#include "hub/hub_state.h"
#include "hub/shard_events.h"
#include "hub/write_refusal.h"

struct shard_call {
    struct cas_call cas;
    struct http_upload bytes;
    bool is_v1;
    bool fell_back;
};

static void shard_step(struct cas_call *cas, char *token)
{
    struct shard_call *shard = (void *)cas;
    struct http_request *request = &cas->call.request;
    shard->is_v1 = shard->fell_back || cas_call_is_at(cas, cas->call.hub->v1_shards_host);
    if (!cas_call_request(cas, token, shard->is_v1 ? "/v1/shards" : "/v2/shards", NULL,
                          JSON_BODY_MAX)) {
        return;
    }
    request->method = METHOD_POST;
    request->post_type = "application/octet-stream";
    request->accept = shard->is_v1 ? "application/json" : "application/x-ndjson";
    request->upload = shard->bytes;
    request->item.kind = SLOT_UPLOAD;
    request->silence_s = SHARD_SILENCE_S;
    request_send(&cas->call);
}

// The lines are few and short: they are parsed here on the network thread, because a missing
// result is a reason to send the shard again.
static void read_result(struct call *call)
{
    struct http_request *request = &call->request;
    struct why why = {0};
    enum err err = shard_events_parse(request->body.bytes, request->body.len, &why);
    bool may_repeat = err == ERR_TRUNCATED || err == ERR_SERVER;
    // Either way there was a good status and no result: an answer that ended too early.
    if (!may_repeat || !request_retry(call, ERR_TRUNCATED)) {
        call_finish(call, err, &why);
    }
}

static void shard_ended(struct call *call)
{
    struct shard_call *shard = (void *)call;
    int status = cas_call_error_status(&shard->cas);
    if (cas_call_renews_token(&shard->cas)) {
        return;
    }
    if ((status == 404 || status == 501) && !shard->is_v1) {
        shard->fell_back = true;
        cas_call_begin(call);
        return;
    }
    if (call->request.err == ERR_NONE && !shard->is_v1) {
        read_result(call);
        return;
    }
    if (call->request.err == ERR_NONE && shard->fell_back) {
        cas_call_remember(&shard->cas, &call->hub->v1_shards_host);
    }
    call_finish_with_request(call);
}

static const struct call_type shard_type = {
    .what = "shard_upload",
    .begin = cas_call_begin,
    .ended = shard_ended,
    .resumed = cas_call_resumed,
    .refused = write_refusal,
    .deliver = cas_call_deliver,
    .release = cas_call_release,
};

hub_ticket cas_upload_shard(struct hub *hub, const struct hub_call *call,
                            const struct hub_target *target, int fd, uint64_t offset,
                            uint64_t len, hub_done_fn done, void *ctx)
{
    struct shard_call *shard =
        cas_call_new(hub, &shard_type, sizeof(*shard), call, target);
    if (shard == NULL) {
        done(ctx, ERR_NO_MEMORY, &(struct why){0});
        return 0;
    }
    call_take_its_time(&shard->cas.call, call);
    shard->cas.step = shard_step;
    shard->cas.done = done;
    shard->cas.ctx = ctx;
    shard->bytes = (struct http_upload){.fd = fd, .offset = offset, .len = len};
    return call_submit(&shard->cas.call);
}
