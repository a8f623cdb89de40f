/* SPDX-License-Identifier: Apache-2.0
 *
 * Building images (protocol 2.7): from segments in memory to the bytes of a
 * firmware file.  What comes out is what elf2bin of the core makes: both
 * headers with the same mode and size, data padded to words, zeros, the
 * checksum with the CRC words counted as zero, a boot sector filled up with
 * 0xAA, and the CRC words last.  Everything is written into the caller's
 * buffer; the same input gives the same bytes. */
#ifndef OTTER_FORMAT_IMAGE_BUILD_H
#define OTTER_FORMAT_IMAGE_BUILD_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

/* The bytes of one segment, borrowed. */
struct otter_image_chunk {
    uint32_t vma;
    const uint8_t *data;
    uint32_t size; /* padded with zeros to a multiple of 4 in the image */
};

/* One image: entry and 1 to 255 segments, borrowed. */
struct otter_image_content {
    uint32_t entry; /* vma */
    const struct otter_image_chunk *chunks;
    uint32_t count;
};

struct otter_image_plan {
    uint8_t mode;        /* enum otter_image_mode */
    uint8_t size_nibble; /* otter_flash_map_nibble_from_size */
    uint8_t freq_nibble; /* 0: 40 MHz, 1: 26, 2: 20, 15: 80 */
    bool no_crc;         /* leave the application's first 8 bytes alone;
                            otherwise they must be zero: the CRC words */
    struct otter_image_content boot; /* at most one sector with its header */
    struct otter_image_content app;
};

/* Bytes of one image with that content, header, zeros and checksum included;
 * UINT32_MAX when it is too long for 32 bits. */
uint32_t otter_image_content_size(const struct otter_image_content *content);

/* Writes one image, the boot image or the application, to `out` of `capacity`
 * bytes; its length goes to `*size`.
 * OTTER_ERR_INVALID: no segments or too many, or a nibble above 15.
 * OTTER_ERR_TOO_LONG: it does not fit. */
OTTER_MUST_CHECK int otter_image_build_part(
    const struct otter_image_plan *plan,
    const struct otter_image_content *content, uint8_t *out, uint32_t capacity,
    uint32_t *size);

/* Writes the whole file; needs 0x1000 + otter_image_content_size(&app) bytes.
 * Errors of build_part, and:
 * OTTER_ERR_SPACE: the boot image does not fit its sector.
 * OTTER_ERR_INVALID: the application's first segment does not begin with 8
 * zero bytes for the CRC words. */
OTTER_MUST_CHECK int otter_image_build(const struct otter_image_plan *plan,
                                       uint8_t *out, uint32_t capacity,
                                       uint32_t *size);

OTTER_END_DECLS

#endif
