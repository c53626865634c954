// SPDX-License-Identifier: Apache-2.0
// Where revisions stand: what is asked, what is kept, for how long, and what is not believed.
#include "fs/heads.h"

#include "tests/unit/fs/hub_bench.h"

#define SHA_1 "1111111111111111111111111111111111111111"
#define SHA_2 "2222222222222222222222222222222222222222"

enum { POLL_MS = 60000 };

struct world {
    struct hub_bench bench;
    struct heads *heads;
};

static const struct repo_id model = {REPO_MODEL, "acme/m"};

static void begin_world(struct world *world, int64_t poll_ms,
                        void (*answer)(const struct scripted_server *, const char *,
                                       struct buffer *))
{
    hub_bench_start(&world->bench, NULL, answer);
    assert_ok(heads_new(world->bench.hub.hub, world->bench.tree, world->bench.locator,
                        poll_ms, &world->heads));
}

static void end_world(struct world *world)
{
    hub_bench_stop(&world->bench);
    heads_free(world->heads);
    hub_bench_release(&world->bench);
}

static struct outcome *ask(struct world *world, const char *name, const char *revision)
{
    struct repo_id id = {.kind = REPO_MODEL};
    snprintf(id.name, sizeof(id.name), "%s", name);
    heads_ask(world->heads, &id, revision, &demand, on_done, &world->bench.hub.outcome);
    return wait_for(&world->bench.hub);
}

static enum err peek(struct world *world, const char *name, const char *revision,
                     enum heads_age age, struct head *out)
{
    struct repo_id id = {.kind = REPO_MODEL};
    snprintf(id.name, sizeof(id.name), "%s", name);
    return heads_peek(world->heads, &id, revision, age, out);
}

static void note(struct world *world, const char *revision, int64_t age_s)
{
    struct head head = {.repo = model,
                        .ref = {.sha = {{7}}, .checked_at_s = clock_wall_s() - age_s}};
    assert_ok(heads_note(world->heads, revision, &head));
}

// --------------------------------------------------------------------------------- asking

// "acme/old" is called "acme/m" now; "acme/gone" is not; everything else stands at SHA_1.
static void answer_info(const struct scripted_server *server, const char *target,
                        struct buffer *out)
{
    (void)server;
    if (strstr(target, "/api/models/acme/old") != NULL) {
        char to[ASKED_SIZE + 32];
        snprintf(to, sizeof(to), "Location: /api/models/acme/m%s\r\n",
                 target + strlen("/api/models/acme/old"));
        reply(out, 307, to, "");
    } else if (strstr(target, "/acme/gone") != NULL) {
        reply(out, 404, "X-Error-Code: RepoNotFound\r\n", "{}");
    } else if (strstr(target, "/acme/forbidden") != NULL) {
        reply(out, 200, "",
              "{\"id\":\"acme/forbidden\",\"sha\":\"" SHA_1 "\",\"disabled\":true}");
    } else if (strstr(target, "/acme/liar") != NULL) {
        reply(out, 200, "", "{\"id\":\"bob/other\",\"sha\":\"" SHA_2 "\"}");
    } else if (strstr(target, "/acme/odd") != NULL) {
        reply(out, 200, "", "{\"id\":\"../etc\",\"sha\":\"" SHA_2 "\"}");
    } else {
        reply(out, 200, "",
              "{\"id\":\"acme/m\",\"sha\":\"" SHA_1
              "\",\"lastModified\":\"2026-01-01T00:00:00.000Z\",\"gated\":\"auto\"}");
    }
}

TEST(test_nothing_is_known_before_the_hub_is_asked)
{
    struct world world;
    struct head head;
    begin_world(&world, POLL_MS, answer_info);
    assert_err(peek(&world, "acme/m", "", HEADS_ANY, &head), ERR_ABSENT);
    assert_int_equal(world.bench.hub.server.n_asked, 0);
    end_world(&world);
}

TEST(test_an_answer_is_kept_under_its_revision_alone)
{
    struct world world;
    struct head head;
    begin_world(&world, POLL_MS, answer_info);
    assert_ok(ask(&world, "acme/m", "refs/pr/1")->err);
    assert_int_equal(world.bench.hub.server.n_asked, 1);
    assert_non_null(
        strstr(world.bench.hub.server.asked[0], "/acme/m/revision/refs%2Fpr%2F1?"));
    assert_ok(peek(&world, "acme/m", "refs/pr/1", HEADS_POLLED, &head));
    assert_int_equal(head.ref.sha.bytes[0], 0x11);
    assert_int_equal(head.ref.date_s, 1767225600);
    assert_true(head.ref.gated);
    assert_true(repo_id_equal(&head.repo, &model));
    assert_err(peek(&world, "acme/m", "", HEADS_ANY, &head), ERR_ABSENT);
    assert_err(peek(&world, "acme/n", "refs/pr/1", HEADS_ANY, &head), ERR_ABSENT);
    end_world(&world);
}

TEST(test_a_former_name_leads_to_the_new_one_which_is_then_known_too)
{
    struct world world;
    struct head head;
    begin_world(&world, POLL_MS, answer_info);
    assert_ok(ask(&world, "acme/old", "")->err);
    assert_ok(peek(&world, "acme/old", "", HEADS_POLLED, &head));
    assert_string_equal(head.repo.name, "acme/m");
    assert_ok(peek(&world, "acme/m", "", HEADS_POLLED, &head));
    assert_string_equal(head.repo.name, "acme/m");
    assert_int_equal(world.bench.hub.server.n_asked, 2); // the redirect, and its target
    end_world(&world);
}

// Somebody else's answer, without a redirect that leads there, must change neither name.
TEST(test_an_answer_about_another_repository_is_not_believed)
{
    struct world world;
    struct head head;
    begin_world(&world, POLL_MS, answer_info);
    const struct outcome *outcome = ask(&world, "acme/liar", "");
    assert_err(outcome->err, ERR_BAD_ANSWER);
    assert_non_null(strstr(outcome->why.text, "bob/other"));
    assert_err(peek(&world, "acme/liar", "", HEADS_ANY, &head), ERR_ABSENT);
    assert_err(peek(&world, "bob/other", "", HEADS_ANY, &head), ERR_ABSENT);
    assert_err(ask(&world, "acme/odd", "")->err, ERR_BAD_ANSWER);
    end_world(&world);
}

TEST(test_another_commit_than_the_one_that_was_named_is_not_believed)
{
    struct world world;
    struct head head;
    begin_world(&world, POLL_MS, answer_info);
    assert_ok(ask(&world, "acme/m", SHA_1)->err);
    assert_err(ask(&world, "acme/m", SHA_2)->err, ERR_BAD_ANSWER);
    assert_err(peek(&world, "acme/m", SHA_2, HEADS_ANY, &head), ERR_ABSENT);
    end_world(&world);
}

TEST(test_a_disabled_repository_is_an_error_that_says_so)
{
    struct world world;
    begin_world(&world, POLL_MS, answer_info);
    const struct outcome *outcome = ask(&world, "acme/forbidden", "");
    assert_err(outcome->err, ERR_ACCESS);
    assert_non_null(strstr(outcome->why.text, "disabled"));
    end_world(&world);
}

TEST(test_what_the_hub_does_not_know_any_more_is_forgotten)
{
    struct world world;
    struct repo_id gone = {REPO_MODEL, "acme/gone"};
    struct head head = {.repo = gone, .ref = {.sha = {{7}}}};
    begin_world(&world, POLL_MS, answer_info);
    assert_ok(heads_note(world.heads, "", &head));
    assert_err(ask(&world, "acme/gone", "")->err, ERR_NOT_FOUND);
    assert_err(peek(&world, "acme/gone", "", HEADS_ANY, &head), ERR_ABSENT);
    end_world(&world);
}

static void count_answer(void *ctx, enum err err, const struct why *why)
{
    struct outcome *outcome = ctx;
    (void)why;
    pthread_mutex_lock(&outcome->lock);
    outcome->n += err == ERR_NONE ? 1 : 1000;
    outcome->is_over = outcome->n >= 50;
    pthread_cond_signal(&outcome->changed);
    pthread_mutex_unlock(&outcome->lock);
}

static void answer_late(const struct scripted_server *server, const char *target,
                        struct buffer *out)
{
    const struct timespec while_all_ask = {.tv_sec = 3};
    nanosleep(&while_all_ask, NULL);
    answer_info(server, target, out);
}

TEST(test_many_who_ask_the_same_make_one_request)
{
    struct world world;
    begin_world(&world, POLL_MS, answer_late);
    for (int i = 0; i < 50; i++) {
        heads_ask(world.heads, &model, "", &demand, count_answer,
                  &world.bench.hub.outcome);
    }
    assert_int_equal(wait_for(&world.bench.hub)->n, 50);
    assert_int_equal(world.bench.hub.server.n_asked, 1);
    end_world(&world);
}

// ------------------------------------------------------------------------------------ age

TEST(test_a_branch_is_young_for_one_poll_interval)
{
    struct world world;
    struct head head;
    begin_world(&world, POLL_MS, answer_info);
    note(&world, "main", 50);
    assert_ok(peek(&world, "acme/m", "main", HEADS_POLLED, &head));
    assert_err(peek(&world, "acme/m", "main", HEADS_NOW, &head), ERR_ABSENT);
    note(&world, "main", 61);
    assert_err(peek(&world, "acme/m", "main", HEADS_POLLED, &head), ERR_ABSENT);
    assert_ok(peek(&world, "acme/m", "main", HEADS_ANY, &head));
    note(&world, "main", -100); // the clock was put back since
    assert_err(peek(&world, "acme/m", "main", HEADS_POLLED, &head), ERR_ABSENT);
    end_world(&world);
}

TEST(test_a_commit_never_grows_old)
{
    struct world world;
    struct head head;
    begin_world(&world, POLL_MS, answer_info);
    note(&world, SHA_1, 1000000);
    heads_expire(world.heads);
    assert_ok(peek(&world, "acme/m", SHA_1, HEADS_POLLED, &head));
    end_world(&world);
}

TEST(test_poll_never_keeps_a_branch_until_it_is_expired)
{
    struct world world;
    struct head head;
    begin_world(&world, 0, answer_info);
    note(&world, "main", 1000000);
    assert_ok(peek(&world, "acme/m", "main", HEADS_POLLED, &head));
    heads_expire(world.heads);
    assert_err(peek(&world, "acme/m", "main", HEADS_POLLED, &head), ERR_ABSENT);
    assert_ok(peek(&world, "acme/m", "main", HEADS_ANY, &head));
    end_world(&world);
}

TEST(test_what_is_asked_after_an_expiry_is_young_within_the_same_second)
{
    struct world world;
    struct head head;
    begin_world(&world, POLL_MS, answer_info);
    for (int i = 0; i < 5; i++) {
        assert_ok(ask(&world, "acme/m", "")->err);
        assert_ok(peek(&world, "acme/m", "", HEADS_POLLED, &head));
        assert_true(head.ref.checked_at_s <= clock_wall_s());
        heads_expire(world.heads);
        assert_err(peek(&world, "acme/m", "", HEADS_POLLED, &head), ERR_ABSENT);
    }
    end_world(&world);
}

TEST(test_offline_everything_is_young_enough_and_nothing_is_asked)
{
    struct world world;
    struct head head;
    begin_world(&world, POLL_MS, answer_info);
    note(&world, "main", 1000000);
    heads_expire(world.heads);
    hub_set_offline(world.bench.hub.hub, true);
    assert_ok(peek(&world, "acme/m", "main", HEADS_POLLED, &head));
    assert_ok(peek(&world, "acme/m", "main", HEADS_NOW, &head));
    assert_err(ask(&world, "acme/unknown", "main")->err, ERR_OFFLINE);
    assert_int_equal(world.bench.hub.server.n_asked, 0);
    end_world(&world);
}

TEST(test_a_head_has_one_root_in_the_store)
{
    struct world world;
    struct head_root first;
    struct head_root again;
    struct head head = {.repo = model, .ref = {.sha = {{7}}}};
    begin_world(&world, POLL_MS, answer_info);
    assert_ok(heads_root(world.heads, &head, &first));
    assert_ok(heads_root(world.heads, &head, &again));
    assert_int_equal(first.ino, again.ino);
    assert_int_equal(first.row, again.row);
    head.ref.sha.bytes[0] = 8;
    assert_ok(heads_root(world.heads, &head, &again));
    assert_int_not_equal(first.ino, again.ino);
    end_world(&world);
}

TEST(test_only_forty_hex_digits_are_a_commit)
{
    assert_true(revision_is_commit(SHA_1));
    assert_false(revision_is_commit(""));
    assert_false(revision_is_commit("1111111"));
    assert_false(revision_is_commit(SHA_1 "1"));
    assert_false(revision_is_commit("111111111111111111111111111111111111111g"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_known_before_the_hub_is_asked),
        cmocka_unit_test(test_an_answer_is_kept_under_its_revision_alone),
        cmocka_unit_test(test_a_former_name_leads_to_the_new_one_which_is_then_known_too),
        cmocka_unit_test(test_an_answer_about_another_repository_is_not_believed),
        cmocka_unit_test(test_another_commit_than_the_one_that_was_named_is_not_believed),
        cmocka_unit_test(test_a_disabled_repository_is_an_error_that_says_so),
        cmocka_unit_test(test_what_the_hub_does_not_know_any_more_is_forgotten),
        cmocka_unit_test(test_many_who_ask_the_same_make_one_request),
        cmocka_unit_test(test_a_branch_is_young_for_one_poll_interval),
        cmocka_unit_test(test_a_commit_never_grows_old),
        cmocka_unit_test(test_poll_never_keeps_a_branch_until_it_is_expired),
        cmocka_unit_test(
            test_what_is_asked_after_an_expiry_is_young_within_the_same_second),
        cmocka_unit_test(test_offline_everything_is_young_enough_and_nothing_is_asked),
        cmocka_unit_test(test_a_head_has_one_root_in_the_store),
        cmocka_unit_test(test_only_forty_hex_digits_are_a_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
