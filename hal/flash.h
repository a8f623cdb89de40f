/* SPDX-License-Identifier: Apache-2.0
 *
 * SPI NOR flash as a board offers it.  Erasing sets a sector to 0xFF,
 * programming can only clear bits.  `addr` is an offset from the start of
 * flash.  Every address and length is a multiple of 4 and every buffer is
 * 4-byte aligned: the chip's ROM calls demand it, so every port does.
 * Calls block for the time of the operation: data-sheet typical 45 ms for an
 * erase and 0.7 ms for a page, at most 400 ms and 3 ms. */
#ifndef OTTER_HAL_FLASH_H
#define OTTER_HAL_FLASH_H

#include "format/compiler.h"

#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_FLASH_SECTOR 4096u /* bytes, unit of erasing */
#define OTTER_FLASH_PAGE   256u  /* bytes, most that one program covers */

/* Reads `len` bytes.  OTTER_ERR_FLASH_RANGE: outside the chip or unaligned.
 * OTTER_ERR_FLASH_READ: the chip reports a failure. */
OTTER_MUST_CHECK int otter_flash_read(uint32_t addr, void *buf, uint32_t len);

/* Programs `len` bytes, split at page boundaries by the port.  All cells must
 * be erased (0xFF): some chips must never be programmed twice (boot.md 1).
 * OTTER_ERR_FLASH_RANGE, OTTER_ERR_FLASH_PROGRAM. */
OTTER_MUST_CHECK int otter_flash_program(uint32_t addr, const void *buf,
                                         uint32_t len);

/* Erases the sector that starts at `addr` (a multiple of 4096).
 * OTTER_ERR_FLASH_RANGE, OTTER_ERR_FLASH_ERASE. */
OTTER_MUST_CHECK int otter_flash_erase(uint32_t addr);

/* The size of the real chip in bytes, from its JEDEC id (protocol 2.2 step
 * 4), not from an image header. */
uint32_t otter_flash_size(void);

OTTER_END_DECLS

#endif
