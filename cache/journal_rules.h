// SPDX-License-Identifier: Apache-2.0
// The invariants at the top of journal.c as far as the journal can see them: questions without
// side effects. Each returns NULL, or the sentence that says what is wrong.
#pragma once

#include "cache/journal_rows.h"

// Whether a layer may go from one state to the other (equal ones may not).
bool journal_may_move(enum journal_state from, enum journal_state to);

// A row of an inode that replaces `old` (NULL: there was none). `synced` has the numbers of
// the layers whose staging files are synced with this change.
struct journal_synced {
    const uint32_t *numbers;
    size_t n;
};
const char *journal_rule_put(const struct cell *old, const struct cell *row,
                             const struct journal_synced *synced);
// Removing the row altogether.
const char *journal_rule_drop(const struct cell *old);
// Moving the layer whose cells start at `at` (INODE_TOP or INODE_FLIGHT). `in_batch`: a
// stored batch with a parent names it.
const char *journal_rule_move(const struct cell *old, enum inode_cell at,
                              enum journal_state to, const struct journal_synced *synced,
                              bool in_batch);
// Removing a staging file when the row of its inode is as given (NULL: none).
const char *journal_rule_remove_staging(const struct cell *row, uint32_t number);
