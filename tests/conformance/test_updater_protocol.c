/* SPDX-License-Identifier: Apache-2.0
 *
 * The updater against protocol 2.1 to 2.4: one case for each row, in the
 * specification's order, and item 9 of section 10.  Where Otter departs from a
 * row on purpose, the test names the row and asserts the departure. */
#include "device/updater/updater.h"

#include "format/core_error.h"
#include "tests/support/sim_board.h"
#include "tests/support/test_image.h"
#include "tests/support/test_update.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NEW_SIZE 0x8000u
#define STAGED   (0x300000u - NEW_SIZE)

static uint8_t *file;

static int open_rig(void **state)
{
    struct otter_test_image image = {
        .size = NEW_SIZE, .mode = 2, .nibble = 4, .seed = 9};

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

/* What the peer would be told about the last error. */
static void assert_told(const char *text)
{
    struct otter_error_detail detail;
    char out[OTTER_CORE_ERROR_TEXT_MAX];

    otter_stream_detail(otter_test_rig.stream, &detail);
    otter_core_update_print(&detail, out, sizeof out);
    assert_string_equal(out, text);
}

static void poll_until_idle(void)
{
    while (otter_stream_poll(otter_test_rig.stream) == OTTER_ERR_PENDING) {
    }
}

static void store32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

static int update(const uint8_t *data, uint32_t len)
{
    return otter_test_update(OTTER_UPDATE_SKETCH, len, data, len);
}

static int update_unknown(const uint8_t *data, uint32_t len)
{
    return otter_test_update(OTTER_UPDATE_SKETCH, OTTER_SIZE_UNKNOWN, data,
                             len);
}

/* --- 2.2: the order of checks.  Each case fails its step and all later ones.
 */

/* Departs from step 1 by leaving the running update alone; the number that
 * the second is told stays 15. */
static void test_updater_begin_step_1_running(void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    otter_sim_board.strapped_for_download = true;
    assert_int_equal(otter_test_begin(7, 0), OTTER_ERR_BUSY);
    assert_int_equal(otter_core_update_from_error(OTTER_ERR_BUSY), 15);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    assert_int_equal(otter_test_end(), 0);
}

static void test_updater_begin_step_2_bootstrap(void **state)
{
    (void)state;
    otter_sim_board.strapped_for_download = true;
    otter_sim_board.chip_size = 0x100000;
    assert_int_equal(otter_test_begin(7, 0), OTTER_ERR_BOOTSTRAP);
    assert_told("ERROR[11]: Invalid bootstrapping state, reset ESP8266 before "
                "updating\n");
}

static void test_updater_begin_step_3_size(void **state)
{
    (void)state;
    otter_sim_board.chip_size = 0x100000;
    assert_int_equal(otter_test_begin(7, 0), OTTER_ERR_SIZE);
    assert_told("ERROR[5]: Bad Size Given\n");
}

static void test_updater_begin_step_4_flash_config(void **state)
{
    (void)state;
    otter_sim_board.chip_size = 0x100000;
    assert_int_equal(otter_test_begin(7, 0x400000), OTTER_ERR_FLASH_CONFIG);
    assert_told("ERROR[8]: Flash config wrong: real: 1048576, SDK: 4194304\n");
    otter_sim_board.nor.bytes[3] = 0x20; /* the image says 1M, the map 4M */
    assert_int_equal(otter_test_begin(7, 0x400000), OTTER_ERR_FLASH_CONFIG);
    otter_sim_board.chip_size = 0x800000; /* more than configured is fine */
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
}

static void test_updater_begin_step_6_space(void **state)
{
    uint32_t room = 0x300000 - 0x5000;

    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, room + 1),
                     OTTER_ERR_SPACE);
    assert_told("ERROR[4]: Not Enough Space\n");
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, 0x300001),
                     OTTER_ERR_SPACE); /* longer than what ends at FS_start */
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, 0xfffffffe),
                     OTTER_ERR_SPACE); /* would wrap when rounded up */
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, room), 0);
}

/* Departs from 4.3, where free space less one sector is then "bad size". */
static void test_updater_begin_unknown_size_without_room(void **state)
{
    (void)state;
    otter_test_rig_close();
    otter_test_rig_open("512K0", 0x7a000); /* one sector is left */
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, OTTER_SIZE_UNKNOWN),
                     OTTER_ERR_SPACE);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, 0x1000), 0);
}

static void test_updater_begin_step_7_file_system_space(void **state)
{
    uint32_t room = 0x3fa000 - 0x300000;

    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_FILE_SYSTEM, room + 1),
                     OTTER_ERR_SPACE);
    assert_told("ERROR[4]: Not Enough Space\n");
    assert_int_equal(otter_test_begin(OTTER_UPDATE_FILE_SYSTEM, room), 0);
}

static void test_updater_begin_step_8_command(void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(7, 0x400000), OTTER_ERR_KIND);
    assert_told("ERROR[16]: Unknown update command\n");
}

static void test_updater_begin_clears_the_error_of_the_last(void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(7, 1), OTTER_ERR_KIND);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_told("ERROR[0]: No Error\n");
    assert_int_equal(otter_sim_board.counters.erases, 0);
}

/* --- 2.3: writing ------------------------------------------------------- */

static void test_updater_write_beyond_size_stores_nothing_of_the_call(
    void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, 0x1010), 0);
    assert_int_equal(otter_test_feed(file, 0x1000, 0x1000), 0);
    assert_int_equal(otter_stream_write(otter_test_rig.stream, file, 0x11),
                     OTTER_ERR_SPACE);
    assert_told("ERROR[4]: Not Enough Space\n");
    assert_int_equal(otter_stream_end(otter_test_rig.stream), OTTER_ERR_SPACE);
    assert_int_equal(otter_sim_board.nor.bytes[0x300000 - 0x1000], 0xff);
}

static void test_updater_write_of_exactly_the_size_is_taken(void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1), 0);
    assert_int_equal(otter_test_end(), 0);
    assert_memory_equal(otter_sim_board.nor.bytes + STAGED, file, NEW_SIZE);
}

/* The last sector goes to flash when it completes the announced size, without
 * waiting for end. */
static void test_updater_last_bytes_are_flushed_before_end(void **state)
{
    (void)state;
    store32(file + 0x1054, 0x1000);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE - 7), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE - 7, 1460), 0);
    poll_until_idle();
    assert_memory_equal(otter_sim_board.nor.bytes + STAGED, file,
                        NEW_SIZE - 7);
}

/* An image for another flash mode: one byte differs in flash, the MD5 of the
 * file passes. */
static void test_updater_flash_mode_is_replaced_and_md5_passes(void **state)
{
    (void)state;
    for (uint8_t mode = 0; mode <= 3; mode++) {
        file[2] = mode;
        assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
        assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, file, NEW_SIZE),
                         0);
        assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
        assert_int_equal(otter_test_end(), 0);
        file[2] = 2; /* the running image's */
        assert_memory_equal(otter_sim_board.nor.bytes + STAGED, file,
                            NEW_SIZE);
    }
}

/* Mode byte 9 is digested as 255: the update cannot pass its own MD5. */
static void test_updater_unknown_flash_mode_fails_the_md5(void **state)
{
    char text[160];
    struct otter_error_detail detail;

    (void)state;
    file[2] = 9;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, file, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    assert_int_equal(otter_test_end(), OTTER_ERR_DIGEST);
    otter_stream_detail(otter_test_rig.stream, &detail);
    otter_core_update_print(&detail, text, sizeof text);
    assert_memory_equal(text,
                        "ERROR[7]: MD5 verification failed: expected: ", 45);
    file[2] = 255; /* but it passes that of the file with 255 in place of 9 */
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, file, NEW_SIZE), 0);
    file[2] = 9;
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    assert_int_equal(otter_test_end(), 0);
    assert_int_equal(otter_sim_board.nor.bytes[STAGED + 2], 2);
}

static void test_updater_flash_mode_of_an_unknown_running_image(void **state)
{
    (void)state;
    otter_sim_board.nor.bytes[2] = 9; /* counts as 255 */
    assert_int_equal(update(file, NEW_SIZE), 0);
    assert_int_equal(otter_sim_board.nor.bytes[STAGED + 2], 255);
}

/* Byte 3, the flash's size and frequency, is never altered. */
static void test_updater_flash_size_byte_stays(void **state)
{
    (void)state;
    file[3] = 0x2f;
    assert_int_equal(update(file, NEW_SIZE), 0);
    assert_int_equal(otter_sim_board.nor.bytes[STAGED + 3], 0x2f);
}

static void test_updater_gzip_is_staged_without_a_patch(void **state)
{
    uint32_t size;
    uint8_t *packed;

    (void)state;
    file[2] = 3;
    packed = otter_test_gzip(file, NEW_SIZE, NEW_SIZE, &size);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, size), 0);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, packed, size), 0);
    assert_int_equal(otter_test_feed(packed, size, 1460), 0);
    assert_int_equal(otter_test_end(), 0);
    assert_memory_equal(otter_sim_board.nor.bytes + 0x300000 - 0x9000, packed,
                        size);
    free(packed);
}

/* Departs from 2.3 and 2.4 step 6, where the first byte and the flash size of
 * the image are judged when all has been written: here nothing is erased. */
static void test_updater_wrong_head_is_refused_before_the_first_erase(
    void **state)
{
    (void)state;
    file[0] = 0xe8;
    assert_int_equal(update(file, NEW_SIZE), OTTER_ERR_MAGIC);
    assert_told("ERROR[10]: Magic byte is not 0xE9\n");
    file[0] = 0xe9;
    file[3] = 0x80; /* 8M */
    assert_int_equal(update(file, NEW_SIZE), OTTER_ERR_NEW_FLASH_CONFIG);
    assert_told("ERROR[9]: new Flash config wrong, real size: 4194304\n");
    assert_int_equal(update_unknown(file, NEW_SIZE),
                     OTTER_ERR_NEW_FLASH_CONFIG);
    assert_int_equal(otter_sim_board.counters.erases, 0);
    file[3] = 0x50; /* means nothing: 0 bytes, so not more than there are */
    assert_int_equal(update(file, NEW_SIZE), 0);
}

/* --- 2.4: end ----------------------------------------------------------- */

static void test_updater_end_step_2_nothing_flushed_is_no_data(void **state)
{
    static const uint32_t came[] = {0, 1, 100, 4095, 4096};

    (void)state;
    for (uint32_t i = 0; i < sizeof came / sizeof came[0]; i++) {
        assert_int_equal(
            otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, came[i]),
            OTTER_ERR_NO_DATA);
        assert_told("ERROR[13]: No data supplied\n");
    }
    assert_int_equal(update_unknown(file, 0), OTTER_ERR_NO_DATA);
}

static void test_updater_end_step_3_short_upload_is_refused(void **state)
{
    static const uint32_t came[] = {4097, 8192, NEW_SIZE - 1};

    (void)state;
    for (uint32_t i = 0; i < sizeof came / sizeof came[0]; i++) {
        assert_int_equal(
            otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, came[i]),
            OTTER_ERR_SHORT);
        assert_false(otter_test_take_order());
    }
}

static void test_updater_end_step_5_md5(void **state)
{
    struct otter_digest digest = {.kind = OTTER_DIGEST_MD5};

    (void)state;
    memcpy(file,
           "\xe9\x01\x02\x40\x04\x00\x10\x40\x00\x00\x10\x40\x04\0\0\0"
           "\x01\x02\x03\x04\0\0\0\0\0\0\0\0\0\0\0\xeb",
           32);
    memset(digest.bytes, 0xab, 16);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, 32), 0);
    assert_int_equal(otter_stream_expect(otter_test_rig.stream, &digest), 0);
    assert_int_equal(otter_test_feed(file, 32, 32), 0);
    assert_int_equal(otter_test_end(), OTTER_ERR_DIGEST);
    assert_told("ERROR[7]: MD5 verification failed: expected: "
                "abababababababababababababababab, calculated: "
                "09e9d8b0e2c85b7d1c875dafeba282c3\n"); /* 2.7's vector */
    assert_false(otter_test_take_order());
}

static void test_updater_end_step_7_file_system_leaves_no_order(void **state)
{
    (void)state;
    memset(file, 0, 16);
    assert_int_equal(otter_test_update(OTTER_UPDATE_FILE_SYSTEM, NEW_SIZE - 3,
                                       file, NEW_SIZE - 3),
                     0);
    assert_memory_equal(otter_sim_board.nor.bytes + 0x300000, file,
                        NEW_SIZE - 3);
    assert_int_equal(otter_sim_board.nor.bytes[0x300000 + NEW_SIZE - 3], 0xff);
    assert_int_equal(otter_sim_board.rtc_writes, 0);
}

static void test_updater_end_step_8_is_idle_without_restart(void **state)
{
    (void)state;
    assert_int_equal(update(file, NEW_SIZE), 0);
    assert_int_equal(otter_stream_poll(otter_test_rig.stream), 0);
    assert_int_equal(otter_sim_board.restarts, 0);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
}

/* --- Section 10, item 9: sizes around a buffer -------------------------- */

/* Departs from 2.4 step 2, where end(true) after 100 bytes is error 13
 * whatever they are: here the bytes decide. */
static void test_updater_short_upload_is_judged_by_its_content(void **state)
{
    (void)state;
    assert_int_equal(update_unknown(file, 100), OTTER_ERR_IMAGE);
    file[3] = 0x80; /* a flash too large; three bytes do not say so */
    assert_int_equal(update_unknown(file, 4), OTTER_ERR_NEW_FLASH_CONFIG);
    assert_int_equal(update_unknown(file, 3), OTTER_ERR_IMAGE);
    file[0] = 0;
    assert_int_equal(update_unknown(file, 100), OTTER_ERR_MAGIC);
    for (uint32_t len = 1; len < 4; len++) {
        assert_int_equal(update_unknown(file, len), OTTER_ERR_MAGIC);
    }
    assert_int_equal(otter_test_update(OTTER_UPDATE_FILE_SYSTEM,
                                       OTTER_SIZE_UNKNOWN, file, 1),
                     0);
    assert_int_equal(otter_sim_board.nor.bytes[0x300000], 0);
    assert_false(otter_test_take_order());
}

static void check_size(uint32_t len)
{
    uint32_t start = 0x300000 - ((len + 4095) & ~4095u);
    uint32_t source, size;

    assert_int_equal(update(file, len), 0);
    assert_memory_equal(otter_sim_board.nor.bytes + start, file, len);
    assert_true(otter_test_order(&source, &size));
    assert_int_equal(source, start);
    assert_int_equal(size, len);
    assert_int_equal(update_unknown(file, len), 0);
    assert_memory_equal(otter_sim_board.nor.bytes + 0x6000, file, len);
    assert_true(otter_test_order(&source, &size));
    assert_int_equal(source, 0x6000);
    assert_int_equal(size, len);
}

/* Departs from 2.7 and 2.4 step 6, where a file of 4096 bytes with the right
 * first byte is a sketch: one that has no whole application image is refused.
 */
static void test_updater_sizes_around_a_sector(void **state)
{
    static const uint32_t sizes[] = {8191, 8192, 8193, 8194, 0x7ffd};
    static const uint32_t too_small[] = {4095, 4096, 4097, 4100};

    (void)state;
    store32(file + 0x1054, 0x800); /* the image ends below 0x1900 */
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        check_size(sizes[i]);
    }
    for (uint32_t i = 0; i < sizeof too_small / sizeof too_small[0]; i++) {
        (void)otter_test_take_order();
        assert_int_equal(update(file, too_small[i]), OTTER_ERR_IMAGE);
        assert_int_equal(update_unknown(file, too_small[i]), OTTER_ERR_IMAGE);
        assert_false(otter_test_take_order());
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_updater_begin_step_1_running),
        TEST(test_updater_begin_step_2_bootstrap),
        TEST(test_updater_begin_step_3_size),
        TEST(test_updater_begin_step_4_flash_config),
        TEST(test_updater_begin_step_6_space),
        TEST(test_updater_begin_unknown_size_without_room),
        TEST(test_updater_begin_step_7_file_system_space),
        TEST(test_updater_begin_step_8_command),
        TEST(test_updater_begin_clears_the_error_of_the_last),
        TEST(test_updater_write_beyond_size_stores_nothing_of_the_call),
        TEST(test_updater_write_of_exactly_the_size_is_taken),
        TEST(test_updater_last_bytes_are_flushed_before_end),
        TEST(test_updater_flash_mode_is_replaced_and_md5_passes),
        TEST(test_updater_unknown_flash_mode_fails_the_md5),
        TEST(test_updater_flash_mode_of_an_unknown_running_image),
        TEST(test_updater_flash_size_byte_stays),
        TEST(test_updater_gzip_is_staged_without_a_patch),
        TEST(test_updater_wrong_head_is_refused_before_the_first_erase),
        TEST(test_updater_end_step_2_nothing_flushed_is_no_data),
        TEST(test_updater_end_step_3_short_upload_is_refused),
        TEST(test_updater_end_step_5_md5),
        TEST(test_updater_end_step_7_file_system_leaves_no_order),
        TEST(test_updater_end_step_8_is_idle_without_restart),
        TEST(test_updater_short_upload_is_judged_by_its_content),
        TEST(test_updater_sizes_around_a_sector),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
