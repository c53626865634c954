// SPDX-License-Identifier: Apache-2.0
// What is pinned, in memory: asked at every put, so that pinned runs go straight into pinned
// segments.
#pragma once

#include "cache/store_limits.h"

struct pin_set;

NODISCARD enum err pin_set_new(struct pin_set **out);
void pin_set_free(struct pin_set *set);

bool pin_set_has_content(struct pin_set *set, const struct digest *content);
// Whether any of the chunks belongs to a pinned content.
bool pin_set_covers(struct pin_set *set, const struct object_id *object, uint32_t first,
                    uint32_t n);

// Changes: contents and the chunk ranges of their pieces.
NODISCARD enum err pin_set_add_content(struct pin_set *set, const struct digest *content);
NODISCARD enum err pin_set_add_range(struct pin_set *set, const struct object_id *object,
                                     uint32_t first, uint32_t n);
void pin_set_clear(struct pin_set *set);
// Puts the content of `from` in place of that of `set`; `from` is left empty.
void pin_set_swap(struct pin_set *set, struct pin_set *from);
