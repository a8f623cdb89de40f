/* SPDX-License-Identifier: Apache-2.0
 *
 * Images for tests. */
#include "tests/support/test_image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v);
    put16(p + 2, v >> 16);
}

void otter_test_noise(uint8_t *out, uint32_t len, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 1;

    for (uint32_t i = 0; i < len; i++) {
        state = state * 1664525u + 1013904223u;
        out[i] = (uint8_t)(state >> 24);
    }
}

static void put_header(uint8_t *p, const struct otter_test_image *image,
                       uint8_t segments, uint32_t entry)
{
    p[0] = 0xe9;
    p[1] = segments;
    p[2] = image->mode;
    p[3] = (uint8_t)(image->nibble << 4);
    put32(p + 4, entry);
}

static uint8_t fold(uint8_t sum, const uint8_t *p, uint32_t len)
{
    while (len-- > 0) {
        sum ^= *p++;
    }
    return sum;
}

/* One segment of 40 bytes; the rest of the sector is 0xAA. */
static void put_boot_sector(uint8_t *p, const struct otter_test_image *image)
{
    memset(p, 0xaa, 0x1000);
    put_header(p, image, 1, 0x4010f000);
    put32(p + 8, 0x4010f000);
    put32(p + 12, 40);
    otter_test_noise(p + 16, 40, 77);
    if (image->log != 0) {
        put32(p + 16, 0x4c4f0001); /* version 1 */
        put32(p + 20, image->log);
    }
    memset(p + 56, 0, 8);
    p[63] = fold(0xef, p + 16, 40);
}

static void put_text(uint8_t *p, const char *text)
{
    if (text != NULL) {
        memcpy(p, text, strlen(text));
    }
}

static void put_descriptor(uint8_t *p, const struct otter_test_image *image)
{
    memset(p, 0, 128);
    memcpy(p, "\x4f\x74\x74\x65\x72\x1a\xd5\x01", 8);
    put16(p + 8, image->layout != 0 ? image->layout : 1);
    put16(p + 10, 128);
    p[12] = image->confirms;
    put32(p + 16, image->min_loader);
    put_text(p + 20, "test");
    put_text(p + 52, "1.0.0");
    put_text(p + 76, image->board);
    put_text(p + 92, image->chip);
}

uint8_t *otter_test_image_make(const struct otter_test_image *image)
{
    uint8_t *file = calloc(1, image->size);
    uint32_t gap = image->gap != 0 ? image->gap : 64;
    uint32_t rest = image->size - 0x1000 - 8 - 8 - gap - 8;
    uint8_t *app, *first, *second;

    assert(file != NULL && image->size % 16 == 0 && image->size >= 0x1400);
    rest = (rest - 1) & ~3u; /* the checksum's byte stays free */
    put_boot_sector(file, image);
    app = file + 0x1000;
    put_header(app, image, 2, 0x40100004);
    first = app + 8;
    put32(first, 0x40201010);
    put32(first + 4, gap);
    otter_test_noise(first + 16, gap - 8, image->seed + 1);
    second = first + 8 + gap;
    put32(second, 0x3ffe8000);
    put32(second + 4, rest);
    otter_test_noise(second + 8, rest, image->seed);
    if (image->descriptor) {
        put_descriptor(second + 8, image);
    }
    file[image->size - 1] = fold(fold(0xef, first + 8, gap), second + 8, rest);
    return file;
}

/* CRC-32 as gzip has it, bit by bit. */
static uint32_t gzip_crc(const uint8_t *data, uint32_t len)
{
    uint32_t crc = 0xffffffff;

    for (uint32_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int k = 0; k < 8; k++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
        }
    }
    return ~crc;
}

uint8_t *otter_test_gzip(const uint8_t *data, uint32_t len, uint32_t isize,
                         uint32_t *size)
{
    uint8_t *file = malloc(len + len / 60000 * 5 + 64);
    uint32_t crc = gzip_crc(data, len);
    uint8_t *p = file;

    assert(file != NULL);
    memcpy(p, "\x1f\x8b\x08\0\0\0\0\0\x02\x03", 10);
    p += 10;
    do {
        uint32_t n = len < 60000 ? len : 60000;

        *p++ = n == len;
        put16(p, n);
        put16(p + 2, ~n);
        memcpy(p + 4, data, n);
        p += 4 + n;
        data += n;
        len -= n;
    } while (len > 0);
    put32(p, crc);
    put32(p + 4, isize);
    *size = (uint32_t)(p + 8 - file);
    return file;
}
