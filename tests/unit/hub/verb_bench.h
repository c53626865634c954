// SPDX-License-Identifier: Apache-2.0
// A hub that talks to a scripted server, and the outcome of one call at a time: put into
// words by the test's callback, waited for by the test.
#pragma once

#include "hub/hub.h"
#include "tests/unit/hub/scripted_server.h"

struct outcome {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_over;
    enum err err;
    struct why why;
    char text[4000]; // what was delivered, by words
    size_t n;
    char next[300];
    size_t refused;
};

struct bench {
    struct scripted_server server;
    struct event_loop *loop;
    struct worker_pool *pool;
    struct hub *hub;
    pthread_t thread;
    struct outcome outcome;
};

static const struct hub_call demand = {.class = HUB_DEMAND, .reason = "test"};
static const struct repo_id repo = {REPO_MODEL, "acme/old"};

static inline void *run_loop(void *ctx)
{
    event_loop_run(ctx);
    return NULL;
}

static inline void start(struct bench *bench, const char *token,
                         void (*answer)(const struct scripted_server *, const char *,
                                        struct buffer *))
{
    char endpoint[64];
    *bench = (struct bench){.server.answer = answer};
    pthread_mutex_init(&bench->outcome.lock, NULL);
    pthread_cond_init(&bench->outcome.changed, NULL);
    scripted_server_start(&bench->server);
    unsetenv("HF_TOKEN");
    unsetenv("HUGGING_FACE_HUB_TOKEN");
    setenv("HF_TOKEN_PATH", "/nonexistent/token", 1);
    if (token != NULL) {
        setenv("HF_TOKEN", token, 1);
    }
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u", bench->server.port);
    struct hub_config config = {.endpoint = endpoint, .timeout_ms = 20000};
    assert_ok(event_loop_new(&bench->loop));
    assert_ok(worker_pool_new(2, "pool", &bench->pool));
    assert_ok(hub_open(&config, bench->loop, bench->pool, NULL, &bench->hub));
    assert_int_equal(pthread_create(&bench->thread, NULL, run_loop, bench->loop), 0);
}

static inline void stop(struct bench *bench)
{
    event_loop_stop(bench->loop);
    pthread_join(bench->thread, NULL);
    hub_close(bench->hub);
    worker_pool_free(bench->pool);
    event_loop_free(bench->loop);
    scripted_server_stop(&bench->server);
    pthread_cond_destroy(&bench->outcome.changed);
    pthread_mutex_destroy(&bench->outcome.lock);
}

// ------------------------------------------------------------------------------ outcomes

static inline void begin(struct outcome *outcome, enum err err, const struct why *why,
                         size_t n)
{
    pthread_mutex_lock(&outcome->lock);
    outcome->err = err;
    outcome->why = *why;
    outcome->n = n;
    outcome->text[0] = '\0';
    outcome->next[0] = '\0';
    outcome->refused = 0;
}

static inline void add_word(struct outcome *outcome, const char *word)
{
    size_t len = strlen(outcome->text);
    snprintf(outcome->text + len, sizeof(outcome->text) - len, "%s%s", len > 0 ? " " : "",
             word);
}

static inline void finish(struct outcome *outcome)
{
    outcome->is_over = true;
    pthread_cond_signal(&outcome->changed);
    pthread_mutex_unlock(&outcome->lock);
}

static inline struct outcome *wait_for(struct bench *bench)
{
    struct outcome *outcome = &bench->outcome;
    pthread_mutex_lock(&outcome->lock);
    while (!outcome->is_over) {
        pthread_cond_wait(&outcome->changed, &outcome->lock);
    }
    outcome->is_over = false;
    pthread_mutex_unlock(&outcome->lock);
    return outcome;
}

static inline void reply(struct buffer *out, int status, const char *headers,
                         const char *body)
{
    assert_ok(buffer_printf(out,
                            "HTTP/1.1 %d X\r\n%sContent-Type: application/json\r\n\r\n%s",
                            status, headers, body));
}
