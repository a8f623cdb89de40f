/* SPDX-License-Identifier: Apache-2.0
 *
 * The power-cut campaign's fast CRC is the shipping one's equal.  Both have
 * the same name, so the shipping one is included under another. */
#define otter_crc32 shipping_crc32
#include "format/crc32.c"
#undef otter_crc32

uint32_t otter_crc32(uint32_t crc, const void *data, uint32_t len);

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_fast_crc32_equals_the_shipping_one(void **state)
{
    uint8_t data[512];
    uint32_t seed = 1;

    (void)state;
    for (uint32_t i = 0; i < sizeof data; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (uint8_t)(seed >> 24);
    }
    for (uint32_t from = 0; from < 20; from++) {
        for (uint32_t len = 0; len + from <= sizeof data; len++) {
            assert_int_equal(otter_crc32(seed + len, data + from, len),
                             shipping_crc32(seed + len, data + from, len));
        }
    }
    assert_int_equal(otter_crc32(OTTER_CRC32_INIT, "123456789", 9),
                     0x0376E6E7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fast_crc32_equals_the_shipping_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
