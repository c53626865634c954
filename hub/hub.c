// SPDX-License-Identifier: Apache-2.0
// The hub object: opening and closing it, its state as others see it, and the functions
// that act on calls by ticket. The verbs stand in the *_api.c files.
#include "hub/hub_state.h"
#include "hub/resolved_cache.h"
#include "hub/xet_token.h"

#include <stdio.h>
#include <string.h>

static void on_tick(void *ctx)
{
    requests_pump(ctx);
}

// ------------------------------------------------------------------------------- opening

static enum err set_endpoint(struct hub *hub, const struct hub_config *config,
                             struct why *why)
{
    if (url_host_of(config->endpoint, &hub->endpoint_host) != ERR_NONE) {
        return why_set(why, ERR_USAGE, "the endpoint %s is no http(s) address",
                       config->endpoint);
    }
    hub->policy.allow_http_anywhere = config->insecure_http;
    hub->policy.allow_http_loopback = !hub->endpoint_host.is_https;
    if (!url_is_allowed(&hub->policy, &hub->endpoint_host)) {
        return why_set(why, ERR_USAGE,
                       "the endpoint %s is not encrypted; use https, or -o insecure_http",
                       config->endpoint);
    }
    size_t len = strlen(config->endpoint);
    while (len > 0 && config->endpoint[len - 1] == '/') {
        len--;
    }
    hub->endpoint = strndup(config->endpoint, len);
    return hub->endpoint != NULL ? ERR_NONE : ERR_NO_MEMORY;
}

static enum err set_texts(struct hub *hub, const struct hub_config *config,
                          struct why *why)
{
    const char *ca_file =
        config->ca_file != NULL ? config->ca_file : getenv("SSL_CERT_FILE");
    if (ca_file != NULL && *ca_file != '\0') {
        if (access(ca_file, R_OK) != 0) {
            return why_set(why, ERR_TLS, "the certificate file %s can't be read",
                           ca_file);
        }
        hub->ca_file = strdup(ca_file);
        if (hub->ca_file == NULL) {
            return ERR_NO_MEMORY;
        }
    }
    hub->user_agent = strdup(config->user_agent != NULL ? config->user_agent : "hugfs");
    return hub->user_agent != NULL ? ERR_NONE : ERR_NO_MEMORY;
}

static void init_state(struct hub *hub, const struct hub_config *config,
                       struct event_loop *loop, struct worker_pool *pool)
{
    struct scheduler_config limits = {
        .data_slots_max = config->max_connections,
        .max_rate = config->max_rate,
    };
    hub->loop = loop;
    hub->pool = pool;
    hub->inbox_fd = -1;
    hub->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : DEFAULT_TIMEOUT_MS;
    hub->is_offline_for_good = config->offline;
    hub->quota[QUOTA_API] = quota_gate_init();
    hub->quota[QUOTA_RESOLVERS] = quota_gate_init();
    scheduler_init(&hub->scheduler, &limits, clock_now_ms());
    atomic_init(&hub->next_ticket, 1);
    atomic_init(&hub->counters.quota_left, -1);
    atomic_init(&hub->counters.data_slots, hub->scheduler.slots[SLOT_DATA]);
    lock_init(&hub->trace_lock);
    lock_init(&hub->inbox_lock);
    condition_init(&hub->inbox_changed);
}

static enum err open_parts(struct hub *hub, struct why *why)
{
    hub->tick = loop_timer_new(hub->loop, on_tick, hub);
    if (hub->tick == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = inbox_open(hub);
    if (err != ERR_NONE) {
        return why_set(why, err, "the network thread's inbox can't be made");
    }
    if ((err = hosts_open(hub)) != ERR_NONE ||
        (err = http_multi_new(hub->loop, &hub->multi)) != ERR_NONE ||
        (err = xet_tokens_new(&hub->xet_tokens)) != ERR_NONE) {
        return err;
    }
    return resolved_cache_new(&hub->resolved);
}

static void free_all(struct hub *hub)
{
    if (hub->multi != NULL) {
        hosts_release(hub);
    }
    http_multi_free(hub->multi);
    inbox_close(hub);
    if (hub->tick != NULL) {
        loop_timer_free(hub->tick);
    }
    if (hub->probe_timer != NULL) {
        loop_timer_free(hub->probe_timer);
    }
    xet_tokens_free(hub->xet_tokens);
    resolved_cache_free(hub->resolved);
    condition_destroy(&hub->inbox_changed);
    lock_destroy(&hub->inbox_lock);
    lock_destroy(&hub->trace_lock);
    free(hub->endpoint);
    free(hub->ca_file);
    free(hub->user_agent);
    free(hub->v1_host);
    free(hub->v1_shards_host);
    free(hub->no_grants_host);
    free(hub);
    curl_global_cleanup();
}

enum err hub_open(const struct hub_config *config, struct event_loop *loop,
                  struct worker_pool *pool, struct why *why, struct hub **out)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return why_set(why, ERR_SYSTEM, "libcurl can't be initialised");
    }
    struct hub *hub = calloc(1, sizeof(*hub));
    if (hub == NULL) {
        curl_global_cleanup();
        return ERR_NO_MEMORY;
    }
    init_state(hub, config, loop, pool);
    enum err err = set_endpoint(hub, config, why);
    if (err == ERR_NONE) {
        err = set_texts(hub, config, why);
    }
    if (err == ERR_NONE) {
        err = credential_init(&hub->credential, config->token_file, why);
    }
    if (err != ERR_NONE) {
        free_all(hub);
        return err;
    }
    err = open_parts(hub, why);
    if (err != ERR_NONE) {
        credential_release(&hub->credential);
        free_all(hub);
        return err;
    }
    *out = hub;
    return ERR_NONE;
}

void hub_close(struct hub *hub)
{
    if (hub == NULL) {
        return;
    }
    calls_cancel_all(hub);
    credential_release(&hub->credential);
    free_all(hub);
}

// ------------------------------------------------------------------- calls by ticket

struct ticket_note {
    struct note note;
    hub_ticket ticket;
    enum hub_class class;
};

// Out of memory the wish is dropped: the call then ends by itself, at the latest at its
// deadline.
static void post_ticket(struct hub *hub, hub_ticket ticket, enum hub_class class,
                        void (*run)(struct hub *hub, struct note *note))
{
    struct ticket_note *note = calloc(1, sizeof(*note));
    if (note == NULL) {
        return;
    }
    note->note.run = run;
    note->ticket = ticket;
    note->class = class;
    hub_post_note(hub, &note->note);
}

static void run_promote(struct hub *hub, struct note *note)
{
    struct ticket_note *wish = (void *)note;
    struct call *call = call_find(hub, wish->ticket);
    if (call != NULL) {
        xet_tokens_promote_for(call, wish->class);
        request_promote(call, wish->class);
    }
    free(wish);
}

static void run_cancel(struct hub *hub, struct note *note)
{
    struct ticket_note *wish = (void *)note;
    struct call *call = call_find(hub, wish->ticket);
    if (call != NULL) {
        call_finish(call, ERR_CANCELLED, NULL);
    }
    free(wish);
}

static void run_resume(struct hub *hub, struct note *note)
{
    struct ticket_note *wish = (void *)note;
    struct call *call = call_find(hub, wish->ticket);
    if (call != NULL) {
        request_resume(call);
    }
    free(wish);
}

void hub_promote(struct hub *hub, hub_ticket ticket, enum hub_class class)
{
    post_ticket(hub, ticket, class, run_promote);
}

void hub_cancel(struct hub *hub, hub_ticket ticket)
{
    post_ticket(hub, ticket, HUB_DEMAND, run_cancel);
}

void hub_resume(struct hub *hub, hub_ticket ticket)
{
    post_ticket(hub, ticket, HUB_DEMAND, run_resume);
}

// --------------------------------------------------------------------------------- state

static void run_offline(struct hub *hub, struct note *note)
{
    struct why why;
    free(note);
    if (atomic_load(&hub->is_offline_by_hand)) {
        why_set(&why, ERR_OFFLINE,
                "this mount was told to be offline (hugfs online ends it)");
        calls_fail_waiting(hub, NULL, ERR_OFFLINE, &why);
    }
}

void hub_token_changed(struct hub *hub)
{
    hub->quota[QUOTA_API] = quota_gate_init(); // another credential, another quota
    hub->quota[QUOTA_RESOLVERS] = quota_gate_init();
    xet_tokens_forget_all(hub->xet_tokens, false);
}

static void run_reload(struct hub *hub, struct note *note)
{
    free(note);
    if (credential_reload(&hub->credential)) {
        hub_token_changed(hub);
    }
}

static void post_plain(struct hub *hub, void (*run)(struct hub *hub, struct note *note))
{
    struct note *note = calloc(1, sizeof(*note));
    if (note != NULL) {
        note->run = run;
        hub_post_note(hub, note);
    }
}

void hub_set_offline(struct hub *hub, bool offline)
{
    atomic_store(&hub->is_offline_by_hand, offline);
    post_plain(hub, run_offline);
}

bool hub_is_offline(const struct hub *hub)
{
    return hub->is_offline_for_good || atomic_load(&hub->is_offline_by_hand) ||
           atomic_load(&hub->is_unreachable);
}

void hub_reload_token(struct hub *hub)
{
    post_plain(hub, run_reload);
}

void hub_token_fingerprint(struct hub *hub, char *out, size_t size)
{
    credential_fingerprint(&hub->credential, out, size);
}

void hub_token_source(struct hub *hub, char *out, size_t size)
{
    credential_source(&hub->credential, out, size);
}

void hub_stats(struct hub *hub, struct hub_stats *out)
{
    struct hub_counters *counters = &hub->counters;
    *out = (struct hub_stats){
        .bytes_received = atomic_load(&counters->bytes_received),
        .failures = atomic_load(&counters->failures),
        .retries = atomic_load(&counters->retries),
        .active_api = atomic_load(&counters->active_api),
        .active_data = atomic_load(&counters->active_data),
        .data_slots = atomic_load(&counters->data_slots),
        .active_uploads = atomic_load(&counters->active_uploads),
        .bytes_sent = atomic_load(&counters->bytes_sent),
        .quota_left = -1,
        .offline = hub_is_offline(hub),
    };
    for (unsigned class = 0; class < HUB_CLASSES; class ++) {
        out->requests[class] = atomic_load(&counters->requests[class]);
        out->queued[class] = atomic_load(&counters->queued[class]);
    }
    int64_t reset_ms = atomic_load(&counters->quota_reset_ms);
    int64_t now_ms = clock_now_ms();
    if (reset_ms > now_ms) {
        out->quota_left = atomic_load(&counters->quota_left);
        out->quota_reset_s = (reset_ms - now_ms + 999) / 1000;
    }
}

void hub_set_trace(struct hub *hub, hub_trace_fn trace, void *ctx)
{
    lock_acquire(&hub->trace_lock);
    hub->trace = trace;
    hub->trace_ctx = ctx;
    lock_release(&hub->trace_lock);
}
