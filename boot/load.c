/* SPDX-License-Identifier: Apache-2.0
 *
 * Segments into RAM.  On the chip the segments may overwrite every variable
 * and constant of the loader, its buffers included: this function keeps what
 * it needs on the stack, which lies above all of them. */
#include "boot/load.h"

#include "hal/board.h"
#include "hal/flash.h"

#include <stddef.h>

/* Where the core's loader puts a segment into RAM; what lies elsewhere is
 * read through the flash cache (protocol 3.3). */
static bool is_ram(uint32_t vma)
{
    return vma < 0x40000000u || vma - 0x40100000u < 0xC000u ||
           vma >= 0x60000000u;
}

int otter__boot_load(uint32_t addr, uint32_t *end)
{
    uint32_t head[2]; /* magic, segments, mode, size; entry */
    uint32_t segment[2];

    if (otter_flash_read(addr, head, sizeof head) != 0) {
        return OTTER__BOOT_LOAD_HEADER;
    }
    addr += sizeof head;
    for (uint32_t i = head[0] >> 8 & 0xff; i != 0; i--) {
        if (otter_flash_read(addr, segment, sizeof segment) != 0) {
            return OTTER__BOOT_LOAD_SEGMENT;
        }
        addr += sizeof segment;
        if (end == NULL && is_ram(segment[0]) &&
            otter_board_load(segment[0], addr, segment[1]) != 0) {
            return OTTER__BOOT_LOAD_DATA;
        }
        addr += segment[1];
    }
    if (end == NULL) {
        return otter_board_start(head[1]);
    }
    *end = addr;
    return 0;
}
