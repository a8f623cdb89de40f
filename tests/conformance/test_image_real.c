/* SPDX-License-Identifier: Apache-2.0
 *
 * Inspection of firmware as it is shipped to devices.  The files are not part
 * of the tree: they are looked for in the folder that OTTER_SHARED names, by
 * default ../shared beside the source tree, and without it every case is
 * skipped.  The expected figures were read off the files by hand. */
#include "format/image.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>

struct expected {
    const char *name;
    uint32_t size;
    uint32_t crc;
    uint8_t app_checksum;
    struct otter_image_segment segments[5];
};

static const struct expected minimal = {
    "tasmota-minimal-15.5.0.bin.gz",
    372768,
    0x225b0632,
    0x18,
    {{0x40201010, 0x1010, 0x529d8},
     {0x40100000, 0x539f0, 0x13c},
     {0x4010013c, 0x53b34, 0x6af0},
     {0x3ffe8000, 0x5a62c, 0x4b8},
     {0x3ffe84c0, 0x5aaec, 0x530}},
};

static const struct expected release_a = {
    "tasmota1m-15.4.0-a.bin.gz",
    600912,
    0xc04e511a,
    0xba,
    {{0x40201010, 0x1010, 0x8936c},
     {0x40100000, 0x8a384, 0x13c},
     {0x4010013c, 0x8a4c8, 0x72fc},
     {0x3ffe8000, 0x917cc, 0x550},
     {0x3ffe8560, 0x91d24, 0xe28}},
};

static const struct expected release_b = {
    "tasmota1m-15.4.0-b.bin.gz",
    602464,
    0x0e238d53,
    0x68,
    {{0x40201010, 0x1010, 0x89970},
     {0x40100000, 0x8a988, 0x13c},
     {0x4010013c, 0x8aacc, 0x72fc},
     {0x3ffe8000, 0x91dd0, 0x550},
     {0x3ffe8560, 0x92328, 0xe28}},
};

static uint8_t file[1 << 20];

/* Unpacks the file into `file` and returns its size, or skips the case. */
static uint32_t unpack(const char *name)
{
    const char *shared = getenv("OTTER_SHARED");
    char path[4096];
    gzFile in;
    int size;

    snprintf(path, sizeof path, "%s/data/firmware/%s",
             shared != NULL ? shared : OTTER_SHARED_DEFAULT, name);
    in = gzopen(path, "rb");
    if (in == NULL) {
        print_message("%s is not there\n", path);
        skip();
    }
    size = gzread(in, file, sizeof file);
    gzclose(in);
    assert_true(size > 0);
    return (uint32_t)size;
}

static void expect_header(const struct otter_image_header *header,
                          uint32_t segments, uint32_t entry)
{
    assert_int_equal(header->segments, segments);
    assert_int_equal(header->entry, entry);
    assert_int_equal(header->mode, OTTER_IMAGE_DOUT);
    assert_int_equal(header->size_nibble, 2);
    assert_int_equal(header->freq_nibble, 0);
}

static void expect_segments(const struct otter_image_source *source,
                            const struct expected *want)
{
    struct otter_image_walk walk;
    struct otter_image_header header;

    assert_int_equal(
        otter_image_walk_begin(&walk, source, OTTER_IMAGE_APP_OFF, &header),
        0);
    for (size_t i = 0; i < 5; i++) {
        struct otter_image_segment got;

        assert_int_equal(otter_image_walk_next(&walk, &got), 0);
        assert_int_equal(got.vma, want->segments[i].vma);
        assert_int_equal(got.off, want->segments[i].off);
        assert_int_equal(got.size, want->segments[i].size);
    }
    assert_int_equal(walk.left, 0);
}

static void expect_contents(const struct otter_image_source *source,
                            const struct otter_image_info *info,
                            const struct expected *want)
{
    static uint32_t buf[1024];
    struct otter_image_check check;
    int error;

    otter_image_check_begin(&check, source, info);
    do {
        error = otter_image_check_step(&check, buf, sizeof buf);
    } while (error == OTTER_ERR_PENDING);
    assert_int_equal(error, 0);
    assert_int_equal(check.boot_stored, 0xb0);
    assert_int_equal(check.app_stored, want->app_checksum);
    assert_int_equal(check.crc, OTTER_IMAGE_CRC_VALID);
    assert_int_equal(check.crc_off, OTTER_IMAGE_CRC_OFF_BOOT);
    assert_int_equal(check.crc_stored, want->crc);
}

static void expect_image(const struct expected *want)
{
    struct otter_image_memory memory = {.data = file};
    struct otter_image_source source;
    struct otter_image_info info;
    struct otter_descriptor descriptor;

    memory.size = unpack(want->name);
    otter_image_source_memory(&source, &memory);
    assert_int_equal(memory.size, want->size);
    assert_int_equal(otter_image_inspect(&source, &info), 0);
    assert_int_equal(info.size, want->size);
    expect_header(&info.boot.header, 1, 0x4010f45c);
    expect_header(&info.app.header, 5, 0x401000b8);
    assert_int_equal(info.boot.end, 0xe20);
    expect_segments(&source, want);
    expect_contents(&source, &info, want);
    assert_int_equal(otter_image_find_descriptor(&source, &descriptor),
                     OTTER_ERR_NO_DATA);
}

static void test_image_real_minimal_is_understood(void **state)
{
    (void)state;
    expect_image(&minimal);
}

static void test_image_real_release_a_is_understood(void **state)
{
    (void)state;
    expect_image(&release_a);
}

static void test_image_real_release_b_is_understood(void **state)
{
    (void)state;
    expect_image(&release_b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_real_minimal_is_understood),
        cmocka_unit_test(test_image_real_release_a_is_understood),
        cmocka_unit_test(test_image_real_release_b_is_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
