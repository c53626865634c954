// SPDX-License-Identifier: Apache-2.0
// What each sentence's number refers to is at the top of journal.c.
#include "cache/journal_rules.h"

#define BIT(state) (1u << (state))

// The arrows of the state machine: where each state may go.
static const unsigned arrows[] = {
    [JOURNAL_CLEAN] = BIT(JOURNAL_DIRTY),
    [JOURNAL_DIRTY] = BIT(JOURNAL_SEALED) | BIT(JOURNAL_FAILED),
    [JOURNAL_SEALED] = BIT(JOURNAL_DIRTY) | BIT(JOURNAL_UPLOADING) |
                       BIT(JOURNAL_UPLOADED) | BIT(JOURNAL_CONFLICT) |
                       BIT(JOURNAL_FAILED),
    [JOURNAL_UPLOADING] = BIT(JOURNAL_UPLOADED) | BIT(JOURNAL_SEALED) |
                          BIT(JOURNAL_CONFLICT) | BIT(JOURNAL_FAILED),
    [JOURNAL_UPLOADED] = BIT(JOURNAL_COMMITTING) | BIT(JOURNAL_SEALED) |
                         BIT(JOURNAL_CONFLICT) | BIT(JOURNAL_FAILED),
    [JOURNAL_COMMITTING] = BIT(JOURNAL_COMMITTED) | BIT(JOURNAL_UPLOADED) |
                           BIT(JOURNAL_SEALED) | BIT(JOURNAL_CONFLICT) |
                           BIT(JOURNAL_FAILED),
    [JOURNAL_COMMITTED] = BIT(JOURNAL_CLEAN),
    [JOURNAL_CONFLICT] = BIT(JOURNAL_DIRTY) | BIT(JOURNAL_SEALED),
    [JOURNAL_FAILED] = BIT(JOURNAL_DIRTY) | BIT(JOURNAL_SEALED),
};

static bool is_state(int64_t state)
{
    return state >= 0 && state < (int64_t)(sizeof(arrows) / sizeof(arrows[0]));
}

bool journal_may_move(enum journal_state from, enum journal_state to)
{
    return is_state(from) && is_state(to) && (arrows[from] & BIT(to)) != 0;
}

static bool is_under_way(int64_t state)
{
    return state >= JOURNAL_UPLOADING && state <= JOURNAL_COMMITTING;
}

static bool has_flight(const struct cell *row)
{
    return row[inode_layer(INODE_FLIGHT, LAYER_GENERATION)].number != 0;
}

// Nothing of its staging file counts.
static bool is_without_bytes(const struct cell *layer)
{
    const struct cell *ranges = &layer[LAYER_RANGES];
    return ranges->len == 1 && *(const uint8_t *)ranges->bytes == 0;
}

static int layers_of(const struct cell *row)
{
    return has_flight(row) ? 2 : 1;
}

static const struct cell *layer_of(const struct cell *row, int i)
{
    return row + (i == 0 ? INODE_TOP : INODE_FLIGHT);
}

static bool is_same_content(const struct cell *a, const struct cell *b)
{
    return cell_equal(&a[LAYER_NUMBER], &b[LAYER_NUMBER]) &&
           cell_equal(&a[LAYER_SIZE], &b[LAYER_SIZE]) &&
           cell_equal(&a[LAYER_BELOW_VALID], &b[LAYER_BELOW_VALID]) &&
           cell_equal(&a[LAYER_RANGES], &b[LAYER_RANGES]);
}

// The layer of a row that has this generation; NULL.
static const struct cell *find_layer(const struct cell *row,
                                     const struct cell *generation)
{
    for (int i = 0; i < layers_of(row); i++) {
        if (cell_equal(&layer_of(row, i)[LAYER_GENERATION], generation)) {
            return layer_of(row, i);
        }
    }
    return NULL;
}

static bool was_synced(const struct journal_synced *synced, const struct cell *layer)
{
    for (size_t i = 0; i < synced->n; i++) {
        if (synced->numbers[i] == layer[LAYER_NUMBER].number) {
            return true;
        }
    }
    return is_without_bytes(layer);
}

static const char *check_layer(const struct cell *before, const struct cell *layer,
                               const struct journal_synced *synced)
{
    int64_t state = layer[LAYER_STATE].number;
    if (!is_state(state)) {
        return "there is no such state";
    }
    bool is_safe = state <= JOURNAL_DIRTY || was_synced(synced, layer);
    if (!before) {
        return is_safe ? NULL : "(1) a layer is sealed that was not synced";
    }
    int64_t from = before[LAYER_STATE].number;
    if (is_under_way(from)) {
        if (!is_same_content(before, layer)) {
            return "(3) a generation changed while it was under way";
        }
        return state == from ? NULL
                             : "(8) a layer under way moved without being compared";
    }
    if (state != from &&
        !journal_may_move((enum journal_state)from, (enum journal_state)state)) {
        return "there is no such way from one state to the other";
    }
    is_safe = is_safe || (from > JOURNAL_DIRTY && is_same_content(before, layer));
    return is_safe ? NULL : "(1) a layer is sealed that was not synced";
}

// What two layers of one row must be to each other.
static const char *check_pair(const struct cell *row)
{
    const struct cell *top = row + INODE_TOP;
    const struct cell *flight = row + INODE_FLIGHT;
    if (!has_flight(row)) {
        return NULL;
    }
    if (flight[LAYER_STATE].number < JOURNAL_SEALED) {
        return "(3) the lower layer is not sealed";
    }
    if (is_under_way(top[LAYER_STATE].number)) {
        return "(3) two generations are under way";
    }
    bool is_same_file = top[LAYER_NUMBER].number != 0 &&
                        cell_equal(&top[LAYER_NUMBER], &flight[LAYER_NUMBER]);
    if (is_same_file || top[LAYER_GENERATION].number <= flight[LAYER_GENERATION].number) {
        return "(3) the upper layer is not a new generation";
    }
    return NULL;
}

const char *journal_rule_put(const struct cell *old, const struct cell *row,
                             const struct journal_synced *synced)
{
    if (row[INODE_KIND].number != JOURNAL_FILE) {
        return NULL;
    }
    const char *wrong = check_pair(row);
    for (int i = 0; i < layers_of(row) && !wrong; i++) {
        const struct cell *layer = layer_of(row, i);
        wrong = check_layer(old ? find_layer(old, &layer[LAYER_GENERATION]) : NULL, layer,
                            synced);
    }
    for (int i = 0; old && i < layers_of(old) && !wrong; i++) {
        const struct cell *layer = layer_of(old, i);
        if (layer[LAYER_STATE].number == JOURNAL_COMMITTING &&
            !find_layer(row, &layer[LAYER_GENERATION])) {
            wrong = "(5) a layer vanished while its commit was not answered";
        }
    }
    return wrong;
}

const char *journal_rule_drop(const struct cell *old)
{
    for (int i = 0; old && i < layers_of(old); i++) {
        if (layer_of(old, i)[LAYER_STATE].number == JOURNAL_COMMITTING) {
            return "(5) a file vanished while its commit was not answered";
        }
    }
    return NULL;
}

const char *journal_rule_move(const struct cell *old, enum inode_cell at,
                              enum journal_state to, const struct journal_synced *synced,
                              bool in_batch)
{
    const struct cell *layer = old + at;
    enum journal_state from = (enum journal_state)layer[LAYER_STATE].number;
    if (!journal_may_move(from, to)) {
        return "there is no such way from one state to the other";
    }
    if (from == JOURNAL_DIRTY && to == JOURNAL_SEALED && !was_synced(synced, layer)) {
        return "(1) a layer is sealed that was not synced";
    }
    if (to == JOURNAL_COMMITTING && !in_batch) {
        return "(4) a layer is committed that no stored batch names";
    }
    if (at == INODE_FLIGHT && to < JOURNAL_SEALED) {
        return "(3) the lower layer is not sealed";
    }
    if (at == INODE_TOP && is_under_way(to) && has_flight(old)) {
        return "(3) two generations are under way";
    }
    return NULL;
}

const char *journal_rule_remove_staging(const struct cell *row, uint32_t number)
{
    for (int i = 0; row && i < layers_of(row); i++) {
        const struct cell *layer = layer_of(row, i);
        if (layer[LAYER_NUMBER].number == number && !is_without_bytes(layer) &&
            layer[LAYER_STATE].number != JOURNAL_COMMITTED &&
            layer[LAYER_STATE].number != JOURNAL_CLEAN) {
            return "(2) a staging file is removed that a row still needs";
        }
    }
    return NULL;
}
