// SPDX-License-Identifier: Apache-2.0
// How far ahead of a sequential reader is asked for. A pure function of what the reader did:
// no clock, no lock, no I/O.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct window {
    uint64_t size;     // bytes ahead of the reader; 0 = not open
    uint64_t grown_at; // bytes the stream had consumed when it last grew
};

// A read of the stream, which has consumed so many bytes before it. `stalled`: it has to
// wait for a unit that is on its way already, so the window was too small.
void window_on_read(struct window *window, uint64_t consumed, bool stalled);

// How large the window is likely to be after the next stall; 0 = it grows no more.
uint64_t window_next(const struct window *window);

// How much one fetch unit of the stream covers.
uint64_t window_unit(const struct window *window);
// And of what is planned for the next window.
uint64_t window_next_unit(const struct window *window);
