/* SPDX-License-Identifier: Apache-2.0
 *
 * RTC user memory: 128 words of 32 bits that survive a reset and deep sleep
 * but not a power cycle.  The first 32 words (0x60001200 on the chip) hold
 * the boot command of the core's boot loader (protocol 3.2); applications use
 * words 32 to 127. */
#ifndef OTTER_HAL_RTC_H
#define OTTER_HAL_RTC_H

#include "format/compiler.h"

#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_RTC_WORDS 128u

/* Copies `count` words from word index `word` (0 to 127).
 * OTTER_ERR_INVALID: beyond the last word; nothing is copied. */
OTTER_MUST_CHECK int otter_rtc_read(uint32_t word, uint32_t *out,
                                    uint32_t count);

/* The same, towards the memory. */
OTTER_MUST_CHECK int otter_rtc_write(uint32_t word, const uint32_t *in,
                                     uint32_t count);

OTTER_END_DECLS

#endif
