// SPDX-License-Identifier: Apache-2.0

#include "base/clock.h"
#include "base/event_loop.h"
#include "tests/unit/unit_test.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

// What the callbacks of a test see.
struct scene {
    struct event_loop *loop;
    struct loop_timer *timers[3];
    struct loop_watch *watches[2];
    char heard[32]; // a letter for each callback
    size_t count;
    int pipe[2];
};

static void hear(struct scene *scene, char letter)
{
    assert_true(scene->count < sizeof(scene->heard) - 1);
    scene->heard[scene->count++] = letter;
}

static void hear_a(void *ctx)
{
    hear(ctx, 'a');
}

static void hear_b(void *ctx)
{
    hear(ctx, 'b');
}

static void stop(void *ctx)
{
    struct scene *scene = ctx;
    event_loop_stop(scene->loop);
}

static void open_scene(struct scene *scene)
{
    *scene = (struct scene){0};
    assert_ok(event_loop_new(&scene->loop));
    assert_int_equal(pipe(scene->pipe), 0);
}

static void close_scene(struct scene *scene)
{
    for (size_t i = 0; i < 3; i++) {
        loop_timer_free(scene->timers[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        loop_watch_free(scene->watches[i]);
    }
    close(scene->pipe[0]);
    close(scene->pipe[1]);
    event_loop_free(scene->loop);
}

TEST(test_notes_are_called_in_order_and_all_that_came_before_the_stop)
{
    struct scene scene;
    open_scene(&scene);
    for (int i = 0; i < 10; i++) {
        event_loop_post(scene.loop, i % 3 == 0 ? hear_a : hear_b, &scene);
    }
    event_loop_stop(scene.loop);
    event_loop_run(scene.loop);
    assert_string_equal(scene.heard, "abbabbabba");
    close_scene(&scene);
}

static void post_again(void *ctx)
{
    struct scene *scene = ctx;
    hear(scene, 'p');
    event_loop_post(scene->loop, scene->count < 5 ? post_again : stop, scene);
}

TEST(test_a_note_may_post_the_next_one)
{
    struct scene scene;
    open_scene(&scene);
    event_loop_post(scene.loop, post_again, &scene);
    event_loop_run(scene.loop);
    assert_string_equal(scene.heard, "ppppp");
    close_scene(&scene);
}

TEST(test_a_loop_can_run_again_after_a_stop)
{
    struct scene scene;
    open_scene(&scene);
    event_loop_stop(scene.loop);
    event_loop_run(scene.loop);
    event_loop_post(scene.loop, hear_a, &scene);
    event_loop_stop(scene.loop);
    event_loop_run(scene.loop);
    assert_string_equal(scene.heard, "a");
    close_scene(&scene);
}

static void ask_whether_current(void *ctx)
{
    struct scene *scene = ctx;
    hear(scene, event_loop_is_current(scene->loop) ? 'y' : 'n');
}

TEST(test_only_the_thread_that_runs_the_loop_is_current)
{
    struct scene scene;
    open_scene(&scene);
    assert_false(event_loop_is_current(scene.loop));
    event_loop_post(scene.loop, ask_whether_current, &scene);
    event_loop_stop(scene.loop);
    event_loop_run(scene.loop);
    assert_string_equal(scene.heard, "y");
    close_scene(&scene);
}

TEST(test_timers_fire_in_order_of_time_and_not_of_setting)
{
    struct scene scene;
    open_scene(&scene);
    scene.timers[0] = loop_timer_new(scene.loop, stop, &scene);
    scene.timers[1] = loop_timer_new(scene.loop, hear_b, &scene);
    scene.timers[2] = loop_timer_new(scene.loop, hear_a, &scene);
    int64_t now_ms = clock_now_ms();
    loop_timer_set(scene.timers[0], now_ms + 30);
    loop_timer_set(scene.timers[1], now_ms + 20);
    loop_timer_set(scene.timers[2], now_ms + 10);
    event_loop_run(scene.loop);
    assert_string_equal(scene.heard, "ab");
    assert_true(clock_now_ms() >= now_ms + 30);
    close_scene(&scene);
}

TEST(test_a_timer_that_is_set_anew_or_cleared_forgets_its_old_time)
{
    struct scene scene;
    open_scene(&scene);
    scene.timers[0] = loop_timer_new(scene.loop, hear_a, &scene);
    scene.timers[1] = loop_timer_new(scene.loop, hear_b, &scene);
    scene.timers[2] = loop_timer_new(scene.loop, stop, &scene);
    int64_t now_ms = clock_now_ms();
    loop_timer_set(scene.timers[0], now_ms + 1);
    loop_timer_set(scene.timers[0], now_ms + 1000000);
    loop_timer_set(scene.timers[1], now_ms + 1);
    loop_timer_clear(scene.timers[1]);
    loop_timer_clear(scene.timers[1]);
    loop_timer_set(scene.timers[2], now_ms + 10);
    event_loop_run(scene.loop);
    assert_string_equal(scene.heard, "");
    close_scene(&scene);
}

static void set_again_at_once(void *ctx)
{
    struct scene *scene = ctx;
    if (scene->count < 20) {
        hear(scene, 't');
    }
    loop_timer_set(scene->timers[0], clock_now_ms());
}

static void read_and_stop(void *ctx, int fd, uint32_t events)
{
    char byte = 0;
    assert_true((events & EPOLLIN) != 0);
    assert_int_equal(read(fd, &byte, 1), 1);
    hear(ctx, byte);
    stop(ctx);
}

TEST(test_a_timer_that_is_always_due_does_not_starve_descriptors)
{
    struct scene scene;
    open_scene(&scene);
    scene.timers[0] = loop_timer_new(scene.loop, set_again_at_once, &scene);
    loop_timer_set(scene.timers[0], 0);
    assert_ok(event_loop_watch(scene.loop, scene.pipe[0], EPOLLIN, read_and_stop, &scene,
                               &scene.watches[0]));
    assert_int_equal(write(scene.pipe[1], "x", 1), 1);
    event_loop_run(scene.loop);
    assert_string_equal(scene.heard, "xt");
    close_scene(&scene);
}

static void free_own_timer(void *ctx)
{
    struct scene *scene = ctx;
    loop_timer_free(scene->timers[0]);
    scene->timers[0] = NULL;
    stop(scene);
}

TEST(test_a_timer_may_free_itself)
{
    struct scene scene;
    open_scene(&scene);
    scene.timers[0] = loop_timer_new(scene.loop, free_own_timer, &scene);
    loop_timer_set(scene.timers[0], 0);
    event_loop_run(scene.loop);
    close_scene(&scene);
}

TEST(test_a_watch_can_be_silenced_and_woken)
{
    struct scene scene;
    open_scene(&scene);
    assert_ok(event_loop_watch(scene.loop, scene.pipe[0], 0, read_and_stop, &scene,
                               &scene.watches[0]));
    assert_int_equal(write(scene.pipe[1], "xy", 2), 2);
    event_loop_stop(scene.loop);
    event_loop_run(scene.loop);
    assert_string_equal(scene.heard, "");
    assert_ok(loop_watch_change(scene.watches[0], EPOLLIN));
    event_loop_run(scene.loop);
    assert_string_equal(scene.heard, "x");
    close_scene(&scene);
}

static void free_both_watches(void *ctx, int fd, uint32_t events)
{
    struct scene *scene = ctx;
    (void)fd;
    (void)events;
    hear(scene, 'w');
    for (size_t i = 0; i < 2; i++) {
        loop_watch_free(scene->watches[i]);
        scene->watches[i] = NULL;
    }
}

TEST(test_a_freed_watch_is_not_called_even_for_events_that_are_pending)
{
    struct scene scene;
    open_scene(&scene);
    int other[2];
    assert_int_equal(pipe(other), 0);
    assert_ok(event_loop_watch(scene.loop, scene.pipe[0], EPOLLIN, free_both_watches,
                               &scene, &scene.watches[0]));
    assert_ok(event_loop_watch(scene.loop, other[0], EPOLLIN, free_both_watches, &scene,
                               &scene.watches[1]));
    assert_int_equal(write(scene.pipe[1], "x", 1) + write(other[1], "x", 1), 2);
    event_loop_post(scene.loop, stop, &scene);
    event_loop_run(scene.loop); // both are ready in the first batch
    assert_string_equal(scene.heard, "w");
    close(other[0]);
    close(other[1]);
    close_scene(&scene);
}

TEST(test_a_descriptor_that_cannot_be_watched_is_an_error)
{
    struct scene scene;
    open_scene(&scene);
    assert_err(event_loop_watch(scene.loop, -1, EPOLLIN, read_and_stop, &scene,
                                &scene.watches[0]),
               ERR_SYSTEM);
    assert_null(scene.watches[0]);
    close_scene(&scene);
}

enum { POSTERS = 4, NOTES_PER_POSTER = 5000 };

struct crowd {
    struct event_loop *loop;
    unsigned long heard; // only the loop's thread touches it
};

static void count_note(void *ctx)
{
    struct crowd *crowd = ctx;
    if (++crowd->heard == (unsigned long)POSTERS * NOTES_PER_POSTER) {
        event_loop_stop(crowd->loop);
    }
}

static void *post_many(void *ctx)
{
    struct crowd *crowd = ctx;
    for (int i = 0; i < NOTES_PER_POSTER; i++) {
        event_loop_post(crowd->loop, count_note, crowd);
    }
    return NULL;
}

TEST(test_no_note_of_many_threads_is_lost)
{
    struct crowd crowd = {0};
    pthread_t threads[POSTERS];
    assert_ok(event_loop_new(&crowd.loop));
    for (int i = 0; i < POSTERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &crowd), 0);
    }
    event_loop_run(crowd.loop);
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(crowd.heard, POSTERS * NOTES_PER_POSTER);
    event_loop_free(crowd.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_notes_are_called_in_order_and_all_that_came_before_the_stop),
        cmocka_unit_test(test_a_note_may_post_the_next_one),
        cmocka_unit_test(test_a_loop_can_run_again_after_a_stop),
        cmocka_unit_test(test_only_the_thread_that_runs_the_loop_is_current),
        cmocka_unit_test(test_timers_fire_in_order_of_time_and_not_of_setting),
        cmocka_unit_test(test_a_timer_that_is_set_anew_or_cleared_forgets_its_old_time),
        cmocka_unit_test(test_a_timer_that_is_always_due_does_not_starve_descriptors),
        cmocka_unit_test(test_a_timer_may_free_itself),
        cmocka_unit_test(test_a_watch_can_be_silenced_and_woken),
        cmocka_unit_test(
            test_a_freed_watch_is_not_called_even_for_events_that_are_pending),
        cmocka_unit_test(test_a_descriptor_that_cannot_be_watched_is_an_error),
        cmocka_unit_test(test_no_note_of_many_threads_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
