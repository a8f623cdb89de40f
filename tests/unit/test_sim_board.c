/* SPDX-License-Identifier: Apache-2.0
 *
 * The board that other tests stand on: flash obeys NOR and its faults reach
 * the caller, RTC memory has its bounds, a restart goes where it should. */
#include "tests/support/sim_board.h"

#include "format/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int open_board(void **state)
{
    (void)state;
    otter_sim_board_open(0x10000);
    return 0;
}

static int close_board(void **state)
{
    (void)state;
    otter_sim_board_close();
    return 0;
}

static void test_sim_board_flash_programs_erases_and_keeps_time(void **state)
{
    uint32_t word = 0x12345678;
    uint32_t got = 0;

    (void)state;
    assert_int_equal(otter_flash_size(), 0x10000);
    assert_int_equal(otter_flash_program(0x1000, &word, 4), 0);
    assert_int_equal(otter_flash_read(0x1000, &got, 4), 0);
    assert_int_equal(got, word);
    assert_int_equal(otter_flash_erase(0x1000), 0);
    assert_int_equal(otter_flash_read(0x1000, &got, 4), 0);
    assert_int_equal(got, 0xffffffff);
    assert_int_equal(otter_sim_board.counters.time_us, 45700);
    assert_int_equal(otter_sim_board.counters.violations, 0);
}

static void test_sim_board_read_fails_where_the_test_says(void **state)
{
    uint32_t words[2];

    (void)state;
    otter_sim_board.read_fails_addr = 0x2004;
    otter_sim_board.read_fails_len = 4;
    assert_int_equal(otter_flash_read(0x2000, words, 4), 0);
    assert_int_equal(otter_flash_read(0x2008, words, 4), 0);
    assert_int_equal(otter_flash_read(0x2000, words, 8), OTTER_ERR_FLASH_READ);
}

static void test_sim_board_rtc_beyond_its_end_is_refused(void **state)
{
    uint32_t words[2] = {1, 2};

    (void)state;
    assert_int_equal(otter_rtc_write(126, words, 2), 0);
    assert_int_equal(otter_rtc_write(127, words, 2), OTTER_ERR_INVALID);
    assert_int_equal(otter_rtc_read(128, words, 1), OTTER_ERR_INVALID);
    assert_int_equal(otter_rtc_read(UINT32_MAX, words, 1), OTTER_ERR_INVALID);
    assert_int_equal(otter_sim_board.rtc[127], 2);
}

static void test_sim_board_restart_lands_where_the_test_waits(void **state)
{
    jmp_buf there;

    (void)state;
    if (setjmp(there) == 0) {
        otter_sim_board.on_restart = &there;
        otter_board_restart();
    }
    assert_int_equal(otter_sim_board.restarts, 1);
}

static void test_sim_board_identity_settings_and_clock_are_set(void **state)
{
    char text[4];
    int64_t utc;

    (void)state;
    assert_int_equal(otter_board_chip_id(), 0x010203);
    assert_int_equal(otter_board_setting("name", text, sizeof text),
                     OTTER_ERR_NO_DATA);
    otter_sim_board.settings[0].key = "name";
    otter_sim_board.settings[0].value = "kettle";
    assert_int_equal(otter_board_setting("name", text, sizeof text), 3);
    assert_string_equal(text, "ket");
    assert_int_equal(otter_clock_utc(&utc), OTTER_ERR_STATE);
    otter_sim_board.now_ms = 7;
    assert_int_equal(otter_clock_since(UINT32_MAX), 8);
}

#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, open_board, close_board)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sim_board_flash_programs_erases_and_keeps_time),
        TEST(test_sim_board_read_fails_where_the_test_says),
        TEST(test_sim_board_rtc_beyond_its_end_is_refused),
        TEST(test_sim_board_restart_lands_where_the_test_waits),
        TEST(test_sim_board_identity_settings_and_clock_are_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
