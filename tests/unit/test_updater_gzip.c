/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip images that unpack over their own staged copy: what the updater takes,
 * the core's loader installs; what it would spoil, the updater refuses.  The
 * images are packed by zlib in good and in bad ways and staged as close as is
 * allowed. */
#include "device/updater/updater.h"
#include "tests/support/sim_board.h"
#include "tests/support/test_image.h"
#include "tests/support/test_update.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#define SIZE 0x30000u /* of the new sketch, unpacked */

enum content { NOISE, CODE, ZEROS, ZEROS_THEN_NOISE, NOISE_THEN_ZEROS };

/* A sketch whose bytes pack badly, well, or in parts. */
static uint8_t *make(enum content content)
{
    struct otter_test_image image = {
        .size = SIZE, .mode = 2, .nibble = 4, .seed = 4};
    uint8_t *file = otter_test_image_make(&image);

    for (uint32_t i = 0x1100; i < SIZE - 16; i++) {
        bool late = i > SIZE / 2;

        if (content == CODE) {
            file[i] &= 0x1b;
        } else if (content == ZEROS || (content == NOISE_THEN_ZEROS && late) ||
                   (content == ZEROS_THEN_NOISE && !late)) {
            file[i] = 0;
        }
    }
    return file;
}

static uint8_t *pack(const uint8_t *data, int level, int memory,
                     uint32_t *size)
{
    uint32_t room = SIZE + SIZE / 8 + 1024;
    uint8_t *out = malloc(room);
    z_stream stream = {0};

    assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, 31, memory, 0),
                     Z_OK);
    stream.next_in = (uint8_t *)(uintptr_t)data;
    stream.avail_in = SIZE;
    stream.next_out = out;
    stream.avail_out = room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *size = (uint32_t)stream.total_out;
    deflateEnd(&stream);
    return out;
}

/* Stages above a running sketch of start - 0x1000 bytes, as a web upload
 * does. */
static int stage(uint32_t start, const uint8_t *packed, uint32_t size)
{
    otter_test_rig_open("4M1M", start - 0x1000);
    return otter_test_update(OTTER_UPDATE_SKETCH, OTTER_SIZE_UNKNOWN, packed,
                             size);
}

static bool loader_installs(const uint8_t *file)
{
    otter_test_run_stock_loader();
    return memcmp(otter_sim_board.nor.bytes, file, SIZE) == 0;
}

/* The lowest place for `size` packed bytes that is allowed. */
static uint32_t lowest(uint32_t size)
{
    uint32_t end = SIZE + SIZE / 64 + 0x2000;
    uint32_t start = end > size ? (end - size + 4095) & ~4095u : 0;

    start = start < SIZE ? start : SIZE; /* there they do not overlap */
    return start > 0x3000 ? start : 0x3000;
}

static void check(enum content content, int level, int memory)
{
    uint8_t *file = make(content);
    uint32_t size;
    uint8_t *packed = pack(file, level, memory, &size);
    uint32_t start = lowest(size);

    if (start > 0x3000) {
        assert_int_equal(stage(start - 0x1000, packed, size), OTTER_ERR_SPACE);
        assert_false(otter_test_take_order());
        otter_test_rig_close();
    }
    assert_int_equal(stage(start, packed, size), 0);
    assert_true(loader_installs(file));
    otter_test_rig_close();
    free(packed);
    free(file);
}

static void test_updater_gzip_that_overlaps_is_installed_whole(void **state)
{
    static const int levels[] = {0, 1, 6, 9};
    static const int memories[] = {1, 9};

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t j = 0; j < 2; j++) {
            check(NOISE, levels[i], memories[j]);
            check(CODE, levels[i], memories[j]);
            check(ZEROS, levels[i], memories[j]);
            check(ZEROS_THEN_NOISE, levels[i], memories[j]);
            check(NOISE_THEN_ZEROS, levels[i], memories[j]);
        }
    }
}

/* The control: staged below what is allowed, the loader overtakes itself. */
static void test_updater_gzip_staged_too_low_would_be_spoiled(void **state)
{
    uint8_t *file = make(ZEROS_THEN_NOISE);
    uint32_t size;
    uint8_t *packed = pack(file, 6, 8, &size);
    uint32_t start = 0x8000;

    (void)state;
    assert_int_equal(stage(start, packed, size), OTTER_ERR_SPACE);
    assert_memory_equal(otter_sim_board.nor.bytes + start, packed, size);
    otter_test_order_copy(start, size);
    assert_false(loader_installs(file));
    otter_test_rig_close();
    free(packed);
    free(file);
}

/* A web upload says how much will come at most: it is staged high, where
 * unpacking does not reach it. */
static void test_updater_gzip_of_bounded_size_is_staged_high(void **state)
{
    uint8_t *file = make(ZEROS_THEN_NOISE);
    uint32_t size;
    uint8_t *packed = pack(file, 6, 8, &size);

    (void)state;
    otter_test_rig_open("4M1M", 0x2000);
    otter_test_rig.most = size + 700;
    assert_int_equal(otter_test_update(OTTER_UPDATE_SKETCH, OTTER_SIZE_UNKNOWN,
                                       packed, size),
                     0);
    assert_true(loader_installs(file));
    otter_test_rig_close();
    free(packed);
    free(file);
}

/* A form that is larger than the room may hold a file that is not. */
static void test_updater_bound_beyond_the_room_is_no_reason(void **state)
{
    uint8_t *file = make(CODE);

    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        otter_test_rig_open("4M1M", 0x2000);
        otter_test_rig.most =
            otter_updater_free_space(&otter_test_rig.updater) +
            (uint32_t)extra;
        assert_int_equal(otter_test_update(OTTER_UPDATE_SKETCH,
                                           OTTER_SIZE_UNKNOWN, file, SIZE),
                         0);
        assert_true(loader_installs(file));
        otter_test_rig_close();
    }
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updater_gzip_that_overlaps_is_installed_whole),
        cmocka_unit_test(test_updater_gzip_staged_too_low_would_be_spoiled),
        cmocka_unit_test(test_updater_gzip_of_bounded_size_is_staged_high),
        cmocka_unit_test(test_updater_bound_beyond_the_room_is_no_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
