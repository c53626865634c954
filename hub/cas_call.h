// SPDX-License-Identifier: Apache-2.0
// What the verbs have in common that ask the storage service with a write token: one or more
// steps, each of which gets the token first.
#pragma once

#include "hub/call.h"

struct cas_call {
    struct call call;
    // Makes the request of the step that is due and sends it, or finishes. Owns `token`.
    void (*step)(struct cas_call *cas, char *token);
    char *cas_url; // of the token in use
    bool renewed_token;
    hub_done_fn done;
    void *ctx;
};

// call_new() and the target; NULL = no memory.
void *cas_call_new(struct hub *hub, const struct call_type *type, size_t size,
                   const struct hub_call *options, const struct hub_target *target);
// The types' members. The first is also the way to the next step.
void cas_call_begin(struct call *call);
void cas_call_resumed(struct call *call, enum err err, const struct why *why);
void cas_call_deliver(struct call *call);
void cas_call_release(struct call *call);

// A CAS request to PATH of the service: retried like writes, its answer collected. The
// caller adds what is particular and calls request_send(). False: the call has been finished.
NODISCARD bool cas_call_request(struct cas_call *cas, char *token, const char *path,
                                const struct digest *hash_or_null, size_t body_max);
// After a 401: true when the step is being repeated with another token.
NODISCARD bool cas_call_renews_token(struct cas_call *cas);
// The status of an HTTP error; 0 = there was none.
int cas_call_error_status(const struct cas_call *cas);

// What is remembered about a service, by its address: is it this one; it is.
bool cas_call_is_at(const struct cas_call *cas, const char *remembered);
void cas_call_remember(const struct cas_call *cas, char **remembered);
