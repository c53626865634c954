// SPDX-License-Identifier: Apache-2.0
// One connection of the control socket, over a socket pair and a running loop:
// fs/control_peer.c.
#include "fs/control_peer.h"
#include "tests/unit/unit_test.h"

#include <sys/socket.h>

struct bench {
    struct event_loop *loop;
    pthread_t thread;
    struct control_peer *peer;
    int client;
    char request[64]; // what on_request was given
    bool gone;
};

static struct bench bench;

static void on_request(void *server, struct control_peer *peer, const char *line,
                       size_t len)
{
    (void)server;
    snprintf(bench.request, sizeof bench.request, "%.*s", (int)len, line);
    control_peer_output(peer, "one\ntwo", 7);
    if (strcmp(bench.request, "wait") != 0) {
        control_peer_end(peer, ERR_NONE, NULL);
    }
}

static void on_gone(void *server, struct control_peer *peer)
{
    (void)server;
    bench.gone = true;
    control_peer_close(peer);
    event_loop_stop(bench.loop);
}

static void *run_loop(void *ctx)
{
    event_loop_run(ctx);
    return NULL;
}

static int begin(void **state)
{
    (void)state;
    int fds[2];
    bench = (struct bench){.client = -1};
    const struct control_peer_events events = {on_request, on_gone, NULL};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 ||
        event_loop_new(&bench.loop) != ERR_NONE ||
        control_peer_new(bench.loop, fds[1], &events, &bench.peer) != ERR_NONE) {
        return 1;
    }
    bench.client = fds[0];
    return pthread_create(&bench.thread, NULL, run_loop, bench.loop);
}

static void hang_up(void)
{
    if (bench.client >= 0) {
        close(bench.client);
        bench.client = -1;
        pthread_join(bench.thread, NULL);
    }
}

static int end(void **state)
{
    (void)state;
    hang_up();
    control_peer_unref(bench.peer);
    event_loop_free(bench.loop);
    return 0;
}

static void send_text(const char *text)
{
    assert_int_equal(send(bench.client, text, strlen(text), 0), strlen(text));
}

// Everything until the peer ends its side.
static void read_to_end(struct buffer *out)
{
    char bytes[4096];
    ssize_t n;
    while ((n = recv(bench.client, bytes, sizeof bytes, 0)) > 0) {
        assert_ok(buffer_append(out, bytes, (size_t)n));
    }
}

TEST(test_a_request_is_answered_line_by_line_and_ended)
{
    AUTO(buffer) struct buffer answer = buffer_init(4096);
    send_text("he");
    send_text("llo\nignored");
    read_to_end(&answer);
    assert_string_equal(bench.request, "hello");
    assert_string_equal(buffer_text(&answer), "= one\n= two\n. 0 \n");
}

TEST(test_a_client_that_only_stops_sending_still_gets_its_answer)
{
    AUTO(buffer) struct buffer answer = buffer_init(4096);
    send_text("hello\n");
    shutdown(bench.client, SHUT_WR);
    read_to_end(&answer);
    assert_string_equal(buffer_text(&answer), "= one\n= two\n. 0 \n");
}

TEST(test_a_client_that_goes_away_is_noticed)
{
    send_text("wait\n");
    hang_up();
    assert_true(bench.gone);
}

TEST(test_a_client_that_ends_without_a_request_is_dropped)
{
    send_text("no line end");
    hang_up();
    assert_true(bench.gone);
    assert_string_equal(bench.request, "");
}

TEST(test_a_request_that_never_ends_is_dropped)
{
    char junk[4096];
    memset(junk, 'x', sizeof junk);
    for (size_t sent = 0; sent <= CONTROL_LINE_MAX;) {
        ssize_t n = send(bench.client, junk, sizeof junk, MSG_NOSIGNAL);
        if (n < 0) {
            break; // it has hung up
        }
        sent += (size_t)n;
    }
    char byte;
    assert_true(recv(bench.client, &byte, 1, 0) <= 0);
}

static void *answer_from_outside(void *ctx)
{
    const struct mount_progress progress = {.bytes_total = 5, .bytes_done = 5};
    for (int i = 0; i < 2000; i++) {
        control_peer_output(ctx, "from another thread", 19);
    }
    control_peer_progress(ctx, &progress);
    struct why why;
    control_peer_end(ctx, why_set(&why, ERR_OFFLINE, "no network"), &why);
    control_peer_unref(ctx);
    return NULL;
}

TEST(test_another_thread_may_answer_more_than_a_socket_holds_at_once)
{
    AUTO(buffer) struct buffer answer = buffer_init(1 << 20);
    pthread_t thread;
    assert_int_equal(
        pthread_create(&thread, NULL, answer_from_outside, control_peer_ref(bench.peer)),
        0);
    read_to_end(&answer);
    pthread_join(thread, NULL);
    assert_int_equal(answer.len, 2000 * 22 + strlen("% 5 5 0 0 0 0\n. 4 no network\n"));
    assert_non_null(strstr(buffer_text(&answer), "\n% 5 5 0 0 0 0\n. 4 no network\n"));
}

TEST(test_an_answer_to_a_client_that_is_gone_goes_nowhere)
{
    struct control_peer *kept = control_peer_ref(bench.peer);
    hang_up();
    control_peer_output(kept, "late", 4);
    control_peer_end(kept, ERR_NONE, NULL);
    control_peer_unref(kept);
    assert_true(bench.gone);
}

TEST(test_a_stream_loses_lines_rather_than_memory_and_says_so)
{
    static char line[64 << 10];
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 100; i++) { // 6.4 MB into a socket that nobody reads
        control_peer_stream(bench.peer, line, sizeof line);
    }
    size_t first = 0;
    AUTO_FREE char *bytes = malloc(1 << 20);
    assert_non_null(bytes);
    while (first < (1 << 20)) {
        ssize_t n = recv(bench.client, bytes, 1 << 20, 0);
        assert_true(n > 0);
        first += (size_t)n;
    }
    control_peer_stream(bench.peer, "after", 5);
    control_peer_end(bench.peer, ERR_NONE, NULL);
    AUTO(buffer) struct buffer rest = buffer_init(8 << 20);
    read_to_end(&rest);
    assert_true(first + rest.len < 3 << 20);
    assert_non_null(strstr(buffer_text(&rest), "lines were lost"));
}

#define PEER_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEER_TEST(test_a_request_is_answered_line_by_line_and_ended),
        PEER_TEST(test_a_client_that_only_stops_sending_still_gets_its_answer),
        PEER_TEST(test_a_client_that_goes_away_is_noticed),
        PEER_TEST(test_a_client_that_ends_without_a_request_is_dropped),
        PEER_TEST(test_a_request_that_never_ends_is_dropped),
        PEER_TEST(test_another_thread_may_answer_more_than_a_socket_holds_at_once),
        PEER_TEST(test_an_answer_to_a_client_that_is_gone_goes_nowhere),
        PEER_TEST(test_a_stream_loses_lines_rather_than_memory_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
