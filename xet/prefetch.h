// SPDX-License-Identifier: Apache-2.0
// xet_file_prefetch() for the engine itself: in units of `step` bytes, eight at a time.
#pragma once

#include "xet/engine.h"

enum err prefetch_begin(struct xet_file *file, const struct xet_source *source,
                        uint64_t offset, uint64_t len, enum hub_class class,
                        uint64_t step, xet_ready_fn ready, void *ctx);
