// SPDX-License-Identifier: Apache-2.0
// A call: one verb under way, from submit to its callback. It has a ticket, one request at a
// time (some verbs need several, one after the other), and a type that says what to do.
//
// A call is made on any thread, lives on the network thread from its start on, and is handed
// to the pool (or stays, for bytes) for its one delivery. Nobody else touches it.
#pragma once

#include "hub/http_request.h"

// Something to be done on the network thread; embedded or malloc'd.
struct note {
    void (*run)(struct hub *hub, struct note *note);
    struct note *next;
};

struct call_type {
    const char *what; // the verb, for the trace
    bool
        ends_on_network; // its end is told on the network thread: verbs that hand out bytes
    void (*begin)(struct call *call); // make and send the first request
    void (*ended)(struct call *call); // call->request has ended: finish, or send another
    // Parked calls: what they waited for is there, or can't be had. NULL in types that never park.
    void (*resumed)(struct call *call, enum err err, const struct why *why);
    // What an HTTP error means to this verb in particular, where it is delivered; ERR_NONE =
    // what it means to all of them. `message` is the server's sentence or "". May be NULL.
    enum err (*refused)(const struct call *call, const char *message, struct why *why);
    // Where the call is delivered: the first reads a good answer's body (NULL = nothing to
    // read), the second runs the callback; call->err and why are set.
    enum err (*parse)(struct call *call, struct why *why);
    void (*deliver)(struct call *call);
    void (*release)(struct call *call); // free what the type added; may be NULL
};

// What the call is about, for sentences. "" / NULL where it does not apply.
struct call_subject {
    struct repo_id repo;
    char *revision; // owned
    char *path;     // owned
};

struct call {
    struct hub *hub;
    const struct call_type *type;
    hub_ticket ticket;
    enum hub_class class;
    int64_t deadline_ms;
    const char *reason;
    struct call_subject subject;
    struct hub_sink sink; // streamed calls
    struct http_request request;

    struct xet_token *waits_for; // parked until that token is there
    struct call *next_waiter;

    enum err err; // the outcome, from call_finish() on
    struct why why;

    struct note note;
    struct job job;
    UT_hash_handle hh; // in hub->calls
};

// A zeroed struct whose first member is a struct call. NULL = no memory.
void *call_new(struct hub *hub, const struct call_type *type, size_t size,
               const struct hub_call *options, const struct repo_id *repo);
// For verbs that send much: without a deadline of its own the call has none, not the default.
void call_take_its_time(struct call *call, const struct hub_call *options);
// Sets the subject's texts; NULL leaves one out.
NODISCARD enum err call_set_subject(struct call *call, const char *revision,
                                    const char *path);
// Frees a call that was never submitted; NULL is fine.
void call_discard(struct call *call);
// Any thread. Ownership goes to the hub.
hub_ticket call_submit(struct call *call);

// ---- network thread

// For calls that the hub itself makes.
void call_start(struct call *call);
// The end: the call leaves the tables and is delivered. `why` NULL = nothing to add.
void call_finish(struct call *call, enum err err, const struct why *why);
// ended() of types that need one request only.
void call_finish_with_request(struct call *call);
struct call *call_find(struct hub *hub, hub_ticket ticket);

// Begins the address of a request: ENDPOINT/api/KINDs/NAME
NODISCARD enum err call_begin_api_url(struct call *call, struct buffer *url);
// The same for ENDPOINT/api/KINDs/NAME/WHAT/REVISION.
NODISCARD enum err call_begin_revision_url(struct call *call, const char *what,
                                           struct buffer *url);
// Takes the finished address for a HUB request in an API slot, whose answer is collected up
// to `body_max`, and sends it.
void call_send_api(struct call *call, const struct buffer *url, enum quota_bucket bucket,
                   size_t body_max);

// Runs `note` on the network thread. Any thread.
void hub_post_note(struct hub *hub, struct note *note);
