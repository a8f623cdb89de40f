/* SPDX-License-Identifier: Apache-2.0
 *
 * Hexadecimal text both ways. */
#include "format/hex.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_hex_encode_writes_lowercase_and_nul(void **state)
{
    const uint8_t data[4] = {0x00, 0x9F, 0xA0, 0xFF};
    char out[10];

    (void)state;
    memset(out, 'x', sizeof out);
    otter_hex_encode(out, data, sizeof data);
    assert_string_equal(out, "009fa0ff");
    assert_int_equal(out[9], 'x');
    otter_hex_encode(out, data, 0);
    assert_string_equal(out, "");
}

static void test_hex_decode_reads_every_byte_in_both_cases(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        uint8_t byte = (uint8_t)value;
        char text[3];
        uint8_t back;

        otter_hex_encode(text, &byte, 1);
        assert_int_equal(otter_hex_decode(&back, text, 1), 0);
        assert_int_equal(back, value);
        for (size_t i = 0; i < 2; i++) {
            if (text[i] >= 'a') {
                text[i] = (char)(text[i] - 'a' + 'A');
            }
        }
        assert_int_equal(otter_hex_decode(&back, text, 1), 0);
        assert_int_equal(back, value);
    }
}

static void test_hex_decode_refuses_every_other_character(void **state)
{
    uint8_t out[2];

    (void)state;
    for (int c = -128; c < 128; c++) {
        char text[4] = {'0', '0', '0', '0'};
        bool digit = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;

        for (size_t i = 0; i < sizeof text; i++) {
            memset(text, '0', sizeof text);
            text[i] = (char)c;
            assert_int_equal(otter_hex_decode(out, text, 2),
                             digit ? 0 : OTTER_ERR_SYNTAX);
        }
    }
}

static void test_hex_decode_short_text_stops_at_its_end(void **state)
{
    uint8_t out[4];
    char text[3] = {'1', '2', '3'}; /* the sanitizer watches its end */

    (void)state;
    assert_int_equal(otter_hex_decode(out, text, 1), 0);
    assert_int_equal(out[0], 0x12);
    assert_int_equal(otter_hex_decode(out, "12\0", 2), OTTER_ERR_SYNTAX);
    assert_int_equal(otter_hex_decode(out, "", 1), OTTER_ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex_encode_writes_lowercase_and_nul),
        cmocka_unit_test(test_hex_decode_reads_every_byte_in_both_cases),
        cmocka_unit_test(test_hex_decode_refuses_every_other_character),
        cmocka_unit_test(test_hex_decode_short_text_stops_at_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
