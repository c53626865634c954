// SPDX-License-Identifier: Apache-2.0
// The two questions before a request may wait for a slot: is its host to be had at all, and
// does the Hub's rate limit allow it. And the sentence for one whose time is up.
#include "hub/hub_state.h"

enum err request_refuse_offline(struct call *call, struct why *why)
{
    struct hub *hub = call->hub;
    struct host *host = call->request.host;
    if (hub->is_closing) {
        return why_set(why, ERR_CANCELLED, "hugfs is stopping");
    }
    if (hub->is_offline_for_good) {
        return why_set(why, ERR_OFFLINE,
                       "offline by configuration (-o offline or HF_HUB_OFFLINE)");
    }
    if (atomic_load(&hub->is_offline_by_hand)) {
        return why_set(why, ERR_OFFLINE,
                       "this mount was told to be offline (hugfs online ends it)");
    }
    if (host->breaker.is_open) {
        return why_set(why, ERR_OFFLINE,
                       "%s can't be reached (tried again every 5 s): %s",
                       host->address.host, host->reason);
    }
    return ERR_NONE;
}

enum err request_refuse_quota(struct call *call, struct why *why, int64_t *out_until_ms)
{
    struct hub *hub = call->hub;
    struct http_request *request = &call->request;
    *out_until_ms = 0;
    if (request->final_origin != ORIGIN_HUB || request->bucket == QUOTA_NONE) {
        return ERR_NONE;
    }
    struct quota_gate *gate = &hub->quota[request->bucket];
    int64_t now_ms = clock_now_ms();
    // What is sent once is not held back either: its caller has better things to do.
    int64_t until_ms = request->retry == RETRY_NEVER ? now_ms : call->deadline_ms;
    enum quota_verdict verdict =
        quota_gate_ask(gate, call->class, now_ms, until_ms, out_until_ms);
    if (verdict != QUOTA_REFUSE) {
        return ERR_NONE;
    }
    long long wait_s = (gate->reset_ms - now_ms + 999) / 1000;
    if (call->class == HUB_DEMAND && hub->quota_said_ms != gate->reset_ms) {
        hub->quota_said_ms = gate->reset_ms;
        log_warn("hub",
                 "the Hub's rate limit is used up for %lld s; requests fail until then",
                 wait_s);
    }
    return why_set(
        why, ERR_QUOTA, "the Hub's rate limit is used up; it starts anew in %lld s%s",
        wait_s,
        request->used_token || gate->quota < 0 ? "" : " (a token has a higher limit)");
}

void request_explain_expiry(const struct call *call, struct why *why)
{
    const struct http_request *request = &call->request;
    const char *host = request->host != NULL ? request->host->address.host : "the Hub";
    if (request->state == REQUEST_QUEUED) {
        why_set(why, ERR_TIMEOUT, "no connection to %s was free before the deadline",
                host);
    } else if (request->state == REQUEST_PARKED) {
        why_set(why, ERR_TIMEOUT, "the Hub gave no Xet token before the deadline");
    } else {
        why_set(why, ERR_TIMEOUT, "%s did not answer before the deadline", host);
    }
}
