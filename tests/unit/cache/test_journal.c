// SPDX-License-Identifier: Apache-2.0
// What is submitted is there after opening again, in order and in groups.
#include "journal_fixture.h"

struct dump {
    char text[4096];
    size_t len;
};

static void say(struct dump *dump, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say(struct dump *dump, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    dump->len += (size_t)vsnprintf(dump->text + dump->len, sizeof(dump->text) - dump->len,
                                   format, args);
    va_end(args);
}

static enum err dump_inode(void *ctx, const struct journal_inode *inode)
{
    say(ctx, "inode %d kind %d %s gen %d size %d ranges %d base %.*s path %s\n",
        (int)inode->id, (int)inode->kind, journal_state_name(inode->top.state),
        (int)inode->top.generation, (int)inode->top.size,
        (int)range_set_sum(&inode->top.ranges), (int)inode->base_len,
        inode->base_len ? (const char *)inode->base : "", inode->path);
    return ERR_NONE;
}

static enum err dump_name(void *ctx, uint64_t dir, const char *name, size_t len,
                          uint64_t inode, const void *extra, size_t extra_len)
{
    say(ctx, "name %d/%.*s = %d %.*s\n", (int)dir, (int)len, name, (int)inode,
        (int)extra_len, extra_len ? (const char *)extra : "");
    return ERR_NONE;
}

static enum err dump_batch(void *ctx, const struct journal_batch *batch)
{
    say(ctx, "batch %s on %.*s: %s state %u\n", batch->id, (int)batch->parent_len,
        (const char *)batch->parent, batch->description, batch->state);
    return ERR_NONE;
}

static enum err dump_item(void *ctx, const char *batch_id,
                          const struct journal_item *item)
{
    say(ctx, "item of %s: op %u %.*s inode %d gen %d\n", batch_id, item->op,
        (int)item->path_len, item->path, (int)item->inode, (int)item->generation);
    return ERR_NONE;
}

static enum err dump_meta(void *ctx, const char *key, const void *value, size_t len)
{
    say(ctx, "meta %s = %.*s\n", key, (int)len, len ? (const char *)value : "");
    return ERR_NONE;
}

static void dump(struct journal *journal, struct dump *out)
{
    *out = (struct dump){.len = 0};
    const struct journal_visitor visitor = {dump_inode, dump_name, dump_batch,
                                            dump_item,  dump_meta, out};
    assert_ok(journal_load(journal, &visitor, NULL));
}

static void assert_counts(struct journal *journal, uint64_t inodes, uint64_t names,
                          uint64_t batches, uint64_t files)
{
    struct journal_stats stats = {0};
    journal_stats(journal, &stats);
    assert_int_equal(stats.inodes, inodes);
    assert_int_equal(stats.names, names);
    assert_int_equal(stats.batches, batches);
    assert_int_equal(stats.staging_files, files);
}

static void drop_most(struct journal *journal)
{
    struct journal_change *change = journal_change_new();
    journal_change_drop_inode(change, 3);
    journal_change_drop_inode(change, 2);
    journal_change_remove_staging(change, 2, 1);
    journal_change_drop_batch(change, "uuid-1");
    journal_change_drop_batch(change, "uuid-2");
    journal_change_drop_meta(change, "head");
    journal_change_drop_meta(change, "nothing");
    journal_change_drop_name(change, 9, "gone", 4);
    assert_ok(submit(journal, change));
}

TEST(test_rows_are_there_after_opening_again)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    assert_int_equal(journal_next_id(journal), 1);
    assert_int_equal(journal_next_id(journal), 2);
    assert_ok(seal_file(journal, 2, 1, 1, 'x', 100));
    struct journal_change *change = journal_change_new();
    struct journal_inode folder = {.id = 3, .kind = JOURNAL_DIRECTORY};
    journal_change_put_inode(change, &folder);
    journal_change_put_name(change, 9, "a.bin", 5, 2, "more", 4);
    journal_change_put_name(change, 9, "gone", 4, 0, NULL, 0);
    journal_change_put_name(change, 9, "\xff\0x", 3, 3, NULL, 0);
    journal_change_put_name(change, 9, "dropped", 7, 3, NULL, 0);
    journal_change_drop_name(change, 9, "dropped", 7);
    journal_change_put_meta(change, "head", "abc", 3);
    journal_change_put_meta(change, "nothing", NULL, 0);
    assert_ok(submit(journal, change));
    assert_ok(put_batch(journal, "uuid-2", 2, 1));
    assert_ok(put_batch(journal, "uuid-1", 2, 1));
    assert_ok(put_batch(journal, "uuid-2", 2, 1));
    assert_counts(journal, 2, 3, 2, 1);
    assert_ok(journal_close(journal));

    journal = open_journal(dir.path);
    struct dump rows;
    dump(journal, &rows);
    assert_string_equal(
        rows.text,
        "inode 2 kind 1 sealed gen 1 size 100 ranges 100 base base path models/a.bin\n"
        "inode 3 kind 2 clean gen 0 size 0 ranges 0 base  path \n"
        "name 9/a.bin = 2 more\nname 9/gone = 0 \nname 9/\xff = 3 \n"
        "batch uuid-2 on parent: text state 0\nitem of uuid-2: op 1 a inode 2 gen 1\n"
        "batch uuid-1 on parent: text state 0\nitem of uuid-1: op 1 a inode 2 gen 1\n"
        "meta head = abc\nmeta nothing = \n");
    assert_int_equal(journal_next_id(journal), 4);
    drop_most(journal);
    assert_ok(journal_close(journal));

    journal = open_journal(dir.path);
    dump(journal, &rows);
    assert_string_equal(rows.text, "name 9/a.bin = 2 more\nname 9/\xff = 3 \n");
    assert_int_equal(journal_next_id(journal), 4); // never given out twice
    assert_counts(journal, 0, 2, 0, 0);
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

static enum err stop_loading(void *ctx, const struct journal_inode *inode)
{
    (void)inode;
    ++*(int *)ctx;
    return ERR_CANCELLED;
}

TEST(test_a_visitor_ends_the_loading)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    assert_ok(seal_file(journal, 1, 1, 1, 'x', 1));
    assert_ok(seal_file(journal, 2, 1, 1, 'x', 1));
    assert_ok(journal_close(journal));
    journal = open_journal(dir.path);
    int calls = 0;
    const struct journal_visitor visitor = {.inode = stop_loading, .ctx = &calls};
    assert_err(journal_load(journal, &visitor, NULL), ERR_CANCELLED);
    assert_int_equal(calls, 1);
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

TEST(test_states_move_by_compare_and_set)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    assert_ok(seal_file(journal, 1, 1, 4, 'x', 10));
    assert_err(move_file(journal, 1, 3, JOURNAL_SEALED, JOURNAL_UPLOADING), ERR_STALE);
    assert_err(move_file(journal, 2, 4, JOURNAL_SEALED, JOURNAL_UPLOADING), ERR_STALE);
    assert_err(move_file(journal, 1, 4, JOURNAL_UPLOADING, JOURNAL_UPLOADED), ERR_STALE);
    assert_ok(move_file(journal, 1, 4, JOURNAL_SEALED, JOURNAL_UPLOADING));
    // A change with a move that does not apply does nothing, the others of its group do.
    struct told first = told_init();
    struct told second = told_init();
    second.before = &first;
    struct journal_change *change = journal_change_new();
    journal_change_put_meta(change, "a", "1", 1);
    journal_change_move_state(change, 1, 4, JOURNAL_SEALED, JOURNAL_UPLOADING, NULL, 0,
                              0);
    journal_submit(journal, change, false, told_done, &first);
    change = journal_change_new();
    journal_change_put_meta(change, "b", "2", 1);
    journal_submit(journal, change, true, told_done, &second);
    assert_ok(told_wait(&second));
    assert_true(second.in_order);
    assert_err(first.err, ERR_STALE);
    assert_string_equal(first.sentence, "the file is uploading, not sealed");
    assert_ok(journal_close(journal));
    journal = open_journal(dir.path);
    struct dump rows;
    dump(journal, &rows);
    assert_non_null(strstr(rows.text, "meta b = 2"));
    assert_null(strstr(rows.text, "meta a"));
    struct found_inode found = find_inode(journal, 1);
    assert_int_equal(found.row.top.state, JOURNAL_UPLOADING);
    assert_string_equal(found.error, "because");
    assert_int_equal(found.row.not_before_s, 7);
    assert_int_equal(found.row.tries, 2);
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

TEST(test_two_layers_are_two_layers)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    assert_ok(seal_file(journal, 1, 1, 1, 'x', 10));
    assert_ok(move_file(journal, 1, 1, JOURNAL_SEALED, JOURNAL_UPLOADING));
    struct journal_inode inode = {
        .id = 1,
        .kind = JOURNAL_FILE,
        .top = {.number = 2, .state = JOURNAL_DIRTY, .generation = 2, .size = 20},
        // Its state is the journal's: it moved meanwhile.
        .flight = {.number = 1, .state = JOURNAL_SEALED, .generation = 1, .size = 10},
    };
    assert_ok(range_set_add(&inode.flight.ranges, 0, 10));
    struct journal_change *change = journal_change_new();
    journal_change_put_inode(change, &inode);
    assert_ok(submit(journal, change));
    assert_ok(move_file(journal, 1, 1, JOURNAL_UPLOADING, JOURNAL_UPLOADED));
    range_set_release(&inode.flight.ranges);
    assert_ok(journal_close(journal));
    journal = open_journal(dir.path);
    struct found_inode found = find_inode(journal, 1);
    assert_int_equal(found.row.top.state, JOURNAL_DIRTY);
    assert_int_equal(found.row.top.number, 2);
    assert_int_equal(found.row.flight.state, JOURNAL_UPLOADED);
    assert_int_equal(found.row.flight.number, 1);
    assert_int_equal(found.flight_sum, 10);
    assert_int_equal(found.top_sum, 0);
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

TEST(test_changes_that_wait_share_their_flushes)
{
    enum { FILES = 100, LENGTH = 512 }; // far from what makes the journal tidy itself
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    struct journal_stats before = {0};
    struct journal_stats after = {0};
    journal_stats(journal, &before);
    static struct told told[FILES];
    for (unsigned i = 0; i < FILES; i++) {
        told[i] = told_init();
        told[i].before = i > 0 ? &told[i - 1] : NULL;
        int fd = write_staging(journal, i + 1, 1, 'x', LENGTH);
        struct journal_change *change = journal_change_new();
        change_put_file(change, i + 1, 1, 1, JOURNAL_SEALED, LENGTH);
        journal_change_sync(change, i + 1, 1, fd);
        journal_submit(journal, change, i == FILES - 1, told_done, &told[i]);
        close(fd);
    }
    for (unsigned i = 0; i < FILES; i++) {
        assert_ok(told_wait(&told[i]));
        assert_true(told[i].in_order);
        assert_int_equal(told[i].calls, 1);
    }
    journal_stats(journal, &after);
    // Without a flush of their own: the bytes are in the journal, nobody waited but the last.
    assert_int_equal(after.flushes - before.flushes, 1);
    assert_true(after.transactions - before.transactions < FILES / 2);
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

TEST(test_a_large_file_is_flushed_once_for_all_who_seal_it)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    struct journal_stats before = {0};
    struct journal_stats after = {0};
    journal_stats(journal, &before);
    int fd = write_staging(journal, 1, 1, 'x', 100000);
    struct told told[3] = {told_init(), told_init(), told_init()};
    for (unsigned i = 0; i < 3; i++) {
        struct journal_change *change = journal_change_new();
        change_put_file(change, 1, 1, i + 1, JOURNAL_SEALED, 100000);
        journal_change_sync(change, 1, 1, fd);
        journal_submit(journal, change, i == 2, told_done, &told[i]);
    }
    close(fd);
    assert_ok(told_wait(&told[2]));
    journal_stats(journal, &after);
    // In one group: the file, the folder, the WAL. The first may have gone alone.
    assert_in_range(after.flushes - before.flushes, 3, 4);
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

TEST(test_a_flush_makes_what_came_before_durable)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    struct told first = told_init();
    struct told second = told_init();
    struct journal_change *change = journal_change_new();
    journal_change_put_meta(change, "a", "1", 1);
    journal_submit(journal, change, false, told_done, &first);
    assert_ok(told_wait(&first));
    struct journal_stats before = {0};
    struct journal_stats after = {0};
    journal_stats(journal, &before);
    journal_flush(journal, told_done, &second);
    assert_ok(told_wait(&second));
    journal_stats(journal, &after);
    assert_int_equal(after.flushes - before.flushes, 1);
    second = told_init();
    journal_flush(journal, told_done, &second); // nothing is left to flush
    assert_ok(told_wait(&second));
    journal_stats(journal, &before);
    assert_int_equal(after.flushes, before.flushes);
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

TEST(test_values_that_are_too_large_fail_alone)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    struct journal_change *change = journal_change_new();
    char *large = calloc(1, JOURNAL_VALUE_MAX + 1);
    journal_change_put_meta(change, "a", large, JOURNAL_VALUE_MAX + 1);
    assert_err(submit(journal, change), ERR_TOO_LARGE);
    assert_err(submit(journal, NULL), ERR_NO_MEMORY);
    assert_ok(put_meta(journal, "b", "2"));
    free(large);
    journal_change_free(journal_change_new());
    assert_ok(journal_close(journal));
    state_dir_remove(&dir);
}

TEST(test_names_txt_tells_a_person_what_is_where)
{
    struct state_dir dir = state_dir_make();
    struct journal *journal = open_journal(dir.path);
    assert_ok(seal_file(journal, 26, 3, 1, 'x', 100));
    char path[128];
    snprintf(path, sizeof(path), "%s/staging/NAMES.txt", dir.path);
    for (int i = 0; i < 2; i++) {
        assert_ok(journal_close(journal)); // the lines are written after the answers
        struct buffer text = buffer_init(1 << 20);
        assert_ok(file_read_all(path, NULL, &text));
        assert_non_null(strstr(buffer_text(&text), "\n000000000000001a.3.data = "
                                                   "models/a.bin, 100 bytes, written "
                                                   "0-100\n"));
        buffer_release(&text);
        journal = open_journal(dir.path);
    }
    assert_ok(journal_close(journal));
    snprintf(path, sizeof(path), "%s/README.txt", dir.path);
    assert_int_equal(access(path, R_OK), 0);
    state_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_there_after_opening_again),
        cmocka_unit_test(test_a_visitor_ends_the_loading),
        cmocka_unit_test(test_states_move_by_compare_and_set),
        cmocka_unit_test(test_two_layers_are_two_layers),
        cmocka_unit_test(test_changes_that_wait_share_their_flushes),
        cmocka_unit_test(test_a_large_file_is_flushed_once_for_all_who_seal_it),
        cmocka_unit_test(test_a_flush_makes_what_came_before_durable),
        cmocka_unit_test(test_values_that_are_too_large_fail_alone),
        cmocka_unit_test(test_names_txt_tells_a_person_what_is_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
