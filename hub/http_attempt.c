// SPDX-License-Identifier: Apache-2.0
// One attempt on the wire: from a slot to a complete answer or a failure. What follows from
// the outcome (redirect, retry, end) is http_request.c's business.
//
// Bodies come in two ways. A collected one goes into request->body, up to its maximum. A
// streamed one goes to the call's sink, and only after the headers have promised exactly the
// bytes that were asked for: 206, the same range, nothing else. Misplaced bytes would end in
// a cache that people trust.
#include "hub/answer_error.h"
#include "hub/http_easy.h"
#include "hub/hub_state.h"
#include "hub/transport_error.h"

#include <stdio.h>
#include <string.h>

static struct call *call_of(struct http_transfer *transfer)
{
    return (struct call *)(void *)((char *)transfer -
                                   offsetof(struct call, request.transfer));
}

static bool is_success(const struct http_request *request)
{
    return request->answer.status >= 200 && request->answer.status < 300;
}

// The first byte that this attempt asked for.
static uint64_t attempt_first(const struct http_request *request)
{
    return request->first +
           (request->is_resumable ? request->delivered - request->attempt_bytes : 0);
}

// ------------------------------------------------------------------------------ bodies

// Whether a successful answer to a streamed request is the one that was asked for.
static enum err check_range(const struct http_request *request, struct why *why)
{
    const struct http_answer *answer = &request->answer;
    if (answer->status != 206) {
        return why_set(
            why, ERR_BAD_ANSWER,
            "the server ignored the range asked for (HTTP status %d instead of 206)",
            answer->status);
    }
    if (answer->is_encoded) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the server compressed a range of bytes; refused");
    }
    const struct content_range *range = &answer->content_range;
    if (!answer->has_content_range || !range->has_range ||
        range->first != attempt_first(request) || range->last != request->last) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the server sent another range than the one asked for");
    }
    return ERR_NONE;
}

static enum err read_answer(struct http_request *request)
{
    if (request->has_answer) {
        return ERR_NONE;
    }
    http_answer_release(&request->answer);
    enum err err = http_answer_read(request->transfer.easy, &request->answer);
    request->has_answer = err == ERR_NONE;
    if (err == ERR_NONE && request->is_streamed && is_success(request)) {
        err = check_range(request, &request->why);
    }
    return err;
}

static enum err collect(struct http_request *request, const uint8_t *bytes, size_t len)
{
    if (!is_success(request)) {
        // The text of an error: what is too long for a sentence is not worth failing over.
        size_t room =
            ERROR_BODY_MAX -
            (request->body.len < ERROR_BODY_MAX ? request->body.len : ERROR_BODY_MAX);
        return buffer_append(&request->body, bytes, len < room ? len : room);
    }
    enum err err = buffer_append(&request->body, bytes, len);
    if (err == ERR_TOO_LARGE) {
        return why_set(&request->why, err, "the server's answer is longer than %zu bytes",
                       request->body_max);
    }
    return err;
}

// Gives streamed bytes to the sink; false = it wants a pause.
static enum err stream(struct call *call, const uint8_t *bytes, size_t len,
                       bool *out_paused)
{
    struct http_request *request = &call->request;
    uint64_t left = request->last - request->first + 1 - request->delivered;
    if (len > left) {
        return why_set(&request->why, ERR_BAD_ANSWER,
                       "the server sent more bytes than it promised");
    }
    if (!call->sink.on_bytes(call->sink.ctx, bytes, len)) {
        *out_paused = true;
        return ERR_NONE;
    }
    request->delivered += len;
    return ERR_NONE;
}

static size_t on_body(const char *data, size_t size, size_t n, void *ctx)
{
    struct call *call = ctx;
    struct http_request *request = &call->request;
    const uint8_t *bytes = (const uint8_t *)data;
    size_t len = size * n;
    bool is_paused = false;
    request->heard_ms = clock_now_ms();
    host_heard(request->host, request->heard_ms);
    enum err err = read_answer(request);
    if (err == ERR_NONE) {
        err = request->is_streamed && is_success(request)
                  ? stream(call, bytes, len, &is_paused)
                  : collect(request, bytes, len);
    }
    if (err != ERR_NONE) {
        request->abort_err = err;
        return 0;
    }
    if (is_paused) {
        request->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    request->attempt_bytes += len;
    atomic_fetch_add(&call->hub->counters.bytes_received, len);
    if (request->item.kind == SLOT_DATA) {
        scheduler_received(&call->hub->scheduler, len, request->heard_ms);
    }
    return len;
}

// ----------------------------------------------------------------------------- outcomes

static void write_trace(struct call *call, enum err err)
{
    struct http_request *request = &call->request;
    struct hub *hub = call->hub;
    CURL *easy = request->transfer.easy;
    int64_t now_ms = clock_now_ms();
    curl_off_t first_byte_us = 0;
    long connects = 0;
    char target[512];
    const char *url = request->final_url != NULL ? request->final_url : request->url;
    curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte_us);
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
    url_path_for_people(url, target, sizeof(target));
    log_redact(target);
    struct hub_trace trace = {
        .what = call->type->what,
        .reason = call->reason,
        .target = target,
        .class = request->item.started_class,
        .status = request->has_answer ? request->answer.status : 0,
        .err = err,
        .queued_ms = request->started_ms - request->queued_ms,
        .ttfb_ms = first_byte_us / 1000,
        .total_ms = now_ms - request->started_ms,
        .bytes = request->upload.len > 0 ? request->upload.given : request->attempt_bytes,
        .connection_reused = connects == 0,
        .request_id = request->has_answer ? request->answer.request_id : "",
    };
    lock_acquire(&hub->trace_lock);
    if (hub->trace != NULL) {
        hub->trace(hub->trace_ctx, &trace);
    }
    lock_release(&hub->trace_lock);
}

// Gives back everything that an attempt holds; `err` is for the trace.
static void attempt_close(struct call *call, enum err err)
{
    struct http_request *request = &call->request;
    struct hub *hub = call->hub;
    int64_t now_ms = clock_now_ms();
    write_trace(call, err);
    int status = request->has_answer ? request->answer.status : 0;
    bool is_congestion = status == 429 || status == 503 || err == ERR_TIMEOUT;
    scheduler_ended(&hub->scheduler, &request->item, request->attempt_bytes,
                    is_congestion, now_ms);
    if (request->counted_quota) {
        quota_gate_ended(&hub->quota[request->bucket]);
        request->counted_quota = false;
    }
    atomic_fetch_add(&hub->counters.requests[request->item.started_class], 1);
    atomic_fetch_add(&hub->counters.failures, err != ERR_NONE);
    curl_easy_cleanup(request->transfer.easy);
    request->transfer.easy = NULL;
    curl_slist_free_all(request->headers);
    request->headers = NULL;
    request->state = REQUEST_IDLE;
    request->is_paused = false;
}

// What the answer said about quotas belongs to the bucket that it names.
static void learn_limits(struct hub *hub, const struct http_request *request)
{
    if (!request->has_answer || !request->answer.has_rate_limit ||
        request->final_origin != ORIGIN_HUB) {
        return;
    }
    const struct rate_limit *limit = &request->answer.rate_limit;
    if (strcmp(limit->bucket, "api") == 0) {
        quota_gate_learn(&hub->quota[QUOTA_API], limit, clock_now_ms());
        atomic_store(&hub->counters.quota_left, limit->remaining);
        atomic_store(&hub->counters.quota_reset_ms, hub->quota[QUOTA_API].reset_ms);
    } else if (strcmp(limit->bucket, "resolvers") == 0) {
        quota_gate_learn(&hub->quota[QUOTA_RESOLVERS], limit, clock_now_ms());
    }
}

static void on_done(struct http_transfer *transfer, CURLcode code)
{
    struct call *call = call_of(transfer);
    struct http_request *request = &call->request;
    struct hub *hub = call->hub; // the call may be gone in the end
    struct host *host = request->host;
    struct why why = {0};
    enum err err = transport_err(code, request);
    bool is_unreachable = transport_is_connect_failure(transfer->easy, code);
    request->silences +=
        code == CURLE_OPERATION_TIMEDOUT && !is_unreachable && !request->has_answer;
    if (is_unreachable && err == ERR_TRUNCATED) {
        err = ERR_OFFLINE;
    }
    if (err == ERR_NONE || transport_was_refused_early(transfer->easy, code, request)) {
        err = read_answer(request); // an answer without a body has not been read yet
    }
    if (err != ERR_NONE && request->why.text[0] != '\0') {
        why = request->why;
    } else if (err != ERR_NONE) {
        transport_explain(call, code, err, &why);
    }
    if (err == ERR_NONE && request->is_streamed && is_success(request) &&
        request->delivered != request->last - request->first + 1) {
        err = why_set(&why, ERR_TRUNCATED, "the answer of %s ended early",
                      host->address.host);
    }
    learn_limits(hub, request);
    bool is_http_error = err == ERR_NONE && request->answer.status >= 400;
    attempt_close(call,
                  is_http_error ? answer_err_of_status(request->answer.status) : err);
    request->state =
        REQUEST_JUDGED; // host_failed() may end other calls, but not this one
    if (request->has_answer) {
        host_succeeded(host);
    } else if (is_unreachable || transport_is_break_off(code)) {
        // Before attempt_over(): when this opens the breaker, no retry is begun.
        char reason[SERVER_TEXT_SIZE];
        server_text_clean(request->curl_text, reason, sizeof(reason));
        (is_unreachable ? host_failed : host_broke_off)(host, reason);
    }
    attempt_over(call, err, &why);
    requests_pump(hub);
}

void attempt_start(struct call *call)
{
    struct http_request *request = &call->request;
    struct hub *hub = call->hub;
    http_answer_release(&request->answer);
    buffer_release(&request->body);
    request->body = buffer_init(request->body_max > ERROR_BODY_MAX ? request->body_max
                                                                   : ERROR_BODY_MAX);
    request->has_answer = false;
    request->abort_err = ERR_NONE;
    request->attempt_bytes = 0;
    request->upload.given = 0;
    request->why = (struct why){0};
    request->curl_text[0] = '\0';
    request->started_ms = request->heard_ms = clock_now_ms();
    request->state = REQUEST_ACTIVE;
    hosts_watch(hub, request->started_ms);
    request->transfer.on_done = on_done;
    request->transfer.easy = http_easy_new(call, on_body);
    if (request->transfer.easy != NULL &&
        http_multi_add(hub->multi, &request->transfer) == ERR_NONE) {
        if (request->final_origin == ORIGIN_HUB && request->bucket != QUOTA_NONE) {
            quota_gate_started(&hub->quota[request->bucket]);
            request->counted_quota = true;
        }
        return;
    }
    scheduler_ended(&hub->scheduler, &request->item, 0, false, request->started_ms);
    curl_easy_cleanup(request->transfer.easy);
    request->transfer.easy = NULL;
    curl_slist_free_all(request->headers);
    request->headers = NULL;
    request->state = REQUEST_IDLE;
    attempt_over(call, ERR_NO_MEMORY, NULL);
}

void attempt_abort(struct call *call, enum err err)
{
    http_multi_remove(call->hub->multi, &call->request.transfer);
    attempt_close(call, err);
}
