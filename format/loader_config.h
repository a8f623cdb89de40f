/* SPDX-License-Identifier: Apache-2.0
 *
 * Eight bytes in sector 0 that tell Otter's boot loader from the core's and
 * say where its record log lies.  They are the first bytes of the first
 * segment of the boot image, so they are at the same addr in every file:
 *
 *   addr 16   u16   version of the loader, 1 or higher
 *   addr 18   u16   magic 0x4C4F, the letters OL
 *   addr 20   u32   addr of the log's first sector, all ones: no log
 *
 * Whoever builds an image writes the addr, because only the flash map tells
 * it (otter_loader_log_addr).  The chip's ROM checks the boot image's
 * checksum, so it is renewed after that. */
#ifndef OTTER_FORMAT_LOADER_CONFIG_H
#define OTTER_FORMAT_LOADER_CONFIG_H

#include "format/compiler.h"

#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_LOADER_CONFIG_ADDR 16u /* in flash and in the file */
#define OTTER_LOADER_CONFIG_SIZE 8u  /* bytes */
#define OTTER_LOADER_VERSION     1u  /* of the loader in this tree */
#define OTTER_LOADER_MAGIC       0x4C4Fu
#define OTTER_LOADER_NO_LOG      UINT32_MAX

/* The first word, as the loader's own source holds it. */
#define OTTER_LOADER_CONFIG_WORD                                              \
    (OTTER_LOADER_MAGIC << 16 | OTTER_LOADER_VERSION)

struct otter_loader_config {
    uint32_t version; /* 1 to 65535 */
    uint32_t log;     /* addr, or OTTER_LOADER_NO_LOG */
};

/* Reads the bytes.  OTTER_ERR_LOADER: the boot image is not Otter's. */
OTTER_MUST_CHECK int otter_loader_config_decode(
    const uint8_t bytes[OTTER_LOADER_CONFIG_SIZE],
    struct otter_loader_config *out);

/* Writes the bytes. */
void otter_loader_config_encode(const struct otter_loader_config *config,
                                uint8_t bytes[OTTER_LOADER_CONFIG_SIZE]);

/* Where the log lies when the file system begins at addr `fs_start`: in the
 * two sectors below it.  OTTER_LOADER_NO_LOG when there is no room for it. */
uint32_t otter_loader_log_addr(uint32_t fs_start);

OTTER_END_DECLS

#endif
