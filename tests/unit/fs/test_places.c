// SPDX-License-Identifier: Apache-2.0
// Tags of places: one a root and name, as long as the kernel remembers it, never two at a time.
#include "fs/places.h"

#include "fs/ino.h"
#include "tests/unit/unit_test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { OWNER = 7, OTHER_OWNER = 8, N_TAGS = 1 << 18 };

static const uint64_t root = INO_STORED_FIRST + 5;
static const uint64_t other_root = INO_STORED_FIRST + 6;

static uint64_t enter_at(struct places *places, uint64_t parent, const char *name,
                         uint64_t of_root)
{
    struct place place = {.kind = PLACE_REPOSITORY, .root = of_root, .revision = "main"};
    uint64_t ino = 0;
    assert_ok(places_enter(places, parent, name, strlen(name), &place, &ino));
    assert_int_equal(ino_node(ino), of_root);
    assert_int_not_equal(ino_tag(ino), 0);
    return ino;
}

static struct places *made(void)
{
    struct places *places = NULL;
    assert_ok(places_new(&places));
    return places;
}

TEST(test_a_root_keeps_its_number_while_the_kernel_remembers_it)
{
    struct places *places = made();
    uint64_t ino = enter_at(places, OWNER, "m", root);
    assert_int_equal(enter_at(places, OWNER, "m", root), ino);
    places_free(places);
}

TEST(test_another_name_parent_or_root_has_another_tag)
{
    struct places *places = made();
    uint64_t inos[] = {
        enter_at(places, OWNER, "m", root),
        enter_at(places, OWNER, "m@main", root),
        enter_at(places, OTHER_OWNER, "m", root),
        enter_at(places, OWNER, "m", other_root),
    };
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(ino_tag(inos[i]), ino_tag(inos[j]));
        }
    }
    places_free(places);
}

TEST(test_every_folder_below_a_root_lies_in_its_place)
{
    struct places *places = made();
    struct place place;
    uint64_t ino = enter_at(places, OWNER, "m@main", root);
    uint64_t folder = ino_tagged(ino_tag(ino), INO_STORED_FIRST + 99);
    assert_true(places_get(places, folder, &place));
    assert_int_equal(place.root, root);
    assert_int_equal(place.kind, PLACE_REPOSITORY);
    assert_string_equal(place.revision, "main");
    assert_false(places_get(places, INO_STORED_FIRST + 99, &place));
    assert_false(places_get(places, ino_tagged(ino_tag(ino) + 1, root), &place));
    places_free(places);
}

TEST(test_a_place_is_gone_when_every_lookup_of_its_root_is_forgotten)
{
    struct places *places = made();
    struct place place;
    uint64_t ino = enter_at(places, OWNER, "m", root);
    enter_at(places, OWNER, "m", root);
    enter_at(places, OWNER, "m", root);
    places_forget(places, ino, 1);
    assert_true(places_get(places, ino, &place));
    places_forget(places, ino, 2);
    assert_false(places_get(places, ino, &place));
    places_forget(places, ino, 5); // too late, and harmless
    places_free(places);
}

TEST(test_folders_and_files_below_a_root_are_not_counted)
{
    struct places *places = made();
    struct place place;
    uint64_t ino = enter_at(places, OWNER, "m", root);
    places_forget(places, ino_tagged(ino_tag(ino), INO_STORED_FIRST + 99), 1);
    places_forget(places, root, 1);
    places_forget(places, OWNER, 1);
    assert_true(places_get(places, ino, &place));
    places_free(places);
}

TEST(test_a_renewed_root_gets_a_new_number_and_keeps_the_old_one)
{
    struct places *places = made();
    struct place place;
    uint64_t old = enter_at(places, OWNER, "m", root);
    uint64_t other = enter_at(places, OWNER, "x", other_root);
    places_renew(places, root);
    uint64_t new = enter_at(places, OWNER, "m", root);
    assert_int_not_equal(ino_tag(old), ino_tag(new));
    assert_int_equal(enter_at(places, OWNER, "m", root), new);
    assert_int_equal(enter_at(places, OWNER, "x", other_root), other);
    assert_true(places_get(places, old, &place));
    places_forget(places, old, 1);
    assert_false(places_get(places, old, &place));
    assert_true(places_get(places, new, &place));
    assert_int_equal(enter_at(places, OWNER, "m", root), new);
    places_free(places);
}

TEST(test_a_root_can_be_renewed_twice_and_forgotten_in_any_order)
{
    struct places *places = made();
    struct place place;
    uint64_t inos[3];
    for (size_t i = 0; i < 3; i++) {
        inos[i] = enter_at(places, OWNER, "m", root);
        places_renew(places, root);
        places_renew(places, root);
    }
    places_forget(places, inos[2], 1);
    places_forget(places, inos[0], 1);
    assert_true(places_get(places, inos[1], &place));
    places_forget(places, inos[1], 1);
    assert_false(places_get(places, inos[1], &place));
    places_free(places);
}

TEST(test_a_name_may_have_255_bytes_and_no_more)
{
    struct places *places = made();
    char name[NAME_BYTES_MAX + 2];
    struct place place = {.root = root};
    uint64_t ino = 0;
    memset(name, 'n', sizeof(name));
    assert_ok(places_enter(places, OWNER, name, NAME_BYTES_MAX, &place, &ino));
    assert_err(places_enter(places, OWNER, name, NAME_BYTES_MAX + 1, &place, &ino),
               ERR_NAME_TOO_LONG);
    places_free(places);
}

// Running out of tags is an error, never a tag that two places have.
TEST(test_more_places_than_tags_is_an_error_and_one_forgotten_makes_room)
{
    struct places *places = made();
    struct place place = {.root = root};
    struct place kept;
    uint64_t ino = 0;
    uint64_t some = 0;
    for (uint64_t parent = 1; parent < N_TAGS; parent++) {
        assert_ok(places_enter(places, parent, "m", 1, &place, &ino));
        some = parent == 1000 ? ino : some;
    }
    assert_err(places_enter(places, N_TAGS, "m", 1, &place, &ino), ERR_NO_MEMORY);
    assert_ok(places_enter(places, 1000, "m", 1, &place, &ino)); // is there already
    assert_int_equal(ino, some);
    places_forget(places, some, 2);
    assert_false(places_get(places, some, &kept));
    assert_ok(places_enter(places, N_TAGS, "m", 1, &place, &ino));
    assert_int_equal(ino_tag(ino), ino_tag(some));
    places_free(places);
}

struct worker {
    struct places *places;
    unsigned number;
};

static void *enter_and_forget(void *ctx)
{
    const struct worker *worker = ctx;
    struct place place = {.root = root};
    struct place got;
    char name[8];
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t ino = 0;
        int n = snprintf(name, sizeof(name), "m%u", (i + worker->number) % 5);
        if (places_enter(worker->places, OWNER, name, (size_t)n, &place, &ino) !=
                ERR_NONE ||
            !places_get(worker->places, ino, &got)) {
            return ctx;
        }
        if (i % 97 == 0) {
            places_renew(worker->places, root);
        }
        places_forget(worker->places, ino, 1);
    }
    return NULL;
}

TEST(test_a_place_lives_while_one_of_several_threads_has_it)
{
    struct places *places = made();
    struct worker workers[4];
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = (struct worker){places, i};
        assert_int_equal(pthread_create(&threads[i], NULL, enter_and_forget, &workers[i]),
                         0);
    }
    for (unsigned i = 0; i < 4; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    places_free(places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_root_keeps_its_number_while_the_kernel_remembers_it),
        cmocka_unit_test(test_another_name_parent_or_root_has_another_tag),
        cmocka_unit_test(test_every_folder_below_a_root_lies_in_its_place),
        cmocka_unit_test(test_a_place_is_gone_when_every_lookup_of_its_root_is_forgotten),
        cmocka_unit_test(test_folders_and_files_below_a_root_are_not_counted),
        cmocka_unit_test(test_a_renewed_root_gets_a_new_number_and_keeps_the_old_one),
        cmocka_unit_test(test_a_root_can_be_renewed_twice_and_forgotten_in_any_order),
        cmocka_unit_test(test_a_name_may_have_255_bytes_and_no_more),
        cmocka_unit_test(
            test_more_places_than_tags_is_an_error_and_one_forgotten_makes_room),
        cmocka_unit_test(test_a_place_lives_while_one_of_several_threads_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
