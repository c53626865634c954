// SPDX-License-Identifier: Apache-2.0
// Uploads of xorbs.
//
//   GRANT --201--> PUT --2xx, 412--> COMMIT --2xx--> done       GRANT --200--> done (stored)
//     ^              | 403              | 404
//     +--------------+------------------+   at most GRANTS_PER_XORB grants
//   GRANT --404, 405, 501--> DIRECT --2xx--> done    (remembered when it worked)
//   GRANT --unusable grant--> DIRECT
//
// Everything is named by its content, so each step can be repeated. The bytes go to an
// address that carries no credential of ours but is one itself (PUT), or with the token to
// the service (DIRECT).
#include "hub/cas_call.h"
#include "hub/grant_answer.h"
#include "hub/hub_state.h"
#include "hub/write_refusal.h"

#include <stdlib.h>
#include <string.h>

enum xorb_step { STEP_GRANT, STEP_PUT, STEP_COMMIT, STEP_DIRECT };

struct xorb_call {
    struct cas_call cas;
    struct digest xorb;
    struct http_upload bytes;
    uint64_t crc64nvme;
    enum xorb_step step;
    unsigned grants; // asked for
    bool knows_no_grants;
    struct grant grant;
};

static void add_bytes(struct xorb_call *xorb)
{
    struct http_request *request = &xorb->cas.call.request;
    request->upload = xorb->bytes;
    request->item.kind = SLOT_UPLOAD;
    request->silence_s = UPLOAD_SILENCE_S;
}

static void ask_for_grant(struct xorb_call *xorb, char *token)
{
    struct call *call = &xorb->cas.call;
    if (!cas_call_request(&xorb->cas, token, "/v1/xorb-grants/default/", &xorb->xorb,
                          SMALL_ANSWER_MAX)) {
        return;
    }
    xorb->grants++;
    call->request.post_type = "application/json";
    enum err err = buffer_printf(&call->request.post,
                                 "{\"length\":%llu,\"checksum\":{\"algo\":\"crc64nvme\","
                                 "\"value\":\"%llu\"}}",
                                 (unsigned long long)xorb->bytes.len,
                                 (unsigned long long)xorb->crc64nvme);
    if (err != ERR_NONE) {
        call_finish(call, err, NULL);
        return;
    }
    request_send(call);
}

static void send_directly(struct xorb_call *xorb, char *token)
{
    if (cas_call_request(&xorb->cas, token, "/v1/xorbs/default/", &xorb->xorb,
                         SMALL_ANSWER_MAX)) {
        xorb->cas.call.request.method = METHOD_POST;
        xorb->cas.call.request.post_type = "application/octet-stream";
        add_bytes(xorb);
        request_send(&xorb->cas.call);
    }
}

static void commit_grant(struct xorb_call *xorb, char *token)
{
    struct http_request *request = &xorb->cas.call.request;
    AUTO(buffer) struct buffer path = buffer_init(URL_BYTES_MAX);
    char hash[DIGEST_HEX_SIZE];
    digest_to_xet_hex(&xorb->xorb, hash);
    enum err err = buffer_printf(&path, "/v1/xorb-commits/default/%s/grant/%s", hash,
                                 xorb->grant.id);
    if (err != ERR_NONE) {
        free(token);
        call_finish(&xorb->cas.call, err, NULL);
        return;
    }
    if (cas_call_request(&xorb->cas, token, buffer_text(&path), NULL, SMALL_ANSWER_MAX)) {
        request->method = METHOD_POST;
        request->silence_s = UPLOAD_SILENCE_S;
        request_send(&xorb->cas.call);
    }
}

static void xorb_step(struct cas_call *cas, char *token)
{
    struct xorb_call *xorb = (void *)cas;
    if (xorb->step == STEP_GRANT && cas_call_is_at(cas, cas->call.hub->no_grants_host)) {
        xorb->step = STEP_DIRECT;
    }
    if (xorb->step == STEP_GRANT) {
        ask_for_grant(xorb, token);
    } else if (xorb->step == STEP_COMMIT) {
        commit_grant(xorb, token);
    } else {
        send_directly(xorb, token);
    }
}

static void go_to(struct xorb_call *xorb, enum xorb_step step)
{
    xorb->step = step;
    cas_call_begin(&xorb->cas.call);
}

static void put_bytes(struct xorb_call *xorb)
{
    struct call *call = &xorb->cas.call;
    struct http_request *request = &call->request;
    request_reset(request);
    xorb->step = STEP_PUT;
    request->origin = ORIGIN_SIGNED;
    request->method = METHOD_PUT;
    request->retry = RETRY_WRITE;
    request->url = STEAL_POINTER(xorb->grant.url);
    request->signed_headers = STEAL_POINTER(xorb->grant.headers);
    request->body_max = SMALL_ANSWER_MAX;
    add_bytes(xorb);
    request_send(call);
}

// A grant is short: it is parsed here on the network thread, which needs it next.
static void grant_ended(struct xorb_call *xorb)
{
    struct call *call = &xorb->cas.call;
    struct http_request *request = &call->request;
    int status = cas_call_error_status(&xorb->cas);
    struct why why = {0};
    if (status == 404 || status == 405 || status == 501) {
        xorb->knows_no_grants = true;
        go_to(xorb, STEP_DIRECT);
        return;
    }
    if (request->err != ERR_NONE || request->answer.status != 201) {
        call_finish_with_request(call); // failed, or stored already
        return;
    }
    grant_release(&xorb->grant);
    enum err err = grant_parse(request->body.bytes, request->body.len, &call->hub->policy,
                               &why, &xorb->grant);
    if (err == ERR_NONE) {
        put_bytes(xorb);
    } else if (err == ERR_BAD_ANSWER) {
        log_warn("hub", "%s; the upload goes without a grant", why_text(&why, err));
        go_to(xorb, STEP_DIRECT);
    } else {
        call_finish(call, err, &why);
    }
}

static void xorb_ended(struct call *call)
{
    struct xorb_call *xorb = (void *)call;
    bool is_fine = call->request.err == ERR_NONE;
    int status = cas_call_error_status(&xorb->cas);
    if (cas_call_renews_token(&xorb->cas)) {
        return;
    }
    if (xorb->step == STEP_GRANT) {
        grant_ended(xorb);
        return;
    }
    bool was_too_late = (xorb->step == STEP_PUT && status == 403) ||
                        (xorb->step == STEP_COMMIT && status == 404);
    if (was_too_late && xorb->grants < GRANTS_PER_XORB) {
        go_to(xorb, STEP_GRANT);
    } else if (xorb->step == STEP_PUT && (is_fine || status == 412)) {
        go_to(xorb, STEP_COMMIT);
    } else {
        if (xorb->step == STEP_DIRECT && is_fine && xorb->knows_no_grants) {
            cas_call_remember(&xorb->cas, &call->hub->no_grants_host);
        }
        call_finish_with_request(call);
    }
}

static void xorb_release(struct call *call)
{
    grant_release(&((struct xorb_call *)(void *)call)->grant);
    cas_call_release(call);
}

static const struct call_type xorb_type = {
    .what = "xorb_upload",
    .begin = cas_call_begin,
    .ended = xorb_ended,
    .resumed = cas_call_resumed,
    .refused = write_refusal,
    .deliver = cas_call_deliver,
    .release = xorb_release,
};

hub_ticket cas_upload_xorb(struct hub *hub, const struct hub_call *call,
                           const struct hub_target *target, const struct digest *xorb,
                           int fd, uint64_t offset, uint64_t len, uint64_t crc64nvme,
                           hub_done_fn done, void *ctx)
{
    struct xorb_call *upload =
        cas_call_new(hub, &xorb_type, sizeof(*upload), call, target);
    if (upload == NULL) {
        done(ctx, ERR_NO_MEMORY, &(struct why){0});
        return 0;
    }
    call_take_its_time(&upload->cas.call, call);
    upload->cas.step = xorb_step;
    upload->cas.done = done;
    upload->cas.ctx = ctx;
    upload->xorb = *xorb;
    upload->bytes = (struct http_upload){.fd = fd, .offset = offset, .len = len};
    upload->crc64nvme = crc64nvme;
    return call_submit(&upload->cas.call);
}
