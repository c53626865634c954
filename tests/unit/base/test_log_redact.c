// SPDX-License-Identifier: Apache-2.0

#include "base/log.h"
#include "tests/unit/unit_test.h"

#include <string.h>

static void assert_redacted(const char *text, const char *expected)
{
    char copy[512];
    assert_true(strlen(text) < sizeof(copy));
    memcpy(copy, text, strlen(text) + 1);
    log_redact(copy);
    assert_string_equal(copy, expected);
}

TEST(test_tokens_are_blanked_wherever_they_stand)
{
    assert_redacted("hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "hf_***");
    assert_redacted("token=hf_abcdefghijklmnopqrst, path=/x", "token=hf_*** path=/x");
    assert_redacted("\"hf_abcdefghijklmnopqrst\"", "\"hf_***\"");
    assert_redacted("https://u:hf_abcdefghijklmnopqrst@h/x", "https://u:hf_***");
    assert_redacted("api_org_abcdefghijklmnopqrst", "api_org_***");
    assert_redacted("hf_oauth_eyJhbGciOiJFZERTQSJ9.abc-d_e", "hf_oauth_***");
    assert_redacted("x eyJhbGciOiJFZERTQSJ9.eyJy.sig y", "x eyJ*** y");
}

TEST(test_the_word_after_bearer_is_blanked)
{
    assert_redacted("Authorization: Bearer abc", "Authorization: Bearer ***");
    assert_redacted("authorization=bearer a b", "authorization=bearer * b");
    assert_redacted("Bearer  \"xyz123\"", "Bearer  \"***\"");
}

TEST(test_the_query_of_a_signed_address_is_blanked)
{
    assert_redacted("GET https://h/p?a=b&X-Amz-Signature=0af failed",
                    "GET https://h/p?*** failed");
    assert_redacted("https://h/p?Expires=1&Policy=e&Signature=s&Key-Pair-Id=K",
                    "https://h/p?***");
    assert_redacted("<https://h/p?sv=1&SIG=abc>; rel=next",
                    "<https://h/p?***>; rel=next");
    assert_redacted("Signature=abc", "***");
}

TEST(test_what_only_looks_alike_stays)
{
    static const char *const PLAIN[] = {
        "",
        "hf_xet 1.1.5 and hf_hub_download",
        "hf_tokenizer_config_for_everything.json",
        "policy=lru expires=60",
        "https://h/api/models?limit=10&cursor=abc",
        "config=x design=y my-sig=z",
        "forbearer",
        "beare",
    };
    for (size_t i = 0; i < sizeof(PLAIN) / sizeof(PLAIN[0]); i++) {
        assert_redacted(PLAIN[i], PLAIN[i]);
    }
}

TEST(test_white_space_stays_as_it_is)
{
    assert_redacted("  a\t\tb \n", "  a\t\tb \n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_are_blanked_wherever_they_stand),
        cmocka_unit_test(test_the_word_after_bearer_is_blanked),
        cmocka_unit_test(test_the_query_of_a_signed_address_is_blanked),
        cmocka_unit_test(test_what_only_looks_alike_stays),
        cmocka_unit_test(test_white_space_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
