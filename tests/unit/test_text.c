/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts in bounded buffers: always closed, never longer than the buffer. */
#include "format/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_text_appends_every_kind(void **state)
{
    struct otter_text text;
    char buf[64];

    (void)state;
    otter_text_init(&text, buf, sizeof buf);
    assert_string_equal(buf, "");
    otter_text_string(&text, "a ");
    otter_text_decimal(&text, 0);
    otter_text_char(&text, ' ');
    otter_text_decimal(&text, UINT32_MAX);
    otter_text_char(&text, ' ');
    otter_text_hex32(&text, 0x0012abcd);
    assert_string_equal(buf, "a 0 4294967295 0012abcd");
    assert_int_equal(text.len, strlen(buf));
    assert_false(text.truncated);
}

static void test_text_too_long_is_cut_and_remembered(void **state)
{
    struct otter_text text;
    char buf[8];

    (void)state;
    for (uint32_t size = 1; size < sizeof buf; size++) {
        memset(buf, '#', sizeof buf);
        otter_text_init(&text, buf, size);
        otter_text_string(&text, "1234567890");
        assert_true(text.truncated);
        assert_int_equal(text.len, size - 1);
        assert_int_equal(strlen(buf), size - 1);
        assert_int_equal(buf[size], '#');
    }
    otter_text_init(&text, buf, sizeof buf);
    otter_text_string(&text, "1234567");
    assert_false(text.truncated);
    otter_text_char(&text, '8');
    assert_true(text.truncated);
    assert_string_equal(buf, "1234567");
}

static void test_text_foreign_bytes_become_harmless(void **state)
{
    struct otter_text text;
    char buf[300];
    uint8_t bytes[256];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    otter_text_init(&text, buf, sizeof buf);
    otter_text_foreign(&text, bytes, sizeof bytes);
    assert_int_equal(text.len, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        assert_int_equal(buf[i], i >= 0x20 && i < 0x7F ? (int)i : '?');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_appends_every_kind),
        cmocka_unit_test(test_text_too_long_is_cut_and_remembered),
        cmocka_unit_test(test_text_foreign_bytes_become_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
