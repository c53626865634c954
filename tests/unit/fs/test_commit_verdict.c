// SPDX-License-Identifier: Apache-2.0
// What answers mean: of the Hub to a commit, of its history, of a path. And what is ours.
#include "fs/commit_verdict.h"

#include "fs/commit_own.h"
#include "tests/unit/unit_test.h"

static const struct oid none = {{0}};
static const struct oid a = {{1}};
static const struct oid b = {{2}};
static const struct oid c = {{3}};

static enum commit_reply judge(enum err err, bool was_sent, bool lfs_is_missing,
                               int status)
{
    struct hub_committed reply = {
        .was_sent = was_sent, .lfs_is_missing = lfs_is_missing, .status = status};
    return commit_judge_reply(err, &reply);
}

TEST(test_only_a_clear_no_is_a_no)
{
    assert_int_equal(judge(ERR_NONE, true, false, 200), COMMIT_IS_MADE);
    assert_int_equal(judge(ERR_CONFLICT, true, false, 412), COMMIT_IS_UNKNOWN);
    assert_int_equal(judge(ERR_SERVER, true, false, 504), COMMIT_IS_UNKNOWN);
    assert_int_equal(judge(ERR_TIMEOUT, true, false, 0), COMMIT_IS_UNKNOWN);
    assert_int_equal(judge(ERR_TRUNCATED, true, false, 200), COMMIT_IS_UNKNOWN);
    assert_int_equal(judge(ERR_BAD_ANSWER, true, false, 200), COMMIT_IS_UNKNOWN);
    assert_int_equal(judge(ERR_TOO_LARGE, true, false, 200), COMMIT_IS_UNKNOWN);
    assert_int_equal(judge(ERR_CANCELLED, true, false, 0), COMMIT_IS_UNKNOWN);
}

TEST(test_what_was_never_sent_was_never_made)
{
    assert_int_equal(judge(ERR_OFFLINE, false, false, 0), COMMIT_IS_PUT_OFF);
    assert_int_equal(judge(ERR_TLS, false, false, 0), COMMIT_IS_PUT_OFF);
    assert_int_equal(judge(ERR_QUOTA, true, false, 429), COMMIT_IS_PUT_OFF);
}

TEST(test_refusals_are_told_apart)
{
    assert_int_equal(judge(ERR_USAGE, true, true, 400), COMMIT_LACKS_CONTENT);
    assert_int_equal(judge(ERR_USAGE, true, false, 400), COMMIT_IS_TOO_MUCH);
    assert_int_equal(judge(ERR_TOO_LARGE, true, false, 413), COMMIT_IS_TOO_MUCH);
    assert_int_equal(judge(ERR_ACCESS, true, false, 403), COMMIT_IS_REFUSED);
    assert_int_equal(judge(ERR_NOT_FOUND, true, false, 404), COMMIT_IS_REFUSED);
}

TEST(test_a_lost_reply_is_looked_up_and_never_repeated_blindly)
{
    assert_int_equal(commit_judge_head(true, false, false), COMMIT_SEND_AGAIN);
    assert_int_equal(commit_judge_head(true, false, true), COMMIT_LOOK_LATER);
    assert_int_equal(commit_judge_head(false, true, false), COMMIT_HAS_LANDED);
    assert_int_equal(commit_judge_head(false, true, true), COMMIT_HAS_LANDED);
    assert_int_equal(commit_judge_head(false, false, false), COMMIT_REBASE);
    assert_int_equal(commit_judge_head(false, false, true), COMMIT_REBASE);
}

// ------------------------------------------------------------------------------------ paths

static struct overlay_item item(enum overlay_op op, const struct oid *under)
{
    return (struct overlay_item){.op = op,
                                 .under_exists = under != NULL,
                                 .under_oid = under != NULL ? *under : none};
}

static struct commit_stand stand(const struct oid *oid)
{
    return (struct commit_stand){.exists = oid != NULL, .oid = oid != NULL ? *oid : none};
}

static enum commit_path judge_put(const struct oid *under, const struct oid *there)
{
    struct overlay_item put = item(OVERLAY_PUT, under);
    struct commit_stand stands = stand(there);
    return commit_judge_path(&put, &c, &stands);
}

static enum commit_path judge_deletion(const struct oid *under, const struct oid *there)
{
    struct overlay_item deletion = item(OVERLAY_DELETE_FILE, under);
    struct commit_stand stands = stand(there);
    return commit_judge_path(&deletion, NULL, &stands);
}

TEST(test_a_put_goes_over_what_it_was_made_of)
{
    assert_int_equal(judge_put(&a, &a), COMMIT_PATH_FREE);
    assert_int_equal(judge_put(NULL, NULL), COMMIT_PATH_FREE);
    assert_int_equal(judge_put(&a, &b), COMMIT_PATH_CONFLICT);
    assert_int_equal(judge_put(&a, NULL), COMMIT_PATH_CONFLICT);
    assert_int_equal(judge_put(NULL, &a), COMMIT_PATH_CONFLICT);
}

TEST(test_what_is_there_already_is_not_sent)
{
    assert_int_equal(judge_put(&a, &c), COMMIT_PATH_DONE);
    assert_int_equal(judge_put(NULL, &c), COMMIT_PATH_DONE);
    assert_int_equal(judge_put(&c, &c), COMMIT_PATH_DONE);
    assert_int_equal(judge_deletion(&a, NULL), COMMIT_PATH_DONE);
}

TEST(test_a_deletion_takes_away_only_what_was_seen)
{
    assert_int_equal(judge_deletion(&a, &a), COMMIT_PATH_FREE);
    assert_int_equal(judge_deletion(&a, &b), COMMIT_PATH_CONFLICT);
}

TEST(test_our_own_late_copy_is_no_conflict)
{
    struct overlay_item put = item(OVERLAY_PUT, &a);
    struct commit_stand stands = stand(&b);
    stands.is_own = true;
    assert_int_equal(commit_judge_path(&put, &c, &stands), COMMIT_PATH_FREE);
}

TEST(test_a_folder_is_never_the_file_that_is_put)
{
    struct overlay_item put = item(OVERLAY_PUT, NULL);
    struct commit_stand stands = stand(&c);
    stands.is_folder = true;
    assert_int_equal(commit_judge_path(&put, &c, &stands), COMMIT_PATH_CONFLICT);
}

TEST(test_a_folder_of_unknown_id_may_hold_what_was_not_seen)
{
    struct overlay_item deletion = item(OVERLAY_DELETE_FOLDER, &none);
    struct commit_stand stands = stand(&a);
    stands.is_folder = true;
    assert_int_equal(commit_judge_path(&deletion, NULL, &stands), COMMIT_PATH_CONFLICT);
}

// --------------------------------------------------------------------------------- our own

TEST(test_own_commits_lead_from_one_to_the_next)
{
    struct commit_own *own = calloc(1, sizeof(*own));
    commit_own_note_step(own, &a, &b);
    commit_own_note_step(own, &b, &c);
    assert_true(commit_own_leads(own, &a, &c));
    assert_true(commit_own_leads(own, &b, &c));
    assert_true(commit_own_leads(own, &c, &c));
    assert_false(commit_own_leads(own, &c, &a));
    assert_false(commit_own_leads(own, &none, &c));
    commit_own_release(own);
    free(own);
}

TEST(test_somebody_elses_commit_breaks_the_way)
{
    struct commit_own *own = calloc(1, sizeof(*own));
    struct oid theirs = {{9}};
    commit_own_note_step(own, &a, &b);
    commit_own_note_step(own, &theirs, &c);
    assert_false(commit_own_leads(own, &a, &c));
    assert_true(commit_own_leads(own, &theirs, &c));
    commit_own_release(own);
    free(own);
}

TEST(test_what_was_brought_is_not_what_may_come_late)
{
    struct commit_own *own = calloc(1, sizeof(*own));
    commit_own_note_brought(own, "f", &a);
    assert_true(commit_own_has_brought(own, "f", &a));
    assert_false(commit_own_has_brought(own, "f", &b));
    assert_false(commit_own_has_sent(own, "f", &a));
    commit_own_release(own);
    free(own);
}

TEST(test_what_was_sent_is_known_until_it_is_settled)
{
    struct commit_own *own = calloc(1, sizeof(*own));
    commit_own_note_sent(own, "f", &a);
    commit_own_note_sent(own, "g", NULL);
    assert_true(commit_own_has_sent(own, "f", &a));
    assert_false(commit_own_has_sent(own, "f", &b));
    assert_false(commit_own_has_sent(own, "f", NULL));
    assert_true(commit_own_has_sent(own, "g", NULL));
    commit_own_forget_sent(own, "f");
    assert_false(commit_own_has_sent(own, "f", &a));
    assert_true(commit_own_has_sent(own, "g", NULL));
    for (int i = 0; i < 3 * COMMIT_MARKS_MAX; i++) {
        commit_own_note_sent(own, "h", &c);
    }
    assert_true(commit_own_has_sent(own, "h", &c));
    commit_own_release(own);
    free(own);
}

TEST(test_a_refused_commit_says_nothing_about_an_older_one)
{
    struct commit_own *own = calloc(1, sizeof(*own));
    commit_own_note_sent(own, "f", &a);
    commit_own_note_sent(own, "f", &b);
    commit_own_take_back(own, "f", &b);
    assert_false(commit_own_has_sent(own, "f", &b));
    assert_true(commit_own_has_sent(own, "f", &a));
    commit_own_note_sent(own, "f", &a);
    commit_own_take_back(own, "f", &a);
    assert_true(commit_own_has_sent(own, "f", &a));
    commit_own_release(own);
    free(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_a_clear_no_is_a_no),
        cmocka_unit_test(test_what_was_never_sent_was_never_made),
        cmocka_unit_test(test_refusals_are_told_apart),
        cmocka_unit_test(test_a_lost_reply_is_looked_up_and_never_repeated_blindly),
        cmocka_unit_test(test_a_put_goes_over_what_it_was_made_of),
        cmocka_unit_test(test_what_is_there_already_is_not_sent),
        cmocka_unit_test(test_a_deletion_takes_away_only_what_was_seen),
        cmocka_unit_test(test_our_own_late_copy_is_no_conflict),
        cmocka_unit_test(test_a_folder_is_never_the_file_that_is_put),
        cmocka_unit_test(test_a_folder_of_unknown_id_may_hold_what_was_not_seen),
        cmocka_unit_test(test_own_commits_lead_from_one_to_the_next),
        cmocka_unit_test(test_somebody_elses_commit_breaks_the_way),
        cmocka_unit_test(test_what_was_brought_is_not_what_may_come_late),
        cmocka_unit_test(test_what_was_sent_is_known_until_it_is_settled),
        cmocka_unit_test(test_a_refused_commit_says_nothing_about_an_older_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
