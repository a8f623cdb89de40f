/* SPDX-License-Identifier: Apache-2.0
 *
 * otter_crc32 fast: the campaign computes little else.  It takes the place of
 * format/crc32.c, whose lines the boot loader has no room to make fast;
 * test_fast_crc32 holds the two to be the same.
 *
 * Bytes are the coefficients of a polynomial, the first the highest.  Where
 * the processor multiplies such polynomials, 16 bytes at a time are folded
 * onto those behind them: what stands n bits before them counts as its product
 * with x^n modulo the CRC's polynomial.  The rest, and other processors, go
 * by tables. */
#include "format/crc32.h"

#include <stdbool.h>

#define POLYNOMIAL 0x04C11DB7u

#define LANES 16u

static uint32_t table[LANES][256];

static uint32_t times_x(uint32_t crc)
{
    return crc << 1 ^ (POLYNOMIAL & (0u - (crc >> 31)));
}

static void fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i << 24;

        for (int k = 0; k < 8; k++) {
            crc = times_x(crc);
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

static uint32_t by_table(uint32_t crc, const uint8_t *p, uint32_t len)
{
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

#ifdef __x86_64__
#include <immintrin.h>

#define WITH_CLMUL __attribute__((target("pclmul,ssse3")))
#define BLOCK      64u /* bytes that are folded at a time */

static uint64_t power_of_x(uint32_t n)
{
    uint32_t crc = 1;

    while (n-- != 0) {
        crc = times_x(crc);
    }
    return crc;
}

WITH_CLMUL static __m128i turned(__m128i bytes)
{
    return _mm_shuffle_epi8(bytes, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
                                                10, 11, 12, 13, 14, 15));
}

WITH_CLMUL static __m128i load(const uint8_t *p)
{
    return turned(_mm_loadu_si128((const __m128i *)(const void *)p));
}

WITH_CLMUL static __m128i fold(__m128i sum, __m128i by, __m128i next)
{
    return _mm_xor_si128(next,
                         _mm_xor_si128(_mm_clmulepi64_si128(sum, by, 0x11),
                                       _mm_clmulepi64_si128(sum, by, 0x00)));
}

/* Whole blocks, one at least. */
WITH_CLMUL static uint32_t by_clmul(uint32_t crc, const uint8_t *p,
                                    uint32_t len)
{
    static uint64_t powers[4];
    __m128i sum[4];
    __m128i by;
    uint8_t rest[16];

    if (powers[0] == 0) {
        powers[0] = power_of_x(512);
        powers[1] = power_of_x(512 + 64);
        powers[2] = power_of_x(128);
        powers[3] = power_of_x(128 + 64);
    }
    for (int i = 0; i < 4; i++) {
        sum[i] = load(p + 16 * i);
    }
    sum[0] = _mm_xor_si128(sum[0], _mm_set_epi32((int)crc, 0, 0, 0));
    by = _mm_set_epi64x((long long)powers[1], (long long)powers[0]);
    for (len -= BLOCK, p += BLOCK; len != 0; len -= BLOCK, p += BLOCK) {
        for (int i = 0; i < 4; i++) {
            sum[i] = fold(sum[i], by, load(p + 16 * i));
        }
    }
    by = _mm_set_epi64x((long long)powers[3], (long long)powers[2]);
    for (int i = 1; i < 4; i++) {
        sum[i] = fold(sum[i - 1], by, sum[i]);
    }
    _mm_storeu_si128((__m128i *)(void *)rest, turned(sum[3]));
    return by_table(0, rest, sizeof rest);
}

static bool has_clmul(void)
{
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("ssse3");
}
#else
#define BLOCK 64u

static uint32_t by_clmul(uint32_t crc, const uint8_t *p, uint32_t len)
{
    return by_table(crc, p, len);
}

static bool has_clmul(void)
{
    return false;
}
#endif

uint32_t otter_crc32(uint32_t crc, const void *data, uint32_t len)
{
    const uint8_t *p = data;
    uint32_t blocks = len / BLOCK * BLOCK;

    if (table[0][1] == 0) {
        fill_table();
    }
    if (blocks != 0 && has_clmul()) {
        crc = by_clmul(crc, p, blocks);
        p += blocks;
        len -= blocks;
    }
    return by_table(crc, p, len);
}
