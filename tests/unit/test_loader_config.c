/* SPDX-License-Identifier: Apache-2.0
 *
 * The eight bytes that tell Otter's loader from the core's. */
#include "format/error.h"
#include "format/loader_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_loader_config_bytes_are_as_documented(void **state)
{
    static const uint8_t expected[] = {1, 0, 'O', 'L', 0, 0xe0, 0x1f, 0};
    struct otter_loader_config config = {1, 0x1fe000};
    struct otter_loader_config back = {0, 0};
    uint8_t bytes[OTTER_LOADER_CONFIG_SIZE];

    (void)state;
    otter_loader_config_encode(&config, bytes);
    assert_memory_equal(bytes, expected, sizeof expected);
    assert_int_equal(otter_loader_config_decode(bytes, &back), 0);
    assert_int_equal(back.version, 1);
    assert_int_equal(back.log, 0x1fe000);
    assert_int_equal(OTTER_LOADER_CONFIG_WORD, 0x4c4f0001);
}

static void test_loader_config_of_other_loaders_is_refused(void **state)
{
    static const uint8_t core[] = {0x12, 0xc1, 0xf0, 9, 0, 0, 0, 0};
    static const uint8_t version_0[] = {0, 0, 'O', 'L', 0, 0, 0, 0};
    struct otter_loader_config config;

    (void)state;
    assert_int_equal(otter_loader_config_decode(core, &config),
                     OTTER_ERR_LOADER);
    assert_int_equal(otter_loader_config_decode(version_0, &config),
                     OTTER_ERR_LOADER);
}

static void test_loader_log_lies_below_the_file_system(void **state)
{
    (void)state;
    assert_int_equal(otter_loader_log_addr(0x200000), 0x1fe000);
    assert_int_equal(otter_loader_log_addr(0x7b000), 0x79000);
    assert_int_equal(otter_loader_log_addr(0x3000), OTTER_LOADER_NO_LOG);
    assert_int_equal(otter_loader_log_addr(0), OTTER_LOADER_NO_LOG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loader_config_bytes_are_as_documented),
        cmocka_unit_test(test_loader_config_of_other_loaders_is_refused),
        cmocka_unit_test(test_loader_log_lies_below_the_file_system),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
