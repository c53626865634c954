// SPDX-License-Identifier: Apache-2.0
// See cas_call.h; and the two verbs that are not more than that: access and dedup queries.
#include "hub/cas_call.h"

#include "hub/hub_state.h"
#include "hub/write_refusal.h"
#include "hub/xet_token.h"

#include <stdlib.h>
#include <string.h>

void *cas_call_new(struct hub *hub, const struct call_type *type, size_t size,
                   const struct hub_call *options, const struct hub_target *target)
{
    struct cas_call *cas = call_new(hub, type, size, options, &target->repo);
    if (cas != NULL && call_set_subject(&cas->call, target->revision, NULL) != ERR_NONE) {
        call_discard(&cas->call);
        return NULL;
    }
    return cas;
}

void cas_call_begin(struct call *call)
{
    struct cas_call *cas = (void *)call;
    char *token = NULL;
    char *cas_url = NULL;
    request_reset(
        &call->request); // what the step before was told explains nothing any more
    enum err err = xet_tokens_want_write(call, &token, &cas_url);
    if (err == ERR_PARKED) {
        return;
    }
    if (err != ERR_NONE) {
        call_finish(call, err, NULL);
        return;
    }
    free(cas->cas_url);
    cas->cas_url = cas_url;
    cas->step(cas, token);
}

void cas_call_resumed(struct call *call, enum err err, const struct why *why)
{
    if (err != ERR_NONE) {
        call_finish(call, err, why);
        return;
    }
    cas_call_begin(call);
}

void cas_call_deliver(struct call *call)
{
    struct cas_call *cas = (void *)call;
    cas->done(cas->ctx, call->err, &call->why);
}

void cas_call_release(struct call *call)
{
    free(((struct cas_call *)(void *)call)->cas_url);
}

bool cas_call_request(struct cas_call *cas, char *token, const char *path,
                      const struct digest *hash_or_null, size_t body_max)
{
    struct http_request *request = &cas->call.request;
    AUTO(buffer) struct buffer url = buffer_init(URL_BYTES_MAX);
    char hash[DIGEST_HEX_SIZE] = "";
    request->cas_token = token;
    if (hash_or_null != NULL) {
        digest_to_xet_hex(hash_or_null, hash);
    }
    if (buffer_printf(&url, "%s%s%s", cas->cas_url, path, hash) != ERR_NONE ||
        (request->url = strdup(buffer_text(&url))) == NULL) {
        call_finish(&cas->call, ERR_NO_MEMORY, NULL);
        return false;
    }
    request->origin = ORIGIN_CAS;
    request->item.kind = SLOT_API;
    request->retry = RETRY_WRITE;
    request->accept = "application/json";
    request->body_max = body_max;
    return true;
}

int cas_call_error_status(const struct cas_call *cas)
{
    const struct http_request *request = &cas->call.request;
    return request->is_http_error ? request->answer.status : 0;
}

bool cas_call_renews_token(struct cas_call *cas)
{
    if (cas_call_error_status(cas) != 401 || cas->renewed_token ||
        cas->call.request.answered_by != ORIGIN_CAS) {
        return false;
    }
    cas->renewed_token = true;
    xet_tokens_forget_write(&cas->call);
    cas_call_begin(&cas->call);
    return true;
}

bool cas_call_is_at(const struct cas_call *cas, const char *remembered)
{
    return remembered != NULL && strcmp(remembered, cas->cas_url) == 0;
}

void cas_call_remember(const struct cas_call *cas, char **remembered)
{
    char *url = strdup(cas->cas_url);
    if (url != NULL) { // else it is found out once more
        free(*remembered);
        *remembered = url;
    }
}

// ---------------------------------------------------------------------------------- access

static void access_step(struct cas_call *cas, char *token)
{
    explicit_bzero(token, strlen(token));
    free(token);
    call_finish(&cas->call, ERR_NONE, NULL);
}

static const struct call_type access_type = {
    .what = "write_access",
    .begin = cas_call_begin,
    .ended = call_finish_with_request, // for its deadline: it sends nothing itself
    .resumed = cas_call_resumed,
    .deliver = cas_call_deliver,
    .release = cas_call_release,
};

hub_ticket hub_write_access(struct hub *hub, const struct hub_call *call,
                            const struct hub_target *target, hub_done_fn done, void *ctx)
{
    struct cas_call *cas = cas_call_new(hub, &access_type, sizeof(*cas), call, target);
    if (cas == NULL) {
        done(ctx, ERR_NO_MEMORY, &(struct why){0});
        return 0;
    }
    cas->step = access_step;
    cas->done = done;
    cas->ctx = ctx;
    return call_submit(&cas->call);
}

static void run_forget(struct hub *hub, struct note *note)
{
    free(note);
    xet_tokens_forget_all(hub->xet_tokens, true);
}

void hub_forget_write_tokens(struct hub *hub)
{
    struct note *note = calloc(1, sizeof(*note));
    if (note != NULL) { // else they live until they expire
        note->run = run_forget;
        hub_post_note(hub, note);
    }
}

// --------------------------------------------------------------------------- dedup queries

struct query_call {
    struct cas_call cas;
    struct digest chunk;
    cas_chunk_query_fn done;
};

static void query_step(struct cas_call *cas, char *token)
{
    struct http_request *request = &cas->call.request;
    const struct digest *chunk = &((struct query_call *)(void *)cas)->chunk;
    if (cas_call_request(cas, token, "/v1/chunks/default/", chunk, CHUNK_ANSWER_MAX)) {
        request->retry = RETRY_READ;
        request->accept = "*/*";
        request_send(&cas->call);
    }
}

static void query_ended(struct call *call)
{
    if (!cas_call_renews_token((void *)call)) {
        call_finish_with_request(call);
    }
}

static void query_deliver(struct call *call)
{
    struct query_call *query = (void *)call;
    bool is_fine = call->err == ERR_NONE;
    query->done(query->cas.ctx, call->err, &call->why,
                is_fine ? call->request.body.bytes : NULL,
                is_fine ? call->request.body.len : 0);
}

static const struct call_type query_type = {
    .what = "chunk_query",
    .begin = cas_call_begin,
    .ended = query_ended,
    .resumed = cas_call_resumed,
    .refused = write_refusal,
    .deliver = query_deliver,
    .release = cas_call_release,
};

hub_ticket cas_query_chunk(struct hub *hub, const struct hub_call *call,
                           const struct hub_target *target, const struct digest *chunk,
                           cas_chunk_query_fn done, void *ctx)
{
    struct query_call *query =
        cas_call_new(hub, &query_type, sizeof(*query), call, target);
    if (query == NULL) {
        done(ctx, ERR_NO_MEMORY, &(struct why){0}, NULL, 0);
        return 0;
    }
    query->cas.step = query_step;
    query->cas.ctx = ctx;
    query->chunk = *chunk;
    query->done = done;
    return call_submit(&query->cas.call);
}
