/* SPDX-License-Identifier: Apache-2.0
 *
 * Flash that fails under the updater: each failure has its own error at the
 * moment when it happens, nothing is committed, and the next update works.
 * And the running sketch, read while updates go on. */
#include "device/updater/updater.h"

#include "format/hex.h"
#include "tests/support/sim_board.h"
#include "tests/support/test_image.h"
#include "tests/support/test_update.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NEW_SIZE 0x6010u
#define STAGED   0x2f9000u

static uint8_t *file;

/* What the fault hook does to an operation that touches `fault_addr`. */
static enum { BREAKS, LOSES_BITS, IGNORES } fault;
static enum otter_nor_operation fault_operation;
static uint32_t fault_addr;

static int open_rig(void **state)
{
    struct otter_test_image image = {
        .size = NEW_SIZE, .mode = 2, .nibble = 4, .seed = 5};

    (void)state;
    otter_test_rig_open("4M1M", 0x5000);
    file = otter_test_image_make(&image);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    free(file);
    otter_test_rig_close();
    return 0;
}

static void plain(struct otter_nor *nor, enum otter_nor_operation operation,
                  uint32_t addr, const uint8_t *data, uint32_t len)
{
    if (operation == OTTER_NOR_ERASE) {
        memset(nor->bytes + addr, 0xff, len);
        return;
    }
    for (uint32_t i = 0; i < len; i++) {
        nor->bytes[addr + i] &= data[i];
    }
}

static int faulty(struct otter_nor *nor, void *user,
                  enum otter_nor_operation operation, uint32_t addr,
                  const uint8_t *data, uint32_t len)
{
    (void)user;
    if (operation != fault_operation || fault_addr < addr ||
        fault_addr - addr >= len) {
        plain(nor, operation, addr, data, len);
        return 0;
    }
    switch (fault) {
    case BREAKS:
        return operation == OTTER_NOR_ERASE ? OTTER_ERR_FLASH_ERASE
                                            : OTTER_ERR_FLASH_PROGRAM;
    case LOSES_BITS:
        plain(nor, operation, addr, data, len);
        nor->bytes[fault_addr] &= 0x0f;
        return 0;
    default:
        return 0;
    }
}

/* An update into that fault, then a good one. */
static void assert_update_fails(int error)
{
    otter_sim_board.nor.fault = faulty;
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, NEW_SIZE),
        error);
    assert_int_equal(otter_sim_board.rtc_writes, 0);
    otter_sim_board.nor.fault = NULL;
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, NEW_SIZE), 0);
    assert_memory_equal(otter_sim_board.nor.bytes + STAGED, file, NEW_SIZE);
}

static void test_updater_erase_failure_is_reported_as_erase(void **state)
{
    (void)state;
    fault = BREAKS;
    fault_operation = OTTER_NOR_ERASE;
    fault_addr = STAGED + 0x3000;
    assert_update_fails(OTTER_ERR_FLASH_ERASE);
}

static void test_updater_program_failure_is_reported_as_write(void **state)
{
    (void)state;
    fault = BREAKS;
    fault_operation = OTTER_NOR_PROGRAM;
    fault_addr = STAGED + NEW_SIZE - 1;
    assert_update_fails(OTTER_ERR_FLASH_PROGRAM);
}

/* No digest was given: the comparison alone finds these two. */
static void test_updater_silently_lost_bits_are_found(void **state)
{
    (void)state;
    fault = LOSES_BITS;
    fault_operation = OTTER_NOR_PROGRAM;
    for (uint32_t off = 0x2000; off < 0x2400; off++) {
        if ((file[off] & 0xf0) != 0) {
            fault_addr = STAGED + off;
            break;
        }
    }
    assert_update_fails(OTTER_ERR_FLASH_PROGRAM);
}

static void test_updater_silently_ignored_erase_is_found(void **state)
{
    (void)state;
    memset(otter_sim_board.nor.bytes + STAGED + 0x1000, 0x55, 0x1000);
    fault = IGNORES;
    fault_operation = OTTER_NOR_ERASE;
    fault_addr = STAGED + 0x1000;
    assert_update_fails(OTTER_ERR_FLASH_PROGRAM);
}

static void test_updater_read_failure_after_programming_is_reported(
    void **state)
{
    (void)state;
    otter_sim_board.read_fails_addr = STAGED + 0x4000;
    otter_sim_board.read_fails_len = 4;
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, NEW_SIZE),
        OTTER_ERR_FLASH_READ);
    assert_int_equal(otter_sim_board.rtc_writes, 0);
}

static void test_updater_read_failure_while_verifying_is_reported(void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    while (otter_stream_poll(otter_test_rig.stream) == OTTER_ERR_PENDING) {
    }
    otter_sim_board.read_fails_addr = STAGED + 0x4000;
    otter_sim_board.read_fails_len = 4;
    assert_int_equal(otter_test_end(), OTTER_ERR_FLASH_READ);
    assert_int_equal(otter_sim_board.rtc_writes, 0);
}

static void test_updater_unreadable_header_refuses_begin(void **state)
{
    (void)state;
    otter_sim_board.read_fails_addr = 0;
    otter_sim_board.read_fails_len = 4;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE),
                     OTTER_ERR_FLASH_READ);
}

/* Departs from protocol 2.3, which digests the bytes in RAM: here every byte
 * was programmed and compared, then one cell loses its charge. */
static void test_updater_digest_is_over_flash_read_back(void **state)
{
    static const enum otter_digest_kind kinds[] = {OTTER_DIGEST_MD5,
                                                   OTTER_DIGEST_SHA256};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
        assert_int_equal(otter_test_expect(kinds[i], file, NEW_SIZE), 0);
        assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
        while (otter_stream_poll(otter_test_rig.stream) == OTTER_ERR_PENDING) {
        }
        otter_sim_board.nor.bytes[STAGED + 0x5555] ^= 0x10;
        assert_int_equal(otter_test_end(), OTTER_ERR_DIGEST);
        assert_int_equal(otter_sim_board.rtc_writes, 0);
    }
}

static void test_updater_rtc_failure_is_reported_and_orders_nothing(
    void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    otter_sim_board.rtc_fails = true;
    assert_int_equal(otter_test_end(), OTTER_ERR_INVALID);
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, NEW_SIZE),
        OTTER_ERR_INVALID);
    assert_int_equal(otter_sim_board.counters.erases, 7); /* only the first */
    otter_sim_board.rtc_fails = false;
    otter_sim_board.rtc_bad_mask = 0x1000;
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, NEW_SIZE),
        OTTER_ERR_RECORD);
    assert_int_equal(otter_sim_board.rtc[0], 0);
    assert_int_equal(otter_sim_board.rtc[31], 0);
}

/* Without a digest the first bytes are still judged as they are in flash. */
static void test_updater_first_byte_is_read_back(void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    while (otter_stream_poll(otter_test_rig.stream) == OTTER_ERR_PENDING) {
    }
    otter_sim_board.nor.bytes[STAGED] = 0xe8;
    assert_int_equal(otter_test_end(), OTTER_ERR_MAGIC);
    assert_int_equal(otter_sim_board.rtc_writes, 0);
}

/* --- The running sketch ------------------------------------------------- */

static void digest_of_running(char out[33])
{
    br_md5_context context;
    uint8_t digest[16];

    br_md5_init(&context);
    br_md5_update(&context, otter_sim_board.nor.bytes, 0x5000);
    br_md5_out(&context, digest);
    otter_hex_encode(out, digest, sizeof digest);
}

static void test_updater_knows_the_running_sketch(void **state)
{
    struct otter_updater *updater = &otter_test_rig.updater;
    char expected[33], md5[33];
    uint32_t polls = 0;

    (void)state;
    assert_int_equal(otter_updater_sketch_size(updater), 0x5000);
    assert_int_equal(otter_updater_free_space(updater), 0x300000 - 0x5000);
    assert_int_equal(otter_stream_poll(otter_test_rig.stream), 0);
    assert_int_equal(otter_updater_sketch_md5(updater, md5),
                     OTTER_ERR_PENDING);
    assert_string_equal(md5, "");
    while (otter_stream_poll(otter_test_rig.stream) == OTTER_ERR_PENDING) {
        polls++;
    }
    assert_int_equal(polls, 4); /* five sectors, one a step */
    digest_of_running(expected);
    assert_int_equal(otter_updater_sketch_md5(updater, md5), 0);
    assert_string_equal(md5, expected);
    otter_sim_board.read_fails_len = 0x100000; /* cached: not read again */
    assert_int_equal(otter_updater_sketch_md5(updater, md5), 0);
    assert_string_equal(md5, expected);
}

static void test_updater_answers_questions_during_an_update(void **state)
{
    struct otter_updater *updater = &otter_test_rig.updater;
    char expected[33], md5[33];
    uint32_t off = 0;

    (void)state;
    digest_of_running(expected);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, file, NEW_SIZE), 0);
    for (off = 0; off < NEW_SIZE; off += 16) {
        assert_int_equal(otter_test_feed(file + off, 16, 16), 0);
        assert_int_equal(otter_updater_sketch_size(updater), 0x5000);
        assert_int_equal(otter_updater_free_space(updater), 0x300000 - 0x5000);
        (void)!otter_updater_sketch_md5(updater, md5);
    }
    assert_int_equal(otter_test_end(), 0);
    while (otter_stream_poll(otter_test_rig.stream) == OTTER_ERR_PENDING) {
    }
    assert_int_equal(otter_updater_sketch_md5(updater, md5), 0);
    assert_string_equal(md5, expected);
}

static void test_updater_unreadable_sketch_says_so(void **state)
{
    struct otter_updater *updater = &otter_test_rig.updater;
    char md5[33];

    (void)state;
    otter_sim_board.read_fails_addr = 0x2000;
    otter_sim_board.read_fails_len = 4;
    assert_int_equal(otter_updater_sketch_md5(updater, md5),
                     OTTER_ERR_PENDING);
    while (otter_stream_poll(otter_test_rig.stream) == OTTER_ERR_PENDING) {
    }
    assert_int_equal(otter_updater_sketch_md5(updater, md5),
                     OTTER_ERR_FLASH_READ);
    assert_int_equal(otter_updater_sketch_md5(updater, md5),
                     OTTER_ERR_PENDING);
    otter_sim_board.read_fails_len = 0;
    while (otter_stream_poll(otter_test_rig.stream) == OTTER_ERR_PENDING) {
    }
    assert_int_equal(otter_updater_sketch_md5(updater, md5), 0);
}

static void test_updater_nonsense_in_place_of_the_sketch(void **state)
{
    struct otter_updater *updater = &otter_test_rig.updater;
    uint8_t *app = otter_sim_board.nor.bytes + 0x1000;
    char md5[33];

    (void)state;
    app[0] = 0xe8;
    assert_int_equal(otter_updater_sketch_size(updater), 0);
    app[0] = 0xe9;
    memset(app + 12, 0xff, 4); /* segment 0 would wrap round */
    assert_int_equal(otter_updater_sketch_size(updater), 0);
    memcpy(app + 12, "\x40\0\0\1", 4); /* or is longer than the flash */
    assert_int_equal(otter_updater_sketch_size(updater), 0);
    assert_int_equal(otter_updater_free_space(updater), 0);
    assert_int_equal(otter_updater_sketch_md5(updater, md5), OTTER_ERR_IMAGE);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE),
                     OTTER_ERR_IMAGE);
    memset(app, 0xff, 0x1000);
    assert_int_equal(otter_updater_sketch_size(updater), 0);
    otter_sim_board.read_fails_addr = 0x1000;
    otter_sim_board.read_fails_len = 4;
    assert_int_equal(otter_updater_sketch_md5(updater, md5),
                     OTTER_ERR_FLASH_READ);
    otter_sim_board.read_fails_len = 0;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_FILE_SYSTEM, NEW_SIZE), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_updater_erase_failure_is_reported_as_erase),
        TEST(test_updater_program_failure_is_reported_as_write),
        TEST(test_updater_silently_lost_bits_are_found),
        TEST(test_updater_silently_ignored_erase_is_found),
        TEST(test_updater_read_failure_after_programming_is_reported),
        TEST(test_updater_read_failure_while_verifying_is_reported),
        TEST(test_updater_unreadable_header_refuses_begin),
        TEST(test_updater_digest_is_over_flash_read_back),
        TEST(test_updater_rtc_failure_is_reported_and_orders_nothing),
        TEST(test_updater_first_byte_is_read_back),
        TEST(test_updater_knows_the_running_sketch),
        TEST(test_updater_answers_questions_during_an_update),
        TEST(test_updater_unreadable_sketch_says_so),
        TEST(test_updater_nonsense_in_place_of_the_sketch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
