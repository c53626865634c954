// SPDX-License-Identifier: Apache-2.0
// The glue between curl_multi_socket_action() and the event loop.
//
// curl calls us while we call curl (socket and timer callbacks, write callbacks), but
// on_done is only called from drain(), when no curl function is on the stack: owners may
// add and remove transfers there.
#include "hub/http_multi.h"

#include <string.h>
#include <sys/epoll.h>

enum { CONNECTIONS_KEPT = 64 };

struct http_multi {
    CURLM *curl;
    struct event_loop *loop;
    struct loop_timer *timer;
};

static void drain(struct http_multi *multi)
{
    int left = 0;
    const CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(multi->curl, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        char *owner = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
        struct http_transfer *transfer = (void *)owner;
        curl_multi_remove_handle(multi->curl, easy);
        transfer->on_done(transfer, code);
    }
}

static void act(struct http_multi *multi, curl_socket_t fd, int events)
{
    int running = 0;
    curl_multi_socket_action(multi->curl, fd, events, &running);
    drain(multi);
}

static void on_timer(void *ctx)
{
    act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static void on_fd(void *ctx, int fd, uint32_t events)
{
    int curl_events = 0;
    curl_events |= (events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0;
    curl_events |= (events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
    curl_events |= (events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0;
    act(ctx, fd, curl_events);
}

static int set_timer(CURLM *curl, long timeout_ms, void *ctx)
{
    (void)curl;
    struct http_multi *multi = ctx;
    if (timeout_ms < 0) {
        loop_timer_clear(multi->timer);
    } else {
        loop_timer_set(multi->timer, clock_now_ms() + timeout_ms);
    }
    return 0;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    (void)easy;
    struct http_multi *multi = ctx;
    struct loop_watch *watch = socket_ctx;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            loop_watch_free(watch);
            curl_multi_assign(multi->curl, fd, NULL);
        }
        return 0;
    }
    uint32_t events = 0;
    events |= (what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0;
    events |= (what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0;
    if (watch != NULL && loop_watch_change(watch, events) == ERR_NONE) {
        return 0;
    }
    if (watch != NULL) {
        // curl closed the socket and got the same number again: epoll forgot the old one.
        loop_watch_free(watch);
        watch = NULL;
    }
    enum err err = event_loop_watch(multi->loop, fd, events, on_fd, multi, &watch);
    curl_multi_assign(multi->curl, fd, err == ERR_NONE ? watch : NULL);
    return err == ERR_NONE ? 0 : -1;
}

enum err http_multi_new(struct event_loop *loop, struct http_multi **out)
{
    struct http_multi *multi = calloc(1, sizeof(*multi));
    if (multi == NULL) {
        return ERR_NO_MEMORY;
    }
    multi->loop = loop;
    multi->curl = curl_multi_init();
    multi->timer = loop_timer_new(loop, on_timer, multi);
    if (multi->curl == NULL || multi->timer == NULL) {
        http_multi_free(multi);
        return ERR_NO_MEMORY;
    }
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
    curl_multi_setopt(multi->curl, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    *out = multi;
    return ERR_NONE;
}

void http_multi_free(struct http_multi *multi)
{
    if (multi == NULL) {
        return;
    }
    if (multi->curl != NULL) {
        curl_multi_cleanup(multi->curl);
    }
    if (multi->timer != NULL) {
        loop_timer_free(multi->timer);
    }
    free(multi);
}

enum err http_multi_add(struct http_multi *multi, struct http_transfer *transfer)
{
    CURLMcode code = curl_multi_add_handle(multi->curl, transfer->easy);
    return code == CURLM_OK ? ERR_NONE : ERR_NO_MEMORY;
}

void http_multi_remove(struct http_multi *multi, struct http_transfer *transfer)
{
    curl_multi_remove_handle(multi->curl, transfer->easy);
}

void http_multi_unpause(struct http_multi *multi, struct http_transfer *transfer)
{
    curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
    loop_timer_set(multi->timer,
                   clock_now_ms()); // what it had buffered may have ended it
}
