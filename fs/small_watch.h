// SPDX-License-Identifier: Apache-2.0
// Notices a reader that goes through the small files of a commit (`cp -r`, `grep -r`, an import of a
// code repository): three of them that had to be fetched within ten seconds. Pure.
#pragma once

#include "base/base.h"

enum { SMALL_COMMITS = 16 }; // that are remembered

enum small_advice {
    SMALL_ALONE,    // fetch this one
    SMALL_TOGETHER, // fetch all of the commit, at once: told once in ten minutes
    SMALL_SIBLINGS, // that did not work: fetch the next ones of the folder
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
};

// A small file had to be fetched.
enum small_advice small_watch_note(struct small_watch *watch, int64_t row,
                                   const struct oid *commit, uint64_t ino,
                                   int64_t now_ms);
// What SMALL_TOGETHER advised could not be done; `is_passing`: it may be advised again soon.
void small_watch_failed(struct small_watch *watch, int64_t row, const struct oid *commit,
                        bool is_passing);
