/* SPDX-License-Identifier: Apache-2.0
 *
 * Firmware files: what is in them, and keeping them.  A file lies in the
 * folder `firmware` of the data folder under its SHA-256, whole or not at all:
 * it is written under another name, brought to the disk, and renamed. */
#ifndef OTTER_SERVER_STORE_FIRMWARE_H
#define OTTER_SERVER_STORE_FIRMWARE_H

#include "format/compiler.h"
#include "server/store/store.h"

#include <stddef.h>
#include <stdint.h>

#define OTTERD_FIRMWARE_MAX 0x1000000u /* bytes of a file: 16 MiB */

/* Looks at a sketch and fills size, flash_size, md5 and sha256 of `out`. A
 * raw image (protocol 2.7) must be whole, with right checksums.  gzip
 * files are taken as they are, flash_size 0: their contents are not looked
 * at. OTTER_ERR_SIZE: empty or too large.  OTTER_ERR_MAGIC and the errors
 * of otter_image_inspect and otter_image_check_step: it cannot run. */
OTTER_MUST_CHECK int otterd_firmware_inspect(const void *data, size_t size,
                                             struct otterd_firmware *out);

/* Keeps the bytes of an inspected firmware in the data folder `dir`; they are
 * on the disk when this returns 0.  OTTER_ERR_STATE: see errno. */
OTTER_MUST_CHECK int otterd_firmware_keep(const char *dir, const void *data,
                                          const struct otterd_firmware *of);

/* Opens a kept file for reading; the caller closes the descriptor.  A file
 * that is not of `size` bytes is not opened.  Negative: OTTER_ERR_STATE, or
 * OTTER_ERR_SHORT for a wrong size. */
OTTER_MUST_CHECK int otterd_firmware_open(const char *dir, const char *sha256,
                                          uint32_t size);

#endif
