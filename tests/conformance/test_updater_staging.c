/* SPDX-License-Identifier: Apache-2.0
 *
 * Where an update is staged and what order it leaves, for every flash map of
 * protocol 2.8, with made images and with real firmware (OTTER_SHARED names
 * the folder that has it).  Addresses are computed here from the
 * specification's table, the CRC of the command bit by bit. */
#define _POSIX_C_SOURCE 200809L

#include "device/updater/updater.h"

#include "format/flash_map.h"
#include "format/hex.h"
#include "tests/support/sim_board.h"
#include "tests/support/test_image.h"
#include "tests/support/test_update.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUNNING 0x5000u

static const struct {
    const char *name;
    uint32_t fs_start;
    uint32_t fs_end;
} maps[] = {
    {"512K0", 0x7B000, 0x7B000},    {"512K32", 0x73000, 0x7B000},
    {"512K64", 0x6B000, 0x7B000},   {"512K128", 0x5B000, 0x7B000},
    {"1M0", 0xFB000, 0xFB000},      {"1M64", 0xEB000, 0xFB000},
    {"1M128", 0xDB000, 0xFB000},    {"1M144", 0xD7000, 0xFB000},
    {"1M160", 0xD3000, 0xFB000},    {"1M192", 0xCB000, 0xFB000},
    {"1M256", 0xBB000, 0xFB000},    {"1M512", 0x7B000, 0xFB000},
    {"2M0", 0x1FB000, 0x1FB000},    {"2M64", 0x1F0000, 0x1FB000},
    {"2M128", 0x1E0000, 0x1FB000},  {"2M256", 0x1C0000, 0x1FB000},
    {"2M512", 0x180000, 0x1FA000},  {"2M1M", 0x100000, 0x1FA000},
    {"4M0", 0x3FB000, 0x3FB000},    {"4M1M", 0x300000, 0x3FA000},
    {"4M2M", 0x200000, 0x3FA000},   {"4M3M", 0x100000, 0x3FA000},
    {"8M0", 0x7FB000, 0x7FB000},    {"8M6M", 0x200000, 0x7FA000},
    {"8M7M", 0x100000, 0x7FA000},   {"16M0", 0xFFB000, 0xFFB000},
    {"16M14M", 0x200000, 0xFFA000}, {"16M15M", 0x100000, 0xFFA000},
};

#define MAPS (sizeof maps / sizeof maps[0])

static uint32_t round_up(uint32_t size)
{
    return (size + 4095) / 4096 * 4096;
}

static uint32_t crc_bit_by_bit(const uint32_t *words, uint32_t count)
{
    uint32_t crc = 0xffffffff;

    for (uint32_t i = 0; i < count * 32; i++) {
        uint32_t byte = words[i / 32] >> (i / 8 % 4 * 8);
        uint32_t bit = byte >> (7 - i % 8) & 1;

        crc = (crc << 1) ^ ((crc >> 31) != bit ? 0x04c11db7u : 0);
    }
    return crc;
}

/* All 32 words of the order, and that nothing else in RTC memory changed. */
static void assert_command(uint32_t start, uint32_t size)
{
    uint32_t expected[OTTER_RTC_WORDS] = {0xeb001000, 1, start, 0, size};

    expected[31] = crc_bit_by_bit(expected, 31);
    assert_memory_equal(otter_sim_board.rtc, expected, sizeof expected);
    memset(otter_sim_board.rtc, 0, sizeof otter_sim_board.rtc);
}

/* Everything but [from, from + len) is as it was in `before`. */
static void assert_rest_untouched(const uint8_t *before, uint32_t from,
                                  uint32_t len)
{
    uint32_t end = from + len;

    assert_memory_equal(otter_sim_board.nor.bytes, before, from);
    assert_memory_equal(otter_sim_board.nor.bytes + end, before + end,
                        otter_sim_board.nor.size - end);
}

/* Stages `file` with its MD5 and checks every byte of flash and the order. */
static void check_update(uint32_t fs_start, uint32_t announced,
                         const uint8_t *file, uint32_t len, uint32_t start)
{
    uint8_t *before = malloc(otter_sim_board.nor.size);
    uint8_t *staged = malloc(len);
    uint32_t area = announced == len ? round_up(len) : fs_start - start;

    memcpy(before, otter_sim_board.nor.bytes, otter_sim_board.nor.size);
    memcpy(staged, file, len);
    if (file[0] == 0xe9) {
        staged[2] = 2; /* the running image's flash mode */
    }
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, announced), 0);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, file, len), 0);
    assert_int_equal(otter_test_feed(file, len, 1460), 0);
    assert_int_equal(otter_test_end(), 0);
    assert_memory_equal(otter_sim_board.nor.bytes + start, staged, len);
    assert_rest_untouched(before, start, area);
    assert_command(start, len);
    assert_int_equal(otter_sim_board.counters.violations, 0);
    free(before);
    free(staged);
}

static uint8_t *make(uint32_t size, uint8_t mode)
{
    struct otter_test_image image = {
        .size = size, .mode = mode, .nibble = 0, .seed = size};

    return otter_test_image_make(&image);
}

/* --- The whole table ---------------------------------------------------- */

static void check_sketch(uint32_t fs_start, uint32_t size)
{
    uint8_t *file = make(size, 3);

    check_update(fs_start, size, file, size, fs_start - round_up(size));
    check_update(fs_start, OTTER_SIZE_UNKNOWN, file, size, RUNNING + 0x1000);
    free(file);
}

static void check_limits(uint32_t fs_start, uint32_t fs_end)
{
    uint32_t room = fs_start - RUNNING;

    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, room + 1),
                     OTTER_ERR_SPACE);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, room), 0);
    otter_stream_abort(otter_test_rig.stream, OTTER_ERR_CLOSED);
    assert_int_equal(
        otter_test_begin(OTTER_UPDATE_FILE_SYSTEM, fs_end - fs_start + 1),
        OTTER_ERR_SPACE);
}

static void check_file_system(uint32_t fs_start, uint32_t fs_end)
{
    uint32_t size = fs_end - fs_start;
    uint8_t *file, *before;

    if (size == 0) {
        assert_int_equal(
            otter_test_begin(OTTER_UPDATE_FILE_SYSTEM, OTTER_SIZE_UNKNOWN),
            OTTER_ERR_SPACE);
        return;
    }
    size = size < 0x20000 ? size : 0x20000;
    file = malloc(size);
    before = malloc(otter_sim_board.nor.size);
    otter_test_noise(file, size, 31);
    memcpy(before, otter_sim_board.nor.bytes, otter_sim_board.nor.size);
    assert_int_equal(otter_test_update(OTTER_UPDATE_FILE_SYSTEM,
                                       OTTER_SIZE_UNKNOWN, file, size),
                     0);
    assert_memory_equal(otter_sim_board.nor.bytes + fs_start, file, size);
    assert_rest_untouched(before, fs_start, size);
    assert_int_equal(otter_sim_board.rtc_writes, 0);
    free(before);
    free(file);
}

static void test_updater_staging_follows_every_flash_map(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MAPS; i++) {
        otter_test_rig_open(maps[i].name, RUNNING);
        check_file_system(maps[i].fs_start, maps[i].fs_end);
        check_limits(maps[i].fs_start, maps[i].fs_end);
        check_sketch(maps[i].fs_start, 0x1800);
        check_sketch(maps[i].fs_start, 0x2ff0);
        check_sketch(maps[i].fs_start, 0x3000);
        check_sketch(maps[i].fs_start, 0x24560);
        otter_test_rig_close();
    }
}

static void test_updater_staging_table_has_every_map(void **state)
{
    uint32_t count = 0;

    (void)state;
    while (otter_flash_map_at(count) != NULL) {
        count++;
    }
    assert_int_equal(count, MAPS);
}

/* --- Vectors: section 10, item 5, with the CRCs of 3.2 ------------------ */

static void check_vector(const char *map, uint32_t size, uint32_t start,
                         uint32_t crc)
{
    uint8_t *file = make(size, 2);

    otter_test_rig_open(map, RUNNING);
    assert_int_equal(otter_test_update(OTTER_UPDATE_SKETCH, size, file, size),
                     0);
    assert_int_equal(otter_sim_board.rtc[2], start);
    if (crc != 0) {
        assert_int_equal(otter_sim_board.rtc[31], crc);
    }
    assert_command(start, size);
    otter_test_rig_close();
    free(file);
}

static void test_updater_staging_vectors(void **state)
{
    (void)state;
    check_vector("4M1M", 0x60780, 0x29F000, 0x6DAC13E5);
    check_vector("1M0", 0x472F0, 0xB3000, 0);
    check_vector("4M3M", 0x472F0, 0xB8000, 0xDF413FF5);
}

/* --- Real firmware ------------------------------------------------------ */

struct blob {
    uint8_t *bytes;
    uint32_t size;
};

/* What a command prints or a file holds. */
static struct blob read_all(FILE *stream)
{
    struct blob blob = {malloc(0x200000), 0};

    blob.size = (uint32_t)fread(blob.bytes, 1, 0x200000, stream);
    return blob;
}

/* NULL: it is not there. */
static const char *firmware_folder(void)
{
    static char folder[512];
    const char *shared = getenv("OTTER_SHARED");
    char text[700];
    FILE *stream;

    snprintf(folder, sizeof folder, "%s/data/firmware",
             shared != NULL ? shared : OTTER_SHARED_DEFAULT);
    snprintf(text, sizeof text, "%s/README.md", folder);
    stream = fopen(text, "r");
    if (stream == NULL) {
        return NULL;
    }
    fclose(stream);
    return folder;
}

/* The file as it is, and unpacked. */
static void load(const char *folder, const char *name, struct blob *packed,
                 struct blob *plain)
{
    char text[700];
    FILE *stream;

    snprintf(text, sizeof text, "%s/%s.bin.gz", folder, name);
    stream = fopen(text, "rb");
    assert_non_null(stream);
    *packed = read_all(stream);
    fclose(stream);
    snprintf(text, sizeof text, "gzip -dc '%s/%s.bin.gz'", folder, name);
    stream = popen(text, "r");
    assert_non_null(stream);
    *plain = read_all(stream);
    assert_int_equal(pclose(stream), 0);
}

static int update(const struct blob *file)
{
    return otter_test_update(OTTER_UPDATE_SKETCH, file->size, file->bytes,
                             file->size);
}

/* All of them are built for 1 MiB of flash. */
static void check_firmware(uint32_t fs_start, const struct blob *file)
{
    if (round_up(file->size) > fs_start - RUNNING) {
        assert_int_equal(update(file), OTTER_ERR_SPACE);
    } else if (file->bytes[0] == 0xe9 &&
               otter_sim_board.chip_size < 0x100000) {
        assert_int_equal(update(file), OTTER_ERR_NEW_FLASH_CONFIG);
    } else {
        check_update(fs_start, file->size, file->bytes, file->size,
                     fs_start - round_up(file->size));
    }
}

/* What the updater promises of a gzip image that overlaps what it unpacks
 * to (updater.h): the loader is never where it has still to read. */
static bool may_overlap(uint32_t start, uint32_t size, uint32_t unpacked)
{
    uint32_t end = round_up(unpacked);

    return end <= start + size &&
           start + size - end >= unpacked / 64 + 2 * 4096;
}

/* Stages, and where staged and unpacked overlap, lets the core's loader
 * install. */
static void check_packed(uint32_t fs_start, const struct blob *packed,
                         const struct blob *plain)
{
    uint32_t start = fs_start - round_up(packed->size);
    bool overlap = round_up(plain->size) > start;

    if (round_up(packed->size) > fs_start - RUNNING ||
        (overlap && !may_overlap(start, packed->size, plain->size))) {
        assert_int_equal(update(packed), OTTER_ERR_SPACE);
        assert_false(otter_test_take_order());
        return;
    }
    check_firmware(fs_start, packed);
    if (overlap) {
        otter_test_order_copy(start, packed->size);
        otter_test_run_stock_loader();
        assert_memory_equal(otter_sim_board.nor.bytes, plain->bytes,
                            plain->size);
    }
}

static void test_updater_real_firmware_is_staged_on_every_map(void **state)
{
    static const char *const names[] = {
        "tasmota-minimal-15.5.0", "tasmota1m-15.4.0-a", "tasmota1m-15.4.0-b"};
    const char *folder = firmware_folder();

    (void)state;
    if (folder == NULL) {
        skip();
    }
    for (uint32_t n = 0; n < 3; n++) {
        struct blob packed, plain;

        load(folder, names[n], &packed, &plain);
        for (uint32_t i = 0; i < MAPS; i++) {
            otter_test_rig_open(maps[i].name, RUNNING);
            check_firmware(maps[i].fs_start, &plain);
            check_packed(maps[i].fs_start, &packed, &plain);
            otter_test_rig_close();
        }
        free(packed.bytes);
        free(plain.bytes);
    }
}

/* A real image as the one that runs: the walk over its segments ends at the
 * file's own length. */
static void test_updater_real_firmware_has_its_size_and_digest(void **state)
{
    const char *folder = firmware_folder();
    struct blob packed, plain;
    br_md5_context context;
    uint8_t digest[16];
    char md5[33], expected[33];

    (void)state;
    if (folder == NULL) {
        skip();
    }
    load(folder, "tasmota1m-15.4.0-a", &packed, &plain);
    otter_test_rig_open("1M64", RUNNING);
    memcpy(otter_sim_board.nor.bytes, plain.bytes, plain.size);
    assert_int_equal(otter_updater_sketch_size(&otter_test_rig.updater),
                     600912);
    assert_int_equal(otter_updater_free_space(&otter_test_rig.updater),
                     0xeb000 - round_up(600912));
    while (otter_updater_sketch_md5(&otter_test_rig.updater, md5) ==
           OTTER_ERR_PENDING) {
        (void)!otter_stream_poll(otter_test_rig.stream);
    }
    br_md5_init(&context);
    br_md5_update(&context, plain.bytes, plain.size);
    br_md5_out(&context, digest);
    otter_hex_encode(expected, digest, sizeof digest);
    assert_string_equal(md5, expected);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, plain.size),
                     OTTER_ERR_SPACE);
    assert_int_equal(update(&packed), OTTER_ERR_SPACE);
    otter_test_rig_close();
    free(packed.bytes);
    free(plain.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updater_staging_follows_every_flash_map),
        cmocka_unit_test(test_updater_staging_table_has_every_map),
        cmocka_unit_test(test_updater_staging_vectors),
        cmocka_unit_test(test_updater_real_firmware_is_staged_on_every_map),
        cmocka_unit_test(test_updater_real_firmware_has_its_size_and_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
