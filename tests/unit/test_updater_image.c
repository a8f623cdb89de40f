/* SPDX-License-Identifier: Apache-2.0
 *
 * What the updater takes and refuses by content: descriptor, gzip, structure,
 * digests. */
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
        otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, NEW_SIZE),
        OTTER_ERR_IMAGE);
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

/* --- Structure ----------------------------------------------------------- */

static const struct otter_test_image plain = {
    .size = NEW_SIZE, .mode = 2, .nibble = 4, .gap = 64};

static void store32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

/* Pushed with its size known and unknown: both must end in `result`.  Where
 * the first refuses early, at most `most` bytes were taken. */
static void assert_file(const uint8_t *file, uint32_t len, int result,
                        uint32_t most)
{
    assert_int_equal(otter_test_update(OTTER_UPDATE_SKETCH, len, file, len),
                     result);
    assert_true(otter_test_rig.taken <= most);
    assert_int_equal(otter_test_take_order(), result == 0);
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_SKETCH, OTTER_SIZE_UNKNOWN, file, len),
        result);
    assert_int_equal(otter_test_take_order(), result == 0);
}

/* The header of segment 1 is at 0x1050. */
static void test_updater_broken_headers_are_refused_as_they_come(void **state)
{
    static const struct {
        uint32_t off;
        uint32_t word;
        uint32_t most; /* bytes taken until it is known */
    } broken[] = {
        {0x0001, 0x400402ff, 0x2000},        /* boot image: 255 segments */
        {0x000c, 0xff0, 0x2000},             /* longer than its sector */
        {0x000c, 0xffffffff, 0x2000},        /* by far */
        {0x0001, 0x40040200, 0x2000},        /* has none */
        {0x1000, 0x400201e8, 0x3000},        /* no application image */
        {0x1000, 0x400200e9, 0x3000},        /* without segments */
        {0x100c, 0xffffffff, 0x3000},        /* segment 0 wraps round */
        {0x100c, 0xfffffff0, 0x3000},        /* does not quite */
        {0x100c, NEW_SIZE, 0x3000},          /* ends behind the file */
        {0x100c, NEW_SIZE - 0x1010, 0x3000}, /* no room for segment 1 */
        {0x1054, NEW_SIZE - 0x1058, 0x3000}, /* nor for the checksum */
        {0x1054, 0x7fffffff, 0x3000},
        {0x1000, 0x400203e9, NEW_SIZE}, /* a third one, of noise */
    };

    (void)state;
    for (uint32_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        uint8_t *file = otter_test_image_make(&plain);

        store32(file + broken[i].off, broken[i].word);
        assert_file(file, NEW_SIZE, OTTER_ERR_IMAGE, broken[i].most);
        free(file);
    }
}

static void test_updater_sketch_cut_short_is_refused(void **state)
{
    uint8_t *file = otter_test_image_make(&plain);
    static const uint32_t lens[] = {
        4,      32,     100,    4095,         4096,          4097,        4103,
        0x1008, 0x1010, 0x1017, NEW_SIZE / 2, NEW_SIZE - 16, NEW_SIZE - 1};

    (void)state;
    for (uint32_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        assert_file(file, lens[i], OTTER_ERR_IMAGE, 0x3000);
    }
    assert_file(file, NEW_SIZE, 0, NEW_SIZE);
    free(file);
}

/* A signature may follow; the image ends where its header says. */
static void test_updater_bytes_behind_the_sketch_are_taken(void **state)
{
    uint8_t *file = otter_test_image_make(&plain);

    (void)state;
    store32(file + 0x1054, 0x1000);
    assert_file(file, NEW_SIZE, 0, NEW_SIZE);
    free(file);
}

/* Tools leave CRC words and the application's checksum stale (protocol
 * 2.7). */
static void test_updater_wrong_checksums_are_no_reason_to_refuse(void **state)
{
    static const uint32_t offs[] = {0x1010, 0x1014, NEW_SIZE - 1};
    uint8_t *file = otter_test_image_make(&plain);

    (void)state;
    for (uint32_t i = 0; i < sizeof offs / sizeof offs[0]; i++) {
        file[offs[i]] ^= 0x55;
        assert_file(file, NEW_SIZE, 0, NEW_SIZE);
    }
    free(file);
}

/* But the ROM checks the boot image, which the core's loader installs too: a
 * departure from protocol 2.4, whose Updater would leave a dead device. */
static void test_updater_boot_image_that_cannot_start_is_refused(void **state)
{
    static const uint32_t offs[] = {63, 24};
    uint8_t *file = otter_test_image_make(&plain);

    (void)state;
    for (uint32_t i = 0; i < sizeof offs / sizeof offs[0]; i++) {
        file[offs[i]] ^= 0x55;
        assert_file(file, NEW_SIZE, OTTER_ERR_CHECKSUM, NEW_SIZE);
        file[offs[i]] ^= 0x55;
    }
    assert_file(file, NEW_SIZE, 0, NEW_SIZE);
    free(file);
}

/* Headers are judged again as they read back in the end. */
static void test_updater_header_that_rots_is_found(void **state)
{
    uint8_t *file = otter_test_image_make(&plain);

    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    while (otter_stream_poll(otter_test_rig.stream) == OTTER_ERR_PENDING) {
    }
    otter_sim_board.nor.bytes[0x300000 - NEW_SIZE + 0x1057] = 0x01;
    assert_int_equal(otter_test_end(), OTTER_ERR_IMAGE);
    assert_false(otter_test_take_order());
    free(file);
}

/* --- Digests ------------------------------------------------------------ */

/* MD5s are named only when they differ: bit 0 of `wrong`. */
static void assert_told(uint32_t wrong)
{
    static const char *const heads[] = {
        "ERROR[0]: ", "ERROR[7]: MD5 verification failed: expected: ",
        "ERROR[133]: the digest does not match\n",
        "ERROR[7]: MD5 verification failed: expected: "};
    struct otter_error_detail detail;
    char out[OTTER_CORE_ERROR_TEXT_MAX];

    otter_stream_detail(otter_test_rig.stream, &detail);
    otter_core_update_print(&detail, out, sizeof out);
    assert_memory_equal(out, heads[wrong], strlen(heads[wrong]));
}

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
        assert_told(wrong);
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
        TEST(test_updater_segments_never_lead_backwards),
        TEST(test_updater_file_system_holds_no_descriptor),
        TEST(test_updater_gzip_is_taken_unseen),
        TEST(test_updater_gzip_sizes_that_cannot_be_are_refused),
        TEST(test_updater_after_gzip_a_plain_image_is_plain),
        TEST(test_updater_gzip_without_room_for_a_trailer),
        TEST(test_updater_broken_headers_are_refused_as_they_come),
        TEST(test_updater_sketch_cut_short_is_refused),
        TEST(test_updater_bytes_behind_the_sketch_are_taken),
        TEST(test_updater_wrong_checksums_are_no_reason_to_refuse),
        TEST(test_updater_boot_image_that_cannot_start_is_refused),
        TEST(test_updater_header_that_rots_is_found),
        TEST(test_updater_both_digests_must_match),
        TEST(test_updater_later_digest_replaces_the_earlier),
        TEST(test_updater_digest_of_an_earlier_update_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
