// SPDX-License-Identifier: Apache-2.0
// Notices a reader that goes through the small files of a commit (`cp -r`, `grep -r`, an import of a
// code repository): three of them that had to be fetched within ten seconds. Pure.
#pragma once

#include "base/base.h"

enum {
    SMALL_COMMITS = 16, // that are remembered
    // That are brought whole at the same time: each takes up to 40 MB while it is (the answer, and
    // what it unpacks to).
    SMALL_AT_ONCE = 2,
};

enum small_advice {
    SMALL_ALONE, // fetch this one
    SMALL_TOGETHER, // fetch all of the commit, then small_watch_over(): told once in ten minutes
    SMALL_SIBLINGS, // that did not work, or can't be done now: fetch the next ones of the folder
};

// How what SMALL_TOGETHER advised has ended.
enum small_end {
    SMALL_BROUGHT,
    SMALL_FAILED, // and would again
    SMALL_LATER,  // it may be advised again soon
};

struct small_commit {
    int64_t row; // of the repository; 0 = free
    struct oid commit;
    uint64_t inos[2]; // of the first files
    unsigned n_files; // counted as far as it matters
    int64_t first_ms;
    bool is_asked;
    bool has_failed;
    uint64_t used; // turn of the last use
};

// Zero is empty.
struct small_watch {
    struct small_commit commits[SMALL_COMMITS];
    uint64_t turn;
    unsigned n_under_way;
};

// A small file had to be fetched.
enum small_advice small_watch_note(struct small_watch *watch, int64_t row,
                                   const struct oid *commit, uint64_t ino,
                                   int64_t now_ms);
// What SMALL_TOGETHER advised is over; once for each time.
void small_watch_over(struct small_watch *watch, int64_t row, const struct oid *commit,
                      enum small_end end);
