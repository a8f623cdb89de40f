/* SPDX-License-Identifier: Apache-2.0
 *
 * The images of a life: genuine files with boot sector, application, two
 * segments and a checksum, made from a seed. */
#ifndef OTTER_TESTS_POWERCUT_IMAGE_H
#define OTTER_TESTS_POWERCUT_IMAGE_H

#include "format/boot_record.h"

#include <stdbool.h>
#include <stdint.h>

#define CUT_SECTOR      4096u
#define CUT_FILE_MAX    (100u * CUT_SECTOR)
#define CUT_IMAGES      4u
#define CUT_PACKED_MORE 4096u

/* Kinds of image. */
#define CUT_IMAGE_STOCK   0x01u /* no descriptor, the core's Updater in it */
#define CUT_IMAGE_CRASHES 0x02u /* never confirms */
#define CUT_IMAGE_PACKED  0x04u /* comes as gzip */
#define CUT_IMAGE_CORRUPT 0x08u /* the gzip does not unpack to the file */
#define CUT_IMAGE_FOREIGN 0x10u /* its descriptor names another board */

struct cut_image {
    uint32_t kind;
    uint32_t size;        /* of the file */
    uint32_t stored_size; /* of what is sent and staged */
    uint32_t crc;         /* of the application, as the record has it */
    char version[8];
    uint8_t file[CUT_FILE_MAX];
    uint8_t stored[CUT_FILE_MAX + CUT_PACKED_MORE];
};

extern struct cut_image cut_images[CUT_IMAGES];

/* Makes image `index` of `sectors`, 2 or more, boot sector included.  Some
 * sectors are the same as those of image 0.  `log` goes into the boot sector,
 * which is another in each image if the seed is even. */
void cut_image_make(uint32_t index, uint32_t kind, uint32_t sectors,
                    uint32_t log, uint32_t seed);

/* Makes image `index` of noise, whole sectors of it: no page of it is blank.
 */
void cut_image_noise(uint32_t index, uint32_t sectors, uint32_t seed);

/* What the record says of image `index` stored at `addr`; addr 0: only of the
 * file. */
struct otter_boot_image cut_image_record(uint32_t index, uint32_t addr);

#endif
