/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC-32 as the core's boot loader and elf2bin compute it (protocol 3.2):
 * polynomial 0x04C11DB7, start value 0xFFFFFFFF, most significant bit first,
 * nothing reflected, no final xor.  The name of this variant elsewhere is
 * CRC-32/MPEG-2; "123456789" gives 0x0376E6E7.  It is not the CRC of zlib.
 *
 * It finds damage, not attacks: an image is authenticated by its digest. */
#ifndef OTTER_FORMAT_CRC32_H
#define OTTER_FORMAT_CRC32_H

#include "format/compiler.h"

#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_CRC32_INIT 0xFFFFFFFFu /* also the CRC of no bytes at all */

/* Takes `len` bytes into `crc` and returns the new value.  Begin with
 * OTTER_CRC32_INIT; pieces in sequence give the CRC of the whole.  No
 * table, no alignment, no stack. */
uint32_t otter_crc32(uint32_t crc, const void *data, uint32_t len);

OTTER_END_DECLS

#endif
