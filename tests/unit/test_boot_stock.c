/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's loader, row by row from protocol 3.2 and 3.3, and what a power
 * cut or a reset after each sector does to it (protocol 10, item 10). */
#include "boot/stock.h"
#include "format/error.h"
#include "format/rtc_command.h"
#include "tests/support/sim_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#define FLASH   0x40000u
#define STAGING 0x20000u
#define ENTRY   0x40100004u

static struct otter_boot_stock stock;
static uint32_t loaded[16]; /* vma, addr, len of each load */
static uint32_t load_count;
static uint32_t started;
static uint8_t file_a[5 * 4096]; /* the program that runs */
static uint8_t file_b[6 * 4096 - 1000];

static int on_load(uint32_t vma, uint32_t addr, uint32_t len)
{
    if (load_count < 5) {
        loaded[load_count * 3] = vma;
        loaded[load_count * 3 + 1] = addr;
        loaded[load_count * 3 + 2] = len;
    }
    load_count++;
    return 0;
}

static int on_start(uint32_t entry)
{
    started = entry;
    return OTTER_ERR_IMAGE;
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

/* A file with boot sector and three segments: flash window, IRAM, DRAM. */
static void make_file(uint8_t *file, uint32_t size, uint32_t seed)
{
    static const uint32_t vma[3] = {0x40201010, 0x40100000, 0x3FFE8000};
    uint8_t *p = file + 4096;

    for (uint32_t i = 0; i < size; i++) {
        seed = seed * 1664525u + 1013904223u;
        file[i] = (uint8_t)((seed >> 24) & (seed >> 16));
    }
    memset(file, 0x11, 4096);
    file[0] = 0xe9;
    memcpy(p, "\xe9\x03\x02\x40", 4);
    put32(p + 4, ENTRY);
    p += 8;
    for (uint32_t i = 0; i < 3; i++) {
        put32(p, vma[i]);
        put32(p + 4, 16 * (i + 1));
        p += 8 + 16 * (i + 1);
    }
}

static void put_flash(uint32_t addr, const uint8_t *data, uint32_t len)
{
    memset(otter_sim_board.nor.bytes + addr, 0xff, (len + 4095) & ~4095u);
    memcpy(otter_sim_board.nor.bytes + addr, data, len);
}

static bool flash_is(uint32_t addr, const uint8_t *data, uint32_t len)
{
    return memcmp(otter_sim_board.nor.bytes + addr, data, len) == 0;
}

static int set_up(void **state)
{
    (void)state;
    otter_sim_board_open(FLASH);
    otter_sim_board.load = on_load;
    otter_sim_board.start = on_start;
    load_count = 0;
    started = 0;
    make_file(file_a, sizeof file_a, 1);
    make_file(file_b, sizeof file_b, 2);
    put_flash(0, file_a, sizeof file_a);
    put_flash(STAGING, file_b, sizeof file_b);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    otter_sim_board_close();
    return 0;
}

static void command(uint32_t source, uint32_t destination, uint32_t size)
{
    struct otter_rtc_command c;

    otter_rtc_command_set_copy(&c, source, destination, size);
    otter_rtc_command_encode(&c, otter_sim_board.rtc);
}

static void check_console(const char *text)
{
    assert_string_equal(otter_sim_board.console, text);
}

static void test_stock_without_a_command_starts_what_is_there(void **state)
{
    static const uint32_t expected[] = {0x40100000, 0x1028, 32,
                                        0x3FFE8000, 0x1050, 48};

    (void)state;
    put32(otter_sim_board.nor.bytes + 0x1010, 0x0001f3c0);
    assert_int_equal(otter_boot_stock_run(&stock), OTTER_ERR_IMAGE);
    check_console("v0001f3c0\n~ld\n");
    assert_int_equal(started, ENTRY);
    assert_int_equal(load_count, 2); /* not the segment in the flash window */
    assert_memory_equal(loaded, expected, sizeof expected);
    assert_int_equal(otter_sim_board.counters.erases, 0);
    assert_int_equal(otter_sim_board.rtc_writes, 0);
}

static void test_stock_command_with_wrong_crc_is_no_command(void **state)
{
    (void)state;
    command(STAGING, 0, sizeof file_b);
    otter_sim_board.rtc[20] ^= 1;
    assert_int_equal(otter_boot_stock_run(&stock), OTTER_ERR_IMAGE);
    assert_int_equal(otter_sim_board.counters.erases, 0);
    assert_true(flash_is(0, file_a, sizeof file_a));
}

static void test_stock_copy_leaves_an_identical_boot_sector(void **state)
{
    (void)state;
    put32(otter_sim_board.nor.bytes + 0x1010, 0xabcdef12);
    command(STAGING, 0, sizeof file_b);
    assert_int_equal(otter_boot_stock_run(&stock), OTTER_ERR_IMAGE);
    check_console("vabcdef12\n@cp:B0\nld\n");
    assert_true(flash_is(0, file_b, sizeof file_b));
    assert_int_equal(otter_sim_board.counters.erases, 5);
    assert_int_equal(otter_sim_board.rtc[0], 0);
    assert_int_equal(otter_sim_board.rtc[31], 0);
    assert_true(otter_sim_board.watchdog_feeds >= 6);
    assert_int_equal(started, ENTRY);
}

static void test_stock_copy_rewrites_a_different_boot_sector(void **state)
{
    (void)state;
    otter_sim_board.nor.bytes[100] = 0x10;
    command(STAGING, 0, sizeof file_b);
    assert_int_equal(otter_boot_stock_run(&stock), OTTER_ERR_IMAGE);
    assert_true(flash_is(0, file_b, sizeof file_b));
    assert_int_equal(otter_sim_board.counters.erases, 6);
}

static void test_stock_copy_elsewhere_loads_from_there(void **state)
{
    (void)state;
    command(STAGING, 0x10000, sizeof file_b);
    assert_int_equal(otter_boot_stock_run(&stock), OTTER_ERR_IMAGE);
    assert_true(flash_is(0, file_a, sizeof file_a));
    assert_true(flash_is(0x10000, file_b, sizeof file_b));
    assert_int_equal(loaded[1], 0x11028);
}

static void test_stock_load_command_starts_elsewhere(void **state)
{
    struct otter_rtc_command c;

    (void)state;
    otter_rtc_command_set_load(&c, STAGING);
    otter_rtc_command_encode(&c, otter_sim_board.rtc);
    assert_int_equal(otter_boot_stock_run(&stock), OTTER_ERR_IMAGE);
    assert_int_equal(loaded[1], STAGING + 0x1028);
    assert_int_equal(otter_sim_board.counters.erases, 0);
    assert_int_equal(otter_sim_board.rtc[0], 0);
}

static void test_stock_unaligned_copy_fails_with_1(void **state)
{
    (void)state;
    put32(otter_sim_board.nor.bytes + 0x1010, 0x12345678);
    command(STAGING + 4, 0, 4096);
    assert_int_equal(otter_boot_stock_run(&stock), 1);
    check_console("v12345678\n@cp:1\n");
    assert_int_equal(started, 0);
    assert_int_equal(otter_sim_board.rtc[0], 0); /* cleared all the same */
}

static void test_stock_unknown_action_fails_with_9(void **state)
{
    struct otter_rtc_command c;

    (void)state;
    otter_rtc_command_set_load(&c, 0);
    c.action = 2;
    otter_rtc_command_encode(&c, otter_sim_board.rtc);
    assert_int_equal(otter_boot_stock_run(&stock), 9);
    assert_int_equal(otter_sim_board.rtc[0], 0);
}

static int fail_erase(struct otter_nor *nor, void *user,
                      enum otter_nor_operation operation, uint32_t addr,
                      const uint8_t *data, uint32_t len)
{
    (void)nor;
    (void)user;
    (void)addr;
    (void)data;
    (void)len;
    return operation == OTTER_NOR_ERASE ? OTTER_ERR_FLASH_ERASE : 0;
}

static int fail_program(struct otter_nor *nor, void *user,
                        enum otter_nor_operation operation, uint32_t addr,
                        const uint8_t *data, uint32_t len)
{
    (void)user;
    (void)data;
    if (operation == OTTER_NOR_ERASE) {
        memset(nor->bytes + addr, 0xff, len);
        return 0;
    }
    return OTTER_ERR_FLASH_PROGRAM;
}

static void test_stock_flash_failures_have_the_cores_numbers(void **state)
{
    (void)state;
    command(STAGING, 0, sizeof file_b);
    otter_sim_board.read_fails_addr = STAGING + 0x2000;
    otter_sim_board.read_fails_len = 4;
    assert_int_equal(otter_boot_stock_run(&stock), 3);
    otter_sim_board.read_fails_len = 0;

    command(STAGING, 0, sizeof file_b);
    otter_sim_board.nor.fault = fail_erase;
    assert_int_equal(otter_boot_stock_run(&stock), 2);

    command(STAGING, 0, sizeof file_b);
    otter_sim_board.nor.fault = fail_program;
    assert_int_equal(otter_boot_stock_run(&stock), 4);
    assert_int_equal(started, 0);
}

static void test_stock_unreadable_program_says_so(void **state)
{
    (void)state;
    memset(otter_sim_board.nor.bytes + 0x1000, 0xff, 0x1000);
    put32(otter_sim_board.nor.bytes + 0x1010, 0xffffffff);
    assert_int_equal(otter_boot_stock_run(&stock), 2);
    check_console("vffffffff\n~ld\ne:2\n");
    otter_sim_board.read_fails_addr = 0x1000;
    otter_sim_board.read_fails_len = 8;
    assert_int_equal(otter_boot_stock_run(&stock), 1);
}

static uint8_t packed[sizeof file_b + 1000];

/* Packs file_b; returns the length and where the second block begins. */
static uint32_t pack(uint32_t *second)
{
    z_stream z = {0};

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, 0), Z_OK);
    z.next_in = file_b;
    z.avail_in = 8192;
    z.next_out = packed;
    z.avail_out = sizeof packed;
    assert_int_equal(deflate(&z, Z_FULL_FLUSH), Z_OK);
    *second = (uint32_t)z.total_out;
    z.avail_in = sizeof file_b - 8192;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return (uint32_t)z.total_out;
}

static void test_stock_gzip_is_unpacked_with_ff_behind_it(void **state)
{
    uint32_t second;
    uint32_t size = pack(&second);

    (void)state;
    put_flash(STAGING, packed, size);
    command(STAGING, 0, size);
    assert_int_equal(otter_boot_stock_run(&stock), OTTER_ERR_IMAGE);
    assert_true(flash_is(0, file_b, sizeof file_b));
    for (uint32_t i = sizeof file_b; i < 6 * 4096; i++) {
        assert_int_equal(otter_sim_board.nor.bytes[i], 0xff);
    }
    assert_int_equal(otter_sim_board.counters.erases, 5);
}

static void test_stock_gzip_failures_have_the_cores_numbers(void **state)
{
    uint32_t second;
    uint32_t size = pack(&second);

    (void)state;
    packed[2] = 7; /* method */
    put_flash(STAGING, packed, size);
    command(STAGING, 0, size);
    assert_int_equal(otter_boot_stock_run(&stock), 5);

    packed[2] = 8;
    memcpy(packed + second, "\x05\0\0", 4); /* a code of no symbols */
    put_flash(STAGING, packed, size);
    command(STAGING, 0, size);
    assert_int_equal(otter_boot_stock_run(&stock), 6);
}

static void test_stock_gzip_trailer_rules_the_length(void **state)
{
    uint32_t second;
    uint32_t size = pack(&second);

    (void)state;
    put32(packed + size - 4, 0x80000000); /* no copy, the old one starts */
    put_flash(STAGING, packed, size);
    command(STAGING, 0, size);
    assert_int_equal(otter_boot_stock_run(&stock), OTTER_ERR_IMAGE);
    assert_int_equal(otter_sim_board.counters.erases, 0);

    put32(packed + size - 4, 2 * 4096); /* two sectors, CRC not looked at */
    put_flash(STAGING, packed, size);
    command(STAGING, 0, size);
    assert_int_equal(otter_boot_stock_run(&stock), OTTER_ERR_IMAGE);
    assert_int_equal(otter_sim_board.counters.erases, 1);
    assert_true(flash_is(0, file_b, 2 * 4096));
    assert_true(flash_is(2 * 4096, file_a + 2 * 4096, 3 * 4096));
}

/* --- Power cuts (protocol 10, item 10) ---------------------------------- */

static jmp_buf power;
static uint32_t erases_left;

static int cut(struct otter_nor *nor, void *user,
               enum otter_nor_operation operation, uint32_t addr,
               const uint8_t *data, uint32_t len)
{
    (void)user;
    if (operation == OTTER_NOR_PROGRAM) {
        memcpy(nor->bytes + addr, data, len);
        return 0;
    }
    if (erases_left-- == 0) {
        longjmp(power, 1);
    }
    memset(nor->bytes + addr, 0xff, len);
    return 0;
}

/* Copies until `sectors` of the program are written, then stops. */
static void run_and_stop_after(uint32_t sectors)
{
    command(STAGING, 0, sizeof file_b);
    erases_left = sectors;
    otter_sim_board.nor.fault = cut;
    if (setjmp(power) == 0) {
        int result = otter_boot_stock_run(&stock);

        fail_msg("not stopped: %d", result);
    }
    otter_sim_board.nor.fault = NULL;
}

static void test_stock_power_cut_in_the_copy_leaves_no_whole_program(
    void **state)
{
    for (uint32_t sectors = 1; sectors < 5; sectors++) {
        tear_down(state);
        set_up(state);
        run_and_stop_after(sectors);
        memset(otter_sim_board.rtc, 0x5a, sizeof otter_sim_board.rtc);
        assert_int_equal(otter_boot_stock_run(&stock), OTTER_ERR_IMAGE);
        assert_int_equal(started, ENTRY); /* it starts what is no program */
        assert_false(flash_is(4096, file_a + 4096, sizeof file_a - 4096));
        assert_false(flash_is(4096, file_b + 4096, sizeof file_b - 4096));
    }
}

static void test_stock_reset_in_the_copy_copies_again(void **state)
{
    for (uint32_t sectors = 1; sectors < 5; sectors++) {
        tear_down(state);
        set_up(state);
        run_and_stop_after(sectors);
        assert_int_equal(otter_boot_stock_run(&stock), OTTER_ERR_IMAGE);
        assert_true(flash_is(0, file_b, sizeof file_b));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stock_without_a_command_starts_what_is_there),
        TEST(test_stock_command_with_wrong_crc_is_no_command),
        TEST(test_stock_copy_leaves_an_identical_boot_sector),
        TEST(test_stock_copy_rewrites_a_different_boot_sector),
        TEST(test_stock_copy_elsewhere_loads_from_there),
        TEST(test_stock_load_command_starts_elsewhere),
        TEST(test_stock_unaligned_copy_fails_with_1),
        TEST(test_stock_unknown_action_fails_with_9),
        TEST(test_stock_flash_failures_have_the_cores_numbers),
        TEST(test_stock_unreadable_program_says_so),
        TEST(test_stock_gzip_is_unpacked_with_ff_behind_it),
        TEST(test_stock_gzip_failures_have_the_cores_numbers),
        TEST(test_stock_gzip_trailer_rules_the_length),
        TEST(test_stock_power_cut_in_the_copy_leaves_no_whole_program),
        TEST(test_stock_reset_in_the_copy_copies_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
