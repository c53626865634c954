// SPDX-License-Identifier: Apache-2.0
// The hosts that we have talked to, each with its breaker, and the probes of those that
// can't be reached. A probe only connects (TLS included) and asks nothing: it costs no quota,
// carries no credential, and needs no caller who waits for it.
#include "hub/hub_state.h"

#include <stdio.h>
#include <string.h>

enum { HOSTS_MAX = 256 };

static void on_probe_timer(void *ctx);

static void arm_probe_timer(struct hub *hub)
{
    int64_t at_ms = DEADLINE_NONE;
    for (struct host *host = hub->hosts; host != NULL; host = host->hh.next) {
        const struct breaker *breaker = &host->breaker;
        if (breaker->is_open && !breaker->is_probing && breaker->probe_ms < at_ms) {
            at_ms = breaker->probe_ms;
        }
    }
    if (at_ms == DEADLINE_NONE) {
        loop_timer_clear(hub->probe_timer);
    } else {
        loop_timer_set(hub->probe_timer, at_ms);
    }
}

static void drop_probe(struct host *host)
{
    curl_easy_cleanup(host->probe.easy);
    host->probe.easy = NULL;
}

static void on_probe_done(struct http_transfer *transfer, CURLcode code)
{
    char *owner = NULL;
    curl_easy_getinfo(transfer->easy, CURLINFO_PRIVATE, &owner);
    struct host *host = (struct host *)(void *)(owner - offsetof(struct host, probe));
    struct hub *hub = host->hub;
    drop_probe(host);
    // A TLS failure still means that somebody is there; the next call says what is wrong.
    bool is_dead = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                   code == CURLE_COULDNT_RESOLVE_PROXY ||
                   code == CURLE_OPERATION_TIMEDOUT;
    if (is_dead) {
        host_failed(host, NULL);
    } else {
        host_succeeded(host);
    }
    arm_probe_timer(hub);
}

static void send_probe(struct host *host)
{
    struct hub *hub = host->hub;
    CURL *easy = curl_easy_init();
    if (easy == NULL) {
        host_failed(host, NULL);
        return;
    }
    host->probe = (struct http_transfer){.easy = easy, .on_done = on_probe_done};
    curl_easy_setopt(easy, CURLOPT_URL, host->key);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)&host->probe);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    if (hub->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, hub->ca_file);
    }
    if (http_multi_add(hub->multi, &host->probe) != ERR_NONE) {
        drop_probe(host);
        host_failed(host, NULL);
    }
}

static void on_probe_timer(void *ctx)
{
    struct hub *hub = ctx;
    bool may_probe = !atomic_load(&hub->is_offline_by_hand) && !hub->is_closing;
    for (struct host *host = hub->hosts; host != NULL; host = host->hh.next) {
        if (may_probe && breaker_take_probe(&host->breaker, clock_now_ms())) {
            send_probe(host);
        } else if (!may_probe && host->breaker.is_open) {
            host->breaker.probe_ms = clock_now_ms() + BREAKER_PROBE_MS;
        }
    }
    arm_probe_timer(hub);
}

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

void host_failed(struct host *host, const char *reason)
{
    struct hub *hub = host->hub;
    if (reason != NULL && *reason != '\0') {
        snprintf(host->reason, sizeof(host->reason), "%s", reason);
    }
    bool has_opened = breaker_failed(&host->breaker, clock_now_ms());
    arm_probe_timer(hub);
    if (!has_opened) {
        return;
    }
    if (is_endpoint(host)) {
        atomic_store(&hub->is_unreachable, true);
    }
    log_warn(
        "hub",
        "%s can't be reached (%s); requests to it fail at once until it answers again",
        host->address.host, host->reason[0] != '\0' ? host->reason : "no connection");
    struct why why;
    why_set(&why, ERR_OFFLINE, "%s can't be reached: %s", host->address.host,
            host->reason);
    calls_fail_waiting(hub, host, ERR_OFFLINE, &why);
}

void host_succeeded(struct host *host)
{
    if (!breaker_succeeded(&host->breaker)) {
        return;
    }
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
    hub->probe_timer = loop_timer_new(hub->loop, on_probe_timer, hub);
    return hub->probe_timer != NULL ? ERR_NONE : ERR_NO_MEMORY;
}
