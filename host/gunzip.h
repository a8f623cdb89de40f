/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpacking a gzip file in memory, at once. */
#ifndef OTTER_HOST_GUNZIP_H
#define OTTER_HOST_GUNZIP_H

#include "format/compiler.h"

#include <stdint.h>

struct otter_gunzip {
    uint8_t *data;     /* what was unpacked, from malloc, never NULL */
    uint32_t size;     /* bytes of it */
    uint32_t behind;   /* bytes of the file behind the gzip data */
    const char *wrong; /* why unpacking stopped early; NULL: it did not */
};

/* Unpacks `size` bytes at `data`.  Damaged data are no failure: what could be
 * unpacked is returned with the reason in `wrong`.  More than
 * OTTER_FIRMWARE_SIZE_MAX is not unpacked.  Returns 0 or ENOMEM. */
OTTER_MUST_CHECK int otter__gunzip(struct otter_gunzip *out,
                                   const uint8_t *data, uint32_t size);

#endif
