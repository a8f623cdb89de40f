/* SPDX-License-Identifier: Apache-2.0
 *
 * The image descriptor: what a sketch defines is what a reader sees. */
#include "format/descriptor.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

OTTER_DESCRIPTOR_DEFINE(test_block, "basic_ota", "1.1.0", "posix", "esp8266",
                        OTTER_DESCRIPTOR_CONFIRMS, 7);

static void copy_block(uint8_t bytes[OTTER_DESCRIPTOR_SIZE])
{
    memcpy(bytes, &test_block, OTTER_DESCRIPTOR_SIZE);
}

static void test_descriptor_defined_block_decodes(void **state)
{
    struct otter_descriptor d;
    uint8_t bytes[OTTER_DESCRIPTOR_SIZE];

    (void)state;
    copy_block(bytes);
    assert_int_equal(otter_descriptor_decode(bytes, &d), 0);
    assert_int_equal(d.flags, OTTER_DESCRIPTOR_CONFIRMS);
    assert_int_equal(d.min_loader, 7);
    assert_string_equal(d.name, "basic_ota");
    assert_string_equal(d.version, "1.1.0");
    assert_string_equal(d.board, "posix");
    assert_string_equal(d.chip, "esp8266");
}

/* The places are a format: servers and old loaders read them for ever. */
static void test_descriptor_fields_lie_where_the_header_says(void **state)
{
    uint8_t bytes[OTTER_DESCRIPTOR_SIZE];
    static const uint8_t head[20] = {0x4F, 0x74, 0x74, 0x65, 0x72, 0x1A, 0xD5,
                                     0x01, 1,    0,    128,  0,    1,    0,
                                     0,    0,    7,    0,    0,    0};

    (void)state;
    copy_block(bytes);
    assert_memory_equal(bytes, head, sizeof head);
    assert_string_equal((const char *)bytes + 20, "basic_ota");
    assert_string_equal((const char *)bytes + 52, "1.1.0");
    assert_string_equal((const char *)bytes + 76, "posix");
    assert_string_equal((const char *)bytes + 92, "esp8266");
    for (size_t i = 108; i < sizeof bytes; i++) {
        assert_int_equal(bytes[i], 0);
    }
}

static void test_descriptor_full_fields_round_trip(void **state)
{
    struct otter_descriptor d = {.flags = 0x80000001u, .min_loader = 1};
    struct otter_descriptor back;
    uint8_t bytes[OTTER_DESCRIPTOR_SIZE];

    (void)state;
    memset(d.name, 'n', sizeof d.name - 1);
    memset(d.version, '~', sizeof d.version - 1);
    memset(d.board, ' ', sizeof d.board - 1);
    memset(d.chip, 'c', sizeof d.chip - 1);
    otter_descriptor_encode(&d, bytes);
    memset(&back, 0x55, sizeof back);
    assert_int_equal(otter_descriptor_decode(bytes, &back), 0);
    assert_int_equal(back.flags, d.flags);
    assert_string_equal(back.name, d.name);
    assert_string_equal(back.version, d.version);
    assert_string_equal(back.board, d.board);
    assert_string_equal(back.chip, d.chip);
}

static void test_descriptor_absent_magic_is_no_data(void **state)
{
    struct otter_descriptor d;
    uint8_t bytes[OTTER_DESCRIPTOR_SIZE];

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        copy_block(bytes);
        bytes[i] ^= 1;
        assert_false(otter_descriptor_has_magic(bytes));
        assert_int_equal(otter_descriptor_decode(bytes, &d),
                         OTTER_ERR_NO_DATA);
    }
}

static void test_descriptor_other_layout_or_size_is_refused(void **state)
{
    struct otter_descriptor d;
    uint8_t bytes[OTTER_DESCRIPTOR_SIZE];

    (void)state;
    for (size_t i = 8; i < 12; i++) {
        copy_block(bytes);
        bytes[i] ^= 2;
        assert_int_equal(otter_descriptor_decode(bytes, &d), OTTER_ERR_SYNTAX);
    }
}

static void test_descriptor_control_characters_are_refused(void **state)
{
    static const size_t texts[] = {20, 52, 76, 92};
    static const uint8_t bad[] = {0x1B, 0x0A, 0x7F, 0x80, 0xFF};
    struct otter_descriptor d;
    uint8_t bytes[OTTER_DESCRIPTOR_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t j = 0; j < sizeof bad; j++) {
            copy_block(bytes);
            bytes[texts[i] + 1] = bad[j];
            assert_int_equal(otter_descriptor_decode(bytes, &d),
                             OTTER_ERR_SYNTAX);
        }
    }
}

static void test_descriptor_unknown_flags_and_tail_are_accepted(void **state)
{
    struct otter_descriptor d;
    uint8_t bytes[OTTER_DESCRIPTOR_SIZE];

    (void)state;
    copy_block(bytes);
    bytes[15] = 0x80;
    bytes[127] = 0xFF;
    bytes[40] = 0xFF; /* behind the NUL of the name */
    assert_int_equal(otter_descriptor_decode(bytes, &d), 0);
    assert_int_equal(d.flags, 0x80000001u);
    assert_string_equal(d.name, "basic_ota");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptor_defined_block_decodes),
        cmocka_unit_test(test_descriptor_fields_lie_where_the_header_says),
        cmocka_unit_test(test_descriptor_full_fields_round_trip),
        cmocka_unit_test(test_descriptor_absent_magic_is_no_data),
        cmocka_unit_test(test_descriptor_other_layout_or_size_is_refused),
        cmocka_unit_test(test_descriptor_control_characters_are_refused),
        cmocka_unit_test(test_descriptor_unknown_flags_and_tail_are_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
