// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "hub/redirect.h"
#include "tests/unit/unit_test.h"

#include <stdio.h>
#include <string.h>

static const struct url_policy strict;

// Follows one redirect from a fresh chain.
static enum err follow(enum http_origin origin, const char *from, const char *location,
                       enum http_origin *out_origin)
{
    struct redirect_chain chain;
    AUTO_FREE char *target = NULL;
    redirect_chain_start(&chain, from);
    return redirect_follow(&chain, &strict, origin, from, location, NULL, &target,
                           out_origin);
}

TEST(test_the_same_scheme_host_and_port_keep_the_origin_type)
{
    enum http_origin origin = ORIGIN_SIGNED;
    assert_ok(follow(ORIGIN_HUB, "https://h/a", "/b", &origin));
    assert_int_equal(origin, ORIGIN_HUB);
    assert_ok(follow(ORIGIN_HUB, "https://h/a", "https://H:443/b", &origin));
    assert_int_equal(origin, ORIGIN_HUB);
    assert_ok(follow(ORIGIN_CAS, "https://cas/a", "/b", &origin));
    assert_int_equal(origin, ORIGIN_CAS);
}

TEST(test_anything_else_loses_the_credential)
{
    enum http_origin origin = ORIGIN_HUB;
    assert_ok(follow(ORIGIN_HUB, "https://h/a", "https://cdn/b", &origin));
    assert_int_equal(origin, ORIGIN_SIGNED);
    assert_ok(follow(ORIGIN_HUB, "https://h/a", "https://h:8443/b", &origin));
    assert_int_equal(origin, ORIGIN_SIGNED);
    assert_ok(follow(ORIGIN_HUB, "https://h/a", "//cdn/b", &origin));
    assert_int_equal(origin, ORIGIN_SIGNED);
    assert_ok(follow(ORIGIN_SIGNED, "https://cdn/a", "https://cdn/b", &origin));
    assert_int_equal(origin, ORIGIN_SIGNED);
}

TEST(test_a_way_back_to_the_hub_does_not_bring_the_credential_back)
{
    struct redirect_chain chain;
    enum http_origin origin = ORIGIN_HUB;
    AUTO_FREE char *first = NULL;
    AUTO_FREE char *second = NULL;
    redirect_chain_start(&chain, "https://h/a");
    assert_ok(redirect_follow(&chain, &strict, origin, "https://h/a", "https://cdn/b",
                              NULL, &first, &origin));
    assert_ok(redirect_follow(&chain, &strict, origin, first, "https://h/c", NULL,
                              &second, &origin));
    assert_int_equal(origin, ORIGIN_SIGNED);
}

TEST(test_an_api_question_stays_on_the_server_that_was_asked)
{
    static const char *const elsewhere[] = {"https://cdn/b", "https://h:8443/b",
                                            "//cdn/b"};
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        struct redirect_chain chain;
        struct why why = {0};
        enum http_origin origin = ORIGIN_HUB;
        AUTO_FREE char *target = NULL;
        redirect_chain_start(&chain, "https://h/a");
        chain.must_stay = true;
        assert_err(redirect_follow(&chain, &strict, ORIGIN_HUB, "https://h/a",
                                   elsewhere[i], &why, &target, &origin),
                   ERR_BAD_ANSWER);
        assert_non_null(strstr(why.text, "to another server"));
        assert_null(target);
        assert_ok(redirect_follow(&chain, &strict, ORIGIN_HUB, "https://h/a", "/b?x=1",
                                  &why, &target, &origin));
        assert_string_equal(target, "https://h/b?x=1");
        assert_int_equal(origin, ORIGIN_HUB);
    }
}

TEST(test_encryption_is_never_given_up)
{
    enum http_origin origin = ORIGIN_HUB;
    assert_err(follow(ORIGIN_HUB, "https://h/a", "http://h/a", &origin), ERR_BAD_ANSWER);
    assert_err(follow(ORIGIN_HUB, "https://h/a", "http://127.0.0.1/a", &origin),
               ERR_BAD_ANSWER);
}

TEST(test_other_schemes_and_broken_addresses_are_refused)
{
    static const char *const bad[] = {"file:///etc/passwd", "ftp://h/x",
                                      "javascript:alert(1)", "https://user:pw@h/x",
                                      "https://"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        enum http_origin origin = ORIGIN_HUB;
        assert_err(follow(ORIGIN_HUB, "https://h/a", bad[i], &origin), ERR_BAD_ANSWER);
    }
    enum http_origin origin = ORIGIN_HUB;
    assert_err(follow(ORIGIN_HUB, "https://h/a", NULL, &origin), ERR_BAD_ANSWER);
}

TEST(test_a_loop_is_found_at_its_first_return)
{
    struct redirect_chain chain;
    enum http_origin origin = ORIGIN_HUB;
    AUTO_FREE char *first = NULL;
    AUTO_FREE char *second = NULL;
    struct why why = {0};
    redirect_chain_start(&chain, "https://h/a");
    assert_ok(redirect_follow(&chain, &strict, origin, "https://h/a", "/b", NULL, &first,
                              &origin));
    assert_err(
        redirect_follow(&chain, &strict, origin, first, "/a", &why, &second, &origin),
        ERR_BAD_ANSWER);
    assert_non_null(strstr(why.text, "loop"));
}

TEST(test_the_sixth_redirect_is_refused)
{
    struct redirect_chain chain;
    enum http_origin origin = ORIGIN_HUB;
    redirect_chain_start(&chain, "https://h/0");
    for (int i = 1; i <= REDIRECTS_MAX + 1; i++) {
        char from[32];
        char to[32];
        AUTO_FREE char *target = NULL;
        snprintf(from, sizeof(from), "https://h/%d", i - 1);
        snprintf(to, sizeof(to), "/%d", i);
        enum err expected = i <= REDIRECTS_MAX ? ERR_NONE : ERR_BAD_ANSWER;
        assert_err(
            redirect_follow(&chain, &strict, origin, from, to, NULL, &target, &origin),
            expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_scheme_host_and_port_keep_the_origin_type),
        cmocka_unit_test(test_anything_else_loses_the_credential),
        cmocka_unit_test(test_a_way_back_to_the_hub_does_not_bring_the_credential_back),
        cmocka_unit_test(test_an_api_question_stays_on_the_server_that_was_asked),
        cmocka_unit_test(test_encryption_is_never_given_up),
        cmocka_unit_test(test_other_schemes_and_broken_addresses_are_refused),
        cmocka_unit_test(test_a_loop_is_found_at_its_first_return),
        cmocka_unit_test(test_the_sixth_redirect_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
