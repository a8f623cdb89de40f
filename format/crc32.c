/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC-32, most significant bit first, a bit at a time: no table, because the
 * boot loader's single sector has no room for one.  384 KiB take it 0.2 s on
 * the chip. */
#include "format/crc32.h"

#define POLYNOMIAL 0x04C11DB7u

uint32_t otter_crc32(uint32_t crc, const void *data, uint32_t len)
{
    const uint8_t *p = data;
    const uint8_t *end = p + len;

    while (p != end) {
        crc ^= (uint32_t)*p++ << 24;
        for (int i = 8; i != 0; i--) {
            crc = (crc << 1) ^ (POLYNOMIAL & (0u - (crc >> 31)));
        }
    }
    return crc;
}
