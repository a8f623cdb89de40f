/* SPDX-License-Identifier: Apache-2.0
 *
 * Firmware images as files and as they lie in flash (protocol 2.7):
 *
 *   0x0000  boot image, padded with 0xAA to 0x1000
 *   0x1000  application image; its end is the end of the file
 *
 * Both images are alike: a header of 8 bytes (0xE9, number of segments, flash
 * mode, flash size and frequency, entry), the segments (vma, size, data),
 * zeros, and as last byte of a 16-byte line the checksum: 0xEF xor all bytes
 * of segment data.
 *
 * Two words, the file's length and its CRC-32 with these 8 bytes counted as
 * zero, begin the application's first segment.  They are written after the
 * checksum, so that it too holds with zeros there.  Cores 2.7 put the words
 * at the end of the boot sector instead (seen in real images, not in the
 * specification).  They may be absent, and a flash mode patched in by an
 * update makes the CRC stale: they are reported and never a reason to refuse
 * an image.
 *
 * Inspection reads through a callback and trusts nothing that it reads: every
 * length is compared with what is there before it is used.  It works the same
 * on flash and on a file in memory; it needs no memory for the image and less
 * than 400 bytes of stack.  gzip files are not unpacked here. */
#ifndef OTTER_FORMAT_IMAGE_H
#define OTTER_FORMAT_IMAGE_H

#include "format/compiler.h"
#include "format/descriptor.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_IMAGE_MAGIC        0xE9u
#define OTTER_IMAGE_HEADER_SIZE  8u          /* of an image and of a segment */
#define OTTER_IMAGE_APP_OFF      0x1000u     /* of the application image */
#define OTTER_IMAGE_CRC_OFF      0x1010u     /* of the words: length, CRC */
#define OTTER_IMAGE_CRC_OFF_BOOT 0x0FF8u     /* the same, from cores 2.7 */
#define OTTER_IMAGE_IROM_VMA     0x40201010u /* where those words are mapped */
#define OTTER_IMAGE_CHECKSUM     0xEFu       /* checksum of no bytes at all */
#define OTTER_IMAGE_SEGMENTS_MAX 255u

/* Flash modes, header byte 2. */
enum otter_image_mode {
    OTTER_IMAGE_QIO = 0,
    OTTER_IMAGE_QOUT = 1,
    OTTER_IMAGE_DIO = 2,
    OTTER_IMAGE_DOUT = 3
};

struct otter_image_header {
    uint8_t segments;    /* 0 to 255 */
    uint8_t mode;        /* enum otter_image_mode; others occur */
    uint8_t size_nibble; /* see otter_flash_map_size_from_nibble */
    uint8_t freq_nibble; /* 0: 40 MHz, 1: 26, 2: 20, 15: 80 */
    uint32_t entry;      /* vma */
};

struct otter_image_segment {
    uint32_t vma;  /* where it is loaded or mapped */
    uint32_t off;  /* of its data, from the start of the file */
    uint32_t size; /* bytes of data */
};

/* Where an image is read from. */
struct otter_image_source {
    /* Reads `len` bytes at `off` into `buf`.  Both are multiples of 4 and
     * `buf` is 4-byte aligned, so that it can be otter_flash_read.  Called
     * with off < size only; the last read may reach up to 3 bytes beyond
     * `size`, which need not be filled.  0 or OTTER_ERR_FLASH_READ. */
    int (*read)(void *user, uint32_t off, void *buf, uint32_t len);
    void *user;    /* handed to read, borrowed */
    uint32_t size; /* bytes there are: of the file, or up to where an image in
                      flash must end; at most 0x7FFFFFFF */
};

/* A file in memory as a source; `data` is borrowed. */
struct otter_image_memory {
    const uint8_t *data;
    uint32_t size;
};

/* Makes `source` read from `memory`, which is borrowed. */
void otter_image_source_memory(struct otter_image_source *source,
                               const struct otter_image_memory *memory);

/* Reads a header from its 8 bytes.  OTTER_ERR_MAGIC: it is none. */
OTTER_MUST_CHECK int otter_image_header_decode(
    const uint8_t bytes[OTTER_IMAGE_HEADER_SIZE],
    struct otter_image_header *out);

/* Writes the 8 bytes.  Nibbles above 15 are cut. */
void otter_image_header_encode(const struct otter_image_header *header,
                               uint8_t bytes[OTTER_IMAGE_HEADER_SIZE]);

/* ---- One image, segment by segment ---- */

struct otter_image_walk {
    uint32_t left; /* segments still to come */
    uint32_t off;  /* of the next segment's header; behind the last segment's
                      data when none is left */
    /* private */
    const struct otter_image_source *source;
};

/* Starts at the image header at `off` and reads it.  `source` is borrowed
 * while the walk lasts.
 * OTTER_ERR_SHORT: the source ends before the header does.
 * OTTER_ERR_MAGIC: there is no image.  Read errors as they come. */
OTTER_MUST_CHECK int otter_image_walk_begin(
    struct otter_image_walk *walk, const struct otter_image_source *source,
    uint32_t off, struct otter_image_header *out);

/* Reads the next segment's header; the walk must have one `left`.
 * OTTER_ERR_SHORT: the source ends before the header (`out` has size 0) or
 * the data (`out` tells what was promised).  Read errors as they come. */
OTTER_MUST_CHECK int otter_image_walk_next(struct otter_image_walk *walk,
                                           struct otter_image_segment *out);

/* ---- The whole file ---- */

/* One of the two images. */
struct otter_image_part {
    struct otter_image_header header;
    uint32_t off;      /* 0 or 0x1000 */
    uint32_t data_end; /* one past the last segment's data */
    uint32_t end;      /* one past the checksum byte, a multiple of 16 */
};

struct otter_image_info {
    struct otter_image_part boot;
    struct otter_image_part app;
    uint32_t size; /* bytes of the file, by its segments: app.end */
};

/* Reads the image at `off` without its data.
 * OTTER_ERR_MAGIC, OTTER_ERR_SHORT: see the walk; SHORT also when the
 * checksum byte is missing.  OTTER_ERR_IMAGE: it has no segments. */
OTTER_MUST_CHECK int otter_image_read_part(
    const struct otter_image_source *source, uint32_t off,
    struct otter_image_part *out);

/* The size of the sketch at the start of the source as the core computes it
 * (protocol 2.6, getSketchSize): the end of the application image.  Errors of
 * otter_image_read_part. */
OTTER_MUST_CHECK int otter_image_size(const struct otter_image_source *source,
                                      uint32_t *size);

/* Reads both images without their data.
 * OTTER_ERR_MAGIC: the file does not begin with 0xE9.
 * OTTER_ERR_IMAGE: the boot image does not fit its sector, there is no
 * application image at 0x1000, or one of them has no segments.
 * OTTER_ERR_SHORT: the source ends before the file does.
 * Bytes behind the file (a signature) are no error. */
OTTER_MUST_CHECK int otter_image_inspect(
    const struct otter_image_source *source, struct otter_image_info *out);

/* Looks for the descriptor at the start of each segment of the application.
 * OTTER_ERR_NO_DATA: there is none.  OTTER_ERR_SYNTAX: it is malformed. */
OTTER_MUST_CHECK int otter_image_find_descriptor(
    const struct otter_image_source *source, struct otter_descriptor *out);

/* ---- Its contents ---- */

/* What the CRC words say. */
enum otter_image_crc {
    OTTER_IMAGE_CRC_ABSENT, /* in neither place the length of the file */
    OTTER_IMAGE_CRC_VALID,
    OTTER_IMAGE_CRC_STALE /* length right, CRC not */
};

/* One pass over the file in steps of the caller's choice. */
struct otter_image_check {
    /* Results, valid once a step returned 0 or OTTER_ERR_CHECKSUM. */
    uint8_t boot_stored; /* checksum bytes as they are in the file ... */
    uint8_t app_stored;
    uint8_t boot_calculated; /* ... and as they should be; where the CRC */
    uint8_t app_calculated;  /* words matter, the reading of them that fits */
    enum otter_image_crc crc;
    uint32_t crc_off;        /* where the words are, 0: nowhere */
    uint32_t crc_stored;     /* the second word; 0 without words */
    uint32_t crc_calculated; /* over the file, the words counted as zero */
    /* private */
    const struct otter_image_source *source;
    const struct otter_image_info *info;
    struct otter_image_walk walk;
    struct otter_image_segment segment;
    uint32_t off;      /* of the next byte */
    bool in_app;       /* the walk is in the application image */
    uint8_t words_xor; /* of the words' bytes, when segment data */
};

/* Starts a pass.  `source` and `info`, filled by otter_image_inspect, are
 * borrowed until it is over. */
void otter_image_check_begin(struct otter_image_check *check,
                             const struct otter_image_source *source,
                             const struct otter_image_info *info);

/* Reads the next `len` bytes into `buf` and takes them into account; `len` is
 * a multiple of 4, at least 4, and `buf` is 4-byte aligned.  Blocks for that
 * read and about 20 cycles a byte.
 * OTTER_ERR_PENDING: call again.  0: all read, both checksums are right.
 * OTTER_ERR_CHECKSUM: all read, one is wrong.  Else a read error, or
 * OTTER_ERR_IMAGE: the source changed meanwhile; the pass is over. */
OTTER_MUST_CHECK int otter_image_check_step(struct otter_image_check *check,
                                            void *buf, uint32_t len);

OTTER_END_DECLS

#endif
