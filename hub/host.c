// SPDX-License-Identifier: Apache-2.0
// The hosts that we have talked to, each with its breaker, and the probes of those that
// can't be reached. A probe only connects (TLS included) and asks nothing: it costs no quota,
// carries no credential, and needs no caller who waits for it.
//
// A network that has gone away often refuses nothing: packets vanish, and every request would
// wait for its deadline. So a host that owes an answer and has said nothing at all for a while is
// probed, and if that is not answered either, it is out of reach: the requests that wait for it
// end then. A slow server answers the probe, and is left in peace. A host whose connections are
// made and break off each time is probed too, by a question that any server answers: there,
// connecting proves nothing.
#include "hub/hub_state.h"

#include <stdio.h>
#include <string.h>

enum { HOSTS_MAX = 256 };

static void on_probe_timer(void *ctx);

// ----------------------------------------------------------------------------- the watch

static void set_timer(struct hub *hub, int64_t at_ms)
{
    hub->probe_at_ms = at_ms;
    if (at_ms == DEADLINE_NONE) {
        loop_timer_clear(hub->probe_timer);
    } else {
        loop_timer_set(hub->probe_timer, at_ms);
    }
}

// When the silence of a request begins to mean something; DEADLINE_NONE: it waits for nobody.
static int64_t suspect_at_ms(const struct call *call)
{
    const struct http_request *request = &call->request;
    if (request->state != REQUEST_ACTIVE || request->is_paused) {
        return DEADLINE_NONE;
    }
    const struct host *host = request->host;
    int64_t heard_ms =
        host->heard_ms > request->heard_ms ? host->heard_ms : request->heard_ms;
    int64_t at_ms = heard_ms + HOST_SILENCE_MS;
    // Once the host is known to be out of reach its requests end without another look.
    return !host->breaker.is_open && host->calm_ms > at_ms ? host->calm_ms : at_ms;
}

static void arm_probe_timer(struct hub *hub)
{
    int64_t at_ms = DEADLINE_NONE;
    for (struct host *host = hub->hosts; host != NULL; host = host->hh.next) {
        const struct breaker *breaker = &host->breaker;
        if (breaker->is_open && !breaker->is_probing && breaker->probe_ms < at_ms) {
            at_ms = breaker->probe_ms;
        }
    }
    for (struct call *call = hub->calls; call != NULL; call = call->hh.next) {
        // While a probe is under way its end is waited for.
        if (call->request.host != NULL && call->request.host->probe.easy == NULL) {
            int64_t suspect_ms = suspect_at_ms(call);
            at_ms = suspect_ms < at_ms ? suspect_ms : at_ms;
        }
    }
    set_timer(hub, at_ms);
}

void hosts_watch(struct hub *hub, int64_t now_ms)
{
    if (now_ms + HOST_SILENCE_MS < hub->probe_at_ms) {
        set_timer(hub, now_ms + HOST_SILENCE_MS);
    }
}

// ------------------------------------------------------------------------------- probes

static void drop_probe(struct host *host)
{
    curl_easy_cleanup(host->probe.easy);
    host->probe.easy = NULL;
}

static bool is_dead(const struct host *host, CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_OPERATION_TIMEDOUT:
        return true;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return host->must_answer;
    default: // a TLS failure still means that somebody is there; the next call says what is wrong
        return false;
    }
}

static void trip(struct host *host);

static void on_probe_done(struct http_transfer *transfer, CURLcode code)
{
    char *owner = NULL;
    curl_easy_getinfo(transfer->easy, CURLINFO_PRIVATE, &owner);
    struct host *host = (struct host *)(void *)(owner - offsetof(struct host, probe));
    struct hub *hub = host->hub;
    int64_t now_ms = clock_now_ms();
    drop_probe(host);
    if (!is_dead(host, code)) {
        host->calm_ms = now_ms + HOST_CALM_MS;
        host->must_answer = false;
        host_succeeded(host);
    } else if (host->breaker.is_open) {
        host_failed(host, NULL);
    } else if (host->must_answer || now_ms - host->heard_ms >= HOST_SILENCE_MS) {
        trip(host);
    }
    arm_probe_timer(hub);
}

static CURL *probe_new(struct host *host, int64_t timeout_ms)
{
    struct hub *hub = host->hub;
    CURL *easy = curl_easy_init();
    if (easy == NULL) {
        return NULL;
    }
    curl_easy_setopt(easy, CURLOPT_URL, host->key);
    // HEAD of the host's first page, where it must say something.
    curl_easy_setopt(easy, host->must_answer ? CURLOPT_NOBODY : CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, hub->user_agent);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)&host->probe);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    if (hub->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, hub->ca_file);
    }
    return easy;
}

static void send_probe(struct host *host)
{
    int64_t timeout_ms = host->breaker.is_open ? CONNECT_TIMEOUT_MS : HOST_SILENCE_MS;
    host->probe = (struct http_transfer){.easy = probe_new(host, timeout_ms),
                                         .on_done = on_probe_done};
    bool is_sent = host->probe.easy != NULL &&
                   http_multi_add(host->hub->multi, &host->probe) == ERR_NONE;
    if (!is_sent) {
        drop_probe(host);
    }
    if (!is_sent && host->breaker.is_open) {
        host_failed(host, NULL);
    } else if (!is_sent) { // no reason to think ill of the host
        host->calm_ms = clock_now_ms() + HOST_CALM_MS;
    }
}

// Ends the requests that were on the wire to hosts that turned out to be out of reach, and has a
// look at hosts that owe an answer and are silent.
static void judge_silence(struct hub *hub, int64_t now_ms)
{
    size_t n = 0;
    AUTO_FREE hub_ticket *lost = calloc(HASH_COUNT(hub->calls) + 1, sizeof(*lost));
    for (struct call *call = hub->calls; lost != NULL && call != NULL;
         call = call->hh.next) {
        struct host *host = call->request.host;
        if (host == NULL || suspect_at_ms(call) > now_ms) {
            continue;
        }
        if (host->breaker.is_open) {
            lost[n++] = call->ticket;
        } else if (host->probe.easy == NULL && !hub->is_closing) {
            send_probe(host);
        }
    }
    // By ticket: the end of one call may end others.
    for (size_t i = 0; i < n; i++) {
        struct call *call = call_find(hub, lost[i]);
        if (call != NULL) {
            struct host *host = call->request.host;
            struct why why;
            why_set(&why, ERR_OFFLINE, "%s can't be reached: %s", host->address.host,
                    host->reason);
            request_fail(call, ERR_OFFLINE, &why);
        }
    }
    requests_pump(hub);
}

static void on_probe_timer(void *ctx)
{
    struct hub *hub = ctx;
    int64_t now_ms = clock_now_ms();
    bool may_probe = !atomic_load(&hub->is_offline_by_hand) && !hub->is_closing;
    for (struct host *host = hub->hosts; host != NULL; host = host->hh.next) {
        if (may_probe && breaker_take_probe(&host->breaker, now_ms)) {
            send_probe(host);
        } else if (!may_probe && host->breaker.is_open) {
            host->breaker.probe_ms = now_ms + BREAKER_PROBE_MS;
        }
    }
    judge_silence(hub, now_ms);
    arm_probe_timer(hub);
}

// ----------------------------------------------------------------------------- the table

// Makes room: any host that is well is found again when it is needed.
static void forget_one(struct hub *hub)
{
    struct host *host = NULL;
    struct host *next = NULL;
    HASH_ITER (hh, hub->hosts, host, next) {
        bool is_used = false;
        for (struct call *call = hub->calls; call != NULL; call = call->hh.next) {
            is_used = is_used || call->request.host == host;
        }
        if (!is_used && host->probe.easy == NULL) {
            HASH_DEL(hub->hosts, host);
            free(host);
            return;
        }
    }
}

struct host *host_find(struct hub *hub, const char *url)
{
    struct url_host address;
    if (url_host_of(url, &address) != ERR_NONE) {
        return NULL;
    }
    char key[sizeof(((struct host *)0)->key)];
    snprintf(key, sizeof(key), "http%s://%s:%u", address.is_https ? "s" : "",
             address.host, (unsigned)address.port);
    struct host *host = NULL;
    HASH_FIND_STR(hub->hosts, key, host);
    if (host != NULL) {
        return host;
    }
    if (HASH_COUNT(hub->hosts) >= HOSTS_MAX) {
        forget_one(hub);
    }
    host = calloc(1, sizeof(*host));
    if (host == NULL) {
        return NULL;
    }
    host->hub = hub;
    host->address = address;
    memcpy(host->key, key, sizeof(key));
    HASH_ADD_STR(hub->hosts, key, host);
    return host;
}

static bool is_endpoint(const struct host *host)
{
    return url_host_equal(&host->address, &host->hub->endpoint_host);
}

// The breaker has opened: says so, and ends what waits.
static void on_opened(struct host *host)
{
    struct hub *hub = host->hub;
    if (is_endpoint(host)) {
        atomic_store(&hub->is_unreachable, true);
    }
    if (host->reason[0] == '\0') {
        snprintf(host->reason, sizeof(host->reason), "no connection");
    }
    log_warn(
        "hub",
        "%s can't be reached (%s); requests to it fail at once until it answers again",
        host->address.host, host->reason);
    struct why why;
    why_set(&why, ERR_OFFLINE, "%s can't be reached: %s", host->address.host,
            host->reason);
    calls_fail_waiting(hub, host, ERR_OFFLINE, &why);
    judge_silence(hub, clock_now_ms());
}

static void note_reason(struct host *host, const char *reason)
{
    if (reason != NULL && *reason != '\0') {
        snprintf(host->reason, sizeof(host->reason), "%s", reason);
    }
}

void host_failed(struct host *host, const char *reason)
{
    note_reason(host, reason);
    bool has_opened = breaker_failed(&host->breaker, clock_now_ms());
    if (has_opened) {
        on_opened(host);
    }
    arm_probe_timer(host->hub);
}

static void trip(struct host *host)
{
    note_reason(host, host->must_answer ? NULL : "it does not answer");
    if (breaker_trip(&host->breaker, clock_now_ms())) {
        on_opened(host);
    }
}

void host_broke_off(struct host *host, const char *reason)
{
    int64_t now_ms = clock_now_ms();
    note_reason(host, reason);
    if (breaker_broke_off(&host->breaker, now_ms) && now_ms >= host->calm_ms &&
        host->probe.easy == NULL && !host->hub->is_closing) {
        host->must_answer = true;
        send_probe(host);
    }
}

void host_heard(struct host *host, int64_t now_ms)
{
    host->heard_ms = now_ms;
}

void host_succeeded(struct host *host)
{
    bool was_open = breaker_succeeded(&host->breaker);
    host->heard_ms = clock_now_ms();
    host->must_answer = false;
    if (!was_open) {
        return;
    }
    host->reason[0] = '\0';
    if (is_endpoint(host)) {
        atomic_store(&host->hub->is_unreachable, false);
    }
    log_info("hub", "%s answers again", host->address.host);
}

void hosts_release(struct hub *hub)
{
    struct host *host = NULL;
    struct host *next = NULL;
    HASH_ITER (hh, hub->hosts, host, next) {
        HASH_DEL(hub->hosts, host);
        if (host->probe.easy != NULL) {
            http_multi_remove(hub->multi, &host->probe);
            drop_probe(host);
        }
        free(host);
    }
    if (hub->probe_timer != NULL) {
        loop_timer_free(hub->probe_timer);
        hub->probe_timer = NULL;
    }
}

enum err hosts_open(struct hub *hub)
{
    hub->probe_at_ms = DEADLINE_NONE;
    hub->probe_timer = loop_timer_new(hub->loop, on_probe_timer, hub);
    return hub->probe_timer != NULL ? ERR_NONE : ERR_NO_MEMORY;
}
