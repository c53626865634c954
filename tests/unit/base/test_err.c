// SPDX-License-Identifier: Apache-2.0

#include "base/err.h"
#include "tests/unit/unit_test.h"

#include <errno.h>
#include <string.h>

TEST(test_every_error_has_a_name_and_a_sentence_without_a_full_stop)
{
    for (int i = 0; i < ERR_COUNT; i++) {
        const char *sentence = err_sentence((enum err)i);
        assert_memory_equal(err_name((enum err)i), "ERR_", 4);
        assert_true(strlen(sentence) > 5);
        assert_int_not_equal(sentence[strlen(sentence) - 1], '.');
    }
}

TEST(test_only_no_error_has_errno_0_and_exit_status_0)
{
    assert_int_equal(err_errno(ERR_NONE), 0);
    assert_int_equal(err_exit_status(ERR_NONE), 0);
    for (int i = 1; i < ERR_COUNT; i++) {
        assert_true(err_errno((enum err)i) > 0);
        assert_true(err_exit_status((enum err)i) > 0);
    }
}

TEST(test_a_damaged_file_is_not_worth_a_retry_but_a_timeout_is)
{
    assert_false(err_is_retriable(ERR_DAMAGED));
    assert_true(err_is_retriable(ERR_TIMEOUT));
}

TEST(test_an_errno_that_has_its_own_error_comes_back_as_itself)
{
    const int own[] = {ENOMEM, ENOSPC,    EROFS,     EACCES,      ENOENT,
                       EBUSY,  ENOTDIR,   EISDIR,    ESTALE,      ENAMETOOLONG,
                       EINTR,  ECANCELED, ETIMEDOUT, ENETUNREACH, ENOTSUP};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        assert_int_equal(err_errno(err_from_errno(own[i])), own[i]);
    }
}

TEST(test_an_unknown_errno_is_a_failed_system_call)
{
    assert_err(err_from_errno(EXDEV), ERR_SYSTEM);
    assert_err(err_from_errno(0), ERR_NONE);
}

TEST(test_a_number_that_is_no_error_is_told_as_a_failed_system_call)
{
    assert_string_equal(err_name((enum err)12345), "ERR_SYSTEM");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_has_a_name_and_a_sentence_without_a_full_stop),
        cmocka_unit_test(test_only_no_error_has_errno_0_and_exit_status_0),
        cmocka_unit_test(test_a_damaged_file_is_not_worth_a_retry_but_a_timeout_is),
        cmocka_unit_test(test_an_errno_that_has_its_own_error_comes_back_as_itself),
        cmocka_unit_test(test_an_unknown_errno_is_a_failed_system_call),
        cmocka_unit_test(test_a_number_that_is_no_error_is_told_as_a_failed_system_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
