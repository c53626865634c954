// SPDX-License-Identifier: Apache-2.0
// What this mount has committed, or may have: so that it is not taken for somebody else's. Three
// memories of bounded size:
//
//   steps     commits that are ours: between two of them nobody else has changed anything
//   sent      what was sent for a path and may come to stand there, however late
//   brought   what commits of ours have put
#pragma once

#include "base/base.h"

enum { COMMIT_STEPS_MAX = 256, COMMIT_MARKS_MAX = 1024 };

struct commit_step {
    struct oid parent;
    struct oid child;
};
struct commit_mark {
    char *path;  // malloc'd; NULL = none
    bool exists; // false: it was deleted
    struct oid oid;
};
struct commit_marks {
    struct commit_mark list[COMMIT_MARKS_MAX];
    size_t n; // ever
};
// Zeroed = empty. One thread at a time.
struct commit_own {
    struct commit_step steps[COMMIT_STEPS_MAX];
    size_t n_steps; // ever
    struct commit_marks sent;
    struct commit_marks brought;
};

void commit_own_release(struct commit_own *own);
void commit_own_note_step(struct commit_own *own, const struct oid *parent,
                          const struct oid *child);
// Whether every commit from `from` to `to` is ours.
bool commit_own_leads(const struct commit_own *own, const struct oid *from,
                      const struct oid *to);
// `oid` NULL = it was deleted. What there is no memory for is not remembered.
void commit_own_note_sent(struct commit_own *own, const char *path,
                          const struct oid *oid);
// The newest mark of just this was for nothing; what was sent before it may still come.
void commit_own_take_back(struct commit_own *own, const char *path,
                          const struct oid *oid);
// The path is known to have what was sent last: the marks of it say nothing any more.
void commit_own_forget_sent(struct commit_own *own, const char *path);
bool commit_own_has_sent(const struct commit_own *own, const char *path,
                         const struct oid *oid);
void commit_own_note_brought(struct commit_own *own, const char *path,
                             const struct oid *oid);
bool commit_own_has_brought(const struct commit_own *own, const char *path,
                            const struct oid *oid);
