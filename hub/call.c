// SPDX-License-Identifier: Apache-2.0
// Calls: how they get from any thread to the network thread (the inbox), how they are found
// again (tickets), and how they end (deliveries).
//
// The inbox is ours and not event_loop_post(), because what is posted there can't be taken
// back: hub_close() must be able to say that nothing of this hub is on its way any more.
//
// (1) A call is in hub->calls exactly from call_start() to call_finish().
// (2) Its deliver() runs once: on the pool, counted in `deliveries`, or at once on the network
//     thread for verbs that hand out bytes.
// (3) hub_close() returns only when the inbox is empty, no call is left and deliveries is 0.
#include "hub/answer_error.h"
#include "hub/hub_state.h"
#include "hub/xet_token.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

// -------------------------------------------------------------------------------- inbox

void hub_post_note(struct hub *hub, struct note *note)
{
    note->next = NULL;
    lock_acquire(&hub->inbox_lock);
    bool was_empty = hub->inbox_first == NULL;
    if (was_empty) {
        hub->inbox_first = note;
    } else {
        hub->inbox_last->next = note;
    }
    hub->inbox_last = note;
    condition_signal(&hub->inbox_changed);
    if (was_empty) {
        // Under the lock: hub_close() may free the hub as soon as it has seen the note.
        uint64_t one = 1;
        ssize_t n = write(hub->inbox_fd, &one, sizeof(one));
        (void)n; // only a full counter fails, and that wakes too
    }
    lock_release(&hub->inbox_lock);
}

static struct note *inbox_take_all(struct hub *hub)
{
    lock_acquire(&hub->inbox_lock);
    struct note *first = hub->inbox_first;
    hub->inbox_first = NULL;
    hub->inbox_last = NULL;
    lock_release(&hub->inbox_lock);
    return first;
}

void inbox_run(struct hub *hub)
{
    struct note *note = inbox_take_all(hub);
    while (note != NULL) {
        struct note *next = note->next;
        note->run(hub, note);
        note = next;
    }
    requests_pump(hub);
}

static void on_inbox(void *ctx, int fd, uint32_t events)
{
    (void)events;
    uint64_t count = 0;
    ssize_t n = read(fd, &count, sizeof(count));
    (void)n; // nothing there: somebody has emptied it already
    inbox_run(ctx);
}

enum err inbox_open(struct hub *hub)
{
    hub->inbox_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (hub->inbox_fd < 0) {
        return ERR_SYSTEM;
    }
    return event_loop_watch(hub->loop, hub->inbox_fd, EPOLLIN, on_inbox, hub,
                            &hub->inbox_watch);
}

void inbox_close(struct hub *hub)
{
    if (hub->inbox_watch != NULL) {
        loop_watch_free(hub->inbox_watch);
    }
    if (hub->inbox_fd >= 0) {
        close(hub->inbox_fd);
    }
}

// ------------------------------------------------------------------------------- making

void *call_new(struct hub *hub, const struct call_type *type, size_t size,
               const struct hub_call *options, const struct repo_id *repo)
{
    struct call *call = calloc(1, size);
    if (call == NULL) {
        return NULL;
    }
    call->hub = hub;
    call->type = type;
    call->class = options->class;
    call->deadline_ms = options->deadline_ms != 0 ? options->deadline_ms
                                                  : clock_now_ms() + hub->timeout_ms;
    call->reason = options->reason != NULL ? options->reason : "";
    call->request.item.stream = options->stream;
    if (repo != NULL) {
        call->subject.repo = *repo;
    }
    return call;
}

void call_take_its_time(struct call *call, const struct hub_call *options)
{
    if (options->deadline_ms == 0) {
        call->deadline_ms = DEADLINE_NONE;
    }
}

enum err call_set_subject(struct call *call, const char *revision, const char *path)
{
    if (revision != NULL && (call->subject.revision = strdup(revision)) == NULL) {
        return ERR_NO_MEMORY;
    }
    if (path != NULL && (call->subject.path = strdup(path)) == NULL) {
        return ERR_NO_MEMORY;
    }
    return ERR_NONE;
}

void call_discard(struct call *call)
{
    if (call == NULL) {
        return;
    }
    if (call->type->release != NULL) {
        call->type->release(call);
    }
    request_release(call);
    free(call->subject.revision);
    free(call->subject.path);
    free(call);
}

static void run_start_note(struct hub *hub, struct note *note)
{
    (void)hub;
    call_start((struct call *)(void *)((char *)note - offsetof(struct call, note)));
}

hub_ticket call_submit(struct call *call)
{
    struct hub *hub = call->hub;
    hub_ticket ticket = atomic_fetch_add(&hub->next_ticket, 1);
    call->ticket = ticket;
    call->note.run = run_start_note;
    hub_post_note(hub, &call->note); // may already be over when this returns
    return ticket;
}

void call_start(struct call *call)
{
    struct hub *hub = call->hub;
    if (call->ticket == 0) {
        call->ticket = atomic_fetch_add(&hub->next_ticket, 1);
    }
    HASH_ADD(hh, hub->calls, ticket, sizeof(call->ticket), call);
    request_reset(&call->request);
    if (hub->is_closing) {
        call_finish(call, ERR_CANCELLED, NULL);
        return;
    }
    call->type->begin(call);
}

struct call *call_find(struct hub *hub, hub_ticket ticket)
{
    struct call *call = NULL;
    HASH_FIND(hh, hub->calls, &ticket, sizeof(ticket), call);
    return call;
}

// ------------------------------------------------------------------------------- ending

static void deliver(struct call *call)
{
    if (call->err == ERR_NONE && call->type->parse != NULL) {
        call->err = call->type->parse(call, &call->why);
    }
    if (call->err != ERR_NONE) {
        call->err = answer_explain(call, call->err, &call->why);
    }
    call->type->deliver(call);
    call_discard(call);
}

static void run_delivery(struct job *job)
{
    struct call *call = (struct call *)(void *)((char *)job - offsetof(struct call, job));
    struct hub *hub = call->hub;
    deliver(call);
    lock_acquire(&hub->inbox_lock);
    hub->deliveries--;
    condition_signal(&hub->inbox_changed);
    lock_release(&hub->inbox_lock);
}

void call_finish(struct call *call, enum err err, const struct why *why)
{
    struct hub *hub = call->hub;
    request_stop(call);
    xet_tokens_forget_waiter(call);
    HASH_DEL(hub->calls, call);
    if (call->request.timer != NULL) {
        loop_timer_free(call->request.timer);
        call->request.timer = NULL;
    }
    call->err = err;
    if (why != NULL) {
        call->why = *why;
    }
    if (call->type->ends_on_network) {
        deliver(call);
        return;
    }
    lock_acquire(&hub->inbox_lock);
    hub->deliveries++;
    lock_release(&hub->inbox_lock);
    call->job.run = run_delivery;
    worker_pool_submit(hub->pool, &call->job,
                       call->class == HUB_DEMAND ? JOB_DEMAND : JOB_BACKGROUND);
}

void call_finish_with_request(struct call *call)
{
    struct why why = call->request.why;
    call_finish(call, call->request.err, &why);
}

void calls_fail_waiting(struct hub *hub, const struct host *host, enum err err,
                        const struct why *why)
{
    size_t n = 0;
    AUTO_FREE hub_ticket *tickets = calloc(HASH_COUNT(hub->calls) + 1, sizeof(*tickets));
    if (tickets == NULL) {
        return; // they meet the closed gate by themselves, a little later
    }
    for (struct call *call = hub->calls; call != NULL; call = call->hh.next) {
        enum request_state state = call->request.state;
        bool is_started = state == REQUEST_ACTIVE || state == REQUEST_JUDGED;
        if (host == NULL || (call->request.host == host && !is_started)) {
            tickets[n++] = call->ticket;
        }
    }
    // By ticket: the end of one call may end others.
    for (size_t i = 0; i < n; i++) {
        struct call *call = call_find(hub, tickets[i]);
        if (call != NULL) {
            request_fail(call, err, why);
        }
    }
}

void calls_cancel_all(struct hub *hub)
{
    hub->is_closing = true;
    bool is_over = false;
    while (!is_over) {
        inbox_run(hub);
        calls_fail_waiting(hub, NULL, ERR_CANCELLED, NULL);
        lock_acquire(&hub->inbox_lock);
        while (hub->inbox_first == NULL && hub->deliveries > 0) {
            condition_wait(&hub->inbox_changed, &hub->inbox_lock);
        }
        is_over = hub->inbox_first == NULL && hub->deliveries == 0 && hub->calls == NULL;
        lock_release(&hub->inbox_lock);
    }
}

// ------------------------------------------------------------------------------ requests

enum err call_begin_api_url(struct call *call, struct buffer *url)
{
    const struct repo_id *repo = &call->subject.repo;
    enum err err = buffer_printf(url, "%s/api/%s/", call->hub->endpoint,
                                 repo_kind_plural(repo->kind));
    return err == ERR_NONE ? url_append_path(url, repo->name) : err;
}

enum err call_begin_revision_url(struct call *call, const char *what, struct buffer *url)
{
    enum err err = call_begin_api_url(call, url);
    if (err == ERR_NONE) {
        err = buffer_printf(url, "/%s/", what);
    }
    return err == ERR_NONE ? url_append_segment(url, call->subject.revision) : err;
}

void call_send_api(struct call *call, const struct buffer *url, enum quota_bucket bucket,
                   size_t body_max)
{
    struct http_request *request = &call->request;
    request->origin = ORIGIN_HUB;
    request->bucket = bucket;
    request->item.kind = SLOT_API;
    if (request->accept == NULL) {
        request->accept = "application/json";
    }
    request->body_max = body_max;
    request->url = strdup(buffer_text(url));
    if (request->url == NULL) {
        call_finish(call, ERR_NO_MEMORY, NULL);
        return;
    }
    request_send(call);
}
