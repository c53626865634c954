// SPDX-License-Identifier: Apache-2.0
// Each invariant at the top of journal.c refuses what breaks it, and the debug build stops.
#include "cache/journal_rules.h"
#include "journal_fixture.h"

#include <signal.h>

static const uint8_t some_ranges[] = {1, 0, 10}; // one range: 0-10
static const uint8_t other_ranges[] = {1, 0, 11};
static const uint8_t no_ranges[] = {0};

static void set_layer(struct cell *layer, uint32_t number, uint64_t generation,
                      enum journal_state state)
{
    layer[LAYER_NUMBER] = cell_number(number);
    layer[LAYER_STATE] = cell_signed((int64_t)state);
    layer[LAYER_GENERATION] = cell_number(generation);
    layer[LAYER_SIZE] = cell_number(10);
    layer[LAYER_RANGES] = generation ? cell_bytes(some_ranges, sizeof(some_ranges))
                                     : cell_bytes(no_ranges, sizeof(no_ranges));
}

struct row {
    struct cell cells[INODE_CELLS];
};

static struct row row(enum journal_state state)
{
    struct row row = {{{0}}};
    row.cells[INODE_KIND] = cell_signed(JOURNAL_FILE);
    set_layer(row.cells + INODE_TOP, 1, 1, state);
    set_layer(row.cells + INODE_FLIGHT, 0, 0, JOURNAL_CLEAN);
    return row;
}

// A second generation over the first.
static struct row row_over(enum journal_state top, enum journal_state flight)
{
    struct row over = row(flight);
    set_layer(over.cells + INODE_FLIGHT, 1, 1, flight);
    set_layer(over.cells + INODE_TOP, 2, 2, top);
    return over;
}

static const struct journal_synced nothing = {NULL, 0};
static const uint32_t first_two[] = {1, 2};
static const struct journal_synced synced = {first_two, 2};

static void assert_rule(const char *wrong, const char *number)
{
    assert_non_null(wrong);
    assert_memory_equal(wrong, number, strlen(number));
}

TEST(test_1_sealed_is_synced)
{
    struct row sealed = row(JOURNAL_SEALED);
    struct row dirty = row(JOURNAL_DIRTY);
    assert_rule(journal_rule_put(NULL, sealed.cells, &nothing), "(1)");
    assert_rule(journal_rule_put(dirty.cells, sealed.cells, &nothing), "(1)");
    assert_null(journal_rule_put(dirty.cells, sealed.cells, &synced));
    assert_null(journal_rule_put(sealed.cells, sealed.cells, &nothing));
    assert_null(journal_rule_put(NULL, dirty.cells, &nothing));
    struct row grown = sealed;
    grown.cells[inode_layer(INODE_TOP, LAYER_RANGES)] = cell_bytes(other_ranges, 3);
    assert_rule(journal_rule_put(sealed.cells, grown.cells, &nothing), "(1)");
    assert_rule(journal_rule_move(dirty.cells, INODE_TOP, JOURNAL_SEALED, &nothing, true),
                "(1)");
    assert_null(journal_rule_move(dirty.cells, INODE_TOP, JOURNAL_SEALED, &synced, true));
    // What has no bytes has nothing to sync.
    sealed.cells[inode_layer(INODE_TOP, LAYER_RANGES)] = cell_bytes(no_ranges, 1);
    assert_null(journal_rule_put(NULL, sealed.cells, &nothing));
}

TEST(test_2_staging_stays_while_a_row_needs_it)
{
    for (enum journal_state state = JOURNAL_DIRTY; state <= JOURNAL_FAILED; state++) {
        struct row some = row(state);
        const char *wrong = journal_rule_remove_staging(some.cells, 1);
        if (state == JOURNAL_COMMITTED) {
            assert_null(wrong);
        } else {
            assert_rule(wrong, "(2)");
        }
        assert_null(journal_rule_remove_staging(some.cells, 2));
    }
    assert_null(journal_rule_remove_staging(NULL, 1));
    struct row over = row_over(JOURNAL_DIRTY, JOURNAL_COMMITTING);
    assert_rule(journal_rule_remove_staging(over.cells, 1), "(2)");
}

TEST(test_3_what_is_under_way_stays_as_it_is)
{
    for (enum journal_state state = JOURNAL_UPLOADING; state <= JOURNAL_COMMITTING;
         state++) {
        struct row old = row(state);
        struct row grown = old;
        grown.cells[inode_layer(INODE_TOP, LAYER_SIZE)] = cell_number(11);
        assert_rule(journal_rule_put(old.cells, grown.cells, &synced), "(3)");
        struct row over = row_over(JOURNAL_DIRTY, state);
        assert_null(journal_rule_put(old.cells, over.cells, &nothing));
        over.cells[inode_layer(INODE_FLIGHT, LAYER_RANGES)] = cell_bytes(other_ranges, 3);
        assert_rule(journal_rule_put(old.cells, over.cells, &synced), "(3)");
    }
    // In place before that.
    struct row sealed = row(JOURNAL_SEALED);
    struct row grown = row(JOURNAL_SEALED);
    grown.cells[inode_layer(INODE_TOP, LAYER_RANGES)] = cell_bytes(other_ranges, 3);
    assert_null(journal_rule_put(sealed.cells, grown.cells, &synced));
}

TEST(test_3_one_generation_is_under_way)
{
    struct row over = row_over(JOURNAL_SEALED, JOURNAL_UPLOADING);
    assert_rule(
        journal_rule_move(over.cells, INODE_TOP, JOURNAL_UPLOADING, &synced, true),
        "(3)");
    assert_null(
        journal_rule_move(over.cells, INODE_FLIGHT, JOURNAL_UPLOADED, &synced, true));
    over = row_over(JOURNAL_UPLOADING, JOURNAL_UPLOADING);
    assert_rule(journal_rule_put(NULL, over.cells, &synced), "(3)");
    over = row_over(JOURNAL_DIRTY, JOURNAL_DIRTY);
    assert_rule(journal_rule_put(NULL, over.cells, &synced), "(3)");
    over = row_over(JOURNAL_DIRTY, JOURNAL_SEALED);
    over.cells[inode_layer(INODE_TOP, LAYER_NUMBER)] = cell_number(1);
    assert_rule(journal_rule_put(NULL, over.cells, &synced), "(3)");
    over = row_over(JOURNAL_DIRTY, JOURNAL_SEALED);
    over.cells[inode_layer(INODE_TOP, LAYER_GENERATION)] = cell_number(1);
    assert_rule(journal_rule_put(NULL, over.cells, &synced), "(3)");
}

TEST(test_4_committing_has_a_batch)
{
    struct row uploaded = row(JOURNAL_UPLOADED);
    assert_rule(
        journal_rule_move(uploaded.cells, INODE_TOP, JOURNAL_COMMITTING, &synced, false),
        "(4)");
    assert_null(
        journal_rule_move(uploaded.cells, INODE_TOP, JOURNAL_COMMITTING, &synced, true));
}

TEST(test_5_what_is_committing_stays_until_the_answer)
{
    struct row old = row(JOURNAL_COMMITTING);
    struct row other = row(JOURNAL_DIRTY);
    other.cells[inode_layer(INODE_TOP, LAYER_GENERATION)] = cell_number(2);
    assert_rule(journal_rule_put(old.cells, other.cells, &nothing), "(5)");
    assert_rule(journal_rule_drop(old.cells), "(5)");
    struct row over = row_over(JOURNAL_DIRTY, JOURNAL_COMMITTING);
    assert_rule(journal_rule_drop(over.cells), "(5)");
    old = row(JOURNAL_COMMITTED);
    assert_null(journal_rule_put(old.cells, other.cells, &nothing));
    assert_null(journal_rule_drop(old.cells));
}

TEST(test_6_uploaded_is_a_hint)
{
    assert_true(journal_may_move(JOURNAL_UPLOADED, JOURNAL_SEALED));
    assert_true(journal_may_move(JOURNAL_COMMITTING, JOURNAL_SEALED));
}

TEST(test_8_what_is_under_way_moves_by_comparing)
{
    struct row old = row(JOURNAL_UPLOADING);
    struct row moved = row(JOURNAL_UPLOADED);
    assert_rule(journal_rule_put(old.cells, moved.cells, &synced), "(8)");
}

TEST(test_there_are_no_other_ways)
{
    static const enum journal_state no_way[][2] = {
        {JOURNAL_CLEAN, JOURNAL_SEALED},      {JOURNAL_DIRTY, JOURNAL_UPLOADING},
        {JOURNAL_DIRTY, JOURNAL_COMMITTING},  {JOURNAL_SEALED, JOURNAL_COMMITTING},
        {JOURNAL_UPLOADING, JOURNAL_DIRTY},   {JOURNAL_UPLOADED, JOURNAL_COMMITTED},
        {JOURNAL_COMMITTING, JOURNAL_DIRTY},  {JOURNAL_COMMITTED, JOURNAL_SEALED},
        {JOURNAL_FAILED, JOURNAL_UPLOADING},  {JOURNAL_SEALED, JOURNAL_SEALED},
        {JOURNAL_CONFLICT, JOURNAL_UPLOADED}, {JOURNAL_FAILED, (enum journal_state)9},
    };
    for (size_t i = 0; i < sizeof(no_way) / sizeof(no_way[0]); i++) {
        assert_false(journal_may_move(no_way[i][0], no_way[i][1]));
    }
    struct row old = row(JOURNAL_CLEAN);
    struct row sealed = row(JOURNAL_SEALED);
    assert_non_null(journal_rule_put(old.cells, sealed.cells, &synced));
    struct row strange = row((enum journal_state)12);
    assert_non_null(journal_rule_put(NULL, strange.cells, &synced));
}

// ----------------------------------------------------------- the same through a journal

typedef enum err (*deed_fn)(struct journal *journal);

static enum err seal_without_sync(struct journal *journal)
{
    struct journal_change *change = journal_change_new();
    change_put_file(change, 2, 1, 1, JOURNAL_SEALED, 10);
    return submit(journal, change);
}

static enum err remove_needed_staging(struct journal *journal)
{
    struct journal_change *change = journal_change_new();
    journal_change_remove_staging(change, 1, 1);
    return submit(journal, change);
}

static enum err commit_without_batch(struct journal *journal)
{
    assert_ok(move_file(journal, 1, 1, JOURNAL_SEALED, JOURNAL_UPLOADED));
    return move_file(journal, 1, 1, JOURNAL_UPLOADED, JOURNAL_COMMITTING);
}

static enum err drop_batch_too_early(struct journal *journal)
{
    assert_ok(move_file(journal, 1, 1, JOURNAL_SEALED, JOURNAL_UPLOADED));
    assert_ok(put_batch(journal, "uuid", 1, 1));
    assert_ok(move_file(journal, 1, 1, JOURNAL_UPLOADED, JOURNAL_COMMITTING));
    struct journal_change *change = journal_change_new();
    journal_change_drop_batch(change, "uuid");
    return submit(journal, change);
}

static enum err drop_file_too_early(struct journal *journal)
{
    assert_ok(move_file(journal, 1, 1, JOURNAL_SEALED, JOURNAL_UPLOADED));
    assert_ok(put_batch(journal, "uuid", 1, 1));
    assert_ok(move_file(journal, 1, 1, JOURNAL_UPLOADED, JOURNAL_COMMITTING));
    struct journal_change *change = journal_change_new();
    journal_change_drop_inode(change, 1);
    return submit(journal, change);
}

static enum err change_what_is_under_way(struct journal *journal)
{
    assert_ok(move_file(journal, 1, 1, JOURNAL_SEALED, JOURNAL_UPLOADING));
    return seal_file(journal, 1, 1, 1, 'y', 11);
}

static const deed_fn deeds[] = {seal_without_sync,    remove_needed_staging,
                                commit_without_batch, drop_batch_too_early,
                                drop_file_too_early,  change_what_is_under_way};

// In a child: a debug build ends there, others get an error and keep what they had.
TEST(test_the_journal_refuses_what_breaks_an_invariant)
{
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        struct state_dir dir = state_dir_make();
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct journal *journal = open_journal(dir.path);
            assert_ok(seal_file(journal, 1, 1, 1, 'x', 10));
            enum err err = deeds[i](journal);
            enum err closed = journal_close(journal);
            _exit(err == ERR_SYSTEM && !closed ? 0 : 1);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
#ifdef NDEBUG
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#else
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#endif
        struct journal *journal = open_journal(dir.path);
        assert_true(find_inode(journal, 1).found);
        assert_false(find_inode(journal, 2).found);
        assert_ok(journal_close(journal));
        state_dir_remove(&dir);
    }
}

TEST(test_the_whole_way_of_a_commit_is_open)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    assert_ok(seal_file(journal, 1, 1, 1, 'x', 10));
    assert_ok(move_file(journal, 1, 1, JOURNAL_SEALED, JOURNAL_UPLOADING));
    assert_ok(move_file(journal, 1, 1, JOURNAL_UPLOADING, JOURNAL_UPLOADED));
    assert_ok(put_batch(journal, "uuid", 1, 1));
    assert_ok(move_file(journal, 1, 1, JOURNAL_UPLOADED, JOURNAL_COMMITTING));
    struct journal_change *change = journal_change_new();
    journal_change_move_state(change, 1, 1, JOURNAL_COMMITTING, JOURNAL_COMMITTED, NULL,
                              0, 0);
    journal_change_drop_batch(change, "uuid");
    journal_change_drop_inode(change, 1);
    journal_change_remove_staging(change, 1, 1);
    assert_ok(submit(journal, change));
    struct journal_stats stats = {0};
    journal_stats(journal, &stats);
    assert_int_equal(stats.inodes + stats.batches + stats.staging_files, 0);
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_1_sealed_is_synced),
        cmocka_unit_test(test_2_staging_stays_while_a_row_needs_it),
        cmocka_unit_test(test_3_what_is_under_way_stays_as_it_is),
        cmocka_unit_test(test_3_one_generation_is_under_way),
        cmocka_unit_test(test_4_committing_has_a_batch),
        cmocka_unit_test(test_5_what_is_committing_stays_until_the_answer),
        cmocka_unit_test(test_6_uploaded_is_a_hint),
        cmocka_unit_test(test_8_what_is_under_way_moves_by_comparing),
        cmocka_unit_test(test_there_are_no_other_ways),
        cmocka_unit_test(test_the_journal_refuses_what_breaks_an_invariant),
        cmocka_unit_test(test_the_whole_way_of_a_commit_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
