/* SPDX-License-Identifier: Apache-2.0
 *
 * What the updater takes and refuses by content: descriptor, gzip, digests,
 * sketches that end within the boot sector. */
#include "device/updater/updater.h"

#include "tests/support/sim_board.h"
#include "tests/support/test_image.h"
#include "tests/support/test_update.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NEW_SIZE 0x8000u

static int open_rig(void **state)
{
    (void)state;
    otter_test_rig_open("4M1M", 0x5000);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    otter_test_rig_close();
    return 0;
}

/* --- The descriptor ----------------------------------------------------- */

/* The result of an update with that descriptor, and how many bytes were
 * taken before it. */
static int update_described(uint32_t gap, const char *board, const char *chip,
                            uint32_t min_loader, uint16_t layout)
{
    struct otter_test_image image = {.size = NEW_SIZE,
                                     .mode = 2,
                                     .nibble = 4,
                                     .descriptor = true,
                                     .gap = gap,
                                     .layout = layout,
                                     .min_loader = min_loader,
                                     .board = board,
                                     .chip = chip};
    uint8_t *file = otter_test_image_make(&image);
    int result =
        otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, NEW_SIZE);

    free(file);
    assert_int_equal(otter_test_take_order(), result == 0);
    return result;
}

static void test_updater_own_descriptor_is_taken(void **state)
{
    (void)state;
    assert_int_equal(update_described(64, "sim", "esp8266", 0, 0), 0);
    assert_int_equal(update_described(64, "sim", NULL, 0, 0), 0);
    assert_int_equal(update_described(64, NULL, NULL, 0, 0), 0);
}

static void test_updater_other_board_is_refused_as_soon_as_seen(void **state)
{
    (void)state;
    assert_int_equal(update_described(64, "lx106", "esp8266", 0, 0),
                     OTTER_ERR_BOARD);
    assert_true(otter_test_rig.taken <= 0x2000 + 4096);
    assert_int_equal(update_described(64, "sim", "esp32", 0, 0),
                     OTTER_ERR_CHIP);
    assert_true(otter_test_rig.taken <= 0x2000 + 4096);
    assert_int_equal(update_described(64, "si", NULL, 0, 0), OTTER_ERR_BOARD);
    assert_int_equal(update_described(64, "sim2", NULL, 0, 0),
                     OTTER_ERR_BOARD);
}

/* It lies across two sectors, aligned or not. */
static void test_updater_descriptor_is_found_wherever_it_lies(void **state)
{
    (void)state;
    for (uint32_t gap = 8; gap < 8 + 2 * 4096; gap += 21) {
        assert_int_equal(update_described(gap, "lx106", "esp8266", 0, 0),
                         OTTER_ERR_BOARD);
    }
}

static void test_updater_descriptor_in_the_last_bytes_is_found(void **state)
{
    (void)state;
    assert_int_equal(update_described(NEW_SIZE - 0x1018 - 128 - 4, "lx106",
                                      "esp8266", 0, 0),
                     OTTER_ERR_BOARD);
}

static void test_updater_configuration_names_board_and_chip(void **state)
{
    (void)state;
    otter_test_rig.config.board = "kettle";
    otter_test_rig.config.chip = "esp8285";
    assert_int_equal(update_described(64, "kettle", "esp8285", 0, 0), 0);
    assert_int_equal(update_described(64, "sim", "esp8285", 0, 0),
                     OTTER_ERR_BOARD);
    assert_int_equal(update_described(64, "kettle", "esp8266", 0, 0),
                     OTTER_ERR_CHIP);
}

static void test_updater_other_board_is_taken_when_allowed(void **state)
{
    (void)state;
    otter_test_rig.config.allow_other_board = true;
    assert_int_equal(update_described(64, "lx106", "esp32", 0, 0), 0);
    assert_int_equal(update_described(64, "lx106", "esp32", 0, 2), 0);
    assert_int_equal(update_described(64, "lx106", "esp32", 3, 0),
                     OTTER_ERR_LOADER);
}

static void test_updater_newer_loader_needed_is_refused(void **state)
{
    (void)state;
    otter_test_rig.config.loader_version = 2;
    assert_int_equal(update_described(64, "sim", "esp8266", 2, 0), 0);
    assert_int_equal(update_described(64, "sim", "esp8266", 3, 0),
                     OTTER_ERR_LOADER);
}

static void test_updater_descriptor_without_sense_is_refused(void **state)
{
    (void)state;
    assert_int_equal(update_described(64, "sim", "esp8266", 0, 2),
                     OTTER_ERR_IMAGE);
    assert_int_equal(update_described(64, "s\x01m", "esp8266", 0, 0),
                     OTTER_ERR_IMAGE);
}

/* Segments that lead nowhere end the search, not the update: the core takes
 * such an image too. */
static void test_updater_broken_segments_hold_no_descriptor(void **state)
{
    struct otter_test_image image = {.size = NEW_SIZE,
                                     .mode = 2,
                                     .nibble = 4,
                                     .descriptor = true,
                                     .board = "lx106"};
    static const uint32_t lengths[] = {0xffffffff, 0xfffffff0, NEW_SIZE,
                                       0x7fffffff};

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t *file = otter_test_image_make(&image);

        memcpy(file + 0x100c, &lengths[i], 4);
        assert_int_equal(
            otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, NEW_SIZE),
            0);
        file[0x1000] = 0;
        assert_int_equal(
            otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, NEW_SIZE),
            0);
        free(file);
    }
}

/* A length that wraps round does not lead the search back into the boot
 * sector, where another board's descriptor lies. */
static void test_updater_segments_never_lead_backwards(void **state)
{
    struct otter_test_image image = {.size = NEW_SIZE,
                                     .mode = 2,
                                     .nibble = 4,
                                     .descriptor = true,
                                     .gap = 64,
                                     .board = "lx106"};
    uint8_t *file = otter_test_image_make(&image);
    uint32_t back = 0x800 - 0x1010u;

    (void)state;
    memcpy(file + 0x800, file + 0x1050, 8 + 128);
    memcpy(file + 0x804, "\x80\0\0\0", 4);
    memcpy(file + 0x100c, &back, 4);
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, NEW_SIZE), 0);
    free(file);
}

static void test_updater_file_system_holds_no_descriptor(void **state)
{
    struct otter_test_image image = {.size = NEW_SIZE,
                                     .mode = 3,
                                     .nibble = 4,
                                     .descriptor = true,
                                     .board = "lx106"};
    uint8_t *file = otter_test_image_make(&image);

    (void)state;
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_FILE_SYSTEM, NEW_SIZE, file, NEW_SIZE),
        0);
    assert_memory_equal(otter_sim_board.nor.bytes + 0x300000, file, NEW_SIZE);
    assert_int_equal(otter_sim_board.rtc_writes, 0);
    free(file);
}

/* --- gzip --------------------------------------------------------------- */

static int update_gzip(uint32_t len, uint32_t isize)
{
    uint8_t *data = malloc(len);
    uint32_t size;
    uint8_t *file;
    int result;

    otter_test_noise(data, len, 3);
    file = otter_test_gzip(data, len, isize, &size);
    result = otter_test_update(OTTER_UPDATE_SKETCH, size, file, size);
    if (result == 0) {
        uint32_t start = 0x300000 - ((size + 4095) & ~4095u);

        assert_memory_equal(otter_sim_board.nor.bytes + start, file, size);
    }
    assert_int_equal(otter_test_take_order(), result == 0);
    free(file);
    free(data);
    return result;
}

static void test_updater_gzip_is_taken_unseen(void **state)
{
    (void)state;
    assert_int_equal(update_gzip(0x8000, 0x8000), 0);
    assert_int_equal(update_gzip(0x8001, 0x8001), 0);
    assert_int_equal(update_gzip(0x8000, 0x10000), 0);
}

static void test_updater_gzip_sizes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    assert_int_equal(update_gzip(0x8000, 0xffffffff), OTTER_ERR_GZIP);
    assert_int_equal(update_gzip(0x8000, 0x80000000), OTTER_ERR_GZIP);
    assert_int_equal(update_gzip(0x8000, 0x1000 * 1040 * 8), OTTER_ERR_GZIP);
    assert_int_equal(update_gzip(0x8000, 0x6000), OTTER_ERR_GZIP);
    assert_int_equal(update_gzip(0x8000, 0x1000), OTTER_ERR_IMAGE);
    assert_int_equal(update_gzip(0x8000, 0), OTTER_ERR_IMAGE);
}

static void test_updater_after_gzip_a_plain_image_is_plain(void **state)
{
    (void)state;
    assert_int_equal(update_gzip(0x8000, 0x8000), 0);
    assert_int_equal(update_described(64, "lx106", "esp8266", 0, 0),
                     OTTER_ERR_BOARD);
}

static void test_updater_gzip_without_room_for_a_trailer(void **state)
{
    static const uint8_t file[17] = {0x1f, 0x8b, 8};
    static const uint8_t method[18] = {0x1f, 0x8b, 7};
    static const uint8_t magic[18] = {0x1f, 0x8a, 8};

    (void)state;
    for (uint32_t len = 3; len <= sizeof file; len++) {
        assert_int_equal(
            otter_test_update(OTTER_UPDATE_SKETCH, len, file, len),
            OTTER_ERR_GZIP);
    }
    assert_int_equal(otter_test_update(OTTER_UPDATE_SKETCH, 2, file, 2),
                     OTTER_ERR_MAGIC);
    assert_int_equal(otter_test_update(OTTER_UPDATE_SKETCH, 18, method, 18),
                     OTTER_ERR_GZIP);
    assert_int_equal(otter_test_update(OTTER_UPDATE_SKETCH, 18, magic, 18),
                     OTTER_ERR_MAGIC);
    assert_int_equal(otter_sim_board.rtc_writes, 0);
}

/* --- Sketches that end within the boot sector --------------------------- */

/* A boot image of one 4-byte segment, protocol 2.7's minimal one, and what
 * the ROM would not load. */
static void test_updater_boot_image_must_be_one_that_the_rom_loads(
    void **state)
{
    static const uint8_t minimal[32] =
        "\xe9\x01\x02\x40\x04\x00\x10\x40\x00\x00\x10\x40\x04\0\0\0"
        "\x01\x02\x03\x04\0\0\0\0\0\0\0\0\0\0\0\xeb";
    static const struct {
        uint32_t len;
        uint32_t off; /* of the byte that is changed */
        uint8_t byte;
    } broken[] = {
        {7, 0, 0xe9},   /* no whole header */
        {31, 0, 0xe9},  /* the checksum is missing */
        {32, 31, 0xea}, /* it is wrong */
        {32, 16, 0x00}, /* the code is */
        {32, 1, 3},     /* the third segment's header is beyond the end */
        {32, 12, 20},   /* the segment is longer than what is there */
        {32, 15, 0xff}, /* ... by far */
        {32, 12, 16},   /* the checksum's place is behind the end */
    };
    uint8_t file[32];

    (void)state;
    assert_int_equal(otter_test_update(OTTER_UPDATE_SKETCH, 32, minimal, 32),
                     0);
    assert_true(otter_test_take_order());
    for (uint32_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        memcpy(file, minimal, sizeof file);
        file[broken[i].off] = broken[i].byte;
        assert_int_equal(otter_test_update(OTTER_UPDATE_SKETCH, broken[i].len,
                                           file, broken[i].len),
                         OTTER_ERR_IMAGE);
        assert_false(otter_test_take_order());
    }
}

/* --- Digests ------------------------------------------------------------ */

static void test_updater_both_digests_must_match(void **state)
{
    struct otter_test_image image = {
        .size = NEW_SIZE, .mode = 2, .nibble = 4, .seed = 6};
    uint8_t *file = otter_test_image_make(&image);

    (void)state;
    for (uint32_t wrong = 0; wrong < 4; wrong++) {
        int result = wrong == 0 ? 0 : OTTER_ERR_DIGEST;

        assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
        assert_int_equal(
            otter_test_expect(OTTER_DIGEST_MD5, file, NEW_SIZE - (wrong & 1)),
            0);
        assert_int_equal(otter_test_expect(OTTER_DIGEST_SHA256, file,
                                           NEW_SIZE - (wrong >> 1)),
                         0);
        assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
        assert_int_equal(otter_test_end(), result);
        assert_int_equal(otter_test_take_order(), result == 0);
    }
    free(file);
}

static void test_updater_later_digest_replaces_the_earlier(void **state)
{
    struct otter_test_image image = {
        .size = NEW_SIZE, .mode = 2, .nibble = 4, .seed = 6};
    uint8_t *file = otter_test_image_make(&image);

    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, file, 1), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, file, NEW_SIZE), 0);
    assert_int_equal(otter_test_end(), 0);
    free(file);
}

static void test_updater_digest_of_an_earlier_update_is_forgotten(void **state)
{
    struct otter_test_image image = {
        .size = NEW_SIZE, .mode = 2, .nibble = 4, .seed = 6};
    uint8_t *file = otter_test_image_make(&image);

    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, file, 1), 0);
    otter_stream_abort(otter_test_rig.stream, OTTER_ERR_CLOSED);
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, NEW_SIZE), 0);
    free(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_updater_own_descriptor_is_taken),
        TEST(test_updater_other_board_is_refused_as_soon_as_seen),
        TEST(test_updater_descriptor_is_found_wherever_it_lies),
        TEST(test_updater_descriptor_in_the_last_bytes_is_found),
        TEST(test_updater_configuration_names_board_and_chip),
        TEST(test_updater_other_board_is_taken_when_allowed),
        TEST(test_updater_newer_loader_needed_is_refused),
        TEST(test_updater_descriptor_without_sense_is_refused),
        TEST(test_updater_broken_segments_hold_no_descriptor),
        TEST(test_updater_segments_never_lead_backwards),
        TEST(test_updater_file_system_holds_no_descriptor),
        TEST(test_updater_gzip_is_taken_unseen),
        TEST(test_updater_gzip_sizes_that_cannot_be_are_refused),
        TEST(test_updater_after_gzip_a_plain_image_is_plain),
        TEST(test_updater_gzip_without_room_for_a_trailer),
        TEST(test_updater_boot_image_must_be_one_that_the_rom_loads),
        TEST(test_updater_both_digests_must_match),
        TEST(test_updater_later_digest_replaces_the_earlier),
        TEST(test_updater_digest_of_an_earlier_update_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
