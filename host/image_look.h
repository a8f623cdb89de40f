/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that `otter image info` finds out about a file, before it is
 * shown.  Looking goes on after a fault as far as the file allows, so that a
 * damaged file is still described. */
#ifndef OTTER_HOST_IMAGE_LOOK_H
#define OTTER_HOST_IMAGE_LOOK_H

#include "format/compiler.h"
#include "format/descriptor.h"
#include "format/image.h"
#include "host/digest.h"
#include "host/firmware.h"

#include <stdbool.h>
#include <stdint.h>

#define OTTER_LOOK_LINES 8u

/* Sentences about the file; further ones are dropped. */
struct otter_look_lines {
    uint32_t count;
    char text[OTTER_LOOK_LINES][240];
};

/* The boot image or the application. */
struct otter_look_part {
    bool present; /* there is an image header */
    bool whole;   /* all its segments lie in the file; else `part` holds the
                     header only */
    struct otter_image_part part;
    uint32_t count; /* of segments that could be read */
    struct otter_image_segment segments[OTTER_IMAGE_SEGMENTS_MAX];
};

struct otter_look {
    struct otter_firmware file; /* as it is on disk, with its MD5 */
    char sha256[OTTER_SHA256_HEX_SIZE];
    bool gzip;
    uint8_t *unpacked;                  /* owned; the image in a gzip file */
    char image_md5[OTTER_MD5_HEX_SIZE]; /* of the image: the same as */
    char image_sha256[OTTER_SHA256_HEX_SIZE]; /* the file's without gzip */
    const uint8_t *data;                      /* the image */
    uint32_t size;                            /* its bytes, with all behind */
    struct otter_look_part boot;
    struct otter_look_part app;
    bool checked; /* both images are whole, `check` is valid */
    struct otter_image_check check;
    bool has_descriptor;
    struct otter_descriptor descriptor;
    uint32_t signature;               /* bytes, 0: not signed */
    struct otter_look_lines problems; /* a device refuses it or cannot run it
                                       */
    struct otter_look_lines notes;    /* worth knowing */
};

/* Looks into the file at `path`.  Returns 0 whatever the file holds, or an
 * errno value when it cannot be read.  Release with otter__look_free. */
OTTER_MUST_CHECK int otter__look(struct otter_look *look, const char *path);

void otter__look_free(struct otter_look *look);

/* Bytes of the image by its own account, 0 when that is unknown. */
uint32_t otter__look_image_size(const struct otter_look *look);

#endif
