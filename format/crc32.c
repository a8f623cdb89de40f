/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC-32, most significant bit first, a nibble at a time: 64 bytes of table
 * fit the boot loader's single sector, where a table of bytes would take a
 * quarter of it. */
#include "format/crc32.h"

/* What the top four bits contribute after four shifts. */
static const uint32_t nibble_table[16] = {
    0x00000000, 0x04C11DB7, 0x09823B6E, 0x0D4326D9, 0x130476DC, 0x17C56B6B,
    0x1A864DB2, 0x1E475005, 0x2608EDB8, 0x22C9F00F, 0x2F8AD6D6, 0x2B4BCB61,
    0x350C9B64, 0x31CD86D3, 0x3C8EA00A, 0x384FBDBD,
};

uint32_t otter_crc32(uint32_t crc, const void *data, uint32_t len)
{
    const uint8_t *p = data;
    const uint8_t *end = p + len;

    while (p != end) {
        crc ^= (uint32_t)*p++ << 24;
        crc = (crc << 4) ^ nibble_table[crc >> 28];
        crc = (crc << 4) ^ nibble_table[crc >> 28];
    }
    return crc;
}
