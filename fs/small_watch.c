// SPDX-License-Identifier: Apache-2.0
// The commits read lately; the least recently used one makes room. Two files may be all that
// somebody wants; a third one tells that more will follow.
#include "fs/small_watch.h"

enum {
    FILES_LEAST = 3,
    WINDOW_MS = 10000,
    AGAIN_MS = 600000, // what was fetched may have been evicted since
};

static struct small_commit *find_commit(struct small_watch *watch, int64_t row,
                                        const struct oid *commit)
{
    struct small_commit *oldest = &watch->commits[0];
    for (size_t i = 0; i < SMALL_COMMITS; i++) {
        struct small_commit *at = &watch->commits[i];
        if (at->row == row && oid_equal(&at->commit, commit)) {
            return at;
        }
        oldest = at->used < oldest->used ? at : oldest;
    }
    *oldest = (struct small_commit){.row = row, .commit = *commit};
    return oldest;
}

static void note_file(struct small_commit *at, uint64_t ino)
{
    bool is_known = at->n_files >= FILES_LEAST;
    for (unsigned i = 0; i < at->n_files && !is_known; i++) {
        is_known = at->inos[i] == ino;
    }
    if (!is_known && at->n_files < FILES_LEAST - 1) {
        at->inos[at->n_files] = ino;
    }
    at->n_files += !is_known;
}

enum small_advice small_watch_note(struct small_watch *watch, int64_t row,
                                   const struct oid *commit, uint64_t ino, int64_t now_ms)
{
    struct small_commit *at = find_commit(watch, row, commit);
    at->used = ++watch->turn;
    if (at->n_files == 0 ||
        now_ms - at->first_ms >= (at->is_asked ? AGAIN_MS : WINDOW_MS)) {
        *at = (struct small_commit){
            .row = row, .commit = *commit, .first_ms = now_ms, .used = watch->turn};
    }
    note_file(at, ino);
    if (at->has_failed) {
        return SMALL_SIBLINGS;
    }
    if (at->is_asked || at->n_files < FILES_LEAST) {
        return SMALL_ALONE;
    }
    if (watch->n_under_way == SMALL_AT_ONCE) {
        return SMALL_SIBLINGS;
    }
    watch->n_under_way++;
    at->is_asked = true;
    return SMALL_TOGETHER;
}

void small_watch_over(struct small_watch *watch, int64_t row, const struct oid *commit,
                      enum small_end end)
{
    watch->n_under_way--;
    if (end != SMALL_BROUGHT) {
        struct small_commit *at = find_commit(watch, row, commit);
        at->has_failed = end == SMALL_FAILED;
        at->n_files = end == SMALL_LATER ? 0 : at->n_files;
    }
}
