// SPDX-License-Identifier: Apache-2.0
// One HTTP question and everything it takes to get it answered: admission (offline, breaker,
// quota), a slot, redirects, retries, the deadline. Network thread only.
//
//   IDLE --request_send()--> (admission) --> HELD ----timer----> (admission)
//                                 |
//                                 v
//                              QUEUED --slot--> ACTIVE --done--> ended
//                                 ^                |
//                                 +-- BACKOFF <----+  a failure worth another attempt
//
// In every state but IDLE the request's timer is set to its deadline or earlier. Whatever
// happens, the request ends once, by its call type's ended().
#pragma once

#include "hub/http_answer.h"
#include "hub/http_multi.h"
#include "hub/http_retry.h"
#include "hub/http_upload.h"
#include "hub/quota_gate.h"
#include "hub/redirect.h"
#include "hub/scheduler.h"

struct call;
struct host;

enum request_state {
    REQUEST_IDLE,
    REQUEST_HELD,    // the quota gate is closed for it
    REQUEST_QUEUED,  // waits for a slot
    REQUEST_ACTIVE,  // curl has it
    REQUEST_JUDGED,  // an attempt is over; what follows is being decided
    REQUEST_BACKOFF, // waits for its next attempt
    REQUEST_PARKED,  // its call waits for something else; only the deadline runs
};

enum request_auth { AUTH_BEARER, AUTH_BASIC };                // Basic is git's way
enum http_method { METHOD_BY_BODY, METHOD_POST, METHOD_PUT }; // GET, POST with a body

struct http_request {
    // ---- the question: set after request_reset(), before request_send()
    enum http_origin origin;
    enum quota_bucket bucket;
    enum request_auth auth;
    char *url;       // owned
    char *cas_token; // owned; the bearer of a CAS request
    enum http_method method;
    struct buffer post;                // the body, here
    struct http_upload upload;         // or in a file
    struct curl_slist *signed_headers; // owned: what a SIGNED address wants to be sent
    enum retry_policy retry;
    unsigned silence_s;      // how long nothing may move; 0 = LOW_SPEED_S and more
    const char *post_type;   // static: Content-Type
    const char *accept;      // static: Accept
    const char *git_version; // static: Git-Protocol
    bool has_range;
    uint64_t first; // of the bytes asked for
    uint64_t last;
    bool is_streamed;  // the body goes to the call's sink and must be exactly the range
    bool is_resumable; // streamed: another attempt may ask for the missing part only
    size_t body_max;   // not streamed: of the collected body

    // ---- the answer: good when the request has ended
    struct http_answer answer;
    struct buffer body;
    uint64_t delivered; // bytes the sink has taken, over all attempts
    bool is_http_error; // an answer came and its status is no success
    enum err err;
    struct why why; // "" for HTTP errors: answer_error.h explains them
    enum http_origin answered_by;
    bool used_token; // the Hub token went along in the last attempt
    bool was_redirected;

    // ---- machinery
    struct sched_item item;
    enum request_state state;
    struct http_transfer transfer;
    struct curl_slist *headers;
    char *final_url; // where redirects have led; NULL = url
    enum http_origin final_origin;
    struct redirect_chain redirects;
    struct host *host;
    unsigned attempt;
    unsigned silences; // attempts that ended because no answer had begun
    bool reloaded_token;
    bool has_answer;
    bool is_paused;
    bool counted_quota;
    enum err abort_err; // why the write callback gave up
    uint64_t attempt_bytes;
    int64_t queued_ms;
    int64_t started_ms;
    int64_t heard_ms; // when the attempt under way began, or last brought something
    int64_t wake_ms;
    struct loop_timer *timer;
    char curl_text[CURL_ERROR_SIZE];
};

bool request_has_body(const struct http_request *request);
// Empties the question and the answer for another use; machinery and timer stay.
void request_reset(struct http_request *request);
// Starts it. The outcome comes by ended(), perhaps before this returns.
void request_send(struct call *call);
// Only the deadline runs; the call goes on by request_send() or call_finish().
void request_park(struct call *call);
// Takes it out of wherever it is; nothing is called.
void request_stop(struct call *call);
// Begins the next attempt of one that has ended with this failure, after a while; false: it
// is not to be repeated, or not any more.
NODISCARD bool request_retry(struct call *call, enum err failure);
// Frees everything; stopped first.
void request_release(struct call *call);

// Ends it from outside with this error (offline, breaker).
void request_fail(struct call *call, enum err err, const struct why *why);
void request_promote(struct call *call, enum hub_class class);
void request_resume(struct call *call);

// Starts what has a slot; called after everything that may have changed that.
void requests_pump(struct hub *hub);

// ---- http_admission.c: may it go now?

// ERR_OFFLINE or ERR_CANCELLED with a sentence when nothing may be sent to its host.
NODISCARD enum err request_refuse_offline(struct call *call, struct why *why);
// ERR_QUOTA when the rate limit is used up past the deadline; *out_until_ms != 0 when it has
// to wait until then.
NODISCARD enum err request_refuse_quota(struct call *call, struct why *why,
                                        int64_t *out_until_ms);

// Says what a request was waiting for when its deadline came.
void request_explain_expiry(const struct call *call, struct why *why);

// ---- http_attempt.c: one attempt of a request on the wire

// Hands it to curl. The outcome comes by attempt_over().
void attempt_start(struct call *call);
// Aborts the one under way, gives the slot back, writes the trace.
void attempt_abort(struct call *call, enum err err);
// In http_request.c: an attempt has ended; err is the transport's or that of a body that
// can't be used, and ERR_NONE when a complete answer of whatever status has come.
void attempt_over(struct call *call, enum err err, const struct why *why);
