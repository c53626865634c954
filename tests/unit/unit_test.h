// SPDX-License-Identifier: Apache-2.0
// cmocka with what it wants included before it, and two things that every test needs.
#pragma once

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// Opens a test function: TEST(test_a_sentence) { ... }
#define TEST(name) static void name(void **state_ __attribute__((unused)))

// Compares two values of enum err; a failure shows both by name.
#define assert_err(actual, expected)                                                     \
    assert_string_equal(err_name(actual), err_name(expected))
#define assert_ok(actual) assert_err(actual, ERR_NONE)
