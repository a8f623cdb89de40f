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

#include "ports/lx106/machine.h"

#include <stdbool.h>
#include <stdint.h>

#define OTTER_LX106_PAGE_MAGIC    0x4f545250u /* power was on before */
#define OTTER_LX106_SETTINGS_SIZE 4096u
#define OTTER_LX106_NO_FILE       (-1)

struct otter_lx106_page {
    uint32_t magic;
    uint32_t reset_reason; /* enum otter_reset_reason */
    uint32_t next_reason;  /* what the next start will find */
    uint32_t boot_id;      /* another number at every start */
    uint32_t flash_id;     /* JEDEC id: maker, type, log2 of the size */
    int32_t cause_file;    /* what the host says about resets and straps */
    int32_t random_file;   /* where random bytes come from */
    int32_t event_file;    /* a pipe to the host, for what it counts */
    uint32_t settings_len; /* bytes of `settings` */
    char settings[OTTER_LX106_SETTINGS_SIZE]; /* lines "key=value" */
};

#define OTTER_LX106_PAGE (*(struct otter_lx106_page *)0x3ff40000u)

/* The letters in the cause file. */
#define OTTER_LX106_CAUSE_WATCHDOG 'w'
#define OTTER_LX106_CAUSE_SLEEP    'd'
#define OTTER_LX106_CAUSE_STRAP    's' /* the straps say serial download */
#define OTTER_LX106_CAUSE_POWER    'p' /* power was off before the reset */

/* What the host is told: two words, kind and value, in the core's order. */
enum otter_lx106_event {
    OTTER_LX106_EVENT_START = 1, /* value: enum otter_reset_reason */
    OTTER_LX106_EVENT_BEAT,      /* the sketch feeds the watchdog */
    OTTER_LX106_EVENT_ERASE,     /* value: addr of the sector */
    OTTER_LX106_EVENT_PROGRAM    /* value: addr of the page */
};

static inline void otter__lx106_tell(enum otter_lx106_event kind,
                                     uint32_t value)
{
    const uint32_t event[2] = {(uint32_t)kind, value};
    int32_t file = OTTER_LX106_PAGE.event_file;

    if (file >= 0) {
        (void)otter__lx106_host(OTTER_LX106_WRITE, (uint32_t)file,
                                (uint32_t)event, sizeof event);
    }
}

/* True when the cause file holds the letter now. */
static inline bool otter__lx106_cause(char letter)
{
    char text[8];
    int32_t file = OTTER_LX106_PAGE.cause_file;
    int32_t len;

    if (file < 0 ||
        otter__lx106_host(OTTER_LX106_SEEK, (uint32_t)file, 0, 0) != 0) {
        return false;
    }
    len = otter__lx106_host(OTTER_LX106_READ, (uint32_t)file, (uint32_t)text,
                            sizeof text);
    for (int32_t i = 0; i < len; i++) {
        if (text[i] == letter) {
            return true;
        }
    }
    return false;
}

#endif
