/* SPDX-License-Identifier: Apache-2.0
 *
 * Images against protocol 2.7: the minimal image (section 10 item 4), what
 * building makes, and what inspection says about whole and damaged files. */
#include "format/image.h"

#include "format/bytes.h"
#include "format/error.h"
#include "format/hex.h"
#include "format/image_build.h"
#include "tests/support/test_image.h"

#include <openssl/evp.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- Building ---- */

static const uint8_t minimal[32] = {
    0xE9, 0x01, 0x02, 0x40, 0x04, 0x00, 0x10, 0x40, /* header */
    0x00, 0x00, 0x10, 0x40, 0x04, 0x00, 0x00, 0x00, /* segment */
    0x01, 0x02, 0x03, 0x04, 0x00, 0x00, 0x00, 0x00, /* data, zeros */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xEB, /* checksum */
};

static const struct otter_image_chunk minimal_chunk = {
    .vma = 0x40100000,
    .data = (const uint8_t *)"\x01\x02\x03\x04",
    .size = 4,
};

static const struct otter_image_content minimal_content = {
    .entry = 0x40100004, .chunks = &minimal_chunk, .count = 1};

static void test_image_minimal_is_the_vector(void **state)
{
    struct otter_image_plan plan = {.mode = OTTER_IMAGE_DIO, .size_nibble = 4};
    uint8_t out[32];
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[33];
    uint32_t size = 0;

    (void)state;
    assert_int_equal(otter_image_build_part(&plan, &minimal_content, out,
                                            sizeof out, &size),
                     0);
    assert_int_equal(size, 32);
    assert_memory_equal(out, minimal, sizeof minimal);
    assert_int_equal(EVP_Digest(out, size, digest, NULL, EVP_md5(), NULL), 1);
    otter_hex_encode(hex, digest, 16);
    assert_string_equal(hex, "09e9d8b0e2c85b7d1c875dafeba282c3");
}

/* The end of an image is never on the checksum's byte: data that end on a
 * line's end get another line. */
static void test_image_length_is_a_multiple_of_16(void **state)
{
    static const uint8_t data[64];

    (void)state;
    for (uint32_t len = 0; len <= sizeof data; len++) {
        struct otter_image_chunk chunk = {.vma = 1, .data = data, .size = len};
        struct otter_image_content content = {.chunks = &chunk, .count = 1};
        struct otter_image_plan plan = {0};
        uint8_t out[96];
        uint32_t size = 0;
        uint32_t padded = (len + 3) / 4 * 4;

        assert_int_equal(
            otter_image_build_part(&plan, &content, out, sizeof out, &size),
            0);
        assert_int_equal(size, (16 + padded + 16) / 16 * 16);
        assert_int_equal(otter_image_content_size(&content), size);
        assert_int_equal(otter_load_le32(out + 12), padded);
    }
}

/* Bit by bit, to share nothing with the code. */
static uint32_t crc_by_bits(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xFFFFFFFF;

    for (size_t i = 0; i < len; i++) {
        crc ^= (uint32_t)data[i] << 24;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc << 1) ^ (crc >> 31 != 0 ? 0x04C11DB7u : 0u);
        }
    }
    return crc;
}

static uint8_t irom[20] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3};
static uint8_t text[6] = {0x10, 0x20, 0x30, 0x40, 0x50, 0x60};

static const struct otter_image_chunk app_chunks[] = {
    {.vma = 0x40201010, .data = irom, .size = sizeof irom},
    {.vma = 0x40100000, .data = text, .size = sizeof text},
};

static struct otter_image_plan whole_plan(void)
{
    struct otter_image_plan plan = {
        .mode = OTTER_IMAGE_DOUT,
        .size_nibble = 9,
        .freq_nibble = 15,
        .boot = minimal_content,
        .app = {.entry = 0x40100000, .chunks = app_chunks, .count = 2},
    };

    return plan;
}

static void test_image_build_whole_file_matches_the_layout(void **state)
{
    struct otter_image_plan plan = whole_plan();
    static uint8_t out[0x1040];
    uint32_t size = 0;
    uint32_t crc;

    (void)state;
    assert_int_equal(otter_image_build(&plan, out, sizeof out, &size), 0);
    assert_int_equal(size, 0x1040);
    assert_int_equal(out[2], 3);
    assert_int_equal(out[3], 0x9F);
    assert_memory_equal(out + 4, minimal + 4, 28);
    for (size_t i = 32; i < 0x1000; i++) {
        assert_int_equal(out[i], 0xAA);
    }
    assert_memory_equal(out + 0x1000, "\xE9\x02\x03\x9F\x00\x00\x10\x40", 8);
    assert_memory_equal(out + 0x1008, "\x10\x10\x20\x40\x14\x00\x00\x00", 8);
    assert_memory_equal(out + 0x1018, irom + 8, 12);
    assert_memory_equal(out + 0x1024, "\x00\x00\x10\x40\x08\x00\x00\x00", 8);
    assert_memory_equal(out + 0x102C, text, 6);
    for (size_t i = 0x1032; i < 0x103F; i++) {
        assert_int_equal(out[i], 0);
    }
    /* 0xEF ^ 1 ^ 2 ^ 3 ^ 0x10 ^ ... ^ 0x60, the CRC words as zero. */
    assert_int_equal(out[0x103F], 0xEF ^ 0x70);
    assert_int_equal(otter_load_le32(out + 0x1010), size);
    crc = otter_load_le32(out + 0x1014);
    memset(out + 0x1010, 0, 8);
    assert_int_equal(crc, crc_by_bits(out, size));
}

static void test_image_build_refuses_what_cannot_be(void **state)
{
    struct otter_image_plan plan = whole_plan();
    static uint8_t out[0x2000];
    static uint8_t sector[4096];
    struct otter_image_chunk chunk = {.vma = 0, .data = sector, .size = 4072};
    struct otter_image_chunk app_chunk = app_chunks[1];
    uint32_t size = 0;

    (void)state;
    for (uint32_t capacity = 0; capacity < 0x1040; capacity += 16) {
        assert_int_equal(otter_image_build(&plan, out, capacity, &size),
                         OTTER_ERR_TOO_LONG);
    }
    /* 8 + 8 + 4072 and the checksum's line fill the sector exactly. */
    plan.boot.chunks = &chunk;
    assert_int_equal(otter_image_build(&plan, out, sizeof out, &size), 0);
    chunk.size = 4080;
    assert_int_equal(otter_image_build(&plan, out, sizeof out, &size),
                     OTTER_ERR_SPACE);
    plan = whole_plan();
    plan.app.count = 0;
    plan.no_crc = true;
    assert_int_equal(otter_image_build(&plan, out, sizeof out, &size),
                     OTTER_ERR_INVALID);
    plan.app.count = 256;
    assert_int_equal(otter_image_build(&plan, out, sizeof out, &size),
                     OTTER_ERR_INVALID);
    plan = whole_plan();
    plan.size_nibble = 16;
    assert_int_equal(otter_image_build(&plan, out, sizeof out, &size),
                     OTTER_ERR_INVALID);
    /* No room for the CRC words. */
    plan = whole_plan();
    plan.app.chunks = &app_chunk;
    plan.app.count = 1;
    assert_int_equal(otter_image_build(&plan, out, sizeof out, &size),
                     OTTER_ERR_INVALID);
    plan.no_crc = true;
    assert_int_equal(otter_image_build(&plan, out, sizeof out, &size), 0);
}

/* ---- Inspection ---- */

struct fixture {
    uint8_t *file;
    uint32_t size;
    struct otter_image_memory memory;
    struct otter_image_source source;
};

static void use(struct fixture *f, uint8_t *file, uint32_t size)
{
    f->file = file;
    f->size = size;
    f->memory.data = file;
    f->memory.size = size;
    otter_image_source_memory(&f->source, &f->memory);
}

static void make(struct fixture *f, uint32_t size)
{
    struct otter_test_image image = {
        .size = size,
        .mode = 2,
        .nibble = 4,
        .seed = size,
        .descriptor = true,
        .board = "posix",
        .chip = "esp8266",
    };

    use(f, otter_test_image_make(&image), size);
}

static int check(struct fixture *f, struct otter_image_check *out,
                 uint32_t step)
{
    static struct otter_image_info info;
    static uint32_t buf[1024];
    int error = otter_image_inspect(&f->source, &info);

    if (error != 0) {
        return error;
    }
    otter_image_check_begin(out, &f->source, &info);
    do {
        error = otter_image_check_step(out, buf, step);
    } while (error == OTTER_ERR_PENDING);
    return error;
}

static void test_image_inspect_finds_every_part(void **state)
{
    struct fixture f;
    struct otter_image_info info;
    struct otter_descriptor descriptor;
    uint32_t size = 0;

    (void)state;
    make(&f, 0x3420);
    assert_int_equal(otter_image_inspect(&f.source, &info), 0);
    assert_int_equal(info.boot.header.segments, 1);
    assert_int_equal(info.boot.header.mode, 2);
    assert_int_equal(info.boot.header.size_nibble, 4);
    assert_int_equal(info.boot.header.entry, 0x4010f000);
    assert_int_equal(info.boot.data_end, 56);
    assert_int_equal(info.boot.end, 64);
    assert_int_equal(info.app.header.segments, 2);
    assert_int_equal(info.app.end, 0x3420);
    assert_int_equal(info.size, 0x3420);
    assert_int_equal(otter_image_size(&f.source, &size), 0);
    assert_int_equal(size, 0x3420);
    assert_int_equal(otter_image_find_descriptor(&f.source, &descriptor), 0);
    assert_string_equal(descriptor.version, "1.0.0");
    free(f.file);
}

static void test_image_check_result_is_the_same_for_every_step(void **state)
{
    static const uint32_t steps[] = {4, 8, 12, 20, 64, 1000, 4096};
    struct fixture f;

    (void)state;
    make(&f, 0x3420);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct otter_image_check got;

        assert_int_equal(check(&f, &got, steps[i]), 0);
        assert_int_equal(got.crc, OTTER_IMAGE_CRC_ABSENT);
        assert_int_equal(got.crc_off, 0);
        assert_int_equal(got.boot_stored, f.file[63]);
        assert_int_equal(got.app_stored, f.file[0x341F]);
        assert_int_equal(got.crc_calculated, crc_by_bits(f.file, f.size));
    }
    free(f.file);
}

static void test_image_check_finds_built_words_valid_then_stale(void **state)
{
    static const uint32_t steps[] = {4, 12, 4096};
    struct otter_image_plan plan = whole_plan();
    static uint8_t out[0x1040];
    struct otter_image_check got;
    struct fixture f;
    uint32_t size;

    (void)state;
    assert_int_equal(otter_image_build(&plan, out, sizeof out, &size), 0);
    use(&f, out, size);
    for (size_t i = 0; i < 3; i++) {
        out[2] = 3;
        assert_int_equal(check(&f, &got, steps[i]), 0);
        assert_int_equal(got.crc, OTTER_IMAGE_CRC_VALID);
        assert_int_equal(got.crc_off, 0x1010);
        assert_int_equal(got.crc_stored, got.crc_calculated);
        out[2] = 2; /* what an update does to the flash mode */
        assert_int_equal(check(&f, &got, steps[i]), 0);
        assert_int_equal(got.crc, OTTER_IMAGE_CRC_STALE);
    }
}

/* A checksum that counts the CRC words as they are is right too. */
static void test_image_check_accepts_both_readings_of_the_words(void **state)
{
    struct otter_image_plan plan = whole_plan();
    static uint8_t out[0x1040];
    struct otter_image_check got;
    struct fixture f;
    uint32_t size;

    (void)state;
    assert_int_equal(otter_image_build(&plan, out, sizeof out, &size), 0);
    use(&f, out, size);
    for (size_t i = 0x1010; i < 0x1018; i++) {
        out[0x103F] ^= out[i];
    }
    assert_int_equal(check(&f, &got, 4096), 0);
    assert_int_equal(got.app_calculated, out[0x103F]);
    out[0x103F] ^= 1;
    assert_int_equal(check(&f, &got, 4096), OTTER_ERR_CHECKSUM);
}

/* Cores 2.7 write the words to the end of the boot sector. */
static void test_image_check_finds_words_in_the_boot_sector(void **state)
{
    struct otter_image_check got;
    struct fixture f;
    uint32_t crc;

    (void)state;
    make(&f, 0x2000);
    memset(f.file + 0xFF8, 0, 8);
    crc = crc_by_bits(f.file, f.size);
    otter_store_le32(f.file + 0xFF8, f.size);
    otter_store_le32(f.file + 0xFFC, crc);
    for (uint32_t step = 4; step <= 4096; step *= 4) {
        assert_int_equal(check(&f, &got, step), 0);
        assert_int_equal(got.crc, OTTER_IMAGE_CRC_VALID);
        assert_int_equal(got.crc_off, 0xFF8);
    }
    f.file[100] ^= 1;
    assert_int_equal(check(&f, &got, 4096), 0);
    assert_int_equal(got.crc, OTTER_IMAGE_CRC_STALE);
    free(f.file);
}

static void test_image_check_sees_damage_in_every_segment(void **state)
{
    static const uint32_t places[] = {16,     55,     0x1010, 0x1017,
                                      0x1018, 0x1060, 0x1FF0};
    struct otter_image_check got;
    struct fixture f;

    (void)state;
    make(&f, 0x2000);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        f.file[places[i]] ^= 0x10;
        assert_int_equal(check(&f, &got, 4096), OTTER_ERR_CHECKSUM);
        assert_int_equal(got.boot_stored != got.boot_calculated,
                         places[i] < 0x1000);
        assert_int_equal(got.app_stored != got.app_calculated,
                         places[i] >= 0x1000);
        f.file[places[i]] ^= 0x10;
    }
    free(f.file);
}

static void test_image_every_truncation_is_short(void **state)
{
    struct otter_image_info info;
    struct fixture f;

    (void)state;
    make(&f, 0x1400);
    for (uint32_t size = 0; size < f.size; size++) {
        uint8_t *cut = malloc(size != 0 ? size : 1);
        struct fixture g;

        assert_non_null(cut);
        memcpy(cut, f.file, size);
        use(&g, cut, size);
        assert_int_equal(otter_image_inspect(&g.source, &info),
                         OTTER_ERR_SHORT);
        free(cut);
    }
    free(f.file);
}

static void test_image_malformed_files_are_told_apart(void **state)
{
    struct otter_image_info info;
    struct fixture f;

    (void)state;
    make(&f, 0x1400);
    f.file[0] = 0x1F;
    assert_int_equal(otter_image_inspect(&f.source, &info), OTTER_ERR_MAGIC);
    f.file[0] = 0xE9;
    f.file[1] = 0;
    assert_int_equal(otter_image_inspect(&f.source, &info), OTTER_ERR_IMAGE);
    f.file[1] = 1;
    otter_store_le32(f.file + 12, 4080);
    assert_int_equal(otter_image_inspect(&f.source, &info), OTTER_ERR_IMAGE);
    otter_store_le32(f.file + 12, 40);
    f.file[0x1000] = 0xE8;
    assert_int_equal(otter_image_inspect(&f.source, &info), OTTER_ERR_IMAGE);
    f.file[0x1000] = 0xE9;
    f.file[0x1001] = 0;
    assert_int_equal(otter_image_inspect(&f.source, &info), OTTER_ERR_IMAGE);
    f.file[0x1001] = 3;
    assert_int_equal(otter_image_inspect(&f.source, &info), OTTER_ERR_SHORT);
    f.file[0x1001] = 2;
    assert_int_equal(otter_image_inspect(&f.source, &info), 0);
    free(f.file);
}

/* Lengths whose sum with an offset wraps around. */
static void test_image_huge_lengths_do_not_wrap(void **state)
{
    static const uint32_t lengths[] = {0xFFFFFFFF, 0xFFFFFFF8, 0xFFFFEFF0,
                                       0x80000000, 0x1400};
    struct otter_image_info info;
    struct fixture f;

    (void)state;
    make(&f, 0x1400);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        otter_store_le32(f.file + 0x100C, lengths[i]);
        assert_int_equal(otter_image_inspect(&f.source, &info),
                         OTTER_ERR_SHORT);
    }
    free(f.file);
}

/* Segments of odd length put the next header on an odd offset. */
static void test_image_odd_segment_lengths_are_read(void **state)
{
    uint8_t file[0x1040] = {0};
    struct otter_image_walk walk;
    struct otter_image_header header;
    struct otter_image_segment segment;
    struct otter_image_check got;
    struct fixture f;

    (void)state;
    memcpy(file, minimal, sizeof minimal);
    memcpy(file + 0x1000, "\xE9\x02\x00\x00\x00\x00\x00\x00", 8);
    memcpy(file + 0x1008,
           "\x10\x10\x20\x40\x05\x00\x00\x00"
           "\x01\x02\x04\x08\x10",
           13);
    memcpy(file + 0x1015, "\x00\x00\x10\x40\x03\x00\x00\x00\x20\x40\x80", 11);
    file[0x102F] = 0xEF ^ 0xFF;
    use(&f, file, 0x1030);
    assert_int_equal(otter_image_walk_begin(&walk, &f.source, 0x1000, &header),
                     0);
    assert_int_equal(otter_image_walk_next(&walk, &segment), 0);
    assert_int_equal(segment.size, 5);
    assert_int_equal(otter_image_walk_next(&walk, &segment), 0);
    assert_int_equal(segment.vma, 0x40100000);
    assert_int_equal(segment.off, 0x101D);
    assert_int_equal(walk.left, 0);
    assert_int_equal(walk.off, 0x1020);
    assert_int_equal(check(&f, &got, 4), 0);
    assert_int_equal(check(&f, &got, 4096), 0);
}

static void test_image_bytes_behind_the_file_are_no_error(void **state)
{
    uint8_t longer[0x1400 + 260];
    struct otter_image_info info;
    struct otter_image_check got;
    struct fixture f;

    (void)state;
    make(&f, 0x1400);
    memset(longer, 0x5A, sizeof longer);
    memcpy(longer, f.file, f.size);
    free(f.file);
    use(&f, longer, sizeof longer);
    assert_int_equal(otter_image_inspect(&f.source, &info), 0);
    assert_int_equal(info.size, 0x1400);
    assert_int_equal(check(&f, &got, 4096), 0);
}

static int failing_read(void *user, uint32_t off, void *buf, uint32_t len)
{
    (void)user;
    memset(buf, 0xE9, len);
    return off < 0x1000 ? 0 : OTTER_ERR_FLASH_READ;
}

static void test_image_read_failure_is_handed_on(void **state)
{
    struct otter_image_source source = {.read = failing_read, .size = 0x4000};
    struct otter_image_part part;
    struct otter_descriptor descriptor;
    uint32_t size;

    (void)state;
    assert_int_equal(otter_image_read_part(&source, 0x1000, &part),
                     OTTER_ERR_FLASH_READ);
    assert_int_equal(otter_image_size(&source, &size), OTTER_ERR_FLASH_READ);
    assert_int_equal(otter_image_find_descriptor(&source, &descriptor),
                     OTTER_ERR_FLASH_READ);
}

/* Flash drivers demand aligned reads; the walk must never make another. */
static int strict_read(void *user, uint32_t off, void *buf, uint32_t len)
{
    const struct fixture *f = user;

    assert_int_equal(off % 4, 0);
    assert_int_equal(len % 4, 0);
    assert_int_equal((uintptr_t)buf % 4, 0);
    assert_true(off + len <= f->size);
    memcpy(buf, f->file + off, len);
    return 0;
}

static void test_image_reads_are_aligned_and_inside(void **state)
{
    struct otter_descriptor descriptor;
    struct otter_image_check got;
    struct fixture f;

    (void)state;
    make(&f, 0x1400);
    f.source.read = strict_read;
    f.source.user = &f;
    assert_int_equal(check(&f, &got, 512), 0);
    assert_int_equal(otter_image_find_descriptor(&f.source, &descriptor), 0);
    free(f.file);
}

static void test_image_descriptor_only_at_a_segment_start(void **state)
{
    struct otter_descriptor descriptor;
    struct otter_test_image image = {
        .size = 0x1400, .descriptor = true, .layout = 2};
    struct fixture f;

    (void)state;
    use(&f, otter_test_image_make(&image), image.size);
    assert_int_equal(otter_image_find_descriptor(&f.source, &descriptor),
                     OTTER_ERR_SYNTAX);
    free(f.file);
    make(&f, 0x1400);
    /* The first segment becomes 4 bytes shorter, the second begins before
     * the descriptor. */
    memmove(f.file + 0x1010 + 60, f.file + 0x1010 + 64, 8);
    otter_store_le32(f.file + 0x100C, 60);
    assert_int_equal(otter_image_find_descriptor(&f.source, &descriptor),
                     OTTER_ERR_NO_DATA);
    free(f.file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_minimal_is_the_vector),
        cmocka_unit_test(test_image_length_is_a_multiple_of_16),
        cmocka_unit_test(test_image_build_whole_file_matches_the_layout),
        cmocka_unit_test(test_image_build_refuses_what_cannot_be),
        cmocka_unit_test(test_image_inspect_finds_every_part),
        cmocka_unit_test(test_image_check_result_is_the_same_for_every_step),
        cmocka_unit_test(test_image_check_finds_built_words_valid_then_stale),
        cmocka_unit_test(test_image_check_accepts_both_readings_of_the_words),
        cmocka_unit_test(test_image_check_finds_words_in_the_boot_sector),
        cmocka_unit_test(test_image_check_sees_damage_in_every_segment),
        cmocka_unit_test(test_image_every_truncation_is_short),
        cmocka_unit_test(test_image_malformed_files_are_told_apart),
        cmocka_unit_test(test_image_huge_lengths_do_not_wrap),
        cmocka_unit_test(test_image_odd_segment_lengths_are_read),
        cmocka_unit_test(test_image_bytes_behind_the_file_are_no_error),
        cmocka_unit_test(test_image_read_failure_is_handed_on),
        cmocka_unit_test(test_image_reads_are_aligned_and_inside),
        cmocka_unit_test(test_image_descriptor_only_at_a_segment_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
