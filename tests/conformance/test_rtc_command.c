/* SPDX-License-Identifier: Apache-2.0
 *
 * The vectors of protocol 3.2 (section 10 item 1): CRC values and boot
 * command blocks. */
#include "format/rtc_command.h"

#include "format/crc32.h"
#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define WORDS OTTER_RTC_COMMAND_WORDS

static void test_crc32_check_values_match(void **state)
{
    (void)state;
    assert_int_equal(otter_crc32(OTTER_CRC32_INIT, "123456789", 9),
                     0x0376E6E7);
    assert_int_equal(otter_crc32(OTTER_CRC32_INIT, "", 0), 0xFFFFFFFF);
}

/* The definition itself, one bit at a time. */
static uint32_t crc_by_bits(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xFFFFFFFF;

    for (size_t bit = 0; bit < len * 8; bit++) {
        uint32_t in = (uint32_t)data[bit / 8] >> (7 - bit % 8) & 1u;
        uint32_t out = crc >> 31;

        crc = (crc << 1) ^ ((in ^ out) != 0 ? 0x04C11DB7u : 0u);
    }
    return crc;
}

static void test_crc32_in_pieces_equals_bitwise_definition(void **state)
{
    uint8_t data[1031];
    uint32_t crc = OTTER_CRC32_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 31 + (i >> 3));
    }
    for (size_t at = 0; at < sizeof data;) {
        uint32_t len = (uint32_t)(at % 7 + 1);

        len = at + len > sizeof data ? (uint32_t)(sizeof data - at) : len;
        crc = otter_crc32(crc, data + at, len);
        at += len;
    }
    assert_int_equal(crc, crc_by_bits(data, sizeof data));
}

static void expect_copy_block(uint32_t source, uint32_t size, uint32_t crc)
{
    struct otter_rtc_command command;
    uint32_t words[WORDS];

    otter_rtc_command_set_copy(&command, source, 0, size);
    otter_rtc_command_encode(&command, words);
    assert_int_equal(words[0], 0xEB001000);
    assert_int_equal(words[1], 1);
    assert_int_equal(words[2], source);
    assert_int_equal(words[3], 0);
    assert_int_equal(words[4], size);
    for (size_t i = 5; i < 31; i++) {
        assert_int_equal(words[i], 0);
    }
    assert_int_equal(words[31], crc);
}

static void test_rtc_command_copy_blocks_match_vectors(void **state)
{
    (void)state;
    expect_copy_block(0x0029F000, 0x00060780, 0x6DAC13E5);
    expect_copy_block(0x000B8000, 0x000472F0, 0xDF413FF5);
}

static void test_rtc_command_load_app_round_trips(void **state)
{
    struct otter_rtc_command command;
    struct otter_rtc_command back;
    uint32_t words[WORDS];

    (void)state;
    otter_rtc_command_set_load(&command, 0x300000);
    otter_rtc_command_encode(&command, words);
    assert_int_equal(words[1], 0xFFFFFFFF);
    assert_int_equal(words[2], 0x300000);
    assert_int_equal(otter_rtc_command_decode(words, &back), 0);
    assert_memory_equal(&back, &command, sizeof back);
}

static void test_rtc_command_stack_garbage_in_arguments_is_kept(void **state)
{
    struct otter_rtc_command command;
    struct otter_rtc_command back;
    uint32_t words[WORDS];

    (void)state;
    otter_rtc_command_set_copy(&command, 0x1000, 0, 42);
    memset(&command.args[3], 0xA5, sizeof command.args - 12);
    otter_rtc_command_encode(&command, words);
    assert_int_equal(otter_rtc_command_decode(words, &back), 0);
    assert_memory_equal(&back, &command, sizeof back);
}

static void test_rtc_command_any_changed_bit_is_refused(void **state)
{
    struct otter_rtc_command command;
    uint32_t words[WORDS];

    (void)state;
    otter_rtc_command_set_copy(&command, 0x29F000, 0, 0x60780);
    otter_rtc_command_encode(&command, words);
    for (uint32_t bit = 0; bit < WORDS * 32; bit++) {
        words[bit / 32] ^= 1u << (bit % 32);
        assert_int_equal(otter_rtc_command_decode(words, &command),
                         OTTER_ERR_RECORD);
        words[bit / 32] ^= 1u << (bit % 32);
    }
    assert_int_equal(otter_rtc_command_decode(words, &command), 0);
}

static void test_rtc_command_magic_low_bits_are_masked(void **state)
{
    struct otter_rtc_command command;
    uint32_t words[WORDS];
    uint8_t bytes[124];

    (void)state;
    otter_rtc_command_set_copy(&command, 0x29F000, 0, 0x60780);
    otter_rtc_command_encode(&command, words);
    words[0] = 0xEB001ABC;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(words[i / 4] >> (i % 4 * 8));
    }
    words[31] = crc_by_bits(bytes, sizeof bytes);
    assert_int_equal(otter_rtc_command_decode(words, &command), 0);
}

static void test_rtc_command_cleared_is_no_command(void **state)
{
    struct otter_rtc_command command;
    uint32_t words[WORDS];

    (void)state;
    otter_rtc_command_set_copy(&command, 0x29F000, 0, 0x60780);
    otter_rtc_command_encode(&command, words);
    otter_rtc_command_clear(words);
    assert_int_equal(words[0], 0);
    assert_int_equal(words[31], 0);
    assert_int_equal(words[2], 0x29F000);
    assert_int_equal(otter_rtc_command_decode(words, &command),
                     OTTER_ERR_RECORD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32_check_values_match),
        cmocka_unit_test(test_crc32_in_pieces_equals_bitwise_definition),
        cmocka_unit_test(test_rtc_command_copy_blocks_match_vectors),
        cmocka_unit_test(test_rtc_command_load_app_round_trips),
        cmocka_unit_test(test_rtc_command_stack_garbage_in_arguments_is_kept),
        cmocka_unit_test(test_rtc_command_any_changed_bit_is_refused),
        cmocka_unit_test(test_rtc_command_magic_low_bits_are_masked),
        cmocka_unit_test(test_rtc_command_cleared_is_no_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
