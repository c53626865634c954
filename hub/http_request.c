// SPDX-License-Identifier: Apache-2.0
// The life of a request between its attempts: admission, slots, redirects, retries and the
// deadline. See the drawing in http_request.h.
//
// (1) A request ends exactly once, by end(), and always in state IDLE.
// (2) No state but ACTIVE holds a slot or a curl handle.
// (3) At its deadline a request ends, in whatever state: a server that hangs can't hold a
//     caller longer.
// (4) When the next attempt could only begin past the deadline, the request ends now, with
//     the failure it has met.
#include "hub/http_request.h"

#include "hub/hub_state.h"

#include <string.h>

static void admit(struct call *call);

static struct call *call_of_item(struct sched_item *item)
{
    return (struct call *)(void *)((char *)item - offsetof(struct call, request.item));
}

static const char *current_url(const struct http_request *request)
{
    return request->final_url != NULL ? request->final_url : request->url;
}

// ------------------------------------------------------------------------------- timers

static void end(struct call *call, enum err err, const struct why *why)
{
    struct http_request *request = &call->request;
    request->state = REQUEST_IDLE;
    request->err = err;
    request->why = why != NULL ? *why : (struct why){0};
    request->is_http_error = false;
    request->answered_by = request->final_origin;
    if (err == ERR_NONE &&
        (request->answer.status < 200 || request->answer.status >= 300)) {
        request->is_http_error = true;
        request->err = ERR_SERVER; // answer_explain() says it better
    }
    call->type->ended(call);
}

static void expire(struct call *call)
{
    struct why why;
    request_explain_expiry(call, &why);
    request_fail(call, ERR_TIMEOUT, &why);
}

static void on_timer(void *ctx)
{
    struct call *call = ctx;
    struct hub *hub = call->hub;
    struct http_request *request = &call->request;
    int64_t now_ms = clock_now_ms();
    if (now_ms >= call->deadline_ms) {
        expire(call);
    } else if ((request->state == REQUEST_HELD || request->state == REQUEST_BACKOFF) &&
               now_ms >= request->wake_ms) {
        admit(call);
    } else {
        loop_timer_set(request->timer, call->deadline_ms);
    }
    requests_pump(hub);
}

// The deadline or `wake_ms`, whichever is first. False = no memory for a timer.
static bool arm(struct call *call, int64_t wake_ms)
{
    struct http_request *request = &call->request;
    if (request->timer == NULL) {
        request->timer = loop_timer_new(call->hub->loop, on_timer, call);
        if (request->timer == NULL) {
            return false;
        }
    }
    request->wake_ms = wake_ms;
    loop_timer_set(request->timer,
                   wake_ms < call->deadline_ms ? wake_ms : call->deadline_ms);
    return true;
}

// ---------------------------------------------------------------------------- admission

static void admit(struct call *call)
{
    struct http_request *request = &call->request;
    struct why why = {0};
    int64_t until_ms = 0;
    request->state = REQUEST_IDLE;
    enum err err = request_refuse_offline(call, &why);
    if (err == ERR_NONE && clock_now_ms() >= call->deadline_ms) {
        err = why_set(&why, ERR_TIMEOUT,
                      "the deadline had passed before the request was sent");
    }
    if (err == ERR_NONE) {
        err = request_refuse_quota(call, &why, &until_ms);
    }
    if (err == ERR_NONE && !arm(call, until_ms != 0 ? until_ms : DEADLINE_NONE)) {
        err = ERR_NO_MEMORY;
    }
    if (err != ERR_NONE) {
        end(call, err, &why);
        return;
    }
    if (until_ms != 0) {
        request->state = REQUEST_HELD;
        return;
    }
    request->item.class = call->class;
    if (request->has_range) {
        request->item.bytes = request->last - request->first + 1 - request->delivered;
    }
    request->state = REQUEST_QUEUED;
    scheduler_enqueue(&call->hub->scheduler, &request->item);
    requests_pump(call->hub);
}

void request_send(struct call *call)
{
    struct http_request *request = &call->request;
    struct why why = {0};
    request->final_origin = request->origin;
    request->queued_ms = clock_now_ms();
    redirect_chain_start(&request->redirects, request->url);
    request->redirects.must_stay = !request->is_streamed;
    if (call->hub->is_offline_for_good) { // not even a name is looked at
        enum err err = request_refuse_offline(call, &why);
        end(call, err, &why);
        return;
    }
    request->host = host_find(call->hub, request->url);
    if (request->host == NULL ||
        !url_is_allowed(&call->hub->policy, &request->host->address)) {
        enum err err = why_set(&why, ERR_BAD_ANSWER,
                               "the server gave an address that can't be used");
        end(call, err, &why);
        return;
    }
    if (credential_check(&call->hub->credential, request->queued_ms)) {
        hub_token_changed(call->hub);
    }
    admit(call);
}

void request_park(struct call *call)
{
    if (!arm(call, DEADLINE_NONE)) {
        call_finish(call, ERR_NO_MEMORY, NULL);
        return;
    }
    call->request.state = REQUEST_PARKED;
}

// ------------------------------------------------------------------------------- slots

static void publish_counts(struct hub *hub)
{
    const struct scheduler *scheduler = &hub->scheduler;
    for (unsigned class = 0; class < HUB_CLASSES; class ++) {
        atomic_store(&hub->counters.queued[class],
                     scheduler->queues[SLOT_API][class].count +
                         scheduler->queues[SLOT_PLAN][class].count +
                         scheduler->queues[SLOT_DATA][class].count +
                         scheduler->queues[SLOT_UPLOAD][class].count);
    }
    atomic_store(&hub->counters.active_api,
                 scheduler->active[SLOT_API] + scheduler->active[SLOT_PLAN]);
    atomic_store(&hub->counters.active_data, scheduler->active[SLOT_DATA]);
    atomic_store(&hub->counters.active_uploads, scheduler->active[SLOT_UPLOAD]);
    atomic_store(&hub->counters.data_slots, scheduler->slots[SLOT_DATA]);
}

void requests_pump(struct hub *hub)
{
    struct sched_item *item = NULL;
    if (hub->is_pumping) {
        return; // the loop below sees what has changed
    }
    hub->is_pumping = true;
    while ((item = scheduler_next(&hub->scheduler, clock_now_ms())) != NULL) {
        attempt_start(call_of_item(item));
    }
    hub->is_pumping = false;
    publish_counts(hub);
    int64_t wake_ms = scheduler_wake_ms(&hub->scheduler);
    if (wake_ms == DEADLINE_NONE) {
        loop_timer_clear(hub->tick);
    } else {
        loop_timer_set(hub->tick, wake_ms);
    }
}

// ----------------------------------------------------------------- after an attempt

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

// Goes where the answer points; true when that is under way.
static bool follow(struct call *call, struct why *why, enum err *out_err)
{
    struct http_request *request = &call->request;
    AUTO_FREE char *target = NULL;
    enum http_origin origin = ORIGIN_SIGNED;
    bool keeps_method = request->answer.status == 307 || request->answer.status == 308;
    if (request_has_body(request) && !keeps_method) {
        *out_err =
            why_set(why, ERR_BAD_ANSWER, "the server redirects a request with a body");
        return false;
    }
    *out_err = redirect_follow(&request->redirects, &call->hub->policy,
                               request->final_origin, current_url(request),
                               request->answer.location, why, &target, &origin);
    if (*out_err != ERR_NONE) {
        return false;
    }
    struct host *host = host_find(call->hub, target);
    if (host == NULL) {
        *out_err = ERR_NO_MEMORY;
        return false;
    }
    free(request->final_url);
    request->final_url = STEAL_POINTER(target);
    request->final_origin = origin;
    request->host = host;
    request->was_redirected = true;
    request->queued_ms = clock_now_ms();
    admit(call);
    return true;
}

// The failure to judge a finished attempt by; ERR_NONE for a success or a final HTTP error.
static enum err failure_of(const struct http_request *request, enum err err)
{
    if (err != ERR_NONE || !http_status_is_retriable(request->answer.status)) {
        return err;
    }
    return request->answer.status == 429 ? ERR_QUOTA : ERR_SERVER;
}

bool request_retry(struct call *call, enum err failure)
{
    struct http_request *request = &call->request;
    bool can_repeat =
        !request->is_streamed || request->is_resumable || request->delivered == 0;
    if (!can_repeat || call->hub->is_closing) {
        return false;
    }
    struct retry_question question = {
        .policy = request->retry,
        .err = failure,
        .status = request->has_answer && request->answer.status >= 400
                      ? request->answer.status
                      : 0,
        .attempt = request->attempt,
        .server_wait_ms = request->answer.server_wait_ms,
        .now_ms = clock_now_ms(),
        .deadline_ms = call->deadline_ms,
    };
    bool is_open = request->host->breaker.is_open;
    int64_t delay_ms = is_open ? -1 : http_retry_delay_ms(&question);
    if (delay_ms < 0 || !arm(call, question.now_ms + delay_ms)) {
        return false;
    }
    request->attempt++;
    atomic_fetch_add(&call->hub->counters.retries, 1);
    log_debug("http", "%s: attempt %u failed (%s, status %d); next in %lld ms",
              call->type->what, request->attempt, err_name(failure), question.status,
              (long long)delay_ms);
    request->queued_ms = question.now_ms + delay_ms;
    request->state = REQUEST_BACKOFF;
    return true;
}

// A 401 may only mean that the token file has a newer token: then once more, at once.
static bool retry_with_new_token(struct call *call)
{
    struct http_request *request = &call->request;
    bool may_help = request->answer.status == 401 &&
                    request->final_origin == ORIGIN_HUB && !request->reloaded_token;
    if (!may_help) {
        return false;
    }
    request->reloaded_token = true;
    if (!credential_reload(&call->hub->credential)) {
        return false;
    }
    hub_token_changed(call->hub);
    admit(call);
    return true;
}

void attempt_over(struct call *call, enum err err, const struct why *why)
{
    struct http_request *request = &call->request;
    struct why told = why != NULL ? *why : (struct why){0};
    if (err == ERR_NONE && is_redirect(request->answer.status)) {
        if (follow(call, &told, &err)) {
            return;
        }
        end(call, err, &told);
        return;
    }
    if (err == ERR_NONE && retry_with_new_token(call)) {
        return;
    }
    enum err failure = failure_of(request, err);
    if (failure != ERR_NONE && request_retry(call, failure)) {
        return;
    }
    bool was_begun = request->is_streamed && request->delivered > 0;
    bool broke_off = err == ERR_OFFLINE || err == ERR_TIMEOUT || err == ERR_TRUNCATED;
    end(call, was_begun && broke_off ? ERR_TRUNCATED : err, &told);
}

// -------------------------------------------------------------------------- from outside

void request_stop(struct call *call)
{
    struct http_request *request = &call->request;
    if (request->state == REQUEST_QUEUED) {
        scheduler_remove(&call->hub->scheduler, &request->item);
    } else if (request->state == REQUEST_ACTIVE) {
        attempt_abort(call, ERR_CANCELLED);
    }
    request->state = REQUEST_IDLE;
}

void request_fail(struct call *call, enum err err, const struct why *why)
{
    struct http_request *request = &call->request;
    if (request->state == REQUEST_ACTIVE) {
        attempt_abort(call, err);
    }
    request_stop(call);
    end(call, err, why);
}

void request_promote(struct call *call, enum hub_class class)
{
    struct http_request *request = &call->request;
    if (class >= call->class) {
        return;
    }
    call->class = class;
    if (request->state == REQUEST_QUEUED) {
        scheduler_promote(&call->hub->scheduler, &request->item, class);
    } else if (request->state == REQUEST_HELD) {
        admit(call); // the gate is wider for the higher class
    }
}

void request_resume(struct call *call)
{
    struct http_request *request = &call->request;
    if (request->state == REQUEST_ACTIVE && request->is_paused) {
        request->is_paused = false;
        request->heard_ms = clock_now_ms(); // the silence was ours
        http_multi_unpause(call->hub->multi, &request->transfer);
    }
}
