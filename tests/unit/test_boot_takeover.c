/* SPDX-License-Identifier: Apache-2.0
 *
 * The boot loader and the commands that the core's Updater leaves. */
#include "format/error.h"
#include "format/loader_config.h"
#include "format/rtc_command.h"
#include "tests/unit/boot_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void command(uint32_t source, uint32_t destination, uint32_t size)
{
    struct otter_rtc_command c;

    otter_rtc_command_set_copy(&c, source, destination, size);
    otter_rtc_command_encode(&c, otter_sim_board.rtc);
}

/* Staged as the core does: so that it ends where the file system begins. */
static uint32_t stage_stock(const uint8_t *file, uint32_t size)
{
    uint32_t addr = FS - ((size + SECTOR - 1) & ~(SECTOR - 1));

    put_flash(addr, file, size);
    command(addr, 0, size);
    return addr;
}

static void check_stock_done(uint32_t addr)
{
    assert_int_equal(app.record.state, OTTER_BOOT_DONE);
    assert_int_equal(app.record.target.addr, addr);
    assert_true(app.record.flags & OTTER_BOOT_STOCK);
    assert_false(app.dirty);
    assert_int_equal(otter_sim_board.rtc[0], 0);
    assert_int_equal(app.seen[app.sector], 1); /* nothing else in the log */
    assert_int_equal(app.seen[app.sector ^ 1], 0);
}

static void test_boot_stock_command_is_moved_off_the_log(void **state)
{
    uint32_t addr = stage_stock(file_new, NEW_SIZE);

    (void)state;
    start();
    check_installed(file_new, NEW_SIZE);
    check_stock_done(addr - 2 * SECTOR);
    assert_memory_equal(flash(addr - 2 * SECTOR), file_new, NEW_SIZE);
    start();
    check_stock_done(addr - 2 * SECTOR);
}

static void test_boot_stock_gzip_command_is_installed(void **state)
{
    uint32_t size = pack();
    uint32_t addr = stage_stock(packed, size);

    (void)state;
    start();
    check_installed(file_new, NEW_SIZE);
    check_stock_done(addr - 2 * SECTOR);
    assert_int_equal(app.record.target.size, NEW_SIZE);
}

static void test_boot_stock_command_off_the_log_is_not_moved(void **state)
{
    (void)state;
    command(SLOT_B, 0, NEW_SIZE);
    start();
    check_installed(file_new, NEW_SIZE);
    check_stock_done(SLOT_B);
}

static void test_boot_stock_command_without_room_copies_as_the_core(
    void **state)
{
    uint32_t addr = FS - 6 * SECTOR;

    (void)state;
    /* The running program ends within two sectors of the staged file. */
    put32(flash(SECTOR + 12), addr - SECTOR - 4096 - 16);
    stage_stock(file_new, NEW_SIZE);
    start();
    check_installed(file_new, NEW_SIZE);
    assert_non_null(strstr(otter_sim_board.console, "not power-safe"));
    assert_memory_equal(flash(addr), file_new, NEW_SIZE);
}

static void test_boot_damaged_stock_gzip_leaves_the_old_program(void **state)
{
    uint32_t size = pack();

    (void)state;
    packed[size / 2] ^= 0x10;
    stage_stock(packed, size);
    assert_int_equal(start()->reason, OTTER_BOOT_REASON_DAMAGED);
    check_installed(file_old, OLD_SIZE);
}

/* Its first byte was not programmed: it looks neither like an image nor like
 * gzip. */
static void test_boot_stock_command_for_no_image_leaves_the_old_program(
    void **state)
{
    uint32_t size = pack();

    (void)state;
    packed[0] = 0xff;
    stage_stock(packed, size);
    assert_int_equal(start()->reason, OTTER_BOOT_REASON_DAMAGED);
    check_installed(file_old, OLD_SIZE);
}

static void test_boot_other_commands_are_cleared_and_not_obeyed(void **state)
{
    (void)state;
    command(SLOT_B, FS, NEW_SIZE); /* over the file system */
    start();
    check_installed(file_old, OLD_SIZE);
    assert_int_equal(otter_sim_board.rtc[0], 0);
    command(SLOT_B, 0, NEW_SIZE);
    otter_sim_board.rtc[7] ^= 1; /* CRC */
    start();
    check_installed(file_old, OLD_SIZE);
    assert_int_equal(otter_sim_board.counters.erases, 0);
}

static void test_boot_unfinished_copy_goes_before_a_command(void **state)
{
    (void)state;
    ask(OTTER_BOOT_BEGUN);
    command(SLOT_A, 0, OLD_SIZE);
    start();
    check_installed(file_new, NEW_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_boot_stock_command_is_moved_off_the_log),
        TEST(test_boot_stock_gzip_command_is_installed),
        TEST(test_boot_stock_command_off_the_log_is_not_moved),
        TEST(test_boot_stock_command_without_room_copies_as_the_core),
        TEST(test_boot_damaged_stock_gzip_leaves_the_old_program),
        TEST(test_boot_stock_command_for_no_image_leaves_the_old_program),
        TEST(test_boot_other_commands_are_cleared_and_not_obeyed),
        TEST(test_boot_unfinished_copy_goes_before_a_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
