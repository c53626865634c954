// SPDX-License-Identifier: Apache-2.0
// struct hub: what all files of hub/ share.
//
// Everything belongs to the network thread, except what stands under a lock or is atomic.
// Lock order: trace_lock before inbox_lock (a trace callback may call verbs); the credential's
// lock is a leaf.
#pragma once

#include "hub/breaker.h"
#include "hub/call.h"
#include "hub/credential.h"

#include <stdatomic.h>

struct xet_tokens;
struct resolved_cache;

// One scheme://host:port that we have talked to.
struct host {
    char key[HOST_SIZE + 24];
    struct url_host address;
    struct breaker breaker;
    char reason[160];           // why the last connection failed
    struct http_transfer probe; // .easy NULL = none under way
    bool must_answer; // connections are made and break off: a probe asks for something
    int64_t heard_ms; // the last sign of life
    int64_t calm_ms;  // until then nobody looks whether it is still there
    struct hub *hub;
    UT_hash_handle hh;
};

struct hub_counters {
    atomic_ullong requests[HUB_CLASSES];
    atomic_ullong bytes_received;
    atomic_ullong failures;
    atomic_ullong retries;
    atomic_uint queued[HUB_CLASSES];
    atomic_uint active_api;
    atomic_uint active_data;
    atomic_uint data_slots;
    atomic_uint active_uploads;
    atomic_ullong bytes_sent;
    atomic_llong quota_left;
    atomic_llong quota_reset_ms;
};

struct hub {
    char *endpoint;
    struct url_host endpoint_host;
    struct url_policy policy;
    char *ca_file;
    char *user_agent;
    int64_t timeout_ms;
    bool is_offline_for_good; // configured: no socket is ever opened
    struct event_loop *loop;
    struct worker_pool *pool;

    struct http_multi *multi;
    struct scheduler scheduler;
    struct loop_timer *tick; // scheduler_wake_ms()
    bool is_pumping;
    struct quota_gate quota[QUOTA_BUCKETS];
    int64_t quota_said_ms; // the window whose end was logged
    struct credential credential;
    struct host *hosts;
    struct loop_timer *probe_timer;
    int64_t probe_at_ms; // when it fires
    struct call *calls;  // by ticket
    struct xet_tokens *xet_tokens;
    struct resolved_cache *resolved;
    char *v1_host;                  // casUrl whose server knows no v2 reconstructions
    char *v1_shards_host;           // ... no v2 shards
    char *no_grants_host;           // ... no upload grants
    atomic_bool git_is_unsupported; // its git knows no v2 or no filter
    bool is_closing;

    atomic_bool is_offline_by_hand;
    atomic_bool is_unreachable; // the breaker of the endpoint is open
    atomic_ullong next_ticket;
    struct hub_counters counters;

    struct lock trace_lock;
    hub_trace_fn trace GUARDED_BY(trace_lock);
    void *trace_ctx GUARDED_BY(trace_lock);

    struct lock inbox_lock;
    struct note *inbox_first GUARDED_BY(inbox_lock);
    struct note *inbox_last GUARDED_BY(inbox_lock);
    unsigned deliveries GUARDED_BY(inbox_lock); // on the pool
    struct condition inbox_changed;
    int inbox_fd; // eventfd
    struct loop_watch *inbox_watch;
};

// Another Hub token is in use: what was learned with the old one is forgotten (hub.c).
void hub_token_changed(struct hub *hub);

// ---- inbox (call.c)
NODISCARD enum err inbox_open(struct hub *hub);
void inbox_close(struct hub *hub);
void inbox_run(struct hub *hub);
// Fails all calls, and those that they make meanwhile, until none is left.
void calls_cancel_all(struct hub *hub);

// ---- hosts (host.c)
// The host of an address; NULL when out of memory or the address is unusable.
struct host *host_find(struct hub *hub, const char *url);
void host_failed(struct host *host, const char *reason);
// A connection that was made broke off before it brought an answer.
void host_broke_off(struct host *host, const char *reason);
void host_succeeded(struct host *host);
// Some of an answer has come.
void host_heard(struct host *host, int64_t now_ms);
// A request has been put on the wire: from now on silence is noticed.
void hosts_watch(struct hub *hub, int64_t now_ms);
NODISCARD enum err hosts_open(struct hub *hub);
void hosts_release(struct hub *hub);

// Fails every call whose request has not been started and goes to `host` (NULL = any; then
// started ones too).
void calls_fail_waiting(struct hub *hub, const struct host *host, enum err err,
                        const struct why *why);
