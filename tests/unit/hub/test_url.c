// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "hub/url.h"
#include "tests/unit/unit_test.h"

#include <string.h>

TEST(test_a_host_is_scheme_name_and_port)
{
    struct url_host host;
    assert_ok(url_host_of("https://HuggingFace.co/api", &host));
    assert_true(host.is_https);
    assert_string_equal(host.host, "huggingface.co");
    assert_int_equal(host.port, 443);
    assert_ok(url_host_of("http://[::1]:8080/x", &host));
    assert_false(host.is_https);
    assert_string_equal(host.host, "[::1]");
    assert_int_equal(host.port, 8080);
}

TEST(test_addresses_with_users_or_other_schemes_are_refused)
{
    static const char *const bad[] = {"",
                                      "huggingface.co/x",
                                      "ftp://h/x",
                                      "file:///etc/passwd",
                                      "https://user@h/x",
                                      "https://user:pw@h/",
                                      "https://"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct url_host host;
        assert_err(url_host_of(bad[i], &host), ERR_MALFORMED);
    }
}

static bool is_loopback(const char *url)
{
    struct url_host host;
    assert_ok(url_host_of(url, &host));
    return url_host_is_loopback(&host);
}

TEST(test_loopback_is_told_from_names_that_look_like_it)
{
    assert_true(is_loopback("http://localhost/"));
    assert_true(is_loopback("http://127.0.0.1:1/"));
    assert_true(is_loopback("http://127.9.8.7/"));
    assert_true(is_loopback("http://[::1]/"));
    assert_false(is_loopback("http://127.example.org/"));
    assert_false(is_loopback("http://localhost.example.org/"));
    assert_false(is_loopback("http://10.0.0.1/"));
}

static bool allows(bool loopback, bool anywhere, const char *url)
{
    struct url_policy policy = {.allow_http_loopback = loopback,
                                .allow_http_anywhere = anywhere};
    struct url_host host;
    assert_ok(url_host_of(url, &host));
    return url_is_allowed(&policy, &host);
}

TEST(test_plain_http_needs_loopback_or_permission)
{
    assert_true(allows(false, false, "https://h/"));
    assert_false(allows(false, false, "http://127.0.0.1/"));
    assert_true(allows(true, false, "http://127.0.0.1/"));
    assert_false(allows(true, false, "http://h/"));
    assert_true(allows(false, true, "http://h/"));
}

static void expect_resolved(const char *base, const char *reference, const char *expected)
{
    AUTO_FREE char *url = NULL;
    assert_ok(url_resolve(base, reference, &url));
    assert_string_equal(url, expected);
}

TEST(test_references_are_resolved_as_browsers_do)
{
    expect_resolved("https://h/a/b?q", "/c/d", "https://h/c/d");
    expect_resolved("https://h/a/b?q", "c?x=1", "https://h/a/c?x=1");
    expect_resolved("https://h/a", "https://other:8/x#frag", "https://other:8/x");
    expect_resolved("https://h/a", "/with space", "https://h/with%20space");
}

TEST(test_paths_and_revisions_are_encoded_once)
{
    AUTO(buffer) struct buffer path = buffer_init(1000);
    AUTO(buffer) struct buffer segment = buffer_init(1000);
    assert_ok(url_append_path(&path, "a b/ü#?%&+.txt"));
    assert_string_equal(buffer_text(&path), "a%20b/%C3%BC%23%3F%25%26%2B.txt");
    assert_ok(url_append_segment(&segment, "refs/pr/1"));
    assert_string_equal(buffer_text(&segment), "refs%2Fpr%2F1");
}

TEST(test_people_see_the_path_and_never_the_query)
{
    char text[32];
    url_path_for_people("https://h:1/a/b?Signature=secret#x", text, sizeof(text));
    assert_string_equal(text, "/a/b");
    url_path_for_people("https://h?secret", text, sizeof(text));
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_host_is_scheme_name_and_port),
        cmocka_unit_test(test_addresses_with_users_or_other_schemes_are_refused),
        cmocka_unit_test(test_loopback_is_told_from_names_that_look_like_it),
        cmocka_unit_test(test_plain_http_needs_loopback_or_permission),
        cmocka_unit_test(test_references_are_resolved_as_browsers_do),
        cmocka_unit_test(test_paths_and_revisions_are_encoded_once),
        cmocka_unit_test(test_people_see_the_path_and_never_the_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
