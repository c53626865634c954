// SPDX-License-Identifier: Apache-2.0
// One turn of the loop: wait for descriptors no longer than the first timer allows, call
// their functions, then what was posted, then the timers that are due.
//
// Posting swaps one array for another, so that a poster holds the lock for one store, and
// writes the eventfd only when the array was empty: a burst of posts wakes the loop once.
//
// A watch that is freed may still have events in the batch that epoll_wait() returned, so
// its memory lives until the turn ends.

#include "base/event_loop.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/timer_heap.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS_PER_TURN = 64, FIRST_NOTES = 64 };

struct note {
    loop_fn fn;
    void *ctx;
};

struct notes {
    struct note *items;
    size_t count;
    size_t capacity;
};

struct event_loop {
    int epoll_fd;
    int wake_fd;               // eventfd; its epoll data is NULL
    _Atomic(pthread_t) thread; // 0 while the loop does not run
    struct timer_heap timers;
    struct loop_watch *freed; // this turn
    struct notes spare;       // the array that is not `posted`

    struct lock lock;
    struct notes posted GUARDED_BY(lock);
    bool stop GUARDED_BY(lock);
};

struct loop_watch {
    struct event_loop *loop;
    loop_fd_fn fn; // NULL once freed
    void *ctx;
    int fd;
    struct loop_watch *next_freed;
};

struct loop_timer {
    struct timer_node node; // first: a node in the heap is a timer
    struct event_loop *loop;
    loop_fn fn;
    void *ctx;
};

static enum err open_descriptors(struct event_loop *loop)
{
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll_fd < 0 || loop->wake_fd < 0) {
        return err_from_errno(errno);
    }
    struct epoll_event wake = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &wake) != 0) {
        return err_from_errno(errno);
    }
    return ERR_NONE;
}

enum err event_loop_new(struct event_loop **out)
{
    struct event_loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL) {
        return ERR_NO_MEMORY;
    }
    lock_init(&loop->lock);
    enum err err = open_descriptors(loop);
    if (err != ERR_NONE) {
        event_loop_free(loop);
        return err;
    }
    *out = loop;
    return ERR_NONE;
}

static void free_watches(struct event_loop *loop)
{
    while (loop->freed != NULL) {
        struct loop_watch *watch = loop->freed;
        loop->freed = watch->next_freed;
        free(watch);
    }
}

void event_loop_free(struct event_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    free_watches(loop);
    timer_heap_release(&loop->timers);
    free(loop->spare.items);
    free(loop->posted.items);
    if (loop->wake_fd >= 0) {
        close(loop->wake_fd);
    }
    if (loop->epoll_fd >= 0) {
        close(loop->epoll_fd);
    }
    lock_destroy(&loop->lock);
    free(loop);
}

bool event_loop_is_current(const struct event_loop *loop)
{
    return atomic_load(&loop->thread) == pthread_self();
}

static void wake(struct event_loop *loop)
{
    uint64_t one = 1;
    // It fails only when the counter is full, and then the loop is awake anyway.
    while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

void event_loop_post(struct event_loop *loop, loop_fn fn, void *ctx)
{
    lock_acquire(&loop->lock);
    struct notes *posted = &loop->posted;
    if (posted->count == posted->capacity) {
        size_t capacity = posted->capacity == 0 ? FIRST_NOTES : posted->capacity * 2;
        struct note *items = reallocarray(posted->items, capacity, sizeof(*items));
        if (items == NULL) {
            abort(); // a lost note is a request that is never answered
        }
        posted->items = items;
        posted->capacity = capacity;
    }
    posted->items[posted->count++] = (struct note){fn, ctx};
    if (posted->count == 1) {
        wake(loop); // under the lock: once released, the note may end and free the loop
    }
    lock_release(&loop->lock);
}

void event_loop_stop(struct event_loop *loop)
{
    lock_acquire(&loop->lock);
    loop->stop = true;
    wake(loop);
    lock_release(&loop->lock);
}

// Calls what was posted. Whether the loop shall stop: asked together with taking the notes,
// so everything from before the stop is among them.
static bool run_posted(struct event_loop *loop)
{
    lock_acquire(&loop->lock);
    struct notes taken = loop->posted;
    bool stop = loop->stop;
    loop->posted = loop->spare;
    loop->stop = false;
    lock_release(&loop->lock);
    for (size_t i = 0; i < taken.count; i++) {
        taken.items[i].fn(taken.items[i].ctx);
    }
    taken.count = 0;
    loop->spare = taken;
    return stop;
}

// At most as many as are set now: a timer that sets itself to "now" has to wait for the next
// turn, or descriptors would starve.
static void run_timers(struct event_loop *loop)
{
    int64_t now_ms = clock_now_ms();
    for (size_t left = loop->timers.count; left > 0; left--) {
        struct timer_node *first = timer_heap_first(&loop->timers);
        if (first == NULL || first->at_ms > now_ms) {
            return;
        }
        timer_heap_remove(&loop->timers, first);
        struct loop_timer *timer = (struct loop_timer *)first;
        timer->fn(timer->ctx); // may free the timer
    }
}

static int wait_ms(const struct event_loop *loop)
{
    const struct timer_node *first = timer_heap_first(&loop->timers);
    if (first == NULL) {
        return -1;
    }
    int64_t left_ms = first->at_ms - clock_now_ms();
    if (left_ms <= 0) {
        return 0;
    }
    return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

static void run_events(struct event_loop *loop)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, wait_ms(loop));
    for (int i = 0; i < count; i++) {
        struct loop_watch *watch = events[i].data.ptr;
        if (watch == NULL) {
            uint64_t ignored = 0;
            while (read(loop->wake_fd, &ignored, sizeof(ignored)) < 0 && errno == EINTR) {
            }
        } else if (watch->fn != NULL) {
            watch->fn(watch->ctx, watch->fd, events[i].events);
        }
    }
}

void event_loop_run(struct event_loop *loop)
{
    atomic_store(&loop->thread, pthread_self());
    bool stop = false;
    while (!stop) {
        run_events(loop);
        stop = run_posted(loop);
        run_timers(loop);
        free_watches(loop);
    }
    atomic_store(&loop->thread, (pthread_t)0);
}

enum err event_loop_watch(struct event_loop *loop, int fd, uint32_t events, loop_fd_fn fn,
                          void *ctx, struct loop_watch **out)
{
    struct loop_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        return ERR_NO_MEMORY;
    }
    *watch = (struct loop_watch){.loop = loop, .fn = fn, .ctx = ctx, .fd = fd};
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        enum err err = err_from_errno(errno);
        free(watch);
        return err;
    }
    *out = watch;
    return ERR_NONE;
}

enum err loop_watch_change(struct loop_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) != 0) {
        return err_from_errno(errno);
    }
    return ERR_NONE;
}

void loop_watch_free(struct loop_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    // A descriptor that its owner closed first has left the set by itself: no error.
    epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->fn = NULL;
    watch->next_freed = watch->loop->freed;
    watch->loop->freed = watch;
}

struct loop_timer *loop_timer_new(struct event_loop *loop, loop_fn fn, void *ctx)
{
    struct loop_timer *timer = calloc(1, sizeof(*timer));
    if (timer == NULL || timer_heap_promise(&loop->timers) != ERR_NONE) {
        free(timer);
        return NULL;
    }
    *timer = (struct loop_timer){.loop = loop, .fn = fn, .ctx = ctx};
    return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t at_ms)
{
    timer_heap_set(&timer->loop->timers, &timer->node, at_ms);
}

void loop_timer_clear(struct loop_timer *timer)
{
    timer_heap_remove(&timer->loop->timers, &timer->node);
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer == NULL) {
        return;
    }
    loop_timer_clear(timer);
    timer_heap_unpromise(&timer->loop->timers);
    free(timer);
}
