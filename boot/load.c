/* SPDX-License-Identifier: Apache-2.0
 *
 * Segments into RAM.  On the chip the segments may overwrite every variable
 * and constant of the loader, its buffers included: this function keeps what
 * it needs on the stack, which lies above all of them. */
#include "boot/load.h"

#include "format/descriptor.h"
#include "hal/board.h"
#include "hal/flash.h"

#include <stddef.h>

#define SEGMENT_HEADER 8u

/* What in a descriptor is where, in words.  Of the magic one half is enough:
 * it can be neither text nor machine code. */
#define MAGIC_WORD  1
#define MAGIC_VALUE 0x01D51A72u
#define FLAGS_WORD  3

/* Where the core's loader puts a segment into RAM; what lies elsewhere is
 * read through the flash cache (protocol 3.3). */
static bool is_ram(uint32_t vma)
{
    return vma < 0x40000000u || vma - 0x40100000u < 0xC000u ||
           vma >= 0x60000000u;
}

int otter__boot_load(uint32_t addr, struct otter__boot_layout *out)
{
    uint32_t head[2];    /* magic, segments, mode, size; entry */
    uint32_t segment[6]; /* target, length, and what it begins with */
    const uint32_t *content = segment + 2;
    uint32_t len = out != NULL ? sizeof segment : SEGMENT_HEADER;

    if (otter_flash_read(addr, head, sizeof head) != 0) {
        return OTTER__BOOT_LOAD_HEADER;
    }
    addr += sizeof head;
    for (uint32_t i = head[0] >> 8 & 0xff; i != 0; i--) {
        if (otter_flash_read(addr, segment, len) != 0) {
            return OTTER__BOOT_LOAD_SEGMENT;
        }
        addr += SEGMENT_HEADER;
        if (out != NULL && content[MAGIC_WORD] == MAGIC_VALUE) {
            out->confirms = content[FLAGS_WORD] & OTTER_DESCRIPTOR_CONFIRMS;
        }
        if (out == NULL && is_ram(segment[0]) &&
            otter_board_load(segment[0], addr, segment[1]) != 0) {
            return OTTER__BOOT_LOAD_DATA;
        }
        addr += segment[1];
    }
    if (out == NULL) {
        return otter_board_start(head[1]);
    }
    out->end = addr;
    return 0;
}
