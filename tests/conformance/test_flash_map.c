/* SPDX-License-Identifier: Apache-2.0
 *
 * The flash maps of protocol 2.8, row by row, and the staging arithmetic of
 * section 10 item 5. */
#include "format/flash_map.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *name;
    uint32_t flash_size;
    uint32_t fs_start;
    uint32_t fs_end;
    uint32_t fs_block;
    uint32_t irom;
};

/* Typed from the table of protocol 2.8.  8M0 and 16M0 are the NO_FS profile
 * of the automatic map. */
static const struct row rows[] = {
    {"512K0", 524288, 0x7B000, 0x7B000, 0, 0x79FF0},
    {"512K32", 524288, 0x73000, 0x7B000, 0x1000, 0x71FF0},
    {"512K64", 524288, 0x6B000, 0x7B000, 0x1000, 0x69FF0},
    {"512K128", 524288, 0x5B000, 0x7B000, 0x1000, 0x59FF0},
    {"1M0", 1048576, 0xFB000, 0xFB000, 0, 0xF9FF0},
    {"1M64", 1048576, 0xEB000, 0xFB000, 0x1000, 0xE9FF0},
    {"1M128", 1048576, 0xDB000, 0xFB000, 0x1000, 0xD9FF0},
    {"1M144", 1048576, 0xD7000, 0xFB000, 0x1000, 0xD5FF0},
    {"1M160", 1048576, 0xD3000, 0xFB000, 0x1000, 0xD1FF0},
    {"1M192", 1048576, 0xCB000, 0xFB000, 0x1000, 0xC9FF0},
    {"1M256", 1048576, 0xBB000, 0xFB000, 0x1000, 0xB9FF0},
    {"1M512", 1048576, 0x7B000, 0xFB000, 0x2000, 0x79FF0},
    {"2M0", 2097152, 0x1FB000, 0x1FB000, 0, 0xFEFF0},
    {"2M64", 2097152, 0x1F0000, 0x1FB000, 0x1000, 0xFEFF0},
    {"2M128", 2097152, 0x1E0000, 0x1FB000, 0x1000, 0xFEFF0},
    {"2M256", 2097152, 0x1C0000, 0x1FB000, 0x1000, 0xFEFF0},
    {"2M512", 2097152, 0x180000, 0x1FA000, 0x2000, 0xFEFF0},
    {"2M1M", 2097152, 0x100000, 0x1FA000, 0x2000, 0xFEFF0},
    {"4M0", 4194304, 0x3FB000, 0x3FB000, 0, 0xFEFF0},
    {"4M1M", 4194304, 0x300000, 0x3FA000, 0x2000, 0xFEFF0},
    {"4M2M", 4194304, 0x200000, 0x3FA000, 0x2000, 0xFEFF0},
    {"4M3M", 4194304, 0x100000, 0x3FA000, 0x2000, 0xFEFF0},
    {"8M0", 8388608, 0x7FB000, 0x7FB000, 0, 0xFEFF0},
    {"8M6M", 8388608, 0x200000, 0x7FA000, 0x2000, 0xFEFF0},
    {"8M7M", 8388608, 0x100000, 0x7FA000, 0x2000, 0xFEFF0},
    {"16M0", 16777216, 0xFFB000, 0xFFB000, 0, 0xFEFF0},
    {"16M14M", 16777216, 0x200000, 0xFFA000, 0x2000, 0xFEFF0},
    {"16M15M", 16777216, 0x100000, 0xFFA000, 0x2000, 0xFEFF0},
};

#define ROWS (sizeof rows / sizeof rows[0])

static void test_flash_map_every_row_matches_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        const struct otter_flash_map *map = otter_flash_map_find(rows[i].name);

        assert_non_null(map);
        assert_string_equal(map->name, rows[i].name);
        assert_int_equal(map->flash_size, rows[i].flash_size);
        assert_int_equal(map->fs_start, rows[i].fs_start);
        assert_int_equal(map->fs_end, rows[i].fs_end);
        assert_int_equal(map->fs_block, rows[i].fs_block);
        assert_int_equal(map->sketch_max, rows[i].irom);
        assert_int_equal(map->eeprom, rows[i].flash_size - 20480);
        assert_int_equal(map->rf_cal, rows[i].flash_size - 16384);
        assert_int_equal(map->wifi, rows[i].flash_size - 12288);
    }
}

static void test_flash_map_list_holds_each_row_once(void **state)
{
    uint32_t count = 0;

    (void)state;
    while (otter_flash_map_at(count) != NULL) {
        const struct otter_flash_map *map = otter_flash_map_at(count);

        assert_ptr_equal(otter_flash_map_find(map->name), map);
        count++;
    }
    assert_int_equal(count, ROWS);
}

static void test_flash_map_sketch_max_is_the_stated_maximum(void **state)
{
    (void)state;
    for (uint32_t i = 0; otter_flash_map_at(i) != NULL; i++) {
        const struct otter_flash_map *map = otter_flash_map_at(i);
        uint32_t fs = map->fs_end - map->fs_start;

        assert_int_equal(map->sketch_max,
                         map->flash_size >= 0x200000
                             ? 1044464
                             : map->flash_size - fs - 20480 - 4112);
    }
}

static void test_flash_map_bare_size_means_no_file_system(void **state)
{
    (void)state;
    assert_string_equal(otter_flash_map_find("4M")->name, "4M0");
    assert_string_equal(otter_flash_map_find("512K")->name, "512K0");
    assert_string_equal(otter_flash_map_find("16M")->name, "16M0");
}

static void test_flash_map_unknown_name_finds_nothing(void **state)
{
    static const char *const names[] = {"",    "4",      "4m2m", "4M2M ",
                                        "3M",  "4M2",    "M",    "1M6",
                                        "1M5", "512K12", "4M00"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_null(otter_flash_map_find(names[i]));
    }
}

static void expect_auto(enum otter_flash_profile profile, uint32_t size,
                        uint32_t fs_start, uint32_t fs_end)
{
    const struct otter_flash_map *map = otter_flash_map_auto(profile, size);

    assert_non_null(map);
    assert_int_equal(map->flash_size, size);
    assert_int_equal(map->fs_start, fs_start);
    assert_int_equal(map->fs_end, fs_end);
}

static void test_flash_map_auto_profiles_match_the_table(void **state)
{
    (void)state;
    expect_auto(OTTER_FLASH_OTA_FS, 0x80000, 0x73000, 0x7B000);
    expect_auto(OTTER_FLASH_OTA_FS, 0x100000, 0xEB000, 0xFB000);
    expect_auto(OTTER_FLASH_OTA_FS, 0x200000, 0x1C0000, 0x1FB000);
    expect_auto(OTTER_FLASH_OTA_FS, 0x400000, 0x200000, 0x3FA000);
    expect_auto(OTTER_FLASH_OTA_FS, 0x800000, 0x200000, 0x7FA000);
    expect_auto(OTTER_FLASH_OTA_FS, 0x1000000, 0x200000, 0xFFA000);
    expect_auto(OTTER_FLASH_MAX_FS, 0x80000, 0x5B000, 0x7B000);
    expect_auto(OTTER_FLASH_MAX_FS, 0x100000, 0x7B000, 0xFB000);
    expect_auto(OTTER_FLASH_MAX_FS, 0x200000, 0x100000, 0x1FA000);
    expect_auto(OTTER_FLASH_MAX_FS, 0x400000, 0x100000, 0x3FA000);
    expect_auto(OTTER_FLASH_MAX_FS, 0x800000, 0x100000, 0x7FA000);
    expect_auto(OTTER_FLASH_MAX_FS, 0x1000000, 0x100000, 0xFFA000);
    for (uint32_t size = 0x80000; size <= 0x1000000; size *= 2) {
        expect_auto(OTTER_FLASH_NO_FS, size, size - 0x5000, size - 0x5000);
    }
    assert_null(otter_flash_map_auto(OTTER_FLASH_OTA_FS, 0x40000));
    assert_null(otter_flash_map_auto(OTTER_FLASH_OTA_FS, 0));
    assert_null(otter_flash_map_auto((enum otter_flash_profile)3, 0x80000));
}

static void test_flash_map_size_nibbles_match_the_list(void **state)
{
    static const uint32_t sizes[16] = {
        [0] = 512 << 10, [1] = 256 << 10, [2] = 1 << 20,  [3] = 2 << 20,
        [4] = 4 << 20,   [8] = 8 << 20,   [9] = 16 << 20,
    };

    (void)state;
    for (uint32_t nibble = 0; nibble < 16; nibble++) {
        uint32_t size = otter_flash_map_size_from_nibble(nibble);

        assert_int_equal(size, sizes[nibble]);
        if (size != 0) {
            assert_int_equal(otter_flash_map_nibble_from_size(size), nibble);
        }
    }
    assert_int_equal(otter_flash_map_size_from_nibble(16), 0);
    assert_int_equal(otter_flash_map_nibble_from_size(0), OTTER_ERR_INVALID);
    assert_int_equal(otter_flash_map_nibble_from_size(3 << 20),
                     OTTER_ERR_INVALID);
}

static void expect_staged_at(const char *name, uint32_t size, uint32_t want)
{
    uint32_t addr = 0;

    assert_int_equal(otter_flash_map_stage_sketch(otter_flash_map_find(name),
                                                  0x40000, size, &addr),
                     0);
    assert_int_equal(addr, want);
}

static void test_flash_map_staging_matches_the_vectors(void **state)
{
    (void)state;
    expect_staged_at("4M1M", 0x60780, 0x29F000);
    expect_staged_at("1M0", 0x472F0, 0xB3000);
    expect_staged_at("4M3M", 0x472F0, 0xB8000);
}

/* Protocol 2.8: the largest pair of equal images per map. */
static void test_flash_map_largest_equal_images_match_the_text(void **state)
{
    static const struct {
        const char *name;
        uint32_t limit;
    } limits[] = {{"1M0", 512000}, {"1M64", 479232}, {"4M3M", 524288}};
    uint32_t addr;

    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const struct otter_flash_map *map =
            otter_flash_map_find(limits[i].name);
        uint32_t limit = limits[i].limit;

        assert_int_equal(
            otter_flash_map_stage_sketch(map, limit, limit, &addr), 0);
        assert_true(addr >= limit);
        assert_int_equal(
            otter_flash_map_stage_sketch(map, limit + 1, limit + 1, &addr),
            OTTER_ERR_SPACE);
    }
}

static void test_flash_map_staging_never_wraps(void **state)
{
    uint32_t addr = 7;

    (void)state;
    for (uint32_t i = 0; otter_flash_map_at(i) != NULL; i++) {
        const struct otter_flash_map *map = otter_flash_map_at(i);
        static const uint32_t sizes[] = {0xFFFFFFFF, 0xFFFFF001, 0xFFFFF000,
                                         0x80000000};

        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            assert_int_equal(
                otter_flash_map_stage_sketch(map, 4096, sizes[j], &addr),
                OTTER_ERR_SPACE);
            assert_int_equal(
                otter_flash_map_stage_sketch(map, sizes[j], 4096, &addr),
                OTTER_ERR_SPACE);
            assert_int_equal(otter_flash_map_stage_fs(map, sizes[j], &addr),
                             OTTER_ERR_SPACE);
            assert_int_equal(otter_flash_map_free_space(map, sizes[j]), 0);
        }
    }
    assert_int_equal(addr, 7);
}

static void test_flash_map_file_system_is_staged_in_place(void **state)
{
    const struct otter_flash_map *map = otter_flash_map_find("4M2M");
    uint32_t addr = 0;

    (void)state;
    assert_int_equal(otter_flash_map_stage_fs(map, 0x1FA000, &addr), 0);
    assert_int_equal(addr, 0x200000);
    assert_int_equal(otter_flash_map_stage_fs(map, 0x1FA001, &addr),
                     OTTER_ERR_SPACE);
    map = otter_flash_map_find("4M0");
    assert_int_equal(otter_flash_map_stage_fs(map, 1, &addr), OTTER_ERR_SPACE);
}

static void test_flash_map_free_space_counts_whole_sectors(void **state)
{
    const struct otter_flash_map *map = otter_flash_map_find("1M0");

    (void)state;
    assert_int_equal(otter_flash_map_free_space(map, 0x472F0), 0xB3000);
    assert_int_equal(otter_flash_map_free_space(map, 0xFB000), 0);
    assert_int_equal(otter_flash_map_free_space(map, 0xFA001), 0);
    assert_int_equal(otter_flash_map_free_space(map, 0xFA000), 0x1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flash_map_every_row_matches_the_table),
        cmocka_unit_test(test_flash_map_list_holds_each_row_once),
        cmocka_unit_test(test_flash_map_sketch_max_is_the_stated_maximum),
        cmocka_unit_test(test_flash_map_bare_size_means_no_file_system),
        cmocka_unit_test(test_flash_map_unknown_name_finds_nothing),
        cmocka_unit_test(test_flash_map_auto_profiles_match_the_table),
        cmocka_unit_test(test_flash_map_size_nibbles_match_the_list),
        cmocka_unit_test(test_flash_map_staging_matches_the_vectors),
        cmocka_unit_test(test_flash_map_largest_equal_images_match_the_text),
        cmocka_unit_test(test_flash_map_staging_never_wraps),
        cmocka_unit_test(test_flash_map_file_system_is_staged_in_place),
        cmocka_unit_test(test_flash_map_free_space_counts_whole_sectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
