/* SPDX-License-Identifier: Apache-2.0
 *
 * The board page: what the ROM stand-in knows about the board and hands to
 * the program.  It stands for the RTC's reset register, the straps, the random
 * number register, the watchdog's feed register and the flash chip's id,
 * which QEMU does not model, and for whatever keeps a board's settings.  It
 * lies outside the chip's memory map, survives a reset and is zero at
 * power-on. */
#ifndef OTTER_PORTS_LX106_PAGE_H
#define OTTER_PORTS_LX106_PAGE_H

#include <stdint.h>

#define OTTER_LX106_PAGE_MAGIC     0x4f545250u /* power was on before */
#define OTTER_LX106_SETTINGS_SIZE  2048u
#define OTTER_LX106_PAGE_NO_FILE   (-1)
#define OTTER_LX106_PAGE_STRAP_BIT 1u

struct otter_lx106_page {
    uint32_t magic;
    uint32_t reset_reason; /* enum otter_reset_reason */
    uint32_t next_reason;  /* what the next start will find */
    uint32_t boot_id;      /* another number at every start */
    uint32_t flash_id;     /* JEDEC id: maker, type, log2 of the size */
    uint32_t straps;       /* OTTER_LX106_PAGE_STRAP_BIT: serial download */
    int32_t random_file;   /* host file to read random bytes from, or -1 */
    int32_t beat_file;     /* host pipe that the watchdog listens to, or -1 */
    uint32_t settings_len; /* bytes of `settings` */
    char settings[OTTER_LX106_SETTINGS_SIZE]; /* lines "key=value" */
};

#define OTTER_LX106_PAGE (*(struct otter_lx106_page *)0x3ff40000u)

#endif
