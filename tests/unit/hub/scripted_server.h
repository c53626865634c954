// SPDX-License-Identifier: Apache-2.0
// An HTTP server of a few lines for tests of verbs: one connection after the other, one
// request each. What it answers is a function of the test; what it was asked is kept.
#pragma once

#include "base/base.h"
#include "tests/unit/unit_test.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ASKED_MAX = 200, ASKED_SIZE = 512, BODY_KEPT = 1 << 20 };

struct scripted_server {
    // Writes the answer to a request for `target` (path and query): status line, headers
    // without Content-Length and Connection, an empty line, the body. Nothing at all = the
    // connection is closed without an answer.
    void (*answer)(const struct scripted_server *server, const char *target,
                   struct buffer *out);
    void *ctx;
    uint16_t port;
    int fd;
    pthread_t thread;
    // What it was asked; the test's to read once the answer has come.
    size_t n_asked;
    char asked[ASKED_MAX][ASKED_SIZE];
    bool had_credential[ASKED_MAX];
    char method[ASKED_MAX][8];
    uint64_t body_len[ASKED_MAX];
    // Of the request that is being answered:
    struct buffer head;
    struct buffer body; // its beginning
};

static inline void scripted_read_head(int fd, struct buffer *head)
{
    char bytes[4096];
    while (strstr(buffer_text(head), "\r\n\r\n") == NULL) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        if (n <= 0 || buffer_append(head, bytes, (size_t)n) != ERR_NONE) {
            return;
        }
    }
}

// The body of a Content-Length: all of it is read, the beginning is kept.
static inline uint64_t scripted_read_body(int fd, const struct buffer *head,
                                          struct buffer *body)
{
    char bytes[1 << 16];
    const char *header = strcasestr(buffer_text(head), "\r\ncontent-length:");
    uint64_t len = header != NULL ? strtoull(header + 17, NULL, 10) : 0;
    const char *rest = strstr(buffer_text(head), "\r\n\r\n") + 4;
    uint64_t got = head->len - (size_t)(rest - buffer_text(head));
    assert_ok(buffer_append(body, rest, (size_t)got));
    while (got < len) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        if (n <= 0) {
            break;
        }
        size_t room = BODY_KEPT - body->len;
        assert_ok(buffer_append(body, bytes, (size_t)n < room ? (size_t)n : room));
        got += (uint64_t)n;
    }
    return got;
}

static inline void scripted_send(int fd, const struct buffer *answer)
{
    AUTO(buffer) struct buffer whole = buffer_init(1 << 20);
    const char *text = buffer_text(answer);
    if (*text == '\0') {
        return;
    }
    const char *body = strstr(text, "\r\n\r\n") + 4;
    assert_ok(buffer_append(&whole, text, (size_t)(body - text) - 2));
    assert_ok(buffer_printf(&whole, "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
                            strlen(body), body));
    for (size_t sent = 0; sent < whole.len;) {
        ssize_t n = send(fd, whole.bytes + sent, whole.len - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        sent += (size_t)n;
    }
}

static inline void *scripted_run(void *ctx)
{
    struct scripted_server *server = ctx;
    int fd = -1;
    while ((fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        AUTO(buffer) struct buffer answer = buffer_init(1 << 20);
        char target[ASKED_SIZE] = "";
        char method[8] = "";
        size_t i = server->n_asked;
        server->head = buffer_init(1 << 16);
        server->body = buffer_init(BODY_KEPT + (1 << 16));
        scripted_read_head(fd, &server->head);
        if (sscanf(buffer_text(&server->head), "%7s %511s", method, target) == 2 &&
            i < ASKED_MAX) {
            snprintf(server->asked[i], ASKED_SIZE, "%s", target);
            snprintf(server->method[i], sizeof(server->method[i]), "%s", method);
            server->had_credential[i] =
                strcasestr(buffer_text(&server->head), "\r\nauthorization:") != NULL;
            server->body_len[i] = scripted_read_body(fd, &server->head, &server->body);
            server->n_asked++;
            server->answer(server, target, &answer);
            scripted_send(fd, &answer);
        }
        buffer_release(&server->head);
        buffer_release(&server->body);
        close(fd);
    }
    return NULL;
}

static inline void scripted_server_start(struct scripted_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->fd >= 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server->fd, 64), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, scripted_run, server), 0);
}

static inline void scripted_server_stop(struct scripted_server *server)
{
    shutdown(server->fd, SHUT_RDWR); // accept() returns
    pthread_join(server->thread, NULL);
    close(server->fd);
}
