/* SPDX-License-Identifier: Apache-2.0
 *
 * Images for tests, written from protocol 2.7 and the descriptor's layout
 * without any of the code that is tested. */
#ifndef OTTER_TESTS_SUPPORT_TEST_IMAGE_H
#define OTTER_TESTS_SUPPORT_TEST_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

/* All zero but `size` is a sketch for QIO, 512 KiB, without descriptor. */
struct otter_test_image {
    uint32_t size;   /* of the file: at least 0x1400, a multiple of 16 */
    uint8_t mode;    /* header byte 2 of both images */
    uint8_t nibble;  /* flash size, upper half of header byte 3 */
    uint32_t seed;   /* of the code's bytes */
    uint32_t log;    /* not 0: Otter's loader is in the boot sector, with its
                        log there */
    bool descriptor; /* with these fields, at the start of segment 1 */
    bool confirms;
    uint32_t gap;    /* bytes of segment 0, so before the descriptor: at least
                        8, 0: 64 */
    uint16_t layout; /* 0: the right one, 1 */
    uint32_t min_loader;
    const char *board; /* NULL: empty */
    const char *chip;
};

/* The file: boot sector with a valid boot image, application image with both
 * CRC words zero and a valid checksum.  From malloc, `size` bytes. */
uint8_t *otter_test_image_make(const struct otter_test_image *image);

/* `data` as gzip with stored blocks, and `isize` in the trailer.  From malloc,
 * `*size` bytes. */
uint8_t *otter_test_gzip(const uint8_t *data, uint32_t len, uint32_t isize,
                         uint32_t *size);

/* Reproducible noise. */
void otter_test_noise(uint8_t *out, uint32_t len, uint32_t seed);

#endif
