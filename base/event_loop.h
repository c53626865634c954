// SPDX-License-Identifier: Apache-2.0
// The network thread's loop: epoll, timers, and functions posted from other threads through
// an eventfd. hub/ runs its transfers on it and fs/ its control socket.
//
// Only event_loop_post() and event_loop_stop() may be called from other threads; everything
// else belongs to the loop's thread (or happens before event_loop_run()). A callback must
// not block.
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct event_loop;
struct loop_watch; // one watched file descriptor
struct loop_timer;

// `events` are EPOLLIN, EPOLLOUT ...
typedef void (*loop_fd_fn)(void *ctx, int fd, uint32_t events);
typedef void (*loop_fn)(void *ctx);

NODISCARD enum err event_loop_new(struct event_loop **out);
void event_loop_free(struct event_loop *loop);
// Returns after event_loop_stop(). What was posted before the stop has been called.
void event_loop_run(struct event_loop *loop);
void event_loop_stop(struct event_loop *loop);
// Calls fn(ctx) on the loop's thread, in order of posting. Any thread. Never fails: a note
// that is lost would be a request that is never answered, so without memory for it the
// program aborts.
void event_loop_post(struct event_loop *loop, loop_fn fn, void *ctx);
// Whether the caller is the loop's thread.
bool event_loop_is_current(const struct event_loop *loop);

NODISCARD enum err event_loop_watch(struct event_loop *loop, int fd, uint32_t events,
                                    loop_fd_fn fn, void *ctx, struct loop_watch **out);
NODISCARD enum err loop_watch_change(struct loop_watch *watch, uint32_t events);
// The callback is not called any more, not even for events that are already pending.
void loop_watch_free(struct loop_watch *watch);

// A one-shot timer; set it again from its callback to repeat. NULL when out of memory.
struct loop_timer *loop_timer_new(struct event_loop *loop, loop_fn fn, void *ctx);
// `at_ms` is monotonic; it replaces the time set before.
void loop_timer_set(struct loop_timer *timer, int64_t at_ms);
void loop_timer_clear(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);
