// SPDX-License-Identifier: Apache-2.0
// Tells that pieces of a file are in the store now: to the store (which remembers pieces of
// Xet files), to the piece map, and to the reads that wait for them.
#pragma once

#include "xet/engine.h"

enum { PUBLISH_MAX = 64 };

// Pieces collected until there are PUBLISH_MAX or publish_flush() is called.
struct publisher {
    struct xet_file *file;
    bool is_ahead; // nobody has asked for them yet
    size_t n;
    struct piece pieces[PUBLISH_MAX];
};

void publish_piece(struct publisher *publisher, const struct piece *piece);
void publish_flush(struct publisher *publisher);
