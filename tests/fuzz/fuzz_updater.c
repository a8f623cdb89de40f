/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the updater with images: whatever the bytes, it ends, changes
 * nothing outside the staging area, obeys the flash's rules, and leaves an
 * order only for what it said is good, byte for byte.  Then the same bytes
 * lie in flash as the running sketch and are measured.
 *
 * Input: a byte of switches, a byte that is the size of a write less one, the
 * image (behind a boot sector, if switched so). */
#include "device/updater/updater.h"

#include "tests/support/sim_board.h"
#include "tests/support/test_update.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define RUNNING 0x5000u
#define FLASH   0x80000u

enum { FILE_SYSTEM = 1, UNKNOWN = 2, BOOT_SECTOR = 4, ALLOW = 8, SHORT = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t before[FLASH];
static uint8_t image[0x20000];

static void expect(int condition)
{
    if (!condition) {
        abort();
    }
}

static uint32_t make_image(unsigned switches, const uint8_t *data, size_t size)
{
    uint32_t boot = (switches & BOOT_SECTOR) != 0 ? 0x1000 : 0;

    memset(image, 0xaa, boot);
    memcpy(image, "\xe9\x01\x03\x00\0\0\0\0\0\0\0\0\x10\0\0\0",
           boot != 0 ? 16 : 0);
    memcpy(image + boot, data, size);
    return boot + (uint32_t)size;
}

static uint32_t word(uint32_t off)
{
    return image[off] | (uint32_t)image[off + 1] << 8 |
           (uint32_t)image[off + 2] << 16 | (uint32_t)image[off + 3] << 24;
}

/* True when the image at `off` ends before `end`, by its headers. */
static bool is_whole(uint64_t off, uint64_t end)
{
    unsigned segments = image[off + 1];

    if (off + 8 > end || image[off] != 0xe9 || segments == 0) {
        return false;
    }
    off += 8;
    while (segments-- > 0) {
        if (off + 8 > end) {
            return false;
        }
        off += 8 + (uint64_t)word((uint32_t)off + 4);
    }
    return off / 16 * 16 + 16 <= end;
}

static bool is_sketch(uint32_t len)
{
    return (image[0] == 0x1f && image[1] == 0x8b) ||
           (is_whole(0, len < 0x1000 ? len : 0x1000) && is_whole(0x1000, len));
}

static void check_order(uint32_t len, int result, unsigned switches)
{
    uint32_t source, size;
    bool ordered = otter_test_order(&source, &size);

    expect(ordered == (result == 0 && (switches & FILE_SYSTEM) == 0));
    if (ordered) {
        expect(is_sketch(len));
        expect(size == len && source >= RUNNING && source % 4096 == 0 &&
               source + len <= 0x73000);
        image[2] = image[0] == 0xe9 && len > 2 ? 2 : image[2];
        expect(memcmp(otter_sim_board.nor.bytes + source, image, len) == 0);
    }
}

static void check_update(unsigned switches, uint32_t piece, uint32_t len)
{
    uint32_t kind = (switches & FILE_SYSTEM) != 0 ? OTTER_UPDATE_FILE_SYSTEM
                                                  : OTTER_UPDATE_SKETCH;
    uint32_t from = kind == OTTER_UPDATE_SKETCH ? RUNNING : 0x73000;
    uint32_t to = kind == OTTER_UPDATE_SKETCH ? 0x73000 : 0x7b000;
    uint32_t announced = len + ((switches & SHORT) != 0);
    int result;

    otter_test_rig.config.allow_other_board = (switches & ALLOW) != 0;
    memcpy(before, otter_sim_board.nor.bytes, FLASH);
    result = otter_test_begin(
        kind, (switches & UNKNOWN) != 0 ? OTTER_SIZE_UNKNOWN : announced);
    if (result == 0) {
        (void)otter_test_feed(image, len, piece);
        result = otter_test_end();
    }
    expect(memcmp(before, otter_sim_board.nor.bytes, from) == 0);
    expect(memcmp(before + to, otter_sim_board.nor.bytes + to, FLASH - to) ==
           0);
    expect(otter_sim_board.counters.violations == 0);
    check_order(len, result, switches);
}

/* The bytes as what runs: a size comes out that lies in the flash, or none. */
static void check_running(const uint8_t *data, size_t size)
{
    char md5[33];
    uint32_t measured;
    int result;

    memcpy(otter_sim_board.nor.bytes + 0x1000, data, size);
    expect(otter_updater_init(&otter_test_rig.updater,
                              &otter_test_rig.config) == 0);
    measured = otter_updater_sketch_size(&otter_test_rig.updater);
    expect(measured <= FLASH && measured % 16 == 0);
    expect(otter_updater_free_space(&otter_test_rig.updater) <= 0x72000);
    for (uint32_t polls = 0; polls <= FLASH / 4096; polls++) {
        result = otter_updater_sketch_md5(&otter_test_rig.updater, md5);
        (void)!otter_stream_poll(otter_test_rig.stream);
    }
    expect(result == (measured != 0 ? 0 : OTTER_ERR_IMAGE));
    expect(otter_sim_board.counters.violations == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > sizeof image - 0x1000) {
        return 0;
    }
    otter_test_rig_open("512K32", RUNNING);
    check_update(data[0], data[1] + 1u,
                 make_image(data[0], data + 2, size - 2));
    check_running(data + 2, size - 2);
    otter_test_rig_close();
    return 0;
}
