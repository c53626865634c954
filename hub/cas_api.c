// SPDX-License-Identifier: Apache-2.0
// The verbs of the Xet storage service (CAS): plans and signed ranges.
//
// A plan takes up to four requests, one after the other:
//
//   (token) --> GET v2 --200--> plan
//      ^          | 404, 501: GET v1 --200--> plan
//      +--- 401 --+ (once: the token is fetched again)
//
// That v2 is unknown is remembered only when v1 then works: a 404 may also mean that the
// file does not exist.
#include "hub/cas_plan.h"
#include "hub/hub_state.h"
#include "hub/xet_token.h"

#include <string.h>

struct plan_call {
    struct call call;
    struct hub_source source;
    struct digest file;
    uint64_t first;
    uint64_t last;
    cas_plan_fn done;
    void *ctx;
    enum plan_version version;
    bool fell_back; // v2 gave 404 or 501
    bool renewed_token;
    char *cas_url; // of the token in use
    struct cas_plan *plan;
};

static struct plan_call *plan_of(struct call *call)
{
    return (void *)call;
}

static bool knows_only_v1(const struct plan_call *plan)
{
    const char *v1_host = plan->call.hub->v1_host;
    return v1_host != NULL && strcmp(v1_host, plan->cas_url) == 0;
}

static enum err set_plan_request(struct plan_call *plan, char *token)
{
    struct http_request *request = &plan->call.request;
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    char hash[DIGEST_HEX_SIZE];
    request_reset(request);
    request->cas_token = token; // taken over
    digest_to_xet_hex(&plan->file, hash);
    enum err err = buffer_printf(&url, "%s/%s/reconstructions/%s", plan->cas_url,
                                 plan->version == PLAN_V2 ? "v2" : "v1", hash);
    if (err != ERR_NONE || (request->url = strdup(buffer_text(&url))) == NULL) {
        return ERR_NO_MEMORY;
    }
    request->origin = ORIGIN_CAS;
    request->item.kind = SLOT_PLAN;
    request->accept = "application/json";
    request->has_range = true;
    request->first = plan->first;
    request->last = plan->last;
    request->body_max = LISTING_BODY_MAX;
    return ERR_NONE;
}

static void ask_plan(struct call *call)
{
    struct plan_call *plan = plan_of(call);
    char *token = NULL;
    char *cas_url = NULL;
    enum err err = xet_tokens_want(call, &plan->source, &token, &cas_url);
    if (err == ERR_PARKED) {
        return;
    }
    if (err == ERR_NONE) {
        free(plan->cas_url);
        plan->cas_url = cas_url;
        plan->version = plan->fell_back || knows_only_v1(plan) ? PLAN_V1 : PLAN_V2;
        err = set_plan_request(plan, token);
    }
    if (err != ERR_NONE) {
        call_finish(call, err, NULL);
        return;
    }
    request_send(call);
}

static void plan_resumed(struct call *call, enum err err, const struct why *why)
{
    if (err != ERR_NONE) {
        call_finish(call, err, why);
        return;
    }
    ask_plan(call);
}

static void plan_ended(struct call *call)
{
    struct plan_call *plan = plan_of(call);
    struct http_request *request = &call->request;
    int status = request->is_http_error ? request->answer.status : 0;
    if (status == 401 && !plan->renewed_token) {
        plan->renewed_token = true;
        xet_tokens_forget(call->hub->xet_tokens, &plan->source);
        ask_plan(call);
        return;
    }
    if ((status == 404 || status == 501) && plan->version == PLAN_V2) {
        plan->fell_back = true;
        ask_plan(call);
        return;
    }
    if (request->err == ERR_NONE && plan->fell_back && !knows_only_v1(plan)) {
        log_info("hub", "the storage service knows no v2 reconstructions; v1 is used");
        free(call->hub->v1_host);
        call->hub->v1_host = strdup(plan->cas_url);
    }
    call_finish_with_request(call);
}

static enum err plan_parse(struct call *call, struct why *why)
{
    struct plan_call *plan = plan_of(call);
    return cas_plan_parse(call->request.body.bytes, call->request.body.len, plan->version,
                          why, &plan->plan);
}

static void plan_deliver(struct call *call)
{
    struct plan_call *plan = plan_of(call);
    plan->done(plan->ctx, call->err, &call->why, STEAL_POINTER(plan->plan));
}

static void plan_release(struct call *call)
{
    free(plan_of(call)->cas_url);
    cas_plan_free(plan_of(call)->plan);
}

static const struct call_type plan_type = {
    .what = "plan",
    .begin = ask_plan,
    .ended = plan_ended,
    .parse = plan_parse,
    .deliver = plan_deliver,
    .resumed = plan_resumed,
    .release = plan_release,
};

hub_ticket cas_plan(struct hub *hub, const struct hub_call *call,
                    const struct hub_source *source, const struct digest *xet_hash,
                    uint64_t first, uint64_t last, cas_plan_fn done, void *ctx)
{
    struct plan_call *plan =
        call_new(hub, &plan_type, sizeof(*plan), call, &source->repo);
    if (plan == NULL) {
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, NULL);
        return 0;
    }
    plan->source = *source;
    plan->file = *xet_hash;
    plan->first = first;
    plan->last = last;
    plan->done = done;
    plan->ctx = ctx;
    return call_submit(&plan->call);
}

// ------------------------------------------------------------------------ expected plans

struct expect_call {
    struct call call;
    struct hub_source source;
};

static void expect_begin(struct call *call)
{
    const struct expect_call *expect = (void *)call;
    char *token = NULL;
    char *cas_url = NULL;
    enum err err = xet_tokens_want(call, &expect->source, &token, &cas_url);
    if (err == ERR_PARKED) {
        return;
    }
    if (token != NULL) {
        explicit_bzero(token, strlen(token));
    }
    free(token);
    free(cas_url);
    call_finish(call, err, NULL);
}

static void expect_deliver(struct call *call)
{
    (void)call; // nobody waits for it
}

static const struct call_type expect_type = {
    .what = "expect",
    .begin = expect_begin,
    .ended = call_finish_with_request,
    .deliver = expect_deliver,
    .resumed = call_finish,
};

void cas_expect(struct hub *hub, const struct hub_call *call,
                const struct hub_source *source)
{
    struct expect_call *expect =
        call_new(hub, &expect_type, sizeof(*expect), call, &source->repo);
    if (expect != NULL) {
        expect->source = *source;
        call_submit(&expect->call);
    }
}

// ------------------------------------------------------------------------- signed ranges

struct fetch_call {
    struct call call;
    char *url;
    uint64_t first;
    uint64_t last;
};

static struct fetch_call *fetch_of(struct call *call)
{
    return (void *)call;
}

static void fetch_begin(struct call *call)
{
    struct fetch_call *fetch = fetch_of(call);
    struct http_request *request = &call->request;
    request->origin = ORIGIN_SIGNED;
    request->item.kind = SLOT_DATA;
    request->url = STEAL_POINTER(fetch->url);
    request->has_range = true;
    request->first = fetch->first;
    request->last = fetch->last;
    request->is_streamed = true;
    request_send(call);
}

static void sink_deliver(struct call *call)
{
    call->sink.on_done(call->sink.ctx, call->err, &call->why);
}

static void fetch_release(struct call *call)
{
    free(fetch_of(call)->url);
}

static const struct call_type fetch_type = {
    .what = "xorb",
    .ends_on_network = true,
    .begin = fetch_begin,
    .ended = call_finish_with_request,
    .deliver = sink_deliver,
    .release = fetch_release,
};

hub_ticket cas_fetch(struct hub *hub, const struct hub_call *call,
                     const struct cas_range *range, struct hub_sink sink)
{
    struct fetch_call *fetch = call_new(hub, &fetch_type, sizeof(*fetch), call, NULL);
    if (fetch != NULL) {
        fetch->url = strdup(range->url);
        if (fetch->url == NULL) {
            call_discard(&fetch->call);
            fetch = NULL;
        }
    }
    if (fetch == NULL) {
        sink.on_done(sink.ctx, ERR_NO_MEMORY, &(struct why){0});
        return 0;
    }
    fetch->first = range->byte_first;
    fetch->last = range->byte_last;
    fetch->call.sink = sink;
    return call_submit(&fetch->call);
}
