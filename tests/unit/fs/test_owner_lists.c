// SPDX-License-Identifier: Apache-2.0
// Owners' repositories, page by page: new whenever a reader begins, never for ever.
#include "fs/owner_lists.h"

#include "tests/unit/fs/hub_bench.h"

#define SHA_1 "1111111111111111111111111111111111111111"

struct world {
    struct hub_bench bench;
    struct owner_lists *lists;
    char seen[400];         // names of the last visit
    uint64_t positions[16]; // and their positions
    size_t n;
    bool goes_on;
};

// What the server shows; the tests' own threads wait for it in between.
static _Atomic int turn;

static void begin_world(struct world *world,
                        void (*answer)(const struct scripted_server *, const char *,
                                       struct buffer *))
{
    atomic_store(&turn, 1);
    hub_bench_start(&world->bench, NULL, answer);
    assert_ok(owner_lists_new(world->bench.hub.hub, world->bench.tree, "http://hub",
                              &world->lists));
}

static void end_world(struct world *world)
{
    hub_bench_stop(&world->bench);
    owner_lists_free(world->lists);
    hub_bench_release(&world->bench);
}

static bool note_name(void *ctx, uint64_t position, const char *name)
{
    struct world *world = ctx;
    size_t len = strlen(world->seen);
    snprintf(world->seen + len, sizeof(world->seen) - len, "%s ", name);
    world->positions[world->n++] = position;
    return world->n < 16;
}

static enum err visit(struct world *world, const char *owner, uint64_t after)
{
    world->seen[0] = '\0';
    world->n = 0;
    return owner_lists_visit(world->lists, REPO_MODEL, owner, after, note_name, world,
                             &world->goes_on);
}

static struct outcome *more(struct world *world, const char *owner, uint64_t after)
{
    owner_lists_more(world->lists, REPO_MODEL, owner, after, &demand, on_done,
                     &world->bench.hub.outcome);
    return wait_for(&world->bench.hub);
}

static size_t asked(const struct world *world)
{
    return world->bench.hub.server.n_asked;
}

static bool head_of(struct world *world, const char *name, int64_t max_age_ms,
                    struct tree_ref *out)
{
    struct repo_id id = {.kind = REPO_MODEL};
    snprintf(id.name, sizeof(id.name), "%s", name);
    return owner_lists_head(world->lists, &id, max_age_ms, out);
}

// ---------------------------------------------------------------------------------- pages

static void next_link(const struct scripted_server *server, const char *cursor,
                      char out[200])
{
    snprintf(out, 200,
             "Link: <http://127.0.0.1:%u/api/models?author=acme&cursor=%s>; "
             "rel=\"next\"\r\n",
             server->port, cursor);
}

// Three pages: a b, c, d e; in the second turn "new" stands before them, in the third a is gone.
static void answer_pages(const struct scripted_server *server, const char *target,
                         struct buffer *out)
{
    char link[200];
    if (strstr(target, "cursor=2") != NULL) {
        next_link(server, "3", link);
        reply(out, 200, link, "[{\"id\":\"acme/c\"}]");
    } else if (strstr(target, "cursor=3") != NULL) {
        reply(out, 200, "", "[{\"id\":\"acme/d\"},{\"id\":\"acme/e\"}]");
    } else {
        static const char *const first[] = {
            "[{\"id\":\"acme/a\"},{\"id\":\"acme/b\"}]",
            "[{\"id\":\"acme/new\"},{\"id\":\"acme/a\"},{\"id\":\"acme/b\"}]",
            "[{\"id\":\"acme/b\"}]",
        };
        next_link(server, "2", link);
        reply(out, 200, link, first[atomic_load(&turn) - 1]);
    }
}

// What a reader at a position sees until the end, or until it gets an error.
static enum err read_on(struct world *world, uint64_t after, char out[400])
{
    enum err failed = ERR_NONE;
    out[0] = '\0';
    for (bool goes_on = true; goes_on && failed == ERR_NONE;) {
        enum err err = visit(world, "acme", after);
        if (err == ERR_NONE && world->n > 0) {
            after = world->positions[world->n - 1];
            size_t len = strlen(out);
            snprintf(out + len, 400 - len, "%s", world->seen);
        }
        goes_on = err == ERR_ABSENT || (err == ERR_NONE && world->goes_on);
        failed = goes_on ? more(world, "acme", after)->err : err;
    }
    return failed;
}

static void read_all(struct world *world, char out[400])
{
    assert_ok(read_on(world, 0, out));
}

TEST(test_nothing_is_here_before_it_is_asked_for)
{
    struct world world;
    begin_world(&world, answer_pages);
    assert_err(visit(&world, "acme", 0), ERR_ABSENT);
    assert_int_equal(asked(&world), 0);
    end_world(&world);
}

TEST(test_a_page_is_asked_for_when_a_reader_has_come_to_it)
{
    struct world world;
    begin_world(&world, answer_pages);
    assert_ok(more(&world, "acme", 0)->err);
    assert_ok(visit(&world, "acme", 0));
    assert_string_equal(world.seen, "a b ");
    assert_true(world.goes_on);
    assert_true(world.positions[0] > 0 && world.positions[1] > world.positions[0]);
    assert_int_equal(asked(&world), 1);
    assert_ok(visit(&world, "acme", world.positions[0]));
    assert_string_equal(world.seen, "b ");
    uint64_t last = world.positions[0];
    assert_ok(more(&world, "acme", last)->err);
    assert_ok(visit(&world, "acme", last));
    assert_string_equal(world.seen, "c ");
    assert_int_equal(asked(&world), 2);
    end_world(&world);
}

TEST(test_a_whole_listing_is_good_for_a_second_a_page_and_then_new)
{
    struct world world;
    char names[400];
    begin_world(&world, answer_pages);
    read_all(&world, names);
    assert_string_equal(names, "a b c d e ");
    assert_int_equal(asked(&world), 3);
    skip_ms(1500);
    read_all(&world, names);
    assert_int_equal(asked(&world), 3);
    atomic_store(&turn, 2);
    skip_ms(1600);
    assert_err(visit(&world, "acme", 0), ERR_ABSENT);
    read_all(&world, names);
    assert_string_equal(names, "new a b c d e ");
    assert_int_equal(asked(&world), 6);
    end_world(&world);
}

TEST(test_a_reader_in_the_middle_of_an_older_listing_comes_to_its_end)
{
    struct world world;
    char names[400];
    begin_world(&world, answer_pages);
    read_all(&world, names);
    assert_ok(visit(&world, "acme", 0));
    uint64_t middle = world.positions[1];
    atomic_store(&turn, 2);
    skip_ms(4000);
    read_all(&world, names);
    assert_string_equal(names, "new a b c d e ");
    assert_ok(visit(&world, "acme", middle));
    assert_string_equal(world.seen, "c d e ");
    assert_false(world.goes_on);
    end_world(&world);
}

// A reader rests for a minute after the first page, while another one reads the list, which has become
// another. Whoever goes on must not miss a name that is in both.
static void leave_and_go_on(int others_turn, bool others_read_all)
{
    struct world world;
    char names[400];
    begin_world(&world, answer_pages);
    assert_ok(more(&world, "acme", 0)->err);
    assert_ok(visit(&world, "acme", 0));
    uint64_t middle = world.positions[1];
    skip_ms(61000);
    atomic_store(&turn, others_turn);
    if (others_read_all) {
        read_all(&world, names);
    } else {
        assert_ok(more(&world, "acme", 0)->err);
    }
    if (read_on(&world, middle, names) == ERR_NONE) {
        assert_string_equal(names, "c d e ");
    }
    end_world(&world);
}

TEST(test_a_listing_that_was_left_for_a_minute_goes_on_to_its_end_or_fails)
{
    leave_and_go_on(1, true);
    leave_and_go_on(1, false);
}

TEST(test_a_listing_that_was_left_misses_and_repeats_nothing_when_it_has_changed)
{
    for (int i = 0; i < 4; i++) {
        leave_and_go_on(2 + i / 2, i % 2 == 0);
    }
}

// ------------------------------------------------------------------------ lists that lie

static void answer_lies(const struct scripted_server *server, const char *target,
                        struct buffer *out)
{
    (void)server;
    (void)target;
    reply(out, 200, "",
          "[{\"id\":\"acme/a\"},{\"id\":\"bob/x\"},{\"id\":\"acme/a\"},{\"id\":\"acme\"},"
          "{\"id\":\"acme/../etc\"},{\"id\":\"acmeb/y\"},{\"id\":\"acme/.git\"},"
          "{\"id\":\"acme/b\"}]");
}

TEST(test_a_name_is_shown_once_and_others_names_never)
{
    struct world world;
    begin_world(&world, answer_lies);
    assert_ok(more(&world, "acme", 0)->err);
    assert_ok(visit(&world, "acme", 0));
    assert_string_equal(world.seen, "a b ");
    end_world(&world);
}

// The same page under another address each time.
static void answer_for_ever(const struct scripted_server *server, const char *target,
                            struct buffer *out)
{
    char link[200];
    char cursor[20];
    (void)target;
    snprintf(cursor, sizeof(cursor), "%zu", server->n_asked);
    next_link(server, cursor, link);
    reply(out, 200, link, "[{\"id\":\"acme/a\"}]");
}

TEST(test_pages_without_a_new_name_come_to_an_end)
{
    struct world world;
    begin_world(&world, answer_for_ever);
    struct outcome *outcome = more(&world, "acme", 0);
    assert_ok(visit(&world, "acme", 0));
    uint64_t last = world.positions[0];
    while (outcome->err == ERR_NONE && asked(&world) < 100) {
        outcome = more(&world, "acme", last);
    }
    assert_err(outcome->err, ERR_BAD_ANSWER);
    assert_non_null(strstr(outcome->why.text, "acme"));
    assert_true(asked(&world) < 30);
    assert_err(visit(&world, "acme", 0), ERR_ABSENT);
    end_world(&world);
}

static void answer_broken_then_good(const struct scripted_server *server,
                                    const char *target, struct buffer *out)
{
    if (atomic_load(&turn) == 1 && strstr(target, "cursor=") != NULL) {
        reply(out, 200, "", "{\"error\":\"no list\"}");
    } else {
        answer_pages(server, target, out);
    }
}

TEST(test_after_a_broken_page_a_reader_begins_anew)
{
    struct world world;
    char names[400];
    begin_world(&world, answer_broken_then_good);
    assert_ok(more(&world, "acme", 0)->err);
    assert_ok(visit(&world, "acme", 0));
    assert_err(more(&world, "acme", world.positions[1])->err, ERR_BAD_ANSWER);
    assert_err(visit(&world, "acme", 0), ERR_ABSENT);
    atomic_store(&turn, 2);
    read_all(&world, names);
    assert_string_equal(names, "new a b c d e ");
    end_world(&world);
}

// ---------------------------------------------------------------------------------- heads

static void answer_heads(const struct scripted_server *server, const char *target,
                         struct buffer *out)
{
    (void)server;
    (void)target;
    reply(out, 200, "",
          "[{\"id\":\"acme/a\",\"sha\":\"" SHA_1
          "\",\"lastModified\":\"2026-01-01T00:00:00.000Z\"},"
          "{\"id\":\"acme/forbidden\",\"sha\":\"" SHA_1 "\",\"disabled\":true},"
          "{\"id\":\"acme/empty\",\"sha\":null}]");
}

TEST(test_a_listing_tells_where_its_repositories_stand)
{
    struct world world;
    struct tree_ref ref;
    begin_world(&world, answer_heads);
    assert_false(head_of(&world, "acme/a", INT64_MAX, &ref));
    assert_ok(more(&world, "acme", 0)->err);
    assert_true(head_of(&world, "acme/a", INT64_MAX, &ref));
    assert_int_equal(ref.sha.bytes[0], 0x11);
    assert_int_equal(ref.date_s, 1767225600);
    assert_string_equal(ref.canonical, "acme/a");
    assert_false(head_of(&world, "acme/forbidden", INT64_MAX, &ref)); // ask: it says why
    assert_false(head_of(&world, "acme/empty", INT64_MAX, &ref));
    assert_false(head_of(&world, "acme/other", INT64_MAX, &ref));
    assert_false(head_of(&world, "acme", INT64_MAX, &ref));
    skip_ms(5000);
    assert_true(head_of(&world, "acme/a", 60000, &ref));
    assert_false(head_of(&world, "acme/a", 4000, &ref));
    end_world(&world);
}

TEST(test_another_spelling_of_the_owner_tells_no_heads)
{
    struct world world;
    struct tree_ref ref;
    begin_world(&world, answer_heads);
    assert_ok(more(&world, "ACME", 0)->err);
    assert_ok(visit(&world, "ACME", 0));
    assert_string_equal(world.seen, "a forbidden empty ");
    assert_false(head_of(&world, "ACME/a", INT64_MAX, &ref));
    end_world(&world);
}

// -------------------------------------------------------------------------------- offline

TEST(test_offline_a_listing_is_what_this_token_has_looked_into)
{
    struct world world;
    begin_world(&world, answer_pages);
    look_into(&world.bench, "", REPO_MODEL, "acme/mine");
    look_into(&world.bench, "", REPO_MODEL, "acme/also");
    look_into(&world.bench, "", REPO_MODEL, "acme2/no");
    look_into(&world.bench, "", REPO_DATASET, "acme/data");
    look_into(&world.bench, "0123456789abcdef", REPO_MODEL, "acme/secret");
    hub_set_offline(world.bench.hub.hub, true);
    assert_ok(more(&world, "acme", 0)->err);
    assert_ok(visit(&world, "acme", 0));
    assert_string_equal(world.seen, "also mine ");
    assert_false(world.goes_on);
    assert_ok(more(&world, "nobody", 0)->err);
    assert_ok(visit(&world, "nobody", 0));
    assert_string_equal(world.seen, "");
    assert_int_equal(asked(&world), 0);
    end_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_here_before_it_is_asked_for),
        cmocka_unit_test(test_a_page_is_asked_for_when_a_reader_has_come_to_it),
        cmocka_unit_test(test_a_whole_listing_is_good_for_a_second_a_page_and_then_new),
        cmocka_unit_test(
            test_a_reader_in_the_middle_of_an_older_listing_comes_to_its_end),
        cmocka_unit_test(
            test_a_listing_that_was_left_for_a_minute_goes_on_to_its_end_or_fails),
        cmocka_unit_test(
            test_a_listing_that_was_left_misses_and_repeats_nothing_when_it_has_changed),
        cmocka_unit_test(test_a_name_is_shown_once_and_others_names_never),
        cmocka_unit_test(test_pages_without_a_new_name_come_to_an_end),
        cmocka_unit_test(test_after_a_broken_page_a_reader_begins_anew),
        cmocka_unit_test(test_a_listing_tells_where_its_repositories_stand),
        cmocka_unit_test(test_another_spelling_of_the_owner_tells_no_heads),
        cmocka_unit_test(test_offline_a_listing_is_what_this_token_has_looked_into),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
