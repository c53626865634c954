// SPDX-License-Identifier: Apache-2.0
// The hub object without any server: what it refuses to open with, that every verb ends
// exactly once when it is offline, and that closing ends what is under way.
#include "hub/hub.h"
#include "tests/unit/unit_test.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct fixture {
    struct event_loop *loop;
    struct worker_pool *pool;
    struct hub *hub;
    pthread_t thread;
    bool is_running;
};

static void *run_loop(void *ctx)
{
    event_loop_run(ctx);
    return NULL;
}

static void start(struct fixture *fixture, const struct hub_config *config)
{
    *fixture = (struct fixture){0};
    unsetenv("HF_TOKEN");
    unsetenv("HUGGING_FACE_HUB_TOKEN");
    setenv("HF_TOKEN_PATH", "/nonexistent/token", 1);
    assert_ok(event_loop_new(&fixture->loop));
    assert_ok(worker_pool_new(2, "pool", &fixture->pool));
    assert_ok(hub_open(config, fixture->loop, fixture->pool, NULL, &fixture->hub));
    assert_int_equal(pthread_create(&fixture->thread, NULL, run_loop, fixture->loop), 0);
}

static void stop(struct fixture *fixture)
{
    event_loop_stop(fixture->loop);
    pthread_join(fixture->thread, NULL);
    hub_close(fixture->hub);
    worker_pool_free(fixture->pool);
    event_loop_free(fixture->loop);
}

// ------------------------------------------------------------------- counting callbacks

struct count {
    atomic_int ended;
    atomic_int wrong; // ended with something else than `expected`
    enum err expected;
};

static void count_end(struct count *count, enum err err, const struct why *why)
{
    if (err != count->expected || (err == ERR_OFFLINE && why->text[0] == '\0')) {
        atomic_fetch_add(&count->wrong, 1);
    }
    atomic_fetch_add(&count->ended, 1);
}

static void on_info(void *ctx, enum err err, const struct why *why,
                    const struct hub_repo_info *info)
{
    (void)info;
    count_end(ctx, err, why);
}

static void on_refs(void *ctx, enum err err, const struct why *why,
                    const struct hub_ref *refs, size_t n)
{
    (void)refs;
    (void)n;
    count_end(ctx, err, why);
}

static void on_tree(void *ctx, enum err err, const struct why *why,
                    struct hub_tree_page *page)
{
    (void)page;
    count_end(ctx, err, why);
}

static void on_paths(void *ctx, enum err err, const struct why *why,
                     const struct tree_entry *entries, size_t n)
{
    (void)entries;
    (void)n;
    count_end(ctx, err, why);
}

static void on_date(void *ctx, enum err err, const struct why *why, int64_t date_s)
{
    (void)date_s;
    count_end(ctx, err, why);
}

static void on_plan(void *ctx, enum err err, const struct why *why, struct cas_plan *plan)
{
    cas_plan_free(plan);
    count_end(ctx, err, why);
}

static bool on_bytes(void *ctx, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    return true;
}

static void on_done(void *ctx, enum err err, const struct why *why)
{
    count_end(ctx, err, why);
}

static void on_repos(void *ctx, enum err err, const struct why *why,
                     const struct hub_listed_repo *repos, size_t n, const char *next,
                     size_t refused)
{
    (void)repos;
    (void)n;
    (void)next;
    (void)refused;
    count_end(ctx, err, why);
}

static void on_commits(void *ctx, enum err err, const struct why *why,
                       const struct hub_commit *commits, size_t n)
{
    (void)commits;
    (void)n;
    count_end(ctx, err, why);
}

static void on_names(void *ctx, enum err err, const struct why *why,
                     const char *const *names, size_t n)
{
    (void)names;
    (void)n;
    count_end(ctx, err, why);
}

enum { VERBS = 12 };

static void call_every_verb(struct hub *hub, struct count *count)
{
    struct hub_call call = {.class = HUB_DEMAND, .reason = "test"};
    struct repo_id repo = {REPO_MODEL, "o/n"};
    struct hub_source source = {.repo = repo};
    struct oid sha = {{1}};
    struct digest hash = {{2}};
    struct hub_sink sink = {on_bytes, on_done, count};
    const char *const path = "a";
    struct cas_range range = {.url = "https://127.0.0.1:1/x?Signature=s", .byte_last = 9};
    assert_int_not_equal(hub_repo_info(hub, &call, &repo, NULL, on_info, count), 0);
    assert_int_not_equal(hub_refs(hub, &call, &repo, true, on_refs, count), 0);
    assert_int_not_equal(hub_tree(hub, &call, &repo, &sha, "", NULL, on_tree, count), 0);
    assert_int_not_equal(
        hub_tree_recursive(hub, &call, &repo, &sha, "", NULL, on_tree, count), 0);
    assert_int_not_equal(
        hub_list_repos(hub, &call, REPO_SPACE, "o", NULL, on_repos, count), 0);
    assert_int_not_equal(hub_commits(hub, &call, &repo, "main", 9, on_commits, count), 0);
    assert_int_not_equal(
        hub_paths_info(hub, &call, &repo, &sha, &path, 1, on_paths, count), 0);
    assert_int_not_equal(hub_commit_date(hub, &call, &repo, &sha, on_date, count), 0);
    assert_int_not_equal(hub_git_fetch(hub, &call, &source, NULL, on_paths, count), 0);
    assert_int_not_equal(hub_read_range(hub, &call, &source, "a", 0, 9, sink), 0);
    assert_int_not_equal(cas_plan(hub, &call, &source, &hash, 0, 9, on_plan, count), 0);
    assert_int_not_equal(cas_fetch(hub, &call, &range, sink), 0);
}

static void wait_for(struct count *count, int ended)
{
    while (atomic_load(&count->ended) < ended) {
        struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
    }
}

// -------------------------------------------------------------------------------- tests

TEST(test_offline_every_verb_ends_once_and_no_socket_is_opened)
{
    struct fixture fixture;
    struct count count = {.expected = ERR_OFFLINE};
    struct hub_stats stats;
    struct hub_config config = {.endpoint = "https://127.0.0.1:1", .offline = true};
    start(&fixture, &config);
    call_every_verb(fixture.hub, &count);
    wait_for(&count, VERBS);
    hub_stats(fixture.hub, &stats);
    assert_true(hub_is_offline(fixture.hub));
    assert_int_equal(stats.requests[HUB_DEMAND], 0);
    // Without a token there is nothing that a whoami would need the Hub for.
    struct hub_call call = {.class = HUB_DEMAND};
    struct count whoami = {.expected = ERR_NONE};
    hub_whoami(fixture.hub, &call, on_names, &whoami);
    wait_for(&whoami, 1);
    stop(&fixture);
    assert_int_equal(atomic_load(&count.ended), VERBS);
    assert_int_equal(atomic_load(&count.wrong) + atomic_load(&whoami.wrong), 0);
}

// A server that accepts into its backlog and never answers.
static int listen_and_hang(uint16_t *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *out_port = ntohs(address.sin_port);
    return fd;
}

TEST(test_closing_ends_everything_under_way_once)
{
    struct fixture fixture;
    struct count count = {.expected = ERR_CANCELLED};
    uint16_t port = 0;
    char endpoint[64];
    int fd = listen_and_hang(&port);
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u", port);
    struct hub_config config = {.endpoint = endpoint};
    start(&fixture, &config);
    for (int i = 0; i < 5; i++) {
        struct hub_call call = {.class = HUB_PREFETCH};
        struct repo_id repo = {REPO_MODEL, "o/n"};
        hub_repo_info(fixture.hub, &call, &repo, NULL, on_info, &count);
    }
    stop(&fixture);
    assert_int_equal(atomic_load(&count.ended), 5);
    assert_int_equal(atomic_load(&count.wrong), 0);
    close(fd);
}

TEST(test_a_server_that_hangs_costs_the_deadline_and_no_more)
{
    struct fixture fixture;
    struct count count = {.expected = ERR_TIMEOUT};
    uint16_t port = 0;
    char endpoint[64];
    int fd = listen_and_hang(&port);
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u", port);
    struct hub_config config = {.endpoint = endpoint, .timeout_ms = 300};
    start(&fixture, &config);
    struct hub_call call = {.class = HUB_DEMAND};
    struct repo_id repo = {REPO_MODEL, "o/n"};
    int64_t begin_ms = clock_now_ms();
    hub_repo_info(fixture.hub, &call, &repo, NULL, on_info, &count);
    wait_for(&count, 1);
    assert_in_range(clock_now_ms() - begin_ms, 299, 5000);
    stop(&fixture);
    assert_int_equal(atomic_load(&count.wrong), 0);
    close(fd);
}

TEST(test_a_cancelled_call_ends_once_and_its_ticket_is_forgotten)
{
    struct fixture fixture;
    struct count count = {.expected = ERR_CANCELLED};
    uint16_t port = 0;
    char endpoint[64];
    int fd = listen_and_hang(&port);
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u", port);
    struct hub_config config = {.endpoint = endpoint};
    start(&fixture, &config);
    struct hub_call call = {.class = HUB_AHEAD};
    struct repo_id repo = {REPO_MODEL, "o/n"};
    hub_ticket ticket = hub_repo_info(fixture.hub, &call, &repo, NULL, on_info, &count);
    hub_promote(fixture.hub, ticket, HUB_DEMAND);
    hub_cancel(fixture.hub, ticket);
    hub_cancel(fixture.hub, ticket);
    hub_resume(fixture.hub, ticket);
    hub_promote(fixture.hub, ticket + 1000, HUB_DEMAND);
    wait_for(&count, 1);
    stop(&fixture);
    assert_int_equal(atomic_load(&count.ended), 1);
    assert_int_equal(atomic_load(&count.wrong), 0);
    close(fd);
}

static void expect_no_hub(const struct hub_config *config, enum err expected,
                          const char *in_text)
{
    struct event_loop *loop = NULL;
    struct worker_pool *pool = NULL;
    struct hub *hub = NULL;
    struct why why = {0};
    assert_ok(event_loop_new(&loop));
    assert_ok(worker_pool_new(1, "pool", &pool));
    assert_err(hub_open(config, loop, pool, &why, &hub), expected);
    assert_non_null(strstr(why.text, in_text));
    worker_pool_free(pool);
    event_loop_free(loop);
}

TEST(test_wrong_configurations_are_refused_with_a_sentence)
{
    struct hub_config plain = {.endpoint = "http://hub.example.org"};
    struct hub_config scheme = {.endpoint = "ftp://hub.example.org"};
    struct hub_config ca_file = {.endpoint = "https://h", .ca_file = "/nonexistent.pem"};
    struct hub_config token = {.endpoint = "https://h", .token_file = "/nonexistent"};
    expect_no_hub(&plain, ERR_USAGE, "insecure_http");
    expect_no_hub(&scheme, ERR_USAGE, "ftp://hub.example.org");
    expect_no_hub(&ca_file, ERR_TLS, "/nonexistent.pem");
    expect_no_hub(&token, ERR_ACCESS, "/nonexistent");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offline_every_verb_ends_once_and_no_socket_is_opened),
        cmocka_unit_test(test_closing_ends_everything_under_way_once),
        cmocka_unit_test(test_a_server_that_hangs_costs_the_deadline_and_no_more),
        cmocka_unit_test(test_a_cancelled_call_ends_once_and_its_ticket_is_forgotten),
        cmocka_unit_test(test_wrong_configurations_are_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
