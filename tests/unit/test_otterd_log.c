/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of the server's log: nothing that a value holds leaves its line or
 * its quotes. */
#include "server/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static char line[OTTERD_LOG_LINE];

static const char *make(bool json, const char *value)
{
    const struct otterd_log_field fields[] = {otterd_log_text("key", value),
                                              otterd_log_number("n", -7),
                                              {NULL, NULL, 0}};
    size_t len = otterd_log_format(line, json, "2026-11-27T22:30:00Z",
                                   OTTERD_LOG_WARNING, "tried", fields);

    assert_int_equal(len, strlen(line));
    assert_true(len < sizeof line - 1);
    return line;
}

#define HEAD "time=2026-11-27T22:30:00Z level=warning event=tried "

static void test_log_plain_value_is_bare(void **state)
{
    (void)state;
    assert_string_equal(make(false, "a/b:c"), HEAD "key=a/b:c n=-7");
}

static void test_log_values_cannot_forge_fields_or_lines(void **state)
{
    (void)state;
    assert_string_equal(make(false, ""), HEAD "key=\"\" n=-7");
    assert_string_equal(make(false, "a level=error"),
                        HEAD "key=\"a level=error\" n=-7");
    assert_string_equal(make(false, "a\" x=\"\\"),
                        HEAD "key=\"a\\\" x=\\\"\\\\\" n=-7");
    assert_string_equal(make(false, "a\nlevel=error\r\x1b[2J"),
                        HEAD "key=\"a\\nlevel=error\\x0d\\x1b[2J\" n=-7");
    assert_string_equal(make(false, "\xc2\x9b\xff\x7f"),
                        HEAD "key=\"\\xc2\\x9b\\xff\\x7f\" n=-7");
}

static void test_log_json_is_json_whatever_a_value_holds(void **state)
{
    char value[256];

    (void)state;
    for (int i = 1; i < 256; i++) {
        value[i - 1] = (char)i;
    }
    value[255] = '\0';
    {
        json_error_t error;
        json_t *read = json_loads(make(true, value), 0, &error);

        assert_non_null(read);
        assert_string_equal(json_string_value(json_object_get(read, "level")),
                            "warning");
        assert_int_equal(json_integer_value(json_object_get(read, "n")), -7);
        /* Bytes above ASCII come out as the characters of Latin-1. */
        assert_int_equal(json_string_length(json_object_get(read, "key")),
                         127 + 2 * 128);
        json_decref(read);
    }
}

static void test_log_long_values_are_cut_and_lines_stay_whole(void **state)
{
    char value[9000];
    struct otterd_log_field fields[200];

    (void)state;
    for (int json = 0; json < 2; json++) {
        for (size_t width = 1; width < sizeof value; width += 777) {
            size_t len;

            for (int kind = 0; kind < 3; kind++) {
                memset(value, "a\n\xff"[kind], sizeof value);
                value[width] = '\0';
                for (int i = 0; i < 199; i++) {
                    fields[i] = otterd_log_text("key", value);
                }
                fields[199].key = NULL;
                len = otterd_log_format(line, json, NULL, OTTERD_LOG_ERROR,
                                        "tried", fields);
                assert_true(len < sizeof line - 1);
                assert_null(memchr(line, '\n', len));
                assert_string_equal(line + len, "");
                if (json) {
                    json_t *read = json_loads(line, 0, NULL);

                    assert_non_null(read);
                    json_decref(read);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_plain_value_is_bare),
        cmocka_unit_test(test_log_values_cannot_forge_fields_or_lines),
        cmocka_unit_test(test_log_json_is_json_whatever_a_value_holds),
        cmocka_unit_test(test_log_long_values_are_cut_and_lines_stay_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
