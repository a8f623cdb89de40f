/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of the command line: strict, with their limits. */
#include "host/number.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_number_limits_are_inclusive(void **state)
{
    uint32_t value = 0;

    (void)state;
    assert_int_equal(otter_number_parse(&value, "1", 1, 65535), 0);
    assert_int_equal(value, 1);
    assert_int_equal(otter_number_parse(&value, "65535", 1, 65535), 0);
    assert_int_equal(value, 65535);
    assert_int_equal(otter_number_parse(&value, "0", 1, 65535),
                     OTTER_ERR_SYNTAX);
    assert_int_equal(otter_number_parse(&value, "65536", 1, 65535),
                     OTTER_ERR_SYNTAX);
}

static void test_number_with_anything_else_is_none(void **state)
{
    static const char *const texts[] = {
        "",   " 1",  "1 ",
        "+1", "-1",  "80a",
        "0x", "1.0", "99999999999999999999999"};
    uint32_t value = 7;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(otter_number_parse(&value, texts[i], 0, UINT32_MAX),
                         OTTER_ERR_SYNTAX);
    }
    assert_int_equal(value, 7);
}

static void test_number_ports_single_and_range(void **state)
{
    uint16_t first;
    uint16_t last;

    (void)state;
    assert_int_equal(otter_number_parse_ports(&first, &last, "8300"), 0);
    assert_int_equal(first, 8300);
    assert_int_equal(last, 8300);
    assert_int_equal(otter_number_parse_ports(&first, &last, "1-65535"), 0);
    assert_int_equal(first, 1);
    assert_int_equal(last, 65535);
}

static void test_number_ports_malformed_are_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "-",
                                        "9-",
                                        "-9",
                                        "9-8",
                                        "0-9",
                                        "1-2-3",
                                        "1-65536",
                                        "a-b",
                                        "1 - 2",
                                        "000000000000001"};
    uint16_t first;
    uint16_t last;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(otter_number_parse_ports(&first, &last, texts[i]),
                         OTTER_ERR_SYNTAX);
    }
}

static void test_number_seconds_become_milliseconds(void **state)
{
    uint32_t ms;

    (void)state;
    assert_int_equal(otter_number_parse_seconds(&ms, "10"), 0);
    assert_int_equal(ms, 10000);
    assert_int_equal(otter_number_parse_seconds(&ms, "0.25"), 0);
    assert_int_equal(ms, 250);
    assert_int_equal(otter_number_parse_seconds(&ms, "86400"), 0);
    assert_int_equal(ms, 86400000);
    for (const char *const *text =
             (const char *const[]){"0", "", "-1", "1e3", "nan", "86401",
                                   "1.2.3", ".", NULL};
         *text; text++) {
        assert_int_equal(otter_number_parse_seconds(&ms, *text),
                         OTTER_ERR_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_limits_are_inclusive),
        cmocka_unit_test(test_number_with_anything_else_is_none),
        cmocka_unit_test(test_number_ports_single_and_range),
        cmocka_unit_test(test_number_ports_malformed_are_refused),
        cmocka_unit_test(test_number_seconds_become_milliseconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
