// SPDX-License-Identifier: Apache-2.0
// Kernel requests that wait for something that is not on this machine. A FUSE worker parks
// the request and goes back to the kernel; whoever completes the wait takes the request out
// and replies. Interrupts and deadlines take it out too, so there is always one reply and
// never two.
//
//   id = parked_add(...);            from here on the handle may be gone at any moment
//   start what is waited for, with the id in its context
//   ...
//   req = parked_take(parked, id, err);     NULL: somebody else has replied
//   if (req != NULL) { fuse_reply_...(req, ...); parked_replied(parked); }
//
// Any thread, unless it says otherwise.
#pragma once

#include "base/base.h"

#include <stddef.h>

struct fuse_req;
struct parked;
typedef uint64_t parked_id; // never reused while the mount lives; 0 = none

// What is done to a request handle; the session gives libfuse's verbs, tests their own.
struct parked_verbs {
    void (*reply_error)(struct fuse_req *req, enum err err);
    // Arranges for parked_interrupt(id) when the kernel interrupts the request; it may have.
    void (*arm_interrupt)(struct fuse_req *req, uint64_t id);
};

// Told of each request that was answered after having waited (`hugfs trace`).
typedef void (*parked_trace_fn)(void *ctx, const char *operation, uint64_t ino,
                                int64_t waited_ms, enum err err);

// Deadlines are watched on `loop`, which runs later; NULL = call parked_expire() yourself.
NODISCARD enum err parked_new(struct event_loop *loop, const struct parked_verbs *verbs,
                              int64_t timeout_ms, struct parked **out);
// After parked_close() and after the loop has stopped.
void parked_free(struct parked *parked);

// Set before the first request.
void parked_set_trace(struct parked *parked, parked_trace_fn trace, void *ctx);

enum { PARKED_CAN_INTERRUPT = 1, PARKED_IS_READ = 2 };
// Parks a request. `operation` is a static string. 0 = it could not be parked: it is answered
// already, there is nothing left to do.
parked_id parked_add(struct parked *parked, struct fuse_req *req, const char *operation,
                     uint64_t ino, unsigned flags);

// What is held on behalf of a parked request, e.g. another part's wait. `let_go` is called
// once, without a lock, when the request has been taken out; `is_early`: it was answered
// before what it waits for has come, so that may be given up.
struct parked_hold {
    void (*let_go)(void *ctx, uint64_t ticket, bool is_early);
    void *ctx;
    uint64_t ticket;
};
// In place of what it held before. At once let go when the request has been taken out
// already.
void parked_set_hold(struct parked *parked, parked_id id, const struct parked_hold *hold);

// Takes the request out to answer it with `err` (for the trace). The caller replies, then
// calls parked_replied(). NULL: it has been answered.
struct fuse_req *parked_take(struct parked *parked, parked_id id, enum err err);
// The same for one that never had to wait: it is not traced.
struct fuse_req *parked_withdraw(struct parked *parked, parked_id id);
void parked_replied(struct parked *parked);

// The kernel asks to give the request up: it is answered with EINTR, if it is still there.
void parked_interrupt(struct parked *parked, parked_id id);

// Answers everything with ECANCELED, waits for replies that are being written, and refuses
// new requests.
void parked_close(struct parked *parked);

// Answers what is overdue at `now_ms` with ETIMEDOUT; returns the next deadline.
int64_t parked_expire(struct parked *parked, int64_t now_ms);

// How many wait, and how many of them are reads.
void parked_count(struct parked *parked, uint32_t *out_all, uint32_t *out_reads);
