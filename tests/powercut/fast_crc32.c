/* SPDX-License-Identifier: Apache-2.0
 *
 * otter_crc32 with tables: the campaign computes little else.  It takes the
 * place of format/crc32.c, whose lines the boot loader has no room to make
 * fast; test_fast_crc32 holds the two to be the same. */
#include "format/crc32.h"

#include <stdbool.h>

#define POLYNOMIAL 0x04C11DB7u

#define LANES 16u

static uint32_t table[LANES][256];

static void fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i << 24;

        for (int k = 0; k < 8; k++) {
            crc = (crc << 1) ^ (POLYNOMIAL & (0u - (crc >> 31)));
        }
        table[0][i] = crc;
    }
    for (uint32_t k = 1; k < LANES; k++) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t before = table[k - 1][i];

            table[k][i] = before << 8 ^ table[0][before >> 24];
        }
    }
}

uint32_t otter_crc32(uint32_t crc, const void *data, uint32_t len)
{
    const uint8_t *p = data;

    if (table[0][1] == 0) {
        fill_table();
    }
    for (; len >= LANES; len -= LANES, p += LANES) {
        uint32_t sum = 0;
        uint8_t head[4];

        for (uint32_t i = 0; i < 4; i++) {
            head[i] = (uint8_t)(crc >> (24 - 8 * i)) ^ p[i];
        }
        for (uint32_t i = 0; i < 4; i++) {
            sum ^= table[LANES - 1 - i][head[i]];
        }
        for (uint32_t i = 4; i < LANES; i++) {
            sum ^= table[LANES - 1 - i][p[i]];
        }
        crc = sum;
    }
    for (; len > 0; len--) {
        crc = crc << 8 ^ table[0][crc >> 24 ^ *p++];
    }
    return crc;
}
