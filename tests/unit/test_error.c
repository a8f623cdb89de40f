/* SPDX-License-Identifier: Apache-2.0
 *
 * The error list: every number once, every text there. */
#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int numbers[] = {
#define NUMBER(symbol, number, text) (number),
    OTTER_ERRORS(NUMBER)
#undef NUMBER
};

static void test_error_numbers_are_negative_and_unique(void **state)
{
    size_t count = sizeof numbers / sizeof numbers[0];

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true(numbers[i] < 0);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(numbers[i], numbers[j]);
        }
    }
}

static void test_error_text_is_never_null(void **state)
{
    (void)state;
    assert_string_equal(otter_error_text(0), "no error");
    assert_string_equal(otter_error_text(-9999), "unknown error");
    assert_string_equal(otter_error_name(OTTER_ERR_DIGEST), "DIGEST");
    assert_string_equal(otter_error_name(0), "OK");
    assert_string_equal(otter_error_name(12345), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_numbers_are_negative_and_unique),
        cmocka_unit_test(test_error_text_is_never_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
