/* SPDX-License-Identifier: Apache-2.0
 *
 * The mask ROM's view of sector 0: it loads only a boot image that fits the
 * sector and whose checksum holds (protocol 2.7, 3.1).  The parser is its
 * own, strict where the ROM is: it stands for hardware. */
#include "ports/posix/hardware/hardware.h"

#include "format/bytes.h"

#include <stddef.h>

#define MAGIC        0xe9
#define SEGMENTS_MAX 16u
#define CHECKSUM     0xefu

const char *otter__hw_rom_check(const uint8_t *image)
{
    static const char *const too_long =
        "the boot image is longer than its sector";
    uint8_t checksum = CHECKSUM;
    uint32_t at = 8;

    if (image[0] != MAGIC) {
        return "sector 0 holds no image";
    }
    if (image[1] > SEGMENTS_MAX) {
        return "the boot image has too many segments";
    }
    for (uint32_t i = 0; i < image[1]; i++) {
        uint32_t len;

        if (at > OTTER_NOR_SECTOR - 8) {
            return too_long;
        }
        len = otter_load_le32(image + at + 4);
        at += 8;
        if (len > OTTER_NOR_SECTOR - at) {
            return too_long;
        }
        for (uint32_t end = at + len; at < end; at++) {
            checksum ^= image[at];
        }
    }
    at |= 15;
    if (at >= OTTER_NOR_SECTOR) {
        return too_long;
    }
    return image[at] == checksum ? NULL : "the boot image's checksum is wrong";
}
