/* SPDX-License-Identifier: Apache-2.0
 *
 * A file that is to be sent, in memory, with its digest. */
#ifndef OTTER_HOST_FIRMWARE_H
#define OTTER_HOST_FIRMWARE_H

#include "format/compiler.h"
#include "host/digest.h"

#include <stdint.h>

/* Nothing that goes into a chip's flash is larger. */
#define OTTER_FIRMWARE_SIZE_MAX (32u * 1024 * 1024)

struct otter_firmware {
    uint8_t *data; /* owned; never NULL after a successful load */
    uint32_t size;
    char md5[OTTER_MD5_HEX_SIZE];
};

/* Returns 0 or an errno value: EFBIG when it is larger than the maximum. */
OTTER_MUST_CHECK int otter_firmware_load(struct otter_firmware *firmware,
                                         const char *path);

void otter_firmware_free(struct otter_firmware *firmware);

#endif
