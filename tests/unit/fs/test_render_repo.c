// SPDX-License-Identifier: Apache-2.0
// What is told about a repository: fs/render_repo.c, and the memos of fs/repo_facts.c.
#include "fs/render.h"
#include "fs/repo_facts.h"
#include "tests/unit/unit_test.h"

static struct oid id(uint8_t byte)
{
    struct oid oid;
    memset(oid.bytes, byte, sizeof oid.bytes);
    return oid;
}

static void assert_has(const struct buffer *text, const char *part)
{
    if (strstr(buffer_text(text), part) == NULL) {
        fail_msg("'%s' is not in: %s", part, buffer_text(text));
    }
}

// ---------------------------------------------------------------------------------- log

static struct repo_log sample_log(struct repo_commit commits[2])
{
    commits[0] =
        (struct repo_commit){id(0xab), 1767225600, "ada", "Train \x1b[31m longer"};
    commits[1] = (struct repo_commit){id(0xcd), -1, "grace-h", "initial \"commit\""};
    return (struct repo_log){.repo = {REPO_DATASET, "acme/sample"},
                             .commit = id(0xab),
                             .commits = commits,
                             .n = 2};
}

TEST(test_a_log_is_a_printable_line_a_commit)
{
    struct repo_commit commits[2];
    struct repo_log log = sample_log(commits);
    AUTO(buffer) struct buffer out = buffer_init(8192);
    assert_ok(render_repo_log(&log, RENDER_TEXT, &out));
    assert_string_equal(
        buffer_text(&out),
        "abababababababababababababababababababab  2026-01-01 00:00 UTC  ada      "
        "Train ?[31m longer\n"
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd  -                     grace-h  "
        "initial \"commit\"\n");
}

TEST(test_a_log_as_json_is_a_list)
{
    struct repo_commit commits[2];
    struct repo_log log = sample_log(commits);
    AUTO(buffer) struct buffer out = buffer_init(8192);
    assert_ok(render_repo_log(&log, RENDER_JSON, &out));
    assert_has(&out, "{\"repo\":\"datasets/acme/sample\",\"commit\":\"abab");
    assert_has(&out, "\"commits\":[\n{\"id\":\"abab");
    assert_has(&out, "\"date\":1767225600,\"author\":\"ada\"");
    assert_has(&out, ",\n{\"id\":\"cdcd");
    assert_has(&out, "\"date\":null,\"author\":\"grace-h\","
                     "\"title\":\"initial \\\"commit\\\"\"}]}");
}

TEST(test_a_text_that_does_not_fit_ends_with_a_whole_line)
{
    struct repo_commit commits[2];
    struct repo_log log = sample_log(commits);
    AUTO(buffer) struct buffer out = buffer_init(120);
    assert_ok(render_repo_log(&log, RENDER_TEXT, &out));
    assert_has(&out, "longer\n");
    assert_null(strstr(buffer_text(&out), "cdcd"));
}

TEST(test_a_log_survives_the_memo)
{
    struct repo_commit commits[2];
    struct repo_commit *read = NULL;
    size_t n = 0;
    struct repo_log log = sample_log(commits);
    commits[1].title = "tab\tand\nline";
    AUTO(buffer) struct buffer memo = buffer_init(4096);
    assert_ok(repo_log_pack(log.commits, log.n, &memo));
    (void)buffer_text(&memo);
    assert_ok(repo_log_unpack((char *)memo.bytes, &read, &n));
    assert_int_equal(n, 2);
    assert_true(oid_equal(&read[0].id, &commits[0].id) && read[0].date_s == 1767225600);
    assert_string_equal(read[1].author, "grace-h");
    assert_string_equal(read[1].title, "tab and line");
    assert_true(read[1].date_s == -1);
    free(read);
}

TEST(test_a_long_history_keeps_its_newest_commits_and_cuts_their_titles)
{
    static char title[401];
    static struct repo_commit commits[REPO_LOG_COMMITS_MAX + 1];
    struct repo_commit *read = NULL;
    size_t n = 0;
    for (size_t i = 0; i < 200; i++) {
        title[2 * i] = '\xc3'; // e with an acute accent
        title[2 * i + 1] = '\xa9';
    }
    for (size_t i = 0; i <= REPO_LOG_COMMITS_MAX; i++) {
        commits[i] = (struct repo_commit){id((uint8_t)i), 0, "a", title};
    }
    AUTO(buffer) struct buffer memo = buffer_init(54 << 10);
    AUTO(buffer) struct buffer text = buffer_init(64 << 10);
    assert_ok(repo_log_pack(commits, REPO_LOG_COMMITS_MAX + 1, &memo));
    (void)buffer_text(&memo);
    assert_ok(repo_log_unpack((char *)memo.bytes, &read, &n));
    assert_true(n > 200 && n < REPO_LOG_COMMITS_MAX);
    assert_true(oid_equal(&read[0].id, &commits[0].id));
    assert_int_equal(strlen(read[0].title), 163);
    assert_true(utf8_is_valid(read[0].title, 163));
    struct repo_log log = {.commits = read, .n = n};
    assert_ok(render_repo_log(&log, RENDER_TEXT, &text));
    char last[OID_HEX_SIZE];
    oid_to_hex(&read[n - 1].id, last);
    assert_has(&text, last);
    free(read);
}

TEST(test_a_damaged_memo_of_a_log_is_refused)
{
    static const char *const wrong[] = {
        "x",
        "abababababababababababababababababababab\t1\ta",
        "abababababababababababababababababababab\t1\ta\tb",
        "abababababababababababababababababababab\tx\ta\tb\n",
        "abababababababababababababababababababab\t\ta\tb\n",
        "abab\t1\ta\tb\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct repo_commit *read = NULL;
        size_t n = 0;
        AUTO_FREE char *text = strdup(wrong[i]);
        assert_int_equal(repo_log_unpack(text, &read, &n), ERR_MALFORMED);
    }
}

// ---------------------------------------------------------------------------- revisions

static struct repo_ref ref(enum hub_ref_kind kind, const char *name, uint8_t byte)
{
    return (struct repo_ref){kind, name, id(byte)};
}

struct noted {
    struct repo_ref refs[8];
    char names[8][REVISION_SIZE];
    size_t n;
};

static bool note(void *ctx, const struct repo_ref *ref)
{
    struct noted *noted = ctx;
    snprintf(noted->names[noted->n], REVISION_SIZE, "%s", ref->name);
    noted->refs[noted->n] = *ref;
    noted->refs[noted->n].name = noted->names[noted->n];
    return ++noted->n < 8;
}

TEST(test_refs_are_ordered_and_the_oldest_pull_requests_go_first)
{
    struct repo_ref refs[] = {
        ref(HUB_REF_PULL, "refs/pr/9", 1),   ref(HUB_REF_PULL, "refs/pr/10", 2),
        ref(HUB_REF_CONVERT, "parquet", 3),  ref(HUB_REF_TAG, "v1", 4),
        ref(HUB_REF_BRANCH, "feature/x", 5), ref(HUB_REF_BRANCH, "main", 6),
    };
    struct noted noted = {.n = 0};
    size_t left_out = 0;
    AUTO(buffer) struct buffer memo = buffer_init(300);
    assert_ok(repo_refs_pack(refs, 6, &memo, &left_out));
    assert_int_equal(left_out, 1);
    (void)buffer_text(&memo);
    assert_ok(repo_refs_unpack((char *)memo.bytes, note, &noted));
    assert_int_equal(noted.n, 5);
    assert_string_equal(noted.names[0], "feature/x");
    assert_string_equal(noted.names[1], "main");
    assert_string_equal(noted.names[2], "v1");
    assert_string_equal(noted.names[3], "parquet");
    assert_string_equal(noted.names[4], "refs/pr/10");
    assert_true(noted.refs[1].kind == HUB_REF_BRANCH &&
                noted.refs[4].kind == HUB_REF_PULL);
    assert_true(oid_equal(
        &noted.refs[1].sha,
        &(struct oid){{6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6}}));
}

TEST(test_a_damaged_memo_of_refs_is_refused)
{
    static const char *const wrong[] = {
        "b",
        "b\tabababababababababababababababababababab\tmain",
        "x\tabababababababababababababababababababab\tmain\n",
        "b\tabababababababababababababababababababab\t\n",
        "b\tabababababababababababababababababababax\tmain\n",
        "b\tabababababababababababababababababababab main\n",
        "b\tabababababababababababababababababababab\ta b\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct noted noted = {.n = 0};
        AUTO_FREE char *text = strdup(wrong[i]);
        assert_int_equal(repo_refs_unpack(text, note, &noted), ERR_MALFORMED);
    }
}

static struct repo_refs sample_refs(struct repo_ref refs[3], const char *revision)
{
    refs[0] = ref(HUB_REF_BRANCH, "main", 0xab);
    refs[1] = ref(HUB_REF_CONVERT, "parquet", 0xcd);
    refs[2] = ref(HUB_REF_PULL, "refs/pr/1", 0xef);
    return (struct repo_refs){.repo = {REPO_MODEL, "acme/sample"},
                              .commit = id(0xab),
                              .revision = revision,
                              .refs = refs,
                              .n = 3};
}

TEST(test_revisions_are_columns_and_tell_which_is_shown)
{
    struct repo_ref refs[3];
    struct repo_refs sample = sample_refs(refs, "");
    AUTO(buffer) struct buffer out = buffer_init(4096);
    assert_ok(render_repo_refs(&sample, RENDER_TEXT, &out));
    assert_string_equal(buffer_text(&out),
                        "branch   main                  abababababab  shown\n"
                        "convert  refs/convert/parquet  cdcdcdcdcdcd\n"
                        "pull     refs/pr/1             efefefefefef\n");
}

TEST(test_a_commit_that_is_shown_is_a_line_of_its_own)
{
    struct repo_ref refs[3];
    struct repo_refs sample =
        sample_refs(refs, "0101010101010101010101010101010101010101");
    sample.commit = id(1);
    AUTO(buffer) struct buffer out = buffer_init(4096);
    assert_ok(render_repo_refs(&sample, RENDER_TEXT, &out));
    assert_has(&out, "commit   010101010101          010101010101  shown\n");
    assert_null(strstr(buffer_text(&out), "abababababab  shown"));
}

TEST(test_revisions_as_json_are_the_hubs_lists)
{
    struct repo_ref refs[3];
    struct repo_refs sample = sample_refs(refs, "refs/convert/parquet");
    AUTO(buffer) struct buffer out = buffer_init(4096);
    assert_ok(render_repo_refs(&sample, RENDER_JSON, &out));
    assert_has(&out, "\"revision\":\"refs/convert/parquet\",\"branches\":[\n"
                     "{\"name\":\"main\",\"ref\":\"refs/heads/main\",\"targetCommit\":");
    assert_has(&out, "\"shown\":false}],\"tags\":[],\"converts\":[\n"
                     "{\"name\":\"parquet\",\"ref\":\"refs/convert/parquet\",");
    assert_has(&out, "\"shown\":true}],\"pullRequests\":[\n"
                     "{\"name\":\"refs/pr/1\",\"ref\":\"refs/pr/1\",");
}

// ------------------------------------------------------------------------------- status

TEST(test_a_status_tells_what_is_known_and_what_is_not)
{
    struct repo_status status = {.repo = {REPO_SPACE, "acme/demo"},
                                 .revision = "dev",
                                 .commit = id(0xab),
                                 .commit_date_s = -1,
                                 .follows_branch = true,
                                 .head_checked_s = -1,
                                 .offline = true,
                                 .entries_known = 3,
                                 .bytes_known = 2048};
    why_set(&status.refresh_error, ERR_OFFLINE, "no network");
    AUTO(buffer) struct buffer text = buffer_init(4096);
    AUTO(buffer) struct buffer json = buffer_init(4096);
    assert_ok(render_repo_status(&status, RENDER_TEXT, &text));
    assert_has(&text, "repository   spaces/acme/demo\n");
    assert_has(&text, "revision     dev\n");
    assert_has(&text, "commit       abababababababababababababababababababab\n");
    assert_has(&text, "date         not known\n");
    assert_has(&text, "checked      never compared with the Hub\n");
    assert_has(&text, "state        offline\n");
    assert_has(&text, "the branch cannot be asked for news: no network\n");
    assert_has(&text, "known        3 files, 2.0 KiB\n");
    assert_ok(render_repo_status(&status, RENDER_JSON, &json));
    assert_has(&json, "\"revision\":\"dev\",\"commit_date\":null");
    assert_has(&json, "\"head_checked\":null,\"refresh_error\":\"no network\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_log_is_a_printable_line_a_commit),
        cmocka_unit_test(test_a_log_as_json_is_a_list),
        cmocka_unit_test(test_a_text_that_does_not_fit_ends_with_a_whole_line),
        cmocka_unit_test(test_a_log_survives_the_memo),
        cmocka_unit_test(
            test_a_long_history_keeps_its_newest_commits_and_cuts_their_titles),
        cmocka_unit_test(test_a_damaged_memo_of_a_log_is_refused),
        cmocka_unit_test(test_refs_are_ordered_and_the_oldest_pull_requests_go_first),
        cmocka_unit_test(test_a_damaged_memo_of_refs_is_refused),
        cmocka_unit_test(test_revisions_are_columns_and_tell_which_is_shown),
        cmocka_unit_test(test_a_commit_that_is_shown_is_a_line_of_its_own),
        cmocka_unit_test(test_revisions_as_json_are_the_hubs_lists),
        cmocka_unit_test(test_a_status_tells_what_is_known_and_what_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
